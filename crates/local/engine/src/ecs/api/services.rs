//! Services: created, updated, described, listed, deleted.

pub(super) mod configuration;
pub(super) mod controllers;
mod create;
mod update;

use tidegate_models::ecs::{
    DeleteServiceRequest, DeleteServiceResponse, DescribeServicesRequest, DescribeServicesResponse,
    ListServicesRequest, ListServicesResponse, SchedulingStrategy, ServiceField,
};

use super::{
    SERVICE, deployments,
    descriptions::{self, Tags},
    lookup::{self, invalid},
};
use crate::{
    ApiError, Context, State,
    ecs::{
        records::{Service, ServiceStatus},
        scheduler,
    },
    engine::Handlers,
    page,
};

pub(super) fn register(handlers: &mut Handlers) {
    handlers.write(SERVICE, "CreateService", create::create);
    handlers.write(SERVICE, "UpdateService", update::update);
    handlers.read(SERVICE, "DescribeServices", describe);
    handlers.read(SERVICE, "ListServices", list);
    handlers.write(SERVICE, "DeleteService", delete);
}

/// AWS's most services in one DescribeServices.
const MOST_DESCRIBED: usize = 10;

fn describe(
    state: &State,
    context: &Context,
    input: DescribeServicesRequest,
) -> Result<DescribeServicesResponse, ApiError> {
    if input.services.is_empty() {
        return Err(invalid("Services cannot be empty."));
    }
    if input.services.len() > MOST_DESCRIBED {
        return Err(invalid(format!("services can have at most {MOST_DESCRIBED} items.")));
    }
    let cluster = lookup::cluster(state, context, input.cluster.as_deref())?;
    let tags = match input.include {
        Some(include) if include.contains(&ServiceField::Tags) => Tags::Included,
        _ => Tags::Left,
    };
    let (mut services, mut failures) = (Vec::new(), Vec::new());
    for given in input.services {
        match lookup::service(state, cluster, &given) {
            Ok(service) => services.push(descriptions::service(state, service, tags)),
            Err(_) => failures.push(deployments::missing(lookup::service_arn(cluster, &given))),
        }
    }
    Ok(DescribeServicesResponse { services: Some(services), failures: Some(failures) })
}

fn list(
    state: &State,
    context: &Context,
    input: ListServicesRequest,
) -> Result<ListServicesResponse, ApiError> {
    let cluster = lookup::cluster(state, context, input.cluster.as_deref())?;
    let prefix = lookup::service_arn(cluster, "");
    let wanted = |service: &Service| {
        service.status == ServiceStatus::Active
            && input.launch_type.is_none_or(|wanted| service.template.launch_type == Some(wanted))
            && input.scheduling_strategy.is_none_or(|wanted| service.scheduling_strategy == wanted)
    };
    let found = state.services.with_prefix(&prefix).filter(|(_, service)| wanted(service));
    let items = found.map(|(arn, _)| (arn, arn.to_owned()));
    let limit =
        input.max_results.and_then(|most| usize::try_from(most).ok()).filter(|most| *most > 0).unwrap_or(10);
    let token = input.next_token.as_deref();
    let page = page::page(items, "ListServices", token, limit.min(100), || invalid("Invalid token"))?;
    Ok(ListServicesResponse { service_arns: Some(page.items), next_token: page.next })
}

/// `DeleteService`: one that is deleted already is answered as it is, also when it is INACTIVE, as on AWS
/// (aws-sdk-js#4189, aws-cli#1334).
fn delete(
    state: &mut State,
    context: &Context,
    input: DeleteServiceRequest,
) -> Result<DeleteServiceResponse, ApiError> {
    let cluster = lookup::cluster(state, context, input.cluster.as_deref())?;
    let service = lookup::service(state, cluster, &input.service)?;
    if service.status != ServiceStatus::Active {
        return Ok(DeleteServiceResponse {
            service: Some(descriptions::service(state, service, Tags::Included)),
        });
    }
    let scaled = service.scheduling_strategy == SchedulingStrategy::Replica && service.desired_count > 0;
    if scaled && input.force != Some(true) {
        return Err(invalid("The service cannot be stopped while the primary deployment is scaled above 0."));
    }
    let arn = service.arn.clone();
    scheduler::delete_service(state, &arn, context.now);
    let service =
        state.services.get(&arn).map(|service| descriptions::service(state, service, Tags::Included));
    Ok(DeleteServiceResponse { service })
}
