//! Where a database is and how one gets in: the table of `pb.toml`, read, with its secrets.

use super::config::{PostgresConfig, SslMode};
use pb_core::{Failure, Result, Vault, code};
use percent_encoding::percent_decode_str;
use serde::Deserialize;
use serde::de::value::{Error as WordError, StrDeserializer};
use std::fmt;
use std::net::IpAddr;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;
use tokio_postgres::Config;
use tokio_postgres::config::Host;

const USUAL_PORT: u16 = 5432;

/// A database and the ways to it. It holds the password, so it is never shown.
pub(crate) struct Endpoint {
    /// User, password, database and options.
    pub(crate) config: Config,
    /// Tried in this order.
    pub(crate) places: Vec<Place>,
    pub(crate) ssl: Option<SslMode>,
    pub(crate) roots: Option<PathBuf>,
    pub(crate) timeout: Duration,
}

/// Where a server listens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Place {
    Tcp { host: String, port: u16 },
    Socket { file: PathBuf },
}

impl Place {
    /// Whether what is sent there never leaves this machine.
    pub(crate) fn is_local(&self) -> bool {
        match self {
            Self::Socket { .. } => true,
            Self::Tcp { host, .. } => {
                host == "localhost" || host.parse().is_ok_and(|ip: IpAddr| ip.is_loopback())
            }
        }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp { host, port } if host.contains(':') => write!(f, "[{host}]:{port}"),
            Self::Tcp { host, port } => write!(f, "{host}:{port}"),
            Self::Socket { file } => write!(f, "{}", file.display()),
        }
    }
}

impl Endpoint {
    /// Fetches the secrets of the table and reads its URL.
    pub(crate) fn of(table: &PostgresConfig, vault: &Vault) -> Result<Self> {
        let url = vault.expose(&table.postgres)?;
        let (url, in_url) = take_ssl(&url)?;
        let mut config = Config::from_str(&url).map_err(|error| bad_url(table, &error))?;
        if let Some(password) = &table.password {
            config.password(vault.expose(password)?);
        }
        let places = places(&config);
        if places.is_empty() {
            let message = format!("the database's URL `{}` names no host", table.postgres);
            return Err(Failure::new(&code::WRONG_TYPE, message)
                .hint("write `postgres://USER@HOST:5432/DATABASE`"));
        }
        Ok(Self {
            config,
            places,
            ssl: table.sslmode.or(in_url.mode),
            roots: table
                .sslrootcert
                .as_ref()
                .map(PathBuf::from)
                .or(in_url.roots),
            timeout: table.connect_timeout.0,
        })
    }

    /// How the connection to that place is encrypted.
    pub(crate) fn ssl_mode(&self, place: &Place) -> SslMode {
        match (place, self.ssl) {
            (Place::Socket { .. }, _) => SslMode::Disable,
            (_, Some(mode)) => mode,
            (place, None) if place.is_local() => SslMode::Prefer,
            _ => SslMode::VerifyFull,
        }
    }

    /// The database that is asked for; the server takes the user's name where none is.
    pub(crate) fn database(&self) -> Option<&str> {
        self.config.get_dbname().or(self.config.get_user())
    }
}

fn places(config: &Config) -> Vec<Place> {
    let ports = config.get_ports();
    let port = |n: usize| *ports.get(n).or(ports.first()).unwrap_or(&USUAL_PORT);
    let hosts = config.get_hosts().iter().enumerate();
    hosts
        .map(|(n, host)| match host {
            Host::Tcp(host) => Place::Tcp {
                host: host.trim_matches(['[', ']']).to_owned(),
                port: port(n),
            },
            #[cfg(unix)]
            Host::Unix(folder) => Place::Socket {
                file: folder.join(format!(".s.PGSQL.{}", port(n))),
            },
        })
        .collect()
}

#[derive(Default)]
struct Ssl {
    mode: Option<SslMode>,
    roots: Option<PathBuf>,
}

