//! A look at all services that a commit wants: what each runs, and what of that is drift. Start with [`Looking::look`].

use super::wanted::Services;
use super::work::with_count;
use std::collections::BTreeMap;
use std::sync::Arc;
use tidegate_aws::Client;
use tidegate_aws::deploy::DeployPlan;
use tidegate_aws::fleet::{Fleet, Looked};
use tidegate_gitops::drift::{Field, Scaling, Settings, drift, is_drift};
use tidegate_gitops::{Id, Standing};
use tidegate_rollout::names::ServiceRef;

/// What was seen of a service.
pub type Seen = Result<(String, Vec<Field>), String>;

/// Looks, and remembers what autoscaling moves.
#[derive(Debug)]
pub struct Looking {
    fleet: Fleet,
    scaled: BTreeMap<String, (u32, u32)>,
}

impl Looking {
    /// Looks through this client.
    pub fn new(client: Client) -> Self {
        Self { fleet: Fleet::new(client), scaled: BTreeMap::new() }
    }

    /// What each of these services runs, and how that differs from what is wanted.
    pub async fn look(&mut self, services: &Services, ids: &[Id]) -> BTreeMap<Id, Seen> {
        let known: Vec<(&Id, _)> =
            ids.iter().filter_map(|id| Some((id, services.services.get(id)?))).collect();
        // Whether autoscaling sets a count matters only where the file names one.
        let counted: Vec<ServiceRef> = known
            .iter()
            .filter(|(_, service)| service.config.desired_count.is_some())
            .map(|(_, service)| service.plan.target.clone())
            .collect();
        let mut blind = None;
        if !counted.is_empty() {
            match self.fleet.scaled(&counted).await {
                Ok(scaled) => self.scaled = scaled,
                Err(error) => blind = Some(format!("whether autoscaling sets the count: {error}")),
            }
        }
        let plans: Vec<Arc<DeployPlan>> =
            known.iter().map(|(_, service)| Arc::clone(&service.plan)).collect();
        let looked = self.fleet.look(&plans).await;
        let each = known.into_iter().zip(looked).map(|((id, service), looked)| {
            let is_counted = service.config.desired_count.is_some();
            let looked = match (&blind, is_counted) {
                (Some(reason), true) => Err(reason.clone()),
                _ => looked,
            };
            (id.clone(), looked.map(|looked| self.compared(services, id, &looked)))
        });
        each.collect()
    }

    fn compared(&self, services: &Services, id: &Id, looked: &Looked) -> (String, Vec<Field>) {
        let running = looked.running.short().to_owned();
        let Some(service) = services.services.get(id) else { return (running, Vec::new()) };
        let settings = Settings {
            strategy: &service.plan.strategy,
            breaker: service.plan.breaker,
            desired_count: service.config.desired_count,
        };
        let scaling = match self.scaled.get(id.as_str()) {
            Some((least, most)) => Scaling::Between(*least, *most),
            None => Scaling::None,
        };
        (running, drift(&looked.differences, &settings, &looked.service, scaling))
    }

    /// How a service is deployed now.
    pub fn plan(&self, services: &Services, id: &Id) -> Option<Arc<DeployPlan>> {
        let service = services.services.get(id)?;
        Some(with_count(service, self.scaled.get(id.as_str()).copied()))
    }
}

/// What a look means for the loop.
pub fn standing(seen: &Seen) -> Standing {
    match seen {
        Err(reason) => Standing::Unknown { reason: reason.clone() },
        Ok((_, fields)) if !is_drift(fields) => Standing::InSync,
        Ok((running, fields)) => Standing::Differs {
            running: running.clone(),
            fields: fields.iter().filter(|field| field.is_drift).count(),
        },
    }
}
