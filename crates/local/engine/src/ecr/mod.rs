//! Amazon ECR: repositories with their settings and policies. Images are not kept yet: operations on them say so.
//!
//! Start at `api`.

mod api;
pub mod records;

pub(crate) use api::register;

/// The signing name.
pub(crate) const SERVICE: &str = "ecr";
