//! `savepoint` within a transaction.

use super::stage::with_database;
use crate::support::need;

#[test]
fn after_an_error_within_the_transaction_goes_on() {
    let Some(postgres) = need::postgres() else {
        return;
    };
    let database = postgres.fresh_database("prim_sql_savepoint");
    database.sql("CREATE TABLE t (n int)");
    let playbook = r#"
transaction(|tx| {
    sql(tx, "INSERT INTO t VALUES (1)");
    try {
        savepoint(tx, "risky", || {
            sql(tx, "INSERT INTO t VALUES (2)");
            sql(tx, "ALTER INDEX nowhere RENAME TO somewhere");
        });
    } catch (err) {
        sql(tx, "INSERT INTO t VALUES (3)");
    }
});
"#;
    with_database(&database)
        .args(["run"])
        .playbook("a.rhai", playbook)
        .run()
        .expect(0);
    assert_eq!(
        database.sql("SELECT string_agg(n::text, ' ' ORDER BY n) FROM t"),
        "1 3"
    );
}
