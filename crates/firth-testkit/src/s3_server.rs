//! An S3 server in this process, over a folder: where there is no other, and for the demo.
//!
//! It is `s3s` over `s3s-fs`: real S3 protocol and real signatures, files below. What it lacks against
//! the service: a conditional put looks first and writes then, so of two writers at the same instant
//! both may win; there are no versions; keys `a` and `a/b` cannot both exist. The tests' S3 is SeaweedFS.

use std::convert::Infallible;
use std::io;
use std::net::Ipv4Addr;
use std::path::Path;

use hyper_util::rt::TokioIo;
use s3s::auth::SimpleAuth;
use s3s::service::{S3Service, S3ServiceBuilder};
use s3s_fs::FileSystem;
use tokio::net::TcpListener;
use tokio::task::{JoinHandle, JoinSet};

/// A running S3 server. It ends when this is dropped, and leaves its files.
#[derive(Debug)]
pub struct S3Server {
    /// `http://127.0.0.1:PORT`, for path-style requests.
    pub endpoint: String,
    accepting: JoinHandle<()>,
}

impl S3Server {
    /// Serves `root` on a free port of 127.0.0.1 to whoever has the key. Each folder in `root` is a bucket.
    pub async fn start(root: &Path, access_key: &str, secret_key: &str) -> io::Result<S3Server> {
        Self::start_on(0, root, access_key, secret_key).await
    }

    /// As [`S3Server::start`], on that port.
    pub async fn start_on(
        port: u16,
        root: &Path,
        access_key: &str,
        secret_key: &str,
    ) -> io::Result<S3Server> {
        tokio::fs::create_dir_all(root).await?;
        let files = FileSystem::new(root).map_err(|error| io::Error::other(format!("{error:?}")))?;
        let mut builder = S3ServiceBuilder::new(files);
        builder.set_auth(SimpleAuth::from_single(access_key, secret_key));
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await?;
        let endpoint = format!("http://{}", listener.local_addr()?);
        let service = builder.build();
        let accepting = tokio::spawn(async move {
            // Without a listener there is nothing to serve: clients see that nobody answers.
            let _ = accept(listener, service).await;
        });
        Ok(S3Server { endpoint, accepting })
    }

    /// Runs until the server ends, which by itself it never does.
    pub async fn wait(mut self) {
        // A task that was aborted has ended, too.
        let _ = (&mut self.accepting).await;
    }
}

impl Drop for S3Server {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

async fn accept(listener: TcpListener, service: S3Service) -> io::Result<Infallible> {
    // Connections end with the set, and the set with this future.
    let mut connections = JoinSet::new();
    loop {
        let (socket, _) = listener.accept().await?;
        socket.set_nodelay(true)?;
        let service = service.clone();
        connections.spawn(async move {
            // A client that hangs up is nobody's error.
            let _ = hyper::server::conn::http1::Builder::new()
                .serve_connection(TokioIo::new(socket), service)
                .await;
        });
        while connections.try_join_next().is_some() {}
    }
}
