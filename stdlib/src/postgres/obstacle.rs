//! Why there is no connection, and whether waiting helps.

use super::connect::plain;
use super::endpoint::{Endpoint, Place};
use pb_core::{Failure, code};
use std::error::Error as _;
use std::io;
use std::time::Duration;
use tokio_postgres::error::{DbError, SqlState};

/// What stood in the way of a connection.
#[derive(Debug)]
pub(crate) enum Obstacle {
    /// The name of the host means nothing here.
    UnknownHost { host: String, why: String },
    /// Nobody listens there, or the way is closed.
    Refused { place: Place, why: String },
    /// Nobody answered in time.
    Silent { place: Place, after: Duration },
    /// It answered and hung up.
    HungUp { place: Place, why: String },
    /// The encrypted connection could not be made.
    Tls { place: Place, why: String },
    /// The server asks for a password, and there is none; or it could not prove that it knows ours.
    Password {
        place: Place,
        why: String,
        user: Login,
    },
    /// The server said no.
    Server {
        place: Place,
        error: Box<DbError>,
        user: Login,
        database: String,
    },
    /// The table of `pb.toml` is wrong, or a secret is missing.
    Config(Box<Failure>),
}

/// As whom we came.
#[derive(Debug, Clone)]
pub(crate) struct Login {
    /// `None` where the URL names nobody.
    pub(crate) user: Option<String>,
    pub(crate) had_password: bool,
}

impl Obstacle {
    /// Reads an error of the library that came while logging in.
    pub(crate) fn of_login(
        place: &Place,
        endpoint: &Endpoint,
        error: tokio_postgres::Error,
    ) -> Self {
        let place = place.clone();
        let user = Login {
            user: endpoint.config.get_user().map(Into::into),
            had_password: endpoint.config.get_password().is_some(),
        };
        if let Some(db) = error.as_db_error() {
            let database = endpoint.database().unwrap_or_default().to_owned();
            return Self::Server {
                place,
                error: Box::new(db.clone()),
                user,
                database,
            };
        }
        let why = match error.source() {
            Some(source) => match source.downcast_ref::<io::Error>() {
                Some(io) => plain(io),
                None => source.to_string(),
            },
            None => error.to_string(),
        };
        // The kind of an error is told by its text alone.
        match error.to_string().as_str() {
            "error performing TLS handshake" => Self::Tls { place, why },
            "invalid configuration" | "authentication error" => Self::Password { place, why, user },
            _ => Self::HungUp { place, why },
        }
    }

    /// In one line, when a server that is about to come up may be the reason.
    pub(crate) fn may_pass(&self, with_dns: bool) -> Option<String> {
        match self {
            Self::UnknownHost { .. } => with_dns.then(|| self.what()),
            Self::Refused { .. } | Self::Silent { .. } | Self::HungUp { .. } => Some(self.what()),
            Self::Server { error, .. } => {
                let passing = [SqlState::CANNOT_CONNECT_NOW, SqlState::TOO_MANY_CONNECTIONS];
                let ending = [SqlState::ADMIN_SHUTDOWN, SqlState::CRASH_SHUTDOWN];
                let code = error.code();
                (passing.contains(code) || ending.contains(code)).then(|| self.what())
            }
            Self::Tls { .. } | Self::Password { .. } | Self::Config(_) => None,
        }
    }

    fn what(&self) -> String {
        match self {
            Self::UnknownHost { host, why } => format!("the host `{host}` is unknown: {why}"),
            Self::Refused { place, why }
            | Self::HungUp { place, why }
            | Self::Tls { place, why } => {
                format!("{place}: {why}")
            }
            Self::Silent { place, after } => {
                format!("{place}: no answer within {}", pb_core::Span(*after))
            }
            Self::Password { place, why, .. } => format!("{place}: {why}"),
            Self::Server { place, error, .. } => format!("{place}: {}", error.message()),
            Self::Config(failure) => failure.message.clone(),
        }
    }

    /// The error that people read.
    pub(crate) fn into_failure(self) -> Failure {
        let what = self.what();
        match self {
            Self::Config(failure) => *failure,
            Self::UnknownHost { host, .. } => {
                let message = format!("the database's host `{host}` could not be found");
                Failure::new(&code::UNREACHABLE, message)
                    .because(what)
                    .retryable()
            }
            Self::Refused { place, .. }
            | Self::Silent { place, .. }
            | Self::HungUp { place, .. } => {
                let message = format!("the database at `{place}` could not be reached");
                Failure::new(&code::UNREACHABLE, message)
                    .because(what)
                    .retryable()
            }
            Self::Tls { place, why } => {
                let message = format!("no encrypted connection to `{place}` could be made");
                Failure::new(&code::TLS, message).because(why).hint(
                    "set `sslrootcert` to the file of the authority that signed the server's certificate, \
                     or `sslmode` where the connection needs no encryption",
                )
            }
            Self::Password { place, why, user } => {
                let message = format!("`{place}` did not let {} in", user.name());
                let failure = Failure::new(&code::AUTH, message).because(why);
                user.hint(failure)
            }
            Self::Server {
                place,
                error,
                user,
                database,
            } => refused_login(&place, &error, &user, &database),
        }
    }
}

impl Login {
    fn name(&self) -> String {
        match &self.user {
            Some(user) => format!("the user `{user}`"),
            None => "the user of the operating system".into(),
        }
    }

    fn hint(&self, failure: Failure) -> Failure {
        match &self.user {
            None => {
                failure.hint("write the user into the URL: `postgres://USER@HOST:5432/DATABASE`")
            }
            Some(user) if user == "root" => failure.hint(
                "write the database's user into the URL: `root` is one of the operating system",
            ),
            Some(_) if !self.had_password => failure.hint(
                "write `password = \"secret:env:PGPASSWORD\"` and set the variable PGPASSWORD",
            ),
            Some(_) => failure,
        }
    }
}

fn refused_login(place: &Place, error: &DbError, user: &Login, database: &str) -> Failure {
    let name = user.name();
    let failure = if [
        SqlState::INVALID_PASSWORD,
        SqlState::INVALID_AUTHORIZATION_SPECIFICATION,
    ]
    .contains(error.code())
    {
        let message = format!("`{place}` did not let {name} in");
        user.hint(Failure::new(&code::AUTH, message))
    } else if *error.code() == SqlState::INVALID_CATALOG_NAME {
        let message = format!("there is no database `{database}` at `{place}`");
        let hint = format!("createdb {database}, or correct the database's name in the URL");
        Failure::new(&code::NO_SUCH_DATABASE, message).hint(hint)
    } else if *error.code() == SqlState::CANNOT_CONNECT_NOW {
        let message = format!("the database at `{place}` took no connection yet");
        Failure::new(&code::STARTING_UP, message)
            .retryable()
            .hint("call `wait_db` first")
    } else if *error.code() == SqlState::TOO_MANY_CONNECTIONS {
        let message = format!("the database at `{place}` had no free connection");
        let hint = "lower `max` of `each`, or raise `max_connections` of the server";
        Failure::new(&code::TOO_MANY_CONNECTIONS, message)
            .retryable()
            .hint(hint)
    } else {
        let message = format!("`{place}` did not let {name} into `{database}`");
        let denied = *error.code() == SqlState::INSUFFICIENT_PRIVILEGE;
        Failure::new(
            if denied {
                &code::PERMISSION
            } else {
                &code::SQL
            },
            message,
        )
    };
    failure
        .because(error.message())
        .with("sqlstate", error.code().code())
}
