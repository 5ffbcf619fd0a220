//! Looks at what recorded steps had touched, as it is now.

use super::setup::Run;
use crate::event::Step;
use crate::journal::{Body, History};
use futures_util::future::{Either, select};
use std::pin::pin;
use std::time::Duration;

/// What does not answer by then is said to be so.
const LONGEST: Duration = Duration::from_secs(5);

impl Run {
    /// What is true now of everything that the steps of a history had acted on, a sentence each, oldest first. It only reads.
    pub async fn look(&self, history: &History) -> Vec<String> {
        let blobs = self.readers_for_all().blobs;
        for record in &history.records {
            if let Body::Blob { id, text } = &record.body {
                blobs.remember(id, text);
            }
        }
        let mut lines: Vec<String> = vec![];
        for record in &history.records {
            let Body::Step {
                primitive, args, n, ..
            } = &record.body
            else {
                continue;
            };
            let Some(primitive) = self.0.registry.primitives.get(primitive.as_str()) else {
                continue;
            };
            let subjects = primitive.subjects(args).unwrap_or_default();
            let place = subjects.first().map(|subject| self.clean(&subject.name));
            let step = Step {
                key: record.key.clone(),
                n: *n,
                name: primitive.spec().name.into(),
                place: place.unwrap_or_default(),
            };
            let readers = self.readers(&step);
            let limit = pin!(self.0.clock.sleep(LONGEST));
            let seen = match select(primitive.observe(&readers, args), limit).await {
                Either::Left((Ok(facts), _)) => primitive.state(args, &facts).ok().flatten(),
                Either::Left((Err(failure), _)) => Some(failure.message),
                Either::Right(_) => {
                    Some(format!("nothing answered within {} s", LONGEST.as_secs()))
                }
            };
            if let Some(line) = seen.map(|line| self.clean(&line)) {
                lines.retain(|earlier| *earlier != line);
                lines.push(line);
            }
        }
        lines
    }
}
