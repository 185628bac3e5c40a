//! The balancer over real sockets, seen by clients and targets.

#![allow(clippy::unwrap_used, reason = "a test that meets what it does not expect has failed")]

mod draining;
mod failures;
mod health;
mod http;
mod keep_alive;
mod listeners;
mod rolling;
mod rules;
mod stickiness;
mod streaming;
mod support;
mod upgrade;
mod weights;
