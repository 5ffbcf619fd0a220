//! What becomes of a program when pb, its supervisor or both are killed, and what `pb resume` makes of it.

use super::begun::{Begun, TOKEN, lives, until};
use rustix::process::{Pid, Signal, kill_process};
use std::fs;

/// Notes that it ran, says a secret in a whole line, in half of one and with another word behind it, ends when it may.
const TALKS: &str = "echo x >>ran; echo begun $TOKEN; printf $TOKEN; touch begun; \
                     while [ -e begun ] && ! [ -e go ]; do sleep 0.01; done; \
                     echo ' ended'; echo $TOKEN >&2; exit 3";
const TOLD: &str = "told 3 begun ‹secret env:TOKEN›\n‹secret env:TOKEN› ended\n\n";

/// Notes every signal, and ends when it may.
const HEARS: &str = "trap 'echo heard >>heard' HUP INT TERM; touch begun; \
                     while [ -e begun ] && ! [ -e go ]; do sleep 0.01; done";

/// Has a child of its own that hears nothing.
const STUBBORN: &str =
    "trap '' HUP INT TERM; sleep 60 & echo $! >child; touch begun; sleep 60; sleep 60";

const SLEEPS: &str = "echo x >>ran; touch begun; exec sleep 60";

const ENDED: &str = "expect_code: [0, 3]";

#[test]
fn a_program_that_still_runs_is_waited_for() {
    let mut begun = Begun::with(TALKS, ENDED);
    begun.kill_pb();
    assert!(lives(begun.program));
    begun.resume(&["--events", "events"]);
    let (events, pid) = (begun.project().join("events"), begun.program);
    let waits = format!("waiting for process {pid}, which runs since 20");
    until("word of it", || {
        fs::read_to_string(&events).is_ok_and(|text| text.contains(&waits))
    });
    begun.let_go();
    let outcome = begun.pb_ended().expect(0);
    assert_eq!(outcome.stdout, TOLD, "{outcome}");
    assert_eq!(begun.ran(), "x\n");
    begun.holds_no_secret();
    let children = fs::read_dir(begun.project().join(".pb/children")).unwrap();
    assert_eq!(children.count(), 0, "nobody will ask for it any more");
}

#[test]
fn the_end_of_a_program_is_found() {
    let mut begun = Begun::with(TALKS, ENDED);
    begun.kill_pb();
    begun.let_go();
    until("its end", || !lives(begun.supervisor));
    begun.holds_no_secret();
    begun.resume(&[]);
    let outcome = begun.pb_ended().expect(0);
    assert_eq!(outcome.stdout, TOLD, "{outcome}");
    assert_eq!(begun.ran(), "x\n");
    begun.holds_no_secret();
}

#[test]
fn a_failure_that_nobody_saw_is_the_same_failure() {
    let mut seen = Begun::new(TALKS);
    seen.let_go();
    let outcome = seen.pb_ended().expect(1);
    let error = |stderr: &str| {
        let at = stderr.find("error[PB0407]").expect(stderr);
        stderr[at..].split("hint").next().unwrap().to_owned()
    };
    let mut unseen = Begun::new(TALKS);
    unseen.kill_pb();
    unseen.let_go();
    unseen.resume(&[]);
    let found = unseen.pb_ended().expect(1);
    assert_eq!(error(&found.stderr), error(&outcome.stderr));
    assert_eq!(unseen.ran(), "x\n");
}

#[test]
fn the_end_counts_more_than_a_probe() {
    let probe = "probe: [\"test\", \"-e\", \"go\"], expect_code: 3";
    let mut begun = Begun::with(TALKS, probe);
    begun.kill_pb();
    begun.let_go();
    until("its end", || !lives(begun.supervisor));
    begun.resume(&[]);
    // The probe alone would say that there was nothing to do.
    assert_eq!(begun.pb_ended().expect(0).stdout, TOLD);
}

#[test]
fn nothing_of_the_supervisor_tells_a_secret() {
    let begun = Begun::new(TALKS);
    for file in ["cmdline", "environ"] {
        let text = fs::read(format!("/proc/{}/{file}", begun.supervisor)).unwrap();
        let text = String::from_utf8_lossy(&text).into_owned();
        assert!(!text.contains(TOKEN), "{file}: {text}");
        assert_eq!(text.is_empty(), file == "environ", "{file}: {text}");
    }
}

