//! Statements and their locks, by the manual.

use super::{Lock, touched};
use crate::postgres::split::split;

/// `mode name work` each, with `?` where the catalogue has to be asked, and `!` where only the owner may.
#[track_caller]
fn check(text: &str, expect: &[&str]) {
    check_on(15, text, expect);
}

#[track_caller]
fn check_on(server: u32, text: &str, expect: &[&str]) {
    let statements = split(text).expect("nothing is left open");
    let touches = statements
        .iter()
        .flat_map(|statement| touched(statement, server));
    let found: Vec<String> = touches
        .map(|touch| {
            let schema = touch
                .name
                .schema
                .map(|schema| format!("{schema}."))
                .unwrap_or_default();
            let (asked, owner) = (touch.unless.is_some(), touch.by_owner);
            let asked = if asked { "?" } else { "" };
            let owner = if owner { "!" } else { "" };
            format!(
                "{} {schema}{} {:?}{asked}{owner}",
                touch.lock, touch.name.name, touch.work
            )
        })
        .collect();
    assert_eq!(found, expect, "{text}");
}

#[test]
fn new_columns_cost_what_their_default_costs() {
    let exclusive = |work: &str| format!("ACCESS EXCLUSIVE a {work}!");
    for (column, work) in [
        ("x int", "Catalogue"),
        ("if not exists x int default 0 not null", "Catalogue"),
        ("x timestamptz default now() not null", "Catalogue"),
        ("x text default 'a' || 'b'", "Catalogue"),
        ("x numeric(12, 2) default '0'::numeric(12, 2)", "Catalogue"),
        (
            "x timestamptz not null default clock_timestamp()",
            "Rewrite",
        ),
        ("x uuid default gen_random_uuid()", "Rewrite"),
        ("x int default own()", "Rewrite?"),
        ("x bigserial", "Rewrite"),
        ("x bigint generated always as identity", "Rewrite"),
        ("x int generated always as (y * 2) stored", "Rewrite"),
        ("x int not null", "Scan"),
        ("x int check (x > 0)", "Scan"),
        ("x int unique", "Index"),
        ("x int default random() primary key", "Rewrite"),
    ] {
        check(
            &format!("alter table a add column {column}"),
            &[&exclusive(work)],
        );
    }
    let virtual_column = "alter table a add x int generated always as (y * 2)";
    check_on(17, virtual_column, &["ACCESS EXCLUSIVE a Rewrite!"]);
    check_on(18, virtual_column, &["ACCESS EXCLUSIVE a Catalogue!"]);
    check(
        "alter table a add x int references b",
        &[
            "ACCESS EXCLUSIVE a Catalogue!",
            "SHARE ROW EXCLUSIVE b Catalogue",
        ],
    );
    check(
        "alter table a add x int default 1 references s.b (id)",
        &[
            "ACCESS EXCLUSIVE a Scan!",
            "SHARE ROW EXCLUSIVE s.b Catalogue",
        ],
    );
}

