//! A web server of one test: the path begins with the status that it answers, such as `/503/health`; `/never/x` has no
//! answer.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::mpsc::{self, Receiver, Sender};
use std::sync::{Arc, Mutex};
use std::thread;

/// Serves as long as the test's process lives.
pub(crate) struct Answers {
    port: u16,
    /// Paths in the order in which they were asked for.
    pub(crate) asked: Receiver<String>,
    /// Paths and bodies, in the same order.
    pub(crate) heard: Arc<Mutex<Vec<(String, String)>>>,
}

impl Answers {
    pub(crate) fn start() -> Answers {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let (sender, asked) = mpsc::channel();
        let heard = Arc::new(Mutex::new(vec![]));
        let hearing = heard.clone();
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (sender, heard) = (sender.clone(), hearing.clone());
                thread::spawn(move || answer(&stream, &sender, &heard));
            }
        });
        Answers { port, asked, heard }
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}{path}", self.port)
    }
}

/// One request per connection; `None` when it was no request.
fn answer(
    mut stream: &TcpStream,
    asked: &Sender<String>,
    heard: &Mutex<Vec<(String, String)>>,
) -> Option<()> {
    let mut lines = BufReader::new(stream);
    let mut first = String::new();
    lines.read_line(&mut first).ok()?;
    let path = first.split(' ').nth(1)?.to_owned();
    let mut length = 0;
    loop {
        let mut line = String::new();
        lines.read_line(&mut line).ok()?;
        let line = line.trim_end().to_lowercase();
        if line.is_empty() {
            break;
        }
        if let Some(value) = line.strip_prefix("content-length:") {
            length = value.trim().parse().ok()?;
        }
    }
    let mut body = String::new();
    lines.take(length).read_to_string(&mut body).ok()?;
    heard.lock().unwrap().push((path.clone(), body));
    // The test may have heard enough.
    drop(asked.send(path.clone()));
    let status = path.split('/').nth(1)?;
    if status == "never" {
        loop {
            thread::park();
        }
    }
    write!(
        stream,
        "HTTP/1.1 {status} x\r\nContent-Length: 4\r\nConnection: close\r\n\r\nbody"
    )
    .ok()
}
