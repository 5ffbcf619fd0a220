//! Which statements start or end a transaction, and which the server refuses inside one. Looks at
//! the statements of the file alone: what a function or a DO body holds is in no statement of it.

use super::concurrent_index::{Reindex, eat_create_index_concurrently};
use super::cursor::Cursor;
use super::lex::{Lexer, Token, TokenKind};
use super::split::Statement;

/// A statement about the transaction it runs in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TransactionControl {
    /// `BEGIN`, `START TRANSACTION`.
    Begin,
    /// `COMMIT`, `END`, `COMMIT PREPARED`.
    Commit,
    /// `ROLLBACK`, `ABORT`, `ROLLBACK PREPARED`.
    Rollback,
    /// `PREPARE TRANSACTION`, which takes the transaction away from its session.
    Prepare,
    /// `SAVEPOINT`, `RELEASE`, `ROLLBACK TO`. Control of a part only: the transaction that holds
    /// the version row goes on, so a file that runs in one may use them. They have no meaning in a
    /// file that runs in none: the server answers 25P01.
    Savepoint,
}

/// Returns what the statement does to its transaction, none for a statement that does its work.
pub fn transaction_control(statement: &Statement<'_>) -> Option<TransactionControl> {
    let mut cursor = Cursor::new(statement);
    if cursor.eat("BEGIN") || cursor.eat("START TRANSACTION") {
        Some(TransactionControl::Begin)
    } else if cursor.eat("COMMIT") || cursor.eat("END") {
        Some(TransactionControl::Commit)
    } else if cursor.eat("SAVEPOINT") || cursor.eat("RELEASE") {
        Some(TransactionControl::Savepoint)
    } else if cursor.eat("ROLLBACK") || cursor.eat("ABORT") {
        let _noise_word = cursor.eat("WORK") || cursor.eat("TRANSACTION");
        let is_partial = cursor.eat("TO");
        Some(if is_partial {
            TransactionControl::Savepoint
        } else {
            TransactionControl::Rollback
        })
    } else if cursor.eat("PREPARE TRANSACTION") {
        // `PREPARE transaction AS …` names a prepared statement.
        let has_text = cursor
            .next()
            .is_some_and(|token| token.kind == TokenKind::Text);
        has_text.then_some(TransactionControl::Prepare)
    } else {
        None
    }
}

