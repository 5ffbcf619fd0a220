//! JSON values as parameters: sent as text, read by the server as the type that it found for them.

use bytes::BytesMut;
use pb_core::{Failure, Result, SecretText, Vault, code};
use serde_json::Value;
use std::error::Error;
use tokio_postgres::types::{Format, IsNull, Kind, ToSql, Type};

/// A parameter in the server's own notation; `None` is NULL.
pub(crate) struct Param(Option<String>);

impl Param {
    /// The value for a parameter of that type; `n` is its number, from 1. Secrets are exposed here.
    ///
    /// # Errors
    /// `PB0208` for a list where the type takes none, and the other way round.
    pub(crate) fn of(n: usize, value: &Value, ty: &Type, vault: &Vault) -> Result<Self> {
        let plain = exposed(value, vault)?;
        let text = match (&plain, ty.kind()) {
            (Value::Null, _) => return Ok(Self(None)),
            (value, _) if is_json(ty) => value.to_string(),
            (Value::Array(items), Kind::Array(item)) => list(n, items, item)?,
            (value, Kind::Array(_)) if !value.is_string() => return Err(unfit(n, value, ty)),
            (value, _) => scalar(n, value, ty)?,
        };
        Ok(Self(Some(text)))
    }
}

fn is_json(ty: &Type) -> bool {
    *ty == Type::JSON || *ty == Type::JSONB
}

fn scalar(n: usize, value: &Value, ty: &Type) -> Result<String> {
    match value {
        Value::Bool(yes) => Ok(yes.to_string()),
        Value::Number(number) => Ok(number.to_string()),
        Value::String(text) => Ok(text.clone()),
        Value::Null | Value::Array(_) | Value::Object(_) => Err(unfit(n, value, ty)),
    }
}

/// `{1,NULL,"a \"quoted\" text"}`.
fn list(n: usize, items: &[Value], item: &Type) -> Result<String> {
    let texts: Result<Vec<String>> = items
        .iter()
        .map(|value| match value {
            Value::Null => Ok("NULL".into()),
            value if is_json(item) => Ok(quoted(&value.to_string())),
            // PostgreSQL has no type of its own for lists of lists.
            Value::Array(inner) => list(n, inner, item),
            value => scalar(n, value, item).map(|text| quoted(&text)),
        })
        .collect();
    Ok(format!("{{{}}}", texts?.join(",")))
}

fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', r"\\").replace('"', "\\\""))
}

fn unfit(n: usize, value: &Value, ty: &Type) -> Failure {
    let what = pb_core::spec::show(value);
    let message =
        format!("parameter ${n} was refused: it is {what}, and the statement takes `{ty}`");
    let failure = Failure::new(&code::WRONG_TYPE, message).with("parameter", n);
    match value {
        Value::Object(_) => failure.hint(format!("write `${n}::jsonb` in the statement")),
        Value::Array(_) => failure.hint(format!("write `${n}::text[]` in the statement")),
        _ => failure,
    }
}

fn exposed(value: &Value, vault: &Vault) -> Result<Value> {
    Ok(match value {
        Value::String(text) => Value::String(vault.expose(&SecretText::from(text.as_str()))?),
        Value::Array(items) => {
            let items: Result<Vec<Value>> = items.iter().map(|v| exposed(v, vault)).collect();
            Value::Array(items?)
        }
        Value::Object(map) => {
            let pairs = map.iter().map(|(k, v)| Ok((k.clone(), exposed(v, vault)?)));
            Value::Object(pairs.collect::<Result<_>>()?)
        }
        other => other.clone(),
    })
}

impl std::fmt::Debug for Param {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Param(…)")
    }
}

impl ToSql for Param {
    fn to_sql(&self, _: &Type, out: &mut BytesMut) -> Result<IsNull, Box<dyn Error + Sync + Send>> {
        Ok(match &self.0 {
            None => IsNull::Yes,
            Some(text) => {
                out.extend_from_slice(text.as_bytes());
                IsNull::No
            }
        })
    }

    fn accepts(_: &Type) -> bool {
        true
    }

    fn encode_format(&self, _: &Type) -> Format {
        Format::Text
    }

    fn to_sql_checked(
        &self,
        ty: &Type,
        out: &mut BytesMut,
    ) -> Result<IsNull, Box<dyn Error + Sync + Send>> {
        self.to_sql(ty, out)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    struct Fixed;
    impl pb_core::SecretSource for Fixed {
        fn fetch(&self, _: &str) -> Result<String> {
            Ok("s3cret!".into())
        }
    }

    fn text(value: Value, ty: &Type) -> Result<Option<String>, String> {
        let vault = Vault::new(Fixed, [0; 32]);
        let made = Param::of(1, &value, ty, &vault);
        made.map(|p| p.0).map_err(|failure| failure.message)
    }

    #[test]
    fn values_are_written_as_the_server_reads_them() {
        let check = |value: Value, ty: Type, expect: &str| {
            let made = text(value.clone(), &ty).expect("fits").expect("not null");
            assert_eq!(made, expect, "{value} as {ty}");
        };
        check(json!(true), Type::BOOL, "true");
        check(json!(-7), Type::INT4, "-7");
        check(json!(0.5), Type::NUMERIC, "0.5");
        check(json!("a'b"), Type::TEXT, "a'b");
        check(json!("2026-01-31"), Type::DATE, "2026-01-31");
        check(json!("{1,2}"), Type::INT4_ARRAY, "{1,2}");
        check(json!([1, null, 3]), Type::INT4_ARRAY, r#"{"1",NULL,"3"}"#);
        check(
            json!(["a\"b", "c\\d", "NULL", ""]),
            Type::TEXT_ARRAY,
            r#"{"a\"b","c\\d","NULL",""}"#,
        );
        check(
            json!([[1, 2], [3, 4]]),
            Type::INT4_ARRAY,
            r#"{{"1","2"},{"3","4"}}"#,
        );
        check(json!([]), Type::TEXT_ARRAY, "{}");
        check(json!({ "a": [1] }), Type::JSONB, r#"{"a":[1]}"#);
        check(json!("text"), Type::JSON, "\"text\"");
        check(json!([{ "a": 1 }]), Type::JSONB_ARRAY, r#"{"{\"a\":1}"}"#);
        check(json!("x ‹secret env:P›"), Type::TEXT, "x s3cret!");
        check(
            json!(["‹secret env:P›"]),
            Type::TEXT_ARRAY,
            r#"{"s3cret!"}"#,
        );
        assert_eq!(text(Value::Null, &Type::JSONB), Ok(None));
    }

    #[test]
    fn what_fits_no_type_names_the_parameter() {
        let refused = |value: Value, ty: Type| text(value, &ty).expect_err("refused");
        assert_eq!(
            refused(json!([1]), Type::INT4),
            "parameter $1 was refused: it is a list, and the statement takes `int4`"
        );
        assert_eq!(
            refused(json!({ "a": 1 }), Type::TEXT),
            "parameter $1 was refused: it is a map, and the statement takes `text`"
        );
        assert_eq!(
            refused(json!(3), Type::INT4_ARRAY),
            "parameter $1 was refused: it is 3, and the statement takes `_int4`"
        );
    }
}
