//! What a user does to a service: calls of AWS's API.

use fastrand::Rng;
use serde_json::{Value, json};
use tidegate_engine::ecs::records::TaskStatus;
use tidegate_models::ecs::{SchedulingStrategy, StopServiceDeploymentStopType as StopType};

use super::{
    release::Release,
    setup::{ALARMS, CLOUDWATCH, CLUSTER, ELB, PERCENTAGES, SERVICE, any_alarms, any_breaker},
    world::{Broken, World},
};

impl World {
    /// `CreateService`.
    pub(super) fn create_service(&mut self, release: Release) -> Result<(), Broken> {
        let definition = self.register(release);
        let input = self.setup.service(&definition, self.runtime.behind());
        self.act("ecs", "CreateService", input)
    }

    /// `UpdateService` of what `changes` names.
    pub(super) fn update(&mut self, mut changes: Value) -> Result<(), Broken> {
        changes["cluster"] = json!(CLUSTER);
        changes["service"] = json!("web");
        self.act("ecs", "UpdateService", changes)
    }

    /// `UpdateService` with a new task definition.
    pub(super) fn deploy(&mut self, release: Release) -> Result<(), Broken> {
        let definition = self.register(release);
        self.update(json!({"taskDefinition": definition}))
    }

    /// `UpdateService` with another desired count.
    pub(super) fn scale(&mut self, desired: u32) -> Result<(), Broken> {
        self.update(json!({"desiredCount": desired}))
    }

    /// `UpdateService` with other percentages.
    pub(super) fn set_percentages(&mut self, minimum: i32, maximum: i32) -> Result<(), Broken> {
        let percentages = json!({"minimumHealthyPercent": minimum, "maximumPercent": maximum});
        self.update(json!({"deploymentConfiguration": percentages}))
    }

    /// `UpdateService` without early success criteria.
    pub(super) fn forget_early_success(&mut self) -> Result<(), Broken> {
        self.update(json!({"deploymentConfiguration": {"earlySuccessCriteria": {"enable": false}}}))
    }

    /// `UpdateService` without hooks, whose time-outs may roll everything back.
    pub(super) fn forget_hooks(&mut self) -> Result<(), Broken> {
        self.update(json!({"deploymentConfiguration": {"lifecycleHooks": []}}))
    }

    /// `StopServiceDeployment` of the current one; one that is over is refused.
    pub(super) fn stop_deployment(&mut self, stop_type: StopType) -> Result<(), Broken> {
        let service = self.state().services.get(SERVICE);
        let Some(arn) = service.and_then(|service| service.current_service_deployment.clone()) else {
            return Ok(());
        };
        let input = json!({"serviceDeploymentArn": arn, "stopType": stop_type});
        self.act("ecs", "StopServiceDeployment", input)
    }

    /// `DeleteService`.
    pub(super) fn delete_service(&mut self) -> Result<(), Broken> {
        self.act("ecs", "DeleteService", json!({"cluster": CLUSTER, "service": "web", "force": true}))
    }

    /// `SetAlarmState`.
    pub(super) fn set_alarm(&mut self, name: &str, state: &str) -> Result<(), Broken> {
        let input = json!({"AlarmName": name, "StateValue": state, "StateReason": "as it goes"});
        self.act(CLOUDWATCH, "SetAlarmState", input)
    }

    /// `StopTask` of one that runs or starts.
    pub(super) fn stop_any_task(&mut self) -> Result<(), Broken> {
        let tasks = self.state().tasks.indexed_by(SERVICE);
        let tasks = tasks.filter(|(_, task)| task.last_status <= TaskStatus::Running);
        let tasks: Vec<String> = tasks.map(|(arn, _)| arn.to_owned()).collect();
        let Some(task) = self.rng.choice(tasks) else { return Ok(()) };
        self.act("ecs", "StopTask", json!({"cluster": CLUSTER, "task": task}))
    }

    /// `DeregisterTargets`, behind the back of ECS.
    pub(super) fn deregister_any_target(&mut self) -> Result<(), Broken> {
        let targets = self.state().target_groups.iter().flat_map(|(group, row)| {
            row.targets.iter().map(move |target| {
                json!({"TargetGroupArn": group, "Targets": [{"Id": target.id, "Port": target.port}]})
            })
        });
        let targets: Vec<Value> = targets.collect();
        let Some(input) = self.rng.choice(targets) else { return Ok(()) };
        self.act(ELB, "DeregisterTargets", input)
    }

    /// Something that a user might do.
    pub(super) fn do_anything(&mut self) -> Result<(), Broken> {
        match self.rng.u8(..30) {
            0..6 => {
                let desired = self.rng.u32(..=6);
                self.scale(desired)
            }
            6..14 => {
                let release = Release::any(&mut self.rng);
                self.deploy(release)
            }
            14 | 15 => self.update(json!({"forceNewDeployment": true})),
            16 | 17 => self.stop_deployment(StopType::Rollback),
            18 => self.stop_deployment(StopType::Abort),
            19 if self.setup.strategy == SchedulingStrategy::Replica => {
                let (minimum, maximum) = PERCENTAGES[self.rng.usize(..PERCENTAGES.len())];
                self.set_percentages(minimum, maximum)
            }
            20 => {
                let off = json!({"enable": false, "rollback": false});
                let breaker = any_breaker(&mut self.rng).map_or(off, |breaker| json!(breaker));
                self.update(json!({"deploymentConfiguration": {"deploymentCircuitBreaker": breaker}}))
            }
            24..28 => {
                let name = ALARMS[self.rng.usize(..ALARMS.len())];
                let state = ["OK", "ALARM", "ALARM", "INSUFFICIENT_DATA"][self.rng.usize(..4)];
                self.set_alarm(name, state)
            }
            28 => {
                let alarms = any_alarms(&mut self.rng);
                self.update(json!({"deploymentConfiguration": {"alarms": alarms}}))
            }
            21 => self.stop_any_task(),
            22 => self.deregister_any_target(),
            _ => self.restart(),
        }
    }
}

/// A length of time in which something may happen between two actions.
pub(super) fn any_pause(rng: &mut Rng) -> std::time::Duration {
    std::time::Duration::from_millis(match rng.u8(..4) {
        0 => rng.u64(..500),
        1 => rng.u64(..10_000),
        _ => rng.u64(..120_000),
    })
}
