//! A sentinel through every sink of the language: events, journal, witness, results, errors.

use crate::stage::{SENTINEL, run};

fn everywhere(ran: &crate::stage::Ran) -> String {
    let events = serde_json::to_string(&ran.events).unwrap();
    format!(
        "{events}{:?}{}",
        ran.finished,
        String::from_utf8_lossy(&ran.files)
    )
}

#[test]
fn the_value_of_a_secret_reaches_no_sink() {
    let ran = run("
        let s = secret(\"env:SENTINEL\");
        print(s); print(`interpolated ${s}`); print(\"added \" + s);
        let r = put(\"a\", #{ value: \"prefix-\" + s });
        let list = [s, #{ inside: s }];
        print(list);
        try { put(s); } catch (err) { print(err.message); }
        savepoint(\"x\", || { put(\"b\", #{ value: s }); });
        throw #{ message: `failed with ${s}`, data: #{ s: s } };");
    let all = everywhere(&ran);
    assert!(!all.contains(SENTINEL), "the secret got out");
    assert!(all.contains("secret env:SENTINEL"), "it is named instead");
}

/// What a server echoes is cleaned when it enters.
#[test]
fn a_secret_that_comes_back_is_cleaned() {
    let ran = run("let s = secret(\"env:SENTINEL\"); put(\"a\", #{ value: s }); 1");
    assert!(!everywhere(&ran).contains(SENTINEL));
    assert!(
        String::from_utf8_lossy(&ran.files).contains("held"),
        "the outcome is written down"
    );
}

#[test]
fn a_secret_has_no_place_where_text_is_shown() {
    let failure = run("put(secret(\"env:SENTINEL\"))").failure().clone();
    assert_eq!(
        (failure.kind.as_str(), failure.message.as_str()),
        ("secret", "`name` of `put` may hold no secret")
    );
    let failure = run("put(`x-${secret(\"env:SENTINEL\")}`)")
        .failure()
        .clone();
    assert_eq!(failure.kind, "secret");
}
