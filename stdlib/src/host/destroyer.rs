//! Which programs destroy data, as far as their arguments tell.

use super::shell;
use crate::postgres::destroyed_by;

/// A shell within a shell within a shell: deeper ones are nobody's.
const DEEPEST: usize = 4;

/// Returns what a program destroys data by, such as `manage.py flush`; none where its arguments tell of nothing.
/// `stdin` is what it reads, where that is known.
pub(crate) fn destroys(argv: &[&str], stdin: Option<&str>) -> Option<String> {
    found_in(argv, stdin, 0)
}

fn found_in(words: &[&str], stdin: Option<&str>, depth: usize) -> Option<String> {
    let words = past_assignments(words);
    let (first, rest) = words.split_first()?;
    let name = first.rsplit('/').next().unwrap_or(first);
    let inner = |words: &[&str]| match depth < DEEPEST {
        true => found_in(words, stdin, depth + 1),
        false => None,
    };
    match name {
        "manage.py" | "django-admin" | "django-admin.py" => django(name, rest),
        "dropdb" => Some(with_last(name, rest)),
        "psql" => psql(rest, stdin),
        "redis-cli" | "valkey-cli" | "keydb-cli" => redis(name, rest),
        "docker" | "podman" | "nerdctl" => match contained(rest) {
            Some(words) => inner(words),
            None => volumes(name, rest),
        },
        "docker-compose" | "podman-compose" => compose(name, rest, inner),
        "sh" | "ash" | "bash" | "dash" | "ksh" | "zsh" => {
            let commands = shell::commands(shell::text(rest)?);
            commands.iter().find_map(|words| {
                let words: Vec<&str> = words.iter().map(String::as_str).collect();
                inner(&words)
            })
        }
        _ if name.starts_with("python") => python(rest, inner),
        _ => inner(wrapped(name, rest)?),
    }
}

fn past_assignments<'a, 'w>(words: &'a [&'w str]) -> &'a [&'w str] {
    let is_assignment = |word: &&str| {
        let name = word.split_once('=').map(|(name, _)| name);
        let plain = |c: char| c.is_ascii_alphanumeric() || c == '_';
        name.is_some_and(|name| !name.is_empty() && name.chars().all(plain))
    };
    let at = words.iter().position(|word| !is_assignment(word));
    &words[at.unwrap_or(words.len())..]
}

/// What stands behind the options, of which these take a value.
fn past_options<'a, 'w>(words: &'a [&'w str], with_value: &[&str]) -> &'a [&'w str] {
    let mut at = 0;
    while let Some(word) = words.get(at) {
        match *word {
            "--" => return &words[at + 1..],
            option if with_value.contains(&option) => at += 2,
            option if option.starts_with('-') && option.len() > 1 => at += 1,
            _ => break,
        }
    }
    words.get(at..).unwrap_or_default()
}

/// Everything that is no option.
fn positional<'w>(mut words: &[&'w str], with_value: &[&str]) -> Vec<&'w str> {
    let mut found = vec![];
    loop {
        words = past_options(words, with_value);
        let Some((word, rest)) = words.split_first() else {
            return found;
        };
        found.push(*word);
        words = rest;
    }
}

/// The command that another program runs.
fn wrapped<'a, 'w>(name: &str, rest: &'a [&'w str]) -> Option<&'a [&'w str]> {
    let past = |with_value: &[&str]| Some(past_options(rest, with_value));
    match name {
        "env" => past(&["-u", "--unset", "-C", "--chdir"]),
        "sudo" | "doas" => past(&[
            "-u", "--user", "-g", "--group", "-h", "-p", "-C", "-D", "-R",
        ]),
        "nice" => past(&["-n", "--adjustment"]),
        "ionice" => past(&["-c", "-n", "--class", "--classdata"]),
        "timeout" => past(&["-k", "-s", "--kill-after", "--signal"])?.get(1..),
        "nohup" | "time" | "exec" | "setsid" | "command" => past(&[]),
        "uv" | "poetry" | "pipenv" | "pdm" | "rye" | "hatch" => {
            let (run, words) = rest.split_first()?;
            (*run == "run")
                .then(|| past_options(words, &["--with", "--env-file", "--python", "-p"]))
        }
        _ => None,
    }
}

fn python(rest: &[&str], inner: impl Fn(&[&str]) -> Option<String>) -> Option<String> {
    let module = rest.iter().position(|word| *word == "-m");
    let script = past_options(rest, &["-X", "-W"]);
    match module.filter(|at| rest[..*at].iter().all(|word| word.starts_with('-'))) {
        Some(at) if rest.get(at + 1) == Some(&"django") => django("django-admin", &rest[at + 2..]),
        Some(_) => None,
        None => inner(script),
    }
}

/// Options of management commands that take a value.
const DJANGO: &[&str] = &[
    "--settings",
    "--pythonpath",
    "--database",
    "--schema",
    "-s",
    "-v",
    "--verbosity",
];

