//! What became of a program, as its folder tells.

use super::folder::{Exit, Folder, Start};
use crate::host::Output;
use std::io;

#[derive(Debug, PartialEq, Eq)]
pub(super) enum State {
    /// There is no such folder.
    Unrecorded,
    /// It was not started, and never will be.
    NeverStarted,
    /// It runs; `None` while it is about to begin.
    Alive(Option<Start>),
    /// It ended, and how is known.
    Ended(Output),
    /// It was started and runs no more; how it ended is not known, because its supervisor or the machine did, too.
    Gone(Start),
}

impl State {
    pub(super) fn of(folder: &Folder) -> io::Result<Self> {
        look(folder).map_err(|error| io::Error::other(folder.named(&error)))
    }
}

fn look(folder: &Folder) -> io::Result<State> {
    if !folder.exists()? {
        return Ok(State::Unrecorded);
    }
    // The lock first: what its holder wrote is complete once it is free.
    if folder.is_held()? {
        return Ok(State::Alive(folder.start()?));
    }
    Ok(match (folder.exit()?, folder.start()?) {
        (Some(Exit::Ended { code, signal, lost }), _) => {
            State::Ended(folder.output(code, signal, lost))
        }
        (Some(Exit::Refused { .. } | Exit::NotStarted { .. }), _) | (None, None) => {
            State::NeverStarted
        }
        // Its supervisor was killed, and it was not killed with it, as a setuid program is not.
        (None, Some(start)) if start.process.lives() => State::Alive(Some(start)),
        (None, Some(start)) => State::Gone(start),
    })
}

#[cfg(test)]
mod tests {
    use super::super::process::Process;
    use super::*;
    use std::path::PathBuf;

    /// Gone with the test.
    struct Place(PathBuf);

    impl Place {
        fn new(name: &str) -> Self {
            let name = format!("pb-child-{name}-{}", std::process::id());
            Self(std::env::temp_dir().join(name))
        }

        fn folder(&self) -> Folder {
            Folder::at(self.0.join("children/R/1"))
        }

        fn state(&self) -> State {
            State::of(&self.folder()).expect("readable")
        }
    }

    impl Drop for Place {
        fn drop(&mut self) {
            std::fs::remove_dir_all(&self.0).ok();
        }
    }

    fn start(process: Process) -> Start {
        let line = "true".into();
        Start {
            process,
            since: 7,
            line,
        }
    }

    #[test]
    fn the_lock_is_the_sign_of_life() {
        let place = Place::new("lock");
        assert_eq!(place.state(), State::Unrecorded);
        let lock = place.folder().make().expect("writable");
        assert_eq!(place.state(), State::Alive(None));
        // As one that was inherited.
        let inherited = lock.try_clone().expect("another of it");
        drop(lock);
        assert_eq!(place.state(), State::Alive(None));
        drop(inherited);
        assert_eq!(place.state(), State::NeverStarted);
        let exit = Exit::Ended {
            code: 0,
            signal: None,
            lost: None,
        };
        place.folder().record_exit(&exit).expect("writable");
        assert!(matches!(place.state(), State::Ended(_)));
    }

    #[test]
    fn a_number_that_was_given_out_again_is_another_process() {
        let place = Place::new("number");
        drop(place.folder().make().expect("writable"));
        let me = Process::myself().expect("it runs");
        let earlier = start(me.earlier());
        place.folder().record_start(&earlier).expect("writable");
        assert_eq!(place.state(), State::Gone(earlier));
        // One that a signal of its dead parent does not reach, such as a setuid program.
        let mine = start(me);
        place.folder().record_start(&mine).expect("writable");
        assert_eq!(place.state(), State::Alive(Some(mine)));
    }

    #[test]
    fn what_the_system_refused_was_never_started() {
        let place = Place::new("refused");
        drop(place.folder().make().expect("writable"));
        let me = Process::myself().expect("it runs");
        place.folder().record_start(&start(me)).expect("writable");
        let exit = Exit::Refused { errno: 2 };
        place.folder().record_exit(&exit).expect("writable");
        assert_eq!(place.state(), State::NeverStarted);
    }
}
