//! What a folder reads as: a line per migration, or a line per error and one per hint.

use super::*;

fn folder(files: &[(&str, &str)]) -> Result<MigrationFolder, Vec<MigrationFileError>> {
    let files = files
        .iter()
        .map(|(name, text)| ((*name).to_owned(), (*text).to_owned()));
    read_migrations(&files.collect())
}

fn render(error: &MigrationFileError) -> String {
    let source = std::error::Error::source(error).map(|source| format!(": {source}"));
    format!(
        "{error}{}\n  hint: {}",
        source.unwrap_or_default(),
        error.hint()
    )
}

#[track_caller]
fn check(files: &[(&str, &str)], expect: &[&str]) {
    let kind = |script: &Script| if script.transactional { "tx" } else { "no-tx" };
    let found: Vec<String> = match folder(files) {
        Ok(MigrationFolder {
            migrations,
            refused_downs,
        }) => {
            let versioned = migrations.versioned.iter().map(|migration| {
                let Migration {
                    version,
                    name,
                    up,
                    down,
                } = migration;
                let down = down
                    .as_ref()
                    .map(|down| format!(", {} {}", down.file, kind(down)));
                format!(
                    "{version} {name}: {} {}{}",
                    up.file,
                    kind(up),
                    down.unwrap_or_default()
                )
            });
            let repeatable = migrations
                .repeatable
                .iter()
                .map(|Repeatable { name, script }| {
                    format!("{name}: {} {}", script.file, kind(script))
                });
            versioned
                .chain(repeatable)
                .chain(refused_downs.iter().map(render))
                .collect()
        }
        Err(errors) => errors.iter().map(render).collect(),
    };
    assert_eq!(found, expect);
}

/// The errors of one up file.
#[track_caller]
fn check_text(text: &str, expect: &[&str]) {
    check(&[("0001_a.sql", text)], expect);
}

const FINE: [&str; 1] = ["0001 a: 0001_a.sql tx"];
const FINE_WITHOUT: [&str; 1] = ["0001 a: 0001_a.sql no-tx"];

#[test]
fn files_are_ordered_by_version_then_repeatable_by_name() {
    check(
        &[
            ("R_views.sql", "select 1"),
            ("10_ten.sql", "select 1"),
            ("0002_two.sql", ""),
            ("0002_two.down.sql", "-- pb: no-transaction\nselect 1"),
            ("2a_between_two_and.ten.sql.orig", ""),
            ("2a_between_2_and-10.sql", "-- pb: no-transaction\nvacuum"),
            ("R_Grants.sql", "-- only a comment"),
            ("20260131_date.sql", "select 1"),
            ("1_ümlaut x.sql", "select 1"),
        ],
        &[
            "1 ümlaut x: 1_ümlaut x.sql tx",
            "0002 two: 0002_two.sql tx, 0002_two.down.sql no-tx",
            "2a between_2_and-10: 2a_between_2_and-10.sql no-tx",
            "10 ten: 10_ten.sql tx",
            "20260131 date: 20260131_date.sql tx",
            "Grants: R_Grants.sql tx",
            "views: R_views.sql tx",
        ],
    );
    check(&[], &[]);
}

#[test]
fn other_files_are_ignored() {
    let others = [
        "README",
        "README.md",
        ".gitkeep",
        ".0001_a.sql",
        "._0001_a.sql",
        "a.sql.bak",
        "a_sql",
    ];
    check(&others.map(|name| (name, "commit; '")), &[]);
}

