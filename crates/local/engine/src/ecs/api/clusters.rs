//! Clusters.

use tidegate_models::ecs::{
    self, ClusterField, CreateClusterRequest, CreateClusterResponse, DeleteClusterRequest,
    DeleteClusterResponse, DescribeClustersRequest, DescribeClustersResponse, Failure, ListClustersRequest,
    ListClustersResponse, UpdateClusterRequest, UpdateClusterResponse, UpdateClusterSettingsRequest,
    UpdateClusterSettingsResponse,
};

use super::{
    SERVICE,
    lookup::{self, client, invalid},
    tags,
};
use crate::{
    ApiError, Context, State,
    ecs::records::{Cluster, ServiceStatus, TaskStatus},
    engine::Handlers,
    page,
};

pub(super) fn register(handlers: &mut Handlers) {
    handlers.write(SERVICE, "CreateCluster", create);
    handlers.read(SERVICE, "DescribeClusters", describe);
    handlers.read(SERVICE, "ListClusters", list);
    handlers.write(SERVICE, "UpdateCluster", update);
    handlers.write(SERVICE, "UpdateClusterSettings", update_settings);
    handlers.write(SERVICE, "DeleteCluster", delete);
}

/// AWS's most clusters in one DescribeClusters.
const MOST_DESCRIBED: usize = 100;

fn create(
    state: &mut State,
    context: &Context,
    input: CreateClusterRequest,
) -> Result<CreateClusterResponse, ApiError> {
    let name = input.cluster_name.filter(|name| !name.is_empty()).unwrap_or_else(|| "default".to_owned());
    check_name(&name)?;
    let tags = tags::checked(input.tags.as_deref())?;
    let arn = lookup::cluster_arn(context, Some(&name));
    // Creating what exists answers with it and changes nothing.
    if state.clusters.get(&arn).is_none_or(|cluster| !cluster.active) {
        let cluster = Cluster {
            arn: arn.clone(),
            name,
            active: true,
            settings: input.settings.unwrap_or_else(default_settings),
            configuration: input.configuration,
            capacity_providers: input.capacity_providers.unwrap_or_default(),
            default_capacity_provider_strategy: input.default_capacity_provider_strategy.unwrap_or_default(),
            service_connect_defaults: input
                .service_connect_defaults
                .map(|given| ecs::ClusterServiceConnectDefaults { namespace: Some(given.namespace) }),
        };
        state.clusters.insert(&arn, cluster);
        state.put_tags(&arn, tags);
    }
    let cluster = shown(state, &arn);
    Ok(CreateClusterResponse { cluster })
}

fn describe(
    state: &State,
    context: &Context,
    input: DescribeClustersRequest,
) -> Result<DescribeClustersResponse, ApiError> {
    let asked = input.clusters.unwrap_or_else(|| vec!["default".to_owned()]);
    if asked.len() > MOST_DESCRIBED {
        return Err(invalid(format!("clusters can have at most {MOST_DESCRIBED} items.")));
    }
    let include = input.include.unwrap_or_default();
    let (mut clusters, mut failures) = (Vec::new(), Vec::new());
    for given in asked {
        let arn = lookup::cluster_arn(context, Some(&given));
        match state.clusters.get(&arn).filter(|_| lookup::own(context, &arn)) {
            Some(cluster) => clusters.push(described(state, cluster, &include)),
            None => {
                failures.push(Failure { arn: Some(arn), reason: Some("MISSING".to_owned()), detail: None })
            }
        }
    }
    Ok(DescribeClustersResponse { clusters: Some(clusters), failures: Some(failures) })
}

fn list(
    state: &State,
    context: &Context,
    input: ListClustersRequest,
) -> Result<ListClustersResponse, ApiError> {
    let prefix = context.scope.arn("ecs", "cluster/");
    let active = state.clusters.with_prefix(&prefix).filter(|(_, cluster)| cluster.active);
    let limit =
        input.max_results.and_then(|most| usize::try_from(most).ok()).filter(|most| *most > 0).unwrap_or(100);
    let items = active.map(|(arn, _)| (arn, arn.to_owned()));
    let page = page::page(items, "ListClusters", input.next_token.as_deref(), limit.min(100), || {
        invalid("Invalid token")
    })?;
    Ok(ListClustersResponse { cluster_arns: Some(page.items), next_token: page.next })
}

