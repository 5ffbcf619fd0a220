//! What a check calls a surprise does fail in a run.

use crate::stage::{environment, registry};
use pb_runtime::{Runtime, Script};

#[test]
fn surprises_fail() {
    for script in [
        "let f = |x| x; print(f(1));",
        "let names = [\"a\"]; names.each(|n| names[0]);",
        "let names = [\"a\"]; savepoint(\"x\", || names.each(|n| names.len()));",
        "let f = Fn(\"print\"); f.call(1);",
        "let a = [1, 2, 3]; print(a[0..2]);",
        "print(target.web[0..1]);",
        "let a = [1, 2]; let b = a.map(|x| a[0] + x);",
        "let a = [1, 2]; a.for_each(|x| print(a[0]));",
        "let a = [1, 2]; let b = a.filter(|x| [1].some(|y| a[0] == y));",
        "let a = [1, 2]; a.sort(|x, y| a[0]);",
        "let a = \"x\"; fn f() { a } f();",
        "fn f(x) { x } f(1, 2);",
        "let x = [1].len(5);",
        "print(target.colour);",
        "now(1);",
    ] {
        let folder = tempfile::tempdir().unwrap();
        let runtime = Runtime::builder(registry())
            .target("prod", environment().target)
            .state(folder.path());
        let script = Script::from_text("a.rhai", script, &[]).unwrap();
        let finished = runtime
            .build()
            .unwrap()
            .run(&script, &serde_json::Map::new())
            .unwrap();
        let failed = finished.failure.is_some();
        assert!(failed, "{:?} gave {:?}", script.sources(), finished.value);
    }
}
