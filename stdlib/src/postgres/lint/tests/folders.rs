//! Whole folders: their order, what they lack, and how much that weighs where they are used.

use crate::postgres::lint::folder::{Memo, lint_folder};
use pb_core::finding::{At, Complaint, Level, Standing};
use serde_json::{Map, Value, json};
use std::path::PathBuf;
use std::time::{Duration, Instant};

struct Folder(PathBuf);

impl Folder {
    fn new(name: &str, files: &[(&str, &str)]) -> Self {
        let path = std::env::temp_dir().join(format!("pb-lint-{name}-{}", std::process::id()));
        std::fs::create_dir_all(path.join("m")).expect("a fresh folder");
        for (file, text) in files {
            std::fs::write(path.join("m").join(file), text).expect("written");
        }
        Self(path)
    }

    fn stands(&self, committed: bool, allowed: bool) -> Standing<'_> {
        Standing {
            committed,
            allowed,
            base: Some(&self.0),
        }
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        drop(std::fs::remove_dir_all(&self.0));
    }
}

fn known(more: Value) -> Map<String, Value> {
    let mut known = Map::from_iter([("dir".to_owned(), json!("m/"))]);
    known.extend(more.as_object().cloned().unwrap_or_default());
    known
}

fn lines(complaints: &[Complaint]) -> Vec<String> {
    let line = |complaint: &Complaint| {
        let Complaint {
            level,
            code,
            message,
            at,
            ..
        } = complaint;
        let place = match at {
            At::File {
                file,
                line,
                column,
                end_column,
            } => format!("{file}:{line}:{column}-{end_column}"),
            other => format!("{other:?}"),
        };
        format!("{level:?} {} {place} {message}", code.id)
    };
    complaints.iter().map(line).collect()
}

const RISKY: &[(&str, &str)] = &[
    (
        "0001_orders.sql",
        "create table orders (id bigint primary key);\n",
    ),
    ("0001_orders.down.sql", "drop table orders;\n"),
    ("0002_drop.sql", "drop table public.old;\n"),
    ("0003_index.sql", "create index orders_x on orders (x);\n"),
    ("0003_index.down.sql", "drop table x;\ncommit;\n"),
    ("notes.txt", "commit;"),
];

#[test]
fn what_a_folder_weighs_depends_on_where_it_is_used() {
    let folder = Folder::new("weights", RISKY);
    let memo = Memo::default();
    let no_down = "PB0332 m/0002_drop.sql:0:0-0 `missing-down`: there is no `0002_drop.down.sql`";
    let drops =
        "PB0213 m/0002_drop.sql:1:1-22 `destructive`: `DROP TABLE public.old` destroys data";
    let tenant =
        "PB0337 m/0002_drop.sql:1:1-22 `schema-named`: `public.old` is the same for every tenant";
    let control = "PB0330 m/0003_index.down.sql:2:1-7 `0003_index.down.sql` held transaction control: `commit` on line 2";
    let index = "PB0337 m/0003_index.sql:1:1-36 `require-concurrent-index-creation`: during normal index creation, \
                 table updates are blocked, but reads are still allowed";
    let check =
        |more: Value, committed: bool, allowed: bool, of_tenant: bool, expect: &[(&str, &str)]| {
            let found = memo.inspect(
                &known(more.clone()),
                &folder.stands(committed, allowed),
                of_tenant,
            );
            let expect: Vec<_> = expect
                .iter()
                .map(|(level, line)| format!("{level} {line}"))
                .collect();
            assert_eq!(
                lines(&found),
                expect,
                "{more} {committed} {allowed} {of_tenant}"
            );
        };
    check(
        json!({}),
        false,
        false,
        false,
        &[
            ("Error", no_down),
            ("Error", drops),
            ("Error", control),
            ("Warning", index),
        ],
    );
    check(
        json!({"lint": "error"}),
        true,
        true,
        false,
        &[("Error", index)],
    );
    check(
        json!({"lint": "off", "undo": "none"}),
        false,
        false,
        false,
        &[("Error", drops)],
    );
    check(
        json!({"lint": "off"}),
        false,
        true,
        false,
        &[("Error", no_down), ("Error", control)],
    );
    check(
        json!({}),
        false,
        false,
        true,
        &[("Warning", drops), ("Warning", tenant)],
    );

    let alone = lint_folder(&folder.0, "m").expect("readable");
    assert_eq!(alone.files, 5);
    let expect = [no_down, drops, control, index].map(|line| format!("Warning {line}"));
    assert_eq!(lines(&alone.complaints), expect);
}

