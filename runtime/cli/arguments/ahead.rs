//! What has to be known before the command line can be read: the folder, and the playbook whose parameters belong to it.

use crate::render::ink::When;
use clap::Command;
use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};

/// What the first look at the arguments tells.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Ahead {
    /// The last `-C`.
    pub(crate) folder: Option<PathBuf>,
    /// The last `--plan`: it names the playbook.
    pub(crate) plan: Option<PathBuf>,
    /// What may be the FILE of `pb run`, in order: with an unknown flag before it, nobody can tell a value from a file.
    candidates: Vec<PathBuf>,
    /// Whether it is `pb check`.
    checks: bool,
    /// The last `--output` and `--color`: an error in the rest is still shown as they say.
    output: Option<String>,
    color: Option<String>,
}

impl Ahead {
    /// Whether stdout is to hold one object.
    pub(crate) fn wants_json(&self) -> bool {
        (self.checks || !self.candidates.is_empty()) && self.output.as_deref() == Some("json")
    }

    /// Whether it is `pb check`.
    pub(crate) fn checks(&self) -> bool {
        self.checks
    }

    /// When to colour.
    pub(crate) fn colour(&self) -> When {
        super::when(self.color.as_deref())
    }

    /// The playbook: the first candidate that is a file, or else the first.
    pub(crate) fn playbook(&self) -> Option<&Path> {
        let files = self.candidates.iter().find(|path| path.is_file());
        files.or(self.candidates.first()).map(PathBuf::as_path)
    }
}

/// Looks through the arguments without understanding them.
pub(crate) fn look_ahead(args: &[OsString]) -> Ahead {
    let command = super::command(None);
    let mut ahead = Ahead::default();
    let mut plain: Vec<&OsString> = vec![];
    let mut rest = args.iter().skip(1);
    while let Some(arg) = rest.next() {
        let text = arg.to_string_lossy();
        if text == "--" {
            plain.extend(rest.by_ref());
        } else if let Some(long) = text.strip_prefix("--") {
            let (name, value) = match long.split_once('=') {
                Some((name, value)) => (name, Some(value.to_owned())),
                None if takes_value(&command, |known| known.get_long() == Some(long)) => (
                    long,
                    rest.next()
                        .map(|value| value.to_string_lossy().into_owned()),
                ),
                None => (long, None),
            };
            match name {
                "output" => ahead.output = value,
                "color" => ahead.color = value,
                "plan" => ahead.plan = value.map(PathBuf::from),
                _ => {}
            }
        } else if let Some(letters) = text.strip_prefix('-').filter(|letters| !letters.is_empty()) {
            let value = letters.char_indices().find(|(_, letter)| {
                takes_value(&command, |known| known.get_short() == Some(*letter))
            });
            if let Some((at, letter)) = value {
                let attached = letters[at + letter.len_utf8()..].trim_start_matches('=');
                let value = if attached.is_empty() {
                    rest.next().cloned()
                } else {
                    Some(OsString::from(attached))
                };
                if letter == 'C' {
                    ahead.folder = value.map(PathBuf::from).or(ahead.folder);
                }
            }
        } else {
            plain.push(arg);
        }
    }
    if let [verb, files @ ..] = &plain[..] {
        ahead.checks = verb.as_os_str() == OsStr::new("check");
        if ["run", "plan"].map(OsStr::new).contains(&verb.as_os_str()) {
            ahead.candidates = files.iter().map(PathBuf::from).collect();
        }
    }
    ahead
}

fn takes_value(command: &Command, is: impl Fn(&clap::Arg) -> bool) -> bool {
    let verbs = command.get_subcommands().flat_map(Command::get_arguments);
    command
        .get_arguments()
        .chain(verbs)
        .any(|arg| is(arg) && arg.get_action().takes_values())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_playbook_is_found_among_flags() {
        let check = |line: &str, folder: Option<&str>, files: &[&str]| {
            let args: Vec<OsString> = line.split(' ').map(Into::into).collect();
            let candidates = files.iter().map(PathBuf::from).collect();
            let ahead = look_ahead(&args);
            assert_eq!(
                (ahead.folder, ahead.candidates),
                (folder.map(Into::into), candidates),
                "{line}"
            );
        };
        check("pb run a.rhai", None, &["a.rhai"]);
        check("pb plan -o saved a.rhai -e prod", None, &["a.rhai"]);
        check("pb run --plan saved --yes", None, &[]);
        check("pb -q run -e prod a.rhai --image x", None, &["a.rhai", "x"]);
        check(
            "pb --state s run --set a=b --color=never a.rhai",
            None,
            &["a.rhai"],
        );
        check("pb run -qe prod -eprod a.rhai", None, &["a.rhai"]);
        check("pb run -C shop a.rhai", Some("shop"), &["a.rhai"]);
        check("pb -Cshop run a.rhai", Some("shop"), &["a.rhai"]);
        check("pb run -- --odd.rhai", None, &["--odd.rhai"]);
        check("pb run --image x a.rhai", None, &["x", "a.rhai"]);
        check("pb run --help", None, &[]);
        check("pb runs", None, &[]);
        check("pb show 01JD", None, &[]);
        check("pb", None, &[]);
    }

    #[test]
    fn what_decides_how_errors_are_shown_is_known_early() {
        let ahead = |line: &str| look_ahead(&line.split(' ').map(Into::into).collect::<Vec<_>>());
        assert!(ahead("pb run a.rhai --output json --no").wants_json());
        assert!(ahead("pb run --output=json a.rhai").wants_json());
        assert!(ahead("pb check --output json").wants_json());
        assert!(!ahead("pb check --output sarif").wants_json());
        assert!(!ahead("pb runs --output json").wants_json());
        assert_eq!(ahead("pb run a.rhai --color never").colour(), When::Never);
    }

    #[test]
    fn a_file_is_preferred_to_what_may_be_a_value() {
        let ahead = Ahead {
            candidates: vec!["shop:2.0".into(), "Cargo.toml".into()],
            ..Ahead::default()
        };
        assert_eq!(ahead.playbook(), Some(Path::new("Cargo.toml")));
        let ahead = Ahead {
            candidates: vec!["gone.rhai".into(), "x".into()],
            ..Ahead::default()
        };
        assert_eq!(ahead.playbook(), Some(Path::new("gone.rhai")));
    }
}
