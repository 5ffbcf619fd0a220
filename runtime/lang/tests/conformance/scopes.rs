//! Savepoints, branches, optional parts: what stays and what goes.

use crate::stage::run;
use pb_core::event::What;
use pb_core::journal::Ended;
use serde_json::json;

#[test]
fn a_savepoint_that_throws_undoes_what_was_done_inside() {
    let ran = run(
        "put(\"before\"); try { savepoint(\"s\", || { put(\"a\"); put(\"b\"); throw \"no\"; }); } catch (err) { put(err.message); }",
    );
    assert_eq!(ran.names, ["before", "no"]);
    assert_eq!(ran.finished.state, Some(Ended::Done));
    let undone: Vec<_> = ran
        .events
        .iter()
        .filter_map(|event| match &event.what {
            What::StepUndone { step, .. } => Some(step.place.clone()),
            _ => None,
        })
        .collect();
    assert_eq!(undone, ["b", "a"], "newest first");
}

#[test]
fn an_error_that_nobody_catches_undoes_the_run() {
    let ran = run("put(\"a\"); savepoint(\"s\", || put(\"b\")); put(\"c\", #{ fails: \"act\" });");
    assert_eq!(
        (ran.names.len(), ran.finished.state),
        (0, Some(Ended::Undone))
    );
    assert_eq!(ran.failure().state, ["`b` is gone", "`a` is gone"]);
}

#[test]
fn a_step_that_breaks_half_way_is_undone_before_it_raises() {
    let ran = run(
        "let left = 0; try { put(\"a\", #{ fails: \"half\" }); } catch (err) { put(\"seen\"); }",
    );
    assert_eq!(ran.names, ["seen"]);
}

#[test]
fn frozen_scopes_keep_what_was_done() {
    let ran = run(
        "put(\"out\"); savepoint(\"s\", #{ on_fail: \"freeze\" }, || { put(\"in\"); throw \"no\"; });",
    );
    assert_eq!(
        (ran.names.as_slice(), ran.finished.state),
        (
            &["in".to_owned(), "out".to_owned()][..],
            Some(Ended::Failed)
        )
    );
    let ran = run(
        "savepoint(\"s\", #{ on_fail: \"freeze\" }, || { put(\"in\", #{ fails: \"half\" }); });",
    );
    assert_eq!(ran.names, ["in"]);
}

#[test]
fn nothing_before_a_point_of_no_return_is_undone() {
    let ran = run("put(\"a\"); point_of_no_return(\"dropped\"); put(\"b\"); throw \"no\";");
    assert_eq!(
        (ran.names.as_slice(), ran.finished.state),
        (&["a".to_owned()][..], Some(Ended::Failed))
    );
    assert!(
        ran.failure()
            .state
            .contains(&"what stands before the point of no return stays: dropped".to_owned())
    );
}

#[test]
fn what_destroys_is_refused_where_it_is_not_allowed() {
    let check = |script: &str, names: &[&str], error: Option<&str>| {
        let ran = run(script);
        assert_eq!(ran.names, names, "{script}");
        let failure = ran.finished.failure.as_ref();
        assert_eq!(failure.map(|f| f.message.as_str()), error, "{script}");
    };
    let refused = Some("`bomb` destroys");
    check("put(\"bomb\");", &[], refused);
    check(
        "allow_destructive(\"why\"); put(\"bomb\");",
        &["bomb"],
        None,
    );
    check(
        "allow_destructive(\"why\"); savepoint(\"s\", || each([1], |n| put(\"bomb\")));",
        &["bomb"],
        None,
    );
    check(
        "savepoint(\"s\", || { allow_destructive(\"why\"); }); put(\"bomb\");",
        &[],
        refused,
    );
    // A function is no scope of pb: what it says is said of where it is called.
    check(
        "fn allow() { allow_destructive(\"why\"); } allow(); put(\"bomb\");",
        &["bomb"],
        None,
    );
    check(
        "allow_destructive(1);",
        &[],
        Some("`why` of `allow_destructive` takes a text"),
    );
}

#[test]
fn an_undo_that_fails_is_stuck_and_says_what_is_still_applied() {
    let ran =
        run("put(\"first\"); put(\"second\", #{ fails: \"undo\" }); put(\"third\"); throw \"no\";");
    assert_eq!(
        (ran.names.as_slice(), ran.finished.state),
        (
            &["first".to_owned(), "second".to_owned()][..],
            Some(Ended::Stuck)
        )
    );
    let state = &ran.failure().state;
    assert_eq!(
        state,
        &[
            "`third` is gone",
            "not undone: `second` was refused",
            "still applied: put second (`second` is there)",
            "still applied: put first"
        ]
    );
}

#[test]
fn optional_parts_may_fail_and_are_undone() {
    let ran = run(
        "put(\"a\"); let v = optional(\"static\", || { put(\"b\"); throw \"no\"; }); put(\"c\"); v == ()",
    );
    assert_eq!(
        (ran.value(), ran.names.as_slice()),
        (&json!(true), &["a".to_owned(), "c".to_owned()][..])
    );
}

#[test]
fn a_failed_branch_is_undone_and_its_siblings_start_nothing_more() {
    let ran =
        run("each([1, 2, 3, 4], #{ max: 1 }, |n| { put(`x${n}`); if n == 2 { throw \"no\"; } });");
    assert_eq!(
        ran.names.len(),
        0,
        "the run undoes what the first branch did"
    );
    let ran = run(
        "try { each([1, 2, 3, 4], #{ max: 1 }, |n| { put(`x${n}`); if n == 2 { throw \"no\"; } }); } catch { } ",
    );
    assert_eq!(
        ran.names,
        ["x1"],
        "branches are savepoints, the fan-out is none"
    );
}

#[test]
fn rolling_tolerates_so_many_failures_and_looks_again() {
    let ran = run(
        "rolling([\"a\", \"b\", \"c\"], #{ batch: 1, max_failures: 1 }, |n| { put(n); if n == \"b\" { throw \"no\"; } n })",
    );
    assert_eq!(
        (ran.value(), ran.names.as_slice()),
        (
            &json!(["a", (), "c"]),
            &["a".to_owned(), "c".to_owned()][..]
        )
    );
    let ran = run(
        "rolling([\"a\", \"b\", \"c\"], #{ batch: 2 }, |n| { put(n); if n == \"b\" { sleep(\"20ms\"); throw \"no\"; } })",
    );
    assert_eq!(ran.names.len(), 0);
    assert!(
        !ran.keys().contains(&"/rolling#1[c]/put#1".to_owned()),
        "the second batch never began"
    );
}

#[test]
fn steps_done_before_are_found_done() {
    let ran = run(
        "let first = put(\"a\"); let second = put(\"a\"); [first.changed, second.changed, second.name]",
    );
    assert_eq!(ran.value(), &json!([true, false, "a"]));
}

#[test]
fn undo_none_leaves_the_step() {
    let ran = run("put(\"a\", #{ undo: \"none\" }); throw \"no\";");
    assert_eq!(
        (ran.names.as_slice(), ran.finished.state),
        (&["a".to_owned()][..], Some(Ended::Undone))
    );
    assert_eq!(
        ran.failure().state,
        ["stays: put a (the playbook says `undo: \"none\"`)"]
    );
}
