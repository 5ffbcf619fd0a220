//! Clusters: the shared one, and one that asks for passwords, stops and starts.

use crate::support::need;
use crate::support::postgres::{Auth, Settings, Stop};

#[test]
fn databases_of_the_shared_cluster_are_apart() {
    let Some(postgres) = need::postgres() else {
        return;
    };
    let one = postgres.fresh_database("harness_one");
    let two = postgres.fresh_database("harness_two");
    one.sql("CREATE TABLE orders (id int); INSERT INTO orders VALUES (7)");
    assert_eq!(one.sql("SELECT id FROM orders"), "7");
    assert_eq!(two.sql("SELECT to_regclass('orders') IS NULL"), "t");
}

#[test]
fn a_cluster_survives_a_crash_and_asks_for_passwords() {
    let settings = Settings {
        auth: Auth::Scram,
        ..Settings::default()
    };
    let Some(postgres) = need::own_postgres(&settings) else {
        return;
    };
    let shop = postgres.fresh_database("shop");
    shop.sql("CREATE TABLE orders (id int)");
    for how in [Stop::Immediate, Stop::Fast] {
        postgres.stop(how);
        postgres.start_again();
    }
    let rule = "SELECT auth_method FROM pg_hba_file_rules WHERE address = '127.0.0.1'";
    assert_eq!(shop.sql(rule), "scram-sha-256");
    assert_eq!(shop.sql("SELECT count(*) FROM orders"), "0");
}