#[test]
fn names_that_do_not_fit_are_refused() {
    let rename = "rename it to `0001_name.sql`, `0001_name.down.sql` or `R_name.sql`, or move it out of the folder";
    let refused = |name: &str, because: &str| {
        let expect = format!("the name of `{name}` was refused: {because}\n  hint: {rename}");
        check(&[(name, "select 1")], &[&expect]);
    };
    let extension = "its extension was not `.sql` in lower case";
    refused("0001_a.SQL", extension);
    refused("0001_a.Sql", extension);
    refused("README.SQL", extension);
    let version = "no version, a digit first, stood before a `_`";
    for name in [
        "schema.sql",
        "0001.sql",
        "0001-a.sql",
        "seed_data.sql",
        "_a.sql",
        "V1__a.sql",
        "r_a.sql",
        "1 2_a.sql",
    ] {
        refused(name, version);
    }
    let name = "the name behind the version was empty or held a `.` or a `/`";
    for file in [
        "0001_.sql",
        "0001_a.up.sql",
        "0001_a.donw.sql",
        "R_.sql",
        "0001_a/b.sql",
        "0001_a.down.down.sql",
    ] {
        refused(file, name);
    }
    check(
        &[("R_a.down.sql", "")],
        &[
            "the name of `R_a.down.sql` was refused: a repeatable file had a down file\n  \
         hint: delete it: a repeatable file runs again when it changes, and is never undone",
        ],
    );
}

#[test]
fn one_version_has_one_file() {
    check(
        &[
            ("0001_a.sql", ""),
            ("1_b.sql", ""),
            ("01_c.sql", ""),
            ("0002_d.sql", ""),
        ],
        &[
            "`0001_a.sql` and `01_c.sql` had the same version `01`\n  hint: give the later one the next free version",
            "`01_c.sql` and `1_b.sql` had the same version `1`\n  hint: give the later one the next free version",
        ],
    );
}

#[test]
fn a_down_file_belongs_to_its_up_file() {
    check(
        &[("0001_a.down.sql", "")],
        &[
            "the down file `0001_a.down.sql` had no up file `0001_a.sql`\n  \
         hint: add `0001_a.sql`, or delete the down file",
        ],
    );
    check(
        &[("0001_a.sql", ""), ("1_a.down.sql", "")],
        &[
            "the down file `1_a.down.sql` had no up file `1_a.sql`\n  hint: rename it to `0001_a.down.sql`",
        ],
    );
    check(
        &[("0001_a.sql", ""), ("0001_b.down.sql", "")],
        &[
            "the down file `0001_b.down.sql` had no up file `0001_b.sql`\n  hint: rename it to `0001_a.down.sql`",
        ],
    );
}

#[test]
fn a_broken_down_file_leaves_the_way_up_open() {
    check(
        &[
            ("0001_a.sql", "select 1"),
            ("0001_a.down.sql", "select 1;\nvacuum;\nend;"),
        ],
        &[
            FINE[0],
            "`0001_a.down.sql` held transaction control: `end` on line 3\n  \
         hint: delete them: pb runs the file in one transaction, with the row that records it; where \
         a part must be committed before the next, add `-- pb: no-transaction` as the first line too",
            "line 2 of `0001_a.down.sql` held VACUUM, which the server refuses in a transaction\n  \
         hint: add `-- pb: no-transaction` as the first line of the file",
        ],
    );
    check(
        &[("0001_a.sql", "select '"), ("0001_a.down.sql", "commit")],
        &[
            "`0001_a.sql` could not be split into statements: the string that opened at line 1, column 8 \
         was never closed\n  hint: close it with `'`; a quote inside it is written twice",
        ],
    );
}

#[test]
fn the_directive_is_the_first_line() {
    check_text("-- pb: no-transaction\nselect 1", &FINE_WITHOUT);
    check_text("-- pb: no-transaction", &FINE_WITHOUT);
    check_text(
        "\u{feff}-- pb: no-transaction\r\nvacuum;\r\n",
        &FINE_WITHOUT,
    );
    check_text("  --PB:no-transaction  \nselect 1", &FINE_WITHOUT);
    check_text("-- pb no-transaction\nselect 1", &FINE);
    check_text("-- http: no-transaction\nselect 1", &FINE);
    check_text("select '\n-- pb: wrong\n-- migrate:down\n'", &FINE);
    check_text("do $$\n-- pb: no-transaction\n$$;", &FINE);
    let below = "-- é\r\n".repeat(50) + "do $$\n-- pb: no-transaction\n$$;";
    check_text(&below, &FINE);
    check_text(
        "-- pb: no-transactions\nselect 1",
        &[
            "line 1 of `0001_a.sql` held an unknown directive, `no-transactions`\n  \
         hint: write `-- pb: no-transaction`, the only directive, or delete the line",
        ],
    );
    check_text(
        "-- pb:\n\nselect 1;\n-- pb: x",
        &[
            "line 1 of `0001_a.sql` held an unknown directive, ``\n  \
         hint: write `-- pb: no-transaction`, the only directive, or delete the line",
            "line 4 of `0001_a.sql` held an unknown directive, `x`\n  \
         hint: write `-- pb: no-transaction`, the only directive, or delete the line",
        ],
    );
    for text in [
        "-- x\r\n-- pb: no-transaction\r\nselect 1",
        "select 1;\n  -- pb: no-transaction",
    ] {
        check_text(
            text,
            &[
                "line 2 of `0001_a.sql` held the directive `no-transaction`, which counts on line 1 alone\n  \
             hint: move it to the first line of the file",
            ],
        );
    }
}

