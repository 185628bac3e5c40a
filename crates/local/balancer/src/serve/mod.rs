//! Threads, listening sockets and clients' connections.
//!
//! Workers share nothing that is locked per request. What a request means is not decided here. Start at
//! [`Workers::start`].

mod connection;
mod listener;
mod worker;

pub(crate) use listener::{RunningListener, bind};
pub(crate) use worker::{Shared, Workers};
