//! A supervised program is started as one that pb starts itself, and once.

use crate::host::folder::Folder;
use crate::host::stage;
use crate::stage::Stage;
use pb_core::code;
use pb_stdlib::host;
use serde_json::json;
use std::io::Write;
use std::process::{Command, Stdio};

#[tokio::test]
async fn it_inherits_what_it_would_inherit_from_pb() {
    // Without the signals above 28: libc has some of them for itself.
    let script = "grep -E '^(Umask|NoNewPrivs)' /proc/self/status; \
                  sed -nE '/^Sig(Blk|Ign)/s/[0-9a-f]{9}//p' /proc/self/status; readlink /proc/self/fd/* | sed 's/[0-9]*//g'; env | sort; id; nice; ulimit -a";
    let args = json!({ "argv": ["sh", "-c", script], "env": { "A": "b" } });
    let folder = Folder::new();
    let directly = Stage::open(|registry, drivers| {
        host::register(registry, drivers, folder.path(), None);
    });
    let mut said = vec![];
    for stage in [directly.await, stage(&folder).await] {
        let value = stage.call("command", args.clone()).await.value();
        let text = value["stdout"].as_str().unwrap();
        said.push(text.lines().map(without_interrupt).collect::<String>());
    }
    assert!(said[0].contains("A=b\n"), "{}", said[0]);
    assert_eq!(said[0], said[1]);
    assert!(folder.holds(".pb/children/TEST"), "one was supervised");
}

/// A process of the background ignores SIGINT until one of its threads listens for it, as another test does.
fn without_interrupt(line: &str) -> String {
    match line.strip_prefix("SigIgn:\t") {
        Some(set) => format!("SigIgn: {:x}\n", u32::from_str_radix(set, 16).unwrap() & !2),
        None => format!("{line}\n"),
    }
}

#[tokio::test]
async fn a_second_one_is_not_started_while_the_first_one_runs() {
    let folder = Folder::new();
    let script = "echo x >>runs; until [ -e go ]; do sleep 0.01; done";
    let args = json!({ "argv": ["sh", "-c", script] });
    let (first, second) = (stage(&folder).await, stage(&folder).await);
    let again = async {
        while !folder.holds("runs") {
            tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        }
        // The same run and step, as one that was taken up again has it.
        let failure = second.call("command", args.clone()).await.failure();
        folder.file("go", "");
        failure
    };
    let (first, failure) = tokio::join!(first.call("command", args.clone()), again);
    assert!(failure.is(&code::COMMAND) && failure.doubt, "{failure:#?}");
    let said = "was not started: an earlier attempt of this step still runs";
    assert!(failure.message.ends_with(said), "{failure:#?}");
    assert_eq!(first.value()["code"], 0);
    assert_eq!(folder.read("runs").as_deref(), Some("x\n"));
    // It has ended: now it is started.
    let third = stage(&folder).await.call("command", args).await;
    assert_eq!(third.value()["code"], 0);
    assert_eq!(folder.read("runs").as_deref(), Some("x\nx\n"));
}

#[test]
fn half_an_order_is_none() {
    let mut supervisor = Command::new(env!("CARGO_BIN_EXE_pb"))
        .arg(host::CHILD)
        .stdin(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = supervisor.stdin.take().unwrap();
    stdin.write_all(b"{\"folder\":{\"Unix\":[47]},").unwrap();
    drop(stdin);
    assert_eq!(supervisor.wait().unwrap().code(), Some(1));
}
