//! PostgreSQL is cut off or stopped at points spread over a whole migration; then the same call again.
//!
//! An ordinary run tries a sample; `POINTS=200` tries that many.

use super::{Project, migrate};
use crate::lab::{Lab, lines, say};
use crate::proxy::{Cut, Passed, Point, Way};
use crate::server::Server;
use serde_json::json;

const FILES: [(&str, &str); 5] = [
    (
        "0001_tables.sql",
        "CREATE TABLE log (file text); CREATE TABLE items (n int);\n\
         INSERT INTO items SELECT generate_series(1, 100); INSERT INTO log VALUES ('0001');",
    ),
    (
        "0002_column.sql",
        "ALTER TABLE items ADD COLUMN m int NOT NULL DEFAULT 0; UPDATE items SET m = m + n;\n\
         INSERT INTO log VALUES ('0002');",
    ),
    (
        "0003_indexes.sql",
        "-- pb: no-transaction\nINSERT INTO log VALUES ('0003a');\n\
         CREATE INDEX CONCURRENTLY items_n ON items (n);\nINSERT INTO log VALUES ('0003b');\n\
         CREATE UNIQUE INDEX CONCURRENTLY items_m ON items (m);\nUPDATE items SET m = m + 1000;\n\
         INSERT INTO log VALUES ('0003c');",
    ),
    (
        "0004_view.sql",
        "CREATE VIEW sums AS SELECT sum(n) AS n, sum(m) AS m FROM items; INSERT INTO log VALUES ('0004');",
    ),
    (
        "0005_rows.sql",
        "INSERT INTO items (n, m) VALUES (101, 5000); INSERT INTO log VALUES ('0005');",
    ),
];

/// The rows of the history, the log, the sums of the rows, the valid and the other indexes.
const SEEN: &str = "SELECT (SELECT string_agg(version || ' ' || state || ' ' || step, ', ' ORDER BY version) FROM pb_migrations), \
    (SELECT string_agg(file, ' ' ORDER BY file) FROM log), (SELECT n || ' ' || m FROM sums), \
    (SELECT string_agg(c.relname, ' ' ORDER BY c.relname) FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid \
     WHERE i.indrelid = 'items'::regclass AND i.indisvalid), \
    (SELECT count(*) FROM pg_index WHERE NOT indisvalid)";
const WHOLE: &str = "0001 applied 4, 0002 applied 3, 0003 applied 6, 0004 applied 2, 0005 applied 2|\
    0001 0002 0003a 0003b 0003c 0004 0005|5151 110050|items_m items_n|0";

/// Entries of the log that are there, and that are there again.
const TALLY: &str =
    "SELECT count(DISTINCT file) || ' ' || (count(*) - count(DISTINCT file)) FROM log";

/// What takes the server away.
#[derive(Debug, Clone, Copy)]
enum By {
    /// The connection breaks; the process goes on over a new one.
    Broken,
    /// The process is gone with its connections.
    Gone,
    /// The server is stopped without any care, and started.
    Stopped,
}

fn points() -> u64 {
    std::env::var("POINTS").map_or(16, |n| n.parse().expect("a number"))
}

async fn lab(project: &Project, port: u16) -> Lab {
    let name = &project.database.name;
    let url = format!("postgres://postgres@127.0.0.1:{port}/{name}");
    project.lab_at(&url).await
}

/// An empty schema again.
fn empty(project: &Project) {
    project.psql("DROP SCHEMA public CASCADE; CREATE SCHEMA public");
}

/// What passes in a migration that nothing disturbs.
async fn measure(project: &Project) -> Passed {
    let way = Way::to(project.database.server.port, "COMMIT", Point::Never).await;
    let run = lab(project, way.port).await;
    migrate(&run, json!({})).await.expect("undisturbed");
    assert_eq!(project.psql(SEEN), WHOLE, "undisturbed");
    way.passed()
}

/// What became of all points.
#[derive(Default)]
struct Tally {
    /// Points that came.
    cuts: u64,
    /// Effects found once, and effects found again.
    once: u64,
    twice: u64,
}

impl Tally {
    fn line(&self, by: &str) -> String {
        let Self { cuts, once, twice } = self;
        format!(
            "{cuts} {by}: {once} effects of {} versions once, {twice} twice",
            FILES.len()
        )
    }
}

/// Migrates an empty schema up to the point, and then until it is done.
async fn survives(project: &Project, point: Point, by: By, tally: &mut Tally) {
    empty(project);
    let server = project.database.server;
    let way = Way::to(server.port, "COMMIT", point).await;
    let cut = {
        let first = lab(project, way.port).await;
        let mut running = std::pin::pin!(migrate(&first, json!({})));
        let cut = tokio::select! {
            done = &mut running => {
                done.expect("undisturbed");
                false
            }
            () = way.reached() => true,
        };
        match by {
            _ if !cut => {}
            By::Gone => {}
            By::Broken => {
                way.cut();
                if let Err(failure) = running.await {
                    assert!(failure.retryable, "{point:?}: {:?}", lines(&failure));
                }
            }
            By::Stopped => {
                server.stop_at_once();
                server.start_again();
            }
        }
        cut
    };
    way.cut();
    let mut tries = 0;
    while let Err(failure) = migrate(&lab(project, server.port).await, json!({})).await {
        tries += 1;
        assert!(tries < 10, "{point:?}, {by:?}: {:?}", lines(&failure));
    }
    assert_eq!(project.psql(SEEN), WHOLE, "{point:?}, {by:?}");
    let found = project.psql(TALLY);
    let (once, twice) = found.split_once(' ').expect("two numbers");
    tally.cuts += u64::from(cut);
    tally.once += once.parse::<u64>().expect("a number");
    tally.twice += twice.parse::<u64>().expect("a number");
}

/// So many points: a quarter at every COMMIT there is, before it comes to the server and after, the rest among the bytes.
fn spread(passed: Passed, points: u64) -> Vec<Point> {
    let ends = (points / 4).min(passed.words * 2);
    let commits = (0..ends).map(|i| {
        let n = i * passed.words * 2 / ends;
        let cut = [Cut::Before, Cut::After][usize::from(n % 2 == 1)];
        Point::Word(n / 2 + 1, cut)
    });
    let rest = points - ends;
    let bytes = (0..rest).map(|i| Point::Byte((2 * i + 1) * passed.bytes / (2 * rest)));
    commits.chain(bytes).collect()
}

#[tokio::test]
async fn a_migration_is_cut_at_every_point() {
    let project = Project::new("cut_points");
    for (name, text) in FILES {
        project.file(name, text);
    }
    let passed = measure(&project).await;
    let mut tally = Tally::default();
    for (point, i) in spread(passed, points()).into_iter().zip(0..) {
        let by = [By::Broken, By::Gone][i / 2 % 2];
        survives(&project, point, by, &mut tally).await;
    }
    say(&format!("{}; {passed:?}", tally.line("cuts")));
    // A run is a few bytes longer or shorter than another.
    assert!(tally.cuts + 2 >= points(), "{} cuts", tally.cuts);
}

#[tokio::test]
async fn a_server_is_stopped_at_every_point() {
    let server: &'static Server = Box::leak(Box::new(Server::start("")));
    let project = Project::on(server, "stop_points");
    for (name, text) in FILES {
        project.file(name, text);
    }
    let passed = measure(&project).await;
    let stops = points().div_ceil(20).min(10);
    let mut tally = Tally::default();
    for point in spread(passed, stops) {
        survives(&project, point, By::Stopped, &mut tally).await;
    }
    say(&tally.line("stops"));
    assert_eq!(tally.cuts, stops);
}
