//! The error codes of pb: declared once, shown by the error, the book and the exit code.

/// One kind of error: what scripts compare (`err.kind`) and what the book explains.
#[derive(Debug, PartialEq, Eq)]
pub struct Code {
    /// `PB` and four digits; never given to another meaning.
    pub id: &'static str,
    /// The word that scripts compare.
    pub kind: &'static str,
    /// What it means, for the book.
    pub meaning: &'static str,
}

macro_rules! codes {
    ($($name:ident $id:literal $kind:literal $meaning:literal;)*) => {
        $(#[doc = $meaning] pub const $name: Code = Code { id: $id, kind: $kind, meaning: $meaning };)*
        /// Every code, in order of its number.
        pub const ALL: &[&Code] = &[$(&$name),*];
    };
}

codes! {
    THROWN "PB0001" "thrown" "The playbook threw this itself.";
    SCRIPT "PB0002" "script" "The script asked for something that Rhai cannot do: a missing function, a wrong type, a limit.";
    ENSURE "PB0003" "ensure" "A condition given to `ensure` was false.";
    TIMEOUT "PB0004" "timeout" "A call did not finish within its `timeout`.";
    DECLINED "PB0005" "declined" "A question was answered with no, or nobody could answer it.";
    NOT_CONVERGED "PB0006" "not_converged" "After acting, the world does not look as the step wanted it.";
    JOURNAL "PB0007" "journal" "The journal could not be written, so nothing new was started.";
    LAST_LOOK "PB0008" "last_look" "After `rolling`, a member no longer was as its branch had left it.";
    TOO_MANY_FAILURES "PB0009" "too_many_failures" "More members of a fan-out failed than `max_failures` allows.";
    NOT_ALLOWED_HERE "PB0010" "not_allowed_here" "The call has no place here, such as a container swap within a database transaction.";
    SECRET "PB0011" "secret" "A secret could not be fetched, or stands where only plain text may.";
    FILE "PB0012" "file" "A file that the step needs could not be read.";
    WAIT "PB0013" "wait" "A condition did not become true before its deadline.";
    DOUBT "PB0014" "doubt" "The run died while an action was under way, and nobody but a person can tell whether it took effect.";
    DIVERGED "PB0016" "diverged" "The script went another way than the run that is taken up; nothing was done.";
    OTHER_SERVER "PB0017" "other_server" "A server is not the one that the run had worked on before.";
    UNFINISHED "PB0018" "unfinished" "A run on the same environment has neither ended nor been undone.";
    LOCKED "PB0019" "locked" "Another run works on the same environment.";
    DAMAGED "PB0020" "damaged" "The journal of the run does not fit together; it can be read, not gone on with.";
    ROLLED_BACK "PB0021" "rolled_back" "A person asked for the run to be undone.";
    LEASE_LOST "PB0022" "lease_lost" "Another run has taken the server that this one had worked on.";
    UNHEALTHY "PB0042" "unhealthy" "A service did not become healthy before its deadline.";
    UNREACHABLE "PB0043" "unreachable" "A server could not be reached.";
    HTTP_STATUS "PB0044" "http_status" "A server answered with another status than the one asked for.";
    HTTP_EXPECT "PB0045" "http_expect" "A server answered, but the answer does not hold what `expect` asks for.";
    FORBIDDEN_ADDRESS "PB0046" "forbidden_address" "An address is link-local or a cloud's metadata service, which pb never asks.";
    USAGE "PB0101" "usage" "The command line was not understood.";
    MANIFEST "PB0102" "manifest" "`pb.toml` says something that pb does not understand.";
    UNKNOWN_FUNCTION "PB0201" "unknown_function" "The script calls a function that does not exist.";
    ARITY "PB0202" "arity" "A call has too many or too few arguments.";
    NO_DATABASE "PB0203" "no_handle" "A call needs a handle that the environment does not have.";
    MISSING_ENV "PB0204" "missing_env" "Environment variables that the playbook requires are not set.";
    SYNTAX "PB0206" "syntax" "The script, or a module it imports, could not be parsed.";
    UNKNOWN_OPTION "PB0207" "unknown_option" "A call has an option that does not exist, or lacks one that it needs.";
    WRONG_TYPE "PB0208" "wrong_type" "An argument has the wrong type or a value outside its choices.";
    UNKNOWN_PROPERTY "PB0209" "unknown_property" "A property was asked for that the value does not have.";
    BAD_NAME "PB0210" "bad_name" "A name would not be safe as an identifier.";
    PARAMETER "PB0211" "parameter" "A parameter of the playbook is missing or has a wrong value.";
    DUPLICATE_KEY "PB0212" "duplicate_key" "Two steps of one scope have the same `id`, or two items of a list the same name.";
    DESTRUCTIVE "PB0213" "destructive" "Something would destroy data where `allow_destructive` does not reach.";
    NO_UNDO "PB0214" "no_undo" "A step that cannot be undone stands where no point of no return was passed.";
    OPAQUE "PB0215" "opaque" "A step that nobody can tell about after a crash: pb would ask a person.";
    UNKNOWN_VARIABLE "PB0216" "unknown_variable" "The script uses a variable that does not exist there.";
    UNREACHABLE_CODE "PB0217" "unreachable_code" "Nothing ever comes to these statements.";
    UNUSED "PB0218" "unused" "A result that matters is thrown away.";
    CAPTURED_WRITE "PB0219" "captured_write" "A branch or a transaction writes a variable that it shares with others.";
    IMPORT "PB0220" "import" "A module cannot be imported, or has no such function.";
    SURPRISE "PB0221" "surprise" "Rhai takes this in another way than it looks.";
    NO_TARGET "PB0222" "no_target" "The playbook takes something from `target` that the environment does not have.";
    LITERAL_SECRET "PB0223" "literal_secret" "A password or a token stands in the playbook as it is.";
    NO_TAG "PB0224" "no_tag" "An image has neither tag nor digest, so what runs depends on the day.";
    UNDO_NONE "PB0225" "undo_none" "The author says that a step is not undone.";
    PLAN_MOVED "PB0230" "plan_moved" "What a saved plan has read is not so any more.";
    NOT_PLANNED "PB0231" "not_planned" "A step would do something else than its plan says.";
    NOT_APPROVED "PB0232" "not_approved" "The environment is protected, and nobody has approved the run.";
    ONLY_THE_RUN "PB0233" "only_the_run" "A plan cannot go on: what follows is unknown until run.";
    AUTH "PB0301" "auth" "The database refused the user or the password.";
    NO_SUCH_DATABASE "PB0302" "no_database" "The database does not exist on that server.";
    TLS "PB0303" "tls" "The encrypted connection could not be made.";
    SQL "PB0304" "sql" "PostgreSQL refused a statement.";
    LOCK_TIMEOUT "PB0305" "lock_timeout" "A lock was not free in time; the error names who holds it.";
    DEADLOCK "PB0306" "deadlock" "PostgreSQL ended a statement to resolve a deadlock.";
    SERIALIZATION "PB0307" "serialization" "A transaction has to be run again because of concurrent ones.";
    STATEMENT_TIMEOUT "PB0308" "statement_timeout" "A statement ran longer than `statement_timeout`, or was cancelled.";
    CONNECTION_LOST "PB0309" "connection_lost" "The connection to the database broke.";
    STARTING_UP "PB0310" "starting_up" "The database is starting up or shutting down.";
    TOO_MANY_CONNECTIONS "PB0311" "too_many_connections" "The database has no free connection.";
    OUT_OF_LOCKS "PB0312" "out_of_locks" "The database's lock table is full.";
    PERMISSION "PB0313" "permission" "The role may not do that.";
    ALREADY_EXISTS "PB0314" "already_exists" "Something of that name is there already.";
    MISSING_RELATION "PB0315" "missing_relation" "A table or another relation does not exist.";
    DUPLICATE "PB0316" "duplicate" "A row would break a unique constraint.";
    SQL_SYNTAX "PB0317" "sql_syntax" "PostgreSQL could not parse a statement.";
    NO_SUCH_ROLE "PB0318" "no_role" "The role does not exist on that server.";
    MIGRATION_FILES "PB0330" "migration_files" "The migration files contradict each other or pb's rules.";
    CHECKSUM "PB0331" "checksum" "A migration was changed after it had been applied.";
    NO_WAY_BACK "PB0332" "no_way_back" "A migration has no down file.";
    MIGRATION_LOCKED "PB0333" "migration_locked" "Another session migrates the same schema.";
    TENANT "PB0334" "tenant" "A tenant is half there in a way that pb may not repair.";
    TRANSACTION_LOST "PB0335" "transaction_lost" "It is unknown whether a transaction was committed.";
    POOLER "PB0336" "pooler" "The database is reached through a pooler that gives every transaction another session.";
    MIGRATION_LINT "PB0337" "migration_lint" "A statement of a migration is unsafe while the application runs; the rule is named.";
    DOCKER "PB0401" "docker" "Docker refused a request.";
    NO_SUCH_IMAGE "PB0402" "no_image" "The image is neither on the engine nor could it be pulled.";
    CONTAINER_EXITED "PB0403" "container_exited" "A container ended instead of becoming healthy.";
    PORT_TAKEN "PB0404" "port_taken" "A published port is in use by something else.";
    NAME_TAKEN "PB0405" "name_taken" "A container of that name exists and is not one that pb may replace.";
    NO_PORT "PB0406" "no_port" "The port that the container serves could not be told.";
    EXIT_CODE "PB0407" "exit_code" "A command or a one-off container ended with another code than expected.";
    ROUTER "PB0410" "router" "The router refused a command or is not what `pb.toml` says.";
    NO_SLOT "PB0411" "no_slot" "The router has no free slot for another server.";
    COMMAND "PB0501" "command" "A command could not be started.";
    NOTIFY "PB0502" "notify" "A message could not be delivered.";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_rise_and_kinds_are_unique() {
        assert!(
            ALL.is_sorted_by(|a, b| a.id < b.id),
            "codes are listed by number, each once"
        );
        let mut kinds: Vec<_> = ALL.iter().map(|c| c.kind).collect();
        kinds.sort_unstable();
        kinds.dedup();
        assert_eq!(kinds.len(), ALL.len(), "two codes share a kind");
    }
}
