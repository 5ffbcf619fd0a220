//! The actions of ALTER TABLE: the strongest lock among them counts, and all their work is done in one pass.

use super::statement::references;
use super::{Lock, Touch, Unless, Work};
use crate::postgres::cursor::Cursor;
use crate::postgres::lex::Token;

/// What one action needs of the table.
struct Need {
    lock: Lock,
    work: Work,
    unless: Option<Unless>,
    others: Vec<Touch>,
}

impl Need {
    fn new(lock: Lock, work: Work) -> Self {
        Self {
            lock,
            work,
            unless: None,
            others: vec![],
        }
    }
}

/// Returns what the statement locks; the cursor stands behind `ALTER TABLE`.
pub(super) fn alter_table(mut cursor: Cursor<'_>, server: u32) -> Vec<Touch> {
    cursor.eat("IF EXISTS");
    cursor.eat("ONLY");
    let Some(name) = cursor.object_name() else {
        return vec![];
    };
    cursor.eat_symbol("*");
    let needs = actions(cursor.rest())
        .into_iter()
        .map(|tokens| need(tokens, server));
    let needs: Vec<Need> = needs.collect();
    let lock = needs.iter().map(|need| need.lock).max();
    let most = needs
        .iter()
        .max_by_key(|need| (need.work, need.unless.is_none()));
    let mut touch =
        Touch::new(name, lock.unwrap_or(Lock::AccessExclusive), Work::Catalogue).by_owner();
    if let Some(most) = most {
        touch.work = most.work;
        touch.unless.clone_from(&most.unless);
    }
    let others = needs.into_iter().flat_map(|need| need.others);
    std::iter::once(touch).chain(others).collect()
}