#[test]
fn down_parts_for_other_tools_are_refused() {
    for (marker, text) in [
        (
            "migrate:down",
            "-- migrate:up\nselect 1;\n-- migrate:down\nselect 2;",
        ),
        (
            "+goose Down",
            "-- +goose Up\nselect 1;\n-- +goose Down\nselect 2;",
        ),
        ("+migrate Down", "\n\n--  +migrate Down"),
        ("//@UNDO", "select 1;\n\n-- //@UNDO\nselect 2;"),
    ] {
        check_text(
            text,
            &[&format!(
                "line 3 of `0001_a.sql` began a down part for another tool, `{marker}`\n  \
             hint: move the down part to `0001_a.down.sql`",
            )],
        );
    }
    check_text("-- migrate:up\nselect 1; -- goose down", &FINE);
}

#[test]
fn transaction_control_is_refused_with_what_to_delete() {
    let inside = "delete them: pb runs the file in one transaction, with the row that records it; where \
                  a part must be committed before the next, add `-- pb: no-transaction` as the first line too";
    let control = |text: &str, found: &str, hint: &str| {
        let expect = format!("`0001_a.sql` held transaction control: {found}\n  hint: {hint}");
        check_text(text, &[&expect]);
    };
    let around = "delete both: pb runs the file in one transaction, with the row that records it";
    control(
        "-- x\nBEGIN;\nselect 1;\nCOMMIT;\n",
        "`BEGIN` on line 2, `COMMIT` on line 4",
        around,
    );
    control(
        "start transaction; select 1; end",
        "`start transaction` on line 1, `end` on line 1",
        around,
    );
    control(
        "begin;\nselect 1;\ncommit\nand no chain;\nselect 2",
        "`begin` on line 1, `commit` on line 3",
        inside,
    );
    control(
        "select 1; begin; select 2; commit",
        "`begin` on line 1, `commit` on line 1",
        inside,
    );
    control("select 1;\ncommit;", "`commit` on line 2", inside);
    control(
        "begin; rollback",
        "`begin` on line 1, `rollback` on line 1",
        inside,
    );
    control(
        "-- pb: no-transaction\nbegin;\nsavepoint a;\ncommit;",
        "`begin` on line 2, `savepoint a` on line 3, `commit` on line 4",
        "delete them: each statement of a no-transaction file is committed by itself; move what must be \
         done together to a file without the directive",
    );
    check_text("savepoint a; select 1; rollback to a; release a", &FINE);
    check_text(
        "create procedure p() language plpgsql as $$ begin commit; end $$",
        &FINE,
    );
    check_text(
        "create function f() returns int begin atomic select 1; end",
        &FINE,
    );
}

#[test]
fn what_needs_no_transaction_needs_the_directive() {
    let refused = |text: &str, line: usize, command: &str| {
        let expect = format!(
            "line {line} of `0001_a.sql` held {command}, which the server refuses in a transaction\n  \
             hint: add `-- pb: no-transaction` as the first line of the file",
        );
        check_text(text, &[&expect]);
        check_text(&format!("-- pb: no-transaction\n{text}"), &FINE_WITHOUT);
    };
    refused(
        "select 1;\ncreate index concurrently i on t (a)",
        2,
        "CREATE INDEX CONCURRENTLY",
    );
    refused("vacuum;\ndrop index concurrently i", 1, "VACUUM");
    refused(
        "do $$ begin commit; end $$",
        1,
        "DO with COMMIT or ROLLBACK",
    );
}

