//! Times as people read them.

use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};

/// A length of time: `0.31 s`, `41.2 s`, `2m09s`, `1h02m`.
pub(crate) fn took(millis: u64) -> String {
    let seconds = millis as f64 / 1000.0;
    let whole = millis / 1000;
    match millis {
        0..995 => format!("{seconds:.2} s"),
        995..99_950 => format!("{seconds:.1} s"),
        99_950..3_600_000 => format!("{}m{:02}s", whole / 60, whole % 60),
        _ => format!("{}h{:02}m", whole / 3600, whole / 60 % 60),
    }
}

/// The same while it still goes on: whole seconds.
pub(crate) fn so_far(millis: u64) -> String {
    match millis {
        0..100_000 => format!("{} s", millis / 1000),
        _ => took(millis),
    }
}

/// A moment as seen from another one: `today 14:01`, `yesterday`, `2026-11-19`.
pub(crate) fn when(millis: u64, now: u64, zone: &TimeZone) -> String {
    let local = |t: u64| {
        let at = Timestamp::from_millisecond(t as i64).unwrap_or_default();
        at.to_zoned(zone.clone()).datetime()
    };
    let (at, now) = (local(millis), local(now));
    let yesterday = now.date().checked_sub(1.day()).ok();
    if at.date() == now.date() {
        format!("today {}", at.strftime("%H:%M"))
    } else if Some(at.date()) == yesterday {
        "yesterday".to_owned()
    } else {
        at.date().to_string()
    }
}

/// A moment to the second.
pub(crate) fn exact(millis: u64, zone: &TimeZone) -> String {
    let at = Timestamp::from_millisecond(millis as i64).unwrap_or_default();
    at.to_zoned(zone.clone())
        .strftime("%Y-%m-%d %H:%M:%S %Z")
        .to_string()
}

/// A moment for programs: RFC 3339 in UTC.
pub(crate) fn rfc3339(millis: u64) -> String {
    Timestamp::from_millisecond(millis as i64)
        .unwrap_or_default()
        .to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths() {
        let check = |millis, expected: &str| assert_eq!(took(millis), expected, "{millis}");
        check(0, "0.00 s");
        check(309, "0.31 s");
        check(994, "0.99 s");
        check(996, "1.0 s");
        check(9_840, "9.8 s");
        check(60_000, "60.0 s");
        check(99_949, "99.9 s");
        check(99_960, "1m39s");
        check(129_000, "2m09s");
        check(3_725_000, "1h02m");
        assert_eq!(so_far(12_999), "12 s");
        assert_eq!(so_far(100_000), "1m40s");
    }

    #[test]
    fn moments() {
        let now = 1_795_442_400_000; // 2026-11-23 14:00 UTC
        let hour = 3_600_000;
        let check = |t, expected: &str| assert_eq!(when(t, now, &TimeZone::UTC), expected);
        check(now + 60_000, "today 14:01");
        check(now - 14 * hour, "today 00:00");
        check(now - 15 * hour, "yesterday");
        check(now - 50 * hour, "2026-11-21");
        assert_eq!(exact(now, &TimeZone::UTC), "2026-11-23 14:00:00 UTC");
        assert_eq!(rfc3339(now + 5), "2026-11-23T14:00:00.005Z");
        let berlin = TimeZone::fixed(jiff::tz::offset(1));
        assert_eq!(when(now - 15 * hour, now, &berlin), "today 00:00");
    }
}
