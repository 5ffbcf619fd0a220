//! `wait_db`: looks until a database takes connections.

use super::database::{Database, place, subject};
use super::driver::Postgres;
use super::refusal::Sent;
use super::session::Session;
use super::trouble::Trouble;
use pb_core::wait::Pace;
use pb_core::{
    Class, Decision, Effect, HandleOf, NoAction, Permit, Primitive, Readers, Result, Span, Subject,
    Undo, World, code,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Looks until a database takes connections.
pub(crate) struct WaitDb;

/// The arguments of `wait_db`.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Args {
    /// The database.
    #[schemars(transform = pb_core::spec::position::<0>)]
    db: HandleOf<Database>,
    /// What it must be: `accepting` answers a query, `writable` is no replica and takes writes,
    /// `replica_caught_up` is a replica that has replayed all it received.
    #[serde(default)]
    state: State,
    /// Also wait while the host's name is unknown, as that of a container that is not there yet.
    #[serde(default)]
    dns: bool,
    /// How long to look in all: `60s`.
    deadline: Option<Span>,
    /// How often to look, as another way to say the deadline.
    attempts: Option<u32>,
    /// Time between two looks, once it has slowed down.
    #[serde(default = "one_second")]
    interval: Span,
    /// How long one look may take.
    #[serde(default = "five_seconds")]
    request_timeout: Span,
    /// Good looks in a row that are asked for.
    #[serde(default = "once")]
    successes: u32,
}

/// What the database must be.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum State {
    /// Answers a query.
    #[default]
    Accepting,
    /// Takes writes.
    Writable,
    /// Is a replica that has replayed all it received.
    ReplicaCaughtUp,
}

fn one_second() -> Span {
    Span::seconds(1)
}

fn five_seconds() -> Span {
    Span::seconds(5)
}

fn once() -> u32 {
    1
}

/// What one look saw.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) enum Facts {
    /// It answered.
    Up(Server),
    /// It did not, and may later.
    Down {
        /// Why.
        why: String,
    },
}

/// What a server says of itself.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Server {
    version: String,
    in_recovery: bool,
    read_only: bool,
    /// Bytes that were received and not replayed yet; `None` where nothing is received.
    behind: Option<i64>,
}

/// What the script gets.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct Out {
    /// Such as `15.18`.
    version: String,
    /// `primary` or `replica`.
    role: String,
}

impl Primitive for WaitDb {
    type Args = Args;
    type Facts = Facts;
    type Action = NoAction;
    type Out = Out;

    const NAME: &'static str = "wait_db";
    const CLASS: Class = Class::Gate;
    const DOC: &'static str = "\
Waits until a database takes connections.

It logs in and sends a query to the named database: servers that are starting, shutting down, out of connections or not
there at all are waited for. A refused user or password, a connection that cannot be encrypted and a missing database
end the wait at once, because time does not help.

# Shape
`#{ version, role, attempts, took }`: such as `15.18`, and `primary` or `replica`.

# Errors
PB0043 when the deadline has passed, with the last reasons and how often each was seen; PB0301 user or password refused;
PB0302 no such database; PB0303 no encrypted connection.

# Effect
Reads.

# Source
PostgreSQL manual, 55.2.1 Start-up, and appendix A for the SQLSTATEs 57P03 and 53300.";
    const EXAMPLE: &'static str = r#"wait_db(target.database, #{ deadline: "60s" });"#;

    async fn observe(&self, read: &Readers, args: &Args) -> Result<Facts> {
        let reader = read.of::<Postgres>();
        let looked = match reader.knock(read, &args.db.0, args.request_timeout.0).await {
            Ok(session) => {
                let seen = look(&session).await;
                reader.give_back(&args.db.0, session);
                seen
            }
            Err(trouble) => Err(trouble),
        };
        match looked {
            Ok(server) => Ok(Facts::Up(server)),
            Err(Trouble::Lost { why }) => Ok(Facts::Down { why }),
            Err(Trouble::NoSession(obstacle)) => match obstacle.may_pass(args.dns) {
                Some(why) => Ok(Facts::Down { why }),
                None => Err(obstacle.into_failure()),
            },
            Err(trouble) => Err(trouble.into_failure(&Sent::ours(LOOK))),
        }
    }

    fn decide(&self, args: &Args, facts: &Facts) -> Result<Decision<NoAction>> {
        let wait = |why: &str| Ok(Decision::Wait(why.into()));
        let server = match facts {
            Facts::Down { why } => return wait(why),
            Facts::Up(server) => server,
        };
        match (args.state, server) {
            (State::Accepting, _) => Ok(Decision::Nothing),
            (
                State::Writable,
                Server {
                    in_recovery: true, ..
                },
            ) => wait("it is a replica"),
            (
                State::Writable,
                Server {
                    read_only: true, ..
                },
            ) => wait("`default_transaction_read_only` is on"),
            (State::Writable, _) => Ok(Decision::Nothing),
            (
                State::ReplicaCaughtUp,
                Server {
                    in_recovery: false, ..
                },
            ) => wait("it is no replica"),
            (State::ReplicaCaughtUp, Server { behind: None, .. }) => {
                wait("the replica receives nothing")
            }
            (
                State::ReplicaCaughtUp,
                Server {
                    behind: Some(0), ..
                },
            ) => Ok(Decision::Nothing),
            (
                State::ReplicaCaughtUp,
                Server {
                    behind: Some(n), ..
                },
            ) => wait(&format!("the replica is {n} bytes behind")),
        }
    }

