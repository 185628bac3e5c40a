//! A task definition, its overrides and AWS's defaults, read into what an agent and a driver work by.
//!
//! Pure. It refuses what no agent could run (a dependency on an unknown container, a circle); everything else about a
//! definition was validated when it was registered. Start at [`TaskPlan::new`].

use std::{sync::Arc, time::Duration};

use tidegate_clock::Speed;
use tidegate_models::{
    Secret,
    ecs::{self, ContainerCondition, NetworkMode, TransportProtocol},
};

use crate::{
    RegistryImage, TaskSpec,
    health::{HealthPlan, ProbeCommand},
};

/// Real processes do not run faster when virtual time does. So no program gets less real time than this to end after
/// SIGTERM, or to get ready for its dependents, unless its definition gives it less at normal speed.
const LEAST_TO_STOP: Duration = Duration::from_secs(2);
/// The same for one run of a health check.
const LEAST_TO_PROBE: Duration = Duration::from_millis(500);

/// AWS's default of `stopTimeout`.
const STOP_TIMEOUT: Duration = Duration::from_secs(30);
/// AWS's default of `restartAttemptPeriod`.
const RESTART_ATTEMPT_PERIOD: Duration = Duration::from_mins(5);

/// What is to be run.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct TaskPlan {
    pub(crate) id: String,
    pub(crate) spec: TaskSpec,
    pub(crate) network_mode: NetworkMode,
    /// CPU units of the whole task; 1024 are one core.
    pub(crate) cpu: Option<u32>,
    /// MiB of the whole task.
    pub(crate) memory: Option<u32>,
    /// In the definition's order.
    pub(crate) containers: Vec<ContainerPlan>,
}

/// A container of a task.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct ContainerPlan {
    pub(crate) name: String,
    pub(crate) image: String,
    /// Fixed by the deployment.
    pub(crate) digest: Option<String>,
    /// Where it is pulled from, if a registry of this machine has it.
    pub(crate) registry_image: Option<RegistryImage>,
    pub(crate) essential: bool,
    pub(crate) depends_on: Vec<Dependency>,
    /// How long those that depend on it wait for it.
    pub(crate) start_timeout: Option<Duration>,
    /// From SIGTERM to SIGKILL.
    pub(crate) stop_timeout: Duration,
    pub(crate) health: Option<HealthPlan>,
    pub(crate) restart: Option<RestartPlan>,
    pub(crate) command: Option<Vec<String>>,
    /// The later of two equal names wins.
    pub(crate) environment: Vec<(String, String)>,
    /// Added to the environment last, where nobody prints it.
    pub(crate) secrets: Vec<(String, Secret)>,
    pub(crate) ports: Vec<PortPlan>,
    /// CPU units, MiB and MiB, with the overrides.
    pub(crate) cpu: Option<u32>,
    pub(crate) memory: Option<u32>,
    pub(crate) memory_reservation: Option<u32>,
    /// Everything that only a driver reads.
    pub(crate) definition: ecs::ContainerDefinition,
}

/// What a container waits for before it starts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Dependency {
    /// The index of the other container.
    pub(crate) on: usize,
    pub(crate) condition: ContainerCondition,
}

/// Restarts in place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct RestartPlan {
    pub(crate) ignored_exit_codes: Vec<i32>,
    /// A container that ran for less than this is not restarted: 60–1800 s, default 300.
    pub(crate) attempt_period: Duration,
}

/// A port of a container.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct PortPlan {
    pub(crate) container_port: u16,
    /// `None`: any free one.
    pub(crate) host_port: Option<u16>,
    pub(crate) protocol: TransportProtocol,
}

/// A definition that nothing can run.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum PlanError {
    #[error("the task definition has no containers")]
    NoContainers,
    #[error("container {container} depends on {on}, which is not in the task definition")]
    UnknownDependency { container: String, on: String },
    #[error("container {container} depends on itself through its dependencies")]
    Circle { container: String },
}

