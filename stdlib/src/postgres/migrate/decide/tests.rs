//! Files and rows in, actions or errors out.

use super::*;
use crate::postgres::migrate::{Migrate, needed};
use crate::postgres::migration_files::read_migrations;
use pb_core::{Decision, Handle, Primitive, Undo};
use serde_json::{Value, json};

/// Files by name, with texts that say what they are.
fn folder(files: &[(&str, &str)]) -> Folder {
    let texts: BTreeMap<String, String> = files
        .iter()
        .map(|(name, text)| ((*name).into(), (*text).into()))
        .collect();
    let read = read_migrations(&texts).expect("the test writes good files");
    Folder {
        set: read.migrations,
        texts: texts
            .keys()
            .map(|name| {
                (
                    name.clone(),
                    serde_json::from_value(json!(name)).expect("a text"),
                )
            })
            .collect(),
        refused_downs: read
            .refused_downs
            .iter()
            .map(|error| (error.file().to_owned(), error.to_string()))
            .collect(),
    }
}

const THREE: &[(&str, &str)] = &[
    ("0001_a.sql", "SELECT 1"),
    ("0001_a.down.sql", "SELECT -1"),
    ("0002_b.sql", "-- pb: no-transaction\nSELECT 2; SELECT 2"),
    ("0002_b.down.sql", "SELECT -2"),
    ("0003_c.sql", "SELECT 3"),
    ("0003_c.down.sql", "SELECT -3"),
];

/// A row of the file of that version.
fn row(folder: &Folder, version: &str, state: RowState, step: usize) -> Row {
    let migration = folder
        .set
        .versioned
        .iter()
        .find(|m| m.version.as_str() == version);
    let migration = migration.expect("the test names a file");
    Row {
        version: version.into(),
        name: migration.name.clone(),
        checksum: migration.up.checksum.clone(),
        state,
        step,
        started_at: "2026-01-31 10:00:00 UTC".into(),
        run: "R1".into(),
        applied_by: "dana".into(),
    }
}

fn applied(folder: &Folder, versions: &[&str]) -> Vec<Row> {
    versions
        .iter()
        .map(|v| row(folder, v, RowState::Applied, 1))
        .collect()
}

fn facts(folder: Folder, rows: Vec<Row>) -> Facts {
    Facts {
        run: "R1".into(),
        has_schema: true,
        rows,
        folder,
    }
}

fn args(more: Value) -> Args {
    let db = Handle {
        driver: "postgres".into(),
        name: "database".into(),
        config: serde_json::Map::new(),
        transaction: None,
    };
    let mut args = json!({ "db": db.to_value(), "dir": "migrations" });
    for (name, value) in more.as_object().expect("a map") {
        args[name] = value.clone();
    }
    serde_json::from_value(args).expect("good options")
}

/// The lines of the plan, or the error.
fn plan(more: Value, facts: &Facts) -> Vec<String> {
    match Migrate::default().decide(&args(more), facts) {
        Ok(Decision::Nothing) => vec![],
        Ok(Decision::Act(stages)) => stages[0][0].iter().map(ToString::to_string).collect(),
        Ok(Decision::Wait(why)) => vec![why],
        Err(failure) => {
            let because = failure
                .because
                .iter()
                .map(|line| format!("because: {line}"));
            let hint = failure.hint.iter().map(|line| format!("hint: {line}"));
            std::iter::once(format!("{} {}", failure.code, failure.message))
                .chain(because)
                .chain(hint)
                .collect()
        }
    }
}

#[test]
fn what_is_pending_is_applied_in_order() {
    let files = folder(THREE);
    let all = [
        "apply `0001_a.sql`",
        "apply `0002_b.sql`",
        "apply `0003_c.sql`",
    ];
    assert_eq!(plan(json!({}), &facts(files.clone(), vec![])), all);
    let rows = applied(&files, &["0001"]);
    assert_eq!(plan(json!({}), &facts(files.clone(), rows)), all[1..]);
    let rows = applied(&files, &["0001", "0002", "0003"]);
    assert_eq!(plan(json!({}), &facts(files.clone(), rows)), [""; 0]);
    let up_to_two = plan(json!({ "to": "2" }), &facts(files.clone(), vec![]));
    assert_eq!(up_to_two, all[..2]);
    assert_eq!(plan(json!({}), &facts(folder(&[]), vec![])), [""; 0]);
}

