//! What it costs to look at a folder of 200 migrations.

use crate::figures::{Times, line, micros, millis};
use pb_stdlib::postgres::lint_folder;
use std::time::Instant;

const FILES: usize = 200;
const LOOKS: usize = 20;

pub(crate) fn run() {
    let folder = tempfile::tempdir().unwrap();
    let mut bytes = 0;
    for n in 1..=FILES {
        // What histories hold: a table with its indexes, then changes of it, and rows now and then.
        let rows: String = (0..n % 40)
            .map(|row| format!("({row}, 'row {row}'),\n"))
            .collect();
        let text = format!(
            "CREATE TABLE t{n} (id bigint PRIMARY KEY, name text NOT NULL, made timestamptz DEFAULT now());\n\
             CREATE INDEX t{n}_name ON t{n} (name);\n\
             ALTER TABLE t1 ADD COLUMN c{n} numeric(12, 2) NOT NULL DEFAULT 0;\n\
             -- pb: allow require-concurrent-index-creation because this is a bench\n\
             CREATE INDEX t1_c{n} ON t1 (c{n});\n\
             ALTER TABLE t1 ADD CONSTRAINT k{n} CHECK (c{n} >= 0);\n\
             INSERT INTO t{n} (id, name) VALUES\n{rows}(1000, 'last');\n"
        );
        bytes += text.len();
        std::fs::write(folder.path().join(format!("{n:04}_t.sql")), text).unwrap();
        let down = format!("DROP TABLE t{n};\nALTER TABLE t1 DROP COLUMN c{n};\n");
        std::fs::write(folder.path().join(format!("{n:04}_t.down.sql")), down).unwrap();
    }
    let mut found = 0;
    let times = (0..LOOKS).map(|_| {
        let begun = Instant::now();
        found = lint_folder(folder.path(), ".").unwrap().complaints.len();
        begun.elapsed()
    });
    let times = Times::new(times.collect());
    let each = times.p50() / u32::try_from(FILES).unwrap();
    line(
        "lint of 200 migrations, p50",
        &millis(times.p50()),
        &format!(
            "{} each, {} KiB, {found} findings, p90 {}",
            micros(each),
            bytes / 1024,
            millis(times.percentile(90))
        ),
    );
}
