//! What AWS refuses in a task definition, beyond its model.

use std::collections::BTreeSet;

use tidegate_models::ecs::{
    Compatibility, ContainerCondition, ContainerDefinition, NetworkMode, RegisterTaskDefinitionRequest,
};

use super::lookup::client;
use crate::ApiError;

/// Checks a definition before it becomes a revision.
pub(super) fn check(input: &RegisterTaskDefinitionRequest) -> Result<(), ApiError> {
    check_family(&input.family)?;
    if input.tags.as_ref().is_some_and(Vec::is_empty) {
        return Err(client("Tags can not be empty."));
    }
    if input.container_definitions.is_empty() {
        return Err(client("Container list cannot be empty."));
    }
    let mut names = BTreeSet::new();
    for container in &input.container_definitions {
        check_container(input, container)?;
        let name = container.name.as_deref().unwrap_or_default();
        if !names.insert(name) {
            return Err(client(format!("Container names must be unique; {name} is used more than once.")));
        }
    }
    if !input.container_definitions.iter().any(is_essential) {
        return Err(client("Invalid 'essential' parameter: at least one container must be essential."));
    }
    check_dependencies(&input.container_definitions)?;
    check_ports(input)?;
    check_fargate(input)
}

fn check_family(family: &str) -> Result<(), ApiError> {
    let valid = !family.is_empty()
        && family.len() <= 255
        && family.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte));
    if valid { Ok(()) } else { Err(client("Family contains invalid characters.")) }
}

fn is_essential(container: &ContainerDefinition) -> bool {
    container.essential != Some(false)
}

fn check_container(
    input: &RegisterTaskDefinitionRequest,
    container: &ContainerDefinition,
) -> Result<(), ApiError> {
    let name = container.name.as_deref().unwrap_or_default();
    if name.is_empty()
        || name.len() > 255
        || !name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte))
    {
        return Err(client("Container.name contains invalid characters."));
    }
    if container.image.as_deref().unwrap_or_default().is_empty() {
        return Err(client("Container.image should not be null or empty."));
    }
    if input.memory.is_none() && container.memory.is_none() && container.memory_reservation.is_none() {
        return Err(client(format!(
            "Invalid setting for container '{name}'. At least one of 'memory' or 'memoryReservation' must be specified."
        )));
    }
    if let (Some(memory), Some(reservation)) = (container.memory, container.memory_reservation)
        && memory < reservation
    {
        return Err(client(format!(
            "Invalid setting for container '{name}'. 'memory' must be greater than or equal to 'memoryReservation'."
        )));
    }
    if let Some(check) = &container.health_check {
        let within =
            |value: Option<i32>, least, most| value.is_none_or(|value| (least..=most).contains(&value));
        if check.command.is_empty() {
            return Err(client("Container.healthCheck.command should not be null or empty."));
        }
        for (member, valid, range) in [
            ("interval", within(check.interval, 5, 300), "5 and 300"),
            ("timeout", within(check.timeout, 2, 60), "2 and 60"),
            ("retries", within(check.retries, 1, 10), "1 and 10"),
            ("startPeriod", within(check.start_period, 0, 300), "0 and 300"),
        ] {
            if !valid {
                return Err(client(format!("Container.healthCheck.{member} must be between {range}.")));
            }
        }
    }
    Ok(())
}

fn check_dependencies(containers: &[ContainerDefinition]) -> Result<(), ApiError> {
    for container in containers {
        let name = container.name.as_deref().unwrap_or_default();
        for dependency in container.depends_on.iter().flatten() {
            let on = containers.iter().find(|other| other.name.as_ref() == Some(&dependency.container_name));
            let Some(on) = on else {
                return Err(client(format!(
                    "The container '{name}' depends on '{}', which is not in the task definition.",
                    dependency.container_name
                )));
            };
            match dependency.condition {
                ContainerCondition::Complete | ContainerCondition::Success if is_essential(on) => {
                    return Err(client(format!(
                        "A dependency condition of {} cannot be set on the essential container '{}'.",
                        dependency.condition, dependency.container_name
                    )));
                }
                ContainerCondition::Healthy if on.health_check.is_none() => {
                    return Err(client(format!(
                        "The container '{}' must have a health check to be depended on with HEALTHY.",
                        dependency.container_name
                    )));
                }
                _ => {}
            }
        }
    }
    if has_cycle(containers) { Err(client("The containers' dependencies have a cycle.")) } else { Ok(()) }
}

