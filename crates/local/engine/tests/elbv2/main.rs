//! `ELBv2` through the engine: API calls in JSON, health events and passing time in; replies, errors and effects out.

#![allow(missing_docs, reason = "tests")]
#![allow(clippy::unwrap_used, reason = "helpers of tests")]
#![allow(clippy::needless_pass_by_value, reason = "inputs are written where they are used")]

mod actions;
mod attributes;
mod cloud;
mod conditions;
mod listeners;
mod load_balancers;
mod routing;
mod rules;
mod tags;
mod target_groups;
mod targets;
