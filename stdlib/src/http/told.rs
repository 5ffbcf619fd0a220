//! What a URL tells before anything is sent.

use super::address;
use super::request::read_url;
use crate::known::Known;
use pb_core::finding::{At, Complaint};
use pb_core::{Failure, code, holds_secret};

/// What speaks against sending a request of this method to `url`.
pub(super) fn against(method: &str, known: Known<'_>) -> Option<Complaint> {
    let text = known.text("url")?;
    // One with a secret in it is read when the secret is fetched.
    let failure = (!holds_secret(text))
        .then(|| refused(method, text))
        .flatten()?;
    Some(Complaint::of(failure).at(At::Argument("url".into())))
}

fn refused(method: &str, text: &str) -> Option<Failure> {
    let url = match read_url(text, text) {
        Ok(url) => url,
        Err(failure) => return Some(failure),
    };
    if url.password().is_some_and(|password| !password.is_empty()) {
        let message = format!(
            "the password in the URL of `{}` stands there as it is",
            url.host_str()?
        );
        return Some(
            Failure::new(&code::LITERAL_SECRET, message)
                .because("it would be written to the journal and shown on screens")
                .hint("take the whole URL, or its password, from `secret(\"env:NAME\")`"),
        );
    }
    let trouble = address::check(&url).err()?;
    Some(trouble.failure(&format!("{method} {text}")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    #[test]
    fn what_a_url_tells_is_said_before_anything_is_sent() {
        let check = |url: Value, expect: Option<&str>| {
            let known = json!({ "url": url });
            let told = against("GET", Known(known.as_object().expect("a map")));
            let told = told.map(|c| {
                let hint = c.hint.map(|hint| format!(" | {hint}")).unwrap_or_default();
                let because = c.because.join(", ");
                format!("{} {:?} {} ({because}){hint}", c.code.id, c.at, c.message)
            });
            assert_eq!(told.as_deref(), expect, "{url}");
        };
        check(
            json!("shop/health"),
            Some(
                "PB0208 Argument(\"url\") `shop/health` is no address that HTTP can ask (relative URL without a \
                 base) | begin it with http:// or https://",
            ),
        );
        check(
            json!("ftp://shop/"),
            Some(
                "PB0208 Argument(\"url\") `ftp://shop/` is no address that HTTP can ask (its scheme is `ftp`) | \
                 begin it with http:// or https://",
            ),
        );
        check(
            json!("https://app:hunter2@shop/"),
            Some(
                "PB0223 Argument(\"url\") the password in the URL of `shop` stands there as it is (it would be \
                 written to the journal and shown on screens) | take the whole URL, or its password, from \
                 `secret(\"env:NAME\")`",
            ),
        );
        check(
            json!("http://169.254.169.254/latest"),
            Some(
                "PB0046 Argument(\"url\") `GET http://169.254.169.254/latest` was not sent (`169.254.169.254` is at \
                 169.254.169.254, a link-local address or a cloud's metadata service)",
            ),
        );
        check(json!("https://app@shop/"), None);
        check(json!("https://app:‹secret-url env:P›@shop/"), None);
        check(json!("http://127.0.0.1:8080/health/"), None);
        check(Value::Null, None);
    }
}
