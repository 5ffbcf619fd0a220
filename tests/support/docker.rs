//! Docker through its command line, and the promise that nothing of ours stays in it.
//!
//! One process of a checkout and purpose (test, demo) uses Docker at a time: names can then be the same in every run,
//! and what an earlier run left behind, killed or not, can be removed.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Mutex;

use super::keeper::{self, Keeper};
use super::{checkout, program};

/// Removes what is named `$1-…`, the images `$1/…` and what was made from them under another name. A network may be refused for a moment after its last container
/// went, and a `create` that was under way comes late: it looks again until nothing is there.
const REMOVE: &str = r#"remove() {
for again in 1 2 3 4 5 6 7 8 9; do
docker ps -aq --filter "name=^$1-" | xargs -r docker rm -fv;
docker ps -a --format "{{.Image}} {{.ID}}" | sed -n "s|^$1/[^ ]* ||p" | xargs -r docker rm -fv;
docker network ls -q --filter "name=^$1-" | xargs -r docker network rm;
docker volume ls -q --filter "name=^$1-" | xargs -r docker volume rm -f;
docker image ls --filter "reference=$1/*" --format "{{.Repository}}:{{.Tag}}" | xargs -r docker rmi -f;
left=$(docker ps -aq --filter "name=^$1-"; docker network ls -q --filter "name=^$1-"; docker volume ls -q --filter "name=^$1-");
test "$left" || return 0;
sleep 0.5;
done;
echo "left of $1: $left"; return 1;
}"#;

pub(crate) struct Docker {
    prefix: String,
    keeper: Keeper,
    imported: Mutex<BTreeMap<String, Vec<String>>>,
}

/// What a container is, as `docker inspect` says.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Container {
    pub(crate) name: String,
    pub(crate) image: String,
    /// `created`, `running`, `exited` …
    pub(crate) state: String,
}

impl Docker {
    /// Returns when no other process of this checkout uses Docker for `purpose`. The error says why Docker is not there.
    pub(crate) fn reach(purpose: &str) -> Result<Docker, String> {
        program::find("docker")?;
        command(&["version", "--format", "{{.Server.Version}}"])?;
        let prefix = format!("pb-{purpose}-{}", checkout::mark());
        // Twice: a `create` may be under way when its client is killed with us.
        let keeper = Keeper::new(&format!(
            "{{ remove {prefix}; remove {prefix}; }} 2>/dev/null"
        ));
        keeper.run(&REMOVE.replace('\n', " "))?;
        let lock = keeper::quote(checkout::cache().join(format!("{prefix}.lock")));
        keeper.run(&format!("exec 8>{lock}"))?;
        if keeper.run("flock -n 8").is_err() {
            super::need::say(&format!(
                "waiting for another {purpose} of this checkout to end"
            ));
            keeper.run("flock 8")?;
        }
        keeper.run(&format!("remove {prefix}"))?;
        Ok(Docker {
            prefix,
            keeper,
            imported: Mutex::default(),
        })
    }

    /// Begins the name of everything that goes with this value.
    pub(crate) fn prefix(&self) -> &str {
        &self.prefix
    }

    /// Returns `unix:///var/run/docker.sock` or where else the command line finds the engine.
    pub(crate) fn host(&self) -> String {
        self.run(&[
            "context",
            "inspect",
            "--format",
            "{{.Endpoints.docker.Host}}",
        ])
    }

    /// Returns the address of the host that containers on the default bridge see.
    pub(crate) fn gateway(&self) -> String {
        let format = "{{with index .IPAM.Config 0}}{{.Gateway}} {{.Subnet}}{{end}}";
        let config = self.run(&["network", "inspect", "bridge", "--format", format]);
        let (gateway, subnet) = config.split_once(' ').expect("two fields were asked for");
        match (gateway, subnet.rsplit_once('.')) {
            // Left out until the bridge has had a container; it is the first address then.
            ("", Some((network, _))) => format!("{network}.1"),
            _ => gateway.to_string(),
        }
    }

    /// Returns what `docker …` printed; panics with its error.
    #[track_caller]
    pub(crate) fn run(&self, arguments: &[&str]) -> String {
        match command(arguments) {
            Ok(printed) => printed,
            Err(error) => panic!("{error}"),
        }
    }

    /// Imports an image that holds one program, at its root. A name that this process imported before is not imported again.
    pub(super) fn import(&self, name: &str, program: &Path, changes: &[String]) {
        let mut imported = self
            .imported
            .lock()
            .expect("no import panics while it holds the set");
        if let Some(first) = imported.insert(name.to_string(), changes.to_vec()) {
            assert_eq!(first, changes, "{name} stands for one set of changes");
            return;
        }
        let folder = keeper::quote(program.parent().expect("a program is in a folder"));
        let file = keeper::quote(program.file_name().expect("a program has a name"));
        let options = changes
            .iter()
            .map(|change| format!("--change {} ", keeper::quote(change)));
        let options: String = options.collect();
        // By the keeper: an import that outlives its process leaves an untagged image when the next one imports too.
        let tar = format!("tar --create --owner=0 --group=0 --directory {folder} {file}");
        let done = self.keeper.run(&format!(
            "{tar} | docker import {options}- {}",
            keeper::quote(name)
        ));
        done.unwrap_or_else(|error| panic!("{error}"));
    }

    /// Removes every container, network, volume and image whose name begins with `prefix`.
    pub(super) fn remove(&self, prefix: &str) {
        match self.keeper.run(&format!("remove {prefix}")) {
            Err(error) if !std::thread::panicking() => panic!("{error}"),
            _ => {}
        }
    }

    /// Every container whose name begins with `prefix`, stopped ones too, by name.
    pub(crate) fn containers(&self, prefix: &str) -> Vec<Container> {
        let filter = format!("name=^{prefix}");
        let format = "{{.Names}} {{.Image}} {{.State}}";
        let rows = self.run(&[
            "ps",
            "-a",
            "--no-trunc",
            "--filter",
            &filter,
            "--format",
            format,
        ]);
        let mut containers: Vec<_> = rows
            .lines()
            .map(|row| {
                let mut fields = row.split(' ').map(str::to_string);
                let mut field = || fields.next().expect("three fields were asked for");
                Container {
                    name: field(),
                    image: field(),
                    state: field(),
                }
            })
            .collect();
        containers.sort_by(|one, other| one.name.cmp(&other.name));
        containers
    }

    /// Returns the value of a Go template on `docker inspect`, such as `{{.State.ExitCode}}`.
    pub(crate) fn inspect(&self, name: &str, template: &str) -> String {
        self.run(&["inspect", "--format", template, name])
    }

    /// Returns the label's text, empty when it is not there.
    pub(crate) fn label(&self, name: &str, label: &str) -> String {
        self.inspect(name, &format!("{{{{index .Config.Labels {label:?}}}}}"))
    }

    /// Returns the container's address on the default bridge.
    pub(crate) fn address(&self, name: &str) -> String {
        self.inspect(name, "{{.NetworkSettings.IPAddress}}")
    }
}

fn command(arguments: &[&str]) -> Result<String, String> {
    let output = program::bound("docker").args(arguments).output();
    let output = output.map_err(|error| format!("docker did not start: {error}"))?;
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim_end().to_string();
    match output.status.success() {
        true => Ok(text(&output.stdout)),
        false => Err(format!(
            "docker {}: {}",
            arguments.join(" "),
            text(&output.stderr)
        )),
    }
}
