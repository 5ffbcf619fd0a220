//! Limits and stops: rhai 1.27 misses some of them on its own, and lets scripts swallow others.

use crate::stage::{Ran, Stage, run};
use pb_runtime::Limits;

fn bounded(operations: u64, memory: u64, text: &str) -> Ran {
    Stage::new().limits(Limits { operations, memory }).run(text)
}

fn message(ran: &Ran) -> &str {
    &ran.failure().message
}

/// Operations inside native callbacks are not counted by rhai itself.
#[test]
fn operations_within_callbacks_count() {
    let spin = "(0..1000).map(|x| { let n = 0; while n < 5000 { n += 1; } n })";
    let ran = bounded(
        200_000,
        1 << 40,
        &format!(
            "let a = []; for i in 0..1000 {{ a.push(i); }} a.map(|x| {{ let n = 0; while n < 5000 {{ n += 1; }} n }}); // {spin}"
        ),
    );
    assert_eq!(
        message(&ran),
        "the playbook was ended: it ran more than 200000 operations"
    );
}

/// `set_max_map_size` misses `m[k] = v`.
#[test]
fn a_map_that_grows_by_assignment_is_bounded() {
    let ran = bounded(
        u64::MAX,
        64 << 20,
        "let m = #{}; let n = 0; loop { m[`key ${n} with some length to it`] = [n, n, n, n]; n += 1; }",
    );
    assert_eq!(
        message(&ran),
        "the playbook was ended: it took more than 64 MiB of memory"
    );
}

/// A native callback makes the uncatchable error catchable, and `sort` loses it.
#[test]
fn no_script_can_swallow_the_end() {
    for text in [
        "try { [1].map(|x| { loop { } }) } catch { } put(\"after\");",
        "let a = [3, 1, 2]; a.sort(|x, y| { loop { } 0 }); put(\"after\");",
        "while true { try { [1].map(|x| { loop { } }) } catch { } }",
    ] {
        let ran = bounded(100_000, 1 << 40, text);
        assert_eq!(
            message(&ran),
            "the playbook was ended: it ran more than 100000 operations",
            "{text}"
        );
        assert!(ran.names.is_empty(), "{text}");
    }
}

#[test]
fn what_was_done_before_a_limit_is_undone() {
    let ran = bounded(100_000, 1 << 40, "put(\"a\"); loop { }");
    assert!(ran.names.is_empty() && ran.finished.acted);
}

#[test]
fn recursion_depth_and_sizes_end_with_an_error() {
    let kind = |text: &str| run(text).failure().kind.clone();
    assert_eq!(kind("fn f(n) { f(n + 1) } f(0)"), "script");
    assert_eq!(kind("let s = \"x\"; loop { s += s; }"), "script");
    assert_eq!(kind("let a = [0]; loop { a += a; }"), "script");
}

#[test]
fn eval_is_refused_when_the_playbook_is_read() {
    let failure = Stage::new().load("eval(\"1\")").map(|_| ()).unwrap_err();
    assert_eq!(failure.kind, "syntax");
}
