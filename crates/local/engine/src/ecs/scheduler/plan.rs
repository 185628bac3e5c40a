//! What one pass over a service starts and stops.
//!
//! Facts §1.1 and §1.4: no start takes the service over its ceiling, no stop of a healthy task takes it under its floor,
//! and a deployment never holds more than is desired; a pass does all that the two numbers allow, stops first. A task
//! that is not healthy is not part of the floor, so it may always go when something better needs its place. Unhealthy
//! tasks are replaced by tasks of their own deployment: start first while the ceiling allows, else one at a time. Start
//! at [`plan`].

use super::{
    health::{Standing, Unhealthy},
    view::{Held, Role, ServiceView, TaskView},
};

/// What to do.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Plan {
    /// Tasks to stop.
    pub(super) stops: Vec<Stop>,
    /// Tasks to start, after the stops.
    pub(super) starts: Vec<Start>,
    /// How many tasks each deployment should hold from now on.
    pub(super) desired: Vec<u32>,
    /// Whether the percentages allow nothing though a deployment is not done.
    pub(super) stuck: bool,
}

/// A task to stop.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Stop {
    /// Its ARN.
    pub(super) task: String,
    /// Its deployment, by index; `None` when that is gone.
    pub(super) deployment: Option<usize>,
    /// Where it stood.
    pub(super) stood: Standing,
    /// Why it is stopped.
    pub(super) because: Because,
}

/// Why a task is stopped.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Because {
    /// It is not needed any more, or makes room.
    Scaling,
    /// It was found unhealthy.
    Unhealthy(Unhealthy),
}

/// Tasks to start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Start {
    /// The deployment, by index.
    pub(super) deployment: usize,
    /// How many.
    pub(super) count: u32,
    /// How many of these replace unhealthy ones.
    pub(super) replaced: u32,
}

/// Decides one pass.
pub(super) fn plan(view: &ServiceView) -> Plan {
    let mut pass = Pass::over(view);
    if view.leaves {
        pass.stop_everything();
        return pass.finish();
    }
    match view.held {
        Some(held) => pass.hold(held),
        None => {
            pass.scale_in_primary();
            pass.give_up_what_failed();
            pass.retire_healthy();
            pass.make_room();
        }
    }
    pass.drop_replaced();
    pass.stop_one_unhealthy();
    pass.start();
    pass.notice_stuck();
    pass.finish()
}

/// The pass so far: what of the view still lives after the stops decided on.
struct Pass<'v> {
    view: &'v ServiceView,
    live: Vec<Vec<&'v TaskView>>,
    unhealthy_at_first: Vec<u32>,
    plan: Plan,
}

const PRIMARY: usize = 0;

impl<'v> Pass<'v> {
    fn over(view: &'v ServiceView) -> Self {
        let live: Vec<Vec<&TaskView>> = view
            .deployments
            .iter()
            .map(|deployment| deployment.tasks.iter().filter(|task| task.standing.is_live()).collect())
            .collect();
        let unhealthy_at_first = view.deployments.iter().map(|it| it.count(Standing::is_unhealthy)).collect();
        let desired =
            view.deployments.iter().map(|deployment| deployment.desired.min(view.desired)).collect();
        let stray = |task: &TaskView| Stop {
            task: task.arn.clone(),
            deployment: None,
            stood: task.standing.clone(),
            because: Because::Scaling,
        };
        let strays = view.strays.iter().filter(|task| task.standing.is_live());
        let plan = Plan { desired, stops: strays.map(stray).collect(), ..Plan::default() };
        Self { view, live, unhealthy_at_first, plan }
    }

    fn finish(self) -> Plan {
        self.plan
    }

    fn stop_everything(&mut self) {
        for at in 0..self.live.len() {
            self.stop(at, u32::MAX, Standing::is_live);
        }
    }

