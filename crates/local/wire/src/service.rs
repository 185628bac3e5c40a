//! The services that are served, and how a request finds its own.
//!
//! Built once; look-ups only. One service may be found in several ways, because its clients speak several protocols.
//! Start at [`Services::new`].

use std::collections::HashMap;

use tidegate_models::{Operation, Protocol, ServiceModel};

use crate::{pattern, refusal::Refusal, validation::Patterns};

/// A served service: its model, with what is prepared from it.
#[derive(Debug)]
pub(crate) struct Service {
    /// Its shape table.
    pub model: &'static ServiceModel,
    /// The patterns of its shapes, compiled.
    pub patterns: Patterns,
}

impl Service {
    fn new(model: &'static ServiceModel) -> Self {
        let patterns =
            model.shapes().filter_map(|(id, shape)| Some((id, pattern::compile(shape.pattern.as_ref()?)?)));
        Self { model, patterns: patterns.collect() }
    }

    /// The operation called `name`, or why there is none.
    pub(crate) fn operation(&self, name: &str) -> Result<&'static Operation, Refusal> {
        match self.model.operation(name) {
            Some(operation) => Ok(operation),
            None if self.model.is_unimplemented(name) => Err(Refusal::NotImplemented {
                service: self.model.signing_name.clone(),
                operation: name.to_owned(),
            }),
            None => Err(Refusal::unknown(name, &self.model.api_version)),
        }
    }
}

/// All served services.
#[derive(Debug)]
pub(crate) struct Services {
    all: Vec<Service>,
    by_target: HashMap<&'static str, usize>,
    by_signing_name: HashMap<&'static str, Vec<usize>>,
}

impl Services {
    /// The services of `models`. Of two with the same target prefix, the first is served.
    pub(crate) fn new(models: &[&'static ServiceModel]) -> Self {
        let all: Vec<Service> = models.iter().map(|model| Service::new(model)).collect();
        let mut by_target = HashMap::new();
        let mut by_signing_name: HashMap<&'static str, Vec<usize>> = HashMap::new();
        for (at, model) in models.iter().enumerate() {
            if let Some(prefix) = &model.target_prefix {
                by_target.entry(prefix.as_str()).or_insert(at);
            }
            if model.speaks(Protocol::Query) || model.speaks(Protocol::Ec2Query) {
                by_signing_name.entry(&model.signing_name).or_default().push(at);
            }
        }
        Self { all, by_target, by_signing_name }
    }

    /// The signing name of each.
    pub(crate) fn signing_names(&self) -> impl Iterator<Item = &'static str> {
        self.all.iter().map(|service| service.model.signing_name.as_str())
    }

    /// The service whose operations `X-Amz-Target` names with `prefix`; rpc-v2-cbor names it the same in the path.
    pub(crate) fn targeted(&self, prefix: &str) -> Option<&Service> {
        self.all.get(*self.by_target.get(prefix)?)
    }

    /// The service that answers query requests signed for `signing_name`; of two with one name (the two generations of
    /// Elastic Load Balancing) the one of that API version, else the first.
    pub(crate) fn queried(&self, signing_name: &str, version: Option<&str>) -> Option<&Service> {
        let named = || {
            self.by_signing_name.get(signing_name).into_iter().flatten().filter_map(|at| self.all.get(*at))
        };
        named().find(|service| Some(service.model.api_version.as_str()) == version).or_else(|| named().next())
    }
}
