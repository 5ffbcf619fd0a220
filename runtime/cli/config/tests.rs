//! What is read out of a `pb.toml`, and every way to get it wrong with the text that is shown.

use super::*;
use crate::render::ink::Ink;
use crate::render::page::Page;
use crate::render::report::Report;
use pb_core::spec::{Field, Kind};
use pb_core::{HANDLE_KEY, Handle};
use serde_json::json;

fn drivers() -> Drivers {
    let field = |name: &str, kind, required| Field {
        name: name.into(),
        doc: String::new(),
        kind,
        required,
        fallback: None,
        position: None,
        passing: false,
    };
    let driver = |fields| Table {
        fields,
        check: |_| Ok(()),
    };
    Drivers::from([
        (
            "postgres",
            driver(vec![
                field("postgres", Kind::Secret, true),
                field("pool", Kind::Int, false),
            ]),
        ),
        ("docker", driver(vec![field("docker", Kind::Text, true)])),
        ("slack", driver(vec![field("slack", Kind::Secret, true)])),
    ])
}

fn read(text: &str, name: Option<&str>, pb_env: Option<&str>) -> Result<Environment, Refusal> {
    let base = std::env::current_dir().expect("there is one");
    let document = Document {
        path: base.join(FILE),
        text: text.into(),
    };
    let project = Project {
        base,
        document: Some(document),
    };
    project.environment(name, &drivers(), &|name| match name {
        "PB_ENV" => pb_env.map(Into::into),
        _ => None,
    })
}

#[track_caller]
fn wrong(text: &str, expected: &str) {
    let refusal = read(text, Some("prod"), None).expect_err("it is wrong");
    let exit = Some(refusal.exit().code());
    let report = Report {
        failure: refusal.failure(),
        sources: refusal.sources(),
        exit,
    };
    let ink = Ink {
        colour: false,
        unicode: true,
    };
    let shown = report
        .lines(Page {
            width: 80,
            cuts: true,
            ink,
        })
        .join("\n");
    assert_eq!(shown, expected.trim_start(), "found:\n{shown}");
}

#[test]
fn tables_with_a_driver_are_handles_and_all_else_is_data() {
    let text = r#"
[package]
name = "acme/shop"

[env.prod]
protected = true
url = "https://shop.example.com"
web = ["web-1", "web-2"]
token = "secret:file:token"
database = { postgres = "secret:env:DATABASE_URL", pool = 0x1_0 }
limits = { cpu = 1.5, since = 2026-11-23, inner = { chat = { slack = "secret:env:SLACK" } } }

[env.prod.docker]
docker = "unix:///var/run/docker.sock"

[env.staging]
"#;
    let environment = read(text, Some("prod"), None).ok().expect("right");
    let handle = |driver: &str, name: &str, config| {
        let config = serde_json::from_value(config).expect("a map");
        Handle {
            driver: driver.into(),
            name: name.into(),
            config,
            transaction: None,
        }
        .to_value()
    };
    let database = json!({ "postgres": "‹secret env:DATABASE_URL›", "pool": 16 });
    let chat = handle(
        "slack",
        "limits.inner.chat",
        json!({ "slack": "‹secret env:SLACK›" }),
    );
    let expected = json!({
        "url": "https://shop.example.com",
        "web": ["web-1", "web-2"],
        "token": "‹secret file:token›",
        "database": handle("postgres", "database", database),
        "docker": handle("docker", "docker", json!({ "docker": "unix:///var/run/docker.sock" })),
        "limits": { "cpu": 1.5, "since": "2026-11-23", "inner": { "chat": chat } },
    });
    assert_eq!(
        environment,
        Environment {
            name: "prod".into(),
            target: expected,
            protected: true,
        }
    );
    let staging = read(text, Some("staging"), None).ok().expect("right");
    assert!(!staging.protected);
}

#[test]
fn the_flag_wins_then_the_variable_then_local() {
    let text = "[env.a]\nis = \"a\"\n[env.b]\nis = \"b\"\n";
    let check = |flag, variable, expected| {
        assert_eq!(
            read(text, flag, variable).ok().expect("there").target["is"],
            expected
        );
    };
    check(Some("a"), Some("b"), "a");
    check(None, Some("b"), "b");
    let local = read(text, None, Some("")).ok().expect("made up");
    assert_eq!(local.name, "local");
    assert!(local.target["docker"].get(HANDLE_KEY).is_some());
    let own = read("[env.local]\nis = 1", None, None).ok().expect("there");
    assert_eq!(own.target, json!({ "is": 1 }));
}

