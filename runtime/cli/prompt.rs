//! Questions of the script, put to whoever sits at the terminal.

use crate::render::{Stage, clean, quietly};
use pb_core::cancel::{Cancel, Level};
use pb_runtime::{Answer, Prompt};
use std::io::{self, BufRead, IsTerminal, Write};
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::Duration;

/// How often it is looked whether the run was told to stop meanwhile.
const LOOK: Duration = Duration::from_millis(100);

/// Asks on the terminal; without one there is nobody to ask. With `yes` nobody is asked: whoever typed that has answered.
pub(crate) fn prompt(stage: &Stage, cancel: Cancel, by: String, yes: bool) -> Prompt {
    if yes {
        return Arc::new(move |_| Answer::Yes { by: by.clone() });
    }
    if !has_terminal() {
        return Arc::new(|_| Answer::Nobody);
    }
    let aside = stage.aside();
    Arc::new(move |question| {
        let (question, cancel, by) = (clean::line(question), cancel.clone(), by.clone());
        let asked = aside(Box::new(move || ask(&question, &cancel, by)));
        asked.unwrap_or(Answer::Nobody)
    })
}

/// Whether there is somebody to ask.
pub(crate) fn has_terminal() -> bool {
    io::stdin().is_terminal() && io::stderr().is_terminal()
}

/// What is typed as an answer, without the spaces around it; `None` where nobody answers.
pub(crate) fn typed(question: &str) -> Option<String> {
    if !has_terminal() {
        return None;
    }
    quietly(write!(io::stderr(), "{question} "));
    let mut text = String::new();
    match io::stdin().lock().read_line(&mut text) {
        Ok(0) | Err(_) => None,
        Ok(_) => Some(text.trim().to_owned()),
    }
}

/// One of the letters that a question names; `None` where there is nobody to ask.
pub(crate) fn choose(question: &str, letters: &[char]) -> Option<char> {
    loop {
        let first = typed(question)?.to_lowercase().chars().next();
        if let Some(letter) = first.filter(|letter| letters.contains(letter)) {
            return Some(letter);
        }
    }
}

fn ask(question: &str, cancel: &Cancel, by: String) -> Answer {
    quietly(write!(io::stderr(), "{question} [y/N] "));
    let (line, lines) = mpsc::channel();
    // A thread of its own, because nothing else can be woken out of reading by a signal.
    thread::spawn(move || {
        let mut text = String::new();
        let read = io::stdin().lock().read_line(&mut text);
        drop(line.send(read.ok().filter(|bytes| *bytes > 0).map(|_| text)));
    });
    let answer = loop {
        match lines.recv_timeout(LOOK) {
            Ok(answer) => break answer,
            Err(mpsc::RecvTimeoutError::Timeout) if cancel.level() == Level::Go => {}
            Err(_) => {
                // Ctrl-C is a no; the question stays on the screen.
                quietly(writeln!(io::stderr()));
                break Some(String::new());
            }
        }
    };
    match answer.as_deref().map(|text| text.trim().to_lowercase()) {
        Some(text) if text == "y" || text == "yes" => Answer::Yes { by },
        Some(_) => Answer::No { by },
        None => {
            quietly(writeln!(io::stderr()));
            Answer::Nobody
        }
    }
}
