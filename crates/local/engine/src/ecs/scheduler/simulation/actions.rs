//! What a user does to a service, as the API's handlers do it.

use fastrand::Rng;
use tidegate_models::ecs::{SchedulingStrategy, StopServiceDeploymentStopType as StopType, TaskStopCode};

use super::{
    release::Release,
    setup::{PERCENTAGES, SERVICE, any_breaker},
    world::{Broken, World},
};
use crate::{
    ecs::{
        records::{ServiceStatus, TaskStatus},
        scheduler::{delete_service, start_deployment, stop_service_deployment, stop_task},
    },
    elbv2,
    state::Subject,
};

impl World {
    /// CreateService.
    pub(super) fn create_service(&mut self, release: Release) -> Result<(), Broken> {
        let definition = self.register(release);
        let service = self.setup.service(&definition, self.now);
        self.act("create the service", move |state, now| {
            state.services.insert(SERVICE, service.clone());
            start_deployment(state, SERVICE, now);
        })
    }

    /// UpdateService with a new task definition.
    pub(super) fn deploy(&mut self, release: Release) -> Result<(), Broken> {
        let definition = self.register(release);
        self.act("deploy", move |state, now| {
            let change = |service: &mut crate::ecs::records::Service| {
                service.template.task_definition.clone_from(&definition);
                service.status == ServiceStatus::Active
            };
            if state.services.update(SERVICE, change) == Some(true) {
                start_deployment(state, SERVICE, now);
            }
        })
    }

    /// UpdateService with `forceNewDeployment`.
    pub(super) fn force_new_deployment(&mut self) -> Result<(), Broken> {
        self.act("force a new deployment", |state, now| {
            if state.services.get(SERVICE).is_some_and(|service| service.status == ServiceStatus::Active) {
                start_deployment(state, SERVICE, now);
            }
        })
    }

    /// UpdateService with another desired count.
    pub(super) fn scale(&mut self, desired: u32) -> Result<(), Broken> {
        self.act(&format!("desired count {desired}"), move |state, _| {
            state.services.update(SERVICE, |service| service.desired_count = desired);
            state.touch(Subject::Service(SERVICE.to_owned()));
        })
    }

    /// UpdateService with other percentages.
    pub(super) fn set_percentages(&mut self, minimum: i32, maximum: i32) -> Result<(), Broken> {
        self.act(&format!("percentages {minimum}/{maximum}"), move |state, _| {
            state.services.update(SERVICE, |service| {
                service.deployment_configuration.minimum_healthy_percent = Some(minimum);
                service.deployment_configuration.maximum_percent = Some(maximum);
            });
            state.touch(Subject::Service(SERVICE.to_owned()));
        })
    }

    /// StopServiceDeployment of the current one.
    pub(super) fn stop_deployment(&mut self, stop_type: StopType) -> Result<(), Broken> {
        self.act(&format!("stop the deployment: {stop_type}"), move |state, now| {
            let service = state.services.get(SERVICE);
            if let Some(arn) = service.and_then(|service| service.current_service_deployment.clone()) {
                // One that is over is refused.
                let _ = stop_service_deployment(state, &arn, stop_type, now);
            }
        })
    }

    /// DeleteService.
    pub(super) fn delete_service(&mut self) -> Result<(), Broken> {
        self.act("delete the service", |state, now| delete_service(state, SERVICE, now))
    }

    /// StopTask of one that runs or starts.
    pub(super) fn stop_any_task(&mut self) -> Result<(), Broken> {
        let tasks: Vec<String> = self
            .state
            .tasks
            .indexed_by(SERVICE)
            .filter(|(_, task)| task.last_status <= TaskStatus::Running)
            .map(|(arn, _)| arn.to_owned())
            .collect();
        let Some(task) = self.rng.choice(tasks) else { return Ok(()) };
        self.act("stop a task", move |state, now| {
            stop_task(state, &task, TaskStopCode::UserInitiated, "Task stopped by user", now);
        })
    }

    /// DeregisterTargets, behind the back of ECS.
    pub(super) fn deregister_any_target(&mut self) -> Result<(), Broken> {
        let targets = self.state.target_groups.iter().flat_map(|(group, row)| {
            row.targets.iter().map(move |target| (group.to_owned(), target.id.clone(), target.port))
        });
        let targets: Vec<(String, String, u16)> = targets.collect();
        let Some((group, id, port)) = self.rng.choice(targets) else { return Ok(()) };
        self.act("deregister a target by hand", move |state, now| {
            elbv2::deregister_target(state, &group, &id, port, now);
            state.touch(Subject::Service(SERVICE.to_owned()));
        })
    }

    /// Something that a user might do.
    pub(super) fn do_anything(&mut self) -> Result<(), Broken> {
        match self.rng.u8(..24) {
            0..6 => {
                let desired = self.rng.u32(..=6);
                self.scale(desired)
            }
            6..14 => {
                let release = Release::any(&mut self.rng);
                self.deploy(release)
            }
            14 | 15 => self.force_new_deployment(),
            16 | 17 => self.stop_deployment(StopType::Rollback),
            18 => self.stop_deployment(StopType::Abort),
            19 if self.setup.strategy == SchedulingStrategy::Replica => {
                let (minimum, maximum) = PERCENTAGES[self.rng.usize(..PERCENTAGES.len())];
                self.set_percentages(minimum, maximum)
            }
            20 => {
                let breaker = any_breaker(&mut self.rng);
                self.act("another breaker", move |state, _| {
                    state.services.update(SERVICE, |service| {
                        service.deployment_configuration.deployment_circuit_breaker.clone_from(&breaker);
                    });
                    state.touch(Subject::Service(SERVICE.to_owned()));
                })
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