#[test]
fn what_is_not_toml_is_shown() {
    wrong(
        "[env.prod]\nurl = https://x\n",
        "
error[PB0102]: `pb.toml` could not be parsed
  --> pb.toml:2:7
  |
2 | url = https://x
  |       ^^^^^^^^^
  because: string values must be quoted, expected literal string          exit 2",
    );
}

#[test]
fn unknown_names_come_with_the_nearest() {
    wrong(
        "[envs.prod]\n",
        "
error[PB0102]: `pb.toml` has no table `envs`
  --> pb.toml:1:2
  |
1 | [envs.prod]
  |  ^^^^
  hint: did you mean `env`?                                               exit 2",
    );
    wrong(
        "[env.prod]\ndatabase = { postgress = \"secret:env:X\" }\n",
        "
error[PB0102]: `env.prod.database` names no driver: there is no `postgress`
  --> pb.toml:2:14
  |
2 | database = { postgress = \"secret:env:X\" }
  |              ^^^^^^^^^
  hint: did you mean `postgres`?                                          exit 2",
    );
    wrong(
        "[env.prod.database]\npostgres = \"secret:env:X\"\npol = 3\n",
        "
error[PB0207]: `env.prod.database` has no option `pol`
  --> pb.toml:3:1
  |
3 | pol = 3
  | ^^^
  hint: did you mean `pool`?                                              exit 2",
    );
    wrong(
        "[env.pord]\n",
        "
error[PB0102]: there is no environment `prod`
  --> pb.toml:1:1
  |
1 | [env.pord]
  | ^
  because: `pb.toml` has `pord`
  hint: did you mean `-e pord`?                                           exit 2",
    );
}

#[test]
fn values_are_held_to_their_drivers() {
    wrong(
        "[env.prod]\ndatabase = { postgres = \"secret:env:X\", pool = \"3\" }\n",
        "
error[PB0208]: `pool` of `env.prod.database` takes a whole number, not \"3\"
  --> pb.toml:2:48
  |
2 | database = { postgres = \"secret:env:X\", pool = \"3\" }
  |                                                ^^^                    exit 2",
    );
    wrong(
        "[env.prod]\nmain = { docker = \"x\", postgres = \"y\" }\n",
        "
error[PB0102]: `env.prod.main` names two drivers, `docker` and `postgres`
  --> pb.toml:2:24
  |
2 | main = { docker = \"x\", postgres = \"y\" }
  |                        ^^^^^^^^                                       exit 2",
    );
    wrong(
        "[env.prod]\npostgres = \"secret:env:X\"\n",
        "
error[PB0102]: `postgres` is a driver, not a name: `env.prod` needs a table of
  its own for it
  --> pb.toml:2:1
  |
2 | postgres = \"secret:env:X\"
  | ^^^^^^^^
  hint: main = { postgres = … }                                           exit 2",
    );
    wrong(
        "[env.prod]\nprotected = \"yes\"\n",
        "
error[PB0102]: `protected` of `env.prod` takes true or false
  --> pb.toml:2:13
  |
2 | protected = \"yes\"
  |             ^^^^^                                                     exit 2",
    );
}

#[test]
fn passwords_are_refused_and_not_shown() {
    wrong(
        "[env.prod]\ndatabase = { postgres = \"postgres://app:hunter2@db/shop\" }\n",
        "
error[PB0102]: `env.prod.database.postgres` holds a password
  --> pb.toml:2:25
  |
2 | database = { postgres = \"postgres://app:*******@db/shop\" }
  |                         ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
  because: `pb.toml` is read by many; a secret is named there, not written down
  hint: write `secret:env:NAME` and put the whole text into that variable
                                                                          exit 2",
    );
    wrong(
        "[env.prod]\ntoken = \"secret:evn:TOKEN\"\n",
        "
error[PB0102]: `env.prod.token` is no reference to a secret
  --> pb.toml:2:9
  |
2 | token = \"secret:evn:TOKEN\"
  |         ^^^^^^^^^^^^^^^^^^
  because: a reference is `secret:env:NAME`, `secret:file:PATH` or
           `secret:cmd:COMMAND`
  hint: did you mean `secret:env:TOKEN`?                                  exit 2",
    );
}

#[test]
fn without_a_file_there_is_only_local() {
    let project = Project {
        base: "/srv/shop".into(),
        document: None,
    };
    let environment = |name| project.environment(name, &drivers(), &|_| None);
    assert_eq!(environment(None).ok().expect("made up").name, "local");
    let refusal = environment(Some("prod")).expect_err("unknown");
    assert_eq!(
        refusal.failure().message,
        "there is no environment `prod`: there is no `pb.toml`"
    );
    assert_eq!(
        refusal.failure().because,
        ["looked for it in `/srv/shop` and above"]
    );
}
