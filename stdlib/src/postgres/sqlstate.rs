//! What an SQLSTATE means to a run: its kind, whether to try again, what helps. Reads no messages:
//! the server translates them.

use serde::{Deserialize, Serialize};

use super::ident::Ident;

/// The kind of a database error. Its name is what a playbook reads as `err.kind`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SqlKind {
    LockTimeout,
    Deadlock,
    SerializationFailure,
    /// 57014, which a cancel request answers too: who sent one says [`Cancelled`](Self::Cancelled).
    StatementTimeout,
    /// Never read off an SQLSTATE, see [`StatementTimeout`](Self::StatementTimeout).
    Cancelled,
    /// The statement may have been done: look before it is sent again.
    ConnectionLost,
    StartingUp,
    TooManyConnections,
    /// 53200, of which memory for locks is the usual cause.
    OutOfLocks,
    Permission,
    /// What follows any error in a transaction: the error before it is the one to tell.
    TransactionAborted,
    NeedsNoTransaction,
    EnumInTransaction,
    AlreadyExists,
    RelationMissing,
    SchemaMissing,
    Duplicate,
    Auth,
    NoDatabase,
    Syntax,
    /// Any other: the SQLSTATE and the server's message say more than a kind would.
    Other,
}

/// What to do about an error before a person is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Retry {
    Never,
    /// The transaction was rolled back and may be run again.
    Again,
    /// Nothing was run; it may be later.
    Later,
    /// Nothing was run; it may be over fewer connections.
    FewerConnections,
    /// The end of what was sent is unknown: look first, then decide.
    AfterLooking,
}

impl Retry {
    /// True when the same may be sent again as it is.
    pub fn is_retryable(self) -> bool {
        match self {
            Self::Again | Self::Later | Self::FewerConnections => true,
            Self::Never | Self::AfterLooking => false,
        }
    }
}

/// Returns the kind of an SQLSTATE. Source: appendix A, "PostgreSQL Error Codes", versions 12 to 18.
pub fn classify(sqlstate: &str) -> SqlKind {
    match sqlstate {
        "55P03" => SqlKind::LockTimeout,
        "40P01" => SqlKind::Deadlock,
        "40001" => SqlKind::SerializationFailure,
        "57014" => SqlKind::StatementTimeout,
        // Shutdown, crash of another session; the idle and the transaction timeout end a session.
        "57P01" | "57P02" | "57P05" | "25P03" | "25P04" => SqlKind::ConnectionLost,
        "57P03" => SqlKind::StartingUp,
        "53300" => SqlKind::TooManyConnections,
        "53200" => SqlKind::OutOfLocks,
        "42501" => SqlKind::Permission,
        "25P02" => SqlKind::TransactionAborted,
        "25001" | "2D000" => SqlKind::NeedsNoTransaction,
        "55P04" => SqlKind::EnumInTransaction,
        // Relation, column, other object; database, schema, function.
        "42P07" | "42701" | "42710" | "42P04" | "42P06" | "42723" => SqlKind::AlreadyExists,
        "42P01" => SqlKind::RelationMissing,
        "3F000" => SqlKind::SchemaMissing,
        "23505" => SqlKind::Duplicate,
        "28P01" | "28000" => SqlKind::Auth,
        // 57P04: dropped under the session.
        "3D000" | "57P04" => SqlKind::NoDatabase,
        "42601" => SqlKind::Syntax,
        _ if sqlstate.starts_with("08") => SqlKind::ConnectionLost,
        _ => SqlKind::Other,
    }
}

impl SqlKind {
    pub fn name(self) -> &'static str {
        self.row().0
    }

    pub fn retry(self) -> Retry {
        self.row().1
    }

    /// What helps, as far as the kind alone can tell.
    pub fn hint(self) -> Option<&'static str> {
        self.row().2
    }

    fn row(self) -> (&'static str, Retry, Option<&'static str>) {
        match self {
            Self::LockTimeout => ("lock_timeout", Retry::Again, None),
            Self::Deadlock => ("deadlock", Retry::Again, None),
            Self::SerializationFailure => ("serialization_failure", Retry::Again, None),
            Self::StatementTimeout => ("statement_timeout", Retry::Never, None),
            Self::Cancelled => ("cancelled", Retry::Never, None),
            Self::ConnectionLost => ("connection_lost", Retry::AfterLooking, None),
            Self::StartingUp => ("starting_up", Retry::Later, None),
            Self::TooManyConnections => (
                "too_many_connections",
                Retry::FewerConnections,
                Some("lower `jobs`, or raise `max_connections` of the server"),
            ),
            Self::OutOfLocks => (
                "out_of_locks",
                Retry::Never,
                Some("raise `max_locks_per_transaction` of the server, which needs a restart"),
            ),
            Self::Permission => (
                "permission",
                Retry::Never,
                Some("connect as the owner of the object, or `SET ROLE` to it first"),
            ),
            Self::TransactionAborted => ("transaction_aborted", Retry::Never, None),
            Self::NeedsNoTransaction => (
                "needs_no_transaction",
                Retry::Never,
                Some("add `-- pb: no-transaction` as the first line of the file"),
            ),
            Self::EnumInTransaction => (
                "enum_in_transaction",
                Retry::Never,
                Some("move `ALTER TYPE … ADD VALUE` to a file of its own, before its first use"),
            ),
            Self::AlreadyExists => ("already_exists", Retry::Never, None),
            Self::RelationMissing => (
                "relation_missing",
                Retry::Never,
                Some(
                    "apply the pending migrations, or write the name with its schema: it was not \
                      found on `search_path`",
                ),
            ),
            Self::SchemaMissing => ("schema_missing", Retry::Never, None),
            Self::Duplicate => (
                "duplicate",
                Retry::Never,
                Some("get the row first and create it only when it is missing"),
            ),
            Self::Auth => ("auth", Retry::Never, None),
            Self::NoDatabase => ("no_database", Retry::Never, None),
            Self::Syntax => ("syntax", Retry::Never, None),
            Self::Other => ("other", Retry::Never, None),
        }
    }
}

