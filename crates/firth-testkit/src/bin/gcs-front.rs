//! `gcs-front PORT UPSTREAM_PORT`: a front for a fake-gcs-server, both on 127.0.0.1.

use std::error::Error;
use std::net::Ipv4Addr;

use tokio::net::TcpListener;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let [port, upstream] = words.as_slice() else { return Err("usage: gcs-front PORT UPSTREAM_PORT".into()) };
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port.parse()?)).await?;
    match firth_testkit::gcs_front::serve(listener, format!("127.0.0.1:{}", upstream.parse::<u16>()?)).await? {}
}