impl TaskPlan {
    /// What `spec` asks for, with lengths of time adjusted to `speed`.
    pub(crate) fn new(spec: TaskSpec, speed: Speed) -> Result<Self, PlanError> {
        let definition = Arc::clone(&spec.definition);
        let definitions = definition.container_definitions.as_deref().unwrap_or_default();
        if definitions.is_empty() {
            return Err(PlanError::NoContainers);
        }
        let network_mode = definition.network_mode.unwrap_or(NetworkMode::Bridge);
        let overrides = spec.overrides.as_ref();
        let containers = definitions
            .iter()
            .map(|container| ContainerPlan::new(container, definitions, &spec, network_mode, speed))
            .collect::<Result<Vec<_>, _>>()?;
        if let Some(container) = first_in_a_circle(&containers) {
            return Err(PlanError::Circle { container: containers[container].name.clone() });
        }
        let number = |override_: Option<&String>, own: Option<&String>| {
            override_.or(own).and_then(|text| text.trim().parse().ok())
        };
        Ok(Self {
            id: spec.task_id.clone(),
            network_mode,
            cpu: number(overrides.and_then(|it| it.cpu.as_ref()), definition.cpu.as_ref()),
            memory: number(overrides.and_then(|it| it.memory.as_ref()), definition.memory.as_ref()),
            containers,
            spec,
        })
    }

    /// The indexes of the containers that depend on `index`, also through others.
    pub(crate) fn dependents(&self, index: usize) -> impl Iterator<Item = usize> {
        (0..self.containers.len()).filter(move |&other| self.depends(other, index))
    }

    /// There are no circles, so this ends.
    fn depends(&self, container: usize, on: usize) -> bool {
        self.containers[container].depends_on.iter().any(|it| it.on == on || self.depends(it.on, on))
    }
}

impl ContainerPlan {
    fn new(
        definition: &ecs::ContainerDefinition,
        all: &[ecs::ContainerDefinition],
        spec: &TaskSpec,
        network_mode: NetworkMode,
        speed: Speed,
    ) -> Result<Self, PlanError> {
        let name = definition.name.clone().unwrap_or_default();
        let overrides = spec
            .overrides
            .iter()
            .flat_map(|it| it.container_overrides.iter().flatten())
            .find(|it| it.name.as_deref() == Some(&name));
        let depends_on = definition
            .depends_on
            .iter()
            .flatten()
            .map(|dependency| {
                let on = all.iter().position(|it| it.name.as_deref() == Some(&dependency.container_name));
                on.map(|on| Dependency { on, condition: dependency.condition }).ok_or_else(|| {
                    PlanError::UnknownDependency {
                        container: name.clone(),
                        on: dependency.container_name.clone(),
                    }
                })
            })
            .collect::<Result<_, _>>()?;
        let positive =
            |value: Option<i32>| value.and_then(|value| u32::try_from(value).ok()).filter(|&it| it > 0);
        let restart = definition.restart_policy.as_ref().filter(|policy| policy.enabled);
        Ok(Self {
            image: definition.image.clone().unwrap_or_default(),
            digest: spec.image_digests.get(&name).cloned(),
            registry_image: spec.registry_images.get(&name).cloned(),
            essential: definition.essential.unwrap_or(true),
            depends_on,
            start_timeout: definition.start_timeout.map(|it| stretched(seconds(it), LEAST_TO_STOP, speed)),
            stop_timeout: stretched(
                definition.stop_timeout.map_or(STOP_TIMEOUT, seconds),
                LEAST_TO_STOP,
                speed,
            ),
            health: definition.health_check.as_ref().and_then(|check| health(check, speed)),
            restart: restart.map(|policy| RestartPlan {
                ignored_exit_codes: policy.ignored_exit_codes.clone().unwrap_or_default(),
                attempt_period: policy.restart_attempt_period.map_or(RESTART_ATTEMPT_PERIOD, seconds),
            }),
            command: overrides.and_then(|it| it.command.clone()).or_else(|| definition.command.clone()),
            environment: spec
                .environment
                .iter()
                .cloned()
                .chain(pairs(definition.environment.as_deref()))
                .chain(pairs(overrides.and_then(|it| it.environment.as_deref())))
                .collect(),
            secrets: spec
                .secrets
                .iter()
                .filter(|secret| secret.container == name)
                .map(|secret| (secret.name.clone(), secret.value.clone()))
                .collect(),
            ports: ports(definition, network_mode),
            cpu: positive(overrides.and_then(|it| it.cpu).or(definition.cpu)),
            memory: positive(overrides.and_then(|it| it.memory).or(definition.memory)),
            memory_reservation: positive(
                overrides.and_then(|it| it.memory_reservation).or(definition.memory_reservation),
            ),
            definition: definition.clone(),
            name,
        })
    }
}