/// Returns the command by its name in the manual when the server refuses the statement inside a
/// transaction, none when it may run in one.
///
/// What the catalogue alone can tell is not here, and the server answers 25001 or 2D000 with
/// nothing done: `REINDEX TABLE` and `CLUSTER` of a partitioned table, `DROP SUBSCRIPTION` and
/// `ALTER SUBSCRIPTION … REFRESH`, `CALL` of a procedure that commits. `REFRESH MATERIALIZED VIEW
/// CONCURRENTLY` and, since PostgreSQL 12, `ALTER TYPE … ADD VALUE` may run in a transaction.
/// Source: the calls of `PreventInTransactionBlock` in PostgreSQL 12 to 18.
pub fn needs_no_transaction(statement: &Statement<'_>) -> Option<&'static str> {
    if let Some(words) = ALWAYS
        .into_iter()
        .find(|words| statement.starts_with(words))
    {
        return Some(words);
    }
    if let Some(reindex) = Reindex::parse(statement) {
        return match (reindex.object, reindex.is_concurrent) {
            (_, true) => Some("REINDEX CONCURRENTLY"),
            ("SCHEMA", _) => Some("REINDEX SCHEMA"),
            ("DATABASE", _) => Some("REINDEX DATABASE"),
            ("SYSTEM", _) => Some("REINDEX SYSTEM"),
            _ => None,
        };
    }
    let cursor = Cursor::new(statement);
    SOMETIMES
        .iter()
        .find(|(_, test)| test(cursor.clone()))
        .map(|(name, _)| *name)
}

const ALWAYS: [&str; 8] = [
    "ALTER SYSTEM",
    "CREATE DATABASE",
    "CREATE TABLESPACE",
    "DISCARD ALL",
    "DROP DATABASE",
    "DROP INDEX CONCURRENTLY",
    "DROP TABLESPACE",
    "VACUUM",
];

type Test = fn(Cursor<'_>) -> bool;

const SOMETIMES: [(&str, Test); 6] = [
    ("ALTER DATABASE … SET TABLESPACE", |mut cursor| {
        cursor.eat("ALTER DATABASE")
            && cursor.identifier().is_some()
            && cursor.eat("SET TABLESPACE")
    }),
    (
        "ALTER TABLE … DETACH PARTITION … CONCURRENTLY",
        |mut cursor| {
            cursor.eat("ALTER TABLE")
                && cursor.skip_past("DETACH PARTITION")
                && cursor.object_name().is_some()
                && cursor.eat("CONCURRENTLY")
        },
    ),
    ("CLUSTER without a table", |mut cursor| {
        cursor.eat("CLUSTER") && {
            cursor.options();
            cursor.eat("VERBOSE");
            cursor.is_done()
        }
    }),
    ("CREATE INDEX CONCURRENTLY", |mut cursor| {
        eat_create_index_concurrently(&mut cursor)
    }),
    ("CREATE SUBSCRIPTION", |mut cursor| {
        let makes_slot = |mut cursor: Cursor<'_>| {
            !cursor.skip_past("WITH")
                || cursor.options().iter().all(|(name, is_on)| {
                    *is_on || !["connect", "create_slot"].contains(&name.to_lowercase().as_str())
                })
        };
        cursor.eat("CREATE SUBSCRIPTION") && makes_slot(cursor)
    }),
    ("DO with COMMIT or ROLLBACK", |mut cursor| {
        cursor.eat("DO") && ends_transaction(cursor)
    }),
];

/// True when the body of a DO holds a `COMMIT` or a `ROLLBACK` where PL/pgSQL takes a statement.
fn ends_transaction(mut after_do: Cursor<'_>) -> bool {
    let mut body = None;
    while let Some(token) = after_do.next() {
        if token.is_word("LANGUAGE") {
            let language = after_do.identifier();
            if language.is_some_and(|language| language != "plpgsql") {
                return false;
            }
        } else if token.kind == TokenKind::Text {
            body = Some(token.text);
        }
    }
    let Some(body) = body.and_then(code) else {
        return false;
    };
    // A body that cannot be read to its end is the server's error to report.
    let tokens: Vec<Token<'_>> = Lexer::new(&body).map_while(Result::ok).collect();
    tokens.windows(3).any(|window| {
        let [before, command, after] = window else {
            return false;
        };
        let starts = before.is_symbol(";")
            || ["BEGIN", "THEN", "ELSE", "LOOP"]
                .iter()
                .any(|word| before.is_word(word));
        let ends = after.is_symbol(";") || after.is_word("AND");
        starts && ends && (command.is_word("COMMIT") || command.is_word("ROLLBACK"))
    })
}

/// The text inside `$tag$ … $tag$` or `'…'`.
pub(super) fn code(literal: &str) -> Option<String> {
    if let Some(text) = literal.strip_prefix('\'') {
        return Some(text.strip_suffix('\'')?.replace("''", "'"));
    }
    let tag_end = literal.strip_prefix('$')?.find('$')? + 2;
    Some(literal.get(tag_end..literal.len() - tag_end)?.to_owned())
}

#[cfg(test)]
mod tests {
    use super::super::split::split;
    use super::*;

    #[test]
    fn control_is_told_from_work() {
        #[track_caller]
        fn check(input: &str, expect: &[Option<TransactionControl>]) {
            let statements = split(input).expect("the input has no open quote");
            let found: Vec<_> = statements.iter().map(transaction_control).collect();
            assert_eq!(found, expect, "{input}");
        }
        let begin = Some(TransactionControl::Begin);
        let commit = Some(TransactionControl::Commit);
        let rollback = Some(TransactionControl::Rollback);
        let savepoint = Some(TransactionControl::Savepoint);
        check(
            "begin; Begin work; BEGIN TRANSACTION READ ONLY",
            &[begin, begin, begin],
        );
        check(
            "-- x\nstart /* y */ transaction isolation level serializable",
            &[begin],
        );
        check(
            "commit; COMMIT WORK; commit and chain; commit prepared 'x'",
            &[commit; 4],
        );
        check("end; END TRANSACTION; end work", &[commit; 3]);
        check(
            "rollback; abort; rollback work; abort transaction and chain",
            &[rollback; 4],
        );
        check(
            "rollback prepared 'x'; rollback transaction and no chain",
            &[rollback; 2],
        );
        check(
            "savepoint a; release a; release savepoint a",
            &[savepoint; 3],
        );
        check(
            "rollback to a; rollback work to a; rollback transaction to savepoint a",
            &[savepoint; 3],
        );
        check(
            "prepare transaction 'x'",
            &[Some(TransactionControl::Prepare)],
        );
        check(
            "prepare transaction as select 1; prepare transaction (int) as select $1",
            &[None; 2],
        );
        check(
            "prepare commit as select 1; execute commit; deallocate prepare begin",
            &[None; 3],
        );
        check(
            "set transaction read only; lock t; start_it(); select begin from t",
            &[None; 4],
        );
        check(
            "\"commit\"; 'commit'; select 1 as commit; create table commit (begin int)",
            &[None; 4],
        );
    }

    #[test]
    fn bodies_are_not_control() {
        for input in [
            "do $$ begin commit; end $$",
            "create procedure p() language plpgsql as $$ begin commit; rollback; end $$",
            "create function f() returns int begin atomic select 1; select 2; end",
            "create or replace procedure p() begin atomic insert into t values (1); end",
            "create rule r as on delete to t do also (select 1; select 2)",
        ] {
            let statements = split(input).expect("the input has no open quote");
            let found: Vec<_> = statements.iter().map(transaction_control).collect();
            assert_eq!(found, [None], "{input}");
        }
    }

    #[test]
    fn what_the_server_refuses_in_a_transaction_is_named() {
        #[track_caller]
        fn check(name: &str, inputs: &[&str]) {
            for input in inputs {
                let statements = split(input).expect("the input has no open quote");
                assert_eq!(
                    needs_no_transaction(&statements[0]).unwrap_or("-"),
                    name,
                    "{input}"
                );
            }
        }
        check(
            "CREATE INDEX CONCURRENTLY",
            &[
                "create index concurrently on t (a)",
                "CREATE UNIQUE INDEX /* x */ CONCURRENTLY IF NOT EXISTS i ON t (a)",
            ],
        );
        check(
            "DROP INDEX CONCURRENTLY",
            &["drop index concurrently if exists i"],
        );
        check(
            "REINDEX CONCURRENTLY",
            &[
                "reindex index concurrently i",
                "reindex (verbose, concurrently) table t",
                "reindex schema concurrently s",
            ],
        );
        check(
            "REINDEX SCHEMA",
            &["reindex schema s", "reindex (verbose) schema s"],
        );
        check(
            "REINDEX DATABASE",
            &["reindex database d", "reindex database"],
        );
        check(
            "REINDEX SYSTEM",
            &["reindex system d", "reindex (concurrently off) system d"],
        );
        check("VACUUM", &["vacuum", "vacuum (analyze) t", "vacuum full t"]);
        check("ALTER SYSTEM", &["alter system set work_mem = '4MB'"]);
        check("CREATE DATABASE", &["create database d"]);
        check("DROP DATABASE", &["drop database if exists d (force)"]);
        check("CREATE TABLESPACE", &["create tablespace x location '/x'"]);
        check("DROP TABLESPACE", &["drop tablespace x"]);
        check("DISCARD ALL", &["discard all"]);
        check(
            "ALTER DATABASE … SET TABLESPACE",
            &["alter database \"D\" set tablespace x"],
        );
        check(
            "ALTER TABLE … DETACH PARTITION … CONCURRENTLY",
            &[
                "alter table t detach partition p concurrently",
                "alter table if exists only s.detach detach partition s.\"p\" concurrently",
            ],
        );
        check(
            "CLUSTER without a table",
            &["cluster", "cluster verbose", "cluster (verbose)"],
        );
        check(
            "CREATE SUBSCRIPTION",
            &[
                "create subscription s connection 'x' publication p",
                "create subscription s connection 'x' publication p with (copy_data = false)",
                "create subscription s connection 'x' publication p with (connect = on, enabled = off)",
            ],
        );
        check(
            "DO with COMMIT or ROLLBACK",
            &[
                "do $$ begin commit; end $$",
                "do language plpgsql $x$ begin if a then rollback and chain; end if; end $x$",
                "do 'begin update t set a = ''b''; commit; end' language 'PLpgSQL'",
                "do $$ begin loop /* x */ COMMIT; end loop; end $$ language plpgsql",
                "do $$ begin if a then null; else commit and no chain; end if; end $$",
            ],
        );
        check(
            "-",
            &[
                "create index i on t (a)",
                "drop index i",
                "reindex table t",
                "reindex (verbose, concurrently false) index i",
                "refresh materialized view concurrently v",
                "alter type e add value 'x'",
                "alter table t detach partition p",
                "alter table t detach partition p finalize",
                "alter table t rename to concurrently",
                "alter database d set work_mem = '4MB'",
                "alter database d rename to tablespace",
                "cluster t using i",
                "cluster verbose t",
                "cluster (verbose) t",
                "create subscription s connection 'x' publication p with (connect = false)",
                "create subscription s connection 'x' publication p with (a, CREATE_SLOT = 'off')",
                "analyze t",
                "discard plans",
                "checkpoint",
                "call p()",
                "do $$ begin perform 'commit;'; -- commit;\n end $$",
                "do 'begin perform f(''; commit;''); end'",
                "do $$ declare commit int; begin commit := 1; a.commit; end $$",
                "do $$ begin commit; end $$ language plpython3u",
                "do $$ begin 'x $$",
                "do 'x'",
                "do",
                "create procedure p() language plpgsql as $$ begin commit; end $$",
                "select 'vacuum'",
            ],
        );
    }

    /// None of the readers of tokens may panic, whatever is cut short.
    #[test]
    fn soups_of_words_are_read_without_a_panic() {
        use super::super::concurrent_index::*;
        const PIECES: &[&str] = &[
            "create ",
            "unique ",
            "index ",
            "concurrently ",
            "if not exists ",
            "on ",
            "only ",
            "x",
            ".",
            "\"",
            "\"Y\" ",
            "u&\"z\" ",
            "drop ",
            "reindex ",
            "(",
            ")",
            ",",
            "=",
            "off ",
            "table ",
            "do ",
            "$$",
            "$a$",
            "'",
            "language ",
            "commit",
            ";",
            "begin ",
            "prepare transaction ",
            "rollback ",
            "work ",
            "to ",
            "subscription ",
            "with ",
            "cluster ",
            "é",
        ];
        let mut noise = super::super::noise::Noise::new(3);
        let mut found = 0;
        for _ in 0..5_000 {
            let text = noise.soup(PIECES, 12);
            for statement in split(&text).unwrap_or_default() {
                found += usize::from(needs_no_transaction(&statement).is_some());
                found += usize::from(transaction_control(&statement).is_some());
                found += usize::from(parse_concurrent_index(&statement).is_some());
                found += usize::from(parse_concurrent_drop(&statement).is_some());
                found += usize::from(parse_concurrent_reindex(&statement).is_some());
            }
        }
        assert!(
            found > 100,
            "only {found} soups were read: the pieces no longer try much"
        );
    }
}
