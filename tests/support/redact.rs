//! Replaces what differs from run to run, so that whole outputs can be compared.
//!
//! `<run>` run ids · `<time>` durations, clock times, dates · `<port>` after a host · `<id>` container and digest hashes ·
//! `<host>` this machine, behind `@` or between `on` and `at`.
//! Spaces before a duration or an exit code become two: columns are set by its width.

pub(crate) fn redact(text: &str) -> String {
    let host = rustix::system::uname();
    let host = host.nodename().to_string_lossy();
    let text = text
        .replace(&format!("@{host} "), "@<host> ")
        .replace(&format!(" on {host} at "), " on <host> at ");
    let lines = text.lines().map(line).map(|line| line + "\n");
    lines.collect()
}

fn line(line: &str) -> String {
    let mut out = String::new();
    // The exit code stands at the right edge: what is before it may be a path.
    let line = match line.rsplit_once("  exit ") {
        Some((before, code)) if code.parse::<u8>().is_ok() => {
            format!("{}  exit {code}", before.trim_end())
        }
        _ => line.to_owned(),
    };
    let mut rest = line.as_str();
    while let Some(first) = rest.chars().next() {
        let before = out.chars().next_back();
        let inside_word = before.is_some_and(|c| c.is_alphanumeric() || c == '_');
        let found = if inside_word {
            None
        } else {
            mark(before, rest)
        };
        match found {
            Some(("<time>", length)) => {
                let kept = out.trim_end_matches(' ').len();
                if out.len() > kept + 1 {
                    out.truncate(kept + 2);
                }
                out.push_str("<time>");
                rest = &rest[length..];
            }
            Some((mark, length)) => {
                out.push_str(mark);
                rest = &rest[length..];
            }
            None => {
                out.push(first);
                rest = &rest[first.len_utf8()..];
            }
        }
    }
    out
}

/// What `rest` begins with, and its length.
fn mark(before: Option<char>, rest: &str) -> Option<(&'static str, usize)> {
    let word = prefix(rest, |c| c.is_ascii_alphanumeric());
    let digits = prefix(rest, |c| c.is_ascii_digit());
    let minute = || minute(rest).filter(|_| before == Some(' '));
    if let Some(length) = moment(rest).or_else(|| duration(rest)).or_else(minute) {
        return Some(("<time>", length));
    }
    let hex = word.chars().all(|c| matches!(c, '0'..='9' | 'a'..='f'));
    if hex && matches!(word.len(), 12 | 40 | 64) && word.len() > digits.len() {
        return Some(("<id>", word.len()));
    }
    // The id of a run: the seconds since 1970 in base 32, which begin with 1 until 2038, and three letters of chance.
    let base32 = |c: char| c.is_ascii_digit() || c.is_ascii_uppercase();
    if word.len() == 10
        && word.starts_with('1')
        && word.chars().all(base32)
        && word.len() > digits.len()
    {
        return Some(("<run>", word.len()));
    }
    if before == Some(':') && (4..=5).contains(&digits.len()) && word == digits {
        return Some(("<port>", digits.len()));
    }
    None
}

/// `2m09s`, `41.2 s`, `38 ms`, `850ms`, `1h02m`.
fn duration(rest: &str) -> Option<usize> {
    let mut length = 0;
    loop {
        let number = prefix(&rest[length..], |c| c.is_ascii_digit() || c == '.');
        if number.is_empty() || number.starts_with('.') || number.ends_with('.') {
            break;
        }
        let after = &rest[length + number.len()..];
        let spaced = after.strip_prefix(' ').filter(|_| length == 0);
        let unit = prefix(spaced.unwrap_or(after), |c| {
            c.is_ascii_alphabetic() || c == 'µ'
        });
        let unit_ends = ["ms", "µs", "h", "m", "s"]
            .into_iter()
            .find(|name| unit == *name);
        // Within `2m09s` a unit is followed by the next number, not by a letter.
        unit_ends?;
        length += number.len() + usize::from(spaced.is_some()) + unit.len();
        if spaced.is_some() {
            break;
        }
    }
    (length > 0).then_some(length)
}

/// `14:01`, as a word of its own.
fn minute(rest: &str) -> Option<usize> {
    let digits = |at: usize| rest.bytes().skip(at).take(2).all(|b| b.is_ascii_digit());
    let word = prefix(rest, |c| {
        c.is_ascii_alphanumeric() || matches!(c, ':' | '.')
    });
    (word.len() == 5 && word.as_bytes()[2] == b':' && digits(0) && digits(3)).then_some(5)
}

/// `22:14:07`, `2026-01-31`, `2026-01-31T22:14:07.123Z`.
fn moment(rest: &str) -> Option<usize> {
    let shape = |text: &str, shape: &str| {
        text.len() >= shape.len()
            && text
                .bytes()
                .zip(shape.bytes())
                .all(|(byte, wanted)| match wanted {
                    b'0' => byte.is_ascii_digit(),
                    _ => byte == wanted,
                })
    };
    let clock = |text: &str| {
        shape(text, "00:00:00").then(|| {
            let fraction = text[8..].strip_prefix('.');
            let fraction = fraction.map_or(0, |f| 1 + prefix(f, |c| c.is_ascii_digit()).len());
            8 + fraction + usize::from(text[8 + fraction..].starts_with('Z'))
        })
    };
    if !shape(rest, "0000-00-00") {
        return clock(rest);
    }
    let after = rest[10..].strip_prefix(['T', ' ']);
    Some(10 + after.and_then(clock).map_or(0, |length| 1 + length))
}

fn prefix(text: &str, belongs: impl Fn(char) -> bool) -> &str {
    let end = text.find(|c| !belongs(c)).unwrap_or(text.len());
    &text[..end]
}

#[cfg(test)]
mod tests {
    use super::redact;

    #[track_caller]
    fn check(text: &str, expected: &str) {
        assert_eq!(redact(text), format!("{expected}\n"));
    }

    #[test]
    fn what_differs_between_runs_is_replaced() {
        check(
            "prod · rolling.rhai · run 1NG20HCY3M",
            "prod · rolling.rhai · run <run>",
        );
        check(
            " ✓ 1 backup    shop      41.2 s",
            " ✓ 1 backup    shop  <time>",
        );
        check("within 60 s, 850ms, 2m09s", "within <time>, <time>, <time>");
        check(
            "GET http://127.0.0.1:32771/health/",
            "GET http://127.0.0.1:<port>/health/",
        );
        check(
            "  hint: pb runs              exit 2",
            "  hint: pb runs  exit 2",
        );
        check("container web-2-1NG20HCY3M", "container web-2-<run>");
        check(
            "1NG20HCY3M  today 14:01  a.rhai",
            "<run>  today <time>  a.rhai",
        );
        check(
            "sha256:2bb80d537b1da3e38bd30361aa855686bde0eacd7162fef6a25fe97bf527a25b",
            "sha256:<id>",
        );
        check("at 22:14:07 on 2026-01-31", "at <time> on <time>");
        check("\"ts\":\"2026-01-31T22:14:07.123Z\"", "\"ts\":\"<time>\"");
    }

    #[test]
    fn what_is_said_is_kept() {
        for text in [
            "5 steps, web:2.0, rolling.rhai:14:9, x.rhai:10:12",
            "12 tries of 1,733 tenants",
            "0042 0043 0044",
            "error[PB0042]: `web-2`",
            "exit 143",
            "4 changes · 3 servers",
            "deadbeef",
        ] {
            check(text, text);
        }
    }
}
