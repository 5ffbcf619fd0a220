//! The web service that tests and the demo deploy. `rustc` alone builds it into one static binary: no crates.
//!
//! The environment sets how it behaves: `PORT` (8000) · `VERSION` and `IMAGE`, told by /version and /health/ ·
//! `READY_AFTER_MS`: 503 until then · `LATE_BIND=1`: listen only then · `FAIL_HEALTH=1`: never healthy ·
//! `EXIT_AFTER_MS`: exit 3 · `DRAIN_MS`: the longest that SIGTERM waits for requests in flight, for ever when left
//! out · `IGNORE_TERM=1`: only SIGKILL ends it.
//! `web probe` asks /health/ on `PORT` and exits 0 when it is 200: a HEALTHCHECK for images without a shell.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::fd::AsRawFd;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};
use std::time::{Duration, Instant};
use std::{env, process, thread};

static DRAINING: AtomicBool = AtomicBool::new(false);
static IN_FLIGHT: AtomicUsize = AtomicUsize::new(0);

struct Config {
    version: String,
    image: String,
    host: String,
    /// Whether a database is set, never which one: its URL holds a password.
    database: &'static str,
    ready_at: Instant,
    fail_health: bool,
}

fn main() {
    let port = env::var("PORT").map_or(8000, |port| port.parse().expect("PORT is a port number"));
    if env::args().nth(1).as_deref() == Some("probe") {
        process::exit(i32::from(!probe(port)));
    }
    let ready_after = millis("READY_AFTER_MS").unwrap_or_default();
    let text = |name| env::var(name).unwrap_or_else(|_| "unset".into());
    let config: &'static Config = Box::leak(Box::new(Config {
        version: text("VERSION"),
        image: text("IMAGE"),
        host: text("HOSTNAME"),
        database: if env::var_os("DATABASE_URL").is_some() {
            "configured"
        } else {
            "none"
        },
        ready_at: Instant::now() + ready_after,
        fail_health: flag("FAIL_HEALTH"),
    }));
    // Before the first thread, so that all inherit it. As PID 1 an unhandled SIGTERM would be lost.
    let signals = signal::block();
    if let Some(life) = millis("EXIT_AFTER_MS") {
        thread::spawn(move || {
            thread::sleep(life);
            eprintln!("exiting as EXIT_AFTER_MS says");
            process::exit(3);
        });
    }
    if flag("LATE_BIND") {
        thread::sleep(ready_after);
    }
    let listener = TcpListener::bind(("0.0.0.0", port)).expect("PORT is free");
    let listening = listener.as_raw_fd();
    eprintln!("{} listening on {port}", config.version);
    thread::spawn(move || {
        while let Ok((stream, _)) = listener.accept() {
            thread::spawn(move || serve(stream, config));
        }
        thread::park(); // keeps the descriptor open: the main thread shuts it down by its number
    });

    signals.wait();
    while flag("IGNORE_TERM") {
        signals.wait();
    }
    eprintln!("{} draining", config.version);
    DRAINING.store(true, SeqCst);
    signal::stop_listening(listening);
    let began = Instant::now();
    let most = millis("DRAIN_MS").unwrap_or(Duration::MAX);
    while IN_FLIGHT.load(SeqCst) > 0 && began.elapsed() < most {
        thread::sleep(Duration::from_millis(2));
    }
    eprintln!(
        "{} stopped, {} requests cut",
        config.version,
        IN_FLIGHT.load(SeqCst)
    );
}

/// Answers the requests of one connection until the client closes it or the drain begins.
fn serve(mut stream: TcpStream, config: &Config) {
    let _ = stream.set_nodelay(true);
    let mut chunk = [0; 4096];
    loop {
        let mut head = Vec::new();
        while !head.windows(4).any(|window| window == b"\r\n\r\n") {
            match stream.read(&mut chunk) {
                Ok(0) | Err(_) => return,
                Ok(read) => head.extend_from_slice(&chunk[..read]),
            }
        }
        IN_FLIGHT.fetch_add(1, SeqCst);
        let head = String::from_utf8_lossy(&head).to_ascii_lowercase();
        let (status, kind, body) = answer(head.split(' ').nth(1).unwrap_or("/"), config);
        let close = DRAINING.load(SeqCst) || head.contains("connection: close");
        let sent = write!(
            stream,
            "HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {}\r\nX-Version: {}\r\n\
             X-Host: {}\r\nConnection: {}\r\n\r\n{body}",
            body.len(),
            config.version,
            config.host,
            if close { "close" } else { "keep-alive" },
        );
        IN_FLIGHT.fetch_sub(1, SeqCst);
        if close || sent.is_err() {
            return;
        }
    }
}

