//! What a container definition means to Docker. Pure.

use std::collections::HashMap;

use bollard::models::{
    ContainerCreateBody, HealthConfig, HostConfig, HostConfigLogConfig, PortBinding, PortMap,
    ResourcesUlimits,
};
use tidegate_models::ecs::{NetworkMode, TransportProtocol};

use super::labels;
use crate::{
    NetworkBinding,
    driver::Network,
    plan::{ContainerPlan, TaskPlan},
};

const MIB: i64 = 1024 * 1024;
/// Docker's least share of the CPU, which ECS uses for 0 and 1, too.
const LEAST_SHARES: i64 = 2;
const NANO_CPUS: i64 = 1_000_000_000;

/// The container that holds the network of an `awsvpc` task; `network` has bindings only where the containers' own
/// addresses cannot be reached from this machine.
pub(super) fn network_holder(
    task: &TaskPlan,
    image: &str,
    bindings: &[NetworkBinding],
    labels: HashMap<String, String>,
) -> ContainerCreateBody {
    // These belong to the namespace, so they cannot be set on those that join it.
    let all = |of: fn(&ContainerPlan) -> Vec<String>| -> Option<Vec<String>> {
        let mut values: Vec<String> = task.containers.iter().flat_map(of).collect();
        values.dedup();
        (!values.is_empty()).then_some(values)
    };
    ContainerCreateBody {
        image: Some(image.to_owned()),
        labels: Some(labels),
        hostname: task.containers.iter().find_map(|it| it.definition.hostname.clone()),
        exposed_ports: exposed(bindings),
        host_config: Some(HostConfig {
            network_mode: Some("bridge".to_owned()),
            port_bindings: published(bindings),
            extra_hosts: all(extra_hosts),
            dns: all(|it| it.definition.dns_servers.clone().unwrap_or_default()),
            dns_search: all(|it| it.definition.dns_search_domains.clone().unwrap_or_default()),
            memory: Some(8 * MIB),
            ..HostConfig::default()
        }),
        ..ContainerCreateBody::default()
    }
}

/// A container of a task. `cores` is how many the daemon has.
pub(super) fn container(
    task: &TaskPlan,
    container: &ContainerPlan,
    image: &str,
    network: &Network,
    labels: HashMap<String, String>,
    cores: Option<i64>,
) -> ContainerCreateBody {
    let definition = &container.definition;
    let joins = task.network_mode == NetworkMode::Awsvpc;
    let own = (!joins).then_some(());
    let bindings: Vec<_> =
        network.bindings.iter().filter(|it| it.container == container.name).cloned().collect();
    let publishes = task.network_mode == NetworkMode::Bridge;
    let linux = definition.linux_parameters.as_ref();
    let mut labels = labels;
    for (name, value) in definition.docker_labels.iter().flatten() {
        labels.entry(name.clone()).or_insert_with(|| value.clone());
    }
    let memory = container.memory.or(task.memory).map(mib);
    let host = HostConfig {
        network_mode: Some(match task.network_mode {
            NetworkMode::Awsvpc => format!("container:{}", labels::network_name(&task.id)),
            NetworkMode::Host => "host".to_owned(),
            NetworkMode::None => "none".to_owned(),
            NetworkMode::Bridge => "bridge".to_owned(),
        }),
        port_bindings: publishes.then(|| published(&bindings)).flatten(),
        cpu_shares: container.cpu.map(|units| i64::from(units).max(LEAST_SHARES)),
        nano_cpus: task.cpu.map(|units| {
            let wanted = i64::from(units) * NANO_CPUS / 1024;
            // More than the machine has is refused by Docker, and no limit anyway.
            cores.filter(|&cores| cores > 0).map_or(wanted, |cores| wanted.min(cores * NANO_CPUS))
        }),
        memory,
        // Swap would only hide what happens on AWS.
        memory_swap: memory,
        memory_reservation: container.memory_reservation.map(mib),
        privileged: definition.privileged,
        readonly_rootfs: definition.readonly_root_filesystem,
        init: linux.and_then(|it| it.init_process_enabled),
        shm_size: linux.and_then(|it| it.shared_memory_size).map(|size| i64::from(size) * MIB),
        cap_add: linux.and_then(|it| it.capabilities.as_ref()?.add.clone()),
        cap_drop: linux.and_then(|it| it.capabilities.as_ref()?.drop.clone()),
        tmpfs: linux.and_then(|it| it.tmpfs.as_ref()).map(|mounts| {
            let mount = |it: &tidegate_models::ecs::Tmpfs| {
                let options = it.mount_options.iter().flatten().cloned();
                let options: Vec<_> = std::iter::once(format!("size={}m", it.size)).chain(options).collect();
                (it.container_path.clone(), options.join(","))
            };
            mounts.iter().map(mount).collect()
        }),
        ulimits: definition.ulimits.as_ref().map(|limits| {
            let limit = |it: &tidegate_models::ecs::Ulimit| ResourcesUlimits {
                name: Some(it.name.as_str().to_owned()),
                soft: Some(i64::from(it.soft_limit)),
                hard: Some(i64::from(it.hard_limit)),
            };
            limits.iter().map(limit).collect()
        }),
        binds: Some(binds(task, container)).filter(|it| !it.is_empty()),
        volumes_from: definition.volumes_from.as_ref().map(|all| {
            let from = |it: &tidegate_models::ecs::VolumeFrom| {
                let name =
                    labels::container_name(&task.id, it.source_container.as_deref().unwrap_or_default());
                format!("{name}:{}", if it.read_only == Some(true) { "ro" } else { "rw" })
            };
            all.iter().map(from).collect()
        }),
        extra_hosts: own.map(|()| extra_hosts(container)).filter(|it| !it.is_empty()),
        dns: own.and_then(|()| definition.dns_servers.clone()),
        dns_search: own.and_then(|()| definition.dns_search_domains.clone()),
        security_opt: definition.docker_security_options.clone(),
        sysctls: definition.system_controls.as_ref().map(|all| {
            let pair =
                |it: &tidegate_models::ecs::SystemControl| Some((it.namespace.clone()?, it.value.clone()?));
            // Those of the network belong to the namespace that it joins.
            all.iter().filter_map(pair).filter(|(name, _)| !(joins && name.starts_with("net."))).collect()
        }),
        // Whatever the daemon's own default is, these logs can be read back.
        log_config: Some(HostConfigLogConfig {
            typ: Some("json-file".to_owned()),
            config: Some(HashMap::from([
                ("max-size".to_owned(), "16m".to_owned()),
                ("max-file".to_owned(), "2".to_owned()),
            ])),
        }),
        ..HostConfig::default()
    };
    ContainerCreateBody {
        image: Some(image.to_owned()),
        cmd: container.command.clone().filter(|it| !it.is_empty()),
        entrypoint: definition.entry_point.clone().filter(|it| !it.is_empty()),
        env: Some(environment(task, container)),
        user: definition.user.clone(),
        working_dir: definition.working_directory.clone(),
        tty: definition.pseudo_terminal,
        open_stdin: definition.interactive,
        hostname: own.and_then(|()| definition.hostname.clone()),
        network_disabled: definition.disable_networking,
        exposed_ports: publishes.then(|| exposed(&bindings)).flatten(),
        // The agent runs the definition's own check; ECS ignores the image's.
        healthcheck: Some(HealthConfig { test: Some(vec!["NONE".to_owned()]), ..HealthConfig::default() }),
        labels: Some(labels),
        host_config: Some(host),
        ..ContainerCreateBody::default()
    }
}

