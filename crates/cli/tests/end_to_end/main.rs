//! The whole program against its own local cloud: real processes, real connections, people's own clients.
//!
//! A test that measures traffic or time has the machine to itself; those that mostly wait run side by side. A cloud waits
//! for its turn: see `cloud::Turn`.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::print_stderr,
    reason = "a test may stop at what it did not expect, and says what it does"
)]

mod action;
mod alb;
mod api;
mod blue_green;
mod check;
mod clients;
mod cloud;
mod code_deploy;
mod diagnose;
mod docker;
mod front;
mod hooks;
mod iam;
mod image;
mod init;
mod kill;
mod logs;
mod matrix;
mod native;
mod orphans;
mod past;
mod registry;
mod run;
mod scale;
mod secrets;
mod stage;
mod sync;
mod terraform;
mod traffic;
mod tutorial;
mod workflow;
