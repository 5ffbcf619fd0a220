//! Speaks HTTP: no proxies, no kept connections, no second tries, and redirects only when they are asked for.

use super::client::Clients;
use super::sent::Sent;
use super::trouble::Trouble;
use crate::outside_text::one_line;
use bytes::Bytes;
use pb_core::Driver;
use pb_core::clock::Clock;
use reqwest::header::{HeaderMap, LOCATION};
use reqwest::{Method, Request, Url};
use rustls::pki_types::CertificateDer;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

/// Redirects beyond this many lead nowhere.
const HOPS: usize = 10;

/// The driver. It has no handles: every URL names its own server.
pub struct Http {
    reader: HttpReader,
    writer: HttpWriter,
}

/// Asks.
#[derive(Clone)]
pub struct HttpReader(Arc<Clients>);

/// Sends.
pub struct HttpWriter(Arc<Clients>);

/// One request, as it goes out.
#[derive(Debug, Clone)]
pub struct Ask {
    /// Where to.
    pub url: Url,
    /// The name to ask for, where it is not that of the URL.
    pub host: Option<String>,
    /// What goes with it.
    pub headers: HeaderMap,
    /// Whether redirects are followed.
    pub follow_redirects: bool,
    /// So many bytes of the body are read.
    pub keep: usize,
    /// What it may take as a whole.
    pub limit: Duration,
}

/// What came back.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Answer {
    /// What answered, at the end of all redirects.
    pub url: String,
    /// Such as 200.
    pub status: u16,
    /// By name in lower case; of several of one name, all, with commas between.
    pub headers: BTreeMap<String, String>,
    /// As much of it as was asked for.
    pub body: String,
    /// Whether there is more of it.
    pub cut: bool,
    /// From the start to the end of what was read, in seconds.
    pub latency: f64,
}

impl Answer {
    /// Its body as JSON.
    pub fn json(&self) -> Option<serde_json::Value> {
        serde_json::from_str(&self.body).ok()
    }

    #[cfg(test)]
    pub(super) fn of(status: u16, body: &str) -> Self {
        Self {
            url: "http://shop/".into(),
            status,
            headers: BTreeMap::new(),
            body: body.into(),
            cut: false,
            latency: 0.01,
        }
    }
}

impl Http {
    /// Trusts the authorities that this machine trusts.
    pub fn new() -> Self {
        Self::trusting(vec![])
    }

    /// Trusts these authorities besides those that this machine trusts.
    pub fn trusting(roots: Vec<CertificateDer<'static>>) -> Self {
        let clients = Arc::new(Clients::new(roots));
        let (reader, writer) = (HttpReader(clients.clone()), HttpWriter(clients));
        Self { reader, writer }
    }
}

impl Default for Http {
    fn default() -> Self {
        Self::new()
    }
}

impl Driver for Http {
    type Reader = HttpReader;
    type Writer = HttpWriter;
    const KEY: &'static str = "";

    fn reader(&self) -> &HttpReader {
        &self.reader
    }
    fn writer(&self) -> &HttpWriter {
        &self.writer
    }
}

impl HttpReader {
    /// Sends a GET.
    ///
    /// # Errors
    /// Why there was no answer. Any status is an answer; so is a redirect, unless it is to be followed.
    pub async fn get(&self, clock: &dyn Clock, ask: &Ask) -> Result<Answer, Trouble> {
        let end = clock.elapsed() + ask.limit;
        let mut ask = ask.clone();
        let mut visited = vec![ask.url.clone()];
        loop {
            let left = end.saturating_sub(clock.elapsed());
            let request = Request::new(Method::GET, ask.url.clone());
            let answer = self.0.exchange(clock, &ask, request, left).await?;
            let Some(next) = ask.redirect(&answer)? else {
                return Ok(answer);
            };
            if visited.contains(&next) {
                let next = one_line(next.as_str(), 200);
                return Err(Trouble::Redirects(format!(
                    "it redirected in a circle, back to `{next}`"
                )));
            }
            if visited.len() > HOPS {
                let next = one_line(next.as_str(), 200);
                return Err(Trouble::Redirects(format!(
                    "it redirected more than {HOPS} times, at last to `{next}`"
                )));
            }
            visited.push(next.clone());
            ask.move_to(next);
        }
    }
}

impl HttpWriter {
    /// Sends a POST. It never follows a redirect.
    ///
    /// # Errors
    /// Why there was no answer, and whether the server may have got the request all the same.
    pub async fn post(
        &self,
        clock: &dyn Clock,
        ask: &Ask,
        body: &Bytes,
    ) -> Result<Answer, (Trouble, bool)> {
        let sent = Sent::default();
        let mut request = Request::new(Method::POST, ask.url.clone());
        *request.body_mut() = Some(sent.watch(body));
        let answer = self.0.exchange(clock, ask, request, ask.limit).await;
        answer.map_err(|trouble| {
            let maybe = sent.happened() && !(body.is_empty() && trouble.is_before_sending());
            (trouble, maybe)
        })
    }
}

impl Ask {
    /// Where the answer sends the one who asks on.
    fn redirect(&self, answer: &Answer) -> Result<Option<Url>, Trouble> {
        let location = answer.headers.get(LOCATION.as_str());
        let location = match (self.follow_redirects, answer.status, location) {
            (true, 301 | 302 | 303 | 307 | 308, Some(location)) => location,
            _ => return Ok(None),
        };
        let next = self.url.join(location).ok();
        match next.filter(|next| ["http", "https"].contains(&next.scheme())) {
            Some(next) => Ok(Some(next)),
            None => Err(Trouble::Redirects(format!(
                "it redirected to `{}`, which is no HTTP address",
                one_line(location, 200)
            ))),
        }
    }

    /// What was meant for one server is not told to another.
    fn move_to(&mut self, next: Url) {
        if next.origin() != self.url.origin() {
            self.headers.clear();
            self.host = None;
        }
        self.url = next;
    }
}
