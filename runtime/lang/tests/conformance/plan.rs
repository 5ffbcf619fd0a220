//! A plan plays the script and does nothing: what only the run can tell forks it, and nothing answers silently.

use crate::stage::Stage;
use pb_core::plan::{Node, Plan, PlannedState};

/// The plan as lines: steps with their state, forks with their arms indented.
fn lines(plan: &Plan) -> Vec<String> {
    let mut lines = vec![];
    add(&plan.nodes, 0, &mut lines);
    if let Some(failure) = &plan.failure {
        lines.push(format!("fails: {}", failure.message));
    }
    lines
}

fn add(nodes: &[Node], depth: usize, lines: &mut Vec<String>) {
    let indent = "  ".repeat(depth);
    for node in nodes {
        match node {
            Node::Step(step) => {
                let state = match step.state {
                    PlannedState::Change => "change",
                    PlannedState::Nothing => "nothing",
                    PlannedState::Every => "every",
                    PlannedState::Unknown => "unknown",
                    PlannedState::Read => "read",
                    PlannedState::Open => "open",
                    PlannedState::Waits => "waits",
                };
                let what = format!("{} {}", step.name, step.place);
                lines.push(format!("{indent}{}: {state}", what.trim_end()));
            }
            Node::Remark(remark) => lines.push(format!("{indent}{}: {}", remark.word, remark.text)),
            Node::Fork { on, arms, site } => {
                for arm in arms {
                    lines.push(format!(
                        "{indent}if {on} is {} ({}:{})",
                        arm.answer, site.line, site.column
                    ));
                    add(&arm.nodes, depth + 1, lines);
                    if let Some(failure) = &arm.failure {
                        lines.push(format!("{indent}  fails: {}", failure.message));
                    }
                }
            }
        }
    }
}

fn check(text: &str, expected: &[&str]) {
    let plan = Stage::new().plan(text).unwrap();
    assert_eq!(lines(&plan), expected, "{text}");
}

#[test]
fn what_is_known_is_planned_straight() {
    check(
        r#"let r = put("a"); if r.changed { put("b"); }"#,
        &["put a: change", "put b: change"],
    );
    check(
        r#"for name in ["a", "b"] { put(name); }"#,
        &["put a: change", "put b: change"],
    );
    check(
        r#"each(["x", "y"], |name| put(name));"#,
        &["each: x y, 2 at a time", "put x: change", "put y: change"],
    );
    check(
        r#"savepoint("s", || { put("a"); point_of_no_return("it is gone"); put("b"); });"#,
        &[
            "put a: change",
            "point_of_no_return: it is gone",
            "put b: change",
        ],
    );
    check(
        r#"try { throw "no"; } catch (err) { put("caught"); } throw "end";"#,
        &["put caught: change", "fails: end"],
    );
    check(
        "confirm(\"really?\"); sleep(\"1h\");",
        &["confirm: really?", "sleep: 1h"],
    );
}

#[test]
fn what_follows_a_failure_is_listed() {
    check(
        r#"try { put("a"); put("b"); } catch (err) {
    put("c");
    if err.kind == "x" { ask("d"); }
}
put("e");"#,
        &[
            "put a: change",
            "put b: change",
            "catch: put (line 2), ask (line 3)",
            "put e: change",
        ],
    );
}

