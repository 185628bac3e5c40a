//! Rows as AWS describes them.

use tidegate_models::ecs;

use super::lookup;
use crate::{
    State,
    ecs::{
        records::{
            ContainerStatus, Deployment, HookRun, HookTarget, RevisionTemplate, Service, ServiceDeployment,
            ServiceRevision, ServiceStatus, Share, Task, TaskContainer, TaskOwner, TaskSet, TaskStatus,
        },
        scheduler::{self, Counts},
    },
};

/// Whether tags are described, too.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Tags {
    Included,
    Left,
}

/// `services[]`
pub(super) fn service(state: &State, row: &Service, tags: Tags) -> ecs::Service {
    let counts = scheduler::service_counts(state, &row.arn);
    let template = &row.template;
    let events = state.service_events.indexed_by(&row.arn).rev().map(|(_, row)| row.event.clone()).collect();
    ecs::Service {
        service_arn: Some(row.arn.clone()),
        service_name: Some(row.name.clone()),
        cluster_arn: Some(row.cluster_arn.clone()),
        status: Some(status(row.status).to_owned()),
        desired_count: number(counts.desired),
        running_count: number(counts.running),
        pending_count: number(counts.pending),
        task_definition: Some(template.task_definition.clone()).filter(|arn| !arn.is_empty()),
        load_balancers: Some(template.load_balancers.clone()),
        service_registries: Some(template.service_registries.clone()),
        launch_type: template.launch_type,
        capacity_provider_strategy: some_unless_empty(&template.capacity_provider_strategy),
        platform_version: platform_version(template),
        platform_family: platform_family(template),
        network_configuration: template.network_configuration.clone(),
        deployment_configuration: Some(row.deployment_configuration.clone()),
        deployment_controller: Some(ecs::DeploymentController { r#type: row.controller }),
        deployments: Some(
            row.deployments.iter().map(|deployment| self::deployment(state, row, deployment)).collect(),
        ),
        task_sets: (row.controller != ecs::DeploymentControllerType::Ecs).then(|| {
            row.task_sets.iter().map(|task_set| self::task_set(state, row, task_set, Tags::Left)).collect()
        }),
        events: Some(events),
        created_at: Some(row.created_at),
        created_by: row.echo.created_by.clone(),
        role_arn: row.echo.role_arn.clone(),
        placement_constraints: Some(row.echo.placement_constraints.clone()),
        placement_strategy: Some(row.echo.placement_strategy.clone()),
        health_check_grace_period_seconds: number(row.health_check_grace_period_seconds),
        scheduling_strategy: Some(row.scheduling_strategy),
        enable_ecs_managed_tags: Some(row.echo.enable_ecs_managed_tags),
        propagate_tags: Some(row.echo.propagate_tags.unwrap_or(ecs::PropagateTags::None)),
        enable_execute_command: Some(row.echo.enable_execute_command),
        availability_zone_rebalancing: row.echo.availability_zone_rebalancing,
        current_service_deployment: row.current_service_deployment.clone(),
        current_service_revisions: (row.controller == ecs::DeploymentControllerType::Ecs)
            .then(|| current_revisions(state, row)),
        tags: (tags == Tags::Included).then(|| lookup::tags_of(state, &row.arn)),
        ..ecs::Service::default()
    }
}

fn status(status: ServiceStatus) -> &'static str {
    match status {
        ServiceStatus::Active => "ACTIVE",
        ServiceStatus::Draining => "DRAINING",
        ServiceStatus::Inactive => "INACTIVE",
    }
}

fn deployment(state: &State, service: &Service, row: &Deployment) -> ecs::Deployment {
    let counts = scheduler::counts(state, &service.arn, &row.id);
    let template = state
        .service_revisions
        .get(&row.revision_arn)
        .map_or(&service.template, |revision| &revision.template);
    ecs::Deployment {
        id: Some(row.id.clone()),
        status: Some(if row.primary { "PRIMARY" } else { "ACTIVE" }.to_owned()),
        task_definition: Some(template.task_definition.clone()),
        desired_count: number(counts.desired),
        pending_count: number(counts.pending),
        running_count: number(counts.running),
        failed_tasks: number(row.failures.failed_tasks),
        created_at: Some(row.created_at),
        updated_at: Some(row.updated_at),
        launch_type: template.launch_type,
        capacity_provider_strategy: some_unless_empty(&template.capacity_provider_strategy),
        platform_version: platform_version(template),
        platform_family: platform_family(template),
        network_configuration: template.network_configuration.clone(),
        rollout_state: Some(row.rollout_state),
        rollout_state_reason: Some(row.rollout_state_reason.clone()),
        service_connect_configuration: template.service_connect_configuration.clone(),
        volume_configurations: some_unless_empty(&template.volume_configurations),
        vpc_lattice_configurations: some_unless_empty(&template.vpc_lattice_configurations),
        ..ecs::Deployment::default()
    }
}

/// `taskSets[]`
pub(super) fn task_set(state: &State, service: &Service, row: &TaskSet, tags: Tags) -> ecs::TaskSet {
    let counts = scheduler::counts(state, &service.arn, &row.id);
    let template = state
        .service_revisions
        .get(&row.revision_arn)
        .map_or(&service.template, |revision| &revision.template);
    ecs::TaskSet {
        id: Some(row.id.clone()),
        task_set_arn: Some(row.arn.clone()),
        service_arn: Some(service.arn.clone()),
        cluster_arn: Some(service.cluster_arn.clone()),
        started_by: row.started_by.clone(),
        external_id: row.external_id.clone(),
        status: Some(row.status.as_str().to_owned()),
        task_definition: Some(template.task_definition.clone()),
        computed_desired_count: number(counts.desired),
        pending_count: number(counts.pending),
        running_count: number(counts.running),
        created_at: Some(row.created_at),
        updated_at: Some(row.updated_at),
        launch_type: template.launch_type,
        capacity_provider_strategy: some_unless_empty(&template.capacity_provider_strategy),
        platform_version: platform_version(template),
        platform_family: platform_family(template),
        network_configuration: template.network_configuration.clone(),
        load_balancers: Some(template.load_balancers.clone()),
        service_registries: Some(template.service_registries.clone()),
        scale: Some(ecs::Scale { value: Some(row.scale.as_percent()), unit: Some(ecs::ScaleUnit::Percent) }),
        stability_status: Some(row.stability),
        stability_status_at: Some(row.stability_at),
        tags: (tags == Tags::Included).then(|| lookup::tags_of(state, &row.arn)),
        ..ecs::TaskSet::default()
    }
}

fn current_revisions(state: &State, service: &Service) -> Vec<ecs::ServiceCurrentRevisionSummary> {
    let revisions = service.deployments.iter().map(|deployment| &deployment.revision_arn);
    let summary = |arn: &String| {
        let counts = scheduler::revision_counts(state, &service.arn, arn);
        ecs::ServiceCurrentRevisionSummary {
            arn: Some(arn.clone()),
            requested_task_count: number(counts.desired),
            running_task_count: number(counts.running),
            pending_task_count: number(counts.pending),
        }
    };
    revisions.map(summary).collect()
}

/// `serviceDeployments[]`
pub(super) fn service_deployment(state: &State, row: &ServiceDeployment) -> ecs::ServiceDeployment {
    let summary = |arn: &String| revision_summary(state, row, arn);
    ecs::ServiceDeployment {
        service_deployment_arn: Some(row.arn.clone()),
        service_arn: Some(row.service_arn.clone()),
        cluster_arn: Some(row.cluster_arn.clone()),
        created_at: Some(row.created_at),
        started_at: row.started_at,
        finished_at: row.finished_at,
        stopped_at: row.stopped_at,
        updated_at: Some(row.updated_at),
        source_service_revisions: Some(row.source_revisions.iter().map(summary).collect()),
        target_service_revision: Some(revision_summary(state, row, &row.target_revision)),
        status: Some(row.status),
        status_reason: row.status_reason.clone(),
        deployment_configuration: Some(row.deployment_configuration.clone()),
        rollback: row.rollback.clone(),
        deployment_circuit_breaker: row.circuit_breaker.clone(),
        alarms: row.alarms.clone(),
        lifecycle_stage: row.staged.as_ref().map(|staged| scheduler::lifecycle_stage(staged.stage)),
        lifecycle_hook_details: row.staged.as_ref().map(|staged| staged.hooks.iter().map(hook).collect()),
    }
}

/// The counts of a revision: as they are while the deployment runs, as they were once it has ended.
fn revision_summary(state: &State, deployment: &ServiceDeployment, arn: &str) -> ecs::ServiceRevisionSummary {
    let at_the_end = deployment.final_counts.iter().find(|summary| summary.arn.as_deref() == Some(arn));
    let mut summary = at_the_end.cloned().unwrap_or_else(|| {
        let counts: Counts = scheduler::revision_counts(state, &deployment.service_arn, arn);
        ecs::ServiceRevisionSummary {
            arn: Some(arn.to_owned()),
            requested_task_count: number(counts.desired),
            running_task_count: number(counts.running),
            pending_task_count: number(counts.pending),
            ..ecs::ServiceRevisionSummary::default()
        }
    });
    if let Some(staged) = &deployment.staged {
        let is_target = arn == deployment.target_revision;
        let share = |share: Share| Some(if is_target { share } else { share.rest() }.as_percent());
        summary.requested_production_traffic_weight = share(staged.production);
        summary.requested_test_traffic_weight = share(staged.test);
    }
    summary
}

/// `lifecycleHookDetails[]`
fn hook(run: &HookRun) -> ecs::DeploymentLifecycleHookDetail {
    let (target_type, target_arn) = match &run.target {
        HookTarget::Pause => (ecs::DeploymentLifecycleHookTargetType::Pause, None),
        HookTarget::Function(function) => {
            (ecs::DeploymentLifecycleHookTargetType::AwsLambda, Some(function.arn.clone()))
        }
    };
    ecs::DeploymentLifecycleHookDetail {
        expires_at: Some(run.expires_at),
        hook_id: Some(run.id.clone()),
        status: Some(run.status),
        target_arn,
        target_type: Some(target_type),
        timeout_action: Some(run.timeout_action),
    }
}

/// `serviceRevisions[]`
pub(super) fn service_revision(row: &ServiceRevision) -> ecs::ServiceRevision {
    let template = &row.template;
    let resolved = scheduler::resolved(template, &row.target_groups);
    let resolved = resolved.into_iter().map(|given| ecs::ServiceRevisionLoadBalancer {
        target_group_arn: given.target_group_arn,
        production_listener_rule: given.advanced_configuration.and_then(|it| it.production_listener_rule),
    });
    ecs::ServiceRevision {
        service_revision_arn: Some(row.arn.clone()),
        service_arn: Some(row.service_arn.clone()),
        cluster_arn: Some(row.cluster_arn.clone()),
        task_definition: Some(template.task_definition.clone()),
        launch_type: template.launch_type,
        capacity_provider_strategy: some_unless_empty(&template.capacity_provider_strategy),
        platform_version: platform_version(template),
        platform_family: platform_family(template),
        load_balancers: Some(template.load_balancers.clone()),
        service_registries: Some(template.service_registries.clone()),
        network_configuration: template.network_configuration.clone(),
        container_images: Some(row.container_images.clone()),
        guard_duty_enabled: Some(false),
        service_connect_configuration: template.service_connect_configuration.clone(),
        volume_configurations: some_unless_empty(&template.volume_configurations),
        vpc_lattice_configurations: some_unless_empty(&template.vpc_lattice_configurations),
        created_at: Some(row.created_at),
        resolved_configuration: (!template.load_balancers.is_empty()).then(|| ecs::ResolvedConfiguration {
            load_balancers: Some(resolved.collect()),
            ..ecs::ResolvedConfiguration::default()
        }),
        ..ecs::ServiceRevision::default()
    }
}

/// `tasks[]`
pub(super) fn task(state: &State, row: &Task, tags: Tags) -> ecs::Task {
    let definition = lookup_definition(state, &row.task_definition);
    let (group, started_by) = match &row.owner {
        TaskOwner::Service { service_arn, deployment_id, .. } => {
            (format!("service:{}", name(service_arn)), Some(deployment_id.clone()))
        }
        TaskOwner::Standalone { started_by, group } => (group.clone(), started_by.clone()),
    };
    let times = &row.times;
    ecs::Task {
        task_arn: Some(row.arn.clone()),
        cluster_arn: Some(row.cluster_arn.clone()),
        task_definition_arn: Some(row.task_definition.clone()),
        last_status: Some(row.last_status.as_str().to_owned()),
        desired_status: Some(desired_status(row).to_owned()),
        health_status: Some(row.health),
        containers: Some(row.containers.iter().map(|container| self::container(row, container)).collect()),
        attachments: Some(attachment(row).into_iter().collect()),
        attributes: Some(Vec::new()),
        availability_zone: row.arn.split(':').nth(3).map(|region| format!("{region}a")),
        capacity_provider_name: row.launch.capacity_provider_name.clone(),
        connectivity: Some(ecs::Connectivity::Connected),
        connectivity_at: Some(times.created_at),
        cpu: definition.and_then(|definition| definition.cpu.clone()),
        memory: definition.and_then(|definition| definition.memory.clone()),
        created_at: Some(times.created_at),
        enable_execute_command: Some(row.launch.enable_execute_command),
        execution_stopped_at: times.execution_stopped_at,
        group: Some(group),
        started_by,
        inference_accelerators: Some(Vec::new()),
        launch_type: row.launch.launch_type,
        overrides: Some(row.overrides.clone().unwrap_or_else(|| no_overrides(row))),
        platform_version: row.launch.platform_version.clone(),
        platform_family: row.launch.platform_version.as_ref().map(|_| "Linux".to_owned()),
        pull_started_at: times.pull_started_at,
        pull_stopped_at: times.pull_stopped_at,
        started_at: times.started_at,
        stop_code: row.stop.as_ref().map(|stop| stop.code),
        stopped_reason: row.stop.as_ref().map(|stop| stop.reason.clone()),
        stopping_at: times.stopping_at,
        stopped_at: times.stopped_at,
        tags: Some(if tags == Tags::Included { lookup::tags_of(state, &row.arn) } else { Vec::new() }),
        version: Some(i64::from(row.version)),
        ..ecs::Task::default()
    }
}

/// Where a task is wanted to be.
pub(super) fn desired_status(task: &Task) -> &'static str {
    if task.stop.is_some() || task.last_status >= TaskStatus::Deactivating { "STOPPED" } else { "RUNNING" }
}

