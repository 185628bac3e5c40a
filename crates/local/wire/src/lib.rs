//! AWS protocols by the service models: bytes to typed requests and back.
//!
//! It reads a request as AWS's clients write it, refuses what AWS would refuse before any behaviour, and writes
//! answers and errors in the protocol that was spoken; it must never know what an operation does, and never do I/O.
//! Start at [`Wire::decode`].

mod call;
mod cbor;
mod encoding;
mod error;
mod json;
mod malformed;
mod params;
mod pattern;
mod query;
mod refusal;
mod request_id;
mod service;
mod signature;
mod time_text;
mod validation;
mod wire;
mod xml;

pub use call::Call;
pub use error::ApiError;
pub use wire::{MAX_BODY, MAX_LAYER_BODY, Settings, Wire, max_body};

/// A complete answer, ready to be sent.
pub type Response = http::Response<bytes::Bytes>;
