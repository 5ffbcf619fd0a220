//! Answers for what only the run can tell: each is assumed, and the script is played again with the other ones.

use super::unknown::{Unknown, holds, whole};
use super::weave::{CHOSEN, DECIDED, EACH_OF, ENDS, REPEATS, WOVEN};
use crate::session::{Native, Session};
use crate::shown;
use crate::thrown;
use pb_core::run::Met;
use pb_core::{Failure, Site, code};
use rhai::{Array, Dynamic, Engine, ImmutableString, NativeCallContext, Position};
use std::ops::{Range, RangeInclusive};
use std::sync::{Arc, Mutex, PoisonError};

/// So often the same is asked at one place before a loop is taken for endless.
const AGAIN: usize = 3;
/// So many answers one way assumes; a loop that asks for more may have no end.
const MOST: usize = 64;

/// The answers of one way.
#[derive(Debug, Default)]
pub(crate) struct Fork {
    given: Vec<usize>,
    taken: Mutex<Vec<Taken>>,
}

#[derive(Debug, Clone)]
struct Taken {
    on: String,
    /// The scope and the place.
    at: String,
    asked: usize,
    of: usize,
    answer: usize,
}

impl Fork {
    /// A way that begins with these answers.
    pub(crate) fn with(given: Vec<usize>) -> Self {
        let taken = Mutex::default();
        Self { given, taken }
    }

    /// The answers of the next way, when there is one.
    pub(crate) fn next(&self) -> Option<Vec<usize>> {
        let taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        let last = taken
            .iter()
            .rposition(|taken| taken.answer + 1 < taken.of)?;
        let before = taken[..last].iter().map(|taken| taken.answer);
        Some(before.chain([taken[last].answer + 1]).collect())
    }

    fn is_deep(&self) -> bool {
        let taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        taken.len() > MOST
    }

    /// Which answer is assumed; what was asked before has the same one. Tells how often it was asked here.
    fn answer(&self, on: &str, at: &str, of: usize) -> (usize, usize) {
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = taken
            .iter_mut()
            .find(|taken| taken.on == on && taken.of == of)
        {
            known.asked += usize::from(known.at == at);
            return (known.answer, known.asked);
        }
        let answer = self.given.get(taken.len()).copied().unwrap_or(0);
        let (on, at) = (on.to_owned(), at.to_owned());
        taken.push(Taken {
            on,
            at,
            asked: 1,
            of,
            answer,
        });
        (answer, 1)
    }
}

impl Session {
    /// Assumes an answer.
    fn assume(
        &self,
        context: &NativeCallContext<'_>,
        on: &str,
        answers: &[String],
    ) -> Native<usize> {
        let Some(fork) = &self.fork else {
            return Ok(0);
        };
        // What is called there was woven in.
        let site = Site {
            call: String::new(),
            ..self.site(context)
        };
        let (answer, asked) = fork.answer(on, &self.place(context), answers.len());
        if fork.is_deep() {
            return Err(endless(on, context.call_position()));
        }
        match asked {
            1 => self.run.met(Met::Assumed {
                on: on.to_owned(),
                site,
                answer: answers[answer].clone(),
            }),
            n if n > AGAIN => return Err(endless(on, context.call_position())),
            _ => {}
        }
        Ok(answer)
    }
}

/// A way that cannot be planned any further.
fn endless(on: &str, position: Position) -> Box<rhai::EvalAltResult> {
    let message = format!("how often this goes on depends on `{on}`, which only the run can tell");
    thrown::throw(Failure::new(&code::ONLY_THE_RUN, message), position)
}

pub(super) fn register(engine: &mut Engine, session: &Arc<Session>) {
    let yes_no = || ["true".to_owned(), "false".to_owned()];
    let here = session.clone();
    engine.register_fn(
        DECIDED,
        move |context: NativeCallContext<'_>, value: Dynamic| -> Native<Dynamic> {
            match holds_itself(&value) {
                None => Ok(value),
                Some(unknown) => Ok((here.assume(&context, &unknown.0, &yes_no())? == 0).into()),
            }
        },
    );
    for (name, when_asked_again) in [(REPEATS, false), (ENDS, true)] {
        let here = session.clone();
        engine.register_fn(
            name,
            move |context: NativeCallContext<'_>, value: Dynamic| -> Native<Dynamic> {
                let Some(unknown) = holds_itself(&value) else {
                    return Ok(value);
                };
                // One round stands for all of them.
                if here.has_assumed(&context) {
                    return Ok(when_asked_again.into());
                }
                Ok((here.assume(&context, &unknown.0, &yes_no())? == 0).into())
            },
        );
    }
    let here = session.clone();
    engine.register_fn(
        CHOSEN,
        move |context: NativeCallContext<'_>, value: Dynamic, cases: Array| -> Native<Dynamic> {
            let Some(unknown) = holds_itself(&value) else {
                return Ok(value);
            };
            let mut answers: Vec<String> = cases.iter().map(shown::within).collect();
            answers.push("anything else".into());
            let answer = here.assume(&context, &unknown.0, &answers)?;
            Ok(cases.get(answer).map_or(value, one_of))
        },
    );
    engine.register_fn(EACH_OF, |value: Dynamic| match holds_itself(&value) {
        None => value,
        Some(unknown) => {
            Dynamic::from(vec![Unknown::of(format!("each of {}", unknown.0))] as Array)
        }
    });
    // What is put together of unknown values may be unknown as a whole already.
    engine.register_fn(WOVEN, |value: Dynamic| {
        let text = value.read_lock::<ImmutableString>();
        let origin = text.and_then(|text| whole(&text));
        origin.map_or(value, Unknown::of)
    });
}

impl Session {
    /// Where something is asked: in every branch it is asked anew.
    fn place(&self, context: &NativeCallContext<'_>) -> String {
        let Site {
            file, line, column, ..
        } = self.site(context);
        format!("{} {file}:{line}:{column}", self.scope(context).path())
    }

    /// Whether an answer was assumed at that place.
    fn has_assumed(&self, context: &NativeCallContext<'_>) -> bool {
        let Some(fork) = &self.fork else { return false };
        let taken = fork.taken.lock().unwrap_or_else(PoisonError::into_inner);
        let at = self.place(context);
        taken.iter().any(|taken| taken.at == at)
    }
}

/// The value itself, not what is in it.
fn holds_itself(value: &Dynamic) -> Option<Unknown> {
    value.read_lock::<Unknown>().and_then(|_| holds(value))
}

/// A value that a case takes: of a range its beginning.
fn one_of(case: &Dynamic) -> Dynamic {
    if let Some(range) = case.read_lock::<Range<i64>>() {
        return range.start.into();
    }
    if let Some(range) = case.read_lock::<RangeInclusive<i64>>() {
        return (*range.start()).into();
    }
    case.clone()
}