fn django(name: &str, rest: &[&str]) -> Option<String> {
    let words = positional(rest, DJANGO);
    // django-tenants runs a command in the schemas of its tenants.
    let words = match words.first() {
        Some(&("tenant_command" | "all_tenants_command")) => &words[1..],
        _ => &words[..],
    };
    let harmless = |word: &&str| ["--fake", "--plan", "--check", "--help", "-h"].contains(word);
    match words {
        [
            command @ ("flush" | "reset_db" | "reset_schema" | "sqlflush"),
            ..,
        ] => Some(format!("{name} {command}")),
        [command @ ("migrate" | "migrate_schemas"), app, "zero", ..]
            if !rest.iter().any(harmless) =>
        {
            Some(format!("{name} {command} {app} zero"))
        }
        _ => None,
    }
}

fn psql(rest: &[&str], stdin: Option<&str>) -> Option<String> {
    // Letters that stand alone, so that `-Atc` ends with a `c` of its own.
    let alone = |c: char| "aAbeEHlnqsStVwWxXz01".contains(c);
    let mut texts = vec![];
    let mut reads_stdin = true;
    let mut words = rest.iter();
    while let Some(word) = words.next() {
        let cluster = word
            .strip_prefix('-')
            .filter(|rest| !rest.starts_with('-'))
            .map(|rest| rest.trim_start_matches(alone));
        let text = match (cluster, *word) {
            (Some("c"), _) | (_, "--command") => words.next().copied(),
            (Some(rest), _) if rest.starts_with('c') => Some(&rest[1..]),
            (_, word) => word.strip_prefix("--command="),
        };
        reads_stdin &= text.is_none() && cluster != Some("f") && !word.starts_with("--file");
        texts.extend(text);
    }
    texts.extend(stdin.filter(|_| reads_stdin));
    texts.into_iter().find_map(destroyed_by)
}

fn redis(name: &str, rest: &[&str]) -> Option<String> {
    let with_value = [
        "-h", "-p", "-s", "-a", "-u", "-n", "-r", "-i", "-t", "--user", "--pass",
    ];
    let command = past_options(rest, &with_value)
        .first()?
        .to_ascii_uppercase();
    ["FLUSHALL", "FLUSHDB"]
        .contains(&command.as_str())
        .then(|| format!("{name} {command}"))
}

/// Options before the command of `docker` and of `docker compose` that take a value.
const DOCKER: &[&str] = &[
    "-H",
    "--host",
    "-c",
    "--context",
    "--config",
    "-l",
    "--log-level",
];
const COMPOSE: &[&str] = &[
    "-f",
    "--file",
    "-p",
    "--project-name",
    "--profile",
    "--env-file",
    "--project-directory",
    "--ansi",
    "--parallel",
    "--progress",
];
/// Those of `exec`.
const EXEC: &[&str] = &[
    "-e",
    "--env",
    "--env-file",
    "-u",
    "--user",
    "-w",
    "--workdir",
    "--index",
    "--detach-keys",
];

/// The command within `docker exec CONTAINER` .
fn contained<'a, 'w>(rest: &'a [&'w str]) -> Option<&'a [&'w str]> {
    let words = match past_options(rest, DOCKER) {
        ["container", words @ ..] => words,
        words => words,
    };
    let (exec, words) = words.split_first()?;
    let words = (*exec == "exec").then(|| past_options(words, EXEC))?;
    words.get(1..)
}

fn volumes(name: &str, rest: &[&str]) -> Option<String> {
    match past_options(rest, DOCKER) {
        [
            "volume",
            command @ ("rm" | "remove" | "prune" | "reset"),
            words @ ..,
        ] => Some(with_last(&format!("{name} volume {command}"), words)),
        ["system", "prune", words @ ..] if words.contains(&"--volumes") => {
            Some(format!("{name} system prune --volumes"))
        }
        ["compose", words @ ..] => {
            let inner = |words: &[&str]| destroys(words, None);
            compose(&format!("{name} compose"), words, inner)
        }
        _ => None,
    }
}

fn compose(name: &str, rest: &[&str], inner: impl Fn(&[&str]) -> Option<String>) -> Option<String> {
    let removes = |word: &&str| ["-v", "--volumes", "--volumes=true"].contains(word);
    match past_options(rest, COMPOSE) {
        ["down", words @ ..] if words.iter().any(removes) => Some(format!("{name} down --volumes")),
        ["exec", words @ ..] => inner(past_options(words, EXEC).get(1..)?),
        _ => None,
    }
}