#[test]
fn a_condition_on_the_unknown_goes_both_ways() {
    let both = |on: &str, column: usize| {
        [
            "ask q: every".to_owned(),
            format!("if {on} is true (1:{column})"),
            "  put yes: change".to_owned(),
            format!("if {on} is false (1:{column})"),
            "  put no: change".to_owned(),
            "put end: change".to_owned(),
        ]
    };
    let check = |condition: &str, on: &str, column: usize| {
        let text = format!(
            r#"let r = ask("q"); if {condition} {{ put("yes"); }} else {{ put("no"); }} put("end");"#
        );
        let plan = Stage::new().plan(&text).unwrap();
        assert_eq!(lines(&plan), both(on, column), "{condition}");
    };
    check("r.ok", "ask#1.ok", 22);
    check("!r.ok", "!ask#1.ok", 22);
    check("r.code == 0", "ask#1.code == 0", 22);
    check("0 < r.code", "0 < ask#1.code", 22);
    check("(r.code + 1) * 2 == 4", "ask#1.code + 1 * 2 == 4", 22);
    check("r.lines[0] == \"one\"", "ask#1.lines[0] == \"one\"", 22);
    check("r.lines.len() > 1", "ask#1.lines.len() > 1", 22);
    check("\"one\" in r.lines", "ask#1.lines.contains(\"one\")", 22);
    check("r.code in [1, 2]", "[1, 2].contains(ask#1.code)", 22);
    check(
        "[1, r.code].contains(3)",
        "[1, ‹ask#1.code›].contains(3)",
        22,
    );
    check("[r.code] == [3]", "[‹ask#1.code›] == [3]", 22);
    check(
        "`code ${r.code}` == \"code 3\"",
        "`code ‹ask#1.code›` == \"code 3\"",
        22,
    );
    check(
        "`codes ${[r.code]}` == \"codes [3]\"",
        "`codes [‹ask#1.code›]` == \"codes [3]\"",
        22,
    );
    check(
        "\"x\" + r.code == \"x3\"",
        "\"x\" + ask#1.code == \"x3\"",
        22,
    );
    check(
        "[1, 2].some(|n| n == r.code)",
        "some(… 1 == ask#1.code …)",
        22,
    );
    check(
        "[1].filter(|n| n == r.code).len() == 1",
        "filter(… 1 == ask#1.code …).len() == 1",
        22,
    );
}

#[test]
fn what_all_ways_share_is_said_once() {
    let text = r#"if ask("q").ok { put("more"); } put("end");"#;
    check(
        text,
        &[
            "ask q: every",
            "if ask#1.ok is true (1:4)",
            "  put more: change",
            "if ask#1.ok is false (1:4)",
            "put end: change",
        ],
    );
    let plan = Stage::new().plan(text).unwrap();
    let end = plan
        .steps()
        .into_iter()
        .find(|step| step.place == "end")
        .cloned()
        .unwrap();
    assert_eq!(
        (end.key.as_str(), &end.also[..]),
        ("/put#2", &["/put#1".to_owned()][..])
    );
}

#[test]
fn operands_are_asked_one_by_one() {
    check(
        r#"let r = ask("q");
if (r.code == 0) && (r.ok || true) && 1 > 0 {
    put("yes");
}"#,
        &[
            "ask q: every",
            "if ask#1.code == 0 is true (2:5)",
            "  put yes: change",
            "if ask#1.code == 0 is false (2:5)",
        ],
    );
}

#[test]
fn a_switch_takes_every_case() {
    check(
        r#"let r = ask("q");
switch r.code {
    0 => put("fine"),
    1 | 2 if r.ok => { put("half") }
    3..5 => put("range"),
    _ => put("else"),
}"#,
        &[
            "ask q: every",
            "if ask#1.code is 0 (2:8)",
            "  put fine: change",
            "if ask#1.code is 1 (2:8)",
            "  if ask#1.ok is true (4:14)",
            "    put half: change",
            "  if ask#1.ok is false (4:14)",
            "    put else: change",
            "if ask#1.code is 2 (2:8)",
            "  if ask#1.ok is true (4:14)",
            "    put half: change",
            "  if ask#1.ok is false (4:14)",
            "    put else: change",
            "if ask#1.code is 3..5 (2:8)",
            "  put range: change",
            "if ask#1.code is anything else (2:8)",
            "  put else: change",
        ],
    );
}

