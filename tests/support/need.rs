//! What a test needs from the machine. Where it is not there the test is skipped, and never in silence.
//!
//! `let Some(docker) = need::docker() else { return };` A skipped test counts as passed for cargo, so the skipped ones are
//! listed on stderr when the process ends, and `PB_REQUIRE=docker,postgres,haproxy` makes them fail instead.

use std::env;
use std::io::Write;
use std::process::Command;
use std::sync::{LazyLock, OnceLock};
use std::thread;

use super::docker::Docker;
use super::haproxy::Haproxy;
use super::keeper::{self, Keeper};
use super::postgres::{Postgres, Settings};
use super::program;

/// Returns the engine, shared by the tests of this process.
pub(crate) fn docker() -> Option<&'static Docker> {
    static DOCKER: OnceLock<Result<Docker, String>> = OnceLock::new();
    have(
        "docker",
        DOCKER.get_or_init(|| Docker::reach("test")).as_ref(),
    )
}

/// Returns a cluster shared by the tests of this process; `fresh_database` keeps them apart.
pub(crate) fn postgres() -> Option<&'static Postgres> {
    static POSTGRES: OnceLock<Result<Postgres, String>> = OnceLock::new();
    have(
        "postgres",
        POSTGRES
            .get_or_init(|| Postgres::start(&Settings::default()))
            .as_ref(),
    )
}

/// Returns a cluster for one test, which may stop it or set it up otherwise.
pub(crate) fn own_postgres(settings: &Settings) -> Option<Postgres> {
    have("postgres", Postgres::start(settings))
}

pub(crate) fn haproxy() -> Option<Haproxy> {
    have("haproxy", Haproxy::start())
}

/// Returns the beginning of a command that may mount what nobody else sees.
pub(crate) fn mounts() -> Option<Mounts> {
    let tried = Mounts.command().arg("true").output();
    let tried = tried.map_err(|error| error.to_string());
    have(
        "mounts",
        tried.and_then(|output| match output.status.success() {
            true => Ok(Mounts),
            false => Err(String::from_utf8_lossy(&output.stderr).trim().to_owned()),
        }),
    )
}

/// See `mounts`.
pub(crate) struct Mounts;

impl Mounts {
    pub(crate) fn command(&self) -> Command {
        let mut command = program::bound("unshare");
        command.args(["--map-root-user", "--mount", "--"]);
        command
    }
}

fn have<T, E: std::fmt::Display>(name: &str, found: Result<T, E>) -> Option<T> {
    let why = match found {
        Ok(found) => return Some(found),
        Err(why) => why,
    };
    let required = env::var("PB_REQUIRE").unwrap_or_default();
    let required = required.split(',').any(|required| required.trim() == name);
    assert!(
        !required,
        "{name} is not there, and PB_REQUIRE wants it: {why}"
    );
    skip(name, &why.to_string());
    None
}

fn skip(name: &str, why: &str) {
    const REPORT: &str = "{ echo; echo \"SKIPPED: $(wc -l <skipped) tests, for want of\"; cat why; \
                          sort -u skipped; } >&2";
    static SKIPPED: LazyLock<Keeper> = LazyLock::new(|| Keeper::new(REPORT));
    let test = thread::current().name().unwrap_or("a test").to_string();
    let line = keeper::quote(format!("  {test} ({name})"));
    let why = keeper::quote(format!("  {name}: {}", why.replace('\n', " ")));
    SKIPPED
        .run(&format!(
            "grep -qxF {why} why || echo {why} >>why; echo {line} >>skipped"
        ))
        .expect("our own folder can be written");
}

/// Says something that libtest's capture of passed tests would swallow.
pub(crate) fn say(text: &str) {
    let _ = writeln!(std::io::stderr(), "{text}");
}