#[test]
fn what_a_terminal_sends_does_not_reach_it() {
    let mut begun = Begun::new(HEARS);
    // To pb and everything in its group, as the terminal does; to the supervisor alone, as nobody should.
    begun.pb().signal_group(Signal::HUP);
    begun.pb().signal_group(Signal::INT);
    for signal in [Signal::HUP, Signal::INT, Signal::TERM] {
        kill_process(Pid::from_raw(begun.supervisor as i32).unwrap(), signal).unwrap();
    }
    begun.let_go();
    let outcome = begun.pb_ended();
    assert!(
        outcome
            .stderr
            .contains("stopping: the running step may finish"),
        "{outcome}"
    );
    assert!(!begun.project().join("heard").exists());
}

#[test]
fn it_dies_with_its_supervisor_and_pb_says_so() {
    let mut begun = Begun::new(STUBBORN);
    let child = fs::read_to_string(begun.project().join("child")).unwrap();
    let child = child.trim().parse().unwrap();
    begun.kill_supervisor();
    let outcome = begun.pb_ended().expect(5);
    let error = "error[PB0501]: `sh -c 'trap";
    let why = "because: its supervisor was killed\n           the program was killed with it\n";
    assert!(
        outcome.stderr.contains(error) && outcome.stderr.contains(why),
        "{outcome}"
    );
    until("the end of its child", || !lives(child));
}

#[test]
fn of_a_program_that_died_with_its_supervisor_a_person_is_asked() {
    for (word, told, ran) in [
        ("applied", "told  \n", "x\n"),
        ("not-applied", "told 0 \n", "x\nx\n"),
    ] {
        let mut begun = Begun::new("echo x >>ran; [ -e go ] && exit; touch begun; sleep 60");
        begun.kill_pb();
        assert!(lives(begun.program), "it goes on without pb");
        begun.kill_supervisor();
        begun.resume(&[]);
        let outcome = begun.pb_ended().expect(5);
        let why = format!("process {} was killed with its supervisor", begun.program);
        assert!(
            outcome.stderr.contains(&why) && outcome.stderr.contains("/command#1=applied"),
            "{outcome}"
        );
        begun.let_go();
        begun.resume(&["--settle", &format!("/command#1={word}")]);
        assert_eq!(begun.pb_ended().expect(0).stdout, told, "{word}");
        assert_eq!(begun.ran(), ran, "{word}");
    }
}

#[test]
fn of_a_program_that_was_given_up_a_person_is_asked() {
    for taken_up in [false, true] {
        let mut begun = Begun::with(SLEEPS, "undo: [\"rm\", \"ran\"]");
        if taken_up {
            begun.kill_pb();
            begun.resume(&["--events", "events"]);
            let events = begun.project().join("events");
            until("the wait for it", || {
                fs::read_to_string(&events).is_ok_and(|text| text.contains("waiting for process"))
            });
        }
        // Two of a kind could arrive as one.
        begun.pb().signal(Signal::INT);
        begun.pb().signal(Signal::TERM);
        let outcome = begun.pb_ended();
        assert!(matches!(outcome.code, 130 | 143), "{outcome}");
        until("its end", || {
            !lives(begun.program) && !lives(begun.supervisor)
        });
        begun.resume(&[]);
        let outcome = begun.pb_ended().expect(5);
        let why = "it was ended by SIGKILL: how far it came is not known";
        assert!(outcome.stderr.contains(why), "{outcome}");
        assert_eq!(begun.ran(), "x\n");
    }
}

#[test]
fn a_program_that_was_waited_for_too_long_is_killed() {
    let mut begun = Begun::with(SLEEPS, "timeout: \"1s\"");
    begun.kill_pb();
    begun.resume(&[]);
    let outcome = begun.pb_ended().expect(5);
    assert!(outcome.stderr.contains("error[PB0004]"), "{outcome}");
    until("its end", || !lives(begun.program));
    assert_eq!(begun.ran(), "x\n");
}
