//! Text from outside (bodies, logs, output of commands) made safe to show: no control characters, no bidirectional tricks.

/// The text without escape sequences, control characters and bidirectional overrides; lines and tabs stay.
pub fn clean(text: &str) -> String {
    let mut clean = String::with_capacity(text.len());
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '\u{1b}' => skip_escape(&mut chars),
            // The one-character forms of the same introducers.
            '\u{9b}' => skip_parameters(&mut chars),
            '\u{90}' | '\u{98}' | '\u{9d}'..='\u{9f}' => skip_string(&mut chars),
            '\r' if chars.peek() == Some(&'\n') => {}
            '\r' | '\u{2028}' | '\u{2029}' => clean.push('\n'),
            '\n' | '\t' => clean.push(c),
            c if c.is_control() || is_invisible(c) => {}
            c => clean.push(c),
        }
    }
    clean
}

/// The text on one line of at most so many characters.
pub fn one_line(text: &str, longest: usize) -> String {
    let clean = clean(text);
    let words: Vec<&str> = clean.split_whitespace().collect();
    let line = words.join(" ");
    match line.char_indices().nth(longest) {
        None => line,
        Some((end, _)) => format!("{}…", &line[..end]),
    }
}

/// The last lines that hold anything, each of at most so many characters.
pub fn last_lines(text: &str, lines: usize, longest: usize) -> Vec<String> {
    let clean = clean(text);
    let mut last: Vec<String> = clean
        .lines()
        .rev()
        .filter(|line| !line.trim().is_empty())
        .take(lines)
        .map(|line| match line.char_indices().nth(longest) {
            None => line.trim_end().to_owned(),
            Some((end, _)) => format!("{}…", &line[..end]),
        })
        .collect();
    last.reverse();
    last
}

fn is_invisible(c: char) -> bool {
    matches!(c,
        '\u{61c}' | '\u{200b}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}'
        | '\u{2060}'..='\u{2069}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

/// What follows ESC: a sequence with parameters, a string up to its terminator, or characters of one set.
fn skip_escape(chars: &mut std::iter::Peekable<std::str::Chars<'_>>) {
    match chars.next_if(|c| !c.is_control()) {
        Some('[') => skip_parameters(chars),
        Some(']' | 'P' | 'X' | '^' | '_') => skip_string(chars),
        Some(' '..='/') => {
            while chars.next_if(|c| matches!(c, ' '..='/')).is_some() {}
            chars.next_if(|c| matches!(c, '0'..='~'));
        }
        _ => {}
    }
}

fn skip_parameters(chars: &mut std::iter::Peekable<std::str::Chars<'_>>) {
    while chars.next_if(|c| matches!(c, ' '..='?')).is_some() {}
    chars.next_if(|c| matches!(c, '@'..='~'));
}

/// To BEL, to ST, or to the end of the line: a string that never ends must not hide what follows.
fn skip_string(chars: &mut std::iter::Peekable<std::str::Chars<'_>>) {
    while let Some(c) = chars.next_if(|c| *c != '\n') {
        match c {
            '\u{7}' | '\u{9c}' => return,
            '\u{1b}' => {
                chars.next_if_eq(&'\\');
                return;
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_drives_a_terminal_is_gone_and_the_words_stay() {
        let check = |text: &str, shown: &str| assert_eq!(clean(text), shown, "{text:?}");
        check("plain, ü and 日本\tx\ny", "plain, ü and 日本\tx\ny");
        check("\u{1b}[31;1mred\u{1b}[0m", "red");
        check("\u{1b}]0;title\u{7}after", "after");
        check("\u{1b}]8;;http://x\u{1b}\\link\u{1b}]8;;\u{1b}\\", "link");
        check("\u{1b}]never ends\nnext line", "\nnext line");
        check("\u{1b}(Bascii", "ascii");
        check("\u{9b}2Jcleared", "cleared");
        check("a\u{8}\u{0}\u{7f}b", "ab");
        check("10%\r20%\r\nend", "10%\n20%\nend");
        check("user\u{202e}gpj.exe", "usergpj.exe");
        check("\u{feff}x\u{200b}y\u{e0041}z", "xyz");
        check("\u{1b}", "");
    }

    #[test]
    fn one_line_is_short() {
        assert_eq!(one_line(" a\n\n b\tc ", 10), "a b c");
        assert_eq!(one_line("äöüß", 3), "äöü…");
        assert_eq!(one_line("äöü", 3), "äöü");
    }

    #[test]
    fn the_last_lines_are_those_that_hold_something() {
        assert_eq!(last_lines("1\n2\n\n3  \n\n", 2, 9), ["2", "3"]);
        assert_eq!(last_lines("12345\n", 2, 3), ["123…"]);
        assert!(last_lines("", 2, 3).is_empty());
    }
}
