//! `make demo`: a web tier of two containers behind HAProxy is rolled to a new image, again, and to a broken one,
//! while requests are served and counted. Every server is private to the demo and gone when it ends.
//!
//! `demo [--swaps N] [--rate N]`: N swaps back and forth under one load; N requests per second.

#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "what a demo shows is what it is for"
)]

#[path = "../tests/support/mod.rs"]
mod support;

use std::net::SocketAddr;
use std::process::{ExitCode, Stdio};
use std::time::{Duration, Instant};
use std::{env, fs, thread};

use support::docker::Docker;
use support::haproxy::Haproxy;
use support::image::Image;
use support::load::{Load, Summary};
use support::pb::Pb;
use support::postgres::{Auth, Postgres, Settings};
use support::{checkout, http, leave};

const USAGE: &str = "usage: demo [--swaps N] [--rate N]";
const PLAYBOOK: &str = "rolling.rhai";
const PASSWORD: &str = "demo-only";
/// One request in two hundred takes this long: whoever stops a container without draining it cuts some.
const LONG: Duration = Duration::from_millis(1500);
/// What breaks late is counted as well.
const AFTERMATH: Duration = Duration::from_secs(1);

struct Options {
    swaps: u32,
    rate: u32,
}

/// Everything around `pb`, and `pb` in a project of its own.
struct Tier {
    pb: Pb,
    docker: Docker,
    haproxy: Haproxy,
    postgres: Postgres,
}

/// One line of the table at the end.
struct Row {
    what: String,
    took: Duration,
    load: Option<Summary>,
}

fn main() -> ExitCode {
    let Some(options) = options(env::args().skip(1)) else {
        eprintln!("{USAGE}");
        return ExitCode::from(2);
    };
    leave::on_signals();
    match Tier::start().and_then(|tier| show(&tier, &options)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("demo: {error}");
            ExitCode::FAILURE
        }
    }
}

fn show(tier: &Tier, options: &Options) -> Result<(), String> {
    let [one, two, broken] =
        ["1.0", "2.0", "broken"].map(|tag| Image::web(tag).import(&tier.docker));
    let under_load = |what: &str, run: &dyn Fn() -> Result<Duration, String>| {
        let load = Load::start(tier.haproxy.address(), options.rate, Some(LONG));
        let took = run()?;
        thread::sleep(AFTERMATH);
        Ok::<_, String>(Row {
            what: what.into(),
            took,
            load: Some(load.stop()),
        })
    };

    tier.add_migrations("0001");
    let took = tier.deploy(&one, 0)?;
    let mut rows = vec![Row {
        what: "1.0 comes up".into(),
        took,
        load: None,
    }];

    tier.add_migrations("0003");
    rows.push(under_load("1.0 to 2.0", &|| tier.deploy(&two, 0))?);
    rows.push(under_load("2.0 again", &|| tier.deploy(&two, 0))?);
    if options.swaps > 0 {
        let swaps = || {
            (0..options.swaps)
                .map(|n| tier.deploy([&one, &two][n as usize % 2], 0))
                .sum()
        };
        rows.push(under_load(&format!("{} swaps", options.swaps), &swaps)?);
    }

    let before = tier.serving()?;
    tier.add_migrations("0004");
    rows.push(under_load("broken, undone", &|| tier.deploy(&broken, 1))?);
    let after = tier.serving()?;
    if after != before || tier.has_column("note") {
        return Err(format!(
            "the failed run left a mark: {before} served, now {after}"
        ));
    }
    print(&rows)
}

impl Tier {
    fn start() -> Result<Tier, String> {
        let began = Instant::now();
        let docker = Docker::reach("demo")?;
        let haproxy = Haproxy::start()?;
        let settings = Settings {
            auth: Auth::Scram,
            ..Settings::default()
        };
        let postgres = Postgres::start(&settings)?;
        postgres.sql(
            "postgres",
            &format!("CREATE ROLE shop LOGIN PASSWORD '{PASSWORD}'"),
        );
        postgres.sql("postgres", "CREATE DATABASE shop OWNER shop");
        let pb = project(&docker, &haproxy, &postgres);
        println!(
            "PostgreSQL on port {}, HAProxy on {}, ready after {:.1} s",
            postgres.port(),
            haproxy.url(),
            began.elapsed().as_secs_f32(),
        );
        Ok(Tier {
            pb,
            docker,
            haproxy,
            postgres,
        })
    }

    /// A release brings its migrations along: those up to `last` are in the project from here on.
    fn add_migrations(&self, last: &str) {
        let folder = checkout::root().join("examples/demo/migrations");
        for entry in fs::read_dir(folder).expect("the demo has migrations") {
            let entry = entry.expect("the folder can be read");
            let name = entry.file_name().into_string().expect("names are plain");
            if &name[..last.len()] <= last {
                let to = self.pb.folder().join("migrations").join(name);
                fs::copy(entry.path(), to).expect("the project can be written");
            }
        }
    }

