//! What a file splits into, as `line: text` of each statement, or the error with its hint.

use super::*;
use crate::postgres::noise::Noise;

#[track_caller]
fn check(input: &str, expect: &[&str]) {
    let found: Vec<String> = match split(input) {
        Ok(statements) => statements
            .iter()
            .map(|found| format!("{}: {}", found.line, found.text))
            .collect(),
        Err(error) => vec![error.to_string(), error.hint().to_owned()],
    };
    assert_eq!(found, expect, "{input}");
}

#[test]
fn statements_end_at_a_semicolon_or_with_the_file() {
    check("select 1; select 2;", &["1: select 1", "1: select 2"]);
    check("select 1;\nselect 2", &["1: select 1", "2: select 2"]);
    check(
        "select 1;\r\n\r\nselect\r\n2;\r\nselect 3",
        &["1: select 1", "3: select\r\n2", "5: select 3"],
    );
    check("select 1;\r\rselect 2", &["1: select 1", "3: select 2"]);
    check(";;\n; select 1;;", &["2: select 1"]);
    check("\u{feff}select 1;", &["1: select 1"]);
    check("\u{feff}-- one\nselect 1;", &["2: select 1"]);
    check(
        "select a[1:2], b::text, $1 from t where c @> d;",
        &["1: select a[1:2], b::text, $1 from t where c @> d"],
    );
    check(
        "select 'été' as \"né;e\"; select ñ$1;",
        &["1: select 'été' as \"né;e\"", "1: select ñ$1"],
    );
}

#[test]
fn files_without_a_statement_are_empty() {
    for input in [
        "",
        "\u{feff}",
        "\n\r\n",
        "-- a; b",
        "/* a; /* b; */ c; */\n--;\n;",
        " ; ; ",
    ] {
        check(input, &[]);
    }
}

#[test]
fn comments_hide_semicolons_and_stay_inside_a_statement() {
    check(
        "select 1 -- one; two\n, 2;",
        &["1: select 1 -- one; two\n, 2"],
    );
    check(
        "/* a; */ select /* /* b; */ ; */ 1; -- end;",
        &["1: select /* /* b; */ ; */ 1"],
    );
    check(
        "select 1 +-- one;\r2; select 2*/* ' */3;",
        &["1: select 1 +-- one;\r2", "2: select 2*/* ' */3"],
    );
    check(
        "select 1 /*/ ; */; select 2 /***/;",
        &["1: select 1", "1: select 2"],
    );
    check(
        "-- it's\nselect 1; /* it's */ select 2",
        &["2: select 1", "2: select 2"],
    );
}

