//! A run with steps of every kind, killed anywhere: it is resumed, and nothing is done twice.

mod books;
pub(crate) mod traced;
mod trial;
mod world;

use crate::support::need;
use nix::errno::Errno;
use nix::sys::signal::Signal;
use std::collections::BTreeMap;
use std::sync::Mutex;
use std::thread;
use std::time::Instant;
use traced::{Blow, Call, Strike, When};
use trial::{Expected, Tally, Trial, Way};
use world::World;

/// So many trials are made unless `KILLS=all` asks for every one, or `KILLS` for points by their names.
const SAMPLE: usize = 30;

#[test]
fn killed_at_any_call_to_the_outside_it_goes_on_to_the_same_end() {
    check("killed", 6, |calls| chosen(&kills(calls)));
}

#[test]
fn with_an_error_at_any_call_to_the_outside_it_ends_in_a_known_state() {
    check("given_errors", 3, errors);
}

/// Tries what is chosen in so many worlds at the same time, and tells how often it came to what.
fn check(name: &str, worlds: usize, choose: impl Fn(&[Call]) -> Vec<(Strike, Way)>) {
    let (Some(postgres), Some(docker)) = (need::postgres(), need::docker()) else {
        return;
    };
    let worlds = (0..worlds).map(|n| {
        let name = format!("{name}_{n}");
        Some(World::new(&name, postgres, docker, need::haproxy()?))
    });
    let Some(mut worlds) = worlds.collect::<Option<Vec<_>>>() else {
        return;
    };
    let began = Instant::now();
    let whole = traced::run(&worlds[0].pb, None);
    assert_eq!(whole.outcome.code, 0, "{}", whole.outcome);
    let done = worlds[0].found();
    worlds[0].pb.with(["rollback", "--yes"]).run().expect(0);
    let undone = worlds[0].found();
    let expected = Expected { done, undone };
    let trials = choose(&whole.calls);
    let (count, left) = (trials.len(), Mutex::new(trials.into_iter().enumerate()));
    let tally = Mutex::new(Tally::default());
    thread::scope(|scope| {
        for world in &mut worlds {
            scope.spawn(|| {
                loop {
                    let next = left.lock().unwrap().next();
                    let Some((n, (strike, way))) = next else {
                        return;
                    };
                    world.begin_anew();
                    let trial = Trial::of(world, strike, way, &expected);
                    let mut tally = tally.lock().unwrap();
                    if let Some(wrong) = tally.add(trial) {
                        need::say(wrong);
                    }
                    if n % 100 == 99 {
                        need::say(&format!("{} of {count}: {tally}", n + 1));
                    }
                }
            });
        }
    });
    let tally = tally.into_inner().unwrap();
    let seconds = began.elapsed().as_secs();
    need::say(&format!("{name}: {tally} ({seconds} s)"));
    assert!(tally.wrong.is_empty(), "{}", tally.wrong.join("\n"));
    let enough = tally.points >= count * 9 / 10;
    assert!(enough, "too few came to their point");
}

/// Every point of a run with these calls, in their order. A record that is written outlives the process as one that is
/// durable does; a connection over which nothing was sent is like none; and being told to stop takes no such care.
fn kills(calls: &[Call]) -> Vec<Strike> {
    let mut counts = BTreeMap::new();
    let mut points = vec![];
    for call in calls {
        let n = counts.entry(*call).or_insert(0);
        *n += 1;
        let strike = |when, signal| Strike {
            call: *call,
            n: *n,
            when,
            blow: Blow::Signal(signal),
        };
        let [before, after] = [When::Before, When::After].map(|when| strike(when, Signal::SIGKILL));
        let told = strike(When::Before, Signal::SIGTERM);
        points.extend(match call {
            Call::Write | Call::Unlink | Call::Rename => vec![before],
            Call::Sync => vec![after, told],
            Call::Send => vec![before, after],
            Call::Spawn => vec![before, after, told],
            Call::Connect | Call::Receive => vec![],
        });
    }
    points
}

/// The trials that are asked for: at every point the run is resumed, at every eighth one rolled back as well.
fn chosen(points: &[Strike]) -> Vec<(Strike, Way)> {
    let both = |(n, strike): (usize, &Strike)| {
        let back = (n % 8 == 0).then_some((*strike, Way::RollBack));
        [(*strike, Way::Resume)].into_iter().chain(back)
    };
    let trials: Vec<_> = points.iter().enumerate().flat_map(both).collect();
    let len = trials.len();
    match std::env::var("KILLS") {
        Err(_) => (0..SAMPLE).map(|i| trials[i * len / SAMPLE]).collect(),
        Ok(all) if all == "all" => scattered(trials),
        Ok(names) => {
            let named = |trial: &&(Strike, Way)| is_named(&trial.0, &names);
            trials.iter().filter(named).copied().collect()
        }
    }
}

/// Whether it is one of these, between commas.
fn is_named(strike: &Strike, names: &str) -> bool {
    let strike = strike.to_string();
    names.split(',').any(|name| name.trim() == strike)
}

/// Not in their order: whoever stops it early has tried some of everything. 977 is a prime.
fn scattered<T: Copy>(trials: Vec<T>) -> Vec<T> {
    let len = trials.len();
    (0..len).map(|i| trials[i * 977 % len]).collect()
}

/// What each call may meet.
const ERRORS: [(Call, Errno); 13] = [
    (Call::Sync, Errno::EIO),
    (Call::Write, Errno::EIO),
    (Call::Write, Errno::ENOSPC),
    (Call::Send, Errno::ECONNRESET),
    (Call::Send, Errno::EPIPE),
    (Call::Send, Errno::ETIMEDOUT),
    (Call::Receive, Errno::ECONNRESET),
    (Call::Receive, Errno::ETIMEDOUT),
    (Call::Receive, Errno::EIO),
    (Call::Connect, Errno::ECONNREFUSED),
    (Call::Connect, Errno::ETIMEDOUT),
    (Call::Spawn, Errno::EAGAIN),
    (Call::Unlink, Errno::EIO),
];

/// Each error once, in the middle of the run; with `KILLS=all` at many places of it.
fn errors(calls: &[Call]) -> Vec<(Strike, Way)> {
    let kills = std::env::var("KILLS").ok();
    let all = |call| calls.iter().filter(|one| **one == call).count();
    let places = |call| -> Vec<usize> {
        let spread = |places| (0..places).map(move |i| 1 + all(call) * (2 * i + 1) / (2 * places));
        match kills.as_deref() {
            None => spread(1).collect(),
            Some("all") => spread(24).collect(),
            Some(_) => (1..=all(call)).collect(),
        }
    };
    let strikes = ERRORS.iter().flat_map(|(call, errno)| {
        let blow = Blow::Error(*errno);
        places(*call).into_iter().map(move |n| Strike {
            call: *call,
            n,
            when: When::Before,
            blow,
        })
    });
    let is_wanted = |strike: &Strike| match kills.as_deref() {
        None | Some("all") => true,
        Some(names) => is_named(strike, names),
    };
    let trials = strikes
        .filter(is_wanted)
        .map(|strike| (strike, Way::Resume));
    scattered(trials.collect())
}
