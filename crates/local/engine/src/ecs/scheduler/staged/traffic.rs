//! Which target group a revision's tasks are in, and how much of the rules' traffic goes there.

use tidegate_models::ecs::{AdvancedConfiguration, LoadBalancer};

use crate::{
    State,
    ecs::records::{RevisionTemplate, Service, Share},
    elbv2,
};

/// The target groups of a new revision of `service`, for each load balancer of its template: where two take turns, the one
/// that the source revision is not in; for a first revision the one that serves.
pub(in crate::ecs::scheduler) fn target_groups(
    state: &State,
    service: &Service,
    takes_turns: bool,
) -> Vec<String> {
    let source = service.last_completed.as_ref();
    let source = source.and_then(|deployment| state.service_revisions.get(&deployment.revision_arn));
    let is_first = service.deployments.is_empty();
    let group = |(at, given): (usize, &LoadBalancer)| {
        let own = given.target_group_arn.clone().unwrap_or_default();
        let Some(advanced) = given.advanced_configuration.as_ref() else { return own };
        let alternate = advanced.alternate_target_group_arn.clone().unwrap_or_default();
        let of_source = source.and_then(|revision| revision.target_groups.get(at).cloned());
        let serving = of_source.unwrap_or_else(|| serving(state, advanced, &own, &alternate));
        match takes_turns && !is_first {
            true if serving == own => alternate,
            true => own,
            false => serving,
        }
    };
    service.template.load_balancers.iter().enumerate().map(group).collect()
}

fn serving(state: &State, advanced: &AdvancedConfiguration, own: &str, alternate: &str) -> String {
    let weights = advanced.production_listener_rule.as_ref().and_then(|rule| elbv2::weights(state, rule));
    let serves = weights.iter().flatten().any(|(group, weight)| group == alternate && *weight > 0);
    if serves { alternate.to_owned() } else { own.to_owned() }
}

/// What is wrong with the rules that a revision's traffic is to be moved by, in AWS's words.
pub(super) fn problem(state: &State, revision_arn: &str) -> Option<String> {
    let template = &state.service_revisions.get(revision_arn)?.template;
    template.load_balancers.iter().find_map(|given| problem_of(state, given))
}

fn problem_of(state: &State, given: &LoadBalancer) -> Option<String> {
    let advanced = given.advanced_configuration.as_ref()?;
    let production_rule = advanced.production_listener_rule.as_deref()?;
    let production = elbv2::weights(state, production_rule);
    let test = advanced.test_listener_rule.as_deref().map(|rule| elbv2::weights(state, rule));
    let (Some(production), None | Some(Some(_))) = (&production, &test) else {
        return Some("One or more rules not found".to_owned());
    };
    let test = test.flatten().unwrap_or_default();
    let groups = [given.target_group_arn.as_deref(), advanced.alternate_target_group_arn.as_deref()];
    let is_known = |group: &str| production.iter().chain(&test).any(|(known, _)| known == group);
    if !groups.iter().flatten().all(|group| is_known(group)) {
        return Some(
            "Both targetGroup and alternateTargetGroup must be associated with the productionListenerRule or \
             testListenerRule."
                .to_owned(),
        );
    }
    let serving = production.iter().filter(|(_, weight)| *weight > 0).count();
    (serving != 1).then(|| {
        format!(
            "productionListenerRule {production_rule} should have exactly one target group serving traffic but found \
             {serving} target groups which are serving traffic"
        )
    })
}

/// Gives a revision its shares of production and test traffic, and the rest to the group that it takes turns with.
pub(super) fn shift(state: &mut State, revision_arn: &str, production: Share, test: Share) {
    let Some(revision) = state.service_revisions.get(revision_arn) else { return };
    let turns: Vec<(AdvancedConfiguration, String, String)> =
        revision.template.load_balancers.iter().zip(&revision.target_groups).filter_map(turns_of).collect();
    for (advanced, candidate, source) in turns {
        for (rule, share) in
            [(advanced.production_listener_rule, production), (advanced.test_listener_rule, test)]
        {
            let (own, rest) = share.weights();
            if let Some(rule) = rule {
                elbv2::set_weights(state, &rule, [(&candidate, own), (&source, rest)]);
            }
        }
    }
}

/// A load balancer's rules, the target group of the revision and the other one.
fn turns_of((given, candidate): (&LoadBalancer, &String)) -> Option<(AdvancedConfiguration, String, String)> {
    let advanced = given.advanced_configuration.clone()?;
    let (own, alternate) = (given.target_group_arn.clone()?, advanced.alternate_target_group_arn.clone()?);
    let source = if *candidate == own { alternate } else { own };
    Some((advanced, candidate.clone(), source))
}

/// The load balancers of a template as a revision's tasks are registered with them.
pub(crate) fn resolved(template: &RevisionTemplate, groups: &[String]) -> Vec<LoadBalancer> {
    let mut resolved = template.load_balancers.clone();
    for (given, group) in resolved.iter_mut().zip(groups) {
        given.target_group_arn = Some(group.clone());
    }
    resolved
}
