//! Handles name a thing of the environment: a database, an engine, a router. They are data, connections are not.

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};
use serde_json::{Map, Value, json};
use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;

/// Key that tells a handle from a plain map in JSON.
pub const HANDLE_KEY: &str = "$handle";

/// What a table of `pb.toml` with a driver's key becomes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Handle {
    /// Such as `postgres`.
    pub driver: String,
    /// The key in the environment, such as `database`.
    pub name: String,
    /// The table; secrets in it are references.
    pub config: Map<String, Value>,
    /// The open transaction that it stands for, within a `transaction`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub transaction: Option<String>,
}

impl Handle {
    /// The JSON that stands for it in arguments.
    pub fn to_value(&self) -> Value {
        json!({ HANDLE_KEY: self })
    }

    /// Reads what `to_value` made.
    pub fn of_value(value: &Value) -> Option<Self> {
        Self::deserialize(value.get(HANDLE_KEY)?).ok()
    }

    /// The handle itself, outside of any transaction.
    pub fn without_transaction(&self) -> Self {
        Self {
            transaction: None,
            ..self.clone()
        }
    }
}

impl fmt::Display for Handle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)
    }
}

/// A kind of argument that takes handles.
pub trait HandleKind: Send + Sync + 'static {
    /// Drivers whose handles it takes.
    const DRIVERS: &'static [&'static str];
    /// The key of the environment that is meant when the argument is left out.
    const DEFAULT: Option<&'static str>;
}

/// A handle in an argument, of a kind known when the call is read.
pub struct HandleOf<K>(pub Handle, PhantomData<K>);

impl<K> HandleOf<K> {
    /// The same handle as that kind.
    pub fn new(handle: Handle) -> Self {
        Self(handle, PhantomData)
    }
}

impl<K> Clone for HandleOf<K> {
    fn clone(&self) -> Self {
        Self::new(self.0.clone())
    }
}

impl<K> fmt::Debug for HandleOf<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl<K> PartialEq for HandleOf<K> {
    fn eq(&self, other: &Self) -> bool {
        self.0 == other.0
    }
}

impl<K> Serialize for HandleOf<K> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.to_value().serialize(serializer)
    }
}

impl<'de, K: HandleKind> Deserialize<'de> for HandleOf<K> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let value = Value::deserialize(deserializer)?;
        let wanted = K::DRIVERS.join(" or ");
        let handle = Handle::of_value(&value)
            .ok_or_else(|| D::Error::custom(format!("not a handle of driver {wanted}")))?;
        if !K::DRIVERS.contains(&handle.driver.as_str()) {
            let driver = handle.driver;
            return Err(D::Error::custom(format!(
                "a handle of driver {driver}, not of {wanted}"
            )));
        }
        Ok(Self::new(handle))
    }
}

impl<K: HandleKind> JsonSchema for HandleOf<K> {
    fn schema_name() -> Cow<'static, str> {
        K::DRIVERS.join("_").into()
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        let mut schema = Schema::default();
        schema.insert("x-handle".into(), json!(K::DRIVERS));
        if let Some(default) = K::DEFAULT {
            schema.insert("x-default-handle".into(), json!(default));
        }
        schema
    }
    fn inline_schema() -> bool {
        true
    }
}