    /// While a deployment goes through its stages nothing is replaced: what serves stays up in full, and so does what is
    /// to serve, once it is its turn.
    fn hold(&mut self, held: Held) {
        let source = self.view.source();
        for at in 0..self.live.len() {
            match self.role(at) {
                Some(Role::Rolling) if held == Held::Source => self.hold_at(at, 0),
                Some(Role::Rolling) if held == Held::Everything && self.count(at, Standing::is_live) == 0 => {
                    self.plan.desired[at] = 0;
                }
                Some(Role::Rolling) => self.hold_at(at, self.view.desired),
                Some(Role::Outgoing) if source == Some(at) => self.hold_at(at, self.view.desired),
                Some(Role::Stalled) => self.scale_in_primary(),
                Some(Role::Outgoing | Role::Abandoned) if held == Held::Source && source != Some(at) => {
                    self.retire(at, u32::MAX, |standing| !standing.is_healthy());
                    self.retire(at, self.spare_healthy(), Standing::is_healthy);
                }
                Some(Role::Outgoing | Role::Abandoned) => {
                    self.scale_in(at, self.view.desired);
                    self.plan.desired[at] = self.count(at, Standing::is_live);
                }
                None => {}
            }
        }
    }

    fn hold_at(&mut self, at: usize, desired: u32) {
        self.plan.desired[at] = desired;
        self.scale_in(at, desired);
    }

    /// A PRIMARY that holds more than is desired gives up its youngest, those first that count for least.
    fn scale_in_primary(&mut self) {
        match self.role(PRIMARY) {
            Some(Role::Rolling) => self.plan.desired[PRIMARY] = self.view.desired,
            Some(Role::Stalled) => {
                self.stop(PRIMARY, u32::MAX, Standing::is_pending);
                self.stop(PRIMARY, u32::MAX, Standing::is_unhealthy);
            }
            _ => return,
        }
        self.scale_in(PRIMARY, self.view.desired);
    }

    /// What a deployment that never completed started in vain.
    fn give_up_what_failed(&mut self) {
        for at in 0..self.live.len() {
            if self.role(at) == Some(Role::Abandoned) {
                self.stop(at, u32::MAX, |standing| !standing.is_healthy());
                self.plan.desired[at] = self.count(at, Standing::is_healthy);
            }
        }
    }

    /// Healthy tasks of older deployments go as far as the floor allows; those that never completed go first, so that
    /// what can be gone back to stays up longest.
    fn retire_healthy(&mut self) {
        if self.role(PRIMARY) != Some(Role::Rolling) {
            for at in 1..self.live.len() {
                self.scale_in(at, self.plan.desired[at]);
            }
            return;
        }
        for role in [Role::Abandoned, Role::Outgoing] {
            for at in (1..self.live.len()).rev().filter(|at| self.role(*at) == Some(role)).collect::<Vec<_>>()
            {
                self.retire(at, self.spare_healthy(), Standing::is_healthy);
            }
        }
    }

    /// Tasks of older deployments that are not healthy go when the PRIMARY needs their place, or needs nothing more.
    fn make_room(&mut self) {
        if self.role(PRIMARY) != Some(Role::Rolling) {
            return;
        }
        let done = self.count(PRIMARY, Standing::is_healthy) >= self.view.desired;
        for at in (1..self.live.len()).rev() {
            if done {
                self.retire(at, u32::MAX, |standing| !standing.is_healthy());
                self.plan.desired[at] = self.count(at, Standing::is_live);
                continue;
            }
            self.scale_in(at, self.plan.desired[at]);
            for kind in [Standing::is_pending, Standing::is_unhealthy, Standing::is_waiting] {
                let lacking = self.startable(PRIMARY).saturating_sub(self.room());
                self.retire(at, lacking, kind);
            }
        }
    }

