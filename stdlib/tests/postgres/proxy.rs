//! A way to a server that is cut at a word.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// What becomes of the message that holds the word.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Cut {
    /// The server gets it; its answer is lost.
    After,
    /// The server never gets it.
    Before,
}

/// Passes everything on until the word comes by, then hangs up; once.
pub(crate) async fn cut_at(server: u16, word: &'static str, cut: Cut) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0")
        .await
        .expect("a port is free");
    let port = listener.local_addr().expect("bound").port();
    let armed = Arc::new(AtomicBool::new(true));
    tokio::spawn(async move {
        while let Ok((client, _)) = listener.accept().await {
            tokio::spawn(pass(client, server, word, cut, armed.clone()));
        }
    });
    port
}

async fn pass(client: TcpStream, server: u16, word: &str, cut: Cut, armed: Arc<AtomicBool>) {
    let Ok(server) = TcpStream::connect(("127.0.0.1", server)).await else {
        return;
    };
    let ((mut from_client, mut to_client), (mut from_server, mut to_server)) =
        (client.into_split(), server.into_split());
    let answers = tokio::spawn(async move {
        drop(tokio::io::copy(&mut from_server, &mut to_client).await);
    });
    let mut buffer = vec![0; 1 << 16];
    while let Ok(n @ 1..) = from_client.read(&mut buffer).await {
        let holds = buffer[..n]
            .windows(word.len())
            .any(|part| part == word.as_bytes());
        if holds && armed.swap(false, Ordering::SeqCst) {
            answers.abort();
            if cut == Cut::After {
                drop(to_server.write_all(&buffer[..n]).await);
                // The server reads what came before the end of the stream.
                drop(to_server.shutdown().await);
            }
            return;
        }
        if to_server.write_all(&buffer[..n]).await.is_err() {
            return;
        }
    }
}
