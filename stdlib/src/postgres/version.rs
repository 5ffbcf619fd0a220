//! The version of a migration: the text of its file name before the first `_`.

use std::cmp::Ordering;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use thiserror::Error;

/// A version such as `0042`, `20260131120000`, `2026-01-31` or `1.10`: it starts with a digit and
/// goes on with ASCII letters, digits, `.` and `-`.
///
/// Order: a version is a row of runs, digits and what stands between them. Runs are compared one
/// by one: digits as numbers of any width, leading zeros aside, others byte by byte, digits before
/// others, and a version before its own continuation. So `2` = `0002` < `2a` < `2.9` < `2.10` <
/// `10`, in which each sort has its place and no pair depends on a third.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "String", into = "String")]
pub struct Version(String);

/// Why a text is no version.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error(
    "`{text}` was no version: it starts with a digit and holds ASCII letters, digits, `.` and `-`"
)]
pub struct VersionError {
    pub text: String,
}

impl Version {
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The number of a version that counts migrations, none for a date or another sort. Counters
    /// have up to six digits, dates at least eight.
    pub fn counter(&self) -> Option<u32> {
        let is_short = self.0.trim_start_matches('0').len() <= 6;
        self.0.parse().ok().filter(|_| is_short)
    }

    fn runs(&self) -> impl Iterator<Item = Run<'_>> {
        let mut rest = self.0.as_str();
        std::iter::from_fn(move || {
            let is_number = rest.starts_with(|first: char| first.is_ascii_digit());
            let end = rest.find(|next: char| next.is_ascii_digit() != is_number);
            let (run, after) = rest.split_at(end.unwrap_or(rest.len()));
            rest = after;
            match (run, is_number) {
                ("", _) => None,
                (run, true) => {
                    let digits = run.trim_start_matches('0');
                    Some(Run::Number {
                        width: digits.len(),
                        digits,
                    })
                }
                (run, false) => Some(Run::Text(run)),
            }
        })
    }
}

/// Declared in the order in which runs are sorted.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
enum Run<'a> {
    /// Without leading zeros, so the longer one is the greater.
    Number {
        width: usize,
        digits: &'a str,
    },
    Text(&'a str),
}

impl TryFrom<String> for Version {
    type Error = VersionError;

    fn try_from(text: String) -> Result<Self, VersionError> {
        let belongs = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-');
        if text.starts_with(|first: char| first.is_ascii_digit()) && text.chars().all(belongs) {
            Ok(Self(text))
        } else {
            Err(VersionError { text })
        }
    }
}

impl From<Version> for String {
    fn from(version: Version) -> Self {
        version.0
    }
}

impl std::fmt::Display for Version {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl Ord for Version {
    fn cmp(&self, other: &Self) -> Ordering {
        self.runs().cmp(other.runs())
    }
}

impl PartialOrd for Version {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// By order, not by spelling: `1` is `0001`.
impl PartialEq for Version {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Version {}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::postgres::noise::Noise;

    fn version(text: &str) -> Version {
        Version::try_from(text.to_owned()).expect("the test writes a version")
    }

    #[test]
    fn numbers_are_compared_as_numbers() {
        #[track_caller]
        fn check(smaller: &str, greater: &str) {
            assert!(version(smaller) < version(greater), "{smaller} < {greater}");
            assert!(version(greater) > version(smaller), "{greater} > {smaller}");
        }
        check("2", "10");
        check("0002", "10");
        check("9", "0010");
        check("0", "1");
        check("1", "2a");
        check("2", "2a");
        check("2a", "10");
        check("2a", "2b");
        check("2a9", "2a10");
        check("2-9", "2-10");
        check("2.9", "2.10");
        check("2", "2.0");
        check("2.0", "2.0.0");
        check("2-1", "2a");
        check("2026-01-31", "2026-02-01");
        check("20260131", "20260131120000");
        check("99999999999999999999999998", "99999999999999999999999999");
        check("99999999999999999999999999", "100000000000000000000000000");
    }

    #[test]
    fn leading_zeros_make_no_difference() {
        for (left, right) in [
            ("1", "0001"),
            ("0", "000"),
            ("2026-01", "2026-1"),
            ("1.010", "01.10"),
        ] {
            assert_eq!(version(left), version(right));
        }
        assert_ne!(version("10"), version("1"));
        assert_ne!(version("1a"), version("1A"));
    }

    #[test]
    fn the_order_is_total() {
        let mut noise = Noise::new(4);
        for _ in 0..5_000 {
            let mut some = || {
                version(&format!(
                    "{}{}",
                    noise.below(3),
                    noise.soup(&["0", "1", "a", ".", "-"], 3)
                ))
            };
            let (a, b, c) = (some(), some(), some());
            assert_eq!(a.cmp(&b), b.cmp(&a).reverse(), "{a} {b}");
            assert!(!(a <= b && b <= c) || a <= c, "{a} {b} {c}");
        }
    }

    #[test]
    fn what_is_no_version_is_refused() {
        for text in ["", "a1", "V1", "-1", "1 2", "1_2", "1é", "1/2", "١"] {
            let error = serde_json::from_value::<Version>(text.into()).expect_err(text);
            assert_eq!(
                error.to_string(),
                format!(
                    "`{text}` was no version: it starts with a digit and holds ASCII letters, digits, `.` and `-`"
                )
            );
        }
        let found: Version = serde_json::from_str("\"0042\"").expect("0042 is a version");
        assert_eq!(
            serde_json::to_string(&found).expect("a text is JSON"),
            "\"0042\""
        );
    }

    #[test]
    fn counters_are_told_from_dates() {
        #[track_caller]
        fn check(text: &str, expect: Option<u32>) {
            assert_eq!(version(text).counter(), expect, "{text}");
        }
        check("0001", Some(1));
        check("000999999", Some(999_999));
        check("1000000", None);
        check("20260131", None);
        check("1a", None);
        check("1.2", None);
        check("0", Some(0));
    }
}