#[test]
fn what_a_run_refuses_is_an_error_whatever_is_said() {
    let folder = Folder::new(
        "refused",
        &[
            ("0001_a.sql", "select 1"),
            ("0001_b.sql", "begin;\nselect 1;\ncommit;"),
            ("0002_c.sql", "  vacuum a;\n"),
            ("0002_c.down.sql", "select 'x"),
            ("0003_d.sql", "create index concurrently i on a (x);"),
            ("0004_e.sql", "select 1;\n select '"),
            ("0005_f.sql", "select 1;\n  -- pb: no-transaction\n"),
            ("0006_g.sql", "-- pb: notransaction\n"),
            ("0007.sql", "select 1"),
            ("0009_h.down.sql", "select 1"),
        ],
    );
    let found = Memo::default().inspect(
        &known(json!({"lint": "off"})),
        &folder.stands(true, true),
        false,
    );
    assert_eq!(
        lines(&found),
        [
            "Error PB0330 m/0001_b.sql:0:0-0 `0001_a.sql` and `0001_b.sql` had the same version `0001`",
            "Error PB0330 m/0001_b.sql:1:1-6 `0001_b.sql` held transaction control: `begin` on line 1, `commit` on line 3",
            "Error PB0330 m/0002_c.sql:1:3-11 line 1 of `0002_c.sql` held VACUUM, which the server refuses in a transaction",
            "Error PB0330 m/0003_d.sql:1:1-37 line 1 of `0003_d.sql` held CREATE INDEX CONCURRENTLY, which the server refuses \
         in a transaction",
            "Error PB0330 m/0004_e.sql:2:9-10 the string that opened at line 2, column 9 was never closed",
            "Error PB0330 m/0005_f.sql:2:3-24 line 2 of `0005_f.sql` held the directive `no-transaction`, which counts on \
         line 1 alone",
            "Error PB0330 m/0006_g.sql:1:1-21 line 1 of `0006_g.sql` held an unknown directive, `notransaction`",
            "Error PB0330 m/0007.sql:0:0-0 the name of `0007.sql` was refused: no version, a digit first, stood before a `_`",
            "Error PB0330 m/0009_h.down.sql:0:0-0 the down file `0009_h.down.sql` had no up file `0009_h.sql`",
        ]
    );
}

#[test]
fn the_order_has_no_gap_and_every_concurrent_index_a_name() {
    let folder = Folder::new(
        "order",
        &[
            ("0001_a.sql", "select 1"),
            (
                "0003_b.sql",
                "-- pb: no-transaction\nselect 1;\ncreate index concurrently on a (x);",
            ),
            ("R_view.sql", "create or replace view v as select 1"),
        ],
    );
    let found = Memo::default().inspect(&known(json!({})), &folder.stands(true, false), false);
    assert_eq!(
        lines(&found),
        [
            "Error PB0330 m/0003_b.sql:0:0-0 the migrations in `m/` have a gap before `0003_b.sql`",
            "Error PB0330 m/0003_b.sql:3:1-36 line 3 of `0003_b.sql` built an index without a name",
        ]
    );
}

#[test]
fn a_way_back_can_be_allowed_to_be_missing() {
    let text = "-- pb: allow missing-down because it was applied long ago\ncreate table a (x int);";
    let folder = Folder::new("allowed", &[("0001_a.sql", text)]);
    let found = Memo::default().inspect(&known(json!({})), &folder.stands(false, false), false);
    assert_eq!(lines(&found), [""; 0]);
}

#[test]
fn a_folder_is_looked_for_only_when_files_may_be_read() {
    let folder = Folder::new("none", &[]);
    let memo = Memo::default();
    let nowhere = Standing::default();
    assert!(memo.inspect(&known(json!({})), &nowhere, false).is_empty());
    assert!(
        memo.inspect(&Map::new(), &folder.stands(false, false), false)
            .is_empty()
    );
    let found = memo.inspect(
        &known(json!({"dir": "x"})),
        &folder.stands(false, false),
        false,
    );
    assert_eq!(
        lines(&found),
        ["Error PB0012 Argument(\"dir\") the folder `x` could not be read"]
    );
    let none = lint_folder(&folder.0, "x").expect_err("there is none");
    assert_eq!(none.code, "PB0012");
}

/// What ten calls name is looked at once, and again when it has changed.
#[test]
fn two_hundred_files_are_looked_at_once() {
    let texts: Vec<(String, String)> = (1..=200)
        .flat_map(|n| {
            let up = format!(
                "alter table orders add column c{n} text;\ncreate index orders_c{n} on orders (c{n});\n\
                 alter table orders add constraint k{n} check (c{n} <> '') not valid;\n"
            );
            let down = format!("alter table orders drop column c{n};\n");
            [(format!("{n:04}_c.sql"), up), (format!("{n:04}_c.down.sql"), down)]
        })
        .collect();
    let files: Vec<_> = texts
        .iter()
        .map(|(file, text)| (file.as_str(), text.as_str()))
        .collect();
    let folder = Folder::new("many", &files);
    let memo = Memo::default();
    let look = || memo.inspect(&known(json!({})), &folder.stands(false, false), false);
    let begun = Instant::now();
    let first = look();
    let once = begun.elapsed();
    assert_eq!(first.len(), 200);
    assert!(
        first
            .iter()
            .all(|complaint| complaint.level == Level::Warning)
    );
    let begun = Instant::now();
    for _ in 0..10 {
        assert_eq!(lines(&look()), lines(&first));
    }
    let again = begun.elapsed() / 10;
    assert!(again < once, "{again:?} is not less than {once:?}");
    assert!(once < Duration::from_secs(20), "{once:?}");
    std::fs::write(folder.0.join("m/0200_c.sql"), "commit;\n").expect("written");
    let changed = look();
    let errors: Vec<_> = changed
        .iter()
        .filter(|c| c.level == Level::Error)
        .cloned()
        .collect();
    assert_eq!(
        lines(&errors),
        [
            "Error PB0330 m/0200_c.sql:1:1-7 `0200_c.sql` held transaction control: `commit` on line 1"
        ]
    );
}
