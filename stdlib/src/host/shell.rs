//! The commands in a text for a shell, as far as they stand there plainly.

/// The text that a shell is given by `-c`.
pub(super) fn text<'a>(options: &[&'a str]) -> Option<&'a str> {
    let is_cluster = |word: &&&str| word.starts_with('-') && !word.starts_with("--");
    let given = options.iter().take_while(|word| word.starts_with('-'));
    let at = given
        .filter(is_cluster)
        .position(|word| word.ends_with('c'))?;
    options.get(at + 1).copied()
}

/// Words that stand before a command, not for one.
const BEFORE: [&str; 9] = [
    "!", "{", "do", "else", "elif", "if", "then", "until", "while",
];

/// The commands, each by its words. What is only known when it runs, such as `$X`, stands there as it is.
pub(super) fn commands(text: &str) -> Vec<Vec<String>> {
    // What follows is text that a command reads.
    let text = text.split("<<").next().unwrap_or_default();
    let mut reading = Reading::default();
    let mut quote = None;
    let mut letters = text.chars().peekable();
    while let Some(letter) = letters.next() {
        match (quote, letter) {
            (None, '\\') => reading.add(letters.next().unwrap_or('\\')),
            (Some('"'), '\\') if letters.peek().is_some_and(|c| "\"\\$`".contains(*c)) => {
                reading.add(letters.next().unwrap_or('\\'));
            }
            (Some(open), letter) if letter == open => quote = None,
            (None, '\'' | '"') => {
                quote = Some(letter);
                reading.word.get_or_insert_default();
            }
            (Some(_), letter) => reading.add(letter),
            (None, '#') if reading.word.is_none() => {
                while letters.next_if(|c| *c != '\n').is_some() {}
            }
            (None, ';' | '&' | '|' | '\n' | '(' | ')' | '`') => reading.end_command(),
            (None, '<' | '>') => reading.end_word(),
            (None, letter) if letter.is_whitespace() => reading.end_word(),
            (None, letter) => reading.add(letter),
        }
    }
    reading.end_command();
    reading.commands
}

#[derive(Default)]
struct Reading {
    commands: Vec<Vec<String>>,
    command: Vec<String>,
    word: Option<String>,
}

impl Reading {
    fn add(&mut self, letter: char) {
        self.word.get_or_insert_default().push(letter);
    }

    fn end_word(&mut self) {
        let Some(word) = self.word.take() else {
            return;
        };
        if !self.command.is_empty() || !BEFORE.contains(&word.as_str()) {
            self.command.push(word);
        }
    }

    fn end_command(&mut self) {
        self.end_word();
        if !self.command.is_empty() {
            self.commands.push(std::mem::take(&mut self.command));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_are_told_apart_and_texts_are_left_whole() {
        let check = |text: &str, expect: &[&[&str]]| assert_eq!(commands(text), expect, "{text}");
        check("", &[]);
        check("a b  c", &[&["a", "b", "c"]]);
        check("a 'b; c' \"d | e\"", &[&["a", "b; c", "d | e"]]);
        check(
            "a;b&&c||d|e&f\ng",
            &[&["a"], &["b"], &["c"], &["d"], &["e"], &["f"], &["g"]],
        );
        check(
            "if a; then ! b; else { c; }; fi",
            &[&["a"], &["b"], &["c"], &["}"], &["fi"]],
        );
        check("a '' \"\\\"\" \\; x\\ y", &[&["a", "", "\"", ";", "x y"]]);
        check("a # b\nc", &[&["a"], &["c"]]);
        check("a b#c >d 2>&1", &[&["a", "b#c", "d", "2"], &["1"]]);
        check("x=$(a b) $(c)", &[&["x=$"], &["a", "b"], &["$"], &["c"]]);
        check("cat <<E\na\nE", &[&["cat"]]);
        check("'open", &[&["open"]]);
    }

    #[test]
    fn the_text_is_behind_the_option() {
        let check = |options: &[&str], expect| assert_eq!(text(options), expect, "{options:?}");
        check(&["-c", "a"], Some("a"));
        check(&["-e", "-lc", "a"], Some("a"));
        check(&["script.sh", "-c", "a"], None);
        check(&["-c"], None);
    }
}