fn mib(value: u32) -> i64 {
    i64::from(value) * MIB
}

fn environment(task: &TaskPlan, container: &ContainerPlan) -> Vec<String> {
    let mut all = std::collections::BTreeMap::new();
    if !task.spec.region.is_empty() {
        all.insert("AWS_REGION", task.spec.region.as_str());
        all.insert("AWS_DEFAULT_REGION", task.spec.region.as_str());
    }
    all.extend(container.environment.iter().map(|(name, value)| (name.as_str(), value.as_str())));
    all.extend(container.secrets.iter().map(|(name, value)| (name.as_str(), value.expose())));
    all.into_iter().map(|(name, value)| format!("{name}={value}")).collect()
}

fn extra_hosts(container: &ContainerPlan) -> Vec<String> {
    let host = |it: &tidegate_models::ecs::HostEntry| format!("{}:{}", it.hostname, it.ip_address);
    container.definition.extra_hosts.iter().flatten().map(host).collect()
}

/// `source:path:mode`: a folder of this machine, or a volume that lives as long as the task.
fn binds(task: &TaskPlan, container: &ContainerPlan) -> Vec<String> {
    let volumes = task.spec.definition.volumes.as_deref().unwrap_or_default();
    let mounts = container.definition.mount_points.iter().flatten();
    mounts
        .filter_map(|mount| {
            let name = mount.source_volume.as_deref()?;
            let volume = volumes.iter().find(|it| it.name.as_deref() == Some(name));
            let folder =
                volume.and_then(|it| it.host.as_ref()?.source_path.clone()).filter(|it| !it.is_empty());
            let source = folder.unwrap_or_else(|| labels::volume_name(&task.id, name));
            let mode = if mount.read_only == Some(true) { "ro" } else { "rw" };
            Some(format!("{source}:{}:{mode}", mount.container_path.as_deref()?))
        })
        .collect()
}

fn port(binding: &NetworkBinding) -> String {
    let protocol = match binding.protocol {
        TransportProtocol::Tcp => "tcp",
        TransportProtocol::Udp => "udp",
    };
    format!("{}/{protocol}", binding.container_port)
}

fn exposed(bindings: &[NetworkBinding]) -> Option<Vec<String>> {
    (!bindings.is_empty()).then(|| bindings.iter().map(port).collect())
}

fn published(bindings: &[NetworkBinding]) -> Option<PortMap> {
    let mut ports: PortMap = HashMap::new();
    for binding in bindings {
        let place = PortBinding {
            host_ip: Some(binding.bind_ip.to_string()),
            host_port: Some(binding.host_port.to_string()),
        };
        ports.entry(port(binding)).or_default().get_or_insert_default().push(place);
    }
    (!ports.is_empty()).then_some(ports)
}
