//! Takes the picture of a service that the rules of `tidegate check` look at: reads, and nothing else. A thing that
//! may not be asked for is kept as such; only a service that cannot be described at all is an error. Start with
//! [`one`] and [`all`].

mod asked;
mod balancer;
mod images;
mod names;
mod neighbours;

use crate::client::{Client, ask};
use crate::deploy::code_deploy;
use crate::error::AwsError;
use crate::observe;
use crate::pacing::Bucket;
use crate::rollback::history;
use crate::sink::now;
use asked::{Memory, asked, asked_of_definition};
use aws_sdk_ecs::types::ServiceField;
use names::Named;
use serde_json::Value;
use std::collections::BTreeMap;
use std::sync::Arc;
use tidegate_checks::picture::{Alarm, Role, Secret, WayBack};
use tidegate_checks::{Asked, Picture};
use tidegate_rollout::Millis;
use tidegate_rollout::names::{ClusterName, ServiceName, ServiceRef, TaskDefinitionArn};
use tidegate_rollout::rollback::{PastDeployment, target};
use tokio::task::JoinSet;

/// Services that are looked at side by side. What limits a whole cluster is AWS's buckets, not this.
const AT_ONCE: usize = 8;

/// What the config file says about it.
#[derive(Debug, Clone, Default)]
pub struct Wishes {
    /// The alarms that gates watch, and the one service that they are of.
    pub gate_alarms: Vec<String>,
    /// The service that the config file is of; without one the gates are of whatever is looked at.
    pub gates_of: Option<ServiceName>,
    /// For how many days a rollback drill holds.
    pub drill_days: u32,
    /// The tick of a watch, by which the endpoint's clock is told.
    pub tick: Millis,
}

/// The picture of one service.
///
/// # Errors
///
/// When the service cannot be described, or does not exist.
pub async fn one(client: &Client, target: &ServiceRef, wishes: &Wishes) -> Result<Picture, AwsError> {
    let described = client.service_with_tags(target).await?;
    Ok(taken(client, &Known::default(), target, described, wishes).await)
}

/// The picture of each service of a cluster, by name.
///
/// # Errors
///
/// When the services cannot be listed or described.
pub async fn all(client: &Client, cluster: &ClusterName, wishes: &Wishes) -> Result<Vec<Picture>, AwsError> {
    let services = client.services_to_check(cluster).await?;
    let known = Arc::new(Known::default());
    let mut waiting = services.into_iter().filter_map(|described| {
        let name = ServiceName::parse(observe::word(&described, "serviceName")?).ok()?;
        Some((ServiceRef { cluster: cluster.clone(), service: name }, described))
    });
    let mut pictures = Vec::new();
    let mut running = JoinSet::new();
    loop {
        while running.len() < AT_ONCE
            && let Some((target, described)) = waiting.next()
        {
            let (client, known, wishes) = (client.clone(), Arc::clone(&known), wishes.clone());
            running.spawn(async move { taken(&client, &known, &target, described, &wishes).await });
        }
        match running.join_next().await {
            None => break,
            Some(Ok(picture)) => pictures.push(picture),
            // Only a bug in here can end a task; it must not look like a service that is fine.
            Some(Err(error)) => return Err(crate::ecs::unexpected("DescribeServices", &error.to_string())),
        }
    }
    pictures.sort_by(|one, other| one.name().cmp(other.name()));
    Ok(pictures)
}

/// What services share, asked for once.
#[derive(Debug, Default)]
struct Known {
    roles: Memory<Role>,
    secrets: Memory<Secret>,
    log_groups: Memory<()>,
    mutability: Memory<String>,
    digests: Memory<String>,
    balancers: Memory<balancer::Balancer>,
}

