//! Errors: what scripts catch, and where errors say they come from.

use crate::stage::{Stage, run};
use serde_json::json;

#[test]
fn errors_of_calls_are_maps_with_known_keys() {
    let caught = |field: &str| {
        let text = format!(
            "try {{ put(\"a\", #{{ fails: \"act\" }}); }} catch (err) {{ return err.{field}; }}"
        );
        run(&text).finished.value
    };
    assert_eq!(caught("kind"), json!("script"));
    assert_eq!(caught("message"), json!("`a` was refused"));
    assert_eq!(caught("step"), json!("/put#1"));
    assert_eq!(caught("hint"), json!(null));
    assert_eq!(caught("data"), json!({}));
    let failure = run("try { put(\"a\", #{ fails: \"act\" }); } catch (err) { err.knd }")
        .failure()
        .clone();
    assert_eq!(
        (failure.kind.as_str(), failure.hint.as_deref()),
        ("unknown_property", Some("did you mean `kind`?"))
    );
}

#[test]
fn thrown_texts_and_maps_have_kind_and_message_too() {
    assert_eq!(
        run("try { throw \"no\" } catch (err) { return err.kind + \" \" + err.message; }").value(),
        &json!("thrown no")
    );
    let failure = run("throw #{ kind: \"mine\", message: \"broken\", hint: \"mend it\" }")
        .failure()
        .clone();
    assert_eq!(
        (
            failure.kind.as_str(),
            failure.message.as_str(),
            failure.hint.as_deref()
        ),
        ("mine", "broken", Some("mend it"))
    );
}

/// Rhai reports the place of the second `throw`; the origin is kept beside the value.
#[test]
fn an_error_thrown_again_keeps_its_origin() {
    let text = "fn f() {\n  put(\"a\", #{ fails: \"act\" });\n}\ntry { f(); }\ncatch (err) {\n  throw err;\n}";
    let failure = run(text).failure().clone();
    let place = &failure.chain[0];
    assert_eq!(
        (place.line, place.column, place.call.as_str()),
        (2, 3, "put")
    );
}

#[test]
fn the_call_chain_goes_outwards() {
    let text = "fn inner() { put(\"a\", #{ fails: \"act\" }) }\nfn outer() { inner() }\nouter();";
    let failure = run(text).failure().clone();
    let chain: Vec<_> = failure
        .chain
        .iter()
        .map(|site| (site.line, site.call.as_str()))
        .collect();
    assert_eq!(chain, [(1, "put"), (2, "inner"), (3, "outer")]);
}

#[test]
fn an_error_in_a_module_names_its_file() {
    let ran = Stage::new()
        .file("lib.rhai", "fn go_wrong() {\n let a = 1;\n a.b.c }")
        .run("import \"./lib\" as l;\nl::go_wrong()");
    let chain = &ran.failure().chain;
    assert!(chain[0].file.ends_with("lib.rhai"), "{chain:?}");
    assert_eq!(chain[0].line, 3);
    assert!(
        chain[1].file.ends_with("main.rhai") && chain[1].line == 2,
        "{chain:?}"
    );
}

#[test]
fn an_error_in_a_branch_keeps_its_place() {
    let failure = run("each([1, 2], |n| {\n  if n == 2 { put(\"x\", #{ fails: \"act\" }); }\n})")
        .failure()
        .clone();
    assert_eq!(
        (failure.chain[0].line, failure.chain[0].call.as_str()),
        (2, "put")
    );
    assert_eq!(failure.step.as_deref(), Some("/each#1[2]/put#1"));
}

#[test]
fn wrong_arguments_are_errors_before_anything_is_touched() {
    let check = |call: &str, message: &str, hint: Option<&str>| {
        let ran = run(&format!("{call};"));
        let failure = ran.failure();
        assert_eq!(
            (failure.message.as_str(), failure.hint.as_deref()),
            (message, hint),
            "{call}"
        );
        assert!(!ran.finished.acted && ran.names.is_empty(), "{call}");
    };
    check(
        "put(\"a\", #{ valu: \"x\" })",
        "`put` has no option `valu`",
        Some("did you mean `value`?"),
    );
    check("put(1)", "`name` of `put` takes a text, not 1", None);
    check("put()", "`put` needs the argument `name`", None);
    check(
        "put(\"a\", \"b\")",
        "`put` was called with 2 arguments",
        None,
    );
    check(
        "put(\"a\", #{ name: \"b\" })",
        "`name` was given to `put` twice",
        None,
    );
    check(
        "put(\"a\", #{ value: || 1 })",
        "an option of `put` was refused: it is or holds a closure, which is no data",
        None,
    );
    check(
        "put(\"a\", #{ timeout: \"5 s\" })",
        "`timeout` of `put` takes a duration, not \"5 s\"",
        None,
    );
    check(
        "put(\"a\", #{ retry: #{ attempts: 2, dealy: 1 } })",
        "`retry` of `put` has no option `dealy`",
        Some("did you mean `delay`?"),
    );
    check("each(5, |x| x)", "`each` takes a list, not i64", None);
    check(
        "each([1, 1], |x| x)",
        "`1` is twice in the list given to `each`",
        None,
    );
    check(
        "each([1.5], |x| x)",
        "an item of `each` has no name: it is f64",
        None,
    );
    check(
        "savepoint(\"s\", 1)",
        "`savepoint` takes a closure at the end, such as `|| { … }`",
        None,
    );
    check(
        "rolling([], #{ batch: 0 }, |x| x)",
        "`batch` of `rolling` is at least 1, not 0",
        None,
    );
    check(
        "ensure(1, \"x\")",
        "`condition` of `ensure` takes true or false, not i64",
        None,
    );
    check("nothing(1)", "there is no function `nothing (i64)`", None);
}