fn container(task: &Task, row: &TaskContainer) -> ecs::Container {
    let interface = ecs::NetworkInterface {
        attachment_id: task.launch.attachment_id.clone(),
        private_ipv4_address: task.address.map(|address| address.to_string()),
        ..ecs::NetworkInterface::default()
    };
    let has_interface = task.launch.attachment_id.is_some() && task.address.is_some();
    ecs::Container {
        container_arn: Some(row.arn.clone()),
        task_arn: Some(task.arn.clone()),
        name: Some(row.name.clone()),
        image: Some(row.image.clone()),
        image_digest: row.image_digest.clone(),
        runtime_id: row.runtime_id.clone(),
        last_status: Some(
            match row.status {
                ContainerStatus::Pending => "PENDING",
                ContainerStatus::Running => "RUNNING",
                ContainerStatus::Stopped => "STOPPED",
            }
            .to_owned(),
        ),
        exit_code: row.exit_code,
        reason: row.reason.clone(),
        health_status: Some(row.health),
        network_bindings: Some(row.bindings.clone()),
        network_interfaces: Some(if has_interface { vec![interface] } else { Vec::new() }),
        ..ecs::Container::default()
    }
}

fn attachment(task: &Task) -> Option<ecs::Attachment> {
    let id = task.launch.attachment_id.clone()?;
    let detail =
        |name: &str, value: String| ecs::KeyValuePair { name: Some(name.to_owned()), value: Some(value) };
    let subnet = task.launch.subnet_id.clone().map(|subnet| detail("subnetId", subnet));
    let address = task.address.map(|address| detail("privateIPv4Address", address.to_string()));
    let status = match task.last_status {
        TaskStatus::Provisioning => "PRECREATED",
        TaskStatus::Stopped => "DELETED",
        _ => "ATTACHED",
    };
    Some(ecs::Attachment {
        id: Some(id),
        r#type: Some("ElasticNetworkInterface".to_owned()),
        status: Some(status.to_owned()),
        details: Some(subnet.into_iter().chain(address).collect()),
    })
}

