//! The servers of one playbook, what it leaves on them, and how they become as they were.

use super::books::Books;
use crate::support::docker::Docker;
use crate::support::haproxy::Haproxy;
use crate::support::image::Image;
use crate::support::pb::Pb;
use crate::support::postgres::{Database, Postgres};
use crate::support::stage::Stage;
use std::collections::BTreeMap;
use std::fs;

const PLAYBOOK: &str = include_str!("forty.rhai");

const FILES: [(&str, &str); 8] = [
    (
        "migrations/0001_orders.sql",
        "CREATE TABLE orders (id int, total int); INSERT INTO orders VALUES (1, 10), (2, 20), (3, 30);",
    ),
    ("migrations/0001_orders.down.sql", "DROP TABLE orders;"),
    (
        "migrations/0002_noted.sql",
        "INSERT INTO log VALUES ('migrated'); ALTER TABLE orders ADD COLUMN note text;",
    ),
    (
        "migrations/0002_noted.down.sql",
        "INSERT INTO log VALUES ('migrated undone'); ALTER TABLE orders DROP COLUMN note;",
    ),
    (
        "migrations/0003_index.sql",
        "-- pb: no-transaction\nINSERT INTO log VALUES ('indexed');\n\
         CREATE INDEX CONCURRENTLY orders_total ON orders (total);\nCREATE INDEX CONCURRENTLY orders_note ON orders (note);",
    ),
    (
        "migrations/0003_index.down.sql",
        "-- pb: no-transaction\nINSERT INTO log VALUES ('indexed undone');\n\
         DROP INDEX CONCURRENTLY orders_note;\nDROP INDEX CONCURRENTLY orders_total;",
    ),
    (
        "migrations/tenant/0001_things.sql",
        "CREATE TABLE things (n int); INSERT INTO things VALUES (1);",
    ),
    (
        "migrations/tenant/R_view.sql",
        "CREATE OR REPLACE VIEW dear AS SELECT * FROM things;",
    ),
];

/// What is there before any run.
const TABLES: &str = "CREATE TABLE log (what text); CREATE TABLE seen (what text);";

/// Everything that can be counted in the database, a line each, by the table that has to be there for it.
const ROWS: [(&str, &str); 8] = [
    ("log", "SELECT 'log ' || what FROM log"),
    (
        "seen",
        "SELECT 'values read ' || CASE WHEN what = min(what) OVER () THEN 'once' ELSE 'again' END FROM seen",
    ),
    (
        "orders",
        "SELECT 'order ' || id || ' of ' || total FROM orders",
    ),
    (
        "pb_tenants",
        "SELECT 'tenant ' || schema_name FROM pb_tenants",
    ),
    ("pb_domains", "SELECT 'domain ' || domain FROM pb_domains"),
    (
        "pb_migrations",
        "SELECT 'migration ' || version FROM pb_migrations",
    ),
    ("one.things", "SELECT 'thing ' || n FROM one.things"),
    (
        "pg_class",
        "SELECT concat_ws(' ', 'relation', c.oid::regclass, relkind, NOT indisvalid) FROM pg_class AS c \
         LEFT JOIN pg_index ON indexrelid = c.oid WHERE relnamespace::regnamespace::text !~ '^(pg_|information_schema)' \
         UNION ALL SELECT 'schema ' || nspname FROM pg_namespace WHERE nspname !~ '^(pg_|information_schema)' \
         UNION ALL SELECT 'session ' || application_name FROM pg_stat_activity \
         WHERE datname = current_database() AND application_name LIKE 'pb/%'",
    ),
];

pub(super) struct World<'a> {
    name: String,
    docker: &'a Docker,
    postgres: &'a Postgres,
    haproxy: Haproxy,
    stage: Stage<'a>,
    books: Books,
    images: [String; 2],
    database: Database<'a>,
    /// Runs the playbook.
    pub(super) pb: Pb,
}

/// What people are told at the end.
pub(super) const MESSAGE: &str = "a message";

/// How often each thing is there, or was done.
pub(super) type Found = BTreeMap<String, usize>;

