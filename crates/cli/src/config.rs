//! `tidegate.yml`: what it may say, read into types, with every mistake pointed at by line and
//! column. It must never be read anywhere else. Start with [`Config::read`]; the keys are in `file`.

mod check;
pub mod document;
pub mod duration;
mod error;
mod file;
mod gates;
mod local;
mod lookup;
mod section;
mod strategy;
pub mod sync;
mod yaml;

pub use error::{ConfigError, Source};
pub use file::{Config, Reading, TaskDefinitionConfig};
pub use local::{FunctionTarget, LocalConfig};
