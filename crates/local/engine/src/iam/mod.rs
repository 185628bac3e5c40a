//! AWS IAM: roles, policies, instance profiles and identity providers, as records.
//!
//! It is global: its rows and ARNs know an account and no region. What a policy allows is not decided here; documents
//! are checked and kept as they were given, so that who enforces them can read them. Start at `api`; `document` is the
//! grammar of policies, `managed` holds those that AWS made.

mod api;
mod document;
mod managed;
pub mod records;
mod service_linked;

pub(crate) use api::register;
pub(crate) use service_linked::ensure as ensure_service_linked_role;

/// The signing name.
pub(crate) const SERVICE: &str = "iam";
