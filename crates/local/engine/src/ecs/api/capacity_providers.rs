//! Capacity providers, as records: tasks of every one of them run on this machine.

use tidegate_models::ecs::{
    AutoScalingGroupProvider, CapacityProvider, CapacityProviderField, CapacityProviderStatus,
    CapacityProviderType, CapacityProviderUpdateStatus, CreateCapacityProviderRequest,
    CreateCapacityProviderResponse, DeleteCapacityProviderRequest, DeleteCapacityProviderResponse,
    DescribeCapacityProvidersRequest, DescribeCapacityProvidersResponse, Failure, ManagedDraining,
    ManagedScaling, ManagedScalingStatus, ManagedTerminationProtection, PutClusterCapacityProvidersRequest,
    PutClusterCapacityProvidersResponse, UpdateCapacityProviderRequest, UpdateCapacityProviderResponse,
};

use super::{
    SERVICE, clusters,
    lookup::{self, client, invalid},
    tags,
};
use crate::{ApiError, Context, State, ecs::records::ServiceStatus, engine::Handlers, page};

/// Those that every account has.
const OF_AWS: [(&str, CapacityProviderType); 2] =
    [("FARGATE", CapacityProviderType::Fargate), ("FARGATE_SPOT", CapacityProviderType::FargateSpot)];

pub(super) fn register(handlers: &mut Handlers) {
    handlers.write(SERVICE, "CreateCapacityProvider", create);
    handlers.read(SERVICE, "DescribeCapacityProviders", describe);
    handlers.write(SERVICE, "UpdateCapacityProvider", update);
    handlers.write(SERVICE, "DeleteCapacityProvider", delete);
    handlers.write(SERVICE, "PutClusterCapacityProviders", put_cluster);
}

fn create(
    state: &mut State,
    context: &Context,
    input: CreateCapacityProviderRequest,
) -> Result<CreateCapacityProviderResponse, ApiError> {
    if input.managed_instances_provider.is_some() || input.cluster.is_some() {
        return Err(unsupported());
    }
    check_name(&input.name)?;
    let group = input
        .auto_scaling_group_provider
        .ok_or_else(|| invalid("The autoScalingGroupProvider must be specified."))?;
    let tags = tags::checked(input.tags.as_deref())?;
    let arn = arn(context, &input.name);
    if state.capacity_providers.contains(&arn) {
        return Err(client(
            "The specified capacity provider already exists. To change the configuration of an existing capacity provider, \
             update the capacity provider.",
        ));
    }
    let provider = CapacityProvider {
        auto_scaling_group_provider: Some(AutoScalingGroupProvider {
            managed_draining: group.managed_draining.or(Some(ManagedDraining::Enabled)),
            managed_scaling: Some(with_defaults(group.managed_scaling.unwrap_or_default())),
            managed_termination_protection: group
                .managed_termination_protection
                .or(Some(ManagedTerminationProtection::Disabled)),
            auto_scaling_group_arn: group.auto_scaling_group_arn,
        }),
        capacity_provider_arn: Some(arn.clone()),
        name: Some(input.name),
        status: Some(CapacityProviderStatus::Active),
        r#type: Some(CapacityProviderType::Ec2Autoscaling),
        ..CapacityProvider::default()
    };
    state.capacity_providers.insert(&arn, provider.clone());
    state.put_tags(&arn, tags);
    Ok(CreateCapacityProviderResponse { capacity_provider: Some(described(state, provider, true)) })
}

