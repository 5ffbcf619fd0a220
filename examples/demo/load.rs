//! Load while something is deployed: `load HOST:PORT [--rate N] [--seconds N] [--long MS] [--requests FILE]`.
//! `rustc` alone builds it: no crates.
//!
//! Of the 20 workers half keep their connection, half open one per request. One request in ten is `/slow?ms=100`, one
//! in two hundred `/slow?ms=MS` with `--long`, the others `/version`.
//!
//! Kinds: `ok`, `http_503` and the like, `refused`, `reset`, `empty` (closed before the answer was whole), `timeout`.
//! A kept connection that closes without a byte of answer is opened once more, as HTTP clients do: `ok2`, told apart
//! because HAProxy counts on it where a kept server connection breaks.
//!
//! SIGINT, SIGTERM, `--seconds` and FILE.stop end it, requests in flight first. One line of JSON on stdout sums up. FILE
//! gets a line per request: milliseconds since 1970 when it began, kind, version that answered, microseconds,
//! `keep` or `new`.

use std::collections::BTreeMap;
use std::io::{BufWriter, Error, ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::sync::mpsc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};
use std::{env, fs, process, thread};

const USAGE: &str = "usage: load HOST:PORT [--rate N] [--seconds N] [--long MS] [--requests FILE]";
const WORKERS: u32 = 20;
const TIMEOUT: Duration = Duration::from_secs(5);
/// How often a worker that waits for its turn looks whether it is to stop.
const LOOK: Duration = Duration::from_millis(20);

static STOP: AtomicBool = AtomicBool::new(false);

struct Options {
    address: SocketAddr,
    rate: u32,
    seconds: Option<u64>,
    long: Option<u32>,
    requests: Option<PathBuf>,
}

struct Request {
    began: u128,
    kind: String,
    version: String,
    micros: u128,
    keep: bool,
}

fn main() {
    let options = options(env::args().skip(1)).unwrap_or_else(|| {
        eprintln!("{USAGE}");
        process::exit(2);
    });
    signal::stop_on_term();
    let (done, requests) = mpsc::channel();
    for worker in 0..WORKERS {
        let (address, rate, long, done) =
            (options.address, options.rate, options.long, done.clone());
        thread::spawn(move || work(worker, address, rate, long, &done));
    }
    drop(done);
    let stop_file = options
        .requests
        .as_ref()
        .map(|file| file.with_added_extension("stop"));
    let end = options
        .seconds
        .map(|seconds| Instant::now() + Duration::from_secs(seconds));
    let mut file = options.requests.map(|file| {
        BufWriter::new(fs::File::create(file).expect("the file of requests can be written"))
    });
    let mut summary = Summary::default();
    loop {
        match requests.recv_timeout(LOOK) {
            Ok(request) => {
                if let Some(file) = &mut file {
                    writeln!(file, "{request}").expect("the file of requests can be written");
                }
                summary.add(&request);
            }
            Err(mpsc::RecvTimeoutError::Timeout) => {}
            Err(mpsc::RecvTimeoutError::Disconnected) => break,
        }
        if end.is_some_and(|end| Instant::now() > end)
            || stop_file.as_ref().is_some_and(|file| file.exists())
        {
            STOP.store(true, SeqCst);
        }
    }
    drop(file);
    println!("{}", summary.json());
}

fn options(mut arguments: impl Iterator<Item = String>) -> Option<Options> {
    let address = arguments.next()?.parse().ok()?;
    let mut options = Options {
        address,
        rate: 400,
        seconds: None,
        long: None,
        requests: None,
    };
    while let Some(name) = arguments.next() {
        let value = arguments.next()?;
        match name.as_str() {
            "--rate" => options.rate = value.parse().ok().filter(|rate| *rate > 0)?,
            "--seconds" => options.seconds = Some(value.parse().ok()?),
            "--long" => options.long = Some(value.parse().ok()?),
            "--requests" => options.requests = Some(value.into()),
            _ => return None,
        }
    }
    Some(options)
}

/// Sends this worker's share of the rate, one request after the other, until it is to stop.
fn work(
    worker: u32,
    address: SocketAddr,
    rate: u32,
    long: Option<u32>,
    done: &mpsc::Sender<Request>,
) {
    let every = Duration::from_secs(1) * WORKERS / rate;
    let keep = worker.is_multiple_of(2);
    let mut kept = None;
    let mut next = Instant::now() + every * worker / WORKERS;
    for count in worker * 10.. {
        while !STOP.load(SeqCst) && Instant::now() < next {
            thread::sleep(next.saturating_duration_since(Instant::now()).min(LOOK));
        }
        if STOP.load(SeqCst) {
            return;
        }
        next = (next + every).max(Instant::now());
        let path = match (count % 200, long) {
            (100, Some(ms)) => format!("/slow?ms={ms}"),
            (turn, _) if turn % 10 == 0 => "/slow?ms=100".into(),
            _ => "/version".into(),
        };
        let epoch = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .expect("it is after 1970");
        let began = Instant::now();
        let (kind, version) = request(address, &path, keep, &mut kept);
        let micros = began.elapsed().as_micros();
        let _ = done.send(Request {
            began: epoch.as_millis(),
            kind,
            version,
            micros,
            keep,
        });
    }
}