/// `length` of virtual time, made longer at high speed so that in real time it is at least `least` (or `length` itself
/// when that is shorter).
fn stretched(length: Duration, least: Duration, speed: Speed) -> Duration {
    length.max(length.min(least).mul_f64(speed.factor()))
}

fn seconds(value: i32) -> Duration {
    Duration::from_secs(u64::try_from(value).unwrap_or(0))
}

fn pairs(environment: Option<&[ecs::KeyValuePair]>) -> impl Iterator<Item = (String, String)> {
    let pair = |it: &ecs::KeyValuePair| Some((it.name.clone()?, it.value.clone().unwrap_or_default()));
    environment.unwrap_or_default().iter().filter_map(pair)
}

fn health(check: &ecs::HealthCheck, speed: Speed) -> Option<HealthPlan> {
    let command = match check.command.split_first()? {
        (kind, _) if kind == "NONE" => return None,
        (kind, line) if kind == "CMD-SHELL" => ProbeCommand::Shell(line.join(" ")),
        (kind, arguments) if kind == "CMD" => ProbeCommand::Exec(arguments.to_vec()),
        // AWS takes a bare command, too.
        _ => ProbeCommand::Exec(check.command.clone()),
    };
    Some(HealthPlan {
        command,
        interval: seconds(check.interval.unwrap_or(30)),
        timeout: stretched(seconds(check.timeout.unwrap_or(5)), LEAST_TO_PROBE, speed),
        retries: check.retries.and_then(|it| u32::try_from(it).ok()).unwrap_or(3).max(1),
        start_period: seconds(check.start_period.unwrap_or(0)),
    })
}

fn ports(definition: &ecs::ContainerDefinition, network_mode: NetworkMode) -> Vec<PortPlan> {
    let port = |value: Option<i32>| value.and_then(|value| u16::try_from(value).ok()).filter(|&it| it > 0);
    let mut ports = Vec::new();
    for mapping in definition.port_mappings.iter().flatten() {
        let protocol = mapping.protocol.unwrap_or(TransportProtocol::Tcp);
        if let Some(container_port) = port(mapping.container_port) {
            let host_port = match network_mode {
                // The host's ports are the container's, whatever the definition says.
                NetworkMode::Awsvpc | NetworkMode::Host => Some(container_port),
                _ => port(mapping.host_port),
            };
            ports.push(PortPlan { container_port, host_port, protocol });
        }
        if let Some((first, last)) = mapping.container_port_range.as_deref().and_then(|it| it.split_once('-'))
        {
            let (Ok(first), Ok(last)) = (first.trim().parse::<u16>(), last.trim().parse::<u16>()) else {
                continue;
            };
            let own = matches!(network_mode, NetworkMode::Awsvpc | NetworkMode::Host);
            ports.extend((first..=last).map(|container_port| PortPlan {
                container_port,
                host_port: own.then_some(container_port),
                protocol,
            }));
        }
    }
    ports
}

