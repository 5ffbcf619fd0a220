//! A private PostgreSQL on a free loopback port. A shell at the end of a pipe removes it, however this process ends.

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio, id};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

const CONFIG: &str = "
listen_addresses = '127.0.0.1'
fsync = off
full_page_writes = off
max_connections = 100
timezone = 'UTC'
log_min_messages = warning
";

/// One server with a folder of its own.
pub(crate) struct Server {
    folder: PathBuf,
    pub(crate) port: u16,
    bin: PathBuf,
    /// Cleans up when its standard input ends, which it does with this process.
    keeper: Child,
}

static SHARED: OnceLock<Server> = OnceLock::new();
static NEXT: AtomicU32 = AtomicU32::new(0);

/// The server for tests that do not harm it.
pub(crate) fn shared() -> &'static Server {
    SHARED.get_or_init(|| Server::start(""))
}

impl Server {
    /// Makes a cluster and starts it; `more` goes to postgresql.conf.
    pub(crate) fn start(more: &str) -> Self {
        let server = Self::prepare();
        server.as_postgres(
            "initdb",
            &[
                "--username=postgres",
                "--auth=trust",
                "--encoding=UTF8",
                "--locale=C.UTF-8",
                "--no-sync",
                "--wal-segsize=1",
                "-D",
                "data",
            ],
        );
        server.configure(more);
        server.start_again();
        server
    }

    /// A streaming replica of this server.
    pub(crate) fn replica(&self) -> Self {
        let replica = Self::prepare();
        let port = self.port.to_string();
        replica.as_postgres(
            "pg_basebackup",
            &[
                "-h",
                "127.0.0.1",
                "-p",
                &port,
                "-U",
                "postgres",
                "-D",
                "data",
                "-R",
                "--checkpoint=fast",
            ],
        );
        replica.configure("");
        replica.start_again();
        replica
    }

    fn prepare() -> Self {
        let n = NEXT.fetch_add(1, Ordering::SeqCst);
        let folder = std::env::temp_dir().join(format!("pb-stdlib-pg-{}-{n}", id()));
        fs::create_dir(&folder).expect("the temporary directory can be written");
        if is_root() {
            let owned = Command::new("chown").arg("postgres:").arg(&folder).status();
            assert!(
                owned.is_ok_and(|s| s.success()),
                "root gives the folder to postgres"
            );
        }
        let bin = bin();
        let stop = format!("{}pg_ctl", bin.join("").display());
        let line = format!(
            "cat >/dev/null; {}{stop} -D data -m immediate -s stop >/dev/null 2>&1; \
             cd / && rm -rf '{}'",
            as_user().join(" ") + " ",
            folder.display()
        );
        let keeper = Command::new("sh")
            .args(["-c", &line])
            .current_dir(&folder)
            .stdin(Stdio::piped())
            .spawn()
            .expect("a shell starts");
        let free = TcpListener::bind("127.0.0.1:0").expect("a port is free");
        let port = free.local_addr().expect("it is bound").port();
        Self {
            folder,
            port,
            bin,
            keeper,
        }
    }

    fn configure(&self, more: &str) {
        let text = format!(
            "{CONFIG}port = {}\nunix_socket_directories = '{}'\n{more}\n",
            self.port,
            self.folder.display()
        );
        self.append("postgresql.conf", &text);
    }

    /// Adds to a file of the data directory.
    pub(crate) fn append(&self, file: &str, text: &str) {
        let opened = OpenOptions::new()
            .append(true)
            .open(self.folder.join("data").join(file));
        let written = opened.and_then(|mut file| file.write_all(text.as_bytes()));
        written.expect("initdb made the file");
    }

    /// Puts lines before all others of pg_hba.conf.
    pub(crate) fn admit(&self, lines: &str) {
        let file = self.folder.join("data/pg_hba.conf");
        let text = fs::read_to_string(&file).expect("initdb made the file");
        fs::write(&file, format!("{lines}\n{text}")).expect("we may write it");
        self.psql("postgres", "SELECT pg_reload_conf()");
    }

    /// Puts a file beside the data, readable for the server alone.
    pub(crate) fn key_file(&self, name: &str, text: &[u8]) {
        let file = self.folder.join("data").join(name);
        fs::write(&file, text).expect("we may write it");
        let run = |program: &str, args: &[&str]| {
            let done = Command::new(program).args(args).arg(&file).status();
            assert!(done.is_ok_and(|s| s.success()), "{program}");
        };
        run("chmod", &["600"]);
        if is_root() {
            run("chown", &["postgres:"]);
        }
    }

    pub(crate) fn start_again(&self) {
        self.as_postgres(
            "pg_ctl",
            &["-D", "data", "-w", "-t", "60", "-s", "-l", "log", "start"],
        );
    }

