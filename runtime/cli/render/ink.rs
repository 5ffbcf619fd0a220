//! Colour and signs. Colour only repeats what a sign or a word says; where the locale is not UTF-8 all of it is ASCII.

use std::borrow::Cow;

/// What a piece of text means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Tone {
    /// As wanted.
    Good,
    /// Went wrong.
    Bad,
    /// Worth a look.
    Warn,
    /// Beside the point.
    Dim,
    /// A heading.
    Strong,
    /// Something to type or to look up.
    Code,
}

/// How text is put on one output.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Ink {
    /// Whether escape sequences may be written.
    pub(crate) colour: bool,
    /// Whether more than ASCII may be written.
    pub(crate) unicode: bool,
}

impl Ink {
    /// The text in its colour.
    pub(crate) fn paint(self, tone: Tone, text: &str) -> String {
        if !self.colour || text.is_empty() {
            return text.to_owned();
        }
        let code = match tone {
            Tone::Good => "32",
            Tone::Bad => "31",
            Tone::Warn => "33",
            Tone::Dim => "2",
            Tone::Strong => "1",
            Tone::Code => "36",
        };
        format!("\u{1b}[{code}m{text}\u{1b}[0m")
    }

    /// The text in the characters that the output can show.
    pub(crate) fn spell<'a>(self, text: &'a str) -> Cow<'a, str> {
        if self.unicode || text.is_ascii() {
            return Cow::Borrowed(text);
        }
        let mut out = String::with_capacity(text.len());
        for c in text.chars() {
            match ascii(c) {
                Some(known) => out.push_str(known),
                None if c.is_ascii() => out.push(c),
                None => out.push('?'),
            }
        }
        Cow::Owned(out)
    }

    /// What stands for text that was cut off.
    pub(crate) fn cut(self) -> &'static str {
        if self.unicode { "…" } else { "..." }
    }
}

fn ascii(c: char) -> Option<&'static str> {
    Some(match c {
        '✓' => "+",
        '✗' => "x",
        '↶' => "<",
        '▸' => ">",
        '‖' => "|",
        '●' => "*",
        '·' => "-",
        '–' | '—' => "-",
        '…' => "...",
        '→' => "->",
        '←' => "<-",
        '×' => "x",
        '‹' => "<",
        '›' => ">",
        '‘' | '’' => "'",
        '“' | '”' => "\"",
        '█' => "#",
        '\u{a0}' => " ",
        _ => return None,
    })
}

/// Chooses colour and characters from what the flags and the environment say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum When {
    /// On terminals, unless the environment says otherwise.
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

impl When {
    /// Whether to colour: the flag, then `NO_COLOR`, then `CLICOLOR_FORCE`, then the terminal.
    pub(crate) fn decide(self, terminal: bool, env: impl Fn(&str) -> Option<String>) -> bool {
        let set = |name: &str| env(name).is_some_and(|value| !value.is_empty());
        match self {
            Self::Always => true,
            Self::Never => false,
            Self::Auto if set("NO_COLOR") => false,
            Self::Auto
                if set("CLICOLOR_FORCE") && env("CLICOLOR_FORCE").as_deref() != Some("0") =>
            {
                true
            }
            Self::Auto => terminal && env("TERM").as_deref() != Some("dumb"),
        }
    }
}

/// Whether the locale writes UTF-8: the first of the three variables that is set decides.
pub(crate) fn is_utf8(env: impl Fn(&str) -> Option<String>) -> bool {
    let locale = ["LC_ALL", "LC_CTYPE", "LANG"]
        .into_iter()
        .find_map(|name| env(name).filter(|value| !value.is_empty()))
        .unwrap_or_default()
        .to_lowercase();
    locale.contains("utf-8") || locale.contains("utf8")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn env(pairs: &'static [(&str, &str)]) -> impl Fn(&str) -> Option<String> {
        move |name| {
            pairs
                .iter()
                .find(|(n, _)| *n == name)
                .map(|(_, v)| (*v).to_owned())
        }
    }

    #[test]
    fn the_flag_wins_then_no_color_then_force_then_the_terminal() {
        let check = |when: When, terminal, pairs, expected| {
            assert_eq!(
                when.decide(terminal, env(pairs)),
                expected,
                "{when:?} {terminal} {pairs:?}"
            );
        };
        check(When::Auto, true, &[], true);
        check(When::Auto, false, &[], false);
        check(When::Auto, true, &[("NO_COLOR", "1")], false);
        check(When::Auto, true, &[("NO_COLOR", "")], true);
        check(When::Auto, false, &[("CLICOLOR_FORCE", "1")], true);
        check(When::Auto, false, &[("CLICOLOR_FORCE", "0")], false);
        check(
            When::Auto,
            false,
            &[("CLICOLOR_FORCE", "1"), ("NO_COLOR", "1")],
            false,
        );
        check(When::Auto, true, &[("TERM", "dumb")], false);
        check(When::Always, false, &[("NO_COLOR", "1")], true);
        check(When::Never, true, &[("CLICOLOR_FORCE", "1")], false);
    }

    #[test]
    fn the_locale_decides_about_signs() {
        let check = |pairs, expected| assert_eq!(is_utf8(env(pairs)), expected, "{pairs:?}");
        check(&[("LANG", "de_DE.UTF-8")], true);
        check(&[("LANG", "C.utf8")], true);
        check(&[("LANG", "en_US.UTF-8"), ("LC_ALL", "C")], false);
        check(&[("LC_ALL", ""), ("LC_CTYPE", "en_US.UTF-8")], true);
        check(&[("LANG", "C")], false);
        check(&[], false);
    }

    #[test]
    fn ascii_says_the_same() {
        let ink = Ink {
            colour: false,
            unicode: false,
        };
        assert_eq!(
            ink.spell("✓ 0042…0044 → ‹secret env:P› · é"),
            "+ 0042...0044 -> <secret env:P> - ?"
        );
    }
}
