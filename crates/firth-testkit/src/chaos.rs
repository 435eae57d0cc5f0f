//! A proxy in front of an HTTP server that does what networks and overloaded stores do.
//!
//! What happens to a request is decided by the request and by how often it was asked before, so that a
//! test has the same faults in every run. For readers: bodies of requests are not passed on.

use std::{
    collections::HashMap,
    io,
    net::Ipv4Addr,
    sync::{Arc, Mutex, PoisonError},
};

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    task::{JoinHandle, JoinSet},
};

/// What happens to one request.
#[derive(Clone, Copy, Debug)]
pub enum Fault {
    /// Nothing: the server's answer.
    Pass,
    /// This answer: the status with its phrase, headers with their line ends, and the body.
    Answer(&'static str, &'static str, &'static str),
    /// The connection ends once so many bytes of the answer's body are out.
    HangUp(usize),
    /// The same, by a reset.
    Reset(usize),
    /// Only so many bytes of the body, and `Content-Length` says that these are all.
    CutShort(usize),
    /// The body comes in pieces of so many bytes.
    Drip(usize),
    /// No answer, for as long as the client waits.
    Hang,
}

/// A request as the proxy saw it.
#[derive(Debug)]
pub struct Asked {
    /// The first line.
    pub line: String,
    /// How often this target was asked for before, whatever range of it.
    pub before: usize,
}

impl Asked {
    /// Whether the line has these words.
    pub fn has(&self, words: &str) -> bool {
        self.line.contains(words)
    }
}

type Decide = dyn Fn(&Asked) -> Fault + Send + Sync;

/// What happens, and what was asked since that was decided.
struct State {
    decide: Box<Decide>,
    asked: HashMap<String, usize>,
}

/// A running proxy. It ends when this is dropped.
pub struct Chaos {
    /// `http://127.0.0.1:PORT`.
    pub endpoint: String,
    state: Arc<Mutex<State>>,
    accepting: JoinHandle<()>,
}

impl Chaos {
    /// A proxy in front of `server`, which is `http://HOST:PORT`. Nothing goes wrong yet.
    pub async fn start(server: &str) -> io::Result<Chaos> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let endpoint = format!("http://{}", listener.local_addr()?);
        let server = server.trim_start_matches("http://").to_owned();
        let state = Arc::new(Mutex::new(State { decide: Box::new(|_| Fault::Pass), asked: HashMap::new() }));
        let shared = Arc::clone(&state);
        let accepting = tokio::spawn(async move {
            // Connections end with the set, and the set with this task.
            let mut connections = JoinSet::new();
            while let Ok((client, _)) = listener.accept().await {
                let (server, state) = (server.clone(), Arc::clone(&shared));
                connections.spawn(async move {
                    // A client that hangs up is nobody's error.
                    let _ = serve(client, &server, &state).await;
                });
                while connections.try_join_next().is_some() {}
            }
        });
        Ok(Chaos { endpoint, state, accepting })
    }

    /// From now on this happens, and requests are counted anew.
    pub fn decide(&self, decide: impl Fn(&Asked) -> Fault + Send + Sync + 'static) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        *state = State { decide: Box::new(decide), asked: HashMap::new() };
    }

    /// How many requests came whose first line has these words.
    pub fn requests(&self, words: &str) -> usize {
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.asked.iter().filter(|(line, _)| line.contains(words)).map(|(_, times)| times).sum()
    }
}

impl Drop for Chaos {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

/// One request and its answer; then the connection ends.
async fn serve(mut client: TcpStream, server: &str, state: &Mutex<State>) -> io::Result<()> {
    let Some((head, _)) = read_head(&mut client).await? else { return Ok(()) };
    let line = head.lines().next().unwrap_or_default().to_owned();
    let fault = {
        let mut state = state.lock().unwrap_or_else(PoisonError::into_inner);
        let times = state.asked.entry(line.clone()).or_default();
        *times += 1;
        let before = *times - 1;
        (state.decide)(&Asked { line, before })
    };
    match fault {
        Fault::Hang => {
            // Ends when the client does.
            let mut nothing = [0; 64];
            while client.read(&mut nothing).await? > 0 {}
            return Ok(());
        }
        Fault::Answer(status, headers, body) => {
            let answer = format!(
                "HTTP/1.1 {status}\r\n{headers}Content-Length: {}\r\nConnection: close\r\n\r\n{body}",
                body.len()
            );
            client.write_all(answer.as_bytes()).await?;
            return client.shutdown().await;
        }
        Fault::Pass | Fault::HangUp(_) | Fault::Reset(_) | Fault::CutShort(_) | Fault::Drip(_) => {}
    }
    let mut upstream = TcpStream::connect(server).await?;
    upstream.write_all(with_header(&head, "Connection", "close").as_bytes()).await?;
    let Some((head, mut body)) = read_head(&mut upstream).await? else { return Ok(()) };
    upstream.read_to_end(&mut body).await?;
    let head = match fault {
        Fault::CutShort(at) if at < body.len() => with_header(&head, "Content-Length", &at.to_string()),
        _ => head,
    };
    client.write_all(head.as_bytes()).await?;
    match fault {
        Fault::HangUp(at) | Fault::CutShort(at) => client.write_all(&body[..at.min(body.len())]).await?,
        Fault::Reset(at) => {
            client.write_all(&body[..at.min(body.len())]).await?;
            client.set_zero_linger()?;
            return Ok(());
        }
        Fault::Drip(piece) => {
            for piece in body.chunks(piece.max(1)) {
                client.write_all(piece).await?;
                client.flush().await?;
                tokio::task::yield_now().await;
            }
        }
        Fault::Pass | Fault::Hang | Fault::Answer(..) => client.write_all(&body).await?,
    }
    client.shutdown().await
}

/// Everything up to the empty line, and what came after it; `None` if the connection ended before.
async fn read_head(stream: &mut TcpStream) -> io::Result<Option<(String, Vec<u8>)>> {
    let mut read = Vec::new();
    loop {
        if let Some(at) = read.windows(4).position(|four| four == b"\r\n\r\n") {
            let body = read.split_off(at + 4);
            return Ok(Some((String::from_utf8_lossy(&read).into_owned(), body)));
        }
        if stream.read_buf(&mut read).await? == 0 {
            return Ok(None);
        }
    }
}

/// `head` with this value for a header, whatever it had.
fn with_header(head: &str, name: &str, value: &str) -> String {
    let is_it = |line: &str| line.split_once(':').is_some_and(|(key, _)| key.eq_ignore_ascii_case(name));
    let kept = head.split("\r\n").filter(|line| !line.is_empty() && !is_it(line));
    let lines: Vec<&str> = kept.collect();
    format!("{}\r\n{name}: {value}\r\n\r\n", lines.join("\r\n"))
}
