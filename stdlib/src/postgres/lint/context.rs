//! How much a finding weighs where the folder is used.

use super::found::{Found, Kind};
use pb_core::finding::Level;
use pb_core::finding::{At, Complaint};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What `pb check` makes of findings that no run would refuse.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Strictness {
    /// They are errors.
    Error,
    /// They are warnings.
    #[default]
    Warn,
    /// They are not told.
    Off,
}

/// The weight of each kind; `None` where it is not told.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Context {
    pub(crate) doubtful: Option<Level>,
    pub(crate) destroys: Option<Level>,
    pub(crate) no_way_back: Option<Level>,
    /// Whether the schema is a tenant's: its tables are new, and nobody waits for them.
    pub(crate) tenant: bool,
}

impl Strictness {
    pub(crate) fn level(self) -> Option<Level> {
        match self {
            Self::Error => Some(Level::Error),
            Self::Warn => Some(Level::Warning),
            Self::Off => None,
        }
    }
}

impl Context {
    /// A folder that no call is known of.
    pub(super) const ALONE: Self = Self {
        doubtful: Some(Level::Warning),
        destroys: Some(Level::Warning),
        no_way_back: Some(Level::Warning),
        tenant: false,
    };

    pub(super) fn complaint(&self, file: &str, found: &Found) -> Option<Complaint> {
        let level = match found.kind {
            Kind::Refused => Some(Level::Error),
            Kind::Destroys => self.destroys,
            Kind::NoWayBack => self.no_way_back,
            Kind::Traffic if self.tenant => None,
            Kind::Tenant if !self.tenant => None,
            Kind::Traffic | Kind::Tenant | Kind::Doubtful => self.doubtful,
        };
        Some(Complaint {
            code: found.code,
            level: level?,
            message: found.message.clone(),
            because: found.because.clone(),
            hint: found.hint.clone(),
            at: At::File {
                file: file.to_owned(),
                line: found.spot.line,
                column: found.spot.column,
                end_column: found.spot.end_column,
            },
        })
    }
}
