//! Which statements destroy data: what is gone after them can only come back from a backup.

use super::cursor::Cursor;
use super::lex::{Lexer, Token, TokenKind};
use super::made::is_about_temporary;
use super::split::{Statement, split};
use super::transaction_control::code;

/// Returns what the statement destroys, such as `DROP TABLE orders` or `DELETE FROM orders without
/// WHERE`; none for a statement that destroys nothing.
///
/// Looks into WITH, `EXPLAIN ANALYZE`, the body of a DO and literal texts after EXECUTE in it. A
/// routine that is created runs later, if at all: its body is not looked at. `WHERE true` counts as
/// none. Indexes, views, constraints and roles can be made again: dropping them destroys nothing.
pub(crate) fn destroys(statement: &Statement<'_>) -> Option<String> {
    found_in(&statement.tokens, 0)
}

/// What the first statement of a text that destroys anything destroys, save the temporary tables of that text. A text that
/// cannot be read is the server's to refuse.
pub(crate) fn destroyed_by(text: &str) -> Option<String> {
    let statements = split(text).ok()?;
    statements.iter().enumerate().find_map(|(at, statement)| {
        let what = destroys(statement)?;
        (!is_about_temporary(statement, &statements[..at])).then_some(what)
    })
}

/// A body within a text within a body: deeper ones are nobody's.
const DEEPEST: usize = 4;

const OBJECTS: [&str; 5] = [
    "DATABASE",
    "MATERIALIZED VIEW",
    "OWNED BY",
    "SCHEMA",
    "TABLE",
];

/// Their columns go with them, but only by CASCADE.
const TYPES: [&str; 3] = ["DOMAIN", "EXTENSION", "TYPE"];

fn found_in(tokens: &[Token<'_>], depth: usize) -> Option<String> {
    let mut cursor = Cursor::over(tokens);
    if cursor.eat("EXPLAIN") {
        let options = cursor.options();
        let mut runs = options
            .iter()
            .any(|(name, is_on)| *is_on && name.eq_ignore_ascii_case("ANALYZE"));
        runs |= cursor.eat("ANALYZE");
        cursor.eat("VERBOSE");
        return runs.then(|| found_in(cursor.rest(), depth)).flatten();
    }
    dropped(cursor.clone())
        .or_else(|| truncated(cursor.clone()))
        .or_else(|| column_dropped(cursor.clone()))
        .or_else(|| rows(tokens))
        .or_else(|| in_body(cursor, depth))
}

fn dropped(mut cursor: Cursor<'_>) -> Option<String> {
    if !cursor.eat("DROP") {
        return None;
    }
    if let Some(kind) = OBJECTS.into_iter().find(|kind| cursor.eat(kind)) {
        cursor.eat("IF EXISTS");
        return Some(named(&format!("DROP {kind}"), &names(&mut cursor)));
    }
    let kind = TYPES.into_iter().find(|kind| cursor.eat(kind))?;
    cursor.eat("IF EXISTS");
    let names = names(&mut cursor);
    let cascades = cursor.eat("CASCADE");
    cascades.then(|| format!("{} CASCADE", named(&format!("DROP {kind}"), &names)))
}

fn truncated(mut cursor: Cursor<'_>) -> Option<String> {
    cursor.eat("TRUNCATE").then(|| {
        cursor.eat("TABLE");
        named("TRUNCATE", &names(&mut cursor))
    })
}

/// `DROP COLUMN` of a table, or `DROP ATTRIBUTE` of a type that columns may have.
fn column_dropped(mut cursor: Cursor<'_>) -> Option<String> {
    let (object, part) = if cursor.eat("ALTER TABLE") {
        ("TABLE", "COLUMN")
    } else if cursor.eat("ALTER TYPE") {
        ("TYPE", "ATTRIBUTE")
    } else {
        return None;
    };
    cursor.eat("IF EXISTS");
    cursor.eat("ONLY");
    let table = raw_name(&mut cursor)?;
    cursor.eat_symbol("*");
    let mut dropped = vec![];
    loop {
        if cursor.eat("DROP") && !cursor.eat("CONSTRAINT") {
            let is_part = cursor.eat(part);
            cursor.eat("IF EXISTS");
            if is_part || part == "COLUMN" {
                let column = raw_name(&mut cursor).unwrap_or_default();
                dropped.push(format!("DROP {part} {column}").trim_end().to_owned());
            }
        }
        if !cursor.skip_to_comma() {
            break;
        }
    }
    (!dropped.is_empty()).then(|| format!("ALTER {object} {table} {}", dropped.join(", ")))
}

/// `DELETE` and `UPDATE` without WHERE, as the statement itself or within its WITH.
fn rows(tokens: &[Token<'_>]) -> Option<String> {
    let first = tokens.first()?;
    let has_with = ["WITH", "INSERT", "MERGE", "COPY", "CREATE"]
        .iter()
        .any(|word| first.is_word(word));
    let defines = first.is_word("CREATE") && !tokens.iter().take(4).any(|t| t.is_word("TABLE"));
    if defines || !(has_with || first.is_word("DELETE") || first.is_word("UPDATE")) {
        return None;
    }
    (0..tokens.len()).find_map(|at| {
        let opens = match at.checked_sub(1).map(|before| tokens[before]) {
            None => true,
            Some(before) => before.is_symbol("(") || before.is_symbol(")"),
        };
        opens.then(|| every_row(&tokens[at..])).flatten()
    })
}

fn every_row(tokens: &[Token<'_>]) -> Option<String> {
    let mut cursor = Cursor::over(tokens);
    let deletes = cursor.eat("DELETE FROM");
    if !deletes && !cursor.eat("UPDATE") {
        return None;
    }
    cursor.eat("ONLY");
    let table = raw_name(&mut cursor)?;
    let own = own_level(cursor.rest());
    // What is called `update` and sets nothing is a function.
    if !deletes && !own.iter().any(|token| token.is_word("SET")) {
        return None;
    }
    let condition = own.iter().position(|token| token.is_word("WHERE"));
    if condition.is_some_and(|at| !is_always_true(&own[at + 1..])) {
        return None;
    }
    let what = if deletes { "DELETE FROM" } else { "UPDATE" };
    Some(format!("{what} {table} without WHERE"))
}

/// The tokens up to the parenthesis that closes around them, without what stands in parentheses.
fn own_level<'a>(tokens: &[Token<'a>]) -> Vec<Token<'a>> {
    let mut depth = 0_usize;
    let mut own = vec![];
    for token in tokens {
        if token.is_symbol("(") {
            depth += 1;
        } else if token.is_symbol(")") {
            match depth.checked_sub(1) {
                Some(outer) => depth = outer,
                None => break,
            }
            continue;
        }
        // An opening one stays, so that `WHERE (…)` is no empty condition.
        if depth == 0 || (depth == 1 && token.is_symbol("(")) {
            own.push(*token);
        }
    }
    own
}

