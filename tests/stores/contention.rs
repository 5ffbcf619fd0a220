//! Many processes want one database, and some of its holders are killed.

use crate::primitives::stage::with_database;
use crate::support::need;
use rustix::process::Signal;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

/// So many at the same time: each is a process with a state directory of its own.
const WIDTH: usize = 6;

const PLAYBOOK: &str = "\
let db = target.database;
sql(db, \"INSERT INTO log (run, what) SELECT run, 'begin' FROM pb.lease\");
sql(db, \"SELECT pg_sleep(0.02)\");
sql(db, \"INSERT INTO log (run, what) SELECT run, 'end' FROM pb.lease\");
";

/// `LOCKS=1000` takes that many processes; one in five that come to hold the database is killed, and resumed at once.
#[test]
fn of_many_runs_one_at_a_time_works_and_a_killed_one_frees_its_lock() {
    let Some(postgres) = need::postgres() else {
        return;
    };
    let database = &postgres.fresh_database("contention");
    database.sql("CREATE TABLE log (n bigserial, run text, what text)");
    // The row of the lease is there from the first run on.
    let first = with_database(database).args(["run"]);
    let first = first.playbook("a.rhai", PLAYBOOK);
    first.run().expect(0);
    database.sql("TRUNCATE log");
    let all: usize = std::env::var("LOCKS").map_or(40, |n| n.parse().expect("a number"));
    let (next, killed, longest) = (
        &AtomicUsize::new(0),
        &AtomicUsize::new(0),
        &AtomicUsize::new(0),
    );
    let began = Instant::now();
    thread::scope(|scope| {
        for _ in 0..WIDTH {
            scope.spawn(move || {
                while next.fetch_add(1, Ordering::SeqCst) < all {
                    let n = next.load(Ordering::SeqCst);
                    let pb = with_database(database).playbook("a.rhai", PLAYBOOK);
                    let run = pb.with(["run", "a.rhai", "--wait", "100s"]);
                    let started = Instant::now();
                    loop {
                        let mut running = run.start();
                        let mut was_killed = false;
                        while n % 5 == 0 && !running.has_ended() {
                            let text = "SELECT pid FROM pb.lease WHERE ended IS NULL";
                            let pid = running.pid();
                            if database.sql(text) == pid {
                                running.signal(Signal::KILL);
                                was_killed = true;
                                break;
                            }
                            thread::sleep(Duration::from_millis(2));
                        }
                        let outcome = running.wait();
                        if was_killed && outcome.code != 0 {
                            killed.fetch_add(1, Ordering::SeqCst);
                            // Its lock is free within two seconds, or this is refused.
                            let resume = pb.with(["resume", "--yes", "--wait", "2s"]);
                            resume.run().expect(0);
                            break;
                        }
                        match outcome.code {
                            // Somebody's killed run stands in the way until it is resumed.
                            6 => thread::sleep(Duration::from_millis(50)),
                            _ => {
                                outcome.expect(0);
                                break;
                            }
                        }
                    }
                    longest.fetch_max(started.elapsed().as_millis() as usize, Ordering::SeqCst);
                }
            });
        }
    });
    let count = |text: &str| database.sql(text);
    // Between a run's begin and its end there is no other run's row.
    let overlaps = "SELECT count(*) FROM (SELECT what, run, lag(what) OVER w AS last, lag(run) OVER w AS by FROM log \
                    WINDOW w AS (ORDER BY n)) l WHERE what = 'end' AND (last <> 'begin' OR by <> run)";
    println!(
        "{all} runs in {:.0} s, {} killed: {} overlaps, the longest took {} ms",
        began.elapsed().as_secs_f32(),
        killed.load(Ordering::SeqCst),
        count(overlaps),
        longest.load(Ordering::SeqCst),
    );
    assert_eq!(count(overlaps), "0");
    let whole = "SELECT count(*) || ' ' || count(DISTINCT run) FROM log WHERE what = 'end'";
    assert_eq!(count(whole), format!("{all} {all}"));
    let twice = "SELECT count(*) FROM (SELECT FROM log GROUP BY run, what HAVING count(*) > 1) t";
    assert_eq!(count(twice), "0");
    assert!(killed.load(Ordering::SeqCst) > 0);
}
