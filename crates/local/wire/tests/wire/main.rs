//! The wire as its clients meet it: bytes in, bytes out.

mod exchange;
mod hostile;
mod random_shapes;
mod refusals;
mod requests;
mod responses;
mod round_trips;
