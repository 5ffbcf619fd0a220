//! What a killed process leaves behind: nothing.

use std::fs;
use std::process::{Command, Stdio};
use std::time::Duration;
use std::{env, io::BufRead, io::BufReader};

use crate::support::keeper::Keeper;
use crate::support::wait;

/// The other side of the test below, when it is run as a process of its own.
const CHILD: &str = "PB_TEST_KEEPER_CHILD";

#[test]
fn a_killed_process_leaves_no_server_and_no_folder() {
    if env::var_os(CHILD).is_some() {
        let keeper = Keeper::new("kill $server; touch \"$HOME/cleaned\"");
        keeper
            .run("sleep 1000 & server=$!; echo $server >pid")
            .unwrap();
        println!("{}", keeper.folder().display());
        keeper.run("touch busy; sleep 0.2").unwrap();
        unreachable!("it was killed while a line ran");
    }
    let home = Keeper::new(":");
    let mut child = Command::new(env::current_exe().unwrap())
        .args([
            "--exact",
            "--nocapture",
            "harness::keeper::a_killed_process_leaves_no_server_and_no_folder",
        ])
        .env(CHILD, "1")
        .env("HOME", home.folder())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let folder = lines
        .map(Result::unwrap)
        .find(|line| line.starts_with('/'))
        .unwrap();
    let folder = std::path::Path::new(&folder);
    let server = fs::read_to_string(folder.join("pid")).unwrap();
    let process = std::path::PathBuf::from(format!("/proc/{}", server.trim()));
    assert!(process.exists());
    let busy = || folder.join("busy").exists().then_some(());
    wait::until("a line under way", Duration::from_secs(10), busy).unwrap();

    child.kill().unwrap();
    child.wait().unwrap();

    let everything = folder.parent().unwrap();
    let gone = || (!everything.exists() && !process.exists()).then_some(());
    wait::until("the end of everything", Duration::from_secs(10), gone).unwrap();
    assert!(
        home.folder().join("cleaned").exists(),
        "what was to be done at the end was done"
    );
}

#[test]
fn a_failed_line_says_what_it_printed() {
    let keeper = Keeper::new(":");
    keeper.run("word=one").unwrap();
    let error = keeper.run("echo $word >&2; false").unwrap_err();
    assert_eq!(error, "exit 1 of `echo $word >&2; false`: one");
}
