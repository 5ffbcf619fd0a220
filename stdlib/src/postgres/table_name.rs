//! Names of tables as scripts write them: `orders`, `shop.orders`.

use super::ident::Ident;
use pb_core::{Failure, Result, code};

/// The name as an SQL text takes it, part by part in quotes.
///
/// # Errors
/// `PB0210` for what is no name.
pub(crate) fn quoted(name: &str) -> Result<String> {
    let parts: std::result::Result<Vec<String>, _> = name
        .splitn(2, '.')
        .map(|part| Ident::try_from(part.to_owned()).map(|ident| ident.quoted()))
        .collect();
    let parts = parts.map_err(|error| Failure::new(&code::BAD_NAME, error.to_string()))?;
    Ok(parts.join("."))
}

/// The same, in `public` where no schema is named.
pub(crate) fn in_public(name: &str) -> Result<String> {
    match name.contains('.') {
        true => quoted(name),
        false => quoted(&format!("public.{name}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_quoted_part_by_part() {
        assert_eq!(quoted("orders").expect("a name"), r#""orders""#);
        assert_eq!(quoted("shop.orders").expect("a name"), r#""shop"."orders""#);
        assert_eq!(quoted("a\"; --").expect("a name"), r#""a""; --""#);
        assert_eq!(in_public("orders").expect("a name"), r#""public"."orders""#);
        assert_eq!(quoted("shop.").expect_err("none").code, "PB0210");
    }
}
