//! Which task definition revisions may go. It must never name a revision that runs, that a rollback
//! needs, or that belongs to another family: an INACTIVE revision cannot be deployed again.
//! Start with [`prunable`].

use crate::names::TaskDefinitionArn;
use std::collections::BTreeSet;

/// The revisions of `family` that may be deregistered, oldest first: all but the newest `keep`, and
/// never one of `needed` (what services run, and what the deployment history may roll back to).
pub fn prunable(
    family: &str,
    active: &[TaskDefinitionArn],
    needed: &BTreeSet<TaskDefinitionArn>,
    keep: usize,
) -> Vec<TaskDefinitionArn> {
    let mut own: Vec<&TaskDefinitionArn> = active.iter().filter(|arn| arn.family() == family).collect();
    own.sort_by_key(|arn| arn.revision());
    let gone = own.len().saturating_sub(keep);
    own.into_iter().take(gone).filter(|arn| !needed.contains(arn)).cloned().collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn arn(family: &str, revision: u32) -> TaskDefinitionArn {
        TaskDefinitionArn::parse(&format!("arn:aws:ecs:r:1:task-definition/{family}:{revision}"))
            .expect("valid")
    }

    #[test]
    fn the_newest_ones_and_the_needed_ones_stay() {
        let active: Vec<_> = (1..=6).map(|n| arn("web", n)).collect();
        let needed = BTreeSet::from([arn("web", 2)]);
        let gone = prunable("web", &active, &needed, 2);
        assert_eq!(gone, vec![arn("web", 1), arn("web", 3), arn("web", 4)]);
    }

    proptest! {
        #[test]
        fn nothing_needed_and_no_other_family_is_ever_named(
            revisions in proptest::collection::btree_set(1u32..60, 0..40),
            others in proptest::collection::btree_set(1u32..60, 0..10),
            needed in proptest::collection::btree_set(1u32..60, 0..10),
            keep in 0usize..20,
        ) {
            let active: Vec<_> = revisions.iter().map(|n| arn("web", *n))
                .chain(others.iter().map(|n| arn("web-admin", *n))).collect();
            let needed: BTreeSet<_> = needed.iter().map(|n| arn("web", *n)).collect();
            let gone = prunable("web", &active, &needed, keep);
            prop_assert!(gone.iter().all(|arn| arn.family() == "web" && !needed.contains(arn)));
            prop_assert!(revisions.len() - gone.len() >= keep.min(revisions.len()));
        }
    }
}
