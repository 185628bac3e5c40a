//! Many services at one look, within AWS's rate limits: ten a DescribeServices, and each task definition revision once,
//! since a revision never changes. It must never change anything. Start with [`Fleet::look`].
//!
//! The calls of a look at n services: n / 10 DescribeServices, one `DescribeTaskDefinition` for each revision that was
//! not seen before, one ECR `DescribeImages` for each tag that was not resolved within [`TAGS_KEPT`].

use crate::client::{Client, ask};
use crate::deploy::{DeployPlan, TaskDefinitionSource, resolved_images};
use crate::ecs::json;
use crate::error::AwsError;
use crate::observe;
use crate::pacing::Bucket;
use crate::sink::now;
use aws_sdk_applicationautoscaling::types::ServiceNamespace;
use aws_sdk_ecs::types::ServiceField;
use serde_json::Value;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use tidegate_rollout::names::{ServiceRef, TaskDefinitionArn};
use tidegate_rollout::task_definition::diff::Difference;
use tidegate_rollout::task_definition::images::ImageChange;
use tidegate_rollout::task_definition::prepare;
use tidegate_rollout::{Event, Millis};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

/// How long a tag that was resolved to a digest is taken for that digest, in milliseconds.
pub const TAGS_KEPT: Millis = 5 * 60_000;
/// How many calls are under way at once; how many a second is the pacer's business.
const AT_ONCE: usize = 16;
/// What DescribeServices takes.
const SERVICES_A_CALL: usize = 10;
/// What `DescribeScalableTargets` takes.
const TARGETS_A_CALL: usize = 50;

/// What a service runs, against a plan.
#[derive(Debug, Clone)]
pub struct Looked {
    /// The service, as DescribeServices answered it, with its tags.
    pub service: Value,
    /// The revision that it runs.
    pub running: TaskDefinitionArn,
    /// How the wanted task definition differs from that.
    pub differences: Vec<Difference>,
}

/// Looks at many services, and remembers what never changes.
#[derive(Debug, Clone)]
pub struct Fleet {
    client: Client,
    known: Arc<Mutex<Known>>,
    room: Arc<Semaphore>,
}

#[derive(Debug, Default)]
struct Known {
    definitions: BTreeMap<TaskDefinitionArn, Arc<Value>>,
    images: BTreeMap<String, (Millis, Vec<ImageChange>)>,
}

impl Fleet {
    /// Looks through this client.
    pub fn new(client: Client) -> Self {
        Self { client, known: Arc::default(), room: Arc::new(Semaphore::new(AT_ONCE)) }
    }

    /// The client that it looks through.
    pub fn client(&self) -> &Client {
        &self.client
    }

    /// Looks at the service of each plan; the answers come in the order of the plans.
    pub async fn look(&self, plans: &[Arc<DeployPlan>]) -> Vec<Result<Looked, String>> {
        let mut found: Vec<Option<Result<Looked, String>>> = plans.iter().map(|_| None).collect();
        let mut described = self.described(plans).await;
        let mut work = JoinSet::new();
        for (place, plan) in plans.iter().enumerate() {
            match described.remove(&place) {
                Some(Ok(service)) => {
                    let (fleet, plan) = (self.clone(), Arc::clone(plan));
                    work.spawn(async move { (place, fleet.compared(&plan, service).await) });
                }
                Some(Err(reason)) => found[place] = Some(Err(reason)),
                None => {}
            }
        }
        while let Some(done) = work.join_next().await {
            if let Ok((place, looked)) = done {
                found[place] = Some(looked);
            }
        }
        let absent = || Err("the look was broken off".to_owned());
        found.into_iter().map(|looked| looked.unwrap_or_else(absent)).collect()
    }

    /// The services by the place of their plan.
    async fn described(&self, plans: &[Arc<DeployPlan>]) -> BTreeMap<usize, Result<Value, String>> {
        let mut clusters: BTreeMap<&str, Vec<(usize, &ServiceRef)>> = BTreeMap::new();
        for (place, plan) in plans.iter().enumerate() {
            clusters.entry(plan.target.cluster.as_str()).or_default().push((place, &plan.target));
        }
        let mut work = JoinSet::new();
        for (cluster, targets) in clusters {
            for chunk in targets.chunks(SERVICES_A_CALL) {
                let chunk: Vec<(usize, ServiceRef)> =
                    chunk.iter().map(|(place, target)| (*place, (*target).clone())).collect();
                let (fleet, cluster) = (self.clone(), cluster.to_owned());
                work.spawn(async move { fleet.described_chunk(&cluster, &chunk).await });
            }
        }
        let mut found = BTreeMap::new();
        while let Some(done) = work.join_next().await {
            found.extend(done.into_iter().flatten());
        }
        found
    }

