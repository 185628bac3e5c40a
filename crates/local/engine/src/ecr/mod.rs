//! Amazon ECR: repositories with their settings and policies, their images, and which layers they have.
//!
//! Of layers only their digests are here; whoever runs the engine keeps the bytes, and says that a repository has them by
//! the call [`KEEP_LAYER`], which the API does not have. Start at `api`; `images` is what calls and reconcilers share.

mod api;
pub mod images;
mod lifecycle;
pub mod manifest;
pub mod records;
pub mod token;
mod wildcard;

pub(crate) use api::register;
pub use api::{KEEP_LAYER, KeepLayer, Kept, Source, repository};
pub use images::host;
pub(crate) use images::{observe_pull, reconcile_repository};

/// The signing name.
pub const SERVICE: &str = "ecr";
