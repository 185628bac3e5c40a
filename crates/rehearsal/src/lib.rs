//! Rehearsals: load generator, faults, the report.