    fn effect(&self, _: &Args, action: &NoAction) -> Effect {
        match *action {}
    }

    async fn act(&self, _: &World, _: &Permit, _: &Args, action: &NoAction) -> Result<Value> {
        match *action {}
    }

    fn result(&self, _: &Args, _: &Facts, after: &Facts, _: &[Value]) -> Result<Out> {
        Ok(match after {
            Facts::Up(server) => Out {
                version: server.version.clone(),
                role: role(server).into(),
            },
            Facts::Down { .. } => Out {
                version: String::new(),
                role: String::new(),
            },
        })
    }

    fn undo(&self, _: &Args, _: &Facts) -> Undo {
        Undo::none("it only looked")
    }

    fn subjects(&self, args: &Args) -> Vec<Subject> {
        vec![subject(&args.db)]
    }

    fn summary(&self, _: &Args, out: &Value) -> String {
        let text = |name: &str| out[name].as_str().unwrap_or_default().to_owned();
        format!("PostgreSQL {}, {}", text("version"), text("role"))
    }

    fn state(&self, args: &Args, facts: &Facts) -> Option<String> {
        match facts {
            Facts::Up(_) => Some(format!("{} takes connections", place(&args.db))),
            Facts::Down { .. } => None,
        }
    }

    fn pace(&self, args: &Args) -> Option<Pace> {
        let usual = Span::seconds(60);
        let Args {
            deadline,
            attempts,
            interval,
            successes,
            ..
        } = *args;
        Some(Pace::new(
            &code::UNREACHABLE,
            deadline,
            attempts,
            interval,
            successes,
            usual,
        ))
    }
}

fn role(server: &Server) -> &'static str {
    if server.in_recovery {
        "replica"
    } else {
        "primary"
    }
}

/// A replica that asks for nothing more and replayed all it has is caught up, as far as it can tell itself.
const LOOK: &str = "\
    SELECT split_part(current_setting('server_version'), ' ', 1), pg_is_in_recovery(), \
           current_setting('transaction_read_only') = 'on', \
           CASE WHEN pg_is_in_recovery() AND EXISTS (SELECT FROM pg_stat_wal_receiver) \
                THEN pg_wal_lsn_diff(pg_last_wal_receive_lsn(), pg_last_wal_replay_lsn())::int8 END";

async fn look(session: &Session) -> std::result::Result<Server, Trouble> {
    let rows = session.rows(LOOK, &[]).await?;
    let row = rows.first().ok_or_else(|| Trouble::Lost {
        why: "it answered nothing".into(),
    })?;
    Ok(Server {
        version: row.get(0),
        in_recovery: row.get(1),
        read_only: row.get(2),
        behind: row.get(3),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use pb_core::Handle;
    use serde_json::json;

    fn args(state: State) -> Args {
        let db = Handle {
            driver: "postgres".into(),
            name: "database".into(),
            config: serde_json::Map::new(),
            transaction: None,
        };
        let args = json!({ "db": db.to_value(), "state": state });
        serde_json::from_value(args).expect("the options have defaults")
    }

    fn server(in_recovery: bool, read_only: bool, behind: Option<i64>) -> Facts {
        let version = "15.18".into();
        Facts::Up(Server {
            version,
            in_recovery,
            read_only,
            behind,
        })
    }

    #[test]
    fn each_state_waits_for_its_own() {
        #[track_caller]
        fn check(state: State, facts: Facts, expect: Option<&str>) {
            let expect = match expect {
                None => Decision::Nothing,
                Some(why) => Decision::Wait(why.into()),
            };
            let decided = WaitDb.decide(&args(state), &facts).expect("it never fails");
            assert_eq!(decided, expect, "{state:?} {facts:?}");
        }
        use State::{Accepting, ReplicaCaughtUp, Writable};
        let down = Facts::Down {
            why: "db:5432: connection refused".into(),
        };
        check(Accepting, down, Some("db:5432: connection refused"));
        check(Accepting, server(true, true, None), None);
        check(Writable, server(false, false, None), None);
        check(
            Writable,
            server(true, true, Some(0)),
            Some("it is a replica"),
        );
        let read_only = Some("`default_transaction_read_only` is on");
        check(Writable, server(false, true, None), read_only);
        check(ReplicaCaughtUp, server(true, true, Some(0)), None);
        let behind = Some("the replica is 7 bytes behind");
        check(ReplicaCaughtUp, server(true, true, Some(7)), behind);
        let nothing = Some("the replica receives nothing");
        check(ReplicaCaughtUp, server(true, true, None), nothing);
        check(
            ReplicaCaughtUp,
            server(false, false, None),
            Some("it is no replica"),
        );
    }

    #[test]
    fn a_minute_is_waited_unless_asked_otherwise() {
        let pace = WaitDb.pace(&args(State::Accepting)).expect("it is a gate");
        assert_eq!(
            (pace.deadline, pace.interval),
            (Span::seconds(60), Span::seconds(1))
        );
    }
}
