//! Closures: made in modules, run on threads, capturing and captured.

use crate::stage::{Stage, run};
use serde_json::json;

/// A closure that leaves its module fails in rhai 1.27 without the treatment in `resolver.rs`.
#[test]
fn a_closure_made_in_a_module_works_outside_of_it() {
    let library = "
        fn adder(n) { |x| x + n }
        fn both() { #{ one: |x| x + 1, two: |x| x + 2 } }
        fn wrapped() { let inner = |x| x * 10; |x| inner.call(x) }
        fn apply(f, x) { f.call(x) }";
    let check = |script: &str, wanted: i64| {
        let text = format!("import \"./lib/x\" as x;\n{script}");
        let ran = Stage::new().file("lib/x.rhai", library).run(&text);
        assert_eq!(ran.value(), &json!(wanted), "{script}");
    };
    check("let f = x::adder(5); f.call(1)", 6);
    check("let m = x::both(); m.one.call(1) + m.two.call(1)", 5);
    check("x::both().two.call(3)", 5);
    check("let f = x::wrapped(); f.call(4)", 40);
    check("x::apply(x::adder(1), 1)", 2);
    check(
        "fn inside() { import \"./lib/x\" as x; let f = x::adder(2); f.call(2) } inside()",
        4,
    );
    check("let l = each([1], x::adder(3)); l[0]", 4);
    check("let l = parallel([|| x::adder(1).call(1)]); l[0]", 2);
}

#[test]
fn fan_outs_give_results_in_the_order_of_their_input() {
    let ran = run("each([3, 1, 2], #{ max: 3 }, |n| { sleep(0.01 * n); n * 10 })");
    assert_eq!(ran.value(), &json!([30, 10, 20]));
    let ran = run("let base = 5; parallel([|| base + 1, || { sleep(\"5ms\"); base + 2 }])");
    assert_eq!(ran.value(), &json!([6, 7]));
}

#[test]
fn branches_see_captured_variables_and_functions_of_the_script() {
    let ran = run(
        "const N = 2; fn double(x) { x * 2 } let offset = 1; each([1, 2, 3], |x| double(x) + offset)",
    );
    assert_eq!(ran.value(), &json!([3, 5, 7]));
}

#[test]
fn a_value_used_by_its_own_callback_is_named() {
    let failure = run("let a = [1, 2]; a.map(|x| a.len())").failure().clone();
    assert_eq!(failure.kind, "script");
    assert!(
        failure.message.contains("was used by its own callback"),
        "{failure:?}"
    );
}