    /// As an operator does it.
    pub(crate) fn stop(&self) {
        self.as_postgres("pg_ctl", &["-D", "data", "-w", "-s", "-m", "fast", "stop"]);
    }

    /// As a machine that loses its power: nobody is told, and nothing is finished.
    pub(crate) fn stop_at_once(&self) {
        self.as_postgres(
            "pg_ctl",
            &["-D", "data", "-w", "-s", "-m", "immediate", "stop"],
        );
    }

    /// As the kernel out of memory does it.
    pub(crate) fn kill(&self) {
        let file = self.folder.join("data/postmaster.pid");
        let text = fs::read_to_string(&file).expect("it runs");
        let pid = text.lines().next().expect("a line");
        let killed = Command::new("sh")
            .args(["-c", &format!("kill -9 {pid}")])
            .status();
        assert!(killed.is_ok_and(|s| s.success()), "the server ran");
        // Where nobody collects the dead, the next start would take it for alive.
        let lock = self.folder.join(format!(".s.PGSQL.{}.lock", self.port));
        for file in [file, lock] {
            fs::remove_file(file).expect("it was there");
        }
    }

    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    pub(crate) fn url(&self, database: &str) -> String {
        format!("postgres://postgres@127.0.0.1:{}/{database}", self.port)
    }

    /// What `psql -XAt` prints.
    pub(crate) fn psql(&self, database: &str, text: &str) -> String {
        let output = self
            .psql_command(database)
            .args(["-c", text])
            .output()
            .expect("psql starts");
        let error = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{text}: {error}");
        String::from_utf8_lossy(&output.stdout)
            .trim_end()
            .to_owned()
    }

    /// A psql that a test may keep open.
    pub(crate) fn psql_command(&self, database: &str) -> Command {
        let mut psql = Command::new(self.bin.join("psql"));
        psql.env_clear()
            .args([
                "-XAtq",
                "-v",
                "ON_ERROR_STOP=1",
                "-U",
                "postgres",
                "-d",
                database,
            ])
            .args(["-h", "127.0.0.1", "-p", &self.port.to_string()]);
        psql
    }

    /// An empty database.
    pub(crate) fn database(&self, name: &str) -> Database<'_> {
        self.psql(
            "postgres",
            &format!("CREATE DATABASE \"{name}\" TEMPLATE template0"),
        );
        Database {
            server: self,
            name: name.to_owned(),
        }
    }

    fn as_postgres(&self, program: &str, args: &[&str]) {
        let mut words = as_user();
        words.push(self.bin.join(program).display().to_string());
        let output = Command::new(&words[0])
            .args(&words[1..])
            .args(args)
            .current_dir(&self.folder)
            .stdin(Stdio::null())
            .output()
            .expect("it starts");
        let error = String::from_utf8_lossy(&output.stderr);
        let log = fs::read_to_string(self.folder.join("log")).unwrap_or_default();
        assert!(output.status.success(), "{program}: {error}{log}");
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.keeper.stdin.take());
        drop(self.keeper.wait());
    }
}

/// A database of one test.
pub(crate) struct Database<'a> {
    pub(crate) server: &'a Server,
    pub(crate) name: String,
}

impl Database<'_> {
    pub(crate) fn url(&self) -> String {
        self.server.url(&self.name)
    }

    pub(crate) fn psql(&self, text: &str) -> String {
        self.server.psql(&self.name, text)
    }
}

fn is_root() -> bool {
    let output = Command::new("id").arg("-u").output().expect("id starts");
    output.stdout.starts_with(b"0\n")
}

/// PostgreSQL does not run as root.
fn as_user() -> Vec<String> {
    let words = [
        "setpriv",
        "--reuid=postgres",
        "--regid=postgres",
        "--clear-groups",
        "--",
    ];
    match is_root() {
        true => words.map(Into::into).to_vec(),
        false => vec!["env".into()],
    }
}

/// The newest of Debian's versions, or what `pg_config` says.
fn bin() -> PathBuf {
    let versions = fs::read_dir("/usr/lib/postgresql")
        .into_iter()
        .flatten()
        .flatten();
    let newest = versions
        .filter_map(|entry| {
            let version: u32 = entry.file_name().to_str()?.parse().ok()?;
            Some((version, entry.path().join("bin")))
                .filter(|(_, bin)| bin.join("initdb").is_file())
        })
        .max();
    if let Some((_, bin)) = newest {
        return bin;
    }
    let output = Command::new("pg_config").arg("--bindir").output();
    let output =
        output.expect("PostgreSQL's server programs are installed: apt install postgresql");
    PathBuf::from(String::from_utf8_lossy(&output.stdout).trim())
}
