//! The new tasks serve, and the old ones have not gone yet.

use super::{Rule, Shown};
use crate::case::Case;
use crate::cause::{Bearing, Cause, Heals};

pub(super) const RULE: Rule = Rule {
    id: "old-tasks-drain",
    symptom: "stands at 100 %, old tasks linger: draining, DEACTIVATING",
    what: "the old tasks still drain",
    fix: "nothing to do: it ends by itself; a lower deregistration_delay.timeout_seconds makes it faster",
    heals: Heals::Perhaps,
    bearing: Bearing::Cause,
    signs: &[],
    look,
    shown: Shown::OnTheLocalCloud,
};

fn look(rule: &Rule, case: &Case) -> Option<Cause> {
    use crate::case::Course;
    if !matches!(case.course(), Course::Moving | Course::GoingBack) {
        return None;
    }
    let primary = case.service.as_ref()?.seen.deployments.iter().find(|it| it.is_primary())?;
    if primary.running < primary.desired || primary.desired == 0 {
        return None;
    }
    // Tasks of this deployment that drain were killed, and that is another story.
    let leaves = |task: &&crate::case::Task| {
        !task.failed() && task.end.stopped_at.is_none() && matches!(task.last_status.as_str(), "DEACTIVATING" | "STOPPING")
    };
    let going: Vec<_> =
        case.stopped.items().iter().filter(leaves).filter(|it| it.was_told_to_stop()).collect();
    let first = going.first()?;
    let mut delays = case.groups.items().iter().filter_map(|group| Some((group, *group.delay_seconds.known()?)));
    let slow = delays.find(|(_, delay)| *delay > 0);
    let draining = case.groups.items().iter().flat_map(|group| group.targets.items());
    let draining = draining.filter(|target| target.state == "draining").count();
    let states = format!(
        "{} of an earlier deployment: {} (task {})",
        super::count(going.len(), "task"),
        first.last_status,
        first.short()
    );
    let targets = (draining > 0).then(|| format!("{}: draining", super::count(draining, "target")));
    let delay =
        slow.map(|(group, delay)| format!("{} has a deregistration delay of {delay} s", group.name));
    let cause = rule.found().seen(states).all_seen(targets).all_seen(delay);
    Some(match slow {
        Some((group, delay)) if delay > 30 => cause.then(format!(
            "aws elbv2 modify-target-group-attributes --target-group-arn {} --attributes Key=deregistration_delay.timeout_seconds,Value=30",
            group.arn
        )),
        _ => cause.then(super::tidegate(case, "watch", "")),
    })
}