#[test]
fn quotes_hide_semicolons() {
    check(
        "select ';', 'it''s;', '--', '/*'; select 2",
        &["1: select ';', 'it''s;', '--', '/*'", "1: select 2"],
    );
    check(
        r"select 'C:\'; select 2",
        &[r"1: select 'C:\'", "1: select 2"],
    );
    check(
        "select \"a;\"\"b;'\"; select 2",
        &["1: select \"a;\"\"b;'\"", "1: select 2"],
    );
    check(
        r#"select U&'\0041;\' , u&"a;\0042""; " ; select 2"#,
        &[r#"1: select U&'\0041;\' , u&"a;\0042""; ""#, "1: select 2"],
    );
}

#[test]
fn backslashes_escape_in_e_strings_alone() {
    check(
        r"select E'it\'s;\\'; select 2",
        &[r"1: select E'it\'s;\\'", "1: select 2"],
    );
    check(
        r"select e'a'';\'b;'; select 2",
        &[r"1: select e'a'';\'b;'", "1: select 2"],
    );
    check(
        r"select e'\é\';'; select 2",
        &[r"1: select e'\é\';'", "1: select 2"],
    );
    check(
        r"select name'\'; select 2",
        &[r"1: select name'\'", "1: select 2"],
    );
}

#[test]
fn a_string_goes_on_over_lines_under_its_first_escape_rule() {
    check(
        "select E'a'\n  'b\\';c'; select 2",
        &["1: select E'a'\n  'b\\';c'", "2: select 2"],
    );
    check(
        "select E'a' -- x\n-- y\r\n'b\\';c'; select 2",
        &["1: select E'a' -- x\n-- y\r\n'b\\';c'", "3: select 2"],
    );
    check(
        "select E'a' 'b\\'; select 2",
        &["1: select E'a' 'b\\'", "1: select 2"],
    );
    check(
        "select E'a' /* \n */ 'b\\'; select 2",
        &["1: select E'a' /* \n */ 'b\\'", "2: select 2"],
    );
    check(
        "select 'a'\n'b\\'; select 2",
        &["1: select 'a'\n'b\\'", "2: select 2"],
    );
}

#[test]
fn dollar_quotes_end_at_their_own_tag() {
    check(
        "do $$ begin; end $$; select 2",
        &["1: do $$ begin; end $$", "1: select 2"],
    );
    check(
        "do $a$ $$;$$ $A$; $b$; $a$; select 2",
        &["1: do $a$ $$;$$ $A$; $b$; $a$", "1: select 2"],
    );
    check(
        "do $é1$;$$é1$; select 2",
        &["1: do $é1$;$$é1$", "1: select 2"],
    );
    check(
        "select $1;$2; select a$b$;select c$b$",
        &["1: select $1", "1: $2", "1: select a$b$", "1: select c$b$"],
    );
    check("select 1$$;$$", &["1: select 1$$;$$"]);
    check("select _$$; select 2", &["1: select _$$", "1: select 2"]);
}

#[test]
fn parentheses_hold_statements_together() {
    check(
        "create rule r as on insert to t do (select 1; select 2); select 3",
        &[
            "1: create rule r as on insert to t do (select 1; select 2)",
            "1: select 3",
        ],
    );
    check("select 1); select 2", &["1: select 1)", "1: select 2"]);
    check(
        "select ';)'; select ')'",
        &["1: select ';)'", "1: select ')'"],
    );
}

#[test]
fn atomic_bodies_end_at_the_end_that_starts_a_statement() {
    let whole = |body: &str| {
        check(
            &format!("{body}; select 2"),
            &[&format!("1: {body}"), "1: select 2"],
        );
    };
    whole("create function f() returns int begin atomic select 1; select 2; end");
    whole("create or replace procedure p() BEGIN /* ; */ ATOMIC insert into t values (1); END");
    whole("create function f() returns int language sql begin atomic end");
    whole("create function f(begin int) returns int begin atomic ; select begin; end");
    whole("create function f() returns int begin atomic select case when a then b end from t; end");
    whole("create function f() returns int begin atomic select 1 as case, 2 as end, t.end; end");
    whole("create function f() returns int begin atomic select 'end'; /* ; end */ select 1; end");
    whole("create function f(a int default (1)) returns int begin atomic select (1); end");
    whole("create function f(begin atomic) returns int return 1");
    whole("create function f() returns int return case when true then 1 end");
    whole("create function f() returns int as $$ begin atomic; $$ language sql");
    check(
        "begin atomic; select 1; end",
        &["1: begin atomic", "1: select 1", "1: end"],
    );
    check(
        "create table begin(atomic int); end",
        &["1: create table begin(atomic int)", "1: end"],
    );
    check(
        "create view function as select begin atomic; end",
        &["1: create view function as select begin atomic", "1: end"],
    );
}

#[test]
fn what_stays_open_is_named_with_its_place() {
    let open = |input: &str, error: &str, hint: &str| check(input, &[error, hint]);
    open(
        "select 1;\n  select 'it''s; --",
        "the string that opened at line 2, column 10 was never closed",
        "close it with `'`; a quote inside it is written twice",
    );
    open(
        "\u{feff}select 'é', E'a\\'",
        "the string that opened at line 1, column 13 was never closed",
        "close it with `'`; a quote inside it is written twice",
    );
    open(
        "select E'a'\n'b\\'",
        "the string that opened at line 1, column 8 was never closed",
        "close it with `'`; a quote inside it is written twice",
    );
    open(
        "select \"a;\"\"",
        "the quoted identifier that opened at line 1, column 8 was never closed",
        "close it with `\"`; a quote inside it is written twice",
    );
    open(
        "do\r\n$do$ begin end $DO$;",
        "the dollar quote that opened at line 2, column 1 was never closed",
        "close it with the same `$tag$`, in the same case",
    );
    open(
        "select 1; /* a /* b */",
        "the comment that opened at line 1, column 11 was never closed",
        "close it with `*/`; comments nest, so each `/*` needs one",
    );
    open(
        "create table t (a int,\n b numeric(3);\nselect 1;",
        "the parenthesis that opened at line 1, column 16 was never closed",
        "close it with `)` before the `;`",
    );
    open(
        "create function f() returns int begin atomic select 1 end;",
        "the body after `BEGIN ATOMIC` that opened at line 1, column 33 was never closed",
        "close it with `END;` after the `;` of its last statement",
    );
}

#[test]
fn psql_commands_are_refused() {
    let delete = "delete the line: a migration is sent to the server without psql";
    check(
        "select 1;\n\\i other.sql\n",
        &[
            "`\\i` at line 2, column 1 was a command of psql, not SQL",
            "put the text of the included file here",
        ],
    );
    check(
        "\\restrict abc",
        &[
            "`\\restrict` at line 1, column 1 was a command of psql, not SQL",
            delete,
        ],
    );
    check(
        "select 1 \\gset",
        &[
            "`\\gset` at line 1, column 10 was a command of psql, not SQL",
            delete,
        ],
    );
    check(
        "select (1 \\g",
        &[
            "`\\g` at line 1, column 11 was a command of psql, not SQL",
            delete,
        ],
    );
    check(
        "  \\copy t from 'a.csv'",
        &[
            "`\\copy` at line 1, column 3 was a command of psql, not SQL",
            "write the rows as INSERT statements",
        ],
    );
    check(
        "select '\\i', \"\\i\", $$\\i$$ -- \\i",
        &["1: select '\\i', \"\\i\", $$\\i$$"],
    );
}

#[test]
fn copy_from_stdin_is_refused_before_its_data_is_read() {
    let error = |line: usize| {
        format!("`COPY … FROM stdin` at line {line}, column 1 was followed by data, not SQL")
    };
    let hint = "write the rows as INSERT statements";
    check(
        "select 1;\ncopy t (a, b) from stdin;\nit's\t'\n\\.\n",
        &[&error(2), hint],
    );
    check(
        "COPY public.t FROM /* x */ STDIN WITH (FORMAT csv)",
        &[&error(1), hint],
    );
    check(
        "copy t from '/tmp/stdin'; copy stdin from '/a'; copy (select a from stdin) to stdout",
        &[
            "1: copy t from '/tmp/stdin'",
            "1: copy stdin from '/a'",
            "1: copy (select a from stdin) to stdout",
        ],
    );
    check("select copy from stdin", &["1: select copy from stdin"]);
}

#[test]
fn leading_words_are_matched_in_any_case_past_comments() {
    let check = |input: &str, words: &str, expect: bool| {
        let statements = split(input).expect("the input has no open quote");
        assert_eq!(
            statements[0].starts_with(words),
            expect,
            "{input} / {words}"
        );
    };
    check("-- x\ncreate /* y */ InDeX i on t(a)", "CREATE INDEX", true);
    check("create", "CREATE INDEX", false);
    check("create unique index i on t(a)", "CREATE INDEX", false);
    check("createindex", "CREATE", false);
    check("\"vacuum\"", "VACUUM", false);
    check("'vacuum'", "VACUUM", false);
}

#[test]
fn ranges_and_lines_point_into_the_file() {
    let text = "\u{feff}-- a\r\nselect 'é;' ;\r\n\r\n/* b */ select\r\n2 -- c\r\n;";
    let found: Vec<_> = split(text)
        .expect("the text has no open quote")
        .into_iter()
        .map(|found| {
            (
                found.range.clone(),
                Place::of(text, found.range.start),
                found.text == &text[found.range],
            )
        })
        .collect();
    assert_eq!(
        found,
        [
            (9..21, Place { line: 2, column: 1 }, true),
            (35..44, Place { line: 4, column: 9 }, true),
        ]
    );
}

#[rustfmt::skip]
const PIECES: &[&str] = &[
    "select ", "begin ", "atomic ", "end ", "case ", "create ", "or replace ", "function ", "copy ",
    "from ", "stdin ", "x", "e", "E", "u&", " ", "\n", "\r\n", "\r", ";", ";", ";", ";", "(", ")", "'",
    "'a;'", "e'\\''", "\"", "\"b;\"", "$$", "$$;$$", "$a$", "$", "1", "\\", "--", "-- c;\n", "/*", "*/",
    "/* ; */", "*", "/", "-", "é", "\u{feff}", "&",
];

/// Whatever is in no statement is blank, a `;` or a comment: nothing that the file asks for is lost.
#[test]
fn statements_and_the_gaps_between_them_make_up_the_file() {
    let (mut noise, mut whole) = (Noise::new(1), 0);
    for _ in 0..5_000 {
        let text = noise.soup(PIECES, 40);
        let Ok(statements) = split(&text) else {
            continue;
        };
        let mut end = 0;
        for statement in &statements {
            assert_eq!(statement.text, &text[statement.range.clone()]);
            assert_eq!(
                statement.line,
                Place::of(&text, statement.range.start).line,
                "{text:?}"
            );
            assert_eq!(
                without_comments(&text[end..statement.range.start]),
                "",
                "{text:?}"
            );
            end = statement.range.end;
        }
        assert_eq!(without_comments(&text[end..]), "", "{text:?}");
        whole += usize::from(statements.len() > 1);
    }
    assert!(
        whole > 300,
        "only {whole} soups had two statements: the pieces no longer try much"
    );
}

/// A statement cut out of its file is the same statement: it may be sent, and split, alone.
#[test]
fn each_statement_splits_into_itself() {
    let mut noise = Noise::new(2);
    for _ in 0..5_000 {
        let text = noise.soup(PIECES, 40);
        for statement in split(&text).unwrap_or_default() {
            // Inside a file this is a word; at the start of one it is dropped.
            if statement.text.starts_with('\u{feff}') {
                continue;
            }
            let again = split(statement.text).expect("a part of a whole file is whole");
            let texts: Vec<_> = again.iter().map(|found| found.text).collect();
            assert_eq!(texts, [statement.text], "{text:?}");
        }
    }
}

/// Read without the lexer: only what can stand in a gap.
fn without_comments(gap: &str) -> String {
    let mut rest = gap;
    let mut left = String::new();
    while let Some(first) = rest.chars().next() {
        let next = if rest.starts_with("--") {
            rest.find(['\n', '\r']).unwrap_or(rest.len())
        } else if rest.starts_with("/*") {
            let (mut depth, mut at) = (1, 2);
            while depth > 0 {
                let step = match rest.get(at..at + 2) {
                    Some("/*") => 1,
                    Some("*/") => -1,
                    _ => 0,
                };
                at += if step == 0 {
                    rest[at..].chars().next().map_or(1, char::len_utf8)
                } else {
                    2
                };
                depth += step;
            }
            at
        } else {
            if !first.is_whitespace() && first != ';' && first != '\u{feff}' {
                left.push(first);
            }
            first.len_utf8()
        };
        rest = &rest[next..];
    }
    left
}