/// The first container that can never start because it waits for itself.
fn first_in_a_circle(containers: &[ContainerPlan]) -> Option<usize> {
    let mut settled = vec![false; containers.len()];
    loop {
        let ready = (0..containers.len())
            .find(|&index| !settled[index] && containers[index].depends_on.iter().all(|it| settled[it.on]));
        match ready {
            Some(index) => settled[index] = true,
            None => return settled.iter().position(|&it| !it),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use serde_json::{Value, json};

    use super::*;

    fn spec(definition: Value, overrides: Value) -> TaskSpec {
        TaskSpec {
            task_id: "0123456789abcdef0123456789abcdef".to_owned(),
            task_arn: String::new(),
            cluster: "default".to_owned(),
            definition: Arc::new(serde_json::from_value(definition).unwrap()),
            overrides: serde_json::from_value(overrides).unwrap(),
            environment: vec![("A".to_owned(), "spec".to_owned()), ("B".to_owned(), "spec".to_owned())],
            secrets: Vec::new(),
            image_digests: BTreeMap::new(),
            registry_images: BTreeMap::new(),
            group: String::new(),
            region: String::new(),
        }
    }

    fn plan(containers: &Value) -> Result<TaskPlan, PlanError> {
        TaskPlan::new(spec(json!({"containerDefinitions": containers}), Value::Null), Speed::REAL)
    }

    #[test]
    fn a_circle_and_an_unknown_dependency_are_refused() {
        let depends = |on: &str| json!([{"containerName": on, "condition": "START"}]);
        let circle = plan(&json!([
            {"name": "a", "dependsOn": depends("b")},
            {"name": "b", "dependsOn": depends("a")},
            {"name": "c"},
        ]));
        assert_eq!(circle.unwrap_err(), PlanError::Circle { container: "a".to_owned() });
        let unknown = plan(&json!([{"name": "a", "dependsOn": depends("z")}]));
        assert_eq!(
            unknown.unwrap_err().to_string(),
            "container a depends on z, which is not in the task definition"
        );
        assert_eq!(plan(&json!([])).unwrap_err(), PlanError::NoContainers);
    }

    #[test]
    fn overrides_win_over_the_definition_which_wins_over_what_is_added() {
        let plan = TaskPlan::new(
            spec(
                json!({"cpu": "256", "memory": "512", "containerDefinitions": [{
                    "name": "web", "command": ["a"], "cpu": 0,
                    "environment": [{"name": "A", "value": "definition"}, {"name": "C", "value": "definition"}],
                }]}),
                json!({"memory": "1024", "containerOverrides": [
                    {"name": "web", "command": ["b"], "environment": [{"name": "C", "value": "override"}]},
                ]}),
            ),
            Speed::REAL,
        )
        .unwrap();
        assert_eq!((plan.cpu, plan.memory), (Some(256), Some(1024)));
        let web = &plan.containers[0];
        assert_eq!((web.command.as_deref(), web.cpu), (Some(&["b".to_owned()][..]), None));
        let environment: BTreeMap<_, _> = web.environment.iter().cloned().collect();
        let environment: Vec<_> = environment.iter().map(|(name, value)| format!("{name}={value}")).collect();
        assert_eq!(environment, ["A=definition", "B=spec", "C=override"]);
    }

    #[test]
    fn a_program_keeps_two_real_seconds_to_stop_however_fast_time_runs() {
        let fast = Speed::new(60.0).unwrap();
        let real = |length: Duration| length.div_f64(60.0);
        assert_eq!(real(stretched(Duration::from_secs(30), LEAST_TO_STOP, fast)), Duration::from_secs(2));
        assert_eq!(real(stretched(Duration::from_mins(5), LEAST_TO_STOP, fast)), Duration::from_secs(5));
        assert_eq!(real(stretched(Duration::from_secs(1), LEAST_TO_STOP, fast)), Duration::from_secs(1));
        assert_eq!(stretched(Duration::from_secs(30), LEAST_TO_STOP, Speed::REAL), Duration::from_secs(30));
    }

    #[test]
    fn the_hosts_ports_are_the_containers_but_with_bridge() {
        let ports = |mode: &str| {
            let containers = json!([{"name": "a", "portMappings": [
                {"containerPort": 80, "hostPort": 0},
                {"containerPort": 81, "hostPort": 8081, "protocol": "udp"},
                {"containerPortRange": "90-91"},
            ]}]);
            let definition = json!({"networkMode": mode, "containerDefinitions": containers});
            let plan = TaskPlan::new(spec(definition, Value::Null), Speed::REAL).unwrap();
            plan.containers[0].ports.iter().map(|it| (it.container_port, it.host_port)).collect::<Vec<_>>()
        };
        assert_eq!(ports("bridge"), [(80, None), (81, Some(8081)), (90, None), (91, None)]);
        assert_eq!(ports("awsvpc"), [(80, Some(80)), (81, Some(81)), (90, Some(90)), (91, Some(91))]);
    }
}