fn no_overrides(task: &Task) -> ecs::TaskOverride {
    let containers = task.containers.iter();
    let named = |container: &TaskContainer| ecs::ContainerOverride {
        name: Some(container.name.clone()),
        ..ecs::ContainerOverride::default()
    };
    ecs::TaskOverride {
        container_overrides: Some(containers.map(named).collect()),
        inference_accelerator_overrides: Some(Vec::new()),
        ..ecs::TaskOverride::default()
    }
}

fn lookup_definition<'a>(state: &'a State, arn: &str) -> Option<&'a ecs::TaskDefinition> {
    let (family, revision) = arn.rsplit_once(':')?;
    let key = crate::ecs::records::TaskDefinition::key(family, revision.parse().ok()?);
    state.task_definitions.get(&key).map(|row| row.document.as_ref())
}

fn platform_version(template: &RevisionTemplate) -> Option<String> {
    let on_fargate = template.launch_type == Some(ecs::LaunchType::Fargate);
    template.platform_version.clone().or_else(|| on_fargate.then(|| "LATEST".to_owned()))
}

fn platform_family(template: &RevisionTemplate) -> Option<String> {
    (template.launch_type == Some(ecs::LaunchType::Fargate)).then(|| "Linux".to_owned())
}

fn some_unless_empty<T: Clone>(list: &[T]) -> Option<Vec<T>> {
    (!list.is_empty()).then(|| list.to_vec())
}

#[expect(clippy::unnecessary_wraps, reason = "every member that it fills is optional")]
fn number(count: u32) -> Option<i32> {
    Some(i32::try_from(count).unwrap_or(i32::MAX))
}

fn name(arn: &str) -> &str {
    arn.rsplit('/').next().unwrap_or(arn)
}
