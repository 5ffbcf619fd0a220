//! A server that answers each connection with whatever a test makes of it, byte by byte.

use std::future::Future;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

/// Ends with the test.
pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    heard: Arc<Mutex<Vec<String>>>,
    written: Arc<AtomicU32>,
    task: JoinHandle<()>,
}

/// One connection.
pub(crate) struct Connection {
    pub(crate) stream: TcpStream,
    /// Ordinal of the connection, from 0.
    pub(crate) n: u32,
    heard: Arc<Mutex<Vec<String>>>,
    written: Arc<AtomicU32>,
}

impl Server {
    pub(crate) async fn start<F>(answer: impl Fn(Connection) -> F + Send + 'static) -> Self
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("it is bound");
        let heard = Arc::new(Mutex::new(vec![]));
        let written = Arc::new(AtomicU32::new(0));
        let (to, count) = (heard.clone(), written.clone());
        let task = tokio::spawn(async move {
            for n in 0.. {
                let Ok((stream, _)) = listener.accept().await else {
                    return;
                };
                let (heard, written) = (to.clone(), count.clone());
                tokio::spawn(answer(Connection {
                    stream,
                    n,
                    heard,
                    written,
                }));
            }
        });
        Self {
            address,
            heard,
            written,
            task,
        }
    }

    /// Answers every request with these bytes and closes.
    pub(crate) async fn saying(bytes: impl Into<Vec<u8>>) -> Self {
        let bytes = bytes.into();
        Self::start(move |mut connection| {
            let bytes = bytes.clone();
            async move {
                connection.request().await;
                connection.write(&bytes).await;
            }
        })
        .await
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// The requests that came, as text.
    pub(crate) fn heard(&self) -> Vec<String> {
        self.heard.lock().expect("no panic").clone()
    }

    /// So many bytes of answers were taken by the system.
    pub(crate) fn written(&self) -> u32 {
        self.written.load(Ordering::SeqCst)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Connection {
    /// Reads one request, with its body.
    pub(crate) async fn request(&mut self) -> String {
        let request = request(&mut self.stream).await;
        self.heard.lock().expect("no panic").push(request.clone());
        request
    }

    /// Writes; whether the other side still listened.
    pub(crate) async fn write(&mut self, bytes: &[u8]) -> bool {
        let ok = self.stream.write_all(bytes).await.is_ok();
        if ok {
            self.written.fetch_add(bytes.len() as u32, Ordering::SeqCst);
        }
        ok
    }

    /// Gives the connection up with a reset.
    pub(crate) fn reset(self) {
        self.stream.set_zero_linger().expect("a socket option");
    }
}

/// Reads one request, with its body.
pub(crate) async fn request(stream: &mut (impl AsyncRead + Unpin)) -> String {
    let mut request = vec![];
    let mut buffer = [0; 4096];
    loop {
        let text = String::from_utf8_lossy(&request);
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let lower = head.to_ascii_lowercase();
            let length = lower.split_once("content-length: ").map_or(0, |(_, rest)| {
                let line = rest.lines().next().unwrap_or_default();
                line.trim().parse().unwrap_or(0)
            });
            if body.len() >= length {
                return text.into_owned();
            }
        }
        match stream.read(&mut buffer).await {
            Ok(n @ 1..) => request.extend_from_slice(&buffer[..n]),
            _ => return String::from_utf8_lossy(&request).into_owned(),
        }
    }
}

/// The URL of a port at which nothing listens.
pub(crate) async fn closed_port() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    format!("http://{}/", listener.local_addr().expect("it is bound"))
}

/// An answer with a body of known length.
pub(crate) fn answer(status: &str, headers: &str, body: &str) -> Vec<u8> {
    let length = body.len();
    format!(
        "HTTP/1.1 {status}\r\n{headers}content-length: {length}\r\nconnection: close\r\n\r\n{body}"
    )
    .into()
}
