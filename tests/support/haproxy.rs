//! A private HAProxy on a free loopback port, with a runtime socket and the backend `web`.

use std::fs;
use std::io::{Read, Write};
use std::net::SocketAddr;
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::time::Duration;

use super::keeper::{self, Keeper};
use super::{port, program, wait};

/// What a reader of HAProxy's introduction writes: nothing here hides a failed request.
const CONFIG: &str = "\
global
    stats socket FOLDER/admin.sock mode 600 level admin
defaults
    mode http
    timeout connect 1s
    timeout client 30s
    timeout server 30s
    option redispatch
frontend web
    bind 127.0.0.1:PORT
    default_backend web
backend web
    balance roundrobin
    option httpchk
    http-check send meth GET uri /health/ ver HTTP/1.1 hdr Host localhost
    default-server check
    server-template slot 8 127.0.0.1:8000 disabled
";

pub(crate) struct Haproxy {
    keeper: Keeper,
    port: u16,
    start: String,
}

/// A row of `show stat`.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Server {
    pub(crate) name: String,
    pub(crate) address: String,
    /// `UP`, `DOWN`, `MAINT`, `DRAIN` …; without the count of checks in `UP 1/3`.
    pub(crate) status: String,
    pub(crate) sessions: u32,
}

impl Haproxy {
    pub(crate) fn start() -> Result<Haproxy, String> {
        let program = keeper::quote(program::find("haproxy")?);
        let keeper = Keeper::new("kill -KILL $haproxy 2>/dev/null");
        let port = port::free();
        let config = CONFIG
            .replace("PORT", &port.to_string())
            .replace("FOLDER", &keeper.folder().display().to_string());
        fs::write(keeper.folder().join("haproxy.cfg"), config)
            .expect("our own folder can be written");
        let start = format!("{program} -db -f haproxy.cfg >log 2>&1 & haproxy=$!");
        let haproxy = Haproxy {
            keeper,
            port,
            start,
        };
        haproxy.launch()?;
        Ok(haproxy)
    }

    /// Stops it and starts it again: what was set at runtime is forgotten, as after a reload.
    pub(crate) fn restart(&self) {
        self.keeper
            .run("kill -KILL $haproxy; wait $haproxy; true")
            .expect("it runs");
        self.launch().unwrap_or_else(|error| panic!("{error}"));
    }

    fn launch(&self) -> Result<(), String> {
        self.keeper.run(&self.start)?;
        let ready = || {
            self.ask("show info")
                .ok()
                .filter(|answer| !answer.is_empty())
        };
        wait::until("haproxy's answer", Duration::from_secs(10), ready).map_err(|late| {
            let log = fs::read_to_string(self.keeper.folder().join("log")).unwrap_or_default();
            format!("{late}: {}", log.trim_end())
        })?;
        Ok(())
    }

    pub(crate) fn address(&self) -> SocketAddr {
        SocketAddr::from(([127, 0, 0, 1], self.port))
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address())
    }

    pub(crate) fn socket(&self) -> PathBuf {
        self.keeper.folder().join("admin.sock")
    }

    /// Sends one command of the runtime API. Its answer has no status code, only words.
    pub(crate) fn command(&self, text: &str) -> String {
        self.ask(text).expect("haproxy runs")
    }

    fn ask(&self, text: &str) -> std::io::Result<String> {
        let mut socket = UnixStream::connect(self.socket())?;
        writeln!(socket, "{text}")?;
        let mut answer = String::new();
        socket.read_to_string(&mut answer)?;
        Ok(answer.trim_end().to_string())
    }

    /// Every slot of the backend, in order.
    pub(crate) fn servers(&self) -> Vec<Server> {
        let table = self.command("show stat");
        let mut rows = table
            .lines()
            .map(|line| line.split(',').collect::<Vec<_>>());
        let head = rows.next().expect("the first line names the columns");
        let column = |name: &str| {
            let at = head
                .iter()
                .position(|column| column.trim_start_matches("# ") == name);
            at.unwrap_or_else(|| panic!("show stat has no column `{name}`"))
        };
        let (proxy, server) = (column("pxname"), column("svname"));
        let (address, status, sessions) = (column("addr"), column("status"), column("scur"));
        rows.filter(|row| row[proxy] == "web" && row[server].starts_with("slot"))
            .map(|row| Server {
                name: row[server].to_string(),
                address: row[address].to_string(),
                status: row[status]
                    .split(' ')
                    .next()
                    .unwrap_or_default()
                    .to_string(),
                sessions: row[sessions].parse().expect("scur is a number"),
            })
            .collect()
    }
}
