//! One request from a client: which rule, which group, which target, what comes back.
//!
//! Everything here runs on a worker and serves many thousand requests a second: no lock, no wait that is not for a
//! socket. Start at [`service::serve`].

mod answers;
mod body;
mod client_body;
mod forward;
mod redirect;
mod request_head;
mod service;
mod stickiness;
mod trace_id;
mod tunnel;

pub(crate) use body::ProxyBody;
pub(crate) use service::{Activity, ClientConnection, serve};
pub(crate) use stickiness::sticky_id;
