//! Text from outside is hostile: what could move the cursor, colour the screen, reorder a line or command a CI system is
//! taken out before it is shown.

/// One line: line ends and tabs become spaces.
pub(crate) fn line(text: &str) -> String {
    let kept = shown(text);
    let mut line = String::with_capacity(kept.len());
    for part in kept.split(['\n', '\t']).filter(|part| !part.is_empty()) {
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(part);
    }
    line
}

/// Lines and tabs stay.
pub(crate) fn lines(text: &str) -> String {
    shown(text)
}

/// A line that no CI system takes for a command of its own: `::error::`, `##[group]`, `##vso[…]`.
pub(crate) fn neutral(line: &str) -> String {
    let line = line.replace("##[", "## [").replace("##vso[", "## vso[");
    let start = line.len() - line.trim_start().len();
    let is_command =
        |rest: &&str| rest.starts_with(|c: char| c.is_ascii_alphabetic()) && rest.contains("::");
    match line[start..].strip_prefix("::").filter(is_command) {
        Some(rest) => format!("{}: :{rest}", &line[..start]),
        None => line,
    }
}

fn shown(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '\u{1b}' => skip_escape(&mut chars),
            '\u{9b}' => skip_control(&mut chars),
            '\u{90}' | '\u{98}' | '\u{9d}'..='\u{9f}' => skip_string(&mut chars),
            '\n' | '\t' => out.push(c),
            '\r' if chars.peek() == Some(&'\n') => {}
            '\r' | '\u{2028}' | '\u{2029}' => out.push('\n'),
            c if c.is_control() || is_invisible_order(c) => {}
            c => out.push(c),
        }
    }
    out
}

type Chars<'a> = std::iter::Peekable<std::str::Chars<'a>>;

fn skip_escape(chars: &mut Chars<'_>) {
    match chars.peek() {
        Some('[') => {
            chars.next();
            skip_control(chars);
        }
        Some(']' | 'P' | 'X' | '^' | '_') => {
            chars.next();
            skip_string(chars);
        }
        _ => {
            while chars.next_if(|c| (' '..='/').contains(c)).is_some() {}
            chars.next_if(|c| ('0'..='~').contains(c));
        }
    }
}

/// Up to its final byte.
fn skip_control(chars: &mut Chars<'_>) {
    while chars.next_if(|c| (' '..='?').contains(c)).is_some() {}
    chars.next_if(|c| ('@'..='~').contains(c));
}

/// Up to BEL or ST. A string that is never ended hides no more than its own line.
fn skip_string(chars: &mut Chars<'_>) {
    while let Some(c) = chars.next_if(|c| *c != '\n') {
        if matches!(c, '\u{7}' | '\u{9c}') {
            return;
        }
        if c == '\u{1b}' {
            chars.next_if_eq(&'\\');
            return;
        }
    }
}

/// Marks that change the order in which letters are read, or hide them.
fn is_invisible_order(c: char) -> bool {
    matches!(c,
        '\u{61c}' | '\u{200b}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2069}'
        | '\u{feff}' | '\u{e0000}'..='\u{e007f}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_could_act_on_the_screen_goes() {
        let check = |text, expected: &str| assert_eq!(lines(text), expected, "{text:?}");
        check("\u{1b}[31mred\u{1b}[0m", "red");
        check("\u{1b}[2J\u{1b}[1;1Hgone", "gone");
        check("\u{1b}]0;title\u{7}text", "text");
        check(
            "\u{1b}]8;;http://evil\u{1b}\\link\u{1b}]8;;\u{1b}\\",
            "link",
        );
        check("\u{1b}P1;2q…\u{1b}\\sixel", "sixel");
        check("\u{1b}]0;never ended\nnext", "\nnext");
        check("\u{1b}(Bcharset \u{1b}=keypad", "charset keypad");
        check("\u{9b}31mC1", "C1");
        check("a\u{8}\u{8}b\u{0}\u{7f}", "ab");
        check("user\u{202e}gpj.exe\u{2066}", "usergpj.exe");
        check("ta\tb\r\nc\rd", "ta\tb\nc\nd");
        check("größe → 日本", "größe → 日本");
        check("\u{1b}", "");
        check("\u{1b}[", "");
    }

    #[test]
    fn one_line_stays_one_line() {
        assert_eq!(line("a\n\n b\tc\n"), "a  b c");
    }

    #[test]
    fn commands_of_ci_systems_are_broken() {
        assert_eq!(neutral("  ::error file=a::b"), "  : :error file=a::b");
        assert_eq!(
            neutral("x ##[group]y ##vso[task]"),
            "x ## [group]y ## vso[task]"
        );
        for harmless in ["a::b", "::1", "::ffff", "std::fs"] {
            assert_eq!(neutral(harmless), harmless);
        }
    }
}
