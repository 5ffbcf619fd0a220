//! The rules by the texts that they are about.

mod folders;
mod noise;

use super::file;
use super::found::Found;

/// `line:column-end rule` each.
fn places(found: &[Found]) -> Vec<String> {
    let place = |f: &Found| {
        let s = f.spot;
        format!("{}:{}-{} {}", s.line, s.column, s.end_column, f.rule)
    };
    found.iter().map(place).collect()
}

#[track_caller]
fn check(text: &str, expect: &[&str]) {
    assert_eq!(places(&file::lint(text, false, vec![])), expect, "{text}");
}

#[track_caller]
fn check_down(text: &str, expect: &[&str]) {
    assert_eq!(places(&file::lint(text, true, vec![])), expect, "{text}");
}

#[test]
fn statements_that_hold_up_the_application_are_found() {
    check(
        "alter table a add column note text;\nalter table a\n  add column paid bool not null;\n",
        &["3:3-32 adding-required-field"],
    );
    check(
        "alter table a add column t timestamptz not null default clock_timestamp();",
        &["1:57-74 adding-field-with-default"],
    );
    check("alter table a add column n int not null default 0;", &[]);
    check(
        "/* é */ alter table a alter column note set not null;",
        &["1:41-53 adding-not-nullable-field"],
    );
    check(
        "\u{feff}create index a_x on a (x);\ncreate unique index\n  a_y on a (y)",
        &[
            "1:1-26 require-concurrent-index-creation",
            "2:1-20 require-concurrent-index-creation",
        ],
    );
    check(
        "create table a (id bigint primary key, x int);\ncreate index a_x on a (x);",
        &[],
    );
    check(
        "drop function if exists f(int);\ncreate function f(n bigint) returns int language sql as 'select 1';\n\
         drop view v;\ncreate view v as select 1;\ndrop view w;",
        &["5:1-12 ban-drop-view"],
    );
    check(
        "create table a (id bigint, x int);\nalter table only a\n  add constraint p primary key (id);\n\
         create materialized view v as select 1 as n;\ncreate unique index on v (n);",
        &[],
    );
    check(
        "-- pb: no-transaction\ncreate index concurrently a_x on a (x);\ndrop index concurrently a_y;",
        &[],
    );
    check(
        "alter table a add constraint c unique (x);\r\nalter table a add constraint d foreign key (x) references b (id);",
        &[
            "1:19-42 disallowed-unique-constraint",
            "2:19-65 adding-foreign-key-constraint",
        ],
    );
    check(
        "alter table a add constraint c check (x > 0);\nalter table a add constraint d check (x > 0) not valid;",
        &["1:15-45 constraint-missing-not-valid"],
    );
    check(
        "alter table a alter column x type bigint;\nalter table a rename column x to y;\nalter table a rename to b;",
        &[
            "1:30-41 changing-column-type",
            "2:15-35 renaming-column",
            "3:15-26 renaming-table",
        ],
    );
    check(
        "drop index a_x;\nreindex table a;\nalter table a detach partition b;",
        &[
            "1:1-15 require-concurrent-index-deletion",
            "2:1-16 require-concurrent-reindex",
            "3:15-33 require-concurrent-partition-detach",
        ],
    );
}

/// A table may have many columns, and a statement about it many actions.
#[test]
fn long_lists_are_looked_at_to_their_end() {
    let many = |one: &str| {
        (0..400)
            .map(|n| one.replace('#', &n.to_string()))
            .collect::<String>()
    };
    let actions = many("add column c# int not null default 0, ");
    check(
        &format!("alter table a {actions}\nadd column x int not null"),
        &["2:1-26 adding-required-field"],
    );
    let columns = many("c# int not null default 0, ");
    check(
        &format!("create table b ({columns}\nx int references c (id));\ncreate index i on a (x);"),
        &["3:1-24 require-concurrent-index-creation"],
    );
    // An expression of that length is not.
    check(
        &format!("alter table a add check (x > 0 {})", "+ 1".repeat(600)),
        &[],
    );
}

#[test]
fn what_pb_does_itself_or_sees_otherwise_is_not_found() {
    check(
        "create table a (id serial primary key, n int, c char(3), t timestamp, s varchar(9));",
        &[],
    );
    check(
        "alter type st add value 'x';\ncreate table b (x json);",
        &[],
    );
    // A grammar that squawk does not know, and the statement behind it.
    check(
        "alter table a add column x text compression lz4 storage extended foo bar;\ncreate index a_x on a (x);",
        &["2:1-26 require-concurrent-index-creation"],
    );
    check_down(
        "drop table a;\nalter table b drop column x;\nalter table b rename column y to z;\ndrop view v;",
        &[],
    );
    check_down(
        "drop index a_x;",
        &["1:1-15 require-concurrent-index-deletion"],
    );
}

#[test]
fn data_that_would_be_destroyed_is_found() {
    check(
        "drop table a;\nalter table a drop b;\n  truncate a;",
        &[
            "1:1-13 destructive",
            "2:1-21 destructive",
            "3:3-13 destructive",
        ],
    );
    check(
        "update a set x = 1;\nupdate a set x = 1 where x is null;\nwith d as (\n  delete from a\n) select 1;",
        &["1:1-19 destructive", "3:1-12 destructive"],
    );
    check(
        "do $$ begin\n  delete from a;\nend $$;",
        &["1:1-12 destructive"],
    );
    check(
        "create table t (x int);\ninsert into t values (1);\ndrop table t;",
        &[],
    );
    check(
        "create temp table t as select 1;\ntruncate t;\ndrop table t",
        &[],
    );
    check(
        "create table if not exists t (x int);\ndrop table t;",
        &["2:1-13 destructive"],
    );
}