#[test]
fn actions_on_columns_and_tables_take_the_lock_of_the_manual() {
    for (action, expect) in [
        ("drop column x", "ACCESS EXCLUSIVE a Catalogue!"),
        ("alter x type bigint", "ACCESS EXCLUSIVE a Rewrite?!"),
        (
            "alter column x set data type text using x::text",
            "ACCESS EXCLUSIVE a Rewrite!",
        ),
        ("alter x set not null", "ACCESS EXCLUSIVE a Scan?!"),
        ("alter x drop not null", "ACCESS EXCLUSIVE a Catalogue!"),
        (
            "alter x set default random()",
            "ACCESS EXCLUSIVE a Catalogue!",
        ),
        ("alter x drop default", "ACCESS EXCLUSIVE a Catalogue!"),
        (
            "alter x set statistics 500",
            "SHARE UPDATE EXCLUSIVE a Catalogue!",
        ),
        (
            "alter x set (n_distinct = 5)",
            "SHARE UPDATE EXCLUSIVE a Catalogue!",
        ),
        (
            "alter x set storage external",
            "ACCESS EXCLUSIVE a Catalogue!",
        ),
        ("add constraint c check (x > 0)", "ACCESS EXCLUSIVE a Scan!"),
        (
            "add constraint c check (x > 0) not valid",
            "ACCESS EXCLUSIVE a Catalogue!",
        ),
        ("add unique (x)", "ACCESS EXCLUSIVE a Index!"),
        ("add primary key (x)", "ACCESS EXCLUSIVE a Index!"),
        (
            "add constraint c unique using index i",
            "ACCESS EXCLUSIVE a Catalogue!",
        ),
        (
            "add constraint c unique (x) using index tablespace t",
            "ACCESS EXCLUSIVE a Index!",
        ),
        (
            "add exclude using gist (x with &&)",
            "ACCESS EXCLUSIVE a Index!",
        ),
        ("validate constraint c", "SHARE UPDATE EXCLUSIVE a Scan!"),
        ("drop constraint c", "ACCESS EXCLUSIVE a Catalogue!"),
        ("rename to b", "ACCESS EXCLUSIVE a Catalogue!"),
        ("rename column x to y", "ACCESS EXCLUSIVE a Catalogue!"),
        ("owner to r", "ACCESS EXCLUSIVE a Catalogue!"),
        ("set schema s", "ACCESS EXCLUSIVE a Catalogue!"),
        (
            "set (fillfactor = 70)",
            "SHARE UPDATE EXCLUSIVE a Catalogue!",
        ),
        (
            "reset (autovacuum_enabled)",
            "SHARE UPDATE EXCLUSIVE a Catalogue!",
        ),
        ("cluster on i", "SHARE UPDATE EXCLUSIVE a Catalogue!"),
        ("set unlogged", "ACCESS EXCLUSIVE a Rewrite!"),
        ("set tablespace t", "ACCESS EXCLUSIVE a Rewrite!"),
        ("set access method heap", "ACCESS EXCLUSIVE a Rewrite!"),
        ("disable trigger all", "SHARE ROW EXCLUSIVE a Catalogue!"),
        (
            "enable replica trigger t",
            "SHARE ROW EXCLUSIVE a Catalogue!",
        ),
        ("enable row level security", "ACCESS EXCLUSIVE a Catalogue!"),
        (
            "validate constraint c, alter x set statistics 5",
            "SHARE UPDATE EXCLUSIVE a Scan!",
        ),
        (
            "add x numeric(3, 2), alter y set not null, add z int",
            "ACCESS EXCLUSIVE a Scan?!",
        ),
    ] {
        check(&format!("alter table if exists only a {action}"), &[expect]);
    }
    check(
        "alter table a add constraint c foreign key (x) references b (id)",
        &[
            "SHARE ROW EXCLUSIVE a Scan!",
            "SHARE ROW EXCLUSIVE b Catalogue",
        ],
    );
    check(
        "alter table a add foreign key (x) references b not valid",
        &[
            "SHARE ROW EXCLUSIVE a Catalogue!",
            "SHARE ROW EXCLUSIVE b Catalogue",
        ],
    );
    check(
        "alter table a attach partition p for values in (1)",
        &[
            "SHARE UPDATE EXCLUSIVE a Catalogue!",
            "ACCESS EXCLUSIVE p Scan!",
        ],
    );
    check(
        "alter table a detach partition p; alter table a detach partition p concurrently",
        &[
            "ACCESS EXCLUSIVE a Catalogue!",
            "ACCESS EXCLUSIVE p Catalogue!",
            "SHARE UPDATE EXCLUSIVE a Catalogue!",
            "ACCESS EXCLUSIVE p Catalogue!",
        ],
    );
}

