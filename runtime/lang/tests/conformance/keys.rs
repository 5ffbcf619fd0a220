//! Keys: the same in every run, whatever the threads do.

use crate::stage::run;

#[test]
fn keys_are_the_same_in_every_run_and_unique() {
    let text = "
        fn twice(n) { put(n + \"-1\"); put(n + \"-2\"); }
        savepoint(\"release\", || {
            each([\"a\", \"b\", \"c\"], |n| { twice(n); each([1, 2], |i| put(`${n}${i}`)); });
        });
        parallel([|| put(\"p\"), || put(\"q\", #{ id: \"named\" })]);
        for i in 0..3 { put(`loop-${i}`); }
        [1, 2].map(|x| put(`mapped-${x}`));";
    let first = run(text).keys();
    assert_eq!(first.len(), 3 * 4 + 2 + 3 + 2);
    assert!(first.windows(2).all(|pair| pair[0] != pair[1]), "{first:?}");
    assert!(
        first.contains(&"/savepoint:release#1/each#1[a]/put#2".to_owned()),
        "{first:?}"
    );
    assert!(
        first.contains(&"/savepoint:release#1/each#1[b]/each#1[2]/put#1".to_owned()),
        "{first:?}"
    );
    assert!(
        first.contains(&"/parallel#1[1]/named".to_owned()),
        "{first:?}"
    );
    for _ in 0..20 {
        assert_eq!(run(text).keys(), first);
    }
}

#[test]
fn moving_a_line_does_not_change_a_key() {
    assert_eq!(
        run("put(\"a\"); put(\"b\");").keys(),
        run("\n\n// more\nput(\"a\");\n\n  put(\"b\");").keys()
    );
}

#[test]
fn an_id_is_unique_in_its_scope() {
    let failure = run("put(\"a\", #{ id: \"x\" }); put(\"b\", #{ id: \"x\" });")
        .failure()
        .clone();
    assert_eq!(failure.kind, "duplicate_key");
}
