//! The cluster has no service of that name.

use super::{Rule, Shown};
use crate::case::{Case, Fact};
use crate::cause::{Bearing, Cause, Heals};

pub(super) const RULE: Rule = Rule {
    id: "service-missing",
    symptom: "DescribeServices answers MISSING",
    what: "the cluster has no service of that name",
    fix: "check the name, the cluster, the region and the account",
    heals: Heals::Never,
    bearing: Bearing::Cause,
    signs: &[],
    look,
    shown: Shown::OnTheLocalCloud,
};

/// Names that are worth a guess.
const GUESSES: usize = 3;

fn look(rule: &Rule, case: &Case) -> Option<Cause> {
    if case.service.is_some() {
        return None;
    }
    let (cluster, wanted) = (case.target.cluster.short(), case.target.service.short());
    let cause = rule
        .found()
        .named(format!("cluster {cluster} has no service {wanted}"))
        .seen(format!("DescribeServices: {wanted} is MISSING in {cluster}"));
    let list = || format!("aws ecs list-services --cluster {cluster}");
    let Fact::Known(others) = &case.neighbours else { return Some(cause.then(list())) };
    let mut near: Vec<(f64, &String)> =
        others.iter().map(|name| (strsim::jaro_winkler(wanted, name), name)).collect();
    near.sort_by(|one, other| other.0.total_cmp(&one.0).then_with(|| one.1.cmp(other.1)));
    let alike: Vec<&str> =
        near.iter().filter(|(like, _)| *like > 0.7).take(GUESSES).map(|(_, name)| name.as_str()).collect();
    Some(match (alike.first(), others.len()) {
        (_, 0) => cause.seen(format!("{cluster} has no service at all")).then("aws ecs list-clusters"),
        (Some(nearest), n) => cause
            .seen(format!("of the {n} services of {cluster}, these come near: {}", alike.join(", ")))
            .then(format!("tidegate diagnose --cluster {cluster} --service {nearest}")),
        (None, n) => cause.seen(format!("none of the {n} services of {cluster} comes near")).then(list()),
    })
}
