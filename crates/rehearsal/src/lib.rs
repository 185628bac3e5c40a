//! Rehearsals: steady traffic on a service, faults for its candidate, and the report of what users would have noticed.
//!
//! It measures and never steers: what is deployed, and how, is the deployer's. A request that failed is never tried again.
//! Start at [`load::Traffic`] and [`report::Report`].

pub mod fault;
pub mod load;
pub mod report;
pub mod sample;

pub use fault::Fault;
pub use load::{Load, Measured, Traffic};
pub use report::{Outcome, Report};
