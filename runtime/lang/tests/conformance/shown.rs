//! How values show: in lines, lists, maps and errors, and never by the names of Rust's types.

use crate::stage::{Stage, run};

const VALUES: &str = "
    let secret = secret(\"env:SENTINEL\");
    let handle = target.store;
    let result = put(\"a\");
    let error = (); try { ensure(false, \"no\"); } catch (err) { error = err; }
    let moment = timestamp();
";

/// Every way to a text, and what stands around it there.
const WAYS: [(&str, &str, &str); 9] = [
    ("print([x]);", "[", "]"),
    ("debug([x]);", "[", "]"),
    ("print(`${[x]}`);", "[", "]"),
    ("print(\"\" + [x]);", "[", "]"),
    ("print([x].to_string());", "[", "]"),
    ("print(#{ x: x });", "#{\"x\": ", "}"),
    ("debug(#{ x: [x] });", "#{\"x\": [", "]}"),
    ("let s = \"\"; s += #{ x: x }; print(s);", "#{\"x\": ", "}"),
    ("debug(x);", "", ""),
];

#[test]
fn every_value_shows_the_same_in_lists_and_maps_however_it_is_printed() {
    let check = |x: &str, within: &str| {
        let script: String = WAYS
            .iter()
            .map(|(way, ..)| format!("{{ let x = {x}; {way} }}\n"))
            .collect();
        let wanted: Vec<_> = WAYS
            .iter()
            .map(|(_, before, after)| format!("{before}{within}{after}"))
            .collect();
        let ran = run(&format!("{VALUES}{script}"));
        ran.value();
        assert_eq!(ran.printed, wanted, "{x}");
    };
    check("secret", "‹secret env:SENTINEL›");
    check("\"t-\" + secret", "t-‹secret env:SENTINEL›");
    check("handle", "handle store");
    check("target.limits", "#{\"cpu\": 2}");
    check(
        "target.inner",
        "#{\"store\": handle store, \"token\": ‹secret env:SENTINEL›}",
    );
    check("error", "ensure: no");
    check("[1.5, \"t\", (), true]", "[1.5, \"t\", (), true]");
}

#[test]
fn by_itself_a_value_prints_as_its_text() {
    let check = |x: &str, alone: &str| {
        let ran = run(&format!(
            "{VALUES} let x = {x}; print(x); print(`${{x}}`); print(\"\" + x); print(x.to_string());"
        ));
        ran.value();
        assert_eq!(ran.printed, [alone; 4], "{x}");
    };
    check("secret", "‹secret env:SENTINEL›");
    check("handle", "store");
    check("target.limits", "#{\"cpu\": 2}");
    check("error", "no");
    check("\"text\"", "text");
}

#[test]
fn results_and_moments_show_what_they_hold() {
    let ran = run(&format!(
        "{VALUES} print(result); print([result]); print([moment]);"
    ));
    let all = ran.printed.concat();
    assert!(
        all.contains("\"name\": \"a\"") && !all.contains("::"),
        "{all}"
    );
    assert!(ran.printed[2].ends_with("Z]"), "{all}");
}

#[test]
fn json_holds_the_values_themselves() {
    let ran = run(&format!(
        "{VALUES} print(#{{ s: secret, m: target.limits }}.to_json()); print(target.limits.to_json());"
    ));
    assert_eq!(
        ran.printed,
        [
            "{\"m\":{\"cpu\":2},\"s\":\"‹secret env:SENTINEL›\"}",
            "{\"cpu\":2}"
        ]
    );
    let refused = run("print(#{ f: || 1 }.to_json());");
    assert_eq!(refused.failure().kind, "wrong_type");
}

#[test]
fn maps_that_hold_different_values_differ() {
    let ran = run(&format!(
        "{VALUES} [target.inner == target.inner, target.inner == target.other, target.inner != target.other]"
    ));
    assert_eq!(ran.value(), &serde_json::json!([true, false, true]));
}

#[test]
fn errors_name_values_as_scripts_do() {
    let check = |script: &str, message: &str| {
        let ran = run(&format!("{VALUES}{script}"));
        assert_eq!(ran.failure().message, message, "{script}");
    };
    check("throw secret;", "‹secret env:SENTINEL›");
    check("throw [secret];", "[‹secret env:SENTINEL›]");
    check(
        "throw #{ message: \"with \" + secret };",
        "with ‹secret env:SENTINEL›",
    );
    check("throw handle;", "handle store");
    check("throw ();", "()");
    check(
        "try { throw \"a \" + secret; } catch (err) { throw `${err.kind}: ${err.message}`; }",
        "thrown: a ‹secret env:SENTINEL›",
    );
    check(
        "ensure(secret, \"x\");",
        "`condition` of `ensure` takes true or false, not secret",
    );
    check("each(target, |x| x);", "`each` takes a list, not map");
    check("each(1..3, |x| x);", "`each` takes a list, not range");
    check(
        "each([moment], |x| x);",
        "an item of `each` has no name: it is timestamp",
    );
    check(
        "put(1..3);",
        "`name` of `put` was refused: it is or holds range, which is no data",
    );
    check("if handle {}", "a condition was handle, not true or false");
    check("[1][secret]", "i64 has a place here, not secret");
    let waited = run("wait_until(\"it\", #{ deadline: \"5ms\" }, || ())");
    let because = &waited.failure().because[0];
    assert!(because.starts_with("the closure gave () ("), "{because}");
}

#[test]
fn a_parameter_shows_as_it_was_given() {
    let stage = Stage::new().param("pause", "5s");
    let ran = stage.run("let pause = param(\"pause\", #{ type: \"duration\" }); print([pause]);");
    assert_eq!(ran.printed, ["[\"5s\"]"]);
}
