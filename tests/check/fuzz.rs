//! Ten thousand scripts that nobody would write: the check panics over none, and none takes it a second.
//!
//! A sample is tried in each run of the tests; `SCRIPTS=10000` tries all, `SEED=n` those of another run again.

use std::env;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant, SystemTime};

use pb_core::run::Registry;
use pb_runtime::{Environment, Script, check, refused};
use serde_json::json;

use super::chance::Chance;
use super::soup::Soup;

const SAMPLE: usize = 2_000;
const LONGEST: Duration = Duration::from_secs(1);
/// As much as the command's own thread has.
const STACK: usize = 8 << 20;

#[test]
fn no_script_makes_the_check_panic_or_hang() {
    let number = |name: &str| {
        env::var(name)
            .ok()
            .and_then(|text| text.parse::<u64>().ok())
    };
    let now = SystemTime::now()
        .duration_since(SystemTime::UNIX_EPOCH)
        .unwrap();
    let seed = number("SEED").unwrap_or(now.as_nanos() as u64);
    let scripts = number("SCRIPTS").map_or(SAMPLE, |n| n as usize);
    println!("seed {seed}");
    let tried = thread::Builder::new()
        .stack_size(STACK)
        .spawn(move || all(seed, scripts));
    let (longest, parsed, findings) = tried.unwrap().join().unwrap();
    println!(
        "{scripts} scripts, of which {parsed} could be parsed: {findings} findings, 0 panics, the longest took {longest:?}"
    );
    // Soup that the parser refuses tries little.
    let enough = parsed * 4 > scripts || scripts < 100;
    assert!(enough, "{parsed} of {scripts} could be parsed");
}

fn all(seed: u64, scripts: usize) -> (Duration, usize, usize) {
    let registry = pb_stdlib::registry(Path::new("."), None);
    let soup = Soup::new(&registry);
    let environment = Environment {
        name: "prod".into(),
        target: json!({ "url": "https://shop.example.com", "web": ["web-1"] }),
    };
    let (mut longest, mut parsed, mut findings) = (Duration::ZERO, 0, 0);
    for n in 0..scripts {
        // Each has a chance of its own, so that one can be tried alone.
        let mut chance = Chance(
            seed.wrapping_add(n as u64)
                .wrapping_mul(0x9E37_79B9_7F4A_7C15),
        );
        let text = soup.script(&mut chance);
        let environment = chance.one_in(2).then_some(&environment);
        let one = || catch_unwind(AssertUnwindSafe(|| look(&text, &registry, environment)));
        let again = format!(
            "SEED={} SCRIPTS=1, over\n{text}",
            seed.wrapping_add(n as u64)
        );
        let began = Instant::now();
        let found = one().unwrap_or_else(|_| panic!("the check panics: {again}"));
        let mut took = began.elapsed();
        if took > LONGEST {
            // It may be the machine that was busy.
            let began = Instant::now();
            drop(one());
            took = began.elapsed();
        }
        assert!(took < LONGEST, "the check takes {took:?}: {again}");
        longest = longest.max(took);
        parsed += usize::from(found.is_some());
        findings += found.unwrap_or(0);
    }
    (longest, parsed, findings)
}

/// As the command does it; gives the number of findings of what could be parsed.
fn look(text: &str, registry: &Registry, environment: Option<&Environment>) -> Option<usize> {
    match Script::from_text("soup.rhai", text, pb_stdlib::LIBRARY) {
        Ok(script) => Some(check(&script, registry, environment, None).findings.len()),
        Err(failure) => {
            let finding = refused("soup.rhai", &failure, Some(text));
            assert!(finding.column <= finding.end_column, "{finding:?}");
            None
        }
    }
}
