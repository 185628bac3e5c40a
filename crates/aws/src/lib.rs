//! Observes and acts through the AWS SDK: calls become plain observations, decisions become calls.
//! It must never decide what a rollout does (that is `tidegate-rollout`) and never send a write a
//! second time blindly. Start with [`deploy::run`], which is a whole deployment as one function.

pub mod alb;
pub mod blueprint;
pub mod client;
pub mod clock;
mod cloudwatch;
mod codedeploy;
pub mod control;
pub mod deploy;
pub mod diagnose;
mod ecr;
mod ecs;
mod elbv2;
pub mod error;
mod exchange;
pub mod fleet;
pub mod gates;
pub mod history;
mod logs;
mod native;
pub mod observe;
pub mod one_off;
mod origin;
pub mod pacing;
pub mod picture;
pub mod provision;
pub mod revisions;
pub mod rollback;
mod rolling;
pub mod scaling;
pub mod sink;
mod ssm;
pub mod status;
pub mod sync;
pub mod tail;
pub mod tasks;
pub mod watch;

pub use client::{Client, ConnectOptions, StaticCredentials};
pub use clock::Clock;
pub use deploy::{DeployError, DeployPlan, Outcome, TaskDefinitionSource};
pub use error::AwsError;
pub use pacing::Pacer;
pub use sink::EventSink;