    /// Runs the playbook on our terminal; the error says how it ended otherwise than with `code`.
    fn deploy(&self, image: &str, code: i32) -> Result<Duration, String> {
        println!("\n$ pb run {PLAYBOOK} --image {image}");
        let began = Instant::now();
        let mut run = self.pb.with(["run", PLAYBOOK, "--image", image]).command();
        let status = run.stdin(Stdio::null()).status();
        let status = status.map_err(|error| format!("pb did not start: {error}"))?;
        let took = began.elapsed();
        if status.code() != Some(code) {
            return Err(format!(
                "pb ended with {status}, expected was exit code {code}"
            ));
        }
        let serving = self.serving()?;
        if code == 0 && serving != image {
            return Err(format!("pb said that all is well, but {serving} serves"));
        }
        Ok(took)
    }

    /// Returns the one image that answers, asked often enough to meet each container.
    fn serving(&self) -> Result<String, String> {
        let mut images: Vec<_> = (0..10)
            .filter_map(|_| image_of(self.haproxy.address()))
            .collect();
        images.sort();
        images.dedup();
        match &images[..] {
            [image] => Ok(image.clone()),
            [] => Err("no container answers through HAProxy".into()),
            several => Err(format!("several images answer: {}", several.join(", "))),
        }
    }

    fn has_column(&self, name: &str) -> bool {
        let columns = "SELECT count(*) FROM information_schema.columns WHERE column_name =";
        self.postgres.sql("shop", &format!("{columns} '{name}'")) != "0"
    }
}

fn project(docker: &Docker, haproxy: &Haproxy, postgres: &Postgres) -> Pb {
    let toml = format!(
        r#"[env.local]
url      = "{url}"
web      = ["{prefix}-web-1", "{prefix}-web-2"]
database = {{ postgres = "postgres://shop@127.0.0.1:{port}/shop", password = "secret:env:PGPASSWORD" }}
docker   = {{ docker = "{engine}" }}
router   = {{ haproxy = "unix:{socket}", backend = "web" }}
"#,
        url = haproxy.url(),
        prefix = docker.prefix(),
        port = postgres.port(),
        engine = docker.host(),
        socket = haproxy.socket().display(),
    );
    let playbook = checkout::root().join("playbooks").join(PLAYBOOK);
    let playbook = fs::read_to_string(playbook).expect("playbooks holds it");
    let pb = Pb::new()
        .toml(&toml)
        .file(PLAYBOOK, &playbook)
        .env("PGPASSWORD", PASSWORD);
    fs::create_dir(pb.folder().join("migrations")).expect("the project can be written");
    // What the output looks like is the terminal's affair.
    let terminal = ["TERM", "COLORTERM", "NO_COLOR", "COLUMNS"];
    terminal
        .into_iter()
        .fold(pb, |pb, name| match env::var_os(name) {
            Some(value) => pb.env(name, value),
            None => pb,
        })
}

fn image_of(web: SocketAddr) -> Option<String> {
    let (status, health) = http::get(web, "/health/")?;
    let health: serde_json::Value = serde_json::from_str(&health).ok()?;
    health["image"]
        .as_str()
        .filter(|_| status == 200)
        .map(str::to_string)
}

/// The error counts what failed.
fn print(rows: &[Row]) -> Result<(), String> {
    println!(
        "\n{:16} {:>8} {:>9} {:>7} {:>11} {:>8}",
        "", "took", "requests", "failed", "second try", "p99"
    );
    let mut failed = 0;
    for Row { what, took, load } in rows {
        print!("{what:16} {:6.1} s", took.as_secs_f32());
        if let Some(load) = load {
            let Summary {
                total,
                failed,
                second_try,
                p99_ms,
                ..
            } = load;
            print!(" {total:>9} {failed:>7} {second_try:>11} {p99_ms:>5.0} ms");
        }
        println!();
        failed += load.as_ref().map_or(0, |load| load.failed);
    }
    match failed {
        0 => Ok(()),
        _ => Err(format!("{failed} requests failed")),
    }
}

fn options(mut arguments: impl Iterator<Item = String>) -> Option<Options> {
    let mut options = Options {
        swaps: 0,
        rate: 400,
    };
    while let Some(name) = arguments.next() {
        let value = arguments.next()?.parse().ok()?;
        match name.as_str() {
            "--swaps" => options.swaps = value,
            "--rate" if value > 0 => options.rate = value,
            _ => return None,
        }
    }
    Some(options)
}
