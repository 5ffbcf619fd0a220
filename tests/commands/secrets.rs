//! A sentinel through every way out of pb: what it is told and what it tells holds the reference, never the value.

use super::answers::Answers;
use super::pb;
use crate::support::image::Image;
use crate::support::need;
use crate::support::pb::Pb;
use crate::support::stage::Stage;
use std::fs;
use std::path::Path;
use std::process::Command;

/// Its characters are other ones in JSON, in addresses and in shells.
const SENTINEL: &str = "s3ntinel-9f\"2/+x";
/// What all its forms hold: as it is, in JSON, in an address, in a shell; in base64; in hex.
const FORMS: [&str; 3] = ["s3ntinel", "czNudGluZWwt", "73336e74696e656c"];

/// Every sink in turn has the sentinel beside a word that tells that it was reached.
const PLAYBOOK: &str = r##"
let s = secret("env:SENTINEL");
// The value itself, as a script may come by it.
let raw = "s3n" + "tinel-9f\"2/+x";
print(`marker-print ${s} ${raw}`);
print(env_var("SENTINEL"));
let web = target.url;
command(["sh", "-c", "printf 'marker-out %s\n' \"$S\"; printf %s \"$S\" | base64; printf %s \"$S\" | od -An -v -tx1 | tr -d ' \n'; \
    printf 'marker-err %s\n' \"$S\" >&2"], #{ env: #{ S: s }, undo: ["true"] });
command(["sh", "-c", "tr '\\0' ' ' </proc/self/cmdline; tr '\\0' ' ' </proc/$PPID/cmdline; echo marker-cmdline"], #{ env: #{ S: s } });
print(http_post(`${web}/200/posted`, #{ key: "k", json: #{ token: s } }).status);
let echoed = command(["printenv", "S"], #{ env: #{ S: s } }).stdout;
notify(target.chat, `marker-chat ${raw}`);
let fails = [
    || command(["sh", "-c", "echo marker-fail $S; echo marker-fail $S >&2; exit 3"], #{ env: #{ S: s } }),
    || http_post(`${web}/404/marker-post`, #{ key: "k", bearer: s }),
    || wait_db(target.nowhere, #{ deadline: "100ms" }),
    || notify(target.chat, `marker-refused ${s}`),
    || require_env([`MARKER_${echoed}`]),
];
for fail in fails {
    try { fail.call(); } catch (error) { print(`marker-caught ${error}`); }
}
throw `marker-throw ${s} ${echoed} ${raw}`;
"##;

/// Fails when a form of the sentinel is in a text, or a marker is not.
#[track_caller]
fn clean(sink: &str, text: &str, markers: &[&str]) {
    for form in FORMS {
        assert!(!text.contains(form), "{sink} holds `{form}`:\n{text}");
    }
    for marker in markers {
        assert!(
            text.contains(marker),
            "{sink} was not reached: no `{marker}` in\n{text}"
        );
    }
}

fn project(web: &Answers) -> Pb {
    let toml = format!(
        "[env.local]\nurl = \"{}\"\nchat = {{ webhook = \"{}\" }}\n\
         nowhere = {{ postgres = \"postgres://dana@127.0.0.1:1/marker-db\", password = \"secret:env:SENTINEL\" }}\n",
        web.url(""),
        web.url("/200/chat")
    );
    let pb = pb().toml(&toml).file("a.rhai", PLAYBOOK);
    pb.env("SENTINEL", SENTINEL)
}

/// All files below a folder, as one text.
fn all_files(folder: &Path) -> String {
    let mut all = String::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        all += &path.display().to_string();
        all += &match path.is_dir() {
            true => all_files(&path),
            false => String::from_utf8_lossy(&fs::read(&path).unwrap()).into_owned(),
        };
    }
    all
}

#[test]
fn the_sentinel_is_in_no_sink() {
    let web = Answers::start();
    let pb = project(&web);
    let story = ["marker-throw", "marker-out", "marker-fail", "marker-db"];
    let printed = ["marker-print", "marker-caught"];

    let plain = pb
        .with(["run", "a.rhai", "-v", "--events", "events"])
        .run()
        .expect(1);
    clean("stderr", &plain.stderr, &story);
    clean("stdout", &plain.stdout, &printed);
    let events = fs::read_to_string(pb.folder().join("events")).unwrap();
    clean("--events", &events, &[&story[..], &printed].concat());
    let ndjson = pb
        .with(["run", "a.rhai", "--output", "ndjson"])
        .run()
        .expect(1);
    clean("ndjson", &ndjson.stdout, &[&story[..], &printed].concat());
    let json = pb
        .with(["run", "a.rhai", "--output", "json"])
        .run()
        .expect(1);
    clean(
        "json",
        &format!("{}{}", json.stdout, json.stderr),
        &["marker-throw", "marker-print"],
    );

    let command = pb.with(["run", "a.rhai", "-v"]).command();
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    let line: Vec<_> = words.map(|word| word.to_string_lossy()).collect();
    let terminal = Command::new("script")
        .args(["-qec", &line.join(" "), "/dev/null"])
        .envs(
            command
                .get_envs()
                .filter_map(|(name, value)| Some((name, value?))),
        )
        .env("TERM", "xterm")
        .current_dir(pb.folder())
        .output()
        .unwrap();
    let terminal = String::from_utf8_lossy(&terminal.stdout).into_owned();
    clean(
        "terminal",
        &terminal,
        &["marker-print", "marker-throw", "\u{1b}["],
    );

    for arguments in [&["runs"][..], &["show"], &["show", "--output", "json"]] {
        let marker = if arguments == ["runs"] {
            "a.rhai"
        } else {
            "marker-throw"
        };
        let past = pb.with(arguments.iter().copied()).run().expect(0);
        clean(&arguments.join(" "), &past.stdout, &[marker]);
    }
    let back = pb.with(["rollback", "--yes"]).run();
    clean("rollback", &format!("{back}"), &["undone already"]);

    let state = all_files(&pb.folder().join(".pb"));
    clean(
        "the state directory",
        &state,
        &["marker-out", "marker-cmdline", "witness", "run_close"],
    );

    let heard = web.heard.lock().unwrap().clone();
    let of = |path: &str| -> String {
        let bodies = heard
            .iter()
            .filter(|(at, _)| at == path)
            .map(|(_, body)| body.as_str());
        bodies.collect::<Vec<_>>().join("\n")
    };
    clean("a chat message", &of("/200/chat"), &["marker-chat"]);
    // What it is for gets the value.
    let posted =
        serde_json::from_str::<serde_json::Value>(of("/200/posted").lines().next().unwrap());
    assert_eq!(posted.unwrap()["token"], SENTINEL);
}

#[test]
fn the_sentinel_is_in_no_statement_of_the_servers() {
    let Some(postgres) = need::postgres() else {
        return;
    };
    let database = postgres.fresh_database("sentinel");
    database.sql("CREATE TABLE seen (what text); CREATE TABLE kept (what text)");
    let text = r#"
        let s = secret("env:SENTINEL");
        let db = target.database;
        sql(db, "INSERT INTO seen SELECT 'marker-seen ' || application_name || ' ' || query FROM pg_stat_activity");
        sql(db, "INSERT INTO kept VALUES ($1)", [s]);
        try { sql(db, "INSERT INTO nowhere /* marker-sql */ VALUES ($1)", [s]); } catch (error) { print(`${error}`); }
        try { query(db, "SELECT $1::int", [s]); } catch (error) { print(`${error}`); }
        print(query(db, "SELECT 'marker-row ' || what AS what FROM kept")[0].what);
    "#;
    let pb = pb()
        .toml(&format!(
            "[env.local]\ndatabase = {{ postgres = \"{}\" }}\n",
            database.url()
        ))
        .file("a.rhai", text)
        .env("SENTINEL", SENTINEL);
    let ran = pb.with(["run", "a.rhai", "-v"]).run().expect(0);
    clean(
        "what statements said",
        &format!("{ran}"),
        &["marker-sql", "marker-row"],
    );
    clean(
        "pg_stat_activity",
        &database.sql("SELECT string_agg(what, ' ') FROM seen"),
        &["marker-seen", "pb/"],
    );
    assert_eq!(
        database.sql("SELECT what FROM kept"),
        SENTINEL,
        "what it is for"
    );
}

#[test]
fn the_sentinel_is_in_the_environment_of_a_container_alone() {
    let Some(docker) = need::docker() else { return };
    let stage = Stage::new(docker, "sentinel");
    let image = Image::web("1.0").import(docker);
    let name = stage.name("web");
    let text = format!(
        "swap_container(\"{name}\", #{{ image: \"{image}\", env: #{{ TOKEN: secret(\"env:SENTINEL\") }}, labels: #{{ marker: \"x\" }}, \
         health: #{{ path: \"/health/\" }} }});"
    );
    let pb = pb()
        .toml(&format!(
            "[env.local]\ndocker = {{ docker = \"{}\" }}\n",
            docker.host()
        ))
        .file("a.rhai", &text)
        .env("SENTINEL", SENTINEL);
    let ran = pb.with(["run", "a.rhai", "-v"]).run().expect(0);
    clean("what the swap said", &format!("{ran}"), &["swap_container"]);
    clean(
        "labels",
        &docker.inspect(
            &name,
            "{{json .Config.Labels}} {{json .Args}} {{json .Path}}",
        ),
        &["marker", "pb."],
    );
    let env = docker.inspect(&name, "{{range .Config.Env}}{{println .}}{{end}}");
    assert!(env.contains(&format!("TOKEN={SENTINEL}")), "{env}");
    clean(
        "the state directory",
        &all_files(&pb.folder().join(".pb")),
        &[&name],
    );
}