/// Returns status, content type and body.
fn answer(path: &str, config: &Config) -> (&'static str, &'static str, String) {
    const OK: &str = "200 OK";
    const UNAVAILABLE: &str = "503 Service Unavailable";
    let starting = Instant::now() < config.ready_at;
    match path.split_once('?').unwrap_or((path, "")) {
        ("/health/", _) => {
            let (code, status) = match () {
                () if starting => (UNAVAILABLE, "starting"),
                () if config.fail_health => (UNAVAILABLE, "failing"),
                () if DRAINING.load(SeqCst) => (UNAVAILABLE, "draining"),
                () => (OK, "ok"),
            };
            (code, "application/json", health(status, config))
        }
        _ if starting => (UNAVAILABLE, "text/plain", "starting\n".into()),
        ("/slow", query) => {
            let ms = query
                .strip_prefix("ms=")
                .and_then(|ms| ms.parse().ok())
                .unwrap_or(0);
            thread::sleep(Duration::from_millis(ms));
            (OK, "text/plain", format!("{}\n", config.version))
        }
        ("/" | "/version", _) => (OK, "text/plain", format!("{}\n", config.version)),
        _ => ("404 Not Found", "text/plain", "not found\n".into()),
    }
}

/// The texts come from an image's own ENV, not from requests: they need no escapes.
fn health(status: &str, config: &Config) -> String {
    let Config {
        version,
        image,
        database,
        ..
    } = config;
    format!(
        "{{\"status\":\"{status}\",\"version\":\"{version}\",\"image\":\"{image}\",\
         \"database\":\"{database}\"}}\n"
    )
}

fn probe(port: u16) -> bool {
    let Ok(mut stream) = TcpStream::connect(("127.0.0.1", port)) else {
        return false;
    };
    let _ = stream.set_read_timeout(Some(Duration::from_secs(2)));
    let mut answer = String::new();
    let asked = b"GET /health/ HTTP/1.1\r\nHost: probe\r\nConnection: close\r\n\r\n";
    stream.write_all(asked).is_ok()
        && stream.read_to_string(&mut answer).is_ok()
        && answer.starts_with("HTTP/1.1 200")
}

fn millis(name: &str) -> Option<Duration> {
    let value = env::var(name).ok()?;
    Some(Duration::from_millis(
        value
            .parse()
            .unwrap_or_else(|_| panic!("{name} is a number")),
    ))
}

fn flag(name: &str) -> bool {
    env::var(name).is_ok_and(|value| value == "1")
}

/// The four calls that std lacks.
mod signal {
    use std::ffi::c_int;
    use std::ptr;

    /// `sigset_t` of Linux: 1024 bits in glibc and musl.
    #[repr(C)]
    pub struct Signals([u64; 16]);

    const SIG_BLOCK: c_int = 0;
    const SIGINT: u32 = 2;
    const SIGTERM: u32 = 15;
    const SHUT_RDWR: c_int = 2;

    unsafe extern "C" {
        fn pthread_sigmask(how: c_int, set: *const Signals, old: *mut Signals) -> c_int;
        fn sigwait(set: *const Signals, signal: *mut c_int) -> c_int;
        fn shutdown(socket: c_int, how: c_int) -> c_int;
    }

    /// Blocks SIGINT and SIGTERM in this thread and those that it starts.
    pub fn block() -> Signals {
        let mut set = Signals([0; 16]);
        set.0[0] = 1 << (SIGINT - 1) | 1 << (SIGTERM - 1);
        // SAFETY: the set is a valid `sigset_t`; a null `old` is allowed.
        unsafe { pthread_sigmask(SIG_BLOCK, &set, ptr::null_mut()) };
        set
    }

    impl Signals {
        /// Returns when one of them has come.
        pub fn wait(&self) {
            let mut signal = 0;
            // SAFETY: both pointers are valid for the call.
            unsafe { sigwait(self, &mut signal) };
        }
    }

    /// New connections are refused from here on.
    pub fn stop_listening(socket: c_int) {
        // SAFETY: the descriptor is open for the life of the process.
        unsafe { shutdown(socket, SHUT_RDWR) };
    }
}