fn describe(
    state: &State,
    context: &Context,
    input: DescribeCapacityProvidersRequest,
) -> Result<DescribeCapacityProvidersResponse, ApiError> {
    let with_tags = input.include.unwrap_or_default().contains(&CapacityProviderField::Tags);
    if let Some(asked) = input.capacity_providers.filter(|asked| !asked.is_empty()) {
        let (mut found, mut failures) = (Vec::new(), Vec::new());
        for given in asked {
            match find(state, context, &given) {
                Some(provider) => found.push(described(state, provider, with_tags)),
                None => failures.push(Failure {
                    arn: Some(arn(context, &given)),
                    reason: Some("MISSING".to_owned()),
                    detail: None,
                }),
            }
        }
        return Ok(DescribeCapacityProvidersResponse {
            capacity_providers: Some(found),
            failures: Some(failures),
            next_token: None,
        });
    }
    let prefix = arn(context, "");
    let made = state.capacity_providers.with_prefix(&prefix).map(|(_, row)| row.clone());
    let mut all: Vec<_> = OF_AWS.iter().map(|of_aws| built_in(context, of_aws)).chain(made).collect();
    all.sort_by(|a, b| a.capacity_provider_arn.cmp(&b.capacity_provider_arn));
    let items = all.iter().map(|provider| {
        let key = provider.capacity_provider_arn.as_deref().unwrap_or_default();
        (key, described(state, provider.clone(), with_tags))
    });
    let limit =
        input.max_results.and_then(|most| usize::try_from(most).ok()).filter(|most| *most > 0).unwrap_or(10);
    let token = input.next_token.as_deref();
    let page = page::page(items, "DescribeCapacityProviders", token, limit, || invalid("Invalid token"))?;
    Ok(DescribeCapacityProvidersResponse {
        capacity_providers: Some(page.items),
        failures: Some(Vec::new()),
        next_token: page.next,
    })
}

fn update(
    state: &mut State,
    context: &Context,
    input: UpdateCapacityProviderRequest,
) -> Result<UpdateCapacityProviderResponse, ApiError> {
    if input.managed_instances_provider.is_some() || input.cluster.is_some() {
        return Err(unsupported());
    }
    let arn = made(state, context, &input.name)?;
    let given = input
        .auto_scaling_group_provider
        .ok_or_else(|| invalid("The autoScalingGroupProvider must be specified."))?;
    state.capacity_providers.update(&arn, |provider| {
        if let Some(group) = &mut provider.auto_scaling_group_provider {
            if let Some(scaling) = given.managed_scaling {
                group.managed_scaling = Some(with_defaults(scaling));
            }
            group.managed_draining = given.managed_draining.or(group.managed_draining);
            group.managed_termination_protection =
                given.managed_termination_protection.or(group.managed_termination_protection);
        }
        provider.update_status = Some(CapacityProviderUpdateStatus::UpdateComplete);
    });
    let provider = find(state, context, &arn).map(|provider| described(state, provider, true));
    Ok(UpdateCapacityProviderResponse { capacity_provider: provider })
}

fn delete(
    state: &mut State,
    context: &Context,
    input: DeleteCapacityProviderRequest,
) -> Result<DeleteCapacityProviderResponse, ApiError> {
    let arn = made(state, context, &input.capacity_provider)?;
    let provider = find(state, context, &arn);
    let name = provider.as_ref().and_then(|provider| provider.name.clone()).unwrap_or_default();
    let prefix = context.scope.arn(SERVICE, "cluster/");
    let mut clusters = state.clusters.with_prefix(&prefix).filter(|(_, cluster)| cluster.active);
    if let Some((_, cluster)) = clusters.find(|(_, cluster)| cluster.capacity_providers.contains(&name)) {
        return Err(client(format!(
            "The capacity provider cannot be deleted because it is associated with cluster: {}. Remove the capacity \
             provider from the cluster and try again.",
            cluster.name
        )));
    }
    let provider = provider.map(|provider| CapacityProvider {
        status: Some(CapacityProviderStatus::Inactive),
        update_status: Some(CapacityProviderUpdateStatus::DeleteComplete),
        ..described(state, provider, true)
    });
    state.capacity_providers.remove(&arn);
    state.tags.remove(&arn);
    Ok(DeleteCapacityProviderResponse { capacity_provider: provider })
}

