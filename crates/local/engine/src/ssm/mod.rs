//! SSM Parameter Store, as far as a deployer needs it: parameters that are put, read by name or path, and deleted.
//!
//! Only the newest version of a parameter is kept. `SecureString` needs a key service, which there is none of here, so it
//! is refused by name. Start at `api`.

mod api;
pub mod records;

pub(crate) use api::register;

/// The signing name.
pub(crate) const SERVICE: &str = "ssm";
