//! What words of the language make of a plan: transactions, branches, waiting, what may fail.

use crate::primitives::stage::with_database;
use crate::support::need;

const PLAYBOOK: &str = r#"let db = target.database;
transaction(db, |tx| {
    sql(tx, "INSERT INTO log VALUES ('first')");
    savepoint(tx, "half", || {
        sql(tx, "INSERT INTO log VALUES ('second')", #{ undo: "DELETE FROM log" });
    });
});
let names = [];
for n in 1..=20 { names.push(`tenant_${n}`); }
each(names, #{ max: 4 }, |name| {
    get_or_create_tenant(db, name, #{ domain: `${name}.example.com` });
});
optional("cache", || command(["false"], #{ undo: ["true"] }));
wait_until("it is there", #{ deadline: "5s" }, || query(db, "SELECT count(*) AS n FROM log")[0].n > 0);
try {
    command(["false"], #{ undo: ["true"] });
} catch (error) {
    sql(db, "INSERT INTO log VALUES ('caught')", #{ undo: "DELETE FROM log" });
}
"#;

#[test]
fn every_word_is_planned_and_run_as_planned() {
    let Some(postgres) = need::postgres() else {
        return;
    };
    let database = postgres.fresh_database("planned_words");
    database.sql("CREATE TABLE log (what text)");
    let pb = with_database(&database).file("words.rhai", PLAYBOOK);
    let before = postgres.dump("planned_words");
    let plan = pb
        .with(["plan", "words.rhai", "-o", "saved.plan"])
        .run()
        .expect(0);
    assert_eq!(
        postgres.dump("planned_words"),
        before,
        "a plan changes nothing"
    );
    plan.hide_plans().matches("planned/words");
    pb.with(["run", "--plan", "saved.plan"]).run().expect(0);
    assert_eq!(
        database.sql("SELECT what FROM log"),
        "first\nsecond\ncaught"
    );
    assert_eq!(database.sql("SELECT count(*) FROM pb_tenants"), "20");
}