#[test]
fn a_file_that_was_begun_goes_on_where_it_stopped() {
    let files = folder(THREE);
    let mut rows = applied(&files, &["0001"]);
    rows.push(row(&files, "0002", RowState::Running, 1));
    assert_eq!(
        plan(json!({}), &facts(files.clone(), rows.clone())),
        ["apply `0002_b.sql` from statement 2", "apply `0003_c.sql`"]
    );
    rows[1].state = RowState::Statement;
    rows[1].step = 0;
    assert_eq!(
        plan(json!({}), &facts(files.clone(), rows.clone()))[0],
        "apply `0002_b.sql`"
    );
    rows[1].state = RowState::Reverting;
    assert_eq!(
        plan(json!({}), &facts(files, rows)),
        [
            "PB0330 the migration `0002` is half reverted",
            "because: run R1 did 0 statements of its down file",
            "hint: pb rollback R1",
        ]
    );
}

#[test]
fn older_versions_are_reached_by_down_files_newest_first() {
    let files = folder(THREE);
    let rows = applied(&files, &["0001", "0002", "0003"]);
    let to = |to: &str| plan(json!({ "to": to }), &facts(files.clone(), rows.clone()));
    assert_eq!(
        to("0001"),
        ["revert by `0003_c.down.sql`", "revert by `0002_b.down.sql`"]
    );
    assert_eq!(to("0").len(), 3);
    assert_eq!(
        to("0007"),
        [
            "PB0208 there is no migration `0007` in `migrations`",
            "because: the last one is `0003`"
        ]
    );
    let files = folder(&[THREE[0], THREE[2], ("0002_b.down.sql", "COMMIT")]);
    let rows = applied(&files, &["0001", "0002"]);
    assert_eq!(
        plan(json!({ "to": "0001" }), &facts(files.clone(), rows.clone())),
        [
            "PB0332 `0002_b.sql` could not be reverted",
            "because: `0002_b.down.sql` held transaction control: `COMMIT` on line 1",
        ]
    );
    let none = plan(
        json!({ "to": "0" }),
        &facts(folder(&[THREE[0]]), rows[..1].to_vec()),
    );
    assert_eq!(
        none,
        [
            "PB0332 `0001_a.sql` could not be reverted",
            "because: there is no `0001_a.down.sql`",
            "hint: write `0001_a.down.sql`",
        ]
    );
}

#[test]
fn files_and_rows_that_contradict_each_other_stop_it() {
    let files = folder(THREE);
    let mut changed = applied(&files, &["0001"]);
    changed[0].checksum = "0".repeat(64);
    let was = plan(json!({}), &facts(files.clone(), changed));
    assert_eq!(
        was[0],
        "PB0331 `0001_a.sql` was changed after it had been applied"
    );
    assert_eq!(
        was[1],
        "because: it was applied on 2026-01-31 10:00:00 UTC by dana in run R1"
    );
    assert_eq!(
        was[3],
        "hint: put `0001_a.sql` back as it was, and write the change into a new file"
    );
    let ahead = applied(&files, &["0001", "0002", "0003"]);
    assert_eq!(
        plan(json!({}), &facts(folder(&THREE[..4]), ahead)),
        [
            "PB0330 the database has the migration `0003_c`, and `migrations` has not",
            "because: it was applied on 2026-01-31 10:00:00 UTC by dana in run R1",
            "hint: deploy a release that has its file",
        ]
    );
    let late = applied(&files, &["0001", "0003"]);
    assert_eq!(
        plan(json!({}), &facts(files.clone(), late)),
        [
            "PB0330 `0002_b.sql` came too late: `0003` is applied already",
            "because: it was written for a schema without what came after it",
            "hint: give it, and its down file, the next free version",
        ]
    );
    let homeless = Facts {
        has_schema: false,
        ..facts(files, vec![])
    };
    assert_eq!(
        plan(json!({ "schema": "acme" }), &homeless),
        [
            "PB0315 there is no schema `acme`",
            r#"hint: sql(db, "CREATE SCHEMA \"acme\"")"#
        ]
    );
}

