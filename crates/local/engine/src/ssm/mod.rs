//! SSM Parameter Store: parameters that are put, read by name or path, labelled, tagged and deleted.
//!
//! `parameters` holds the newest version of each, `parameter_versions` the older ones. There is no key service: the value
//! of a `SecureString` is kept from being printed here and sealed by the store; a key's name is only shown. Start at `api`.

mod api;
pub mod records;

pub(crate) use api::{register, value_of};

/// The signing name.
pub(crate) const SERVICE: &str = "ssm";
