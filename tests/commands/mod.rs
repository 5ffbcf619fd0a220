//! The words of `pb`: what people and programs read, whole outputs compared.

pub(crate) mod answers;
mod check;
mod configuration;
mod damage;
mod disk_full;
mod explain;
mod help;
mod output;
mod parameters;
mod past;
mod plan;
mod protected;
mod resume;
mod run;
mod secrets;
mod signals;

use crate::support::outcome::Outcome;
use crate::support::pb::Pb;

/// `pb` as one and the same user everywhere.
fn pb() -> Pb {
    Pb::new().env("USER", "dana")
}

/// Numbers of seconds in JSON, as `0`.
fn without_times(mut outcome: Outcome) -> Outcome {
    let mut parts = outcome.stdout.split("\"took\":");
    let mut out = parts.next().unwrap().to_owned();
    for part in parts {
        let rest =
            part.trim_start_matches(|c: char| c.is_ascii_digit() || matches!(c, '.' | 'e' | '-'));
        out += &format!("\"took\":0{rest}");
    }
    outcome.stdout = out;
    outcome
}
