//! Free loopback ports for servers that cannot be handed a socket.

use std::net::TcpListener;
use std::process;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};

/// Below the range that the kernel takes for outgoing connections (from 32768): one of those could take a port
/// between our look and the server's bind.
const FIRST: u32 = 15_000;
const COUNT: u32 = 17_000;

static NEXT: AtomicU32 = AtomicU32::new(0);

/// Returns a port that nobody listens on; never the same one twice in a process.
pub(crate) fn free() -> u16 {
    // Processes that start together begin at different places.
    let start = process::id().wrapping_mul(97);
    (0..COUNT)
        .map(|_| FIRST + start.wrapping_add(NEXT.fetch_add(1, Relaxed)) % COUNT)
        .map(|port| u16::try_from(port).expect("the range ends below 32768"))
        .find(|port| TcpListener::bind(("127.0.0.1", *port)).is_ok())
        .expect("one of 17,000 ports is free")
}
