//! Texts that nobody would write: whatever they hold, the lint ends, and without a panic.

use crate::postgres::lint::file;
use crate::postgres::noise::Noise;

const PIECES: &[&str] = &[
    "alter table a ",
    "add column b ",
    "int ",
    "not null ",
    "default 1 ",
    "create index ",
    "concurrently ",
    "if not exists ",
    "on a ",
    "(b) ",
    "drop table a ",
    ";\n",
    ";",
    "-- pb: allow destructive because x\n",
    "-- pb: allow ",
    "because ",
    "/* ",
    "*/ ",
    "'x' ",
    "$$ ",
    "do $$ begin ",
    "end $$ ",
    "( ",
    ") ",
    ", ",
    "update a set b = 1 ",
    "where ",
    "with x as (",
    "delete from a ",
    "returning * ",
    "é",
    "\u{feff}",
    "\r\n",
    "\n\n",
    "\"",
    "'",
    "\\",
    "[",
    "]",
    "::",
    "E'\\",
    "alter type t add value 'x' ",
    "validate constraint c ",
    "begin ",
    "commit ",
    "set search_path = x ",
    "create table t (",
    "primary key ",
    "references b (id) ",
    "check (x > 0) ",
    "explain ",
    "truncate a cascade ",
    "rename to b ",
    "partition by ",
    "detach partition p ",
    "reindex table a ",
    "case when ",
];

#[test]
fn no_text_makes_it_panic() {
    let mut noise = Noise::new(11);
    let mut found = 0;
    for _ in 0..2_000 {
        let text = noise.soup(PIECES, 14);
        found += file::lint(&text, noise.below(2) == 0, vec![]).len();
    }
    assert!(
        found > 200,
        "only {found} were found: the pieces no longer try much"
    );
}

/// Texts that a person could have written, with a few bytes changed.
#[test]
fn no_mutation_makes_it_panic() {
    const TEXT: &str = "\
-- pb: allow destructive because the archive has it
drop table if exists old_orders cascade;
create table orders (id bigint generated always as identity primary key, note text check (note <> ''));
alter table customers add column é numeric(12, 2) not null default 0, alter column name set not null;
create unique index customers_name on customers using btree (lower(name)) where name is not null;
update customers set name = 'x' || E'\\'' where id in (select id from orders where note like '%;%');
do $body$ begin execute format('alter table %I add column x int', 'customers'); end $body$;
create function f() returns int language sql begin atomic select 1; select case when true then 1 end; end;
";
    let mut noise = Noise::new(12);
    let mut found = 0;
    for _ in 0..2_000 {
        let mut letters: Vec<char> = TEXT.chars().collect();
        for _ in 0..=noise.below(6) {
            let at = noise.below(letters.len());
            match noise.below(4) {
                0 => drop(letters.remove(at)),
                1 => letters.insert(at, letters[noise.below(letters.len())]),
                2 => letters.truncate(at.max(20)),
                _ => {
                    let other = noise.below(letters.len());
                    letters.swap(at, other);
                }
            }
        }
        let text: String = letters.into_iter().collect();
        found += file::lint(&text, false, vec![]).len();
    }
    assert!(found > 1_500, "only {found} were found");
}

/// squawk goes down one call for each level.
#[test]
fn no_depth_overflows_the_stack() {
    let many = 50_000;
    let check = |text: String| {
        let found = file::lint(&text, false, vec![]).len();
        assert!(found < 2, "{found}");
    };
    for (before, piece, after) in [
        ("create index i on a ((", "(", ""),
        ("alter table a add check (x > 0", " + 1", ")"),
        ("alter table a add check (", "not ", "x)"),
        ("alter table a alter x type int using ", "- ", "1"),
        ("create view v as select 1", " union select 1", ""),
        ("create view v as select ", "case when ", "1"),
        ("create view v as select a", ".a", ""),
        ("create view v as select a", "::int", ""),
        ("create view v as select a", "[1]", ""),
        ("create view v as select * from a", " join b on f(a, b)", ""),
        ("create view v as select f(a, b)", " + f(a, b)", ""),
        ("create table t as select ", "array[", "1"),
        ("", "explain ", "create table t as select 1"),
        ("create table t as ", "with a as (", ""),
    ] {
        check(format!("{before}{}{after}", piece.repeat(many)));
        check(format!("{before}{}{after}", piece.repeat(300)));
        // As long as what is just looked at.
        check(format!("{before}{}{after}", piece.repeat(55)));
    }
}
