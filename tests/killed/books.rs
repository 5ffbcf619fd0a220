//! A web server that keeps books: which work it was given, how often, and under which key.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex};
use std::thread;

/// Serves as long as the test's process lives.
pub(super) struct Books {
    pub(super) port: u16,
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    kept: Mutex<Kept>,
    changed: Condvar,
}

#[derive(Default)]
struct Kept {
    /// Connections that were accepted and are not closed.
    open: usize,
    /// Accepted ever.
    accepted: usize,
    done: BTreeMap<String, usize>,
    keys: BTreeMap<String, String>,
}

impl Books {
    pub(super) fn open() -> Books {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let shared = Arc::new(Shared::default());
        let serving = shared.clone();
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let mut kept = serving.kept.lock().unwrap();
                kept.open += 1;
                kept.accepted += 1;
                let shared = serving.clone();
                thread::spawn(move || {
                    // A client that was killed in the middle of its request asked for nothing.
                    let _ = answer(&stream, &shared);
                    shared.kept.lock().unwrap().open -= 1;
                    shared.changed.notify_all();
                });
            }
        });
        Books { port, shared }
    }

    pub(super) fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// Begins a new book.
    pub(super) fn clear(&self) {
        let mut kept = self.shared.kept.lock().unwrap();
        kept.done.clear();
        kept.keys.clear();
    }

    /// How often each thing was done, by all who are dead by now: what they had sent was read to its end.
    pub(super) fn done(&self) -> BTreeMap<String, usize> {
        let mut kept = self.shared.kept.lock().unwrap();
        // Connections are accepted in their order: when this one was, all before it were.
        let before = kept.accepted;
        let last = TcpStream::connect(("127.0.0.1", self.port)).unwrap();
        while kept.accepted == before {
            drop(kept);
            thread::yield_now();
            kept = self.shared.kept.lock().unwrap();
        }
        drop(last);
        while kept.open > 0 {
            kept = self.shared.changed.wait(kept).unwrap();
        }
        kept.done.clone()
    }
}

/// Answers the one request of a connection; `None` when there was none.
fn answer(mut stream: &TcpStream, shared: &Shared) -> Option<()> {
    let mut lines = BufReader::new(stream);
    let mut line = String::new();
    lines.read_line(&mut line).ok()?;
    let path = line.split(' ').nth(1)?.to_owned();
    let (mut length, mut key) = (0, None);
    loop {
        let mut line = String::new();
        lines.read_line(&mut line).ok().filter(|read| *read > 0)?;
        let line = line.trim_end();
        let Some((name, value)) = line.split_once(": ") else {
            break;
        };
        match name.to_ascii_lowercase().as_str() {
            "content-length" => length = value.parse().ok()?,
            "idempotency-key" => key = Some(value.to_owned()),
            _ => {}
        }
    }
    let mut body = vec![0; length];
    lines.read_exact(&mut body).ok()?;
    let body = String::from_utf8(body).ok()?;
    let mut kept = shared.kept.lock().unwrap();
    let what = format!("{path} {body}");
    // With a key that was used before there is nothing to do, unless it was for something else.
    let again = key.is_some_and(|key| kept.keys.insert(key, what.clone()).as_ref() == Some(&what));
    if path != "/well" && !again {
        *kept.done.entry(what).or_default() += 1;
    }
    drop(kept);
    write!(
        stream,
        "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok"
    )
    .ok()
}
