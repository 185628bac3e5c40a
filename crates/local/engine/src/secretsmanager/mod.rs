//! AWS Secrets Manager: secrets, their versions and the stages of these.
//!
//! `secrets` holds what everybody may see, `secret_versions` the values; a value is never printed, and the store seals
//! both. Nothing rotates here, and no policy is enforced: there is nobody to deny anything to. Start at `api`.

mod api;
mod reconcile;
pub mod records;

pub(crate) use api::{find_value, register, source_of};
pub(crate) use reconcile::reconcile_secret;

/// The signing name.
pub(crate) const SERVICE: &str = "secretsmanager";

/// The stage of the version that is read unless somebody asks for another.
pub(crate) const CURRENT: &str = "AWSCURRENT";
/// The stage of the version that was current before.
pub(crate) const PREVIOUS: &str = "AWSPREVIOUS";
