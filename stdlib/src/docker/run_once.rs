//! `run_once`: a container for one job, waited for and removed.

use super::container::Status;
use super::driver::DockerDriver;
use super::env_file;
use super::image_name::untagged;
use super::job::{self, Ended};
use super::network;
use super::pull::find_image;
use super::run_once_action::{Action, Facts};
use super::run_once_args::Args;
use crate::host::{TakeBack, against, line};
use crate::known::Known;
use crate::opaque;
use crate::outside_text::{last_lines, one_line};
use pb_core::finding::{Complaint, Standing};
use pb_core::run::UndoWish;
use pb_core::{
    Class, Decision, Effect, Failure, Permit, Primitive, Readers, Result, Subject, Survey, Undo,
    World, code,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};

/// Runs a job in a container of its own.
pub struct RunOnce;

/// How the job ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Out {
    /// Its exit code.
    pub code: i32,
    /// The end of what it wrote, at most 64 KiB.
    pub stdout: String,
    /// The end of what it complained about, at most 64 KiB.
    pub stderr: String,
}

impl Primitive for RunOnce {
    type Args = Args;
    type Facts = Facts;
    type Action = Action;
    type Out = Out;

    const NAME: &'static str = "run_once";
    const CLASS: Class = Class::Every;
    const DOC: &'static str = "\
Runs a job in a container of its own, waits until it has ended, and removes the container.

`argv` takes the place of the image's command and follows its entrypoint. The container's name is made of the run and the step: a
job whose run was interrupted is found again and waited for, not run twice. When the call is given up (`timeout`, a second
Ctrl-C) the container is killed and removed.

Shape: `#{ changed, code, stdout, stderr, took }`. Secrets are taken out of the output.

Errors: `PB0407` for another exit code, with the last lines and `data.code`, `data.stdout`, `data.stderr`; `PB0402` for an image
that is not there, `PB0401` for whatever else Docker refuses, `PB0043` when it cannot be reached, `PB0012` for the `env_file`,
`PB0208` for an empty list, `PB0213` and `PB0214` for a command that destroys data, as in `command`. The text of that file is kept in the journal: write secrets in it as references.

Effect: opaque; undone by the job that `undo` names, else it cannot be undone.

Source: Docker Engine API 1.41.";
    const EXAMPLE: &'static str = "\
run_once(\"shop:2.0\", [\"manage.py\", \"migrate\"], #{ env: #{ DATABASE_URL: target.database.url } });";

    async fn observe(&self, read: &Readers, args: &Args) -> Result<Facts> {
        let engine = &args.docker.0;
        let begun = read.begun_with::<Facts>()?.map(|facts| facts.env_file);
        let env_file = env_file::kept(read, args.env_file.as_deref(), begun).await?;
        let text = env_file.as_ref().map(|file| read.kept_file(file));
        let lines = args.lines(text.transpose()?.as_deref())?;
        let recipes = args.recipes(&lines);
        recipes.check()?;
        let name = name(read.run(), read.key());
        let docker = read.of::<DockerDriver>();
        let (image, stale) = find_image(read, engine, &args.image, args.pull).await?;
        Ok(Facts {
            container: docker.container(engine, read.vault(), &name).await?,
            pull: image.is_none() || stale,
            network_there: network::is_there(read, engine, &recipes.network()).await?,
            env_file,
            name,
        })
    }

    fn decide(&self, args: &Args, facts: &Facts) -> Result<Decision<Action>> {
        for (name, list) in [("argv", Some(&args.argv)), ("undo", args.way_back())] {
            if list.is_some_and(Vec::is_empty) {
                let message = format!("`{name}` of `run_once` is empty: it needs a command");
                return Err(Failure::new(&code::WRONG_TYPE, message));
            }
        }
        if !facts.network_there {
            return Err(network::missing(
                args.network.as_deref().unwrap_or_default(),
            ));
        }
        let name = || facts.name.clone();
        let mut actions = vec![];
        if facts.container.is_none() {
            actions.extend(facts.pull.then(|| Action::Pull {
                image: args.image.to_string(),
            }));
            actions.push(Action::Create {
                name: name(),
                line: one_line(&line(&args.argv), 80),
                env_file: facts.env_file.clone(),
            });
        }
        let status = facts.container.as_ref().map(|container| container.status);
        if matches!(status, None | Some(Status::Created)) {
            actions.push(Action::Start { name: name() });
        }
        actions.push(Action::Wait { name: name() });
        actions.push(Action::Remove { name: name() });
        Ok(Decision::in_order(actions))
    }

