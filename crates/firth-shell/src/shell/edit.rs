//! `.edit`: a text in the user's own editor.

use std::{
    env, fs,
    io::{self, Write as _},
    os::unix::fs::OpenOptionsExt as _,
    path::Path,
    process::Command,
};

use firth_diagnostic::{Code, Diagnostic, Result};

/// Lets the user edit a text. Answers it as it was left.
///
/// It stands in a file in the home folder meanwhile, for this user alone, since it may hold a secret.
pub(super) fn edit(home: &Path, text: &str) -> Result<String> {
    let editor = ["VISUAL", "EDITOR"]
        .iter()
        .find_map(|name| env::var(name).ok().filter(|value| !value.trim().is_empty()))
        .unwrap_or_else(|| "vi".to_owned());
    let path = home.join(format!("edit-{}.sql", std::process::id()));
    let failed = |error: &io::Error| {
        Diagnostic::error(Code::Io, format!("could not edit {:?}", path.display().to_string()))
            .detail(error.to_string())
    };
    let written = fs::OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(&path)
        .and_then(|mut file| file.write_all(text.as_bytes()));
    written.map_err(|error| failed(&error))?;
    // As a shell has it: EDITOR may hold arguments.
    let status =
        Command::new("sh").arg("-c").arg(format!("{editor} \"$1\"")).arg("firth").arg(&path).status();
    let edited = fs::read_to_string(&path);
    let _ = fs::remove_file(&path);
    match status {
        Ok(status) if status.success() => edited.map_err(|error| failed(&error)),
        Ok(_) => Err(Diagnostic::error(
            Code::Cancelled,
            format!("the editor `{editor}` failed, so nothing was run"),
        )
        .hint("Set EDITOR to the one you like.")),
        Err(error) => Err(failed(&error)),
    }
}
