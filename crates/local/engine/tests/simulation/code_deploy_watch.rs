//! What must always hold of CodeDeploy's deployments, checked after every step.

use std::collections::BTreeMap;

use tidegate_engine::{
    State,
    codedeploy::records::{Deployment, Work},
    ecs::records::{Service, ServiceStatus, Task, TaskSetStatus},
};
use tidegate_models::{codedeploy::DeploymentStatus, ecs::StabilityStatus};

use super::{
    watch::{Seen, deployment_of},
    world::{Broken, tail},
};

/// What was seen so far.
#[derive(Debug, Default)]
pub(super) struct CodeDeployWatch {
    /// The weights of both target groups, by rule.
    weights: BTreeMap<String, BTreeMap<String, i32>>,
    /// Which deployments were over, so that each is judged once when it is.
    over: Vec<String>,
    /// How many deployments and roll-backs succeeded, and how many deployments did not.
    pub(super) tally: [u32; 3],
}

impl CodeDeployWatch {
    /// Looks after a step was settled, `before` being the live tasks before.
    pub(super) fn after_settling(
        &mut self,
        state: &State,
        service: &Service,
        before: &BTreeMap<String, Seen>,
    ) -> Result<(), Broken> {
        let rows: Vec<&Deployment> = state.deployments.iter().map(|(_, row)| row).collect();
        let live: Vec<&&Deployment> = rows.iter().filter(|row| !row.is_over()).collect();
        if live.len() > 1 {
            return Err(format!("{} and {} are under way at once", live[0].id, live[1].id));
        }
        if service.status == ServiceStatus::Active {
            if let Some(any) = rows.first() {
                self.check_traffic(state, service, any, live.first().copied().copied(), before)?;
            }
            for row in rows.iter().filter(|row| row.is_over()) {
                if !self.over.contains(&row.id) {
                    self.judge(state, service, row)?;
                    self.over.push(row.id.clone());
                }
            }
        }
        Ok(())
    }

    /// Weights are whole; traffic goes to who serves already or to who is steady; nothing that has traffic goes, and
    /// nothing goes in the step that takes its traffic away.
    fn check_traffic(
        &mut self,
        state: &State,
        service: &Service,
        any: &Deployment,
        live: Option<&Deployment>,
        before: &BTreeMap<String, Seen>,
    ) -> Result<(), Broken> {
        let listeners = std::iter::once(&any.routes.production).chain(&any.routes.test);
        for listener in listeners {
            for (arn, rule) in state.rules.indexed_by(listener) {
                let weights = weights(&rule.actions);
                let sum: i32 = weights.values().sum();
                if weights.len() == 2 && sum != 100 {
                    return Err(format!("the weights of {} are {weights:?}", tail(arn)));
                }
                if *listener == any.routes.production {
                    self.check_shift(state, service, arn, &weights, live)?;
                    self.check_stops(state, service, arn, &weights, before)?;
                }
                self.weights.insert(arn.to_owned(), weights);
            }
        }
        Ok(())
    }

    fn check_shift(
        &self,
        _state: &State,
        service: &Service,
        rule: &str,
        weights: &BTreeMap<String, i32>,
        live: Option<&Deployment>,
    ) -> Result<(), Broken> {
        let Some(known) = self.weights.get(rule).filter(|known| known.len() == 2) else { return Ok(()) };
        for (group, weight) in weights {
            if known.get(group).is_some_and(|it| it >= weight) {
                continue;
            }
            let Some(row) = live else { return Err(format!("{weights:?}, and nothing is under way")) };
            let is_green = *group == row.green.target_group;
            let green = row.green.task_set.as_deref().and_then(|id| service.task_set(id));
            let is_steady = green.is_some_and(|it| it.stability == StabilityStatus::SteadyState);
            if is_green && !is_steady {
                return Err(format!("traffic moves to a green that is not steady: {weights:?}"));
            }
        }
        Ok(())
    }

    fn check_stops(
        &self,
        state: &State,
        service: &Service,
        rule: &str,
        weights: &BTreeMap<String, i32>,
        before: &BTreeMap<String, Seen>,
    ) -> Result<(), Broken> {
        let draining = |task: &&Task| {
            let task_set = service.task_set(deployment_of(task));
            task_set.is_some_and(|it| it.status == TaskSetStatus::Draining)
        };
        let newly_stopped = |task: &&Task| task.stop.is_some() && before[&task.arn].healthy;
        let gone = before.keys().filter_map(|arn| state.tasks.get(arn)).filter(newly_stopped);
        for task in gone.filter(draining) {
            for target in &task.targets {
                let had = self.weights.get(rule).and_then(|known| known.get(&target.target_group));
                let has = weights.get(&target.target_group);
                if had.or(has).is_some_and(|weight| *weight > 0) {
                    return Err(format!("{} goes, and its target group has traffic", tail(&task.arn)));
                }
            }
        }
        Ok(())
    }

    /// A good end is at green, a roll-back ends at blue, and a failure is said.
    fn judge(&mut self, state: &State, service: &Service, row: &Deployment) -> Result<(), Broken> {
        match (&row.work, row.status) {
            (Work::Deploy(_), DeploymentStatus::Succeeded) => {
                self.tally[0] += 1;
                check_end(state, service, row, row.green.task_set.as_deref(), &row.green.target_group)
            }
            (Work::RollBack, DeploymentStatus::Succeeded) => {
                self.tally[1] += 1;
                check_end(state, service, row, row.blue.task_set.as_deref(), &row.blue.target_group)
            }
            _ if row.error.is_none() => Err(format!("{} is {} and says no reason", row.id, row.status)),
            _ => {
                self.tally[2] += 1;
                Ok(())
            }
        }
    }
}

fn check_end(
    state: &State,
    service: &Service,
    row: &Deployment,
    task_set: Option<&str>,
    group: &str,
) -> Result<(), Broken> {
    // In the same step another deployment may have begun, but none can have moved traffic or what is PRIMARY.
    let primary = service.task_sets.iter().find(|it| it.status == TaskSetStatus::Primary);
    if primary.map(|it| it.id.as_str()) != task_set {
        return Err(format!("{} ends, and {:?} is PRIMARY", row.id, primary.map(|it| &it.id)));
    }
    for (arn, rule) in state.rules.indexed_by(&row.routes.production) {
        let weights = weights(&rule.actions);
        if weights.iter().any(|(known, weight)| (known == group) != (*weight > 0)) {
            return Err(format!("{} ends, and the weights of {} are {weights:?}", row.id, tail(arn)));
        }
    }
    Ok(())
}

fn weights(actions: &[tidegate_models::elbv2::Action]) -> BTreeMap<String, i32> {
    let groups =
        actions.iter().filter_map(|action| action.forward_config.as_ref()?.target_groups.as_ref()).flatten();
    groups.filter_map(|group| Some((group.target_group_arn.clone()?, group.weight?))).collect()
}
