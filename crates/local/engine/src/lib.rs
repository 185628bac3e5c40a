//! What the local cloud decides: ECS, ELBv2 and CloudWatch as state and pure reconcilers.
//!
//! An [`Engine`] takes API calls and events with the time at which they happen, and answers with replies, rows to store
//! and effects to carry out. It never does I/O, reads no clock and draws ids from a seed, so that a simulation can drive
//! it through years in seconds. Start at [`Engine`]; the services are [`ecs`],
//! [`elbv2`], [`codedeploy`] and [`cloudwatch`].

pub mod application_autoscaling;
pub mod cloudwatch;
pub mod codedeploy;
pub mod ec2;
pub mod ecs;
pub mod elbv2;
mod engine;
mod error;
pub mod iam;
mod identity;
pub mod lambda;
pub mod logs;
mod page;
pub mod secretsmanager;
pub mod ssm;
mod state;
mod sts;
mod table;

pub use engine::{Effect, Engine, Event, Reply, Request, Settings, StopCause, TaskChange};
pub use error::ApiError;
pub use identity::Scope;
pub use lambda::FunctionAnswer;
pub use state::{Context, State};
pub use table::{Change, LoadError, Table};
pub use tidegate_models::Timestamp;