#[test]
fn loops_are_planned_once() {
    check(
        r#"for line in ask("q").lines { put("x"); }"#,
        &["ask q: every", "put x: change"],
    );
    check(
        r#"let r = ask("q"); while r.code > 0 { put("x"); }"#,
        &[
            "ask q: every",
            "if ask#1.code > 0 is true (1:25)",
            "  put x: change",
            "if ask#1.code > 0 is false (1:25)",
        ],
    );
    check(
        r#"let r = ask("q"); do { put("x"); } until r.ok;"#,
        &[
            "ask q: every",
            "put x: change",
            "if ask#1.ok is true (1:42)",
            "if ask#1.ok is false (1:42)",
            "  put x: change",
        ],
    );
    check(
        r#"let r = ask("q"); let s = "x"; s += r.code; if s == "x" { put("x"); }"#,
        &[
            "ask q: every",
            "if \"x\" + ask#1.code == \"x\" is true (1:48)",
            "  put x: change",
            "if \"x\" + ask#1.code == \"x\" is false (1:48)",
        ],
    );
    check(
        r#"each(["a", "b"], |n| { let r = ask(n); while r.ok { put(n); } });"#,
        &[
            "each: a b, 2 at a time",
            "ask a: every",
            "if each#1[a]/ask#1.ok is true (1:46)",
            "  put a: change",
            "if each#1[a]/ask#1.ok is false (1:46)",
            "ask b: every",
            "if each#1[b]/ask#1.ok is true (1:46)",
            "  put b: change",
            "if each#1[b]/ask#1.ok is false (1:46)",
        ],
    );
    check(
        r#"each(ask("q").lines, |line| put("x"));"#,
        &[
            "ask q: every",
            "each: ‹each of ask#1.lines›, 1 at a time",
            "put x: change",
        ],
    );
}

#[test]
fn a_playbook_that_fails_on_every_way_fails() {
    check(
        r#"if ask("q").ok { throw "one"; } throw "two";"#,
        &[
            "ask q: every",
            "if ask#1.ok is true (1:4)",
            "  fails: one",
            "if ask#1.ok is false (1:4)",
            "  fails: two",
            "fails: two",
        ],
    );
}

#[test]
fn a_loop_without_end_is_cut() {
    let text = r#"loop { let r = ask("q"); if !r.ok { put("again"); continue; } break; }"#;
    let plan = Stage::new().plan(text).unwrap();
    let told = plan
        .unknown
        .iter()
        .any(|line| line.starts_with("how often this goes on"));
    assert!(told, "{:?}", plan.unknown);
    let text = r#"let r = ask("q"); loop { if r.ok { break; } }"#;
    assert!(Stage::new().plan(text).is_ok());
}

#[test]
fn what_is_called_with_the_unknown_is_shown() {
    check(
        r#"let r = ask("q"); put(`x-${r.code}`); put("y", #{ value: r.lines[1] }); put("z");"#,
        &[
            "ask q: every",
            "put: unknown",
            "put: unknown",
            "put z: change",
        ],
    );
    check(
        r#"let t = timestamp(); let id = random(4); put(id); ensure(t.elapsed < 5.0, "late");"#,
        &["put: unknown", "ensure: timestamp().elapsed < 5.0"],
    );
    let plan = Stage::new().plan(r#"put(ask("q").lines[0]);"#).unwrap();
    assert_eq!(
        plan.unknown,
        ["step 2 put: it is called with `ask#1.lines[0]`"]
    );
    assert!(plan.pending);
}

#[test]
fn what_cannot_be_followed_ends_the_way() {
    check(
        r#"let r = ask("q"); let m = #{ a: 1 }; put("a"); let x = m[r.lines[0]]; put("b");"#,
        &[
            "ask q: every",
            "put a: change",
            "fails: what is chosen here is unknown until run",
        ],
    );
}

#[test]
fn no_more_than_sixteen_ways_are_gone() {
    let text = r#"for n in 0..6 { if ask(`q${n}`).ok { put(`p${n}`); } }"#;
    let plan = Stage::new().plan(text).unwrap();
    assert!(
        plan.unknown
            .contains(&"there are more than 16 ways; the others are not planned".into()),
        "{:?}",
        plan.unknown
    );
}

#[test]
fn what_is_made_of_itself_has_a_name_that_ends() {
    let text = r#"let x = ask("q").code; for i in 0..60 { x = x + x; } if x == 1 { put("a"); }"#;
    let plan = Stage::new().plan(text).unwrap();
    let told = serde_json::to_string(&plan.nodes).unwrap();
    assert!(told.len() < 5_000, "{} bytes", told.len());
    assert!(
        lines(&plan).contains(&"  put a: change".to_owned()),
        "{told}"
    );
}
