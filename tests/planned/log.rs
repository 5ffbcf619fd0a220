//! What a server was told meanwhile, by its own log.

use crate::support::postgres::{Postgres, Settings};

/// Every statement, each entry behind a mark.
pub(super) const EVERYTHING: Settings = Settings {
    auth: crate::support::postgres::Auth::Trust,
    also_on: None,
    config: "log_statement = all\nlog_line_prefix = '@@ '\n",
    own_identity: false,
};

/// Changes what no transaction takes back, read only or not.
const WRITES: [&str; 11] = [
    "nextval(",
    "setval(",
    "pg_advisory_lock",
    "pg_advisory_xact",
    "pg_try_advisory",
    "pg_terminate",
    "pg_cancel",
    "pg_notify",
    "dblink",
    "lo_",
    "pg_current_xact_id(",
];

/// Fails when the server was told anything but to read.
#[track_caller]
pub(super) fn only_reads<T>(postgres: &Postgres, work: impl FnOnce() -> T) -> T {
    let before = postgres.log().len();
    let done = work();
    let log = postgres.log();
    let told = log[before..].split("@@ ").filter_map(|entry| {
        let (kind, text) = entry.strip_prefix("LOG:  ")?.split_once(": ")?;
        (kind == "statement" || kind.starts_with("execute ")).then_some(text)
    });
    let told = told.flat_map(|text| text.split(';').map(str::trim));
    let told: Vec<&str> = told.filter(|text| !text.is_empty()).collect();
    assert!(
        !told.is_empty(),
        "the server was not asked\n{}",
        &log[before..]
    );
    let mut reading = 0;
    for text in &told {
        let words = text
            .split_whitespace()
            .collect::<Vec<_>>()
            .join(" ")
            .to_uppercase();
        let begins = |word: &str| words.starts_with(word);
        if begins("BEGIN") || begins("START TRANSACTION") {
            assert!(words.contains("READ ONLY"), "{text}");
            reading += 1;
        } else {
            let reads = [
                "SET ",
                "RESET ",
                "DISCARD ",
                "CLOSE ALL",
                "ROLLBACK",
                "SELECT ",
                "WITH ",
            ];
            assert!(reads.iter().any(|word| begins(word)), "{text}");
        }
        for call in WRITES {
            assert!(!text.to_lowercase().contains(call), "{call}: {text}");
        }
    }
    assert!(reading > 0, "no transaction that only reads\n{told:#?}");
    done
}
