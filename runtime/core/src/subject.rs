//! What a step touches, and whether another step touches the same.

use serde::{Deserialize, Serialize};

/// A thing that a step touches.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Subject {
    /// Such as `container`, `schema`, `url`.
    pub kind: String,
    /// Its name, unique within the kind; a part of another thing begins with that one's name and `/`.
    pub name: String,
    /// Whether nobody can tell what it reaches: a program, a URL.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub vague: bool,
}

impl Subject {
    /// A thing of that kind.
    pub fn new(kind: &str, name: impl Into<String>) -> Self {
        Self {
            kind: kind.into(),
            name: name.into(),
            vague: false,
        }
    }

    /// A thing of which nobody can tell what it reaches.
    pub fn vague(kind: &str, name: impl Into<String>) -> Self {
        Self {
            vague: true,
            ..Self::new(kind, name)
        }
    }

    /// Whether a change of the other may be one of it.
    pub(crate) fn may_be(&self, other: &Self) -> bool {
        self.vague || other.vague || self.is_part_of(other)
    }

    /// Whether one of the two is the other, or a part of it; of one kind nothing is a part of another.
    pub(crate) fn is_part_of(&self, other: &Self) -> bool {
        if self.kind == other.kind {
            return self.name == other.name;
        }
        let part = |of: &Self, whole: &Self| {
            let rest = of.name.strip_prefix(whole.name.as_str());
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        };
        part(self, other) || part(other, self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_may_be_changed_with_another_is_told_by_name() {
        let new = Subject::new;
        let (shop, public, guest) = (
            new("database", "shop"),
            new("schema", "shop"),
            new("schema", "shop/guest"),
        );
        let check = |a: &Subject, b: &Subject, expected: bool| {
            assert_eq!(a.may_be(b), expected, "{a:?} {b:?}");
            assert_eq!(b.may_be(a), expected, "{b:?} {a:?}");
        };
        check(&shop, &guest, true);
        check(&shop, &public, true);
        check(&public, &guest, false);
        check(&new("database", "shopping"), &guest, false);
        check(
            &new("container", "web-1"),
            &new("container", "web-2"),
            false,
        );
        check(&Subject::vague("url", "http://shop"), &guest, true);
    }
}
