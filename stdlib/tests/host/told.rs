//! What the arguments of `command` tell before it runs.

use super::folder::Folder;
use pb_core::erase;
use pb_core::finding::Standing;
use pb_stdlib::host::Command;
use serde_json::{Value, json};

#[test]
fn what_its_arguments_tell_is_said_before_it_runs() {
    let folder = Folder::new();
    folder.file("my program", "");
    let command = erase(Command);
    let check = |known: Value, expect: &[&str]| {
        let stands = Standing {
            base: Some(folder.path()),
            ..Standing::default()
        };
        let told = command.inspect(known.as_object().expect("a map"), &stands);
        let told = told.into_iter().map(|c| {
            let hint = c.hint.unwrap_or_default();
            format!(
                "{} {:?} {:?} {} | {hint}",
                c.code.id, c.level, c.at, c.message
            )
        });
        assert_eq!(told.collect::<Vec<_>>(), expect, "{known}");
    };
    check(
        json!({ "argv": ["python", "manage.py", "flush"] }),
        &[
            "PB0213 Error Argument(\"argv\") `manage.py flush` destroys data | write \
           `point_of_no_return(\"why\"); allow_destructive(\"why\");` before it",
        ],
    );
    check(
        json!({ "argv": ["psql", "shop"], "stdin": "DROP TABLE a", "undo": ["x"] }),
        &[
            "PB0213 Error Argument(\"argv\") `DROP TABLE a` destroys data | write \
           `allow_destructive(\"why\");` before it",
        ],
    );
    check(
        json!({ "argv": ["true"], "probe": [] }),
        &["PB0208 Error Argument(\"probe\") `probe` of `command` is empty: it needs a program | "],
    );
    check(
        json!({ "argv": ["rm x"], "undo": null }),
        &[
            "PB0208 Error Argument(\"argv\") `command` would look for a program of the name `rm x` | \
           write [\"rm\", \"x\"]",
        ],
    );
    check(
        json!({ "argv": ["my program", null] }),
        &[
            "PB0215 Note Call after a crash of this machine pb would ask a person whether `command` \
           took effect | give it `probe` or `undo` or `on_doubt`",
        ],
    );
    check(json!({ "argv": null, "on_doubt": "ask" }), &[]);
    check(json!({ "argv": ["true"], "probe": null }), &[]);
}
