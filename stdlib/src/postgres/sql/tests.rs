//! What runs, what is refused, how it is undone.

use super::*;
fn args(text: &str, more: Value) -> Args {
    let db = Handle {
        driver: "postgres".into(),
        name: "database".into(),
        config: serde_json::Map::new(),
        transaction: more["transaction"].as_str().map(Into::into),
    };
    let mut args = json!({ "db": db.to_value(), "text": text });
    for name in ["params", "undo"] {
        if !more[name].is_null() {
            args[name] = more[name].clone();
        }
    }
    serde_json::from_value(args).expect("the options have defaults")
}

fn plan(text: &str, more: Value) -> String {
    match Sql.decide(&args(text, more), &Facts {}) {
        Ok(Decision::Act(stages)) => stages[0][0][0].to_string(),
        Ok(other) => format!("{other:?}"),
        Err(failure) => {
            let hint = failure.hint.unwrap_or_default();
            format!("{} {} | {hint}", failure.code, failure.message)
        }
    }
}

#[test]
fn the_plan_shows_what_runs() {
    let check = |text: &str, expect: &str| assert_eq!(plan(text, json!({})), expect);
    check("UPDATE t SET a = 1;", "run `UPDATE t SET a = 1`");
    check("-- why\nUPDATE t\nSET a = 1", "run `UPDATE t …`");
    check(
        "SELECT 1; SELECT 2",
        "run 2 statements, the first `SELECT 1`",
    );
    check("VACUUM t", "run `VACUUM t` outside of any transaction");
}

#[test]
fn what_cannot_run_is_refused_before_anything_does() {
    let check = |text: &str, more: Value, expect: &str| assert_eq!(plan(text, more), expect);
    check("", json!({}), "PB0317 `sql` was given no statement | ");
    check(
        "BEGIN; SELECT 1; COMMIT",
        json!({}),
        "PB0010 `sql` was given `BEGIN` | use `transaction(db, |tx| …)`",
    );
    check(
        "SAVEPOINT a",
        json!({ "transaction": "tx1" }),
        "PB0010 `sql` was given `SAVEPOINT a` | use `savepoint(tx, name, || …)`",
    );
    check(
        "VACUUM",
        json!({ "transaction": "tx1" }),
        "PB0010 `VACUUM` was called within a transaction | \
         call it in an `sql` of its own, outside of `transaction`",
    );
    check(
        "SELECT 1; VACUUM",
        json!({}),
        "PB0010 `VACUUM` was called beside other statements | \
         call it in an `sql` of its own, outside of `transaction`",
    );
    check(
        "SELECT $1; SELECT 2",
        json!({ "params": [1] }),
        "PB0208 `sql` was given parameters and 2 statements | \
         call it once for each statement, in a `transaction`",
    );
    check(
        "SELECT 1",
        json!({ "undo": "COMMIT" }),
        "PB0010 `sql` was given `COMMIT` | use `transaction(db, |tx| …)`",
    );
}

fn complaints(known: Value, stands: Standing<'_>) -> Vec<String> {
    let all = Sql.inspect(known.as_object().expect("a map"), &stands);
    let told = all.into_iter().map(|c| {
        let because: String = c.because.iter().map(|line| format!(" ({line})")).collect();
        let hint = c.hint.unwrap_or_default();
        format!("{} {:?} {}{because} | {hint}", c.code.id, c.at, c.message)
    });
    told.collect()
}

#[test]
fn what_destroys_data_needs_permission_and_a_point_of_no_return() {
    let stands = |committed, allowed| Standing {
        committed,
        allowed,
        base: None,
    };
    let check = |more: Value, stands: Standing<'_>, expect: &[&str]| {
        let mut known = json!({ "text": "SELECT 1; DROP TABLE a" });
        let all = known.as_object_mut().expect("a map");
        all.extend(more.as_object().expect("a map").clone());
        assert_eq!(complaints(known, stands), expect, "{more} {stands:?}");
    };
    let none = json!({});
    let destroys = "PB0213 Argument(\"text\") `DROP TABLE a` destroys data";
    let write = "write `point_of_no_return(\"why\"); allow_destructive(\"why\");` before it";
    let both = format!(
        "{destroys} (nothing brings it back, and no point of no return was passed) | {write}"
    );
    let allow = format!("{destroys} | write `allow_destructive(\"why\");` before it");
    let stays = "PB0214 Argument(\"text\") `DROP TABLE a` cannot be undone (no point of no return \
                 was passed) | write `point_of_no_return(\"why\");` before it";
    check(none.clone(), stands(false, false), &[&both]);
    check(none.clone(), stands(true, false), &[&allow]);
    check(none.clone(), stands(false, true), &[stays]);
    check(none.clone(), stands(true, true), &[]);
    // One that is not known may be a way back.
    for undo in [json!("CREATE TABLE a ()"), Value::Null] {
        let more = json!({ "undo": undo });
        check(more.clone(), stands(false, false), &[&allow]);
        check(more, stands(false, true), &[]);
    }
    check(json!({ "undo": "none" }), stands(false, true), &[stays]);
    check(json!({ "text": null }), stands(false, false), &[]);
    check(json!({ "text": "SELECT 1" }), stands(false, false), &[]);
}

#[test]
fn what_cannot_run_is_told_by_its_text_alone() {
    let check = |known: Value, expect: &[&str]| {
        assert_eq!(complaints(known, Standing::default()), expect);
    };
    check(
        json!({ "text": "" }),
        &["PB0317 Argument(\"text\") `sql` was given no statement | "],
    );
    check(
        json!({ "text": "SELECT $1; SELECT 2", "params": [null] }),
        &[
            "PB0208 Argument(\"params\") `sql` was given parameters and 2 statements | \
           call it once for each statement, in a `transaction`",
        ],
    );
    check(
        json!({ "text": "SELECT $1; SELECT 2", "params": null }),
        &[],
    );
    check(
        json!({ "text": "SELECT 1; VACUUM" }),
        &[
            "PB0010 Argument(\"text\") `VACUUM` was called beside other statements (the server refuses \
           VACUUM in a transaction) | call it in an `sql` of its own, outside of `transaction`",
        ],
    );
    check(
        json!({ "text": null, "undo": "COMMIT" }),
        &["PB0010 Argument(\"undo\") `sql` was given `COMMIT` | use `transaction(db, |tx| …)`"],
    );
}

#[test]
fn undo_is_a_call_outside_of_the_transaction() {
    let more = json!({ "undo": "DELETE FROM t", "transaction": "tx1", "params": [1] });
    let undo = Sql.undo(&args("INSERT INTO t VALUES ($1)", more), &Facts {});
    let expect = Undo::call::<Sql>(&args("DELETE FROM t", json!({})));
    assert_eq!(undo, expect);
    let none = Sql.undo(&args("SELECT 1", json!({ "undo": "none" })), &Facts {});
    assert_eq!(none, Undo::none("the playbook says `undo: \"none\"`"));
    let missing = Sql.undo(&args("SELECT 1", json!({})), &Facts {});
    assert_eq!(missing, Undo::none("it was given no `undo`"));
}
