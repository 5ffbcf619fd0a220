//! The environment of a machine without a `pb.toml`: the Docker and the database that every other tool would take.

use super::Variable;
use pb_core::{Handle, SecretText};
use serde_json::{Map, Value};

const SOCKET: &str = "unix:///var/run/docker.sock";

/// What scripts see as `target`.
pub(super) fn target(variable: Variable<'_>) -> Value {
    let set = |name: &str| variable(name).filter(|value| !value.is_empty());
    let mut target = Map::new();
    let docker = set("DOCKER_HOST").unwrap_or_else(|| SOCKET.to_owned());
    target.insert(
        "docker".into(),
        handle("docker", "docker", table("docker", docker.into())),
    );
    if let Some(config) = database(&set) {
        target.insert("database".into(), handle("postgres", "database", config));
    }
    target.into()
}

/// By `DATABASE_URL`, whole and secret, or by the variables that `psql` reads.
fn database(set: &dyn Fn(&str) -> Option<String>) -> Option<Map<String, Value>> {
    let reference = |variable: &str| Value::from(SecretText::reference(variable).as_str());
    if set("DATABASE_URL").is_some() {
        return Some(table("postgres", reference("env:DATABASE_URL")));
    }
    let known = ["PGHOST", "PGPORT", "PGUSER", "PGDATABASE", "PGPASSWORD"];
    known.iter().find(|name| set(name).is_some())?;
    let user = set("PGUSER")
        .or_else(|| set("USER"))
        .unwrap_or_else(|| "postgres".into());
    let database = encoded(&set("PGDATABASE").unwrap_or_else(|| user.clone()));
    let user = encoded(&user);
    let port = set("PGPORT").unwrap_or_else(|| "5432".into());
    let host = set("PGHOST").unwrap_or_else(|| "localhost".into());
    let url = match host.starts_with('/') {
        true => format!(
            "postgres://{user}@/{database}?host={}&port={port}",
            encoded(&host)
        ),
        false if host.contains(':') => format!("postgres://{user}@[{host}]:{port}/{database}"),
        false => format!("postgres://{user}@{host}:{port}/{database}"),
    };
    let mut config = table("postgres", url.into());
    if set("PGPASSWORD").is_some() {
        config.insert("password".into(), reference("env:PGPASSWORD"));
    }
    for (key, variable) in [("sslmode", "PGSSLMODE"), ("sslrootcert", "PGSSLROOTCERT")] {
        if let Some(value) = set(variable) {
            config.insert(key.into(), value.into());
        }
    }
    Some(config)
}

fn table(key: &str, value: Value) -> Map<String, Value> {
    Map::from_iter([(key.to_owned(), value)])
}

fn handle(driver: &str, name: &str, config: Map<String, Value>) -> Value {
    Handle {
        driver: driver.into(),
        name: name.into(),
        config,
        transaction: None,
    }
    .to_value()
}

/// Percent-encoded for a place within a URL.
fn encoded(text: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte);
    text.bytes()
        .map(|byte| {
            if plain(byte) {
                char::from(byte).to_string()
            } else {
                format!("%{byte:02X}")
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn check(variables: &[(&str, &str)], docker: &str, database: Value) {
        let variable = |name: &str| {
            let found = variables.iter().find(|(known, _)| *known == name);
            found.map(|(_, value)| (*value).to_owned())
        };
        let target = target(&variable);
        let config = |key: &str, driver: &str| {
            let handle = Handle::of_value(target.get(key)?)?;
            assert_eq!(
                (handle.driver.as_str(), handle.name.as_str()),
                (driver, key)
            );
            Some(Value::Object(handle.config))
        };
        assert_eq!(
            config("docker", "docker"),
            Some(json!({ "docker": docker }))
        );
        assert_eq!(
            config("database", "postgres").unwrap_or(Value::Null),
            database,
            "{variables:?}"
        );
    }

    #[test]
    fn the_variables_of_other_tools_are_read() {
        let none = Value::Null;
        check(&[], SOCKET, none.clone());
        check(&[("PGHOST", "")], SOCKET, none.clone());
        check(
            &[("DOCKER_HOST", "tcp://10.0.0.1:2375")],
            "tcp://10.0.0.1:2375",
            none,
        );
        let whole = json!({ "postgres": "‹secret env:DATABASE_URL›" });
        check(
            &[("DATABASE_URL", "postgres://a:b@c/d"), ("PGHOST", "x")],
            SOCKET,
            whole,
        );
        let url = |url: &str| json!({ "postgres": url });
        check(
            &[("PGHOST", "db"), ("PGUSER", "app"), ("PGDATABASE", "shop")],
            SOCKET,
            url("postgres://app@db:5432/shop"),
        );
        check(
            &[
                ("PGUSER", "a@b"),
                ("PGPASSWORD", "geheim"),
                ("PGPORT", "6000"),
                ("PGSSLMODE", "require"),
            ],
            SOCKET,
            json!({
                "postgres": "postgres://a%40b@localhost:6000/a%40b",
                "password": "‹secret env:PGPASSWORD›",
                "sslmode": "require",
            }),
        );
        check(
            &[("PGHOST", "/run/postgresql"), ("USER", "dana")],
            SOCKET,
            url("postgres://dana@/dana?host=%2Frun%2Fpostgresql&port=5432"),
        );
        check(
            &[("PGHOST", "::1"), ("PGUSER", "a")],
            SOCKET,
            url("postgres://a@[::1]:5432/a"),
        );
    }
}