    /// Unhealthy tasks whose replacement is healthy, or that are more than their deployment should hold.
    fn drop_replaced(&mut self) {
        for at in 0..self.live.len() {
            let kept = self.plan.desired[at].saturating_sub(self.count(at, Standing::is_healthy));
            let extra = self.count(at, Standing::is_unhealthy).saturating_sub(kept);
            self.stop_oldest_unhealthy(at, extra);
        }
    }

    /// When the ceiling leaves no room to start a replacement first: one unhealthy task, unless one is being replaced.
    fn stop_one_unhealthy(&mut self) {
        let replacing = (0..self.live.len()).any(|at| self.count(at, Standing::is_pending) > 0);
        if replacing || self.room() > 0 {
            return;
        }
        let stuck = |at: &usize| self.startable(*at) > 0 && self.count(*at, Standing::is_unhealthy) > 0;
        if let Some(at) = (0..self.live.len()).find(stuck) {
            self.stop_oldest_unhealthy(at, 1);
        }
    }

    /// Fills what is missing: the PRIMARY first, then older deployments that still serve.
    fn start(&mut self) {
        let mut room = self.room();
        for at in 0..self.live.len() {
            let count = self.startable(at).min(room);
            if count > 0 {
                let gone = self.missing(at).saturating_sub(self.unhealthy_at_first[at]);
                self.plan.starts.push(Start { deployment: at, count, replaced: count.saturating_sub(gone) });
                room -= count;
            }
        }
    }

    fn notice_stuck(&mut self) {
        let moves = self.view.deployments.iter().flat_map(|deployment| &deployment.tasks).any(|task| {
            task.standing.is_pending() || task.standing.is_waiting() || task.standing == Standing::Ending
        });
        let deploys = self.view.deployments.first().is_some_and(|primary| primary.in_progress);
        let idle = self.plan.stops.is_empty() && self.plan.starts.is_empty();
        self.plan.stuck = deploys && idle && !moves && self.startable(PRIMARY) > 0;
    }

    /// Stops what a deployment holds beyond `wanted`: what counts for least first, healthy tasks within the floor.
    fn scale_in(&mut self, at: usize, wanted: u32) {
        for kind in [Standing::is_pending, Standing::is_waiting, Standing::is_healthy] {
            let extra = self.count(at, Standing::holds_a_place).saturating_sub(wanted);
            let allowed = if kind(&Standing::Healthy) { self.spare_healthy() } else { u32::MAX };
            self.stop(at, extra.min(allowed), kind);
        }
    }

    /// Stops tasks of an older deployment, which will hold that many fewer.
    fn retire(&mut self, at: usize, most: u32, wanted: impl Fn(&Standing) -> bool) {
        let stopped = self.stop(at, most, wanted);
        let left = self.count(at, Standing::holds_a_place);
        self.plan.desired[at] = self.plan.desired[at].saturating_sub(stopped).max(left);
    }

    /// Stops up to `most` tasks that stand as `wanted`, youngest first. Answers how many.
    fn stop(&mut self, at: usize, most: u32, wanted: impl Fn(&Standing) -> bool) -> u32 {
        let mut stopped = 0;
        let live = std::mem::take(&mut self.live[at]);
        let mut left: Vec<&TaskView> = Vec::with_capacity(live.len());
        for task in live.into_iter().rev() {
            if stopped < most && wanted(&task.standing) {
                stopped += 1;
                self.plan.stops.push(stop_of(at, task));
            } else {
                left.push(task);
            }
        }
        left.reverse();
        self.live[at] = left;
        stopped
    }

    fn stop_oldest_unhealthy(&mut self, at: usize, most: u32) {
        for _ in 0..most {
            let Some(oldest) = self.live[at].iter().position(|task| task.standing.is_unhealthy()) else {
                return;
            };
            let task = self.live[at].remove(oldest);
            self.plan.stops.push(stop_of(at, task));
        }
    }

    fn role(&self, at: usize) -> Option<Role> {
        self.view.deployments.get(at).map(|deployment| deployment.role)
    }