    /// Every action finds out by itself that it was done: the container tells.
    fn effect(&self, _: &Args, action: &Action) -> Effect {
        match action {
            Action::Wait { .. } => Effect::Gate,
            Action::Pull { .. }
            | Action::Create { .. }
            | Action::Start { .. }
            | Action::Remove { .. } => Effect::Ensure,
        }
    }

    async fn act(
        &self,
        world: &World,
        permit: &Permit,
        args: &Args,
        action: &Action,
    ) -> Result<Value> {
        let (engine, read) = (&args.docker.0, world.read());
        let writer = world.of::<DockerDriver>(permit);
        match action {
            Action::Pull { image } => {
                let say = |here, all| read.progress_of(format!("pulling `{image}`"), here, all);
                writer.pull(engine, image, say).await?;
            }
            Action::Create { name, env_file, .. } => {
                let text = env_file
                    .as_ref()
                    .map(|file| read.kept_file(file))
                    .transpose()?;
                let lines = args.lines(text.as_deref())?;
                let body = args.recipes(&lines).body(read, &[])?;
                match writer.create(engine, name, body).await {
                    // The name is that of this very job: a process that was killed had asked for it.
                    Err(failure) if failure.is(&code::NAME_TAKEN) => {}
                    created => created?,
                }
            }
            Action::Start { name } => {
                let docker = read.of::<DockerDriver>();
                let container = docker.container(engine, read.vault(), name).await?;
                // One that a killed process had started may have ended: started again, it would do its work again.
                if container.is_none_or(|container| container.status == Status::Created) {
                    job::start(writer, engine, name).await?;
                }
            }
            Action::Wait { name } => {
                let ended = job::wait(read, writer, engine, name).await?;
                return Ok(serde_json::to_value(ended).unwrap_or_default());
            }
            // How the job ended is known and told; what is left of it is labelled with the run.
            Action::Remove { name } => {
                if let Err(failure) = writer.remove(engine, name).await {
                    read.progress(format!("`{name}` is left: {failure}"));
                }
            }
        }
        Ok(Value::Null)
    }

    fn result(&self, args: &Args, _: &Facts, _: &Facts, outcomes: &[Value]) -> Result<Out> {
        let ended = outcomes
            .iter()
            .rev()
            .find_map(|value| Ended::deserialize(value).ok());
        let ended = ended
            .ok_or_else(|| Failure::new(&code::JOURNAL, "how the job ended was not recorded"))?;
        match args.expect_code.contain(ended.code) {
            true => Ok(Out {
                code: ended.code,
                stdout: ended.stdout,
                stderr: ended.stderr,
            }),
            false => Err(job::unexpected(args, &ended)),
        }
    }

    fn foresee(&self, args: &Args, _: &Facts, _: &[&Action]) -> Map<String, Value> {
        let code = args.expect_code.only();
        code.map(|code| ("code".into(), code.into()))
            .into_iter()
            .collect()
    }

    async fn survey(
        &self,
        _: &Readers,
        args: &Args,
        before: &Facts,
        _: &[&Action],
    ) -> Result<Survey> {
        let image = &args.image;
        let line = match (&before.container, before.pull) {
            (Some(container), _) => format!("goes on with the container `{}`", container.name),
            (None, true) => format!("image {image}, which is pulled"),
            (None, false) => format!("image {image}"),
        };
        let details = vec![line];
        Ok(Survey {
            details,
            obstacles: vec![],
        })
    }

    fn undo(&self, args: &Args, _: &Facts) -> Undo {
        match &args.undo {
            Some(TakeBack::By(argv)) => Undo::call::<Self>(&args.taking_back(argv)),
            Some(TakeBack::Wish(UndoWish::None)) => {
                Undo::none("the playbook says `undo: \"none\"`")
            }
            Some(TakeBack::Wish(UndoWish::Auto)) | None => {
                Undo::none("nothing was named that takes it back")
            }
        }
    }

    fn subjects(&self, args: &Args) -> Vec<Subject> {
        let argv = one_line(&line(&args.argv), 80);
        vec![Subject::vague("job", format!("{} {argv}", args.image))]
    }

    fn inspect(&self, known: &Map<String, Value>, stands: &Standing<'_>) -> Vec<Complaint> {
        let known = Known(known);
        let unclear = "pb cannot tell what `run_once` changed, nor take it back";
        let objection = against(Self::NAME, known, stands);
        let note = || opaque::note(known, &["undo"], unclear);
        objection
            .or_else(note)
            .into_iter()
            .chain(untagged(known))
            .collect()
    }