/// Takes away containers that depend on nothing that is left, until none can be taken.
fn has_cycle(containers: &[ContainerDefinition]) -> bool {
    let mut left: Vec<&ContainerDefinition> = containers.iter().collect();
    loop {
        let names: BTreeSet<&str> = left.iter().filter_map(|container| container.name.as_deref()).collect();
        let before = left.len();
        left.retain(|container| {
            let mut dependencies = container.depends_on.iter().flatten();
            dependencies.any(|dependency| names.contains(dependency.container_name.as_str()))
        });
        if left.is_empty() || left.len() == before {
            return !left.is_empty();
        }
    }
}

fn check_ports(input: &RegisterTaskDefinitionRequest) -> Result<(), ApiError> {
    let mut host_ports = BTreeSet::new();
    for mapping in
        input.container_definitions.iter().flat_map(|container| container.port_mappings.iter().flatten())
    {
        let port = mapping.container_port.unwrap_or(0);
        if !(0..=65_535).contains(&port)
            || mapping.host_port.is_some_and(|host| !(0..=65_535).contains(&host))
        {
            return Err(client("Port must be between 0 and 65535."));
        }
        if matches!(input.network_mode, Some(NetworkMode::Awsvpc | NetworkMode::Host))
            && mapping.host_port.is_some_and(|host| host != 0 && host != port)
        {
            return Err(client(
                "When networkMode=awsvpc, the host ports and container ports in port mappings must match.",
            ));
        }
        let bound =
            if input.network_mode == Some(NetworkMode::Awsvpc) { Some(port) } else { mapping.host_port };
        let bound = bound.filter(|bound| *bound != 0);
        if let Some(bound) = bound
            && !host_ports.insert((bound, mapping.protocol))
        {
            return Err(client(format!("Port {bound} is mapped more than once.")));
        }
    }
    Ok(())
}

fn check_fargate(input: &RegisterTaskDefinitionRequest) -> Result<(), ApiError> {
    let wanted = input.requires_compatibilities.as_deref().unwrap_or_default();
    if !wanted.contains(&Compatibility::Fargate) {
        return Ok(());
    }
    if input.network_mode != Some(NetworkMode::Awsvpc) {
        return Err(client("Fargate only supports network mode 'awsvpc'."));
    }
    let cpu = input.cpu.as_deref().and_then(units);
    let memory = input.memory.as_deref().and_then(megabytes);
    let (Some(cpu), Some(memory)) = (cpu, memory) else {
        return Err(client("Fargate requires task definition to have valid 'cpu' and 'memory' values."));
    };
    let step =
        |from: u32, to: u32, by: u32| (from..=to).contains(&memory) && (memory - from).is_multiple_of(by);
    let valid = match cpu {
        256 => [512, 1024, 2048].contains(&memory),
        512 => step(1024, 4096, 1024),
        1024 => step(2048, 8192, 1024),
        2048 => step(4096, 16_384, 1024),
        4096 => step(8192, 30_720, 1024),
        8192 => step(16_384, 61_440, 4096),
        16_384 => step(32_768, 122_880, 8192),
        _ => return Err(client("No Fargate configuration exists for given values.")),
    };
    if valid { Ok(()) } else { Err(client("No Fargate configuration exists for given values.")) }
}

/// CPU units: `256`, or `.25 vCPU`.
fn units(text: &str) -> Option<u32> {
    let text = text.trim();
    match text.to_ascii_lowercase().strip_suffix("vcpu") {
        Some(number) => number.trim().parse::<f64>().ok().map(|number| (number * 1024.0) as u32),
        None => text.parse().ok(),
    }
}

/// Mebibytes: `512`, or `0.5 GB`.
fn megabytes(text: &str) -> Option<u32> {
    let text = text.trim();
    match text.to_ascii_lowercase().strip_suffix("gb") {
        Some(number) => number.trim().parse::<f64>().ok().map(|number| (number * 1024.0) as u32),
        None => text.parse().ok(),
    }
}
