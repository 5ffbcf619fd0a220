//! `pb resume` and `pb rollback`: a run that died goes on or is undone; one that has ended is undone.

use crate::arguments::{Arguments, TakeUpArguments};
use crate::config::Project;
use crate::console::Console;
use crate::exit::Exit;
use crate::past::{self, Past, State, StepState};
use crate::prompt;
use crate::refusal::Refusal;
use crate::render::{clean, time};
use crate::run::Shown;
use crate::show::{self, find};
use jiff::tz::TimeZone;
use pb_core::{Failure, code};
use pb_runtime::{Runtime, Script, TakeUp};

/// What is done with a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Way {
    Resume,
    RollBack,
}

/// Takes a run up, after asking whoever sits at the terminal.
///
/// # Errors
/// A run that is going on, is over or is damaged; nobody who could be asked.
pub(crate) fn take_up(
    way: Way,
    project: &Project,
    arguments: &Arguments,
    wanted: &TakeUpArguments,
    console: &Console,
) -> Result<Exit, Refusal> {
    let store = project.runs(arguments.state.as_ref())?;
    let registry = pb_stdlib::registry(&project.base, None);
    let run = match (&wanted.run, way) {
        (None, Way::Resume) => past::newest_unfinished(&*store, &registry)?,
        (run, _) => find(&*store, run.as_deref())?,
    };
    let past = Past::read(&*store, &run, &registry)?;
    let undo = way == Way::RollBack || wanted.wish.undo;
    refuse(&past, undo)?;
    if !wanted.yes && !wanted.wish.undo {
        let looking = Runtime::builder(registry).base(&project.base).runs(store);
        tell(&past, &looking.build()?, console);
    }
    let undo = match (undo, wanted.yes) {
        (undo, true) => undo,
        (true, false) if way == Way::Resume => true,
        (true, false) => ask(&past, &UNDO)? == 'u',
        (false, false) => ask(&past, &CONTINUE)? == 'u',
    };
    let edited = wanted.edited.as_ref().filter(|_| !undo);
    let edited = edited.map(|path| Script::load(path, &project.base, pb_stdlib::LIBRARY));
    let edited = edited.transpose();
    let wish = TakeUp {
        undo,
        edited: edited.map_err(|failure| Refusal::from(failure).sources_on_disk())?,
        ..wanted.wish.clone()
    };
    let shown = Shown {
        project,
        arguments,
        console,
        events: wanted.events.as_deref(),
        yes: wanted.yes,
    };
    let driven = shown.drive(
        |builder| builder.wait(wanted.wait),
        |runtime| runtime.take_up(&run, wish),
    )?;
    let driven = driven.map_err(|failure| {
        let exit = Exit::before_taking_up(&failure);
        Refusal::new(failure, exit)
    })?;
    let exit = Exit::of(&driven.finished, driven.signal);
    shown.conclude(&past.sources, &driven, exit);
    Ok(exit)
}

/// What the answers to a question are.
type Question = (&'static str, &'static [char]);
const CONTINUE: Question = (
    "continue?  [c]ontinue  [u]ndo all  [q]uit",
    &['c', 'u', 'q'],
);
const UNDO: Question = ("undo all of it?  [u]ndo  [q]uit", &['u', 'q']);

fn ask(past: &Past, (question, answers): &Question) -> Result<char, Refusal> {
    let answer = prompt::choose(question, answers);
    if let Some(answer) = answer.filter(|answer| *answer != 'q') {
        return Ok(answer);
    }
    let message = match answer {
        Some(_) => format!("run {} was left as it is", past.run),
        None => "nobody could be asked: there is no terminal".to_owned(),
    };
    let hint = if answers.contains(&'c') {
        format!(
            "pb resume {0} --yes goes on, pb resume {0} --undo undoes it",
            past.run
        )
    } else {
        format!("pb rollback {} --yes", past.run)
    };
    let failure = Failure::new(&code::DECLINED, message)
        .state("nothing was touched")
        .hint(hint);
    Err(Refusal::new(failure, Exit::Refused))
}

fn refuse(past: &Past, undo: bool) -> Result<(), Refusal> {
    let run = &past.run;
    let (code, message, hint) = match past.state {
        State::Running => (
            &code::LOCKED,
            format!("run {run} is going on"),
            format!("pb show {run}"),
        ),
        State::Damaged => {
            let why = past.damage.as_ref().map(ToString::to_string);
            let failure = Failure::new(
                &code::DAMAGED,
                format!("run {run} is damaged: nothing is done from its journal"),
            )
            .because(why.unwrap_or_default())
            .state(format!("pb show {run} tells what can be read of it"))
            .hint("put the servers right by hand, then begin anew with another `--state DIR`");
            return Err(Refusal::new(failure, Exit::Person));
        }
        State::Interrupted if past.never_began() => (
            &code::UNFINISHED,
            format!("run {run} never began: nothing was written down, so nothing was done"),
            "pb runs".to_owned(),
        ),
        State::Undone if undo => (
            &code::UNFINISHED,
            format!("run {run} was undone already"),
            format!("pb show {run}"),
        ),
        State::Done | State::Undone | State::Failed | State::Stuck if !undo => (
            &code::UNFINISHED,
            format!("run {run} has ended: there is nothing to go on with"),
            format!("pb show {run}; to undo it: pb rollback {run}"),
        ),
        _ => return Ok(()),
    };
    let failure = Failure::new(code, message)
        .state("nothing was touched")
        .hint(hint);
    Err(Refusal::new(failure, Exit::Refused))
}

/// What is known of the run before anything is done about it.
fn tell(past: &Past, runtime: &Runtime, console: &Console) {
    let zone = TimeZone::system();
    let when = past
        .last
        .map(|last| format!(" at {}", time::exact(last, &zone)));
    let open = past
        .steps
        .iter()
        .position(|step| step.state == StepState::Open);
    let what = match (past.state, &past.signal) {
        (State::Interrupted, Some(signal)) => format!("was told to stop by {signal}"),
        (State::Interrupted, None) => "was killed".into(),
        _ => "ended".into(),
    };
    let host = &past.host;
    let at = open.map(|at| {
        let step = &past.steps[at];
        format!(
            " during step {} {} {}",
            at + 1,
            step.primitive,
            clean::line(&step.place)
        )
    });
    let head = format!(
        "run {} of {} {what} on {host}{}{}",
        past.run,
        clean::line(&past.playbook),
        when.unwrap_or_default(),
        at.unwrap_or_default(),
    );
    let page = console.stderr;
    console.story(&page.sentence(&head));
    for line in show::steps(past, console.now(), page) {
        console.story(&line);
    }
    let observed = match runtime.look(&past.run) {
        Ok(lines) => lines,
        Err(failure) => vec![failure.message],
    };
    for line in observed {
        console.story(&page.sentence(&format!("  now: {}", clean::line(&line))));
    }
}
