//! What the unit tests of this area share.

use super::container::{Container, Status};
use super::recipe::Recipe;
use pb_core::{Failure, Result, SecretSource, Vault, code};

struct NoSecrets;

impl SecretSource for NoSecrets {
    fn fetch(&self, reference: &str) -> Result<String> {
        Err(Failure::new(
            &code::SECRET,
            format!("`{reference}` is not set"),
        ))
    }
}

/// A vault without secrets.
pub(crate) fn vault() -> Vault {
    Vault::new(NoSecrets, [7; 32])
}

/// A container of that name.
pub(crate) fn container(name: &str, status: Status) -> Container {
    Container {
        id: format!("{name:0>64}"),
        name: name.into(),
        image: "web:1.0".into(),
        recipe: Recipe::default(),
        labels: [].into(),
        status,
        exit_code: 0,
        out_of_memory: false,
        restarts: 0,
        health: None,
        address: None,
        ended: String::new(),
    }
}
