//! Keys of steps, as people read them.

/// `release / rolling[web-2]` out of `/savepoint:release#1/rolling#1[web-2]/swap_container#1`.
pub(super) fn scope(step: &str) -> Option<String> {
    let (scopes, _) = step.rsplit_once('/')?;
    let named: Vec<String> = scopes
        .split('/')
        .filter(|segment| !segment.is_empty())
        .map(segment)
        .collect();
    (!named.is_empty()).then(|| named.join(" / "))
}

fn segment(segment: &str) -> String {
    let (word, rest) = segment.split_once('#').unwrap_or((segment, ""));
    let item = rest.trim_start_matches(|c: char| c.is_ascii_digit());
    let name = word.split_once(':').map_or(word, |(_, name)| name);
    format!("{}{}", decoded(name), decoded(item))
}

/// Undoes the percent-encoding of keys.
pub(crate) fn decoded(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, tail @ ..] = rest {
        let hex = |bytes: &[u8]| u8::from_str_radix(std::str::from_utf8(bytes).ok()?, 16).ok();
        match tail.get(..2).and_then(hex).filter(|_| *first == b'%') {
            Some(byte) => {
                bytes.push(byte);
                rest = &tail[2..];
            }
            None => {
                bytes.push(*first);
                rest = tail;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_read_back() {
        assert_eq!(scope("/migrate#1"), None);
        assert_eq!(
            scope("/each#2[a%2Fb%20c]/sql#1").as_deref(),
            Some("each[a/b c]")
        );
        assert_eq!(decoded("100%"), "100%");
    }
}
