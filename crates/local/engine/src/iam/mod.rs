//! AWS IAM: roles, policies, instance profiles and identity providers, as records.
//!
//! It is global: its rows and ARNs know an account and no region. Documents are checked and kept as they were given; what
//! they allow is decided in [`authority`], where a cloud was started to enforce it. Start at `api`; `document` is the
//! grammar of policies, `managed` holds those that AWS made.

mod api;
pub mod authority;
mod document;
mod managed;
pub mod records;
mod service_linked;

pub(crate) use api::register;
pub(crate) use service_linked::ensure as ensure_service_linked_role;

/// The signing name.
pub(crate) const SERVICE: &str = "iam";