    async fn described_chunk(
        &self,
        cluster: &str,
        chunk: &[(usize, ServiceRef)],
    ) -> Vec<(usize, Result<Value, String>)> {
        let _room = self.room.acquire().await;
        let names = chunk.iter().map(|(_, target)| target.service.as_str().to_owned()).collect();
        let request = self
            .client
            .ecs
            .describe_services()
            .cluster(cluster)
            .set_services(Some(names))
            .include(ServiceField::Tags);
        let asked = ask!(self.client, "ecs", "DescribeServices", Bucket::ServiceRead, request);
        let reply = asked.and_then(|(_, reply)| json("DescribeServices", &reply));
        let services = match reply {
            Ok(reply) => observe::list(&reply, "services").to_vec(),
            Err(error) => {
                let reason = in_words(&error);
                return chunk.iter().map(|(place, _)| (*place, Err(reason.clone()))).collect();
            }
        };
        let of = |target: &ServiceRef| {
            let is_it = |service: &&Value| {
                observe::word(service, "serviceName") == Some(target.service.short())
                    && observe::word(service, "status") != Some("INACTIVE")
            };
            services.iter().find(is_it).cloned().ok_or_else(|| {
                let (service, cluster) = (target.service.short(), target.cluster.short());
                format!("there is no service `{service}` in cluster `{cluster}`; create it first")
            })
        };
        chunk.iter().map(|(place, target)| (*place, of(target))).collect()
    }

    async fn compared(&self, plan: &DeployPlan, service: Value) -> Result<Looked, String> {
        let _room = self.room.acquire().await;
        let running = observe::running_task_definition(&service).map_err(|error| error.to_string())?;
        let definition = self.definition(&running).await.map_err(|error| in_words(&error))?;
        let images = self.images(plan).await;
        let document = match &plan.source {
            TaskDefinitionSource::Document(document) => document,
            _ => &*definition,
        };
        let prepared = prepare(&definition, document, &images).map_err(|error| error.to_string())?;
        Ok(Looked { service, running, differences: prepared.differences })
    }

    /// A revision never changes but for its tags, which decide nothing here.
    async fn definition(&self, arn: &TaskDefinitionArn) -> Result<Arc<Value>, AwsError> {
        let known = self.known().definitions.get(arn).cloned();
        if let Some(known) = known {
            return Ok(known);
        }
        let described = Arc::new(self.client.described_task_definition(arn.as_str()).await?);
        self.known().definitions.insert(arn.clone(), Arc::clone(&described));
        Ok(described)
    }

    async fn images(&self, plan: &DeployPlan) -> Vec<ImageChange> {
        if plan.images.is_empty() {
            return Vec::new();
        }
        let key = format!("{} {:?}", plan.target, plan.images);
        let known = self.known().images.get(&key).cloned();
        if let Some((_, images)) = known.filter(|(at, _)| now() - at < TAGS_KEPT) {
            return images;
        }
        // What could not be resolved stays a tag, which is then drift for all to see; the rollout says why.
        let mut unheard = |_: Millis, _: &Event| {};
        let images = resolved_images(&self.client, plan, &mut unheard).await;
        self.known().images.insert(key, (now(), images.clone()));
        images
    }

    fn known(&self) -> std::sync::MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Between which counts autoscaling moves these services; those that it does not move are not there.
    pub async fn scaled(&self, targets: &[ServiceRef]) -> Result<BTreeMap<String, (u32, u32)>, AwsError> {
        let resource =
            |target: &ServiceRef| format!("service/{}/{}", target.cluster.short(), target.service.short());
        let mut found = BTreeMap::new();
        for chunk in targets.chunks(TARGETS_A_CALL) {
            let request = self
                .client
                .autoscaling
                .describe_scalable_targets()
                .service_namespace(ServiceNamespace::Ecs)
                .set_resource_ids(Some(chunk.iter().map(resource).collect()));
            let (output, _) = ask!(
                self.client,
                "application-autoscaling",
                "DescribeScalableTargets",
                Bucket::Elsewhere,
                request
            )?;
            for target in output.scalable_targets.unwrap_or_default() {
                let count = |given: i32| u32::try_from(given).unwrap_or(0);
                let id = target.resource_id;
                let service = id.strip_prefix("service/").unwrap_or(&id).to_owned();
                found.insert(service, (count(target.min_capacity), count(target.max_capacity)));
            }
        }
        Ok(found)
    }
}

fn in_words(error: &AwsError) -> String {
    match error.help() {
        Some(help) => format!("{error} ({help})"),
        None => error.to_string(),
    }
}