    fn summary(&self, _: &Args, out: &Value) -> String {
        match (out["code"].as_i64(), out["stdout"].as_str()) {
            (Some(0), Some(stdout)) => last_lines(stdout, 1, 60).pop().unwrap_or_default(),
            (Some(code), _) => format!("ended with {code}"),
            (None, _) => String::new(),
        }
    }
}

/// The name of the container for a step of a run.
fn name(run: &str, key: &str) -> String {
    format!("pb-{run}-{}", hex::encode(&Sha256::digest(key)[..4]))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::docker::testing;
    use serde_json::json;

    fn args(more: Value) -> Args {
        let docker = json!({ "$handle": { "driver": "docker", "name": "docker", "config": {} } });
        let mut args =
            json!({ "image": "shop:2.0", "argv": ["manage.py", "migrate"], "docker": docker });
        let all = args.as_object_mut().expect("a map");
        all.extend(more.as_object().expect("a map").clone());
        serde_json::from_value(args).expect("arguments")
    }

    fn texts(facts: &Facts) -> Vec<String> {
        match RunOnce
            .decide(&args(json!({})), facts)
            .expect("no obstacle")
        {
            Decision::Act(stages) => {
                let actions = stages.into_iter().flatten().flatten();
                actions.map(|action| action.to_string()).collect()
            }
            other => panic!("{other:?}"),
        }
    }

    fn facts(status: Option<Status>) -> Facts {
        Facts {
            name: "pb-R-1".into(),
            container: status.map(|status| testing::container("pb-R-1", status)),
            pull: false,
            network_there: true,
            env_file: None,
        }
    }

    #[test]
    fn what_an_interrupted_run_left_is_gone_on_with() {
        let end = ["wait for `pb-R-1`", "remove `pb-R-1`"];
        let all = [
            "create `pb-R-1` for `manage.py migrate`",
            "start `pb-R-1`",
            end[0],
            end[1],
        ];
        assert_eq!(texts(&facts(None)), all);
        assert_eq!(texts(&facts(Some(Status::Created))), all[1..]);
        assert_eq!(texts(&facts(Some(Status::Running))), end);
        assert_eq!(
            texts(&facts(Some(Status::Exited))),
            end,
            "it is not run again"
        );
        let mut missing = facts(None);
        missing.pull = true;
        assert_eq!(texts(&missing)[0], "pull `shop:2.0`");
    }

    #[test]
    fn a_name_is_that_of_the_run_and_the_step() {
        assert_eq!(name("R", "/run_once#1"), name("R", "/run_once#1"));
        assert_ne!(name("R", "/run_once#1"), name("R", "/run_once#2"));
        assert_ne!(name("R", "/run_once#1"), name("S", "/run_once#1"));
    }

    #[test]
    fn another_exit_code_is_an_error_that_tells_the_last_lines() {
        let ended =
            json!({ "code": 3, "out_of_memory": false, "stdout": "", "stderr": "a\nbad\n" });
        let seen = facts(None);
        let result = |more| RunOnce.result(&args(more), &seen, &seen, std::slice::from_ref(&ended));
        let failure = result(json!({})).expect_err("3 is not 0");
        assert_eq!(
            failure.message,
            "`manage.py migrate` in `shop:2.0` ended with 3, not 0"
        );
        assert_eq!(failure.because, ["a", "bad"]);
        assert!(failure.is(&code::EXIT_CODE) && failure.partial);
        assert_eq!(failure.data["code"], 3);
        assert_eq!(
            result(json!({ "expect_code": [0, 3] }))
                .expect("3 is fine")
                .code,
            3
        );
    }

    #[test]
    fn the_way_back_is_a_job_in_the_same_place() {
        let more = json!({ "env": { "A": "b" }, "network": "shop", "undo": ["manage.py", "back"] });
        let Undo::Call { primitive, args } = RunOnce.undo(&args(more), &facts(None)) else {
            panic!("no way back");
        };
        assert_eq!(
            (primitive.as_str(), &args["argv"]),
            ("run_once", &json!(["manage.py", "back"]))
        );
        assert_eq!(
            (&args["network"], &args["env"]["A"]),
            (&json!("shop"), &json!("b"))
        );
        assert_eq!(args.get("undo"), None);
    }

    #[test]
    fn obstacles_are_said_before_anything_is_made() {
        let decide = |more, facts: &Facts| {
            RunOnce
                .decide(&args(more), facts)
                .expect_err("refused")
                .message
        };
        let empty = "`argv` of `run_once` is empty: it needs a command";
        assert_eq!(decide(json!({ "argv": [] }), &facts(None)), empty);
        let mut alone = facts(None);
        alone.network_there = false;
        assert_eq!(
            decide(json!({ "network": "shop" }), &alone),
            "the network `shop` does not exist"
        );
    }
}
