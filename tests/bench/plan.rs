//! How long it takes to plan a playbook of 100 steps over a real database, and how much memory.

use crate::figures::{Times, line, millis};
use crate::start::peak;
use crate::support::need;
use crate::support::pb::Pb;
use std::time::Instant;

pub(crate) fn run() {
    println!("\nplan (100 steps over a database: 50 that change it, 50 that read)");
    let Some(postgres) = need::postgres() else {
        return;
    };
    let database = postgres.fresh_database("bench_plan");
    database.sql("CREATE TABLE orders AS SELECT generate_series(1, 1000) AS n");
    let toml = format!(
        "[env.local]\ndatabase = {{ postgres = \"{}\" }}\n",
        database.url()
    );
    let reads =
        (0..50).map(|n| format!("query(\"SELECT count(*) AS n FROM orders WHERE n > {n}\");\n"));
    let makes = (0..50).map(|n| {
        format!(
            "get_or_create_tenant(\"tenant_{n}\", #{{ domain: \"tenant-{n}.example.com\" }});\n"
        )
    });
    let pb = Pb::new()
        .toml(&toml)
        .playbook("long.rhai", &reads.chain(makes).collect::<String>())
        .with(["plan", "long.rhai", "--exit-code"]);
    let times = (0..10).map(|_| {
        let began = Instant::now();
        pb.run().expect(4);
        began.elapsed()
    });
    let times = Times::new(times.collect());
    line(
        "process start to its end",
        &millis(times.p50()),
        &format!("p50; p99 {}", millis(times.percentile(99))),
    );
    line(
        "peak memory",
        &format!("{:.1} MiB", peak(&pb)),
        "resident, of the whole process",
    );
}
