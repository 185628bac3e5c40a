//! The wire as its clients meet it: bytes in, bytes out.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on fails")]
#![allow(clippy::result_large_err, reason = "nothing here is hot")]

mod constraints;
mod exchange;
mod hostile;
mod random_shapes;
mod refusals;
mod requests;
mod responses;
mod round_trips;
