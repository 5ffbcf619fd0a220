//! Long and deep scripts: a check neither panics nor takes long over them.

use crate::stage::{LIBRARY, environment, registry};
use pb_core::run::Registry;
use pb_runtime::{Environment, Script};
use std::time::{Duration, Instant};

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
