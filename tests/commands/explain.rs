//! `pb explain`: the pages of the codes.

use super::pb;
use pb_core::code;

#[test]
fn every_code_is_listed_and_explained() {
    let list = pb().args(["explain"]).run().expect(0).stdout;
    for code in code::ALL {
        let begins = |line: &str| line.starts_with(&format!("{}  ", code.id));
        assert!(list.lines().any(begins), "{} in {list}", code.id);
        let page = pb().args(["explain", code.id]).run().expect(0).stdout;
        assert!(
            page.starts_with(&format!("{} · `{}`\n", code.id, code.kind)),
            "{page}"
        );
        assert!(page.contains("\nWhat to do\n"), "{page}");
        // What is shown as it is may be wide: it is what the command prints.
        let too_wide = |line: &&str| line.chars().count() > 100 && !line.starts_with("    ");
        assert_eq!(page.lines().find(too_wide), None);
    }
}

#[test]
fn a_page_is_shown_in_the_terminal() {
    let page = pb().args(["explain", "pb0014"]).run().expect(0);
    page.matches("commands/explain/page");
    let ascii = pb()
        .env("LANG", "C")
        .args(["explain", "PB0224"])
        .run()
        .expect(0);
    assert!(ascii.stdout.is_ascii(), "{ascii}");
}

#[test]
fn what_is_no_code_comes_with_the_nearest() {
    let check = |name: &str, code: &str| {
        let outcome = pb().args(["explain", code]).run().expect(2);
        outcome.matches(&format!("commands/explain/{name}"));
    };
    check("number", "PB0409");
    check("kind", "unhealthy");
    check("stranger", "kubernetes");
}