#[test]
fn repeatable_files_run_when_they_change() {
    let files = folder(&[THREE[0], ("R_views.sql", "SELECT 'v1'")]);
    let fresh = plan(json!({}), &facts(files.clone(), vec![]));
    assert_eq!(fresh, ["apply `0001_a.sql`", "apply `R_views.sql`"]);
    let mut rows = applied(&files, &["0001"]);
    rows.push(Row {
        version: REPEATABLE.into(),
        name: "views".into(),
        checksum: files.set.repeatable[0].script.checksum.clone(),
        ..rows[0].clone()
    });
    assert_eq!(
        plan(json!({}), &facts(files.clone(), rows.clone())),
        [""; 0]
    );
    let edited = folder(&[THREE[0], ("R_views.sql", "SELECT 'v2'")]);
    assert_eq!(
        plan(json!({}), &facts(edited.clone(), rows.clone())),
        ["apply `R_views.sql`"]
    );
    assert_eq!(
        plan(json!({ "to": "1" }), &facts(edited.clone(), rows.clone())),
        [""; 0]
    );
    let undo = Migrate::default().undo(&args(json!({})), &facts(edited, rows));
    assert_eq!(undo, Undo::none("repeatable files are never undone"));
}

#[test]
fn undo_goes_back_by_what_was_kept() {
    let files = folder(THREE);
    let before = facts(files.clone(), applied(&files, &["0001"]));
    let Undo::Call {
        primitive,
        args: undo,
    } = Migrate::default().undo(&args(json!({})), &before)
    else {
        panic!("there is a way back");
    };
    assert_eq!(primitive, "migrate");
    let undo: Args = serde_json::from_value(undo).expect("it is data");
    // A row of another run that was there before, all of ours, and none of the folder: it is not read again.
    let now = |rows: Vec<Row>| facts(Folder::default(), rows);
    let mut rows = applied(&files, &["0001", "0002", "0003"]);
    rows[0].run = "R0".into();
    let lines = |facts: &Facts| -> Vec<String> {
        match Migrate::default().decide(&undo, facts) {
            Ok(Decision::Act(stages)) => stages[0][0].iter().map(ToString::to_string).collect(),
            Ok(_) => vec![],
            Err(failure) => [vec![failure.message], failure.because].concat(),
        }
    };
    assert_eq!(
        lines(&now(rows.clone())),
        ["revert by `0003_c.down.sql`", "revert by `0002_b.down.sql`"]
    );
    // When only a part was applied, only that goes.
    assert_eq!(
        lines(&now(rows[..2].to_vec())),
        ["revert by `0002_b.down.sql`"]
    );
    assert_eq!(lines(&now(rows[..1].to_vec())), [""; 0]);
    let mut half = rows[..2].to_vec();
    (half[1].state, half[1].step) = (RowState::Running, 1);
    let actions = remaining(&undo, &now(half)).expect("it can be reverted");
    assert_eq!(actions[0].way, Way::Down { partly: true });
    // What another run applied stays, and nothing is pulled out from under it.
    let mut foreign = rows.clone();
    foreign[1].run = "R2".into();
    assert_eq!(lines(&now(foreign)), ["revert by `0003_c.down.sql`"]);
    let mut foreign = rows;
    foreign[2].run = "R2".into();
    assert_eq!(
        lines(&now(foreign)),
        [
            "`0002` was not reverted: `0003` came after it",
            "run R2 applied `0003` on 2026-01-31 10:00:00 UTC",
        ]
    );
}

#[test]
fn undo_of_a_way_down_is_the_way_up_again() {
    let files = folder(THREE);
    let before = facts(files.clone(), applied(&files, &["0001", "0002", "0003"]));
    let down = args(json!({ "to": "0002" }));
    let kept = needed(&down, &before);
    assert_eq!(
        kept.texts.keys().collect::<Vec<_>>(),
        ["0003_c.down.sql", "0003_c.sql"]
    );
    let Undo::Call { args: undo, .. } = Migrate::default().undo(&down, &before) else {
        panic!("there is a way back");
    };
    let undo: Args = serde_json::from_value(undo).expect("it is data");
    let now = facts(Folder::default(), applied(&files, &["0001", "0002"]));
    let actions = remaining(&undo, &now).expect("the text was kept");
    let lines: Vec<_> = actions.iter().map(ToString::to_string).collect();
    assert_eq!(lines, ["apply `0003_c.sql`"]);
}

#[test]
fn a_missing_down_file_is_a_point_of_no_return() {
    let files = folder(&[THREE[0], THREE[1], THREE[2]]);
    let undo = |rows| Migrate::default().undo(&args(json!({})), &facts(files.clone(), rows));
    assert_eq!(undo(vec![]), Undo::none("there is no `0002_b.down.sql`"));
    let files = folder(&[THREE[0], ("0001_a.down.sql", "SELECT '")]);
    let undo = Migrate::default().undo(&args(json!({})), &facts(files, vec![]));
    assert_eq!(
        undo,
        Undo::none("`0001_a.down.sql` could not be split into statements")
    );
}
