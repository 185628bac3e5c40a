//! Task definitions as AWS's own camelCase JSON. Nothing here may drop a key that it does not know:
//! AWS adds fields faster than programs learn them, and a copy that loses one changes production.
//! Start with [`prepare`], which is the whole way from a described definition to a request.

pub mod diff;
pub mod edit;
pub mod images;
pub mod normalise;
pub mod spelling;
pub mod strip;

use diff::Difference;
use images::{ImageChange, ImageError};
use serde_json::Value;

/// A document that can be registered, and how it differs from the running one.
#[derive(Debug, Clone, PartialEq)]
pub struct Prepared {
    /// The `RegisterTaskDefinition` request.
    pub document: Value,
    /// What differs from what runs, after both are normalised.
    pub differences: Vec<Difference>,
}

impl Prepared {
    /// Is a new revision needed? Only what a task would notice counts; tags alone do not.
    pub fn registering(&self) -> Registering {
        if self.differences.iter().any(Difference::needs_a_revision) {
            Registering::Needed
        } else {
            Registering::NotNeeded
        }
    }
}

/// Whether a new revision is needed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Registering {
    /// Something that a task would notice differs.
    Needed,
    /// The running revision is this document already.
    NotNeeded,
}

/// Sets the images of `wanted`, strips it, and compares it with `running` (a described definition,
/// with its tags beside it under `tags`).
pub fn prepare(running: &Value, wanted: &Value, images: &[ImageChange]) -> Result<Prepared, ImageError> {
    let mut document = strip::registrable(wanted);
    crate::origin::without_tags(&mut document);
    spelling::spell_for_aws(&mut document);
    images::set_images(&mut document, images)?;
    let mut running = strip::registrable(running);
    crate::origin::without_tags(&mut running);
    let before = normalise::normalised(&running);
    let after = normalise::normalised(&document);
    Ok(Prepared { document, differences: diff::differences(&before, &after) })
}