fn update(
    state: &mut State,
    context: &Context,
    input: UpdateClusterRequest,
) -> Result<UpdateClusterResponse, ApiError> {
    let arn = lookup::cluster(state, context, Some(&input.cluster))?.arn.clone();
    state.clusters.update(&arn, |cluster| {
        if let Some(settings) = input.settings {
            cluster.settings = settings;
        }
        if let Some(configuration) = input.configuration {
            cluster.configuration = Some(configuration);
        }
        if let Some(given) = input.service_connect_defaults {
            cluster.service_connect_defaults =
                Some(ecs::ClusterServiceConnectDefaults { namespace: Some(given.namespace) });
        }
    });
    let cluster = shown(state, &arn);
    Ok(UpdateClusterResponse { cluster })
}

fn update_settings(
    state: &mut State,
    context: &Context,
    input: UpdateClusterSettingsRequest,
) -> Result<UpdateClusterSettingsResponse, ApiError> {
    let arn = lookup::cluster(state, context, Some(&input.cluster))?.arn.clone();
    state.clusters.update(&arn, |cluster| cluster.settings = input.settings);
    let cluster = shown(state, &arn);
    Ok(UpdateClusterSettingsResponse { cluster })
}

fn delete(
    state: &mut State,
    context: &Context,
    input: DeleteClusterRequest,
) -> Result<DeleteClusterResponse, ApiError> {
    let cluster = lookup::cluster(state, context, Some(&input.cluster))?;
    let arn = cluster.arn.clone();
    let services = arn.replacen(":cluster/", ":service/", 1) + "/";
    if state.services.with_prefix(&services).any(|(_, service)| service.status != ServiceStatus::Inactive) {
        let text = "The Cluster cannot be deleted while Services are active.";
        return Err(ApiError::new("ClusterContainsServicesException", text));
    }
    let tasks = arn.replacen(":cluster/", ":task/", 1) + "/";
    if state.tasks.with_prefix(&tasks).any(|(_, task)| task.last_status != TaskStatus::Stopped) {
        let text = "The Cluster cannot be deleted while Tasks are active.";
        return Err(ApiError::new("ClusterContainsTasksException", text));
    }
    state.clusters.update(&arn, |cluster| cluster.active = false);
    let cluster = shown(state, &arn);
    Ok(DeleteClusterResponse { cluster })
}

const ALL: &[ClusterField] = &[ClusterField::Settings, ClusterField::Configurations, ClusterField::Tags];

/// The cluster at `arn` with everything that can be asked for.
pub(super) fn shown(state: &State, arn: &str) -> Option<ecs::Cluster> {
    state.clusters.get(arn).map(|cluster| described(state, cluster, ALL))
}

fn described(state: &State, cluster: &Cluster, include: &[ClusterField]) -> ecs::Cluster {
    let included = |field| include.contains(&field);
    let services = cluster.arn.replacen(":cluster/", ":service/", 1) + "/";
    let active =
        state.services.with_prefix(&services).filter(|(_, service)| service.status == ServiceStatus::Active);
    let prefix = cluster.arn.replacen(":cluster/", ":task/", 1) + "/";
    let (mut running, mut pending) = (0, 0);
    for (_, task) in state.tasks.with_prefix(&prefix) {
        running += i32::from(task.last_status == TaskStatus::Running);
        pending += i32::from(task.last_status < TaskStatus::Running);
    }
    ecs::Cluster {
        cluster_arn: Some(cluster.arn.clone()),
        cluster_name: Some(cluster.name.clone()),
        status: Some(if cluster.active { "ACTIVE" } else { "INACTIVE" }.to_owned()),
        // This machine; tasks of every launch type run on it.
        registered_container_instances_count: Some(0),
        running_tasks_count: Some(running),
        pending_tasks_count: Some(pending),
        active_services_count: i32::try_from(active.count()).ok(),
        statistics: Some(Vec::new()),
        tags: Some(if included(ClusterField::Tags) {
            lookup::tags_of(state, &cluster.arn)
        } else {
            Vec::new()
        }),
        settings: Some(if included(ClusterField::Settings) { cluster.settings.clone() } else { Vec::new() }),
        configuration: cluster.configuration.clone().filter(|_| included(ClusterField::Configurations)),
        capacity_providers: Some(cluster.capacity_providers.clone()),
        default_capacity_provider_strategy: Some(cluster.default_capacity_provider_strategy.clone()),
        service_connect_defaults: cluster.service_connect_defaults.clone(),
        ..ecs::Cluster::default()
    }
}

fn default_settings() -> Vec<ecs::ClusterSetting> {
    vec![ecs::ClusterSetting {
        name: Some(ecs::ClusterSettingName::ContainerInsights),
        value: Some("disabled".to_owned()),
    }]
}

fn check_name(name: &str) -> Result<(), ApiError> {
    let valid =
        name.len() <= 255 && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte));
    if valid { Ok(()) } else { Err(client("Invalid cluster name.")) }
}
