//! Signals at any event of a run on a real server: the exit code tells, the journal is whole, and the run comes to its end.

use super::stage::with_database;
use crate::support::need;
use crate::support::pb::Pb;
use pb_core::journal::{Body, Ended, History, RunStore};
use pb_runtime::state::StateDir;
use rustix::fs::{CWD, FileType, Mode, mknodat};
use rustix::process::{Pid, Signal, kill_process};
use std::fs::{self, File};
use std::io::{BufRead, BufReader, Read};
use std::process::{Child, ExitStatus, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::thread;
use std::time::Duration;

/// So many points for each way to disturb it.
const POINTS: usize = 17;

/// Longer than any event takes to come.
const DEADLINE: Duration = Duration::from_secs(120);

const PLAYBOOK: &str = r#"
let db = target.database;
wait_db(db, #{ deadline: "60s" });
let began = now();
sql(db, "INSERT INTO log VALUES ('a')");
command(["sh", "-c", "sleep 0.05; echo 1 >> written"]);
transaction(db, |tx| {
    sql(tx, "INSERT INTO log VALUES ('b')");
    sql(tx, "INSERT INTO log VALUES ('c')");
});
try {
    savepoint("caught", || {
        sql(db, "INSERT INTO log VALUES ('gone')", #{ undo: "DELETE FROM log WHERE what = 'gone'" });
        throw "not that";
    });
} catch {}
each(["one", "two"], |name| {
    sql(db, "INSERT INTO log VALUES ($1)", [name]);
    command(["sh", "-c", `echo ${name} >> written`]);
});
sleep("20ms");
parallel([
    || sql(db, "INSERT INTO log SELECT 'slow' FROM pg_sleep(0.1)"),
    || command(["sh", "-c", "sleep 0.1; echo 2 >> written"]),
]);
if began.len() > 0 { command(["sh", "-c", "echo 3 >> written"]); }
print("all");
"#;

/// How a run is disturbed.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Way {
    Once(Signal),
    Twice(Signal),
    StopAndGo,
    /// Whoever read its output is gone.
    Unread,
}

/// A run whose events are told as they come.
struct Told {
    child: Child,
    events: Receiver<String>,
    story: Receiver<String>,
}

impl Told {
    fn start(pb: &Pb) -> Self {
        let pipe = pb.folder().join("events");
        mknodat(CWD, &pipe, FileType::Fifo, Mode::RUSR | Mode::WUSR, 0).unwrap();
        let mut command = pb.command();
        command.args(["--events", "events"]);
        command.stdin(Stdio::null());
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let story = lines(child.stderr.take().unwrap());
        // Opening waits for whoever writes.
        let (sender, opened) = mpsc::channel();
        thread::spawn(move || sender.send(File::open(pipe).unwrap()));
        let events = lines(opened.recv_timeout(DEADLINE).unwrap());
        Self {
            child,
            events,
            story,
        }
    }

    fn signal(&self, signal: Signal) {
        // It was not waited for, so its id is its own.
        kill_process(Pid::from_child(&self.child), signal).unwrap();
    }

    /// Waits until its process stands still.
    fn stands_still(&self) {
        let stat = format!("/proc/{}/stat", self.child.id());
        crate::support::wait::until("a process that stands still", DEADLINE, || {
            let stat = fs::read_to_string(&stat).ok()?;
            let state = stat.rsplit_once(") ")?.1.chars().next()?;
            matches!(state, 'T' | 'Z').then_some(())
        })
        .unwrap();
    }

    fn disturb(&mut self, way: Way) {
        match way {
            Way::Once(signal) => self.signal(signal),
            Way::Twice(signal) => {
                self.signal(signal);
                // Two that wait together are one; this one was taken when it says so.
                while let Ok(line) = self.story.recv_timeout(DEADLINE) {
                    if line.contains("stopping") {
                        return self.signal(signal);
                    }
                }
            }
            Way::StopAndGo => {
                self.signal(Signal::STOP);
                self.stands_still();
                self.signal(Signal::CONT);
            }
            Way::Unread => {
                drop(self.child.stdout.take());
                // Its reader ends at the next line, and closes the pipe with that.
                self.story = mpsc::channel().1;
            }
        }
    }

    /// Disturbs it after so many events, and waits for its end.
    fn disturbed_after(mut self, n: usize, way: Way) -> (ExitStatus, usize) {
        let mut count = 0;
        while self.events.recv_timeout(DEADLINE).is_ok() {
            count += 1;
            if count == n {
                self.disturb(way);
            }
        }
        (self.child.wait().unwrap(), count)
    }
}

/// Lines as they come, until there are no more or nobody wants them.
fn lines(from: impl Read + Send + 'static) -> Receiver<String> {
    let (sender, receiver) = mpsc::channel();
    thread::spawn(move || {
        for line in BufReader::new(from).lines().map_while(Result::ok) {
            if sender.send(line).is_err() {
                break;
            }
        }
    });
    receiver
}

fn history(pb: &Pb) -> History {
    let store = StateDir::at(pb.folder().join(".pb"));
    let runs = store.runs().unwrap();
    assert_eq!(runs.len(), 1);
    store.read(&runs[0]).unwrap().unwrap()
}

/// What is held against what came of a run: the code that it ends with when it was stopped, and the signal it names.
fn disturbed(name: &str, way: Way, stopped: Option<(i32, &str)>) {
    let Some(postgres) = need::postgres() else {
        return;
    };
    let database = postgres.fresh_database(name);
    database.sql("CREATE TABLE log (what text)");
    let project = || {
        database.sql("DELETE FROM log");
        with_database(&database)
            .args(["run"])
            .playbook("a.rhai", PLAYBOOK)
    };
    let end = |pb: &Pb| {
        let written = fs::read_to_string(pb.folder().join("written")).unwrap_or_default();
        let mut written: Vec<_> = written.lines().map(str::to_owned).collect();
        written.sort();
        let rows = database.sql("SELECT string_agg(what, ' ' ORDER BY what) FROM log");
        format!("{rows}|{}", written.join(" "))
    };
    project().run().expect(0);
    let whole = project();
    let (status, all) = Told::start(&whole).disturbed_after(usize::MAX, way);
    assert_eq!(status.code(), Some(0));
    let expected = end(&whole);
    assert_eq!(expected, "a b c one slow two|1 2 3 one two");
    let mut resumed = 0;
    for point in 0..POINTS {
        let n = 1 + point * (all - 1) / POINTS;
        let pb = project();
        let (status, _) = Told::start(&pb).disturbed_after(n, way);
        let told = format!("{way:?} after {n} of {all} events: {status:?}");
        let history = history(&pb);
        assert_eq!((&history.damage, history.torn), (&None, 0), "{told}");
        match (stopped, history.ended()) {
            // Its end was faster.
            (_, Some(ended)) => {
                assert_eq!((status.code(), ended), (Some(0), Ended::Done), "{told}");
            }
            (Some((code, signal)), None) => {
                assert_eq!(status.code(), Some(code), "{told}");
                let last = history.records.last().map(|record| &record.body);
                let named = matches!(last, Some(Body::Interrupt { signal: s }) if s == signal);
                assert!(named, "{told}: {last:?}");
                resumed_to_its_end(&pb);
                resumed += 1;
            }
            (None, None) => panic!("{told}: it ended"),
        }
        assert_eq!(end(&pb), expected, "{told}");
    }
    need::say(&format!(
        "{way:?} at {POINTS} of {all} events: {resumed} stopped and resumed, {} came to their end, 0 duplicates, 0 other ends",
        POINTS - resumed
    ));
    assert_eq!(resumed > POINTS / 2, stopped.is_some());
}

/// A program that was given up half-way, as the second Ctrl-C asks for, is in doubt: a person says what it had written.
fn resumed_to_its_end(pb: &Pb) {
    let mut words: Vec<String> = vec![];
    while words.len() < 10 {
        let mut arguments = vec!["resume", "--yes", "--output", "json"];
        arguments.extend(words.iter().map(String::as_str));
        let outcome = pb.with(arguments).run();
        if outcome.code == 0 {
            return;
        }
        let outcome = outcome.expect(5);
        let result: serde_json::Value = serde_json::from_str(&outcome.stdout).unwrap();
        let text = |name: &str| result["error"][name].as_str().unwrap_or_default();
        assert_eq!(text("kind"), "doubt", "{outcome}");
        let written = fs::read_to_string(pb.folder().join("written")).unwrap_or_default();
        let echoed = text("message").split("echo ").nth(1);
        let echoed = echoed.and_then(|rest| rest.split(' ').next()).unwrap();
        let applied = written.lines().any(|line| line == echoed);
        let word = if applied { "applied" } else { "not-applied" };
        words.extend(["--settle".into(), format!("{}={word}", text("step"))]);
    }
    panic!("asked again and again: {words:?}");
}

#[test]
fn interrupted_at_any_event_it_is_resumed_to_the_same_end() {
    let way = Way::Once(Signal::INT);
    disturbed("signalled_int", way, Some((130, "SIGINT")));
}

#[test]
fn interrupted_twice_at_any_event_it_is_resumed_to_the_same_end() {
    let way = Way::Twice(Signal::INT);
    disturbed("signalled_twice", way, Some((130, "SIGINT")));
}

#[test]
fn terminated_at_any_event_it_is_resumed_to_the_same_end() {
    let way = Way::Once(Signal::TERM);
    disturbed("signalled_term", way, Some((143, "SIGTERM")));
}

#[test]
fn losing_the_terminal_at_any_event_ends_nothing() {
    disturbed("signalled_hup", Way::Once(Signal::HUP), None);
}

#[test]
fn losing_whoever_reads_its_output_ends_nothing() {
    disturbed("signalled_pipe", Way::Unread, None);
}

#[test]
fn stopped_and_continued_at_any_event_it_goes_on() {
    disturbed("signalled_stop", Way::StopAndGo, None);
}
