//! `command` and `require_env` with real programs: run directly, and by a supervisor where there is one.

pub(crate) mod folder;
mod given_up;
mod told;

use crate::stage::{Stage, TOKEN};
use folder::Folder;
use pb_core::code;
use pb_core::journal::Ended;
use pb_stdlib::host::{self, CHILD, Supervisor};
use serde_json::{Value, json};

pub(crate) async fn stage(folder: &Folder) -> Stage {
    let supervisor = supervisor(folder);
    Stage::open(|registry, drivers| host::register(registry, drivers, folder.path(), supervisor))
        .await
}

/// Only tests of the package that has `pb` are given its path: all of this is held there, too, of supervised programs.
fn supervisor(folder: &Folder) -> Option<Supervisor> {
    let pb = option_env!("CARGO_BIN_EXE_pb")?;
    Some(Supervisor::new(pb, &[CHILD], &folder.path().join(".pb")))
}

fn without_took(mut value: Value) -> Value {
    value.as_object_mut().expect("a map").remove("took");
    value
}

#[tokio::test]
async fn a_program_gives_its_output_and_no_shell_reads_its_arguments() {
    let folder = Folder::new();
    let stage = stage(&folder).await;
    let argv = json!(["printf", "%s\n", "$HOME *; `id`"]);
    let value = stage.call("command", json!({ "argv": argv })).await.value();
    let wanted = json!({ "changed": true, "code": 0, "stdout": "$HOME *; `id`\n", "stderr": "" });
    assert_eq!(without_took(value), wanted);
}

#[tokio::test]
async fn secrets_go_by_environment_and_input_and_come_back_as_names() {
    let folder = Folder::new();
    let stage = stage(&folder).await;
    let argv = json!([
        "sh",
        "-c",
        "echo env $DB; printf 'in '; cat; echo $DB >&2; tr '\\0' ' ' </proc/$$/cmdline"
    ]);
    let args = json!({ "argv": argv, "env": { "DB": "‹secret env:TOKEN›" }, "stdin": "p=‹secret env:TOKEN›\n" });
    let value = stage.call("command", args).await.value();
    let stdout = value["stdout"].as_str().expect("a text");
    assert!(
        stdout.starts_with("env ‹secret env:TOKEN›\nin p=‹secret env:TOKEN›\nsh -c "),
        "{stdout}"
    );
    assert_eq!(value["stderr"], "‹secret env:TOKEN›\n");
    stage.holds_no_secret(&value.to_string());
}

#[tokio::test]
async fn a_secret_in_an_argument_is_refused() {
    let folder = Folder::new();
    let stage = stage(&folder).await;
    for args in [
        json!({ "argv": ["echo", "‹secret env:TOKEN›"] }),
        json!({ "argv": ["true"], "probe": ["echo", "‹secret env:TOKEN›"] }),
        json!({ "argv": ["true"], "undo": ["echo", "‹secret env:TOKEN›"] }),
    ] {
        let failure = stage.call("command", args).await.failure();
        assert!(failure.is(&code::SECRET), "{failure:#?}");
    }
}

#[tokio::test]
async fn the_end_of_a_long_output_is_kept() {
    let folder = Folder::new();
    let stage = stage(&folder).await;
    let script = "yes 0123456789 | head -n 2000000; echo end; yes error | head -c 20000000 >&2";
    let value = stage
        .call("command", json!({ "argv": ["sh", "-c", script] }))
        .await
        .value();
    let (stdout, stderr) = (value["stdout"].as_str(), value["stderr"].as_str());
    assert!(stdout.is_some_and(|text| text.len() == 64 * 1024 && text.ends_with("\nend\n")));
    assert!(stderr.is_some_and(|text| text.len() == 64 * 1024));
}

#[tokio::test]
async fn a_program_that_reads_nothing_or_gets_nothing_ends() {
    let folder = Folder::new();
    let stage = stage(&folder).await;
    let much = "x".repeat(1 << 20);
    stage
        .call("command", json!({ "argv": ["true"], "stdin": much }))
        .await
        .value();
    let value = stage
        .call("command", json!({ "argv": ["cat"] }))
        .await
        .value();
    assert_eq!(value["stdout"], "");
}

#[tokio::test]
async fn another_exit_code_is_an_error_with_the_last_lines() {
    let folder = Folder::new();
    let stage = stage(&folder).await;
    let script = "echo fine; printf 'one\\ntwo\\n\\033[31mthree\\033[0m\\n' >&2; exit 3";
    let argv = json!(["sh", "-c", script]);
    let failure = stage
        .call("command", json!({ "argv": argv }))
        .await
        .failure();
    assert!(
        failure.is(&code::EXIT_CODE) && failure.partial && !failure.doubt,
        "{failure:#?}"
    );
    assert!(
        failure.message.starts_with("`sh -c 'echo fine;"),
        "{failure}"
    );
    assert!(
        failure.message.ends_with("` ended with 3, not 0"),
        "{failure}"
    );
    assert_eq!(failure.because, ["one", "two", "three"]);
    assert_eq!(
        (&failure.data["code"], &failure.data["stdout"]),
        (&json!(3), &json!("fine\n"))
    );

    let args = json!({ "argv": argv, "expect_code": [0, 3] });
    assert_eq!(stage.call("command", args).await.value()["code"], 3);
    let failure = stage
        .call("command", json!({ "argv": ["sh", "-c", "kill -9 $$"] }))
        .await
        .failure();
    let said = "`sh -c 'kill -9 $$'` was ended by SIGKILL, as the kernel does when memory runs out";
    assert_eq!(failure.message, said);
}

