//! The HTTP data plane: listeners, rules, weights, health, draining, metrics.
