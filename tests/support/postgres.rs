//! A private PostgreSQL cluster on a free loopback port, in a folder of its own, never as root.

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::net::IpAddr;
use std::os::unix::fs::chown;
use std::path::PathBuf;
use std::process::Command;

use super::keeper::{self, Keeper};
use super::{checkout, port, program};

/// The password of the superuser `postgres` where `Auth::Scram` asks for one.
pub(crate) const PASSWORD: &str = "not-for-production";

/// `nobody`: unlike the package's own user it is in every passwd file, which initdb insists on.
const USER: u32 = 65_534;

/// Small segments of the write-ahead log: the template is copied for each cluster.
const INITDB: &str =
    "--username=postgres --auth=trust --encoding=UTF8 --locale=C.UTF-8 --no-sync --wal-segsize=1";

/// Nothing here is worth surviving a power cut. But commits survive `Stop::Immediate`: synchronous_commit stays on.
/// /dev/shm is small in containers and closed in some chroots: mmap needs none.
const CONFIG: &str = "
fsync = off
full_page_writes = off
max_connections = 200
timezone = 'UTC'
dynamic_shared_memory_type = mmap
";

#[derive(Default)]
pub(crate) struct Settings {
    pub(crate) auth: Auth,
    /// An address beside 127.0.0.1, such as `Docker::gateway`; always with a password.
    pub(crate) also_on: Option<IpAddr>,
    /// Lines for postgresql.conf.
    pub(crate) config: &'static str,
    /// Made by `initdb` itself: copies of the template have one system identifier.
    pub(crate) own_identity: bool,
}

/// How clients on loopback prove who they are.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Auth {
    #[default]
    Trust,
    Scram,
}

#[derive(Clone, Copy)]
pub(crate) enum Stop {
    /// Sessions are ended, then a checkpoint is written.
    Fast,
    /// As a crash: the next start recovers.
    Immediate,
}

pub(crate) struct Postgres {
    keeper: Keeper,
    bin: PathBuf,
    port: u16,
    /// Shell code that starts `pg_ctl` on our data.
    control: String,
}

/// A database of one test.
pub(crate) struct Database<'a> {
    server: &'a Postgres,
    pub(crate) name: String,
}

impl Postgres {
    pub(crate) fn start(settings: &Settings) -> Result<Postgres, String> {
        let bin = bin()?;
        let quoted = keeper::quote(&bin);
        let root = rustix::process::geteuid().is_root();
        let user = match root {
            true => format!("setpriv --reuid={USER} --regid={USER} --clear-groups -- "),
            false => String::new(),
        };
        let control = format!("{user}{quoted}/pg_ctl -D data -w -t 60 -s");
        let keeper = Keeper::new(&format!("{control} -m immediate stop 2>/dev/null"));
        if root {
            chown(keeper.folder(), Some(USER), Some(USER)).expect("root may give a folder away");
        }
        let initdb = format!("{user}{quoted}/initdb {INITDB}");
        match settings.own_identity {
            true => keeper.run(&format!("{initdb} -D data"))?,
            false => copy_template(&keeper, &initdb)?,
        }
        let postgres = Postgres {
            keeper,
            bin,
            port: port::free(),
            control,
        };
        postgres.configure(settings);
        postgres.launch()?;
        postgres.sql(
            "postgres",
            &format!("ALTER ROLE postgres PASSWORD '{PASSWORD}'"),
        );
        Ok(postgres)
    }

    fn configure(&self, settings: &Settings) {
        let also = settings
            .also_on
            .map(|address| format!(",{address}"))
            .unwrap_or_default();
        let (port, own) = (self.port, settings.config);
        let folder = self.keeper.folder();
        let text = format!(
            "{CONFIG}port = {port}\nlisten_addresses = '127.0.0.1{also}'\n\
             unix_socket_directories = '{}'\n{own}\n",
            folder.display(),
        );
        let data = folder.join("data");
        let file = OpenOptions::new()
            .append(true)
            .open(data.join("postgresql.conf"));
        let written = file.and_then(|mut file| file.write_all(text.as_bytes()));
        written.expect("initdb made postgresql.conf");
        let loopback = match settings.auth {
            Auth::Trust => "trust",
            Auth::Scram => "scram-sha-256",
        };
        let rules = format!(
            "local all all trust\nlocal replication all trust\n\
             host all all 127.0.0.1/32 {loopback}\nhost all all 0.0.0.0/0 scram-sha-256\n"
        );
        fs::write(data.join("pg_hba.conf"), rules).expect("initdb made pg_hba.conf");
    }

    fn launch(&self) -> Result<(), String> {
        self.keeper.run(&format!(
            "{} -l log start || {{ cat log; false; }}",
            self.control
        ))
    }

