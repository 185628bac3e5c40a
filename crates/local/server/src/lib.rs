//! The local cloud: sockets, clock and loops that join wire, engine, store, tasks and balancer.
