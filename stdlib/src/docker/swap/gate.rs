//! Waits until a container is healthy; sees at once when it ends instead.

use super::action::{Told, Who};
use super::health::{Health, look, of_engine, url};
use super::serving::Serving;
use crate::docker::container::{Container, Status};
use crate::docker::driver::DockerDriver;
use crate::http::{CheckOptions, HealthOptions, Look, NotYet};
use futures_util::StreamExt;
use futures_util::future::{Either, select};
use futures_util::stream::BoxStream;
use pb_core::wait::{Look as Pacing, Pace, Waiting};
use pb_core::{Failure, Readers, Result, code};
use serde_json::Value;
use std::net::SocketAddr;
use std::pin::pin;
use std::time::Duration;

/// Where nothing tells the health, a container that ends this soon is not taken.
const SETTLE: Duration = Duration::from_secs(1);

/// A container that is waited for.
pub(super) struct Gate<'a> {
    read: &'a Readers,
    serving: &'a Serving<'a>,
    who: &'a Who,
    /// As it was when the wait began.
    container: Container,
    deaths: BoxStream<'static, ()>,
    /// What was said last: looks are many, and mostly alike.
    said: String,
}

/// A look that was not good.
struct Bad {
    /// Such as `GET http://172.17.0.2:8000/health/`.
    asked: String,
    not_yet: NotYet,
}

impl<'a> Gate<'a> {
    pub(super) async fn new(
        read: &'a Readers,
        serving: &'a Serving<'a>,
        who: &'a Who,
        container: Container,
    ) -> Result<Self> {
        let docker = read.of::<DockerDriver>();
        let deaths = docker.deaths(serving.docker, &container.id).await?;
        Ok(Self {
            read,
            serving,
            who,
            container,
            deaths,
            said: String::new(),
        })
    }

    /// Waits until the application at `at` says that it is well, else the HEALTHCHECK; where nothing tells, until the
    /// container has stayed up for a moment.
    pub(super) async fn pass(mut self, at: Option<SocketAddr>, ask: bool) -> Result<Value> {
        let checked = match (self.serving.health, at) {
            (Some(options), Some(at)) if ask => {
                self.ask_application(options, at).await?;
                true
            }
            _ if ask && self.container.health.is_some() => {
                self.ask_engine().await?;
                true
            }
            _ => {
                self.settle().await?;
                false
            }
        };
        let at = self.read.clock().elapsed().as_secs_f64();
        Ok(Told::There { at, checked }.value())
    }

    async fn ask_application(&mut self, options: &HealthOptions, at: SocketAddr) -> Result<()> {
        let (read, clock) = (self.read, self.read.clock());
        self.unless_it_ends(clock.sleep(options.start_delay.0))
            .await?;
        let pace = options.check.pace();
        let mut waiting = Waiting::new(pace, clock);
        loop {
            let left = waiting.left_for_a_look(clock);
            let bad = match self.unless_it_ends(look(read, options, at, left)).await?? {
                Look::Ok { .. } => None,
                Look::NotYet(not_yet) => {
                    self.still_up().await?;
                    let asked = format!("GET {}", url(options, at));
                    Some(Bad { asked, not_yet })
                }
            };
            if self.is_done(&mut waiting, pace, bad).await? {
                return Ok(());
            }
        }
    }

    async fn ask_engine(&mut self) -> Result<()> {
        let pace = Pace {
            successes: 1,
            ..CheckOptions::default().pace()
        };
        let mut waiting = Waiting::new(pace, self.read.clock());
        loop {
            let now = self.still_up().await?;
            let bad = match of_engine(&now) {
                Health::Well | Health::Unknown => None,
                Health::Ill(why) => Some(Bad {
                    asked: "HEALTHCHECK".into(),
                    not_yet: NotYet {
                        why,
                        hint: None,
                        answer: None,
                    },
                }),
            };
            if self.is_done(&mut waiting, pace, bad).await? {
                return Ok(());
            }
        }
    }

    async fn settle(&mut self) -> Result<()> {
        let who = self.who;
        self.read.progress(format!(
            "{who} runs; nothing tells its health (`health` would)"
        ));
        self.unless_it_ends(self.read.clock().sleep(SETTLE)).await?;
        self.still_up().await.map(drop)
    }

    /// Counts a look, and waits for the next one unless that was the last.
    async fn is_done(
        &mut self,
        waiting: &mut Waiting,
        pace: Pace,
        bad: Option<Bad>,
    ) -> Result<bool> {
        if let Some(Bad { asked, not_yet }) = &bad {
            let text = format!("waiting for {}: {asked}: {}", self.who, not_yet.why);
            if text != self.said {
                self.read.progress(text.clone());
                self.said = text;
            }
        }
        let pause = waiting.after(bad.is_none(), self.read.clock());
        match (self.unless_it_ends(pause).await?, bad) {
            (Pacing::Done, _) => Ok(true),
            (Pacing::Again, _) => Ok(false),
            (Pacing::TooLate, bad) => Err(self.too_late(pace, waiting.attempts(), bad).await),
        }
    }

    /// What the future gives, unless the container ends before.
    async fn unless_it_ends<T>(&mut self, future: impl Future<Output = T>) -> Result<T> {
        if let Either::Left((value, _)) = select(pin!(future), self.deaths.next()).await {
            return Ok(value);
        }
        Err(self.ended().await)
    }

    /// The container as it is now; it must not have ended since.
    async fn still_up(&mut self) -> Result<Container> {
        let (before, docker) = (&self.container, self.read.of::<DockerDriver>());
        let now = docker
            .container(self.serving.docker, self.read.vault(), &before.id)
            .await?;
        match now {
            Some(now) if now.is_running() && now.restarts == before.restarts => Ok(now),
            _ => Err(self.ended().await),
        }
    }

    async fn too_late(&mut self, pace: Pace, looks: u32, bad: Option<Bad>) -> Failure {
        let (name, deadline) = (self.serving.name, pace.deadline);
        let message = format!("`{name}` did not become healthy within {deadline}");
        let failure = Failure::new(&code::UNHEALTHY, message).with("looks", looks);
        let failure = match bad {
            Some(Bad { asked, not_yet }) => {
                let because = format!("{asked}: {} (last of {looks} looks)", not_yet.why);
                not_yet.explain(failure.because(because))
            }
            None => failure.because(format!("fewer than {} good looks in a row", pace.successes)),
        };
        self.with_state(failure).await
    }

    async fn ended(&mut self) -> Failure {
        let message = format!("`{}` ended instead of becoming healthy", self.serving.name);
        self.with_state(Failure::new(&code::CONTAINER_EXITED, message))
            .await
    }

    /// Adds the state of the container and the last lines of its log.
    async fn with_state(&mut self, failure: Failure) -> Failure {
        let docker = self.read.of::<DockerDriver>();
        let (handle, who) = (self.serving.docker, self.who);
        let now = docker
            .container(handle, self.read.vault(), &self.container.id)
            .await;
        let Ok(Some(now)) = now else {
            return failure.because(format!("the container {who} is gone"));
        };
        let failure = match now.status {
            Status::Running => failure,
            _ => failure.with("exit_code", now.exit_code),
        };
        let log = docker.log_tail(handle, &now.id).await;
        let wrote = if log.is_empty() {
            "wrote nothing"
        } else {
            "wrote last:"
        };
        let failure = failure.because(format!("container {who} is {}; it {wrote}", now.state()));
        let lines = log.iter().map(|line| format!("  {line}"));
        lines.fold(failure, Failure::because).with("log", log)
    }
}
