//! Files into buckets.

use std::io;
use std::path::Path as FilePath;
use std::sync::Arc;

use object_store::ObjectStore;
use object_store::buffered::BufWriter;
use object_store::path::Path;
use tokio::io::AsyncWriteExt;

/// Uploads the files of `folder`, without those in folders below it, under `prefix`. Returns their number.
///
/// Large files go in parts, so that none is held in memory as a whole.
pub async fn upload(store: Arc<dyn ObjectStore>, folder: &FilePath, prefix: &str) -> io::Result<usize> {
    let mut entries = tokio::fs::read_dir(folder).await?;
    let mut count = 0;
    while let Some(entry) = entries.next_entry().await? {
        if !entry.file_type().await?.is_file() {
            continue;
        }
        let name = entry.file_name().to_string_lossy().into_owned();
        let mut file = tokio::fs::File::open(entry.path()).await?;
        let mut writer = BufWriter::new(Arc::clone(&store), Path::from(prefix).join(name.as_str()));
        tokio::io::copy(&mut file, &mut writer).await?;
        writer.shutdown().await?;
        count += 1;
    }
    Ok(count)
}
