//! Brings a message to its service.

use super::discord::{self, DiscordDriver};
use super::message::{Message, Parcel};
use super::notify::Args;
use super::slack::{self, SlackDriver};
use super::webhook;
use crate::http::{Answer, Http};
use crate::outside_text::one_line;
use bytes::Bytes;
use pb_core::{Driver, Failure, Handle, Permit, Result, World, code};
use reqwest::header::{CONTENT_TYPE, HeaderValue};
use std::time::Duration;

/// A service that is asked to wait is asked again, so often.
const TRIES: u32 = 3;
/// What it may ask for.
const LONGEST_WAIT: Duration = Duration::from_secs(5);
/// So much of an answer is read.
const KEEP: usize = 4096;

pub(super) async fn deliver(world: &World, permit: &Permit, args: &Args) -> Result<()> {
    let (read, handle) = (world.read(), &args.chat.0);
    let text = read.vault().scrubber().text(&args.text).into_owned();
    let message = Message {
        text: &text,
        level: args.level,
        run: read.run(),
    };
    let Parcel { url, request, body } = parcel(handle, &message)?;
    let mut ask = request.ask(read, &url, KEEP, args.request_timeout.0)?;
    ask.headers
        .entry(CONTENT_TYPE)
        .or_insert(HeaderValue::from_static("application/json"));
    let body = Bytes::from(body.to_string());
    for again in (0..TRIES).rev() {
        let answer = world
            .of::<Http>(permit)
            .post(read.clock(), &ask, &body)
            .await;
        let answer = answer.map_err(|(trouble, maybe_sent)| {
            let failure = undelivered(handle, trouble.to_string()).retryable();
            if maybe_sent {
                failure.in_doubt()
            } else {
                failure
            }
        })?;
        match answer.status {
            200..=299 => return Ok(()),
            429 if again > 0 => read.clock().sleep(wait(&answer)).await,
            _ => return Err(refused(handle, &answer)),
        }
    }
    Err(undelivered(
        handle,
        "it asked for patience too often".into(),
    ))
}

fn parcel(handle: &Handle, message: &Message<'_>) -> Result<Parcel> {
    match handle.driver.as_str() {
        SlackDriver::KEY => slack::parcel(handle, message),
        DiscordDriver::KEY => discord::parcel(handle, message),
        _ => webhook::parcel(handle, message),
    }
}

/// What a service that has too much to do asks for.
fn wait(answer: &Answer) -> Duration {
    let seconds = answer.headers.get("retry-after");
    let seconds = seconds.and_then(|text| text.parse().ok()).unwrap_or(1.0);
    Duration::try_from_secs_f64(seconds).map_or(LONGEST_WAIT, |wait| wait.min(LONGEST_WAIT))
}

fn refused(handle: &Handle, answer: &Answer) -> Failure {
    let said = one_line(&answer.body, 120);
    let reason = match said.is_empty() {
        true => format!("it answered {}", answer.status),
        false => format!("it answered {}: {said}", answer.status),
    };
    let failure = undelivered(handle, reason).with("status", answer.status);
    match answer.status {
        401 | 403 | 404 | 410 => failure.hint(format!(
            "make a new webhook, and put its address where `{}` of pb.toml takes it from",
            handle.name
        )),
        500.. | 429 => failure.retryable(),
        _ => failure,
    }
}

fn undelivered(handle: &Handle, reason: String) -> Failure {
    let message = format!("the message to `{}` was not delivered", handle.name);
    Failure::new(&code::NOTIFY, message).because(reason)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_service_is_not_waited_for_longer_than_it_is_worth() {
        let wait_of = |text: &str| {
            let mut answer: Answer = serde_json::from_value(json!({
                "url": "", "status": 429, "headers": {}, "body": "", "cut": false, "latency": 0.0,
            }))
            .expect("an answer");
            answer.headers.insert("retry-after".into(), text.into());
            wait(&answer)
        };
        assert_eq!(wait_of("0.25"), Duration::from_millis(250));
        assert_eq!(wait_of("3600"), LONGEST_WAIT);
        assert_eq!(wait_of("-1"), LONGEST_WAIT);
        assert_eq!(
            wait_of("Wed, 21 Oct 2026 07:28:00 GMT"),
            Duration::from_secs(1)
        );
    }
}
