//! Scripts that nobody would write: a check neither panics nor takes long over them.

use crate::stage::{LIBRARY, environment, registry};
use pb_core::run::Registry;
use pb_runtime::{Environment, Script};
use std::path::Path;
use std::time::{Duration, Instant};

/// How many scripts are made; `MUTANTS=100000` makes more.
fn mutants() -> usize {
    std::env::var("MUTANTS").map_or(2_000, |n| n.parse().unwrap())
}

/// How long it took besides parsing, and whether it could be parsed.
fn check(text: &str, registry: &Registry, environment: &Environment) -> (Duration, bool) {
    let script = Script::from_text("a.rhai", text, LIBRARY);
    let began = Instant::now();
    let is_read = match &script {
        Ok(script) => {
            pb_runtime::check(script, registry, Some(environment), None);
            true
        }
        Err(failure) => {
            pb_runtime::refused("a.rhai", failure, Some(text));
            false
        }
    };
    (began.elapsed(), is_read)
}

#[test]
fn scripts_with_words_in_wrong_places_are_looked_through() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/check/silent");
    let files = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path());
    let texts: Vec<_> = files
        .map(|path| std::fs::read_to_string(path).unwrap())
        .collect();
    let tokens: Vec<Vec<&str>> = texts.iter().map(|text| tokens(text)).collect();
    let (registry, environment) = (registry(), environment());
    let (mut seed, mut read, mut longest) = (1, 0, Duration::ZERO);
    for _ in 0..mutants() {
        let mut tokens = tokens[next(&mut seed) % tokens.len()].clone();
        for _ in 0..=next(&mut seed) % 4 {
            let (a, b) = (
                next(&mut seed) % tokens.len(),
                next(&mut seed) % tokens.len(),
            );
            match next(&mut seed) % 8 {
                0 => drop(tokens.remove(a)),
                1 => tokens.insert(a, tokens[b]),
                2 => tokens.swap(a, b),
                // A word for a word can often still be read.
                _ if is_word(tokens[a]) && is_word(tokens[b]) => tokens[a] = tokens[b],
                _ => {}
            }
        }
        let (took, is_read) = check(&tokens.concat(), &registry, &environment);
        read += usize::from(is_read);
        longest = longest.max(took);
    }
    crate::say(&format!(
        "{} scripts, {read} of them read, {longest:?} at most",
        mutants()
    ));
    assert!(
        read * 5 > mutants(),
        "{read} scripts of {} could be read",
        mutants()
    );
    assert!(longest < Duration::from_secs(1), "{longest:?}");
}

#[test]
fn long_scripts_are_looked_through() {
    on_a_main_thread(long_scripts);
}

fn long_scripts() {
    let (registry, environment) = (registry(), environment());
    for (name, text) in [
        (
            "a long list",
            format!(
                "each([{}], |x| x);",
                (0..20_000).map(|i| format!("{i},")).collect::<String>()
            ),
        ),
        (
            "a long chain",
            format!("let x = target{};", ".a".repeat(200)),
        ),
        (
            "many methods",
            format!("let x = \"a\"{};", ".trim()".repeat(200)),
        ),
        (
            "many mistakes",
            (0..4_000)
                .map(|i| format!("unknown_{i}(x{i});\n"))
                .collect(),
        ),
        (
            "many variables",
            (0..1_000)
                .map(|i| format!("let v{i} = {i}; print(v{i});\n"))
                .collect(),
        ),
        (
            "many ids",
            (0..4_000)
                .map(|i| format!("migrate(\"m\", #{{ id: \"{i}\" }});\n"))
                .collect(),
        ),
        ("a long sum", format!("let x = 1{};", " + 1".repeat(100))),
        (
            "a long line",
            format!("let x = \"{}\"; wait_bd();", "é".repeat(70_000)),
        ),
        (
            "many alternatives",
            format!(
                "switch 1 {{ {} _ => 0 }}",
                (0..2_000)
                    .map(|i| format!("{i} => print({i}),"))
                    .collect::<String>()
            ),
        ),
    ] {
        let (took, is_read) = check(&text, &registry, &environment);
        assert!(is_read, "{name} could not be read");
        assert!(took < Duration::from_secs(3), "{name} took {took:?}");
    }
}

#[test]
fn what_is_nested_as_deep_as_rhai_reads_it_is_looked_through() {
    on_a_main_thread(nested_scripts);
}

fn nested_scripts() {
    let (registry, environment) = (registry(), environment());
    for (open, close) in [
        ("(", ")"),
        ("[", "]"),
        ("#{ a: ", " }"),
        ("|| ", ""),
        ("|x| { let y = x; ", " }"),
        ("{ ", " }"),
        ("print(", ")"),
        ("swap_container(\"a\", #{ image: ", " })"),
        ("each([1], |x| ", ")"),
        ("`${", "}`"),
        ("if true { ", " }"),
        ("switch 1 { _ => ", " }"),
    ] {
        let nested = |n: usize| format!("let x = {}1{};", open.repeat(n), close.repeat(n));
        let deepest = (1..200)
            .rev()
            .find(|n| check(&nested(*n), &registry, &environment).1);
        assert!(deepest.is_some_and(|n| n > 10), "{open}: {deepest:?}");
        let (took, _) = check(&nested(deepest.unwrap()), &registry, &environment);
        assert!(took < Duration::from_secs(1), "{open} took {took:?}");
    }
}

#[test]
fn a_file_whose_places_cannot_be_told_is_refused() {
    let failure = Script::from_text("a.rhai", &"\n".repeat(65_536), LIBRARY).unwrap_err();
    assert_eq!(failure.message, "`a.rhai` was refused: it has 65536 lines");
}

/// Rhai's parser needs more than the 2 MiB that threads of tests have; a main thread has 8.
fn on_a_main_thread(look: fn()) {
    let thread = std::thread::Builder::new().stack_size(8 << 20);
    thread.spawn(look).unwrap().join().unwrap();
}

/// Words, numbers, signs and what is between them.
fn tokens(text: &str) -> Vec<&str> {
    let mut tokens = vec![];
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let is_word = |c: char| c.is_alphanumeric() || c == '_';
        let end = match is_word(first) {
            true => rest.find(|c| !is_word(c)).unwrap_or(rest.len()),
            false => first.len_utf8(),
        };
        tokens.push(&rest[..end]);
        rest = &rest[end..];
    }
    tokens
}

fn is_word(token: &str) -> bool {
    token.starts_with(|c: char| c.is_alphabetic() || c == '_')
}

/// Numbers that look like chance, the same ones each time.
fn next(seed: &mut u64) -> usize {
    *seed = seed
        .wrapping_mul(6_364_136_223_846_793_005)
        .wrapping_add(1_442_695_040_888_963_407);
    (*seed >> 33) as usize
}
