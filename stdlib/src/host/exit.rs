//! What is said of a program that did not end as it should.

use super::command_args::Args;
use super::output::{Output, end_of};
use super::program::line;
use crate::outside_text::{last_lines, one_line};
use pb_core::{Failure, Result, code};

/// So many lines of output are in an error, each of so many characters.
const LINES: usize = 10;
const LINE: usize = 200;
/// So much of the output is in the data of an error.
const DATA: usize = 4096;

/// The line, short enough for a message.
pub(super) fn shown(argv: &[String]) -> String {
    one_line(&line(argv), 80)
}

/// Refuses another exit code than the wanted one.
pub(super) fn expected(args: &Args, output: &Output) -> Result<()> {
    match args.expect_code.contain(output.code) {
        true => Ok(()),
        false => Err(unexpected(args, output)),
    }
}

fn unexpected(args: &Args, output: &Output) -> Failure {
    let (line, code) = (shown(&args.argv), output.code);
    let message = match output.signal {
        None => format!("`{line}` ended with {code}, not {}", args.expect_code),
        Some(signal) => format!("`{line}` was ended by {}", name_of(signal)),
    };
    let mut failure = Failure::new(&code::EXIT_CODE, message)
        .with("code", code)
        .with("stdout", end_of(&output.stdout, DATA))
        .with("stderr", end_of(&output.stderr, DATA))
        .partial();
    let said = [&output.stderr, &output.stdout]
        .map(|text| last_lines(text, LINES, LINE))
        .into_iter()
        .find(|lines| !lines.is_empty());
    failure.because = said.unwrap_or_else(|| vec!["it said nothing".into()]);
    failure
}

fn name_of(signal: i32) -> String {
    let name = match signal {
        2 => "SIGINT",
        6 => "SIGABRT, it gave up by itself",
        9 => "SIGKILL, as the kernel does when memory runs out",
        11 => "SIGSEGV, it crashed",
        13 => "SIGPIPE",
        15 => "SIGTERM",
        other => return format!("signal {other}"),
    };
    name.into()
}
