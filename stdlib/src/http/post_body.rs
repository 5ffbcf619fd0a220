//! The body of a POST: JSON, a text or a form, with its secrets in it.

use super::http_post::Args;
use pb_core::{Result, Vault};
use serde_json::Value;

/// Type and bytes of the body, with its secrets.
pub(super) fn content(args: &Args, vault: &Vault) -> Result<(Option<&'static str>, Vec<u8>)> {
    if let Some(json) = &args.json {
        let text = exposed(vault, json)?.to_string();
        return Ok((Some("application/json"), text.into()));
    }
    if let Some(body) = &args.body {
        let kind = "text/plain; charset=utf-8";
        return Ok((Some(kind), vault.expose(body)?.into()));
    }
    if args.form.is_empty() {
        return Ok((None, vec![]));
    }
    let mut form = url::form_urlencoded::Serializer::new(String::new());
    for (name, value) in &args.form {
        form.append_pair(name, &vault.expose(value)?);
    }
    let kind = "application/x-www-form-urlencoded";
    Ok((Some(kind), form.finish().into()))
}

/// The data with its secrets, to the leaves.
fn exposed(vault: &Vault, data: &Value) -> Result<Value> {
    Ok(match data {
        Value::String(text) => vault.expose(&text.as_str().into())?.into(),
        Value::Array(items) => {
            let items = items.iter().map(|item| exposed(vault, item));
            items.collect::<Result<Vec<_>>>()?.into()
        }
        Value::Object(map) => {
            let items = map.iter().map(|(k, v)| Ok((k.clone(), exposed(vault, v)?)));
            Value::Object(items.collect::<Result<_>>()?)
        }
        plain => plain.clone(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    struct Fixed;
    impl pb_core::SecretSource for Fixed {
        fn fetch(&self, _: &str) -> Result<String> {
            Ok("p@ss&word".into())
        }
    }

    fn args(mut options: Value) -> Args {
        options["url"] = "http://shop/hook".into();
        serde_json::from_value(options).expect("arguments")
    }

    #[test]
    fn bodies_carry_their_secrets() {
        let check = |options: Value, kind: Option<&str>, body: &str| {
            let (got, bytes) =
                content(&args(options), &Vault::new(Fixed, [0; 32])).expect("the secret is known");
            assert_eq!(
                (got, String::from_utf8_lossy(&bytes).as_ref()),
                (kind, body)
            );
        };
        check(json!({}), None, "");
        check(
            json!({ "json": { "a": ["‹secret env:T›", 1] } }),
            Some("application/json"),
            r#"{"a":["p@ss&word",1]}"#,
        );
        check(
            json!({ "body": "x" }),
            Some("text/plain; charset=utf-8"),
            "x",
        );
        check(
            json!({ "form": { "a b": "‹secret env:T›" } }),
            Some("application/x-www-form-urlencoded"),
            "a+b=p%40ss%26word",
        );
    }
}