async fn taken(
    client: &Client,
    known: &Known,
    target: &ServiceRef,
    described: Value,
    wishes: &Wishes,
) -> Picture {
    let gates_are_its = wishes.gates_of.as_ref().is_none_or(|of| of.short() == target.service.short());
    let mut picture = Picture {
        now: 0,
        service: described,
        definition: Asked::Absent,
        history: Asked::Absent,
        way_back: Asked::Absent,
        target_groups: BTreeMap::new(),
        alarms: BTreeMap::new(),
        gate_alarms: if gates_are_its { wishes.gate_alarms.clone() } else { Vec::new() },
        images: BTreeMap::new(),
        roles: BTreeMap::new(),
        secrets: BTreeMap::new(),
        log_groups: BTreeMap::new(),
        drill_days: wishes.drill_days,
    };
    let running = observe::running_task_definition(&picture.service).ok();
    if let Some(running) = &running {
        picture.definition = asked_of_definition(client.described_task_definition(running.as_str()).await);
    }
    if picture.is_deployed_by_ecs() {
        picture.history = asked(history(client, target).await);
    }
    picture.way_back = way_back(client, &picture, running.as_ref()).await;

    let named = Named::of(&picture);
    picture.target_groups = client.pictured_groups(known, &named.target_groups).await;
    picture.alarms = client.pictured_alarms(&named.alarms).await;
    picture.images = client.pictured_images(known, &named.images).await;
    for role in named.roles {
        let answer = client.pictured_role(known, &role, &named.account).await;
        picture.roles.insert(role, answer);
    }
    for secret in named.secrets {
        let answer = client.pictured_secret(known, &secret).await;
        picture.secrets.insert(secret, answer);
    }
    for (group, region) in named.log_groups {
        let answer = client.pictured_log_group(known, &group, region.as_deref()).await;
        picture.log_groups.insert(group, answer);
    }
    picture.now = client.clock(wishes.tick).aws(now());
    picture
}

/// Where a rollback would go, as `tidegate rollback` chooses it.
async fn way_back(client: &Client, picture: &Picture, running: Option<&TaskDefinitionArn>) -> Asked<WayBack> {
    let to = match (&picture.history, running) {
        (Asked::Told(history), Some(running)) => steady(history, running),
        (Asked::CouldNotAsk(why), _) => return Asked::CouldNotAsk(why.clone()),
        // No history of ECS's: CodeDeploy may have one.
        (Asked::Absent, _) => match code_deploy::way_back(client, &picture.service).await {
            Ok(way_back) => way_back.map(|(_, to)| to),
            Err(error) => return asked(Err(error)),
        },
        (Asked::Told(_), None) => None,
    };
    let Some(to) = to else { return Asked::Absent };
    Asked::Told(WayBack {
        revision: to.short().to_owned(),
        definition: asked_of_definition(client.described_task_definition(to.as_str()).await),
    })
}

fn steady(history: &[PastDeployment], running: &TaskDefinitionArn) -> Option<TaskDefinitionArn> {
    target(history, running).ok().map(|past| past.task_definition.clone())
}

impl Client {
    async fn service_with_tags(&self, target: &ServiceRef) -> Result<Value, AwsError> {
        // Says by name which of cluster and service is not there.
        let described = self.described_service(target).await?;
        let request = self
            .ecs
            .describe_services()
            .cluster(target.cluster.as_str())
            .services(target.service.as_str())
            .include(ServiceField::Tags);
        // Where tags may not be asked for the service alone has to do.
        match ask!(self, "ecs", "DescribeServices", Bucket::ServiceRead, request) {
            Err(AwsError::AccessDenied { .. }) => Ok(described),
            Err(error) => Err(error),
            Ok((_, reply)) => {
                let reply = crate::ecs::json("DescribeServices", &reply)?;
                Ok(observe::list(&reply, "services").first().cloned().unwrap_or(described))
            }
        }
    }

    async fn services_to_check(&self, cluster: &ClusterName) -> Result<Vec<Value>, AwsError> {
        let named = ServiceName::parse("any").map(|service| ServiceRef { cluster: cluster.clone(), service });
        let target = named.map_err(|error| crate::ecs::unexpected("ListServices", &error.to_string()))?;
        self.services_of_cluster(&target).await.map_err(|error| match error {
            AwsError::Refused { code, .. } if code == "ClusterNotFoundException" => {
                AwsError::ClusterNotFound {
                    cluster: cluster.short().to_owned(),
                    region: self.place.region.clone(),
                }
            }
            other => other,
        })
    }

    /// The alarms of these names, metric or composite; those that AWS does not know are absent.
    async fn pictured_alarms(&self, names: &[String]) -> BTreeMap<String, Asked<Alarm>> {
        let mut found: BTreeMap<String, Asked<Alarm>> = BTreeMap::new();
        for chunk in names.chunks(100) {
            let answer = asked(self.alarms_by_name(chunk).await);
            for name in chunk {
                let alarm = match &answer {
                    Asked::Told(alarms) => {
                        let own = alarms.iter().find(|(other, _)| other == name);
                        own.map_or(Asked::Absent, |(_, alarm)| Asked::Told(alarm.clone()))
                    }
                    Asked::Absent => Asked::Absent,
                    Asked::CouldNotAsk(why) => Asked::CouldNotAsk(why.clone()),
                };
                found.insert(name.clone(), alarm);
            }
        }
        found
    }
}
