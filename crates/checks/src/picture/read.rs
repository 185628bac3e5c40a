//! What several rules read of AWS's documents. It must never fail: a member that is not there, or not of its
//! kind, is `None`. Start with [`Picture::containers`].

use super::Picture;
use serde_json::Value;
use tidegate_rollout::Millis;

impl Picture {
    /// The service's name.
    pub fn name(&self) -> &str {
        word(&self.service, "serviceName")
            .or_else(|| word(&self.service, "serviceArn").map(last))
            .unwrap_or_default()
    }

    /// The cluster's name.
    pub fn cluster(&self) -> &str {
        word(&self.service, "clusterArn").map(last).unwrap_or_default()
    }

    /// Does ECS itself deploy it? Else CodeDeploy does, or somebody outside of AWS.
    pub fn is_deployed_by_ecs(&self) -> bool {
        let controller = self.service.pointer("/deploymentController/type").and_then(Value::as_str);
        controller.is_none_or(|controller| controller == "ECS")
    }

    /// Is it one task for each instance?
    pub fn is_daemon(&self) -> bool {
        word(&self.service, "schedulingStrategy") == Some("DAEMON")
    }

    /// `ROLLING`, `BLUE_GREEN`, `LINEAR` or `CANARY`.
    pub fn strategy(&self) -> &str {
        self.deployment().and_then(|it| word(it, "strategy")).unwrap_or("ROLLING")
    }

    /// `deploymentConfiguration`.
    pub fn deployment(&self) -> Option<&Value> {
        self.service.get("deploymentConfiguration").filter(|it| it.is_object())
    }

    /// How many tasks it wants.
    pub fn desired(&self) -> i64 {
        number(&self.service, "desiredCount").unwrap_or(0)
    }

    /// `loadBalancers`.
    pub fn load_balancers(&self) -> &[Value] {
        list(&self.service, "loadBalancers")
    }

    /// The containers of the definition that runs; none where it is not known.
    pub fn containers(&self) -> &[Value] {
        self.definition.told().map_or(&[], |definition| list(definition, "containerDefinitions"))
    }

    /// The family of the definition that runs.
    pub fn family(&self) -> &str {
        self.definition.told().and_then(|it| word(it, "family")).unwrap_or_default()
    }

    /// Is it for Fargate, where AWS holds limits that EC2 does not have?
    pub fn is_on_fargate(&self) -> bool {
        let named = list(&self.service, "capacityProviderStrategy")
            .iter()
            .filter_map(|it| word(it, "capacityProvider"))
            .any(|provider| provider.starts_with("FARGATE"));
        named || word(&self.service, "launchType") == Some("FARGATE")
    }

    /// Does this container take traffic: from the load balancer, or else by a port of its own?
    pub fn takes_traffic(&self, container: &Value) -> bool {
        let name = word(container, "name");
        if self.load_balancers().is_empty() {
            return !list(container, "portMappings").is_empty();
        }
        self.load_balancers().iter().any(|it| word(it, "containerName") == name)
    }

    /// The alarms that end a deployment: the service's own, where they are switched on.
    pub fn deployment_alarms(&self) -> Vec<&str> {
        let alarms = self.deployment().and_then(|it| it.get("alarms"));
        let Some(alarms) = alarms.filter(|it| truth(it, "enable") == Some(true)) else { return Vec::new() };
        list(alarms, "alarmNames").iter().filter_map(Value::as_str).collect()
    }

    /// Those and the ones that gates watch, each once.
    pub fn watched_alarms(&self) -> Vec<&str> {
        let mut all = self.deployment_alarms();
        for gate in &self.gate_alarms {
            if !all.contains(&gate.as_str()) {
                all.push(gate);
            }
        }
        all
    }

    /// The longest that a task of the last batch took from "has started" to the sign that it was healthy: old tasks
    /// being stopped, or a steady state. In milliseconds, by the service's events.
    pub fn observed_start(&self) -> Option<Millis> {
        // Newest first, as AWS gives them.
        let events = list(&self.service, "events");
        let says = |event: &Value, text: &str| word(event, "message").is_some_and(|it| it.contains(text));
        let started = events.iter().position(|event| says(event, "has started "))?;
        let at = millis(&events[started], "createdAt")?;
        let after = events[..started].iter().rev();
        let healthy = after
            .filter(|event| says(event, "has stopped ") || says(event, "has reached a steady state"))
            .find_map(|event| millis(event, "createdAt"))?;
        Some(healthy - at).filter(|took| *took > 0)
    }

    /// The value of a tag of the service.
    pub fn tag(&self, key: &str) -> Option<&str> {
        let tag = list(&self.service, "tags").iter().find(|tag| word(tag, "key") == Some(key))?;
        word(tag, "value")
    }
}

/// The part after the last slash.
pub(crate) fn last(arn: &str) -> &str {
    arn.rsplit('/').next().unwrap_or(arn)
}

pub(crate) fn list<'a>(object: &'a Value, name: &str) -> &'a [Value] {
    object.get(name).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

pub(crate) fn word<'a>(object: &'a Value, name: &str) -> Option<&'a str> {
    object.get(name).and_then(Value::as_str)
}

pub(crate) fn number(object: &Value, name: &str) -> Option<i64> {
    object.get(name).and_then(Value::as_i64)
}

pub(crate) fn truth(object: &Value, name: &str) -> Option<bool> {
    object.get(name).and_then(Value::as_bool)
}

/// A moment, which AWS gives as seconds with a fraction.
fn millis(object: &Value, name: &str) -> Option<Millis> {
    object.get(name).and_then(Value::as_f64).map(|seconds| (seconds * 1000.0) as Millis)
}