#[tokio::test]
async fn programs_and_folders_are_relative_to_the_project() {
    let folder = Folder::new();
    folder.script("tools/where.sh", "#!/bin/sh\npwd\n");
    let stage = stage(&folder).await;
    let args = json!({ "argv": ["./tools/where.sh"], "dir": "tools" });
    let value = stage.call("command", args).await.value();
    assert_eq!(
        value["stdout"],
        format!("{}/tools\n", folder.path().display())
    );
}

#[tokio::test]
async fn what_cannot_be_started_says_why() {
    let folder = Folder::new();
    folder.script("deploy.sh", "#!/bin/sh\n");
    folder.script("odd.sh", "#!/nowhere/sh\n");
    folder.file("plain.txt", "echo");
    let stage = stage(&folder).await;
    let check = async |args: Value, because: &str, hint: Option<&str>| {
        let failure = stage.call("command", args).await.failure();
        assert!(
            failure.is(&code::COMMAND) && !failure.partial,
            "{failure:#?}"
        );
        let base = folder.path().display().to_string();
        let because = because.replace("BASE", &base);
        assert_eq!(failure.because, [because]);
        assert_eq!(failure.hint, hint.map(|hint| hint.replace("BASE", &base)));
    };
    let path = "no program of that name is in PATH";
    check(
        json!({ "argv": ["slep", "1"] }),
        path,
        Some("did you mean `sleep`?"),
    )
    .await;
    check(json!({ "argv": ["zzqqxx-no"] }), path, None).await;
    let missing = "`BASE/./deplo.sh` does not exist";
    check(
        json!({ "argv": ["./deplo.sh"] }),
        missing,
        Some("did you mean `deploy.sh`?"),
    )
    .await;
    let interpreter = "`BASE/./odd.sh` is there, the interpreter that its first line names is not";
    check(json!({ "argv": ["./odd.sh"] }), interpreter, None).await;
    let mode = "`BASE/./plain.txt` is not executable";
    check(
        json!({ "argv": ["./plain.txt"] }),
        mode,
        Some("chmod +x BASE/./plain.txt"),
    )
    .await;
    let dir = json!({ "argv": ["true"], "dir": "nowhere" });
    check(dir, "the folder `BASE/nowhere` does not exist", None).await;
    let probe = json!({ "argv": ["true"], "probe": ["slep"] });
    check(probe, path, Some("did you mean `sleep`?")).await;
}

#[tokio::test]
async fn a_probe_makes_it_converge_and_undo_takes_it_back() {
    let folder = Folder::new();
    let stage = stage(&folder).await;
    let args = json!({ "argv": ["touch", "done"], "probe": ["test", "-f", "done"], "undo": ["rm", "done"] });
    let first = stage.call("command", args.clone()).await.value();
    assert_eq!(
        (&first["changed"], &first["code"]),
        (&json!(true), &json!(0))
    );
    let second = stage.call("command", args).await.value();
    assert_eq!(
        (&second["changed"], &second["code"]),
        (&json!(false), &json!(null))
    );
    assert!(folder.holds("done"));
    let finished = stage.fail().await;
    assert_eq!(finished.state, Some(Ended::Undone), "{finished:#?}");
    assert!(!folder.holds("done"), "as before");
}

#[tokio::test]
async fn a_half_done_command_takes_itself_back() {
    let folder = Folder::new();
    let stage = stage(&folder).await;
    let args = json!({ "argv": ["sh", "-c", "touch half; exit 1"], "undo": ["rm", "half"] });
    let failure = stage.call("command", args).await.failure();
    assert!(failure.is(&code::EXIT_CODE), "{failure:#?}");
    assert!(!folder.holds("half"), "{failure:#?}");
}

#[tokio::test]
async fn work_that_its_probe_does_not_see_is_an_error() {
    let folder = Folder::new();
    let stage = stage(&folder).await;
    let args = json!({ "argv": ["true"], "probe": ["test", "-f", "done"] });
    let failure = stage.call("command", args).await.failure();
    assert!(failure.is(&code::NOT_CONVERGED), "{failure:#?}");
}

#[tokio::test]
async fn missing_variables_are_named_at_once_and_no_value_is_told() {
    let folder = Folder::new();
    let stage = stage(&folder).await;
    assert_eq!(
        stage
            .call("require_env", json!({ "names": ["PATH"] }))
            .await
            .value(),
        json!(null)
    );
    let names = json!({ "names": ["PATH", "PAHT", "PB_TEST_NOWHERE"] });
    let failure = stage.call("require_env", names).await.failure();
    assert!(failure.is(&code::MISSING_ENV), "{failure:#?}");
    assert_eq!(failure.because[0], "`PAHT` is missing, `PATH` is there");
    assert_eq!(failure.data["missing"], json!(["PAHT", "PB_TEST_NOWHERE"]));
    let path = std::env::var("PATH").expect("there is one");
    assert!(!stage.journal().contains(&path));
    stage.holds_no_secret(TOKEN.split('-').next().unwrap_or_default());
}
