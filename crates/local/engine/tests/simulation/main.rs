//! The scheduler in a made-up world: a fake clock, a fake runtime and a fake balancer, all from one seed.
//!
//! A [`world::World`] drives the engine as the shell does: events and calls in, settle, store, effects out; it may lose
//! power or its store at each of these points. `watch` holds the invariants, after every step. `random` makes thousands
//! of worlds; `stories` tells single ones. A failing seed is run again with `TIDEGATE_SEED` and prints its trace.

#![allow(missing_docs, reason = "tests")]
#![allow(clippy::unwrap_used, clippy::panic, reason = "helpers of tests")]

mod actions;
mod alarms;
mod code_deploy;
mod code_deploy_watch;
mod code_deploy_worlds;
mod functions;
mod hooks;
mod random;
mod recount;
mod release;
mod runtime;
mod scaling;
mod setup;
mod staged;
mod stops;
mod stories;
mod task_set_watch;
mod task_set_worlds;
mod task_sets;
mod watch;
mod world;