/// Returns what came of one request and the version that answered, `-` for none.
fn request(
    address: SocketAddr,
    path: &str,
    keep: bool,
    kept: &mut Option<TcpStream>,
) -> (String, String) {
    let reused = kept.is_some();
    let first = kept.take().map_or_else(|| connect(address), Ok);
    let mut result = first.and_then(|stream| exchange(stream, path, keep));
    let again = reused
        && result
            .as_ref()
            .is_err_and(|e| e.kind() == ErrorKind::ConnectionAborted);
    if again {
        result = connect(address).and_then(|stream| exchange(stream, path, keep));
    }
    match result {
        Ok((status, version, stream)) => {
            *kept = stream;
            let kind = match (status.as_str(), again) {
                ("200", false) => "ok".into(),
                ("200", true) => "ok2".into(),
                _ => format!("http_{status}"),
            };
            (kind, version)
        }
        Err(error) => (kind(&error).into(), "-".into()),
    }
}

fn connect(address: SocketAddr) -> Result<TcpStream, Error> {
    let stream = TcpStream::connect_timeout(&address, TIMEOUT)?;
    stream.set_read_timeout(Some(TIMEOUT))?;
    stream.set_nodelay(true)?;
    Ok(stream)
}

/// Status, version, and the connection if it can be used again.
type Answer = (String, String, Option<TcpStream>);

/// `ConnectionAborted`: closed before the first byte of the answer. `UnexpectedEof`: closed within it.
fn exchange(mut stream: TcpStream, path: &str, keep: bool) -> Result<Answer, Error> {
    let connection = if keep { "keep-alive" } else { "close" };
    let text = format!("GET {path} HTTP/1.1\r\nHost: load\r\nConnection: {connection}\r\n\r\n");
    let closed = |_| Error::from(ErrorKind::ConnectionAborted);
    stream.write_all(text.as_bytes()).map_err(closed)?;
    let (mut seen, mut chunk) = (Vec::new(), [0; 4096]);
    loop {
        let read = match stream.read(&mut chunk) {
            Err(e) if seen.is_empty() && e.kind() == ErrorKind::ConnectionReset => {
                return Err(closed(e));
            }
            other => other?,
        };
        match read {
            0 if seen.is_empty() => return Err(ErrorKind::ConnectionAborted.into()),
            0 => return Err(ErrorKind::UnexpectedEof.into()),
            _ => seen.extend_from_slice(&chunk[..read]),
        }
        let text = String::from_utf8_lossy(&seen);
        let Some((head, body)) = text.split_once("\r\n\r\n") else {
            continue;
        };
        let head = head.to_ascii_lowercase();
        let field = |name: &str| {
            head.lines()
                .find_map(|l| l.strip_prefix(name))
                .map(str::trim)
        };
        let length: usize = field("content-length:")
            .and_then(|l| l.parse().ok())
            .unwrap_or(0);
        if body.len() < length {
            continue;
        }
        let status = head.split(' ').nth(1).unwrap_or("?").to_string();
        let version = field("x-version:").unwrap_or("-").to_string();
        let reusable = keep && field("connection:") != Some("close");
        return Ok((status, version, reusable.then_some(stream)));
    }
}

fn kind(error: &Error) -> &'static str {
    match error.kind() {
        ErrorKind::ConnectionRefused => "refused",
        ErrorKind::ConnectionReset | ErrorKind::BrokenPipe => "reset",
        ErrorKind::ConnectionAborted | ErrorKind::UnexpectedEof => "empty",
        ErrorKind::WouldBlock | ErrorKind::TimedOut => "timeout",
        _ => "other",
    }
}

impl std::fmt::Display for Request {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Request {
            began,
            kind,
            version,
            micros,
            keep,
        } = self;
        write!(
            f,
            "{began} {kind} {version} {micros} {}",
            if *keep { "keep" } else { "new" }
        )
    }
}

#[derive(Default)]
struct Summary {
    kinds: BTreeMap<String, u64>,
    versions: BTreeMap<String, u64>,
    micros: Vec<u128>,
}

impl Summary {
    fn add(&mut self, request: &Request) {
        *self.kinds.entry(request.kind.clone()).or_default() += 1;
        *self.versions.entry(request.version.clone()).or_default() += 1;
        self.micros.push(request.micros);
    }

    fn json(mut self) -> String {
        self.micros.sort_unstable();
        let total = self.micros.len();
        let of = |kind: &str| self.kinds.get(kind).copied().unwrap_or(0);
        let second_try = of("ok2");
        let failed = total as u64 - of("ok") - second_try;
        let ms = |share: f64| {
            let at = (total.saturating_sub(1) as f64 * share).round() as usize;
            self.micros
                .get(at)
                .map_or(0.0, |micros| *micros as f64 / 1000.0)
        };
        let (p50, p99, max) = (ms(0.5), ms(0.99), ms(1.0));
        let (kinds, versions) = (object(&self.kinds), object(&self.versions));
        format!(
            "{{\"total\":{total},\"failed\":{failed},\"second_try\":{second_try},\"kinds\":{kinds},\
             \"p50_ms\":{p50},\"p99_ms\":{p99},\"max_ms\":{max},\"versions\":{versions}}}"
        )
    }
}

/// `{:?}` escapes as JSON does for what a status line or a version holds.
fn object(counts: &BTreeMap<String, u64>) -> String {
    let fields: Vec<_> = counts
        .iter()
        .map(|(name, count)| format!("{name:?}:{count}"))
        .collect();
    format!("{{{}}}", fields.join(","))
}

/// The one call that std lacks.
mod signal {
    use std::ffi::c_int;
    use std::sync::atomic::Ordering::SeqCst;

    unsafe extern "C" {
        fn signal(signal: c_int, handler: extern "C" fn(c_int)) -> usize;
    }

    extern "C" fn stop(_: c_int) {
        super::STOP.store(true, SeqCst);
    }

    pub fn stop_on_term() {
        for number in [2, 15] {
            // SAFETY: the handler only stores to an atomic, which signal handlers may do.
            unsafe { signal(number, stop) };
        }
    }
}