impl<'a> World<'a> {
    /// The name is of this world alone.
    pub(super) fn new(
        name: &str,
        postgres: &'a Postgres,
        docker: &'a Docker,
        haproxy: Haproxy,
    ) -> World<'a> {
        let name = name.to_owned();
        let images = ["every-1.0", "every-2.0"].map(|tag| {
            Image::web(tag)
                .change("ENTRYPOINT []")
                .change("CMD [\"/web\"]")
                .import(docker)
        });
        let mut world = World {
            stage: Stage::new(docker, &name),
            database: postgres.fresh_database(&name),
            books: Books::open(),
            pb: Pb::new(),
            name,
            docker,
            postgres,
            haproxy,
            images,
        };
        world.database.sql(TABLES);
        world.pb = world.project();
        world
    }

    fn project(&self) -> Pb {
        let (books, front) = (self.books.url(), self.haproxy.url());
        let toml = format!(
            "[env.local]\ndatabase = {{ postgres = \"{}\" }}\ndocker = {{ docker = \"{}\" }}\n\
             router = {{ haproxy = \"unix:{}\", backend = \"web\" }}\nchat = {{ webhook = \"{books}/chat\" }}\n\
             books = \"{books}\"\nbooks_port = {}\nfront = \"{front}\"\n",
            self.database.url(),
            self.docker.host(),
            self.haproxy.socket().display(),
            self.books.port,
        );
        let pb = Pb::new()
            .env("USER", "dana")
            .env("COLOUR", "blue")
            .toml(&toml);
        let pb = FILES
            .iter()
            .fold(pb, |pb, (path, text)| pb.file(path, text));
        let [image, next] = &self.images;
        let parameters = [
            "--image",
            image,
            "--next",
            next,
            "--stage",
            &self.stage.name(""),
        ];
        pb.args(["run"])
            .playbook("forty.rhai", PLAYBOOK)
            .args(parameters)
    }

    /// Whether anything is written down of a run.
    pub(super) fn has_run(&self) -> bool {
        let files = fs::read_dir(self.pb.folder().join(".pb/runs"))
            .into_iter()
            .flatten()
            .flatten();
        let mut journals = files.filter(|file| {
            file.path()
                .extension()
                .is_some_and(|extension| extension == "ndjson")
        });
        journals.any(|file| file.metadata().unwrap().len() > 0)
    }

    /// Everything as it was before any run, in a new project.
    pub(super) fn begin_anew(&mut self) {
        let ours = self.docker.run(&[
            "ps",
            "-aq",
            "--filter",
            &format!("name=^{}", self.stage.name("")),
        ]);
        if !ours.is_empty() {
            let remove = ["rm", "-fv"].into_iter().chain(ours.lines());
            self.docker.run(&remove.collect::<Vec<_>>());
        }
        self.haproxy.restart();
        self.postgres.sql(
            "postgres",
            &format!("DROP DATABASE {} WITH (FORCE)", self.name),
        );
        self.database = self.postgres.fresh_database(&self.name);
        self.database.sql(TABLES);
        self.books.clear();
        self.pb = self.project();
    }

    /// Whether the request arrived that nobody but its server knows of.
    pub(super) fn was_posted(&self) -> bool {
        self.books
            .done()
            .keys()
            .any(|what| what.starts_with("/once"))
    }

    fn rows(&self) -> String {
        let asked = ROWS.map(|(table, _)| format!("to_regclass('{table}') IS NOT NULL"));
        let there = self.database.sql(&format!("SELECT {}", asked.join(", ")));
        let there = ROWS
            .iter()
            .zip(there.split('|'))
            .filter(|(_, there)| *there == "t");
        let parts: Vec<_> = there.map(|((_, rows), _)| *rows).collect();
        self.database.sql(&parts.join(" UNION ALL "))
    }

    /// What there is now.
    pub(super) fn found(&self) -> Found {
        let mut found = Found::new();
        let mut add = |what: String| *found.entry(what).or_default() += 1;
        for (what, times) in self.books.done() {
            let what = if what.starts_with("/chat") {
                MESSAGE
            } else {
                &what
            };
            (0..times).for_each(|_| add(what.to_owned()));
        }
        for row in self.rows().lines() {
            add(row.to_owned());
        }
        let written = fs::read_to_string(self.pb.folder().join("written")).unwrap_or_default();
        for line in written.lines() {
            add(format!("written {line}"));
        }
        let mut names = BTreeMap::new();
        for container in self.stage.containers() {
            let (name, kept) = container
                .name
                .split_once('.')
                .map_or((&*container.name, ""), |(name, _)| (name, " kept"));
            let image = container
                .image
                .rsplit(':')
                .next()
                .unwrap_or_default()
                .to_owned();
            if container.state == "running" {
                names.insert(
                    self.docker.address(&self.stage.name(&container.name)),
                    name.to_owned(),
                );
            }
            add(format!(
                "container {name}{kept} {image} {}",
                container.state
            ));
        }
        for server in self.haproxy.servers() {
            let name = names.get(server.address.split(':').next().unwrap_or_default());
            match (server.status.as_str(), name) {
                ("MAINT", _) => {}
                ("UP" | "DOWN", Some(name)) => add(format!("server of {name}")),
                (status, _) => add(format!("server at {} {status}", server.address)),
            }
        }
        found
    }
}