/// Takes `sslmode` and `sslrootcert` out of a URL: the library knows less of them than libpq.
fn take_ssl(url: &str) -> Result<(String, Ssl)> {
    let mut ssl = Ssl::default();
    let Some((before, query)) = url.split_once('?') else {
        return Ok((url.to_owned(), ssl));
    };
    let mut rest = vec![];
    for pair in query.split('&') {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        let value = percent_decode_str(value).decode_utf8_lossy();
        match name {
            "sslmode" => ssl.mode = Some(mode(&value)?),
            "sslrootcert" => ssl.roots = Some(PathBuf::from(&*value)),
            _ => rest.push(pair),
        }
    }
    let url = match rest.is_empty() {
        true => before.to_owned(),
        false => format!("{before}?{}", rest.join("&")),
    };
    Ok((url, ssl))
}

fn mode(word: &str) -> Result<SslMode> {
    SslMode::deserialize(StrDeserializer::<WordError>::new(word)).map_err(|_| {
        let message = format!("the database's URL has the unknown sslmode `{word}`");
        Failure::new(&code::WRONG_TYPE, message)
            .hint("write disable, prefer, require, verify-ca or verify-full")
    })
}

fn bad_url(table: &PostgresConfig, error: &tokio_postgres::Error) -> Failure {
    let message = format!("the database's URL `{}` could not be read", table.postgres);
    let cause = std::error::Error::source(error).map(ToString::to_string);
    Failure::new(&code::WRONG_TYPE, message)
        .because(cause.unwrap_or_else(|| error.to_string()))
        .hint("write `postgres://USER@HOST:5432/DATABASE`")
}

#[cfg(test)]
mod tests {
    use super::*;
    use pb_core::SecretSource;
    use serde_json::json;

    struct Fixed;
    impl SecretSource for Fixed {
        fn fetch(&self, reference: &str) -> Result<String> {
            match reference {
                "env:URL" => Ok("postgres://app:p%40ss@db.example/shop?sslmode=require".into()),
                _ => Ok("p@ss w/ord".into()),
            }
        }
    }

    fn endpoint(config: serde_json::Value) -> Result<Endpoint> {
        let config = PostgresConfig::of(config.as_object().expect("a table")).expect("good");
        Endpoint::of(&config, &Vault::new(Fixed, [1; 32]))
    }

    fn password(endpoint: &Endpoint) -> Option<&str> {
        endpoint
            .config
            .get_password()
            .map(|p| std::str::from_utf8(p).expect("text"))
    }

    #[test]
    fn secrets_are_fetched_and_places_read() {
        let one = endpoint(json!({
            "postgres": "postgres://shop@[::1]:5433/shop", "password": "secret:env:P" }))
        .expect("good");
        assert_eq!(password(&one), Some("p@ss w/ord"));
        assert_eq!(one.places[0].to_string(), "[::1]:5433");
        assert_eq!(one.ssl_mode(&one.places[0]), SslMode::Prefer, "it is local");

        let two = endpoint(json!({ "postgres": "secret:env:URL" })).expect("good");
        assert_eq!(password(&two), Some("p@ss"));
        assert_eq!(two.places[0].to_string(), "db.example:5432");
        assert_eq!(two.ssl_mode(&two.places[0]), SslMode::Require);
        assert_eq!(two.database(), Some("shop"));

        let three = endpoint(json!({ "postgres": "postgres://a,b:7000/x" })).expect("good");
        assert_eq!(three.ssl_mode(&three.places[1]), SslMode::VerifyFull);
        assert_eq!(three.places.len(), 2);

        let four = endpoint(json!({ "postgres": "postgres:///x?host=/run/pg&port=5555" }));
        let four = four.expect("good");
        assert_eq!(four.places[0].to_string(), "/run/pg/.s.PGSQL.5555");
        assert_eq!(four.ssl_mode(&four.places[0]), SslMode::Disable);
    }

    #[test]
    fn what_cannot_be_read_names_the_place_and_no_secret() {
        let refusal = |url: &str| {
            let failure = endpoint(json!({ "postgres": url })).err().expect("refused");
            [vec![failure.message], failure.because]
                .concat()
                .join(" | ")
        };
        assert_eq!(
            refusal("postgres://db:port/x"),
            "the database's URL `postgres://db:port/x` could not be read | \
             invalid value for option `port`"
        );
        assert_eq!(
            refusal("postgres://db/x?sslmode=verify"),
            "the database's URL has the unknown sslmode `verify`"
        );
        assert_eq!(
            refusal("postgres:///x"),
            "the database's URL `postgres:///x` names no host"
        );
    }
}
