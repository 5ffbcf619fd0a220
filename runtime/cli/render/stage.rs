//! Gives every event to every output. An output that is stuck or gone holds up nothing but itself.

use super::page::Page;
use super::plain::Plain;
use super::records::Records;
use super::screen::Size;
use super::shown::Verbosity;
use super::story::Story;
use super::terminal::Terminal;
use super::{Printed, Rendering, ink::Ink};
use pb_core::event::{Event, Sink, What};
use std::fs::File;
use std::io;
use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant, SystemTime};

/// What stdout holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Output {
    /// What the script prints.
    Text,
    /// Every event, one per line.
    Ndjson,
    /// One object at the end.
    Json,
}

/// What is shown where.
pub(crate) struct Options {
    pub(crate) output: Output,
    pub(crate) verbosity: Verbosity,
    /// Where the story goes.
    pub(crate) story: Page,
    /// The size of stderr where lines can be drawn on it.
    pub(crate) terminal: Option<Size>,
    /// How printed text is spelled where eyes read stdout.
    pub(crate) printed: Option<Ink>,
    /// A file that gets every event, and its name.
    pub(crate) events: Option<(File, String)>,
}

/// What a run came to, as it was told.
#[derive(Debug, Clone, Default)]
pub(crate) struct Totals {
    /// Its id.
    pub(crate) run: String,
    /// How it ended.
    pub(crate) state: String,
    /// Steps begun.
    pub(crate) steps: u64,
    /// Milliseconds.
    pub(crate) took: u64,
}

/// The outputs of one run.
pub(crate) struct Stage {
    senders: Vec<Sender<Told>>,
    threads: Vec<JoinHandle<()>>,
    totals: Arc<Mutex<Totals>>,
}

enum Told {
    Event(Arc<Event>),
    Say(String),
    Aside(Box<dyn FnOnce() + Send>),
    End,
}

impl Stage {
    /// Begins to show.
    pub(crate) fn start(options: Options) -> Self {
        let Options {
            output,
            verbosity,
            story,
            terminal,
            printed,
            events,
        } = options;
        let quiet = verbosity == Verbosity::Quiet;
        let printed = match output {
            Output::Text => Printed {
                out: Box::new(io::stdout()),
                ink: printed,
            },
            // It is among the events.
            Output::Ndjson | Output::Json if quiet => Printed {
                out: Box::new(io::sink()),
                ink: None,
            },
            Output::Ndjson | Output::Json => Printed {
                out: Box::new(io::stderr()),
                ink: Some(story.ink),
            },
        };
        let told = Story::new(verbosity);
        let mut renderings: Vec<Box<dyn Rendering>> = vec![match terminal {
            Some(size) => Box::new(Terminal::new(told, story, size, printed, io::stderr())),
            None => Box::new(Plain::new(told, story, printed, io::stderr())),
        }];
        if output == Output::Ndjson {
            renderings.push(Box::new(Records::new(io::stdout(), None)));
        }
        if let Some((file, name)) = events {
            renderings.push(Box::new(Records::new(file, Some(name))));
        }
        let (senders, threads) = renderings.into_iter().map(spawn).unzip();
        Self {
            senders,
            threads,
            totals: Arc::default(),
        }
    }

    /// Where the run tells its events.
    pub(crate) fn sink(&self) -> Sink {
        let (senders, totals) = (self.senders.clone(), self.totals.clone());
        Arc::new(move |event| {
            count(
                &mut totals.lock().unwrap_or_else(PoisonError::into_inner),
                event,
            );
            let event = Arc::new(event.clone());
            for sender in &senders {
                // A rendering that has died tells no more; the run goes on.
                drop(sender.send(Told::Event(event.clone())));
            }
        })
    }

    /// Says sentences of the command itself.
    pub(crate) fn voice(&self) -> impl Fn(&str) + Clone + Send + Sync + 'static {
        let story = self.senders[0].clone();
        move |text| drop(story.send(Told::Say(text.to_owned())))
    }

    /// Does something that needs the screen, and waits for it.
    pub(crate) fn aside<T: Send + 'static>(
        &self,
    ) -> impl Fn(Box<dyn FnOnce() -> T + Send>) -> Option<T> + Send + Sync + 'static {
        let story = Mutex::new(self.senders[0].clone());
        move |work| {
            let (done, result) = mpsc::channel();
            let work = Box::new(move || drop(done.send(work())));
            story
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .send(Told::Aside(work))
                .ok()?;
            result.recv().ok()
        }
    }

    /// Shows what is left to show.
    pub(crate) fn finish(self) -> Totals {
        for sender in &self.senders {
            // Said, not dropped: whoever still holds the sink must not hold up the end.
            drop(sender.send(Told::End));
        }
        for thread in self.threads {
            // A rendering that has died has said so on stderr.
            drop(thread.join());
        }
        self.totals
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }
}

fn count(totals: &mut Totals, event: &Event) {
    match &event.what {
        What::RunStarted { .. } | What::RunResumed { .. } => totals.run.clone_from(&event.run),
        What::RunFinished {
            state, steps, took, ..
        } => {
            totals.state.clone_from(state);
            totals.steps = *steps;
            totals.took = *took;
        }
        _ => {}
    }
}

fn spawn(mut rendering: Box<dyn Rendering>) -> (Sender<Told>, JoinHandle<()>) {
    let (sender, receiver) = mpsc::channel();
    let work = move || {
        let pause = rendering.pause().unwrap_or(Duration::from_secs(3600));
        let mut next = Instant::now() + pause;
        loop {
            match receiver.recv_timeout(next.saturating_duration_since(Instant::now())) {
                Ok(Told::Event(event)) => rendering.event(&event),
                Ok(Told::Say(text)) => rendering.say(&text),
                Ok(Told::Aside(work)) => {
                    let mut work = Some(work);
                    rendering.aside(&mut || {
                        if let Some(work) = work.take() {
                            work();
                        }
                    });
                }
                Err(RecvTimeoutError::Timeout) => {}
                Ok(Told::End) | Err(RecvTimeoutError::Disconnected) => break,
            }
            if Instant::now() >= next {
                rendering.tick(now());
                next = Instant::now() + pause;
            }
        }
        rendering.close();
    };
    (sender, thread::spawn(work))
}

fn now() -> u64 {
    SystemTime::now()
        .duration_since(SystemTime::UNIX_EPOCH)
        .map_or(0, |since| since.as_millis() as u64)
}
