//! What `pb check` takes.

use clap::{Arg, ArgAction, ArgMatches, Command, value_parser};
use pb_core::{Failure, Result, code};
use std::path::PathBuf;

const FORMATS: [&str; 4] = ["text", "json", "github", "sarif"];

/// `pb check`.
pub(crate) struct CheckArguments {
    /// The playbooks; those of the project when there are none.
    pub(crate) files: Vec<PathBuf>,
    pub(crate) env: Option<String>,
    /// A folder of migrations.
    pub(crate) migrations: Option<PathBuf>,
    /// Whether warnings count as errors do.
    pub(crate) strict: bool,
    pub(crate) format: Format,
}

/// How findings are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Format {
    /// For people.
    Text,
    /// One object.
    Json,
    /// Annotations of GitHub Actions, beside the text.
    Github,
    /// Static Analysis Results Interchange Format 2.1.0.
    Sarif,
}

pub(super) fn check() -> Command {
    Command::new("check")
        .about("Finds what is wrong with playbooks and migrations; connects to nothing, touches nothing")
        .arg(
            Arg::new("file")
                .value_name("FILE")
                .action(ArgAction::Append)
                .value_parser(value_parser!(PathBuf))
                .help("Playbooks; when left out, those beside pb.toml and in playbooks/"),
        )
        .next_help_heading(super::OPTIONS)
        .arg(
            Arg::new("env")
                .short('e')
                .long("env")
                .value_name("ENV")
                .help("Environment of pb.toml that has to hold what they take from `target`; PB_ENV when left out"),
        )
        .arg(
            Arg::new("migrations")
                .long("migrations")
                .value_name("DIR")
                .value_parser(value_parser!(PathBuf))
                .help("Looks through a folder of migrations, whether a playbook names it or not"),
        )
        .arg(
            Arg::new("strict")
                .long("strict")
                .action(ArgAction::SetTrue)
                .help("Ends with 3 on warnings, too"),
        )
        .arg(
            // It takes the place of the option that every verb has: a check knows other formats.
            Arg::new("output")
                .long("output")
                .value_name("FORMAT")
                .value_parser(FORMATS)
                .hide_possible_values(true)
                .display_order(super::LAST)
                .help("What goes to stdout: text, json (one object), github (annotations) or sarif [default: text]"),
        )
}

pub(super) fn read(check: &ArgMatches) -> Result<CheckArguments> {
    let files = check.get_many::<PathBuf>("file").into_iter().flatten();
    let output = check.get_one::<String>("output").map(String::as_str);
    let format = match output {
        None | Some("text") => Format::Text,
        Some("json") => Format::Json,
        Some("github") => Format::Github,
        Some("sarif") => Format::Sarif,
        // Before the verb it is the option of the others.
        Some(other) => {
            let message = format!("`--output <FORMAT>` takes no `{other}`");
            let because = format!("it takes {}", FORMATS.join(", "));
            return Err(Failure::new(&code::USAGE, message).because(because));
        }
    };
    Ok(CheckArguments {
        files: files.cloned().collect(),
        env: check.get_one("env").cloned(),
        migrations: check.get_one("migrations").cloned(),
        strict: check.get_flag("strict"),
        format,
    })
}
