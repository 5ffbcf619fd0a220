//! What goes with a request besides its body.

use super::driver::Ask;
use pb_core::{Failure, Readers, Result, SecretText, code};
use reqwest::Url;
use reqwest::header::{AUTHORIZATION, HeaderMap, HeaderName, HeaderValue};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::time::Duration;

/// What goes with a request.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct RequestOptions {
    /// The name to ask for, where it is not that of the URL: sent as `Host`; with https the certificate has to be for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub host: Option<String>,
    /// Headers to send, by name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub headers: BTreeMap<String, SecretText>,
    /// A token, sent as `Authorization: Bearer …`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bearer: Option<SecretText>,
}

impl RequestOptions {
    /// The request as it goes out.
    ///
    /// # Errors
    /// `PB0208` for what is no URL or no header, `PB0011` for a secret that cannot be fetched.
    pub fn ask(
        &self,
        read: &Readers,
        url: &SecretText,
        keep: usize,
        limit: Duration,
    ) -> Result<Ask> {
        let mut headers = HeaderMap::new();
        for (name, value) in &self.headers {
            let wrong = |what: &str| {
                let message =
                    format!("the header `{name}` was refused: its {what} may not be sent");
                Failure::new(&code::WRONG_TYPE, message)
            };
            let known = HeaderName::from_bytes(name.as_bytes()).map_err(|_| wrong("name"))?;
            let exposed = read.vault().expose(value)?;
            let mut sent = HeaderValue::from_str(&exposed).map_err(|_| wrong("value"))?;
            sent.set_sensitive(value.is_secret());
            headers.append(known, sent);
        }
        if let Some(bearer) = &self.bearer {
            let exposed = format!("Bearer {}", read.vault().expose(bearer)?.trim());
            let mut sent = HeaderValue::from_str(&exposed).map_err(|_| {
                let message = "the token in `bearer` was refused: it may not be sent in a header";
                Failure::new(&code::WRONG_TYPE, message)
            })?;
            sent.set_sensitive(true);
            headers.insert(AUTHORIZATION, sent);
        }
        Ok(Ask {
            url: parse(read, url)?,
            host: self.host.clone(),
            headers,
            follow_redirects: false,
            keep,
            limit,
        })
    }
}

fn parse(read: &Readers, url: &SecretText) -> Result<Url> {
    read_url(&read.vault().expose(url)?, url.as_str())
}

/// The address that a text is; `shown` is how errors name it.
pub(super) fn read_url(text: &str, shown: &str) -> Result<Url> {
    let wrong = |why: &str| {
        let message = format!("`{shown}` is no address that HTTP can ask");
        Failure::new(&code::WRONG_TYPE, message).because(why)
    };
    let parsed = Url::parse(text);
    let parsed = parsed.map_err(|error| {
        let failure = wrong(&error.to_string());
        match error {
            url::ParseError::RelativeUrlWithoutBase => {
                failure.hint("begin it with http:// or https://")
            }
            _ => failure,
        }
    })?;
    match parsed.scheme() {
        "http" | "https" => Ok(parsed),
        scheme => {
            let failure = wrong(&format!("its scheme is `{scheme}`"));
            Err(failure.hint("begin it with http:// or https://"))
        }
    }
}