/// Returns what helps against a refused change, once the catalogue has named the object's owner.
pub fn permission_hint(owner: &Ident) -> String {
    format!(
        "connect as `{owner}`, or run `SET ROLE {}` first",
        owner.quoted()
    )
}

/// Returns what helps against a refused login: a role that nobody chose is the usual cause.
pub fn auth_hint(role: &str, os_user: Option<&str>) -> Option<&'static str> {
    (role == "root" || os_user == Some(role)).then_some(
        "name the role in the address, `postgres://role@host/database`: without one the user of the \
         operating system is taken",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(sqlstates: &[&str], name: &str, retry: Retry, hint: Option<&str>) {
        for sqlstate in sqlstates {
            let kind = classify(sqlstate);
            assert_eq!(
                (kind.name(), kind.retry(), kind.hint()),
                (name, retry, hint),
                "{sqlstate}"
            );
            // The journal spells a kind as the playbook does.
            assert_eq!(
                serde_json::to_value(kind).ok(),
                Some(name.into()),
                "{sqlstate}"
            );
        }
    }

    #[test]
    fn each_sqlstate_has_its_kind() {
        check(&["55P03"], "lock_timeout", Retry::Again, None);
        check(&["40P01"], "deadlock", Retry::Again, None);
        check(&["40001"], "serialization_failure", Retry::Again, None);
        check(&["57014"], "statement_timeout", Retry::Never, None);
        let lost = [
            "08000", "08003", "08006", "08P01", "57P01", "57P02", "57P05", "25P03", "25P04",
        ];
        check(&lost, "connection_lost", Retry::AfterLooking, None);
        check(&["57P03"], "starting_up", Retry::Later, None);
        check(
            &["53300"],
            "too_many_connections",
            Retry::FewerConnections,
            Some("lower `jobs`, or raise `max_connections` of the server"),
        );
        check(
            &["53200"],
            "out_of_locks",
            Retry::Never,
            Some("raise `max_locks_per_transaction` of the server, which needs a restart"),
        );
        check(
            &["42501"],
            "permission",
            Retry::Never,
            Some("connect as the owner of the object, or `SET ROLE` to it first"),
        );
        check(&["25P02"], "transaction_aborted", Retry::Never, None);
        check(
            &["25001", "2D000"],
            "needs_no_transaction",
            Retry::Never,
            Some("add `-- pb: no-transaction` as the first line of the file"),
        );
        check(
            &["55P04"],
            "enum_in_transaction",
            Retry::Never,
            Some("move `ALTER TYPE … ADD VALUE` to a file of its own, before its first use"),
        );
        let exists = ["42P07", "42701", "42710", "42P04", "42P06", "42723"];
        check(&exists, "already_exists", Retry::Never, None);
        check(
            &["42P01"],
            "relation_missing",
            Retry::Never,
            Some(
                "apply the pending migrations, or write the name with its schema: it was not found on `search_path`",
            ),
        );
        check(&["3F000"], "schema_missing", Retry::Never, None);
        check(
            &["23505"],
            "duplicate",
            Retry::Never,
            Some("get the row first and create it only when it is missing"),
        );
        check(&["28P01", "28000"], "auth", Retry::Never, None);
        check(&["3D000", "57P04"], "no_database", Retry::Never, None);
        check(&["42601"], "syntax", Retry::Never, None);
        check(
            &["", "0", "22P02", "XX000", "57000", "408", "4P01"],
            "other",
            Retry::Never,
            None,
        );
    }

    #[test]
    fn a_kind_survives_the_journal() {
        let kinds = ["55P03", "57P01", "23505", "XX000"].map(classify);
        let json =
            serde_json::to_string(&[kinds[0], kinds[1], kinds[2], kinds[3], SqlKind::Cancelled]);
        let json = json.expect("a kind is JSON");
        assert_eq!(
            json,
            r#"["lock_timeout","connection_lost","duplicate","other","cancelled"]"#
        );
        assert_eq!(SqlKind::Cancelled.name(), "cancelled");
        let again: Vec<SqlKind> = serde_json::from_str(&json).expect("a kind was JSON");
        assert_eq!(again[..4], kinds);
    }

    #[test]
    fn what_may_be_sent_again_is_what_did_nothing() {
        let found = [
            Retry::Never,
            Retry::Again,
            Retry::Later,
            Retry::FewerConnections,
            Retry::AfterLooking,
        ]
        .map(Retry::is_retryable);
        assert_eq!(found, [false, true, true, true, false]);
    }

    #[test]
    fn hints_name_the_role() {
        let owner = Ident::try_from("Shop \"x\"".to_owned()).expect("the test writes a name");
        assert_eq!(
            permission_hint(&owner),
            "connect as `Shop \"x\"`, or run `SET ROLE \"Shop \"\"x\"\"\"` first"
        );
        let hint = Some(
            "name the role in the address, `postgres://role@host/database`: without one the user of the \
             operating system is taken",
        );
        assert_eq!(auth_hint("root", None), hint);
        assert_eq!(auth_hint("dana", Some("dana")), hint);
        assert_eq!(auth_hint("shop", Some("dana")), None);
        assert_eq!(auth_hint("shop", None), None);
    }
}