    fn count(&self, at: usize, wanted: impl Fn(&Standing) -> bool) -> u32 {
        self.live.get(at).into_iter().flatten().map(|task| u32::from(wanted(&task.standing))).sum()
    }

    /// How many tasks a deployment lacks.
    fn missing(&self, at: usize) -> u32 {
        let desired = self.plan.desired.get(at).copied().unwrap_or_default();
        desired.saturating_sub(self.count(at, Standing::holds_a_place))
    }

    /// How many tasks a deployment would start if there were room.
    fn startable(&self, at: usize) -> u32 {
        match self.view.deployments.get(at) {
            Some(deployment) if deployment.held_until.is_none() => match deployment.role {
                Role::Rolling | Role::Outgoing => self.missing(at),
                Role::Stalled | Role::Abandoned => 0,
            },
            _ => 0,
        }
    }

    /// How many tasks may be started.
    fn room(&self) -> u32 {
        let live: usize = self.live.iter().map(Vec::len).sum();
        self.view.limits.ceiling.saturating_sub(u32::try_from(live).unwrap_or(u32::MAX))
    }

    /// How many healthy tasks may be stopped.
    fn spare_healthy(&self) -> u32 {
        let healthy: u32 = (0..self.live.len()).map(|at| self.count(at, Standing::is_healthy)).sum();
        healthy.saturating_sub(self.view.limits.floor)
    }
}

