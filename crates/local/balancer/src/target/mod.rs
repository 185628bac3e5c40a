//! One target and the HTTP/1.1 that is spoken with it.
//!
//! A connection to a target is driven by the request that uses it and by nothing else: no task, no channel. Nothing
//! here knows rules, groups or clients. Start at [`runtime::TargetRuntime`], then [`exchange::Exchange`].

mod body;
mod chunked;
mod connection;
mod exchange;
mod keep_alive;
mod outgoing;
mod patience;
mod response_head;
mod runtime;

pub(crate) use body::{BodyError, Received, TargetBody};
pub(crate) use connection::{ConnectFailure, TargetConnection};
pub(crate) use exchange::{Exchange, ExchangeFailure};
pub(crate) use outgoing::{BodyFraming, Outgoing, Repeatable};
pub(crate) use patience::Patience;
pub(crate) use response_head::ResponseHead;
pub(crate) use runtime::{InFlight, TargetRuntime, locked};