#[test]
fn what_is_hardly_meant_is_found() {
    check(
        "-- pb: no-transaction\ncreate index concurrently if not exists a_x on a (x);",
        &["2:1-53 hidden-invalid-index"],
    );
    check(
        "alter type st add value if not exists 'sent' after 'paid';\nupdate a set st = 'sent' where st = 'paid';",
        &["2:19-25 enum-value-used"],
    );
    check(
        "alter type st add value 'sent';\ncomment on type st is 'sent';",
        &[],
    );
    check(
        "-- pb: no-transaction\nalter type st add value 'sent';\nupdate a set st = 'sent' where x;",
        &[],
    );
    check(
        "set search_path = shop;\nSET LOCAL lock_timeout = 0;\nset statement_timeout to 1;\nset timezone = 'UTC';",
        &[
            "1:1-23 setting-left",
            "2:1-27 setting-left",
            "3:1-27 setting-left",
        ],
    );
    check(
        "create table public.a (x int);\ncreate index i on shop.b (x);\ninsert into shop.c select * from public.d;\n\
         alter table x add foreign key (y) references public.users (id) not valid;\nselect * from public.a;",
        &[
            "1:1-30 schema-named",
            "2:1-29 schema-named",
            "2:1-29 require-concurrent-index-creation",
            "3:1-42 schema-named",
        ],
    );
}

#[test]
fn a_comment_allows_a_rule_for_one_statement() {
    const INDEX: &str = "create index a_x on a (x);";
    let rule = "require-concurrent-index-creation";
    let allow = format!("-- pb: allow {rule} because the table is small");
    check(&format!("{allow}\n{INDEX}"), &[]);
    check(&format!("{INDEX} {allow}"), &[]);
    check(&format!("{allow}\n-- and more of it\n{INDEX}"), &[]);
    check(
        &format!("create index a_x\n  on a (x) {allow}\n  where x > 0;"),
        &[],
    );
    check(
        &format!("select 1; -- PB:allow {rule} because x\n"),
        &["1:11-66 unused-allow"],
    );
    check(
        &format!("{allow}\n{INDEX}\n{INDEX}"),
        &["3:1-26 require-concurrent-index-creation"],
    );
    check(
        &format!("{allow}\n\n{INDEX}"),
        &[
            "1:1-74 unused-allow",
            "3:1-26 require-concurrent-index-creation",
        ],
    );
    check(
        &format!("-- pb: allow {rule}\n{INDEX}"),
        &[
            "1:1-47 allow-without-reason",
            "2:1-26 require-concurrent-index-creation",
        ],
    );
    check(
        &format!("-- pb: allow {rule} because …\n{INDEX}"),
        &[
            "1:1-57 allow-without-reason",
            "2:1-26 require-concurrent-index-creation",
        ],
    );
    check("-- pb: allow\nselect 1;", &["1:1-13 allow-without-rule"]);
    check(
        "-- pb: allow destructiv because x\ndrop table a;",
        &["1:1-34 unknown-rule", "2:1-13 destructive"],
    );
    check(
        "-- pb: allow destructive because of the archive\ndrop table a;",
        &[],
    );
    check(
        "/* -- pb: allow destructive because x */ drop table a;\nselect '-- pb: allow x because y';",
        &["1:42-54 destructive"],
    );
}

#[test]
fn findings_say_why_and_what_helps() {
    #[track_caller]
    fn check(text: &str, message: &str, because: &[&str], hint: &str) {
        let found = file::lint(text, false, vec![]);
        let [found] = found.as_slice() else {
            panic!("{text}: {found:?}");
        };
        assert_eq!(found.message, message);
        assert_eq!(found.because, because);
        assert_eq!(found.hint.as_deref(), Some(hint));
    }
    check(
        "alter table a alter x type bigint",
        "`changing-column-type`: changing a column type requires an `ACCESS EXCLUSIVE` lock on the table which blocks \
         reads and writes while the table is rewritten",
        &["changing the type of the column may also break other clients reading from the table"],
        "where it is fine, say so above it: `-- pb: allow changing-column-type because …`",
    );
    check(
        "alter table a alter x set not null",
        "`adding-not-nullable-field`: setting a column `NOT NULL` blocks reads while the table is scanned",
        &[],
        "make the field nullable and use a `CHECK` constraint instead",
    );
    check(
        "delete from a",
        "`destructive`: `DELETE FROM a without WHERE` destroys data",
        &[],
        "write `allow_destructive(\"why\");` before the call, or `-- pb: allow destructive because …` above the statement",
    );
    check(
        "-- pb: allow destructiv because x\nselect 1",
        "`unknown-rule`: there is no rule `destructiv`",
        &[],
        "write `destructive`",
    );
    check(
        "alter type st add value 'x';\nselect 'x'",
        "`enum-value-used`: 'x' is used in the transaction that adds it",
        &[
            "line 1 adds it, and the server takes a new value of an enum only after that is committed",
        ],
        "move ALTER TYPE … ADD VALUE to a file of its own, before this one",
    );
}