fn is_always_true(condition: &[Token<'_>]) -> bool {
    let end = condition
        .iter()
        .position(|token| token.is_word("RETURNING"));
    match &condition[..end.unwrap_or(condition.len())] {
        [word] => word.is_word("TRUE"),
        [left, equals, right] => {
            left.kind == TokenKind::Number && equals.is_symbol("=") && left.text == right.text
        }
        _ => false,
    }
}

/// What the body of a DO does, as far as its text says.
fn in_body(mut cursor: Cursor<'_>, depth: usize) -> Option<String> {
    if depth == DEEPEST || !cursor.eat("DO") {
        return None;
    }
    let body = cursor.rest().iter().find(|t| t.kind == TokenKind::Text)?;
    let body = code(body.text)?;
    // A body that cannot be read to its end is the server's error to report.
    let tokens: Vec<Token<'_>> = Lexer::new(&body).map_while(Result::ok).collect();
    let is_border = |token: &Token<'_>| {
        let word = |word: &&str| token.is_word(word);
        token.is_symbol(";") || ["BEGIN", "THEN", "ELSE", "LOOP"].iter().any(word)
    };
    tokens.split(is_border).find_map(|piece| {
        let mut cursor = Cursor::over(piece);
        match cursor.eat("EXECUTE") {
            true => in_text(cursor.rest(), depth + 1),
            false => found_in(piece, depth + 1),
        }
    })
}