/// What stands between the commas outside parentheses.
fn actions<'s>(tokens: &'s [Token<'s>]) -> Vec<&'s [Token<'s>]> {
    let mut actions = vec![];
    let mut rest = tokens;
    loop {
        let mut cursor = Cursor::over(rest);
        let more = cursor.skip_to_comma();
        let end = rest.len() - cursor.rest().len() - usize::from(more);
        actions.push(&rest[..end]);
        if !more {
            return actions;
        }
        rest = cursor.rest();
    }
}

fn need(tokens: &[Token<'_>], server: u32) -> Need {
    use Lock::{AccessExclusive, ShareRowExclusive, ShareUpdateExclusive};
    let mut cursor = Cursor::over(tokens);
    if cursor.eat("ADD CONSTRAINT") {
        cursor.identifier();
        return constraint(cursor);
    }
    if cursor.eat("ADD") {
        let kinds = ["PRIMARY", "UNIQUE", "CHECK", "FOREIGN", "EXCLUDE", "NOT"];
        if kinds.iter().any(|kind| cursor.clone().eat(kind)) {
            return constraint(cursor);
        }
        cursor.eat("COLUMN");
        cursor.eat("IF NOT EXISTS");
        cursor.identifier();
        return column(cursor, server);
    }
    if cursor.eat("VALIDATE CONSTRAINT") {
        return Need::new(ShareUpdateExclusive, Work::Scan);
    }
    if cursor.eat("ALTER CONSTRAINT") {
        return Need::new(AccessExclusive, Work::Catalogue);
    }
    if cursor.eat("ALTER") {
        cursor.eat("COLUMN");
        let column = cursor.identifier().unwrap_or_default();
        return altered(cursor, column);
    }
    if cursor.eat("ATTACH PARTITION") {
        return partition(cursor, ShareUpdateExclusive, Work::Scan);
    }
    if cursor.eat("DETACH PARTITION") {
        let later =
            cursor.clone().skip_past("CONCURRENTLY") || cursor.clone().skip_past("FINALIZE");
        let lock = if later {
            ShareUpdateExclusive
        } else {
            AccessExclusive
        };
        return partition(cursor, lock, Work::Catalogue);
    }
    let rewrites = [
        "SET LOGGED",
        "SET UNLOGGED",
        "SET TABLESPACE",
        "SET ACCESS METHOD",
    ];
    if rewrites.iter().any(|words| cursor.eat(words)) {
        return Need::new(AccessExclusive, Work::Rewrite);
    }
    let is_trigger = (cursor.eat("ENABLE") || cursor.eat("DISABLE")) && {
        let _when = cursor.eat("REPLICA") || cursor.eat("ALWAYS");
        cursor.eat("TRIGGER")
    };
    let is_setting = cursor.eat("CLUSTER ON")
        || cursor.eat("SET WITHOUT CLUSTER")
        || ((cursor.eat("SET") || cursor.eat("RESET")) && cursor.eat_symbol("("));
    match (is_trigger, is_setting) {
        (true, _) => Need::new(ShareRowExclusive, Work::Catalogue),
        (_, true) => Need::new(ShareUpdateExclusive, Work::Catalogue),
        // RENAME, OWNER TO, SET SCHEMA, DROP COLUMN and whatever else.
        _ => Need::new(AccessExclusive, Work::Catalogue),
    }
}

fn altered(mut cursor: Cursor<'_>, column: String) -> Need {
    let exclusive = Lock::AccessExclusive;
    if cursor.eat("TYPE") || cursor.eat("SET DATA TYPE") {
        let converts = cursor.clone().skip_past("USING");
        let new = type_name(cursor.rest());
        return Need {
            unless: (!converts).then_some(Unless::StoredAlike { column, new }),
            ..Need::new(exclusive, Work::Rewrite)
        };
    }
    if cursor.eat("SET NOT NULL") {
        return Need {
            unless: Some(Unless::NeverNull { column }),
            ..Need::new(exclusive, Work::Scan)
        };
    }
    if cursor.eat("SET EXPRESSION") {
        return Need::new(exclusive, Work::Rewrite);
    }
    let is_setting = cursor.eat("SET STATISTICS")
        || ((cursor.eat("SET") || cursor.eat("RESET")) && cursor.eat_symbol("("));
    match is_setting {
        true => Need::new(Lock::ShareUpdateExclusive, Work::Catalogue),
        false => Need::new(exclusive, Work::Catalogue),
    }
}

fn partition(mut cursor: Cursor<'_>, lock: Lock, work: Work) -> Need {
    let name = cursor.object_name();
    let part = name.map(|name| Touch::new(name, Lock::AccessExclusive, work).by_owner());
    Need {
        others: part.into_iter().collect(),
        ..Need::new(lock, Work::Catalogue)
    }
}

fn constraint(cursor: Cursor<'_>) -> Need {
    let later = cursor.clone().skip_past("NOT VALID");
    let checked = if later { Work::Catalogue } else { Work::Scan };
    let mut kind = cursor.clone();
    if kind.eat("FOREIGN KEY") {
        return Need {
            others: references(cursor),
            ..Need::new(Lock::ShareRowExclusive, checked)
        };
    }
    if kind.eat("CHECK") || kind.eat("NOT NULL") {
        return Need::new(Lock::AccessExclusive, checked);
    }
    let work = match kind.skip_past("USING INDEX") && !kind.eat("TABLESPACE") {
        true => Work::Catalogue,
        false => Work::Index,
    };
    Need::new(Lock::AccessExclusive, work)
}

/// Words behind which a default ends.
const CONSTRAINTS: [&str; 9] = [
    "CHECK",
    "COLLATE",
    "CONSTRAINT",
    "GENERATED",
    "NOT",
    "NULL",
    "PRIMARY",
    "REFERENCES",
    "UNIQUE",
];

/// A new column; the cursor stands before its type. A default that is no volatile one is kept beside the rows, which
/// stay as they are.
fn column(cursor: Cursor<'_>, server: u32) -> Need {
    let tokens = cursor.rest();
    let has = |words: &str| cursor.clone().skip_past(words);
    let others = references(cursor.clone());
    let default = tokens.iter().position(|token| token.is_word("DEFAULT"));
    let mut need = Need::new(Lock::AccessExclusive, Work::Catalogue);
    let serial = [
        "SERIAL",
        "SMALLSERIAL",
        "BIGSERIAL",
        "SERIAL2",
        "SERIAL4",
        "SERIAL8",
    ];
    let counts = tokens
        .first()
        .is_some_and(|first| serial.iter().any(|word| first.is_word(word)));
    let computed = has("GENERATED ALWAYS AS") && !has("AS IDENTITY");
    // Since PostgreSQL 18 a computed column is not stored unless that is said.
    let stored = computed && (has("STORED") || server < 18);
    if counts || has("AS IDENTITY") || stored {
        need.work = Work::Rewrite;
    } else if let Some(at) = default {
        let end = tokens[at + 1..]
            .iter()
            .position(|token| CONSTRAINTS.iter().any(|word| token.is_word(word)));
        let default = &tokens[at + 1..end.map_or(tokens.len(), |end| at + 1 + end)];
        let functions = functions(default);
        if functions
            .iter()
            .any(|name| VOLATILE.contains(&name.as_str()))
        {
            need.work = Work::Rewrite;
        } else if !functions.is_empty() {
            need.work = Work::Rewrite;
            need.unless = Some(Unless::NotVolatile { functions });
        }
    }
    let read = has("CHECK")
        || (has("NOT NULL") && default.is_none())
        || (!others.is_empty() && default.is_some());
    let least = if has("UNIQUE") || has("PRIMARY KEY") {
        Work::Index
    } else if read && !computed {
        Work::Scan
    } else {
        Work::Catalogue
    };
    if need.work < least {
        need.work = least;
    }
    need.others = others;
    need
}

/// Those that defaults hold most; of the others the catalogue tells.
const VOLATILE: [&str; 7] = [
    "clock_timestamp",
    "gen_random_uuid",
    "nextval",
    "random",
    "timeofday",
    "uuid_generate_v4",
    "uuidv7",
];
const STABLE: [&str; 6] = [
    "now",
    "lower",
    "statement_timestamp",
    "to_jsonb",
    "transaction_timestamp",
    "upper",
];

/// The functions that an expression calls, without those that are known to be stable.
fn functions(tokens: &[Token<'_>]) -> Vec<String> {
    let calls = tokens.windows(2).enumerate().filter(|(at, pair)| {
        // `'1'::numeric(3)` names a type.
        let is_cast = at
            .checked_sub(1)
            .is_some_and(|before| tokens[before].is_symbol(":"));
        pair[1].is_symbol("(") && !is_cast
    });
    let names = calls.filter_map(|(at, _)| Cursor::over(&tokens[at..]).identifier());
    names
        .filter(|name| !STABLE.contains(&name.as_str()))
        .collect()
}

/// As it is written, in lower case, without blanks.
fn type_name(tokens: &[Token<'_>]) -> String {
    let ends = |token: &&Token<'_>| !token.is_word("COLLATE") && !token.is_word("USING");
    let words = tokens
        .iter()
        .take_while(ends)
        .map(|token| token.text.to_lowercase());
    words
        .collect::<Vec<_>>()
        .join(" ")
        .replace(" (", "(")
        .replace("( ", "(")
        .replace(" )", ")")
        .replace(" ,", ",")
}
