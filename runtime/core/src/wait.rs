//! How waiters poll: fast at first, slower later, within a deadline.

use crate::Span;
use crate::clock::Clock;
use crate::code::Code;
use std::time::Duration;

/// The delay after the first look, and after a good one; a service that is ready soon is seen soon.
const FIRST: Duration = Duration::from_millis(25);
/// Later a delay is this part of the time that has passed: what took 500 ms is seen within 50.
const PART: u32 = 10;
/// The look at the deadline may take this part of it.
const LAST_LOOK: u32 = 20;

/// How often and how long a waiter looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pace {
    /// Of the failure when the deadline has passed.
    pub code: &'static Code,
    /// In total.
    pub deadline: Span,
    /// Between two looks, once it has slowed down.
    pub interval: Span,
    /// How many good looks in a row are asked for.
    pub successes: u32,
}

impl Pace {
    /// The deadline as given, or as so many attempts at the interval.
    pub fn new(
        code: &'static Code,
        deadline: Option<Span>,
        attempts: Option<u32>,
        interval: Span,
        successes: u32,
        usual: Span,
    ) -> Self {
        let by_attempts = attempts.map(|n| Span(interval.0.saturating_mul(n)));
        let deadline = deadline.or(by_attempts).unwrap_or(usual);
        Self {
            code,
            deadline,
            interval,
            successes: successes.max(1),
        }
    }
}

/// One wait: when to look next, and how often was looked.
#[derive(Debug)]
pub struct Waiting {
    pace: Pace,
    began: Duration,
    end: Duration,
    attempts: u32,
    good: u32,
}

/// What came of one look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Look {
    /// As wanted, so many times in a row as asked for.
    Done,
    /// Look again.
    Again,
    /// The deadline has passed.
    TooLate,
}

impl Waiting {
    /// Begins now.
    pub fn new(pace: Pace, clock: &dyn Clock) -> Self {
        let began = clock.elapsed();
        Self {
            pace,
            began,
            end: began + pace.deadline.0,
            attempts: 0,
            good: 0,
        }
    }

    /// Counts a look and, unless that was the last one, waits for the next.
    pub async fn after(&mut self, good: bool, clock: &dyn Clock) -> Look {
        self.attempts += 1;
        if good {
            self.good += 1;
            if self.good >= self.pace.successes {
                return Look::Done;
            }
        } else {
            self.good = 0;
        }
        let left = self.left(clock);
        if left.is_zero() {
            return Look::TooLate;
        }
        let slow = (clock.elapsed() - self.began) / PART;
        let delay = if good {
            FIRST
        } else {
            slow.min(self.pace.interval.0).max(FIRST)
        };
        clock.sleep(delay.min(left)).await;
        Look::Again
    }

    /// What one look may take: what remains until the deadline, and a moment for the look at its very end.
    pub fn left_for_a_look(&self, clock: &dyn Clock) -> Duration {
        self.left(clock).max(self.pace.deadline.0 / LAST_LOOK)
    }

    fn left(&self, clock: &dyn Clock) -> Duration {
        self.end.saturating_sub(clock.elapsed())
    }

    /// How many looks in a row were good, up to now.
    pub fn good(&self) -> u32 {
        self.good
    }

    /// How often was looked.
    pub fn attempts(&self) -> u32 {
        self.attempts
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::code;
    use futures_util::future::{BoxFuture, FutureExt};
    use std::sync::Mutex;

    /// Sleeping moves it, nothing else does.
    #[derive(Default)]
    struct Still(Mutex<Duration>);

    impl Clock for Still {
        fn now(&self) -> u64 {
            0
        }
        fn elapsed(&self) -> Duration {
            *self.0.lock().expect("one thread")
        }
        fn sleep(&self, time: Duration) -> BoxFuture<'_, ()> {
            *self.0.lock().expect("one thread") += time;
            futures_util::future::ready(()).boxed()
        }
    }

    fn waiting(successes: u32, clock: &dyn Clock) -> Waiting {
        let (interval, usual) = (Span::seconds(1), Span::seconds(10));
        let pace = Pace::new(&code::WAIT, None, None, interval, successes, usual);
        Waiting::new(pace, clock)
    }

    fn after(waiting: &mut Waiting, good: bool, clock: &dyn Clock) -> Look {
        waiting
            .after(good, clock)
            .now_or_never()
            .expect("the clock stands still")
    }

    #[test]
    fn looks_come_fast_at_first_and_end_at_the_deadline() {
        let clock = Still::default();
        let mut waiting = waiting(1, &clock);
        let mut times = vec![];
        while after(&mut waiting, false, &clock) == Look::Again {
            times.push(clock.elapsed().as_millis());
        }
        assert_eq!(times[..4], [25, 50, 75, 100]);
        let tenth = |pair: &[u128]| pair[1] - pair[0] <= (pair[0] / 10 + 1).max(25);
        assert!(times.windows(2).all(tenth), "{times:?}");
        assert!(times.len() < 60, "slower later: {times:?}");
        assert_eq!(times.last(), Some(&10_000), "one look at the very end");
        assert_eq!(waiting.attempts(), times.len() as u32 + 1);
    }

    #[test]
    fn a_look_is_cut_to_what_remains_and_the_last_one_has_a_moment() {
        let clock = Still::default();
        let waiting = waiting(1, &clock);
        assert_eq!(waiting.left_for_a_look(&clock), Duration::from_secs(10));
        drop(clock.sleep(Duration::from_secs(8)));
        assert_eq!(waiting.left_for_a_look(&clock), Duration::from_secs(2));
        drop(clock.sleep(Duration::from_secs(2)));
        assert_eq!(waiting.left_for_a_look(&clock), Duration::from_millis(500));
    }

    #[test]
    fn good_looks_count_in_a_row_only() {
        let clock = Still::default();
        let mut waiting = waiting(2, &clock);
        let looks = [true, false, true, true].map(|good| after(&mut waiting, good, &clock));
        assert_eq!(looks, [Look::Again, Look::Again, Look::Again, Look::Done]);
    }

    #[test]
    fn a_good_look_is_confirmed_soon() {
        let clock = Still::default();
        let mut waiting = waiting(2, &clock);
        drop(clock.sleep(Duration::from_secs(5)));
        after(&mut waiting, false, &clock);
        let before = clock.elapsed();
        after(&mut waiting, true, &clock);
        assert_eq!(clock.elapsed() - before, FIRST);
    }
}
