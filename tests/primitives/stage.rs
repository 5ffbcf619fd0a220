//! Projects of tests: an environment with what a primitive needs.

use crate::support::docker::Docker;
use crate::support::haproxy::Haproxy;
use crate::support::pb::Pb;
use crate::support::postgres::Database;

/// `pb` as one and the same user everywhere.
pub(super) fn pb() -> Pb {
    Pb::new().env("USER", "dana")
}

/// A project whose `target.database` is that one.
pub(crate) fn with_database(database: &Database<'_>) -> Pb {
    pb().toml(&format!(
        "[env.local]\ndatabase = {{ postgres = \"{}\" }}\n",
        database.url()
    ))
}

/// A project whose `target.database` nobody answers for.
pub(super) fn without_server() -> Pb {
    pb().toml("[env.local]\ndatabase = { postgres = \"postgres://shop@127.0.0.1:1/shop\" }\n")
}

/// A project with an engine and, when there is one, a router.
pub(crate) fn with_docker(docker: &Docker, haproxy: Option<&Haproxy>) -> Pb {
    let router = haproxy.map(|haproxy| {
        format!(
            "router = {{ haproxy = \"unix:{}\", backend = \"web\" }}\n",
            haproxy.socket().display()
        )
    });
    let router = router.unwrap_or_default();
    pb().toml(&format!(
        "[env.local]\ndocker = {{ docker = \"{}\" }}\n{router}",
        docker.host()
    ))
}