/// The first literal after EXECUTE, alone or as the pattern of `format`.
fn in_text(tokens: &[Token<'_>], depth: usize) -> Option<String> {
    let text = tokens.iter().find(|t| t.kind == TokenKind::Text)?;
    let text = code(text.text)?;
    let statements = split(&text).ok()?;
    statements
        .iter()
        .find_map(|statement| found_in(&statement.tokens, depth))
}

fn names(cursor: &mut Cursor<'_>) -> Vec<String> {
    let mut names = vec![];
    loop {
        cursor.eat("ONLY");
        match raw_name(cursor) {
            Some(name) => names.push(name),
            None => return names,
        }
        cursor.eat_symbol("*");
        if !cursor.eat_symbol(",") {
            return names;
        }
    }
}

/// A name as the file writes it, with its schema.
fn raw_name(cursor: &mut Cursor<'_>) -> Option<String> {
    let mut ahead = cursor.clone();
    let mut name = String::new();
    loop {
        let part = ahead.next()?;
        if !matches!(part.kind, TokenKind::Word | TokenKind::QuotedIdent) {
            return None;
        }
        name.push_str(part.text);
        let has_more = ahead.eat_symbol(".");
        *cursor = ahead.clone();
        if !has_more {
            return Some(name);
        }
        name.push('.');
    }
}

fn named(what: &str, names: &[String]) -> String {
    format!("{what} {}", names.join(", ")).trim_end().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_destroys_data_is_told_from_what_does_not() {
        #[track_caller]
        fn check(input: &str, expect: &[Option<&str>]) {
            let statements = split(input).expect("nothing is left open");
            let found: Vec<_> = statements.iter().map(destroys).collect();
            let found: Vec<_> = found.iter().map(Option::as_deref).collect();
            assert_eq!(found, expect, "{input}");
        }
        check(
            "drop table a; DROP TABLE IF EXISTS a, s.\"B c\" CASCADE; Drop /* x */ schema x",
            &[
                Some("DROP TABLE a"),
                Some("DROP TABLE a, s.\"B c\""),
                Some("DROP SCHEMA x"),
            ],
        );
        check(
            "drop database x with (force); drop materialized view v; drop owned by r",
            &[
                Some("DROP DATABASE x"),
                Some("DROP MATERIALIZED VIEW v"),
                Some("DROP OWNED BY r"),
            ],
        );
        check(
            "drop type t; drop type t cascade; drop extension if exists e cascade",
            &[
                None,
                Some("DROP TYPE t CASCADE"),
                Some("DROP EXTENSION e CASCADE"),
            ],
        );
        check(
            "drop index i; drop view v; drop role r; drop function f()",
            &[None; 4],
        );
        check(
            "drop trigger t on u; drop policy p on u; drop sequence s",
            &[None; 3],
        );
        check(
            "truncate a; TRUNCATE TABLE ONLY a, only b RESTART IDENTITY",
            &[Some("TRUNCATE a"), Some("TRUNCATE a, b")],
        );
        check(
            "alter table a drop b; alter table if exists only s.a drop column if exists b cascade",
            &[
                Some("ALTER TABLE a DROP COLUMN b"),
                Some("ALTER TABLE s.a DROP COLUMN b"),
            ],
        );
        check(
            "alter table a add x numeric(3, 2), drop column b, alter c drop default, drop d",
            &[Some("ALTER TABLE a DROP COLUMN b, DROP COLUMN d")],
        );
        check(
            "alter table a drop constraint b; alter table a alter b drop not null",
            &[None; 2],
        );
        check(
            "alter table a alter column b drop identity, add check (x in (1, 2))",
            &[None],
        );
        check(
            "alter type t drop attribute a; alter type t add value 'drop'",
            &[Some("ALTER TYPE t DROP ATTRIBUTE a"), None],
        );
        check(
            "delete from a; delete from only a using b; update s.a set x = (select 1 where true)",
            &[
                Some("DELETE FROM a without WHERE"),
                Some("DELETE FROM a without WHERE"),
                Some("UPDATE s.a without WHERE"),
            ],
        );
        check(
            "delete from a where x; update a set x = 1 where (y); update a set x = 1 where current of c",
            &[None; 3],
        );
        check(
            "delete from a where true; update a set x = 1 where 1=1 returning x; delete from a where 1 = 2",
            &[
                Some("DELETE FROM a without WHERE"),
                Some("UPDATE a without WHERE"),
                None,
            ],
        );
        check(
            "with d as (delete from a returning *) insert into b select * from d where true",
            &[Some("DELETE FROM a without WHERE")],
        );
        check(
            "with d as (select 1) delete from a; insert into b with d as (update a set x = 1 returning x) select 1",
            &[
                Some("DELETE FROM a without WHERE"),
                Some("UPDATE a without WHERE"),
            ],
        );
        check(
            "insert into a values (1) on conflict (x) do update set x = 2; select * from a for update",
            &[None; 2],
        );
        check(
            "explain delete from a; explain analyze delete from a; explain (analyze, verbose) truncate a",
            &[
                None,
                Some("DELETE FROM a without WHERE"),
                Some("TRUNCATE a"),
            ],
        );
        check(
            "create rule r as on delete to a do instead (update a set x = 1; delete from b)",
            &[None],
        );
        check(
            "create function f() returns void begin atomic delete from a; end",
            &[None],
        );
        check(
            "create trigger t before update on a execute function f(); grant update, delete on a to r",
            &[None; 2],
        );
        check("comment on table a is 'drop table a'", &[None]);
        check(
            "do $$ begin if x then delete from a; end if; end $$",
            &[Some("DELETE FROM a without WHERE")],
        );
        check(
            "do $$ begin execute 'drop table a'; end $$; do $$ begin execute format('drop schema %I', x); end $$",
            &[Some("DROP TABLE a"), Some("DROP SCHEMA")],
        );
        check(
            "do $$ begin update a set x = 1 where y; raise notice 'drop table a'; end $$",
            &[None],
        );
    }

    #[test]
    fn temporary_tables_may_go() {
        let check = |text: &str, expect: Option<&str>| {
            assert_eq!(destroyed_by(text).as_deref(), expect, "{text}");
        };
        check(
            "create temp table t as select id from a; truncate t; drop table t",
            None,
        );
        check(
            "create temp table t (id int); drop table t; truncate a",
            Some("TRUNCATE a"),
        );
        check(
            "create table t (id int); drop table t",
            Some("DROP TABLE t"),
        );
    }

    #[test]
    fn a_text_within_texts_ends() {
        let mut text = "DROP TABLE a".to_owned();
        for depth in 0..200 {
            text =
                format!("DO $q{depth}$ BEGIN EXECUTE $r{depth}${text}$r{depth}$; END $q{depth}$");
        }
        let statements = split(&text).expect("nothing is left open");
        assert_eq!(destroys(&statements[0]), None);
    }
}