    /// Stops the server; `start_again` has the same port and data.
    pub(crate) fn stop(&self, how: Stop) {
        let mode = match how {
            Stop::Fast => "fast",
            Stop::Immediate => "immediate",
        };
        let stopped = self.keeper.run(&format!("{} -m {mode} stop", self.control));
        stopped.unwrap_or_else(|error| panic!("the server runs and stops: {error}"));
    }

    pub(crate) fn start_again(&self) {
        self.launch()
            .unwrap_or_else(|error| panic!("the server starts again: {error}"));
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// Returns the superuser's URL, without the password.
    pub(crate) fn url(&self, database: &str) -> String {
        format!("postgres://postgres@127.0.0.1:{}/{database}", self.port)
    }

    /// Returns what `psql -XAt` prints; panics with the server's error. It comes by the socket, without a password.
    #[track_caller]
    pub(crate) fn sql(&self, database: &str, text: &str) -> String {
        match self.psql(database, text) {
            Ok(printed) => printed,
            Err(error) => panic!("{error}: {text}"),
        }
    }

    fn psql(&self, database: &str, text: &str) -> Result<String, String> {
        let output = Command::new(self.bin.join("psql"))
            .env_clear() // PGSERVICE and its like change where it connects
            .args([
                "-XAtq",
                "--set=ON_ERROR_STOP=1",
                "--username=postgres",
                "--host",
            ])
            .arg(self.keeper.folder())
            .args([
                "--port",
                &self.port.to_string(),
                "--dbname",
                database,
                "--command",
                text,
            ])
            .output()
            .map_err(|error| format!("psql did not start: {error}"))?;
        let read = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim_end().to_string();
        match output.status.success() {
            true => Ok(read(&output.stdout)),
            false => Err(read(&output.stderr)),
        }
    }

    /// What the server has logged so far.
    pub(crate) fn log(&self) -> String {
        fs::read_to_string(self.keeper.folder().join("log")).expect("the server writes its log")
    }

    /// Schema and data of a database as `pg_dump` writes them.
    pub(crate) fn dump(&self, database: &str) -> String {
        let output = Command::new(self.bin.join("pg_dump"))
            .env_clear()
            .args(["--username=postgres", "--port", &self.port.to_string()])
            .arg("--host")
            .arg(self.keeper.folder())
            .arg(database)
            .output()
            .expect("pg_dump is beside initdb");
        let (text, error) = (output.stdout, output.stderr);
        assert!(
            output.status.success(),
            "{}",
            String::from_utf8_lossy(&error)
        );
        // Newer ones put a word of chance around the whole.
        let text = String::from_utf8_lossy(&text);
        let lines = text.lines().filter(|line| !line.contains("restrict "));
        lines.map(|line| format!("{line}\n")).collect()
    }

    /// Makes an empty database. Its name is the test's own, so that outputs are the same in every run.
    #[track_caller]
    pub(crate) fn fresh_database(&self, name: &str) -> Database<'_> {
        self.sql(
            "postgres",
            &format!("CREATE DATABASE \"{name}\" TEMPLATE template0"),
        );
        Database {
            server: self,
            name: name.to_string(),
        }
    }
}

impl Database<'_> {
    pub(crate) fn url(&self) -> String {
        self.server.url(&self.name)
    }

    #[track_caller]
    pub(crate) fn sql(&self, text: &str) -> String {
        self.server.sql(&self.name, text)
    }
}

/// The newest of Debian's versions; elsewhere the one in the PATH.
fn bin() -> Result<PathBuf, String> {
    let versions = fs::read_dir("/usr/lib/postgresql")
        .into_iter()
        .flatten()
        .flatten();
    let newest = versions
        .map(|entry| entry.path().join("bin"))
        .filter(|bin| bin.join("initdb").is_file() && bin.join("psql").is_file())
        .max_by_key(|bin| {
            let version = bin.parent().and_then(|folder| folder.file_name());
            version.and_then(|version| version.to_str()?.parse::<u32>().ok())
        });
    match newest {
        Some(bin) => Ok(bin),
        None => program::find("initdb").map(|initdb| initdb.with_file_name("")),
    }
}

/// Copies a cluster that `initdb` made earlier, which is faster than `initdb` itself.
fn copy_template(keeper: &Keeper, initdb: &str) -> Result<(), String> {
    let template = checkout::cache().join(format!("postgres-{}", checkout::hash(initdb)));
    let from = keeper::quote(&template);
    if !template.exists() {
        keeper.run(&format!("{initdb} -D data"))?;
        // Under another name until it is whole. Where another process was first, its template serves as well.
        let part = checkout::hash(keeper.folder());
        let part = keeper::quote(template.with_added_extension(part));
        return keeper.run(&format!(
            "cp -a data {part}; mv -nT {part} {from}; rm -rf {part}"
        ));
    }
    keeper.run(&format!("cp -a {from} data"))
}
