//! A port behind which servers can be exchanged.

use std::io::copy;
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicU16, Ordering::SeqCst};
use std::thread;

/// Lasts as long as the test's process.
pub(super) struct Front {
    pub(super) port: u16,
    behind: Arc<AtomicU16>,
}

impl Front {
    pub(super) fn of(port: u16) -> Front {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let front = Front {
            port: listener.local_addr().unwrap().port(),
            behind: Arc::new(AtomicU16::new(port)),
        };
        let behind = front.behind.clone();
        thread::spawn(move || {
            for client in listener.incoming().flatten() {
                if let Ok(server) = TcpStream::connect(("127.0.0.1", behind.load(SeqCst))) {
                    pass(&client, &server);
                    pass(&server, &client);
                }
            }
        });
        front
    }

    /// From now on that one is asked.
    pub(super) fn put(&self, port: u16) {
        self.behind.store(port, SeqCst);
    }
}

fn pass(from: &TcpStream, to: &TcpStream) {
    let (mut from, mut to) = (from.try_clone().unwrap(), to.try_clone().unwrap());
    thread::spawn(move || {
        let _ = copy(&mut from, &mut to);
        let _ = to.shutdown(Shutdown::Write);
    });
}
