//! Percentiles and lines of the report.

use std::time::Duration;

/// Times of one thing, measured many times.
pub(crate) struct Times(Vec<Duration>);

impl Times {
    pub(crate) fn new(mut times: Vec<Duration>) -> Self {
        assert!(!times.is_empty(), "nothing was measured");
        times.sort();
        Self(times)
    }

    pub(crate) fn percentile(&self, percent: usize) -> Duration {
        self.0[(self.0.len() - 1) * percent / 100]
    }

    pub(crate) fn p50(&self) -> Duration {
        self.percentile(50)
    }
}

/// One line: what, how much, and what to compare it with.
pub(crate) fn line(what: &str, figure: &str, note: &str) {
    println!("{what:<44} {figure:>16}   {note}");
}

pub(crate) fn micros(time: Duration) -> String {
    format!("{:.0} µs", time.as_secs_f64() * 1e6)
}

pub(crate) fn millis(time: Duration) -> String {
    format!("{:.1} ms", time.as_secs_f64() * 1e3)
}

pub(crate) fn ratio(a: Duration, b: Duration) -> f64 {
    a.as_secs_f64() / b.as_secs_f64()
}
