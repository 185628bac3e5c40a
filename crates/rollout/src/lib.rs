//! What a rollout decides: which document to register, what differs, whether a deployment has
//! reached its verdict, and where a rollback goes. It must never do I/O, read a clock or name an
//! SDK type: everything it knows comes in as an [`Observation`] and a number of milliseconds, and
//! everything it wants goes out as an [`Action`]. Start reading at [`rolling::step`], then
//! [`event::Event`], which is the one stream that every reporter renders.

pub mod alb;
pub mod case;
pub mod cause;
pub mod code_deploy;
pub mod diagnosis;
pub mod event;
pub mod gate;
pub mod names;
pub mod observation;
pub mod one_off;
pub mod origin;
pub mod pace;
pub mod percent;
pub mod plan;
pub mod prune;
pub mod rollback;
pub mod rolling;
pub mod rules;
pub mod scaling;
pub mod staged;
pub mod strategy;
pub mod task_definition;
pub mod tasks;
pub mod update;
pub mod verdict;

pub use event::Event;
pub use names::{
    ClusterName, DeploymentId, ServiceDeploymentArn, ServiceName, ServiceRef, TaskDefinitionArn,
};
pub use observation::Observation;
pub use percent::Percent;
pub use plan::Plan;
pub use rolling::{Action, Rollout, step};
pub use strategy::{Controller, Strategy};
pub use verdict::Verdict;

/// A moment, in milliseconds since the Unix epoch. Always a parameter, never read from a clock here.
pub type Millis = i64;