#[test]
fn other_statements_take_the_lock_of_the_manual() {
    check(
        "create index on a (x); create unique index if not exists i on only s.a (x)",
        &["SHARE a Index!", "SHARE s.a Index!"],
    );
    check(
        "create index concurrently i on a (x)",
        &["SHARE UPDATE EXCLUSIVE a Index!"],
    );
    check(
        "drop index i, j; drop index concurrently if exists s.k",
        &[
            "ACCESS EXCLUSIVE i Catalogue!",
            "ACCESS EXCLUSIVE j Catalogue!",
            "SHARE UPDATE EXCLUSIVE s.k Catalogue!",
        ],
    );
    check(
        "reindex table a; reindex (verbose) index concurrently i; reindex schema s",
        &["SHARE a Index!", "SHARE UPDATE EXCLUSIVE i Index!"],
    );
    check(
        "create table b (x int references a, y int references s.c (id)); create table d (x int)",
        &[
            "SHARE ROW EXCLUSIVE a Catalogue",
            "SHARE ROW EXCLUSIVE s.c Catalogue",
        ],
    );
    check(
        "create table p partition of a for values in (1); create table c () inherits (a, b)",
        &[
            "ACCESS EXCLUSIVE a Catalogue!",
            "SHARE UPDATE EXCLUSIVE a Catalogue!",
            "SHARE UPDATE EXCLUSIVE b Catalogue!",
        ],
    );
    check(
        "create trigger t before insert on a execute function f(); create rule r as on insert to a do nothing",
        &[
            "SHARE ROW EXCLUSIVE a Catalogue",
            "ACCESS EXCLUSIVE a Catalogue!",
        ],
    );
    check(
        "create policy p on a; drop trigger t on a; create statistics s on x, y from a",
        &[
            "ACCESS EXCLUSIVE a Catalogue!",
            "ACCESS EXCLUSIVE a Catalogue!",
            "SHARE UPDATE EXCLUSIVE a Catalogue!",
        ],
    );
    check(
        "truncate a, only b; drop table if exists a, s.b cascade; drop view v",
        &[
            "ACCESS EXCLUSIVE a Catalogue",
            "ACCESS EXCLUSIVE b Catalogue",
            "ACCESS EXCLUSIVE a Catalogue!",
            "ACCESS EXCLUSIVE s.b Catalogue!",
            "ACCESS EXCLUSIVE v Catalogue!",
        ],
    );
    check(
        "create view v as select 1; create or replace view v as select 1",
        &["ACCESS EXCLUSIVE v Catalogue!"],
    );
    check(
        "refresh materialized view v; refresh materialized view concurrently v; cluster a using i",
        &[
            "ACCESS EXCLUSIVE v Rewrite!",
            "EXCLUSIVE v Rows!",
            "ACCESS EXCLUSIVE a Rewrite!",
        ],
    );
    check(
        "vacuum a; vacuum (full, analyze) a, b (x, y); vacuum full verbose a; analyze a (x)",
        &[
            "SHARE UPDATE EXCLUSIVE a Scan!",
            "ACCESS EXCLUSIVE a Rewrite!",
            "ACCESS EXCLUSIVE b Rewrite!",
            "ACCESS EXCLUSIVE a Rewrite!",
            "SHARE UPDATE EXCLUSIVE a Catalogue!",
        ],
    );
    check(
        "lock a; lock table only a, b in share row exclusive mode nowait",
        &[
            "ACCESS EXCLUSIVE a Catalogue",
            "SHARE ROW EXCLUSIVE a Catalogue",
            "SHARE ROW EXCLUSIVE b Catalogue",
        ],
    );
    check(
        "insert into a select * from b on conflict (x) do update set y = 1; update only a set x = 1; delete from a; copy a from '/x'",
        &[
            "ROW EXCLUSIVE a Rows",
            "ROW EXCLUSIVE a Rows",
            "ROW EXCLUSIVE a Rows",
            "ROW EXCLUSIVE a Rows",
        ],
    );
    check(
        "with d as (delete from a returning *), e as (select 1 for update of x) insert into b select * from d",
        &["ROW EXCLUSIVE a Rows", "ROW EXCLUSIVE b Rows"],
    );
    check(
        "comment on table a is 'x'; comment on column s.a.x is 'y'; comment on function f() is 'z'",
        &[
            "SHARE UPDATE EXCLUSIVE a Catalogue!",
            "SHARE UPDATE EXCLUSIVE s.a Catalogue!",
        ],
    );
    check(
        "alter index i rename to j; alter sequence s increment by 2; alter view v rename to w",
        &[
            "SHARE UPDATE EXCLUSIVE i Catalogue!",
            "SHARE ROW EXCLUSIVE s Catalogue!",
            "ACCESS EXCLUSIVE v Catalogue!",
        ],
    );
    check(
        "select 1; create extension e; create type t as enum ('x'); alter type t add value 'y'; grant select on a to r; \
         set x = 1; create function f() returns int language sql as 'delete from a'; copy a to '/x'; create schema s",
        &[],
    );
}

#[test]
fn modes_exclude_one_another_both_ways() {
    let all = [
        Lock::AccessShare,
        Lock::RowShare,
        Lock::RowExclusive,
        Lock::ShareUpdateExclusive,
        Lock::Share,
        Lock::ShareRowExclusive,
        Lock::Exclusive,
        Lock::AccessExclusive,
    ];
    let excludes = |one: Lock, other: Lock| {
        let modes = one.waits_for();
        modes.iter().any(|mode| Lock::named(mode) == Some(other))
    };
    // The table of the manual's page, a row for each mode.
    let expect = [
        ".......x", "......xx", "....xxxx", "...xxxxx", "..xx.xxx", "..xxxxxx", ".xxxxxxx",
        "xxxxxxxx",
    ];
    for (one, row) in all.iter().zip(expect) {
        let found: String = all
            .iter()
            .map(|other| if excludes(*one, *other) { 'x' } else { '.' })
            .collect();
        assert_eq!(found, row, "{one}");
        assert!(
            all.iter()
                .all(|other| excludes(*one, *other) == excludes(*other, *one))
        );
    }
}