#[test]
fn unreadable_files_name_place_and_remedy() {
    check_text(
        "select 1;\n\\i x.sql",
        &[
            "`0001_a.sql` could not be split into statements: `\\i` at line 2, column 1 was a command of psql, not SQL\n  \
         hint: put the text of the included file here",
        ],
    );
    check_text(
        "copy t from stdin;\n1\n\\.",
        &[
            "`0001_a.sql` could not be split into statements: `COPY … FROM stdin` at line 1, column 1 was \
         followed by data, not SQL\n  hint: write the rows as INSERT statements",
        ],
    );
}

#[test]
fn every_error_of_a_folder_is_told_in_the_order_of_files() {
    let errors = folder(&[
        ("0003_c.sql", "select 1;\ncommit;\nvacuum"),
        ("0003_d.sql", "select 1"),
        ("03_e.sql", "\nvacuum"),
        ("0001_a.sql", "\nselect '"),
        ("0002_b.down.sql", ""),
        ("b.sql", ""),
    ])
    .expect_err("the folder is full of errors");
    let found: Vec<_> = errors
        .iter()
        .map(|error| (error.file(), error.line()))
        .collect();
    assert_eq!(
        found,
        [
            ("0001_a.sql", Some(2)),
            ("0002_b.down.sql", None),
            ("0003_c.sql", Some(2)),
            ("0003_c.sql", Some(3)),
            ("0003_d.sql", None),
            ("03_e.sql", Some(2)),
            ("03_e.sql", None),
            ("b.sql", None),
        ]
    );
}

#[test]
fn gaps_are_holes_between_counters() {
    #[track_caller]
    fn check(files: &[&str], expect: &[(u32, u32, &str)]) {
        let files: Vec<_> = files.iter().map(|file| (*file, "")).collect();
        let found = folder(&files).expect("the names fit").migrations.gaps();
        let expect: Vec<_> = expect
            .iter()
            .map(|(first, last, before)| Gap {
                first_missing: *first,
                last_missing: *last,
                before: (*before).to_owned(),
            })
            .collect();
        assert_eq!(found, expect);
    }
    check(&["0001_a.sql", "0002_b.sql", "3_c.sql"], &[]);
    check(
        &["0001_a.sql", "0003_b.sql", "0007_c.sql"],
        &[(2, 2, "0003_b.sql"), (4, 6, "0007_c.sql")],
    );
    check(
        &["0042_a.sql", "0043_b.sql", "0043a_c.sql", "0045_d.sql"],
        &[],
    );
    check(&["20260131_a.sql", "20260301_b.sql", "0001_c.sql"], &[]);
    check(&[], &[]);
}

#[test]
fn the_set_is_a_fact_without_texts() {
    let folder = folder(&[
        ("0001_a.sql", "select 1;\r\n\r\n"),
        ("0001_a.down.sql", "-- pb: no-transaction\nselect 2;\n"),
        ("R_b.sql", "select 3;\n"),
    ])
    .expect("the folder is fine");
    // printf 'select 1;\n' | sha256sum, and so on
    let expect = serde_json::json!({
        "versioned": [{
            "version": "0001",
            "name": "a",
            "up": {
                "file": "0001_a.sql",
                "checksum": "4a45092ccf992ea92250053a80b931b787924ba61648f420555511b84f10ab6c",
                "transactional": true,
            },
            "down": {
                "file": "0001_a.down.sql",
                "checksum": "10a2fee64a18c16fded8b978b279f755e20f72b350975272adcece30edf5b9c0",
                "transactional": false,
            },
        }],
        "repeatable": [{
            "name": "b",
            "script": {
                "file": "R_b.sql",
                "checksum": "8b8a0860d9b183efe119246b8d010f32b1030c93fa12275792b5847fd4fe929f",
                "transactional": true,
            },
        }],
    });
    let json = serde_json::to_value(&folder.migrations).expect("the set is JSON");
    assert_eq!(json, expect);
    let again: MigrationSet = serde_json::from_value(json).expect("the set was JSON");
    assert_eq!(again, folder.migrations);
}