/// `PutClusterCapacityProviders`: the providers and the default strategy of a cluster, in place of what it had.
fn put_cluster(
    state: &mut State,
    context: &Context,
    input: PutClusterCapacityProvidersRequest,
) -> Result<PutClusterCapacityProvidersResponse, ApiError> {
    let cluster = lookup::cluster(state, context, Some(&input.cluster))?;
    let arn = cluster.arn.clone();
    if let Some(unknown) = input.capacity_providers.iter().find(|name| find(state, context, name).is_none()) {
        return Err(invalid(format!("The specified capacity provider '{unknown}' was not found.")));
    }
    let mut strategy = input.default_capacity_provider_strategy.iter().map(|item| &item.capacity_provider);
    if let Some(other) = strategy.find(|name| !input.capacity_providers.contains(name)) {
        return Err(invalid(format!(
            "The specified capacity provider '{other}' of the default strategy is not associated with the cluster."
        )));
    }
    let gone = |name: &String| !input.capacity_providers.contains(name);
    let prefix = arn.replacen(":cluster/", ":service/", 1) + "/";
    let mut services = state.services.with_prefix(&prefix).map(|(_, service)| service);
    let is_used = services.any(|service| {
        service.status == ServiceStatus::Active
            && service.template.capacity_provider_strategy.iter().any(|item| {
                cluster.capacity_providers.contains(&item.capacity_provider) && gone(&item.capacity_provider)
            })
    });
    if is_used {
        return Err(ApiError::new(
            "ResourceInUseException",
            "The specified capacity provider is in use and cannot be removed.",
        ));
    }
    state.clusters.update(&arn, |cluster| {
        cluster.capacity_providers = input.capacity_providers;
        cluster.default_capacity_provider_strategy = input.default_capacity_provider_strategy;
    });
    Ok(PutClusterCapacityProvidersResponse { cluster: clusters::shown(state, &arn) })
}

/// The provider that `given` names: by name or by ARN.
fn find(state: &State, context: &Context, given: &str) -> Option<CapacityProvider> {
    let arn = arn(context, given);
    if !lookup::own(context, &arn) {
        return None;
    }
    let name = arn.rsplit('/').next().unwrap_or_default();
    let of_aws = OF_AWS.iter().find(|(known, _)| *known == name).map(|of_aws| built_in(context, of_aws));
    of_aws.or_else(|| state.capacity_providers.get(&arn).cloned())
}

/// The ARN of the provider that `given` names, which is not one of AWS's own.
fn made(state: &State, context: &Context, given: &str) -> Result<String, ApiError> {
    let arn = arn(context, given);
    if lookup::own(context, &arn) && state.capacity_providers.contains(&arn) {
        return Ok(arn);
    }
    Err(invalid(format!("The specified capacity provider '{given}' was not found.")))
}

fn arn(context: &Context, given: &str) -> String {
    if given.starts_with("arn:") {
        return given.to_owned();
    }
    context.scope.arn(SERVICE, format_args!("capacity-provider/{given}"))
}

fn built_in(context: &Context, (name, kind): &(&str, CapacityProviderType)) -> CapacityProvider {
    CapacityProvider {
        capacity_provider_arn: Some(arn(context, name)),
        name: Some((*name).to_owned()),
        status: Some(CapacityProviderStatus::Active),
        r#type: Some(*kind),
        ..CapacityProvider::default()
    }
}

fn described(state: &State, provider: CapacityProvider, with_tags: bool) -> CapacityProvider {
    let arn = provider.capacity_provider_arn.as_deref().unwrap_or_default();
    let tags = if with_tags { lookup::tags_of(state, arn) } else { Vec::new() };
    CapacityProvider { tags: Some(tags), ..provider }
}

/// What a provider scales by when nobody says more.
fn with_defaults(given: ManagedScaling) -> ManagedScaling {
    ManagedScaling {
        instance_warmup_period: given.instance_warmup_period.or(Some(300)),
        maximum_scaling_step_size: given.maximum_scaling_step_size.or(Some(10_000)),
        minimum_scaling_step_size: given.minimum_scaling_step_size.or(Some(1)),
        status: given.status.or(Some(ManagedScalingStatus::Disabled)),
        target_capacity: given.target_capacity.or(Some(100)),
    }
}

fn check_name(name: &str) -> Result<(), ApiError> {
    let is_valid = !name.is_empty()
        && name.len() <= 255
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte));
    let lower = name.to_ascii_lowercase();
    if !is_valid || ["aws", "ecs", "fargate"].iter().any(|reserved| lower.starts_with(reserved)) {
        return Err(invalid(
            "The specified capacity provider name is invalid. Up to 255 characters are allowed, including letters \
             (upper and lowercase), numbers, underscores, and hyphens. The name cannot be prefixed with \"aws\", \"ecs\", \
             or \"fargate\".",
        ));
    }
    Ok(())
}

fn unsupported() -> ApiError {
    ApiError::new(
        "UnsupportedFeatureException",
        "Capacity providers of managed instances are not implemented by the local cloud yet",
    )
}
