//! An AppSpec that a repository keeps for CodeDeploy. Tidegate writes its own; what somebody decided in theirs, the hooks,
//! is taken from it, and what it says else must not differ from the service. Start with [`read`].

use crate::exit::Exit;
use crate::failure::Failure;
use serde_json::Value;
use std::collections::BTreeMap;
use tidegate_rollout::code_deploy::app_spec::HOOKS;

/// What an AppSpec says.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct AppSpec {
    /// Functions by lifecycle event.
    pub(super) hooks: BTreeMap<String, String>,
    /// Container and port that the load balancer sends to.
    pub(super) served: Option<(String, u64)>,
    /// Members that Tidegate takes from the service instead.
    pub(super) from_service: Vec<&'static str>,
}

/// Reads one. Keys are found in any case, as CodeDeploy's own console writes them in two.
pub(super) fn read(document: &Value, name: &str) -> Result<AppSpec, Failure> {
    let wrong = |what: &str| Failure::new(Exit::Usage, format!("{name} is no AppSpec for ECS: {what}"));
    let resources = member(document, "resources").ok_or_else(|| wrong("it has no Resources"))?;
    let resource = resources.get(0).and_then(Value::as_object).and_then(|it| it.values().next());
    let properties = resource
        .and_then(|it| member(it, "properties"))
        .ok_or_else(|| wrong("its resource has no Properties"))?;
    let served = member(properties, "loadBalancerInfo").and_then(|it| {
        Some((member(it, "containerName")?.as_str()?.to_owned(), member(it, "containerPort")?.as_u64()?))
    });
    let mut hooks = BTreeMap::new();
    for (event, function) in pairs(member(document, "hooks")) {
        let known = HOOKS.iter().find(|known| known.eq_ignore_ascii_case(event));
        let known = known.ok_or_else(|| {
            wrong(&format!("there is no lifecycle event {event}; there are {}", HOOKS.join(", ")))
        })?;
        let function =
            function.as_str().ok_or_else(|| wrong(&format!("its hook {event} names no function")))?;
        hooks.insert((*known).to_owned(), function.to_owned());
    }
    let others = ["PlatformVersion", "NetworkConfiguration", "CapacityProviderStrategy"];
    let from_service = others.into_iter().filter(|it| member(properties, it).is_some()).collect();
    Ok(AppSpec { hooks, served, from_service })
}

/// A list of single pairs, or a mapping of them.
fn pairs(hooks: Option<&Value>) -> Vec<(&str, &Value)> {
    match hooks {
        Some(Value::Array(items)) => items
            .iter()
            .filter_map(Value::as_object)
            .flatten()
            .map(|(event, it)| (event.as_str(), it))
            .collect(),
        Some(Value::Object(members)) => members.iter().map(|(event, it)| (event.as_str(), it)).collect(),
        _ => Vec::new(),
    }
}

fn member<'v>(value: &'v Value, name: &str) -> Option<&'v Value> {
    let members = value.as_object()?;
    members.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn hooks_and_what_is_served_are_found_in_any_case() {
        let document = json!({
            "version": 0.0,
            "resources": [{"TargetService": {"Type": "AWS::ECS::Service", "properties": {
                "taskDefinition": "<TASK_DEFINITION>", "platformVersion": "LATEST",
                "LoadBalancerInfo": {"ContainerName": "app", "ContainerPort": 8080}}}}],
            "Hooks": [{"BeforeInstall": "prepare"}, {"afterAllowTestTraffic": "smoke"}],
        });
        let read = read(&document, "appspec.yaml").ok();
        let hooks = [("AfterAllowTestTraffic", "smoke"), ("BeforeInstall", "prepare")];
        assert_eq!(
            read,
            Some(AppSpec {
                hooks: hooks.map(|(event, function)| (event.to_owned(), function.to_owned())).into(),
                served: Some(("app".into(), 8080)),
                from_service: vec!["PlatformVersion"],
            })
        );
    }

    #[test]
    fn what_is_none_says_why() {
        let told = |document: Value| read(&document, "appspec.yaml").map_err(|failure| failure.words()).err();
        assert!(told(json!({})).is_some_and(|it| it.contains("it has no Resources")));
        let unknown = json!({"Resources": [{"T": {"Properties": {}}}], "Hooks": [{"BeforeEverything": "x"}]});
        assert!(told(unknown).is_some_and(|it| it.contains("no lifecycle event BeforeEverything")));
    }
}