fn with_last(what: &str, words: &[&str]) -> String {
    match words.last().filter(|word| !word.starts_with('-')) {
        Some(last) => format!("{what} {last}"),
        None => what.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(line: &str, expect: Option<&str>) {
        let words = shell::commands(line);
        let words: Vec<&str> = words[0].iter().map(String::as_str).collect();
        assert_eq!(destroys(&words, None).as_deref(), expect, "{line}");
    }

    #[test]
    fn management_commands_that_destroy_are_known() {
        for (line, expect) in [
            ("python manage.py flush --no-input", Some("manage.py flush")),
            ("./manage.py reset_db", Some("manage.py reset_db")),
            ("/app/manage.py sqlflush", Some("manage.py sqlflush")),
            ("django-admin flush", Some("django-admin flush")),
            ("python3.12 -u -m django flush", Some("django-admin flush")),
            (
                "python -X dev manage.py migrate shop zero",
                Some("manage.py migrate shop zero"),
            ),
            (
                "manage.py migrate --database other shop zero -v 2",
                Some("manage.py migrate shop zero"),
            ),
            (
                "manage.py tenant_command flush --schema=acme",
                Some("manage.py flush"),
            ),
            ("manage.py migrate", None),
            ("manage.py migrate shop", None),
            ("manage.py migrate shop 0004", None),
            ("manage.py migrate --fake shop zero", None),
            ("manage.py migrate zero", None),
            ("manage.py flush_cache", None),
            ("manage.py shell -c flush", None),
            ("python flush.py", None),
            ("grep flush manage.py", None),
            ("echo manage.py flush", None),
        ] {
            check(line, expect);
        }
    }

    #[test]
    fn programs_of_databases_that_destroy_are_known() {
        for (line, expect) in [
            ("dropdb --if-exists -h db shop", Some("dropdb shop")),
            ("/usr/bin/dropdb shop", Some("dropdb shop")),
            ("psql -c 'DROP TABLE a'", Some("DROP TABLE a")),
            (
                "psql -h db shop -Atc 'select 1; truncate a'",
                Some("TRUNCATE a"),
            ),
            (
                "psql --command='delete from a' shop",
                Some("DELETE FROM a without WHERE"),
            ),
            ("psql --command 'drop schema a' -f x", Some("DROP SCHEMA a")),
            ("psql '-cdrop schema a'", Some("DROP SCHEMA a")),
            ("psql -c 'delete from a where b' -h c", None),
            ("psql -c '\\d a'", None),
            ("psql -U drop -c 'select 1'", None),
            ("redis-cli FLUSHALL", Some("redis-cli FLUSHALL")),
            (
                "redis-cli -h cache -n 2 flushdb async",
                Some("redis-cli FLUSHDB"),
            ),
            ("redis-cli get flushall", None),
            ("redis-cli -n 1 set a FLUSHALL", None),
        ] {
            check(line, expect);
        }
        assert_eq!(
            destroys(&["psql", "shop"], Some("DROP TABLE a;")).as_deref(),
            Some("DROP TABLE a")
        );
        assert_eq!(
            destroys(&["psql", "-f", "x.sql"], Some("DROP TABLE a;")),
            None
        );
        assert_eq!(destroys(&["cat"], Some("DROP TABLE a;")), None);
    }

    #[test]
    fn volumes_that_are_removed_are_known() {
        for (line, expect) in [
            (
                "docker volume rm shop_data",
                Some("docker volume rm shop_data"),
            ),
            (
                "docker -H tcp://x volume prune -f",
                Some("docker volume prune"),
            ),
            (
                "docker system prune -a --volumes",
                Some("docker system prune --volumes"),
            ),
            ("docker system prune -a", None),
            (
                "docker compose -f a.yml down -v",
                Some("docker compose down --volumes"),
            ),
            (
                "docker-compose down --volumes",
                Some("docker-compose down --volumes"),
            ),
            ("docker compose down", None),
            ("docker compose up -v", None),
            ("docker volume ls", None),
            ("docker run -v data:/data web", None),
        ] {
            check(line, expect);
        }
    }

    #[test]
    fn what_runs_another_program_is_looked_through() {
        for line in [
            "env -u A B=c manage.py flush",
            "B=c manage.py flush",
            "sudo -u app -E manage.py flush",
            "timeout -k 5 60 manage.py flush",
            "nice -n 5 nohup manage.py flush",
            "uv run --frozen manage.py flush",
            "poetry run python manage.py flush",
            "docker exec -it -e A=b web python manage.py flush",
            "docker compose -p shop exec -T web manage.py flush",
            "docker-compose exec web manage.py flush",
            "sh -c 'cd /app && manage.py flush'",
            "bash -lc 'set -e; if true; then A=b manage.py flush --no-input > /dev/null 2>&1; fi'",
            "sh -c \"bash -c 'manage.py flush'\"",
            "sudo sh -ec 'echo \"$(manage.py flush)\" | cat; x=$(manage.py flush)'",
        ] {
            check(line, Some("manage.py flush"));
        }
        for line in [
            "sh -c 'echo manage.py flush'",
            "sh -c 'echo \"; manage.py flush\"'",
            "sh -c '# manage.py flush\ntrue'",
            "sh manage.py flush",
            "sh -c 'cat > run <<EOF\nmanage.py flush\nEOF'",
            "docker exec manage.py flush",
            "sudo",
            "timeout 5",
            "env",
            "uv sync manage.py flush",
        ] {
            check(line, None);
        }
    }

    #[test]
    fn a_shell_within_shells_ends() {
        let mut line = "dropdb a".to_owned();
        for _ in 0..8 {
            line = format!("sh -c {}", crate::host::line(&[line]));
        }
        check(&line, None);
        assert_eq!(destroys(&[], None), None);
    }
}
