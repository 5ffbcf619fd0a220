//! Modules: read before the run, within the package, without effects of their own.

use crate::stage::Stage;
use serde_json::json;

fn refused(stage: Stage, text: &str) -> String {
    let failure = stage.load(text).map(|_| ()).unwrap_err();
    let because = failure.because.first().cloned().unwrap_or_default();
    format!("{} | {}", failure.message, because)
}

#[test]
fn imports_are_relative_to_the_importing_file() {
    let ran = Stage::new()
        .file(
            "lib/a.rhai",
            "import \"./deep/b\" as b; fn f() { b::g() + 1 }",
        )
        .file(
            "lib/deep/b.rhai",
            "import \"../c\" as c; const K = 1; fn g() { c::h() + 10 } fn private_one() { 0 }",
        )
        .file("lib/c.rhai", "fn h() { 100 }")
        .run("import \"./lib/a\" as a; import \"./lib/c\" as c; a::f() + c::h()");
    assert_eq!(ran.value(), &json!(211));
}

#[test]
fn library_modules_come_with_pb() {
    let ran = Stage::new().run("import \"std/twice\" as t; t::twice(|| put(random(5)));");
    assert_eq!(ran.names.len(), 2);
}

#[test]
fn what_cannot_be_imported_is_refused_before_the_run() {
    assert!(
        refused(Stage::new(), "import \"std/twise\" as t;").contains("did you mean `std/twice`?")
    );
    assert!(refused(Stage::new(), "import \"./none\" as t;").contains("there is no file"));
    assert!(
        refused(Stage::new(), "import \"/etc/passwd\" as t;").contains("there is no such module")
    );
    assert!(
        refused(Stage::new(), "let p = \"x\"; import p as t;").contains("its path is computed")
    );
    assert!(
        refused(
            Stage::new(),
            "import \"../../../../../../etc/hostname\" as t;"
        )
        .starts_with("`../../../../../../etc/hostname` could not be imported")
    );
    let acting = Stage::new().file("l.rhai", "put(\"x\"); fn f() { }");
    assert!(
        refused(acting, "import \"./l\" as l;").contains("it does something when it is imported")
    );
    let round = Stage::new()
        .file("a.rhai", "import \"./b\" as b;")
        .file("b.rhai", "import \"./a\" as a;");
    assert!(refused(round, "import \"./a\" as a;").contains("imports itself"));
}

/// Neither `..` nor a link leads out of the package.
#[test]
fn an_import_stays_inside_the_package() {
    let outside = tempfile::tempdir().unwrap();
    std::fs::write(outside.path().join("x.rhai"), "fn f() { 1 }").unwrap();
    let package = tempfile::tempdir().unwrap();
    std::os::unix::fs::symlink(outside.path().join("x.rhai"), package.path().join("x.rhai"))
        .unwrap();
    let main = package.path().join("main.rhai");
    std::fs::write(&main, "import \"./x\" as x;").unwrap();
    let failure = pb_runtime::Script::load(&main, package.path(), &[]).unwrap_err();
    assert!(
        failure.because[0].contains("lies outside of the package"),
        "{failure:?}"
    );
}

#[test]
fn a_library_sees_no_target() {
    let ran = Stage::new()
        .file("l.rhai", "fn f() { target }")
        .run("import \"./l\" as l; l::f()");
    assert_eq!(ran.failure().message, "there is no variable `target`");
    let ran = Stage::new()
        .run("fn f() { target.url } let c = || target.limits.cpu; [target.url, f(), c.call()]");
    assert_eq!(ran.value(), &json!(["http://here", "http://here", 2]));
    let ran = Stage::new().run("fn f(target) { target } f(5)");
    assert_eq!(
        ran.value(),
        &json!(5),
        "a parameter of that name comes first"
    );
    let ran = Stage::new().run("target.ulr");
    assert_eq!(ran.failure().hint.as_deref(), Some("did you mean `url`?"));
}

#[test]
fn parameters_are_found_without_running() {
    let stage = Stage::new();
    let (_folder, script) = stage
        .load("//! Rolls.\n//!\n//! Needs a database.\nlet image = param(\"image\", #{ help: \"to run\" });\nlet n = param(\"n\", #{ fallback: 3 });\nlet mode = param(\"mode\", #{ choices: [\"fast\", \"safe\"], fallback: \"safe\" });")
        .unwrap();
    assert_eq!(script.doc(), "Rolls.\n\nNeeds a database.");
    let shape: Vec<_> = script
        .params()
        .iter()
        .map(|p| (p.name.as_str(), p.fallback.clone()))
        .collect();
    assert_eq!(
        shape,
        [
            ("image", None),
            ("n", Some(json!(3))),
            ("mode", Some(json!("safe")))
        ]
    );
    let ran = Stage::new().param("n", 5).run("let n = param(\"n\", #{ fallback: 3 }); let m = param(\"m\", #{ fallback: \"x\" }); [n, m]");
    assert_eq!(ran.value(), &json!([5, "x"]));
    assert!(
        refused(Stage::new(), "let n = param(\"n\", #{ fallback: 1 + 1 });")
            .contains("its options are computed")
    );
    assert!(
        refused(Stage::new(), "let n = param(\"n\", #{ halp: \"x\" });")
            .contains("has no option `halp`")
    );
}

#[test]
fn a_syntax_error_says_where_and_names_reserved_words() {
    let failure = Stage::new()
        .load("let a = 1;\nlet go = 2;")
        .map(|_| ())
        .unwrap_err();
    assert_eq!((failure.chain[0].line, failure.chain[0].column), (2, 5));
    assert_eq!(failure.because, ["`go` is a reserved word of Rhai"]);
}
