//! What a rollout decides: strategies, verdicts, rollback targets, diffs. Pure.
