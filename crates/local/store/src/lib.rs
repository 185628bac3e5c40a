//! SQLite: what is durable, and in which order.