fn stop_of(at: usize, task: &TaskView) -> Stop {
    let because = match &task.standing {
        Standing::Unhealthy(unhealthy) => Because::Unhealthy(unhealthy.clone()),
        _ => Because::Scaling,
    };
    Stop { task: task.arn.clone(), deployment: Some(at), stood: task.standing.clone(), because }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::ecs::{
        records::TaskTarget,
        scheduler::{arithmetic::Limits, view::DeploymentView},
    };

    /// Tasks by letter, oldest first: Pending, Waiting, Healthy, Unhealthy, Ending.
    fn deployment(role: Role, desired: u32, tasks: &str) -> DeploymentView {
        let id = format!("{role:?}");
        let task =
            |(at, letter): (usize, char)| TaskView { arn: format!("{id}/{at}"), standing: standing(letter) };
        let tasks = tasks.chars().enumerate().map(task).collect();
        DeploymentView {
            id: id.clone(),
            role,
            in_progress: role == Role::Rolling,
            desired,
            groups: Vec::new(),
            held_until: None,
            tasks,
        }
    }

    fn standing(letter: char) -> Standing {
        match letter {
            'P' => Standing::Pending,
            'W' => Standing::Waiting { until: None },
            'H' => Standing::Healthy,
            'U' => Standing::Unhealthy(Unhealthy::Target {
                target: TaskTarget { target_group: "g".to_owned(), id: "127.0.0.9".to_owned(), port: 80 },
                reason: "Request timed out".to_owned(),
            }),
            _ => Standing::Ending,
        }
    }

    fn view(desired: u32, floor: u32, ceiling: u32, deployments: Vec<DeploymentView>) -> ServiceView {
        let limits = Limits { floor, ceiling };
        ServiceView {
            leaves: false,
            desired,
            limits,
            held: None,
            deployments,
            strays: Vec::new(),
            settled_at: None,
        }
    }

    /// `+n` for starts and the letters of what is stopped, by deployment.
    fn told(view: &ServiceView) -> Vec<String> {
        let plan = plan(view);
        let told = (0..view.deployments.len()).map(|at| {
            let stops = plan.stops.iter().filter(|stop| stop.deployment == Some(at));
            let stops: String = stops.map(|stop| letter(&stop.stood)).collect();
            let starts = plan.starts.iter().filter(|start| start.deployment == at);
            let starts: Vec<String> = starts.map(|start| format!("+{}", start.count)).collect();
            format!("{}{stops}", starts.concat())
        });
        told.chain(plan.stuck.then(|| "stuck".to_owned())).collect()
    }

    fn letter(standing: &Standing) -> char {
        match standing {
            Standing::Pending => 'P',
            Standing::Waiting { .. } => 'W',
            Standing::Healthy => 'H',
            Standing::Unhealthy(_) => 'U',
            Standing::Ending => 'E',
        }
    }

    #[test]
    fn a_first_pass_does_what_the_two_percentages_allow() {
        for (desired, floor, ceiling, expected) in [
            (4, 4, 8, vec!["+4", ""]),
            (4, 2, 4, vec!["+2", "HH"]),
            (4, 4, 5, vec!["+1", ""]),
            (4, 2, 8, vec!["+4", "HH"]),
            (3, 3, 3, vec!["", "", "stuck"]),
            (2, 2, 2, vec!["", "", "stuck"]),
            (1, 1, 2, vec!["+1", ""]),
            (1, 1, 1, vec!["", "", "stuck"]),
            (1, 0, 1, vec!["+1", "H"]),
            (10, 9, 11, vec!["+2", "H"]),
        ] {
            let old = deployment(Role::Outgoing, desired, &"H".repeat(desired as usize));
            let new = deployment(Role::Rolling, desired, "");
            assert_eq!(
                told(&view(desired, floor, ceiling, vec![new, old])),
                expected,
                "{desired} {floor} {ceiling}"
            );
        }
    }

    #[test]
    fn old_tasks_go_as_new_ones_get_healthy() {
        let old = || deployment(Role::Outgoing, 4, "HHHH");
        let pass = |new: &str| told(&view(4, 4, 8, vec![deployment(Role::Rolling, 4, new), old()]));
        assert_eq!(pass("PPPP"), ["", ""]);
        assert_eq!(pass("HWPP"), ["", "H"]);
        assert_eq!(pass("HHHW"), ["", "HHH"]);
        assert_eq!(pass("HHHH"), ["", "HHHH"]);
    }

    #[test]
    fn an_unhealthy_task_is_replaced_first_and_stopped_once_the_replacement_is_healthy() {
        let pass = |tasks: &str| told(&view(3, 3, 6, vec![deployment(Role::Rolling, 3, tasks)]));
        assert_eq!(pass("HUH"), ["+1"]);
        assert_eq!(pass("HUHP"), [""]);
        assert_eq!(pass("HUHW"), [""]);
        assert_eq!(pass("HUHH"), ["U"]);
        assert_eq!(pass("HUHU"), ["+1U"]);
    }

    #[test]
    fn without_room_unhealthy_tasks_are_stopped_one_at_a_time() {
        let pass = |tasks: &str| told(&view(3, 3, 3, vec![deployment(Role::Rolling, 3, tasks)]));
        assert_eq!(pass("UUH"), ["+1U"]);
        assert_eq!(pass("UHP"), [""]);
        assert_eq!(pass("UHW"), ["+1U"]);
    }

    #[test]
    fn an_unhealthy_old_task_is_replaced_by_an_old_one_when_the_new_ones_leave_room() {
        let old = deployment(Role::Outgoing, 2, "HU");
        assert_eq!(told(&view(2, 2, 8, vec![deployment(Role::Rolling, 2, "PP"), old])), ["", "+1"]);
    }

    #[test]
    fn old_tasks_that_are_not_healthy_make_room_for_new_ones() {
        let old = deployment(Role::Outgoing, 4, "UUUU");
        assert_eq!(told(&view(4, 4, 4, vec![deployment(Role::Rolling, 4, ""), old])), ["+4", "UUUU"]);
    }

    #[test]
    fn a_deployment_that_never_completed_keeps_only_what_is_healthy() {
        let given_up = deployment(Role::Abandoned, 3, "HPWU");
        let new = deployment(Role::Rolling, 3, "");
        let old = deployment(Role::Outgoing, 3, "HH");
        assert_eq!(told(&view(3, 3, 9, vec![new, given_up, old])), ["+3", "UWP", "+1"]);
    }

    #[test]
    fn a_failed_deployment_with_nothing_to_go_back_to_launches_nothing() {
        let failed = deployment(Role::Stalled, 3, "HPU");
        let old = deployment(Role::Outgoing, 2, "HH");
        assert_eq!(told(&view(3, 3, 6, vec![failed, old])), ["PU", ""]);
    }

    #[test]
    fn scaling_in_takes_the_youngest_that_count_for_least() {
        let pass = |tasks: &str| plan(&view(2, 2, 4, vec![deployment(Role::Rolling, 4, tasks)])).stops;
        let stopped: Vec<String> = pass("HWHP").into_iter().map(|stop| stop.task).collect();
        assert_eq!(stopped, ["Rolling/3", "Rolling/1"]);
        let stopped: Vec<String> = pass("HHHH").into_iter().map(|stop| stop.task).collect();
        assert_eq!(stopped, ["Rolling/3", "Rolling/2"]);
    }

    #[test]
    fn a_deployment_that_is_held_back_starts_nothing_and_stops_nothing_for_it() {
        let held_until = Some(tidegate_models::Timestamp::from_millis(1));
        let new = DeploymentView { held_until, ..deployment(Role::Rolling, 3, "U") };
        let old = deployment(Role::Outgoing, 3, "HHU");
        assert_eq!(told(&view(3, 3, 4, vec![new, old])), ["", "+1U"]);
    }

    fn any_deployment(role: Role) -> impl Strategy<Value = DeploymentView> {
        (0..8_u32, "[PWHUE]{0,8}").prop_map(move |(desired, tasks)| deployment(role, desired, &tasks))
    }

    fn any_view() -> impl Strategy<Value = ServiceView> {
        let primary = prop_oneof![any_deployment(Role::Rolling), any_deployment(Role::Stalled)];
        let older = (any_deployment(Role::Abandoned), any_deployment(Role::Outgoing));
        (primary, older, 0..8_u32, 0..=100_u32, 100..=200_u32).prop_map(
            |(primary, older, desired, low, high)| {
                let (floor, ceiling) = ((desired * low).div_ceil(100), desired * high / 100);
                view(desired, floor, ceiling, vec![primary, older.0, older.1])
            },
        )
    }

    proptest! {
        #[test]
        fn no_plan_breaks_floor_ceiling_or_desired_count(view in any_view()) {
            let plan = plan(&view);
            let live = |view: &ServiceView| view.deployments.iter().map(|it| it.count(Standing::is_live)).sum::<u32>();
            let started: u32 = plan.starts.iter().map(|start| start.count).sum();
            let stopped = plan.stops.len() as u32;
            prop_assert!(started == 0 || live(&view) + started - stopped <= view.limits.ceiling);
            let healthy: u32 = view.deployments.iter().map(|it| it.count(Standing::is_healthy)).sum();
            let healthy_stopped = plan.stops.iter().filter(|stop| stop.stood == Standing::Healthy).count() as u32;
            prop_assert!(healthy_stopped == 0 || healthy - healthy_stopped >= view.limits.floor);
            for start in &plan.starts {
                let deployment = &view.deployments[start.deployment];
                prop_assert!(matches!(deployment.role, Role::Rolling | Role::Outgoing));
                let gone = plan.stops.iter().filter(|it| it.deployment == Some(start.deployment) && it.stood.holds_a_place());
                let held = deployment.count(Standing::holds_a_place) - gone.count() as u32 + start.count;
                prop_assert!(held <= view.desired, "{} of {}", held, view.desired);
            }
            let tasks: std::collections::BTreeSet<&String> = plan.stops.iter().map(|stop| &stop.task).collect();
            prop_assert_eq!(tasks.len(), plan.stops.len());
            prop_assert!(plan.stops.iter().all(|stop| stop.stood.is_live()));
        }
    }
}
