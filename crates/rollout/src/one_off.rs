//! A one-off task, such as a migration: what `RunTask` is sent, so that the task runs where the service's own tasks do.
//! It must never send what nobody asked for and the service does not have. Start with [`request`].

use crate::names::ServiceRef;
use serde_json::{Map, Value, json};

/// What the task is to be, beyond what the service and the task definition say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wish {
    /// The command instead of the container's own; empty for its own.
    pub command: Vec<String>,
    /// The container that the command and the variables are for, and whose exit code counts.
    pub container: Option<String>,
    /// Variables on top of the container's own.
    pub environment: Vec<(String, String)>,
    /// CPU units of the task, such as `1024`.
    pub cpu: Option<String>,
    /// MiB of the task, such as `2048`.
    pub memory: Option<String>,
    /// How many tasks, 1–10.
    pub count: u32,
    /// Where it runs.
    pub placing: Placing,
    /// Who runs it, for `startedBy`.
    pub by: String,
    /// Makes the call repeatable: the same token never starts a second task.
    pub client_token: String,
}

/// Where a task runs; what is absent is taken from the service.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Placing {
    /// FARGATE, EC2 or EXTERNAL.
    pub launch_type: Option<String>,
    /// A capacity provider instead of a launch type.
    pub capacity_provider: Option<String>,
    /// The platform version on Fargate.
    pub platform_version: Option<String>,
    /// Subnets.
    pub subnets: Vec<String>,
    /// Security groups.
    pub security_groups: Vec<String>,
    /// `assignPublicIp`.
    pub public_ip: Option<PublicIp>,
}

/// `assignPublicIp`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PublicIp {
    /// ENABLED.
    Enabled,
    /// DISABLED.
    Disabled,
}

/// Why no task was started.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OneOffError {
    /// No such container.
    #[error("the task definition has no container {asked}; there are: {}", there_are.join(", "))]
    NoSuchContainer {
        /// What was asked for.
        asked: String,
        /// Those there are.
        there_are: Vec<String>,
    },
    /// Network mode awsvpc without subnets.
    #[error(
        "the task definition has network mode awsvpc, and the service has no networkConfiguration to take subnets from"
    )]
    NoNetwork,
    /// Subnets for a task that has no network interface of its own.
    #[error("the task definition has network mode {mode}: subnets and security groups are for awsvpc alone")]
    NetworkNotTaken {
        /// Its network mode.
        mode: String,
    },
    /// AWS answered, and started none, or not all.
    #[error("{started} of {asked} tasks started: {}", reasons.join("; "))]
    NotPlaced {
        /// How many were asked for.
        asked: u32,
        /// How many started, and run.
        started: usize,
        /// Why the others did not.
        reasons: Vec<String>,
    },
}

impl OneOffError {
    /// What to do.
    pub fn help(&self) -> Option<String> {
        Some(match self {
            Self::NoSuchContainer { .. } => "name one of them with --container".to_owned(),
            Self::NoNetwork => "name them with --subnet and --security-group".to_owned(),
            Self::NetworkNotTaken { .. } => "leave out --subnet, --security-group and --public-ip".to_owned(),
            Self::NotPlaced { .. } => return None,
        })
    }
}

/// What is sent, and what to look at when it has ended.
#[derive(Debug, Clone, PartialEq)]
pub struct OneOff {
    /// The `RunTask` request.
    pub request: Value,
    /// The container whose exit code counts.
    pub container: String,
}

/// What `RunTask` is sent for the definition, as described, in the service's place, as described.
///
/// # Errors
///
/// [`OneOffError`], before anything is sent.
pub fn request(
    target: &ServiceRef,
    service: &Value,
    definition: &Value,
    wish: &Wish,
) -> Result<OneOff, OneOffError> {
    let container = main_container(definition, wish.container.as_deref())?;
    let mut request = Map::new();
    let mut put = |name: &str, value: Value| request.insert(name.to_owned(), value);
    put("cluster", json!(target.cluster));
    put("taskDefinition", definition["taskDefinitionArn"].clone());
    put("count", json!(wish.count));
    put("startedBy", json!(started_by(&wish.by)));
    put("clientToken", json!(wish.client_token));
    let (name, launch) = launch(service, &wish.placing);
    let on_fargate = launch.to_string().contains("FARGATE");
    if !launch.is_null() {
        put(name, launch);
    }
    let platform = wish.placing.platform_version.clone().map(Value::String);
    if let Some(version) = platform.or_else(|| of_service(service, "platformVersion").cloned())
        && on_fargate
    {
        put("platformVersion", version);
    }
    if let Some(network) = network(service, definition, &wish.placing)? {
        put("networkConfiguration", network);
    }
    // What the service may not be placed on, its one-off tasks may not either.
    if let Some(constraints) = of_service(service, "placementConstraints").filter(|_| !on_fargate) {
        put("placementConstraints", constraints.clone());
    }
    if service.get("enableECSManagedTags") == Some(&json!(true)) {
        put("enableECSManagedTags", json!(true));
    }
    if let Some(overrides) = overrides(&container, wish) {
        put("overrides", overrides);
    }
    Ok(OneOff { request: Value::Object(request), container })
}

/// The container named; else the only one, else the first essential one.
fn main_container(definition: &Value, asked: Option<&str>) -> Result<String, OneOffError> {
    let containers = definition.get("containerDefinitions").and_then(Value::as_array);
    let all: Vec<&Value> = containers.into_iter().flatten().collect();
    let name =
        |container: &&Value| container.get("name").and_then(Value::as_str).unwrap_or_default().to_owned();
    let names: Vec<String> = all.iter().map(name).collect();
    if let Some(asked) = asked {
        return match names.iter().find(|name| *name == asked) {
            Some(name) => Ok(name.clone()),
            None => Err(OneOffError::NoSuchContainer { asked: asked.to_owned(), there_are: names }),
        };
    }
    let essential = all.iter().find(|it| it.get("essential").and_then(Value::as_bool).unwrap_or(true));
    Ok(essential.or(all.first()).map(name).unwrap_or_default())
}

/// A capacity provider strategy or a launch type, never both: AWS takes one of them.
fn launch(service: &Value, placing: &Placing) -> (&'static str, Value) {
    const STRATEGY: &str = "capacityProviderStrategy";
    if let Some(provider) = &placing.capacity_provider {
        return (STRATEGY, json!([{"capacityProvider": provider, "weight": 1}]));
    }
    if let Some(launch_type) = &placing.launch_type {
        return ("launchType", json!(launch_type));
    }
    match of_service(service, STRATEGY) {
        Some(strategy) => (STRATEGY, strategy.clone()),
        None => ("launchType", of_service(service, "launchType").cloned().unwrap_or(Value::Null)),
    }
}

fn network(service: &Value, definition: &Value, placing: &Placing) -> Result<Option<Value>, OneOffError> {
    let mode = definition.get("networkMode").and_then(Value::as_str).unwrap_or("bridge");
    let asks =
        !placing.subnets.is_empty() || !placing.security_groups.is_empty() || placing.public_ip.is_some();
    if mode != "awsvpc" {
        // AWS refuses a network configuration there.
        return if asks { Err(OneOffError::NetworkNotTaken { mode: mode.to_owned() }) } else { Ok(None) };
    }
    let own = of_service(service, "networkConfiguration").and_then(|it| it.get("awsvpcConfiguration"));
    let mut network = own.and_then(Value::as_object).cloned().unwrap_or_default();
    if !placing.subnets.is_empty() {
        network.insert("subnets".into(), json!(placing.subnets));
    }
    if !placing.security_groups.is_empty() {
        network.insert("securityGroups".into(), json!(placing.security_groups));
    }
    if let Some(public) = placing.public_ip {
        let word = if public == PublicIp::Enabled { "ENABLED" } else { "DISABLED" };
        network.insert("assignPublicIp".into(), json!(word));
    }
    let has_subnets = network.get("subnets").and_then(Value::as_array).is_some_and(|it| !it.is_empty());
    if has_subnets { Ok(Some(json!({"awsvpcConfiguration": network}))) } else { Err(OneOffError::NoNetwork) }
}

fn overrides(container: &str, wish: &Wish) -> Option<Value> {
    let mut of_container = Map::new();
    if !wish.command.is_empty() {
        of_container.insert("command".into(), json!(wish.command));
    }
    if !wish.environment.is_empty() {
        let pairs = wish.environment.iter().map(|(name, value)| json!({"name": name, "value": value}));
        of_container.insert("environment".into(), pairs.collect());
    }
    let mut overrides = Map::new();
    if !of_container.is_empty() {
        of_container.insert("name".into(), json!(container));
        overrides.insert("containerOverrides".into(), json!([of_container]));
    }
    for (name, value) in [("cpu", &wish.cpu), ("memory", &wish.memory)] {
        if let Some(value) = value {
            overrides.insert(name.into(), json!(value));
        }
    }
    if overrides.is_empty() { None } else { Some(Value::Object(overrides)) }
}

/// What the service says, else its PRIMARY deployment, else its PRIMARY task set: with CodeDeploy only the last does.
fn of_service<'a>(service: &'a Value, member: &str) -> Option<&'a Value> {
    let says = |object: &'a Value| {
        object.get(member).filter(|value| match value {
            Value::Null => false,
            Value::Array(items) => !items.is_empty(),
            Value::String(text) => !text.is_empty(),
            _ => true,
        })
    };
    let of = |list: &str| {
        let items = service.get(list).and_then(Value::as_array).into_iter().flatten();
        items.filter(|item| item.get("status").and_then(Value::as_str) == Some("PRIMARY")).find_map(says)
    };
    says(service).or_else(|| of("deployments")).or_else(|| of("taskSets"))
}

/// `startedBy` takes at most 128 letters, digits, hyphens, underscores and slashes.
fn started_by(by: &str) -> String {
    let clean = by.chars().map(|c| if c.is_ascii_alphanumeric() || "-_/".contains(c) { c } else { '-' });
    "tidegate-run/".chars().chain(clean).take(128).collect()
}

/// What `RunTask` answered: how many started, and in words why the others did not.
///
/// # Errors
///
/// [`OneOffError::NotPlaced`] unless all did.
pub fn placed(answer: &Value, asked: u32) -> Result<(), OneOffError> {
    let list = |name: &str| answer.get(name).and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
    let started = list("tasks").len();
    let mut reasons: Vec<String> = list("failures").iter().map(in_words).collect();
    reasons.dedup();
    if reasons.is_empty() && started == asked as usize {
        return Ok(());
    }
    if reasons.is_empty() {
        reasons.push("AWS says no reason".to_owned());
    }
    Err(OneOffError::NotPlaced { asked, started, reasons })
}

/// An item of `failures[]`, in words.
fn in_words(failure: &Value) -> String {
    let text = |name: &str| failure.get(name).and_then(Value::as_str).unwrap_or_default();
    let reason = text("reason");
    let said = match reason {
        "RESOURCE:CPU" => "no container instance has enough CPU units left",
        "RESOURCE:MEMORY" => "no container instance has enough memory left",
        "RESOURCE:PORTS" => "a host port of the task is in use on every container instance",
        "RESOURCE:ENI" => "no container instance has a network interface left",
        "RESOURCE:GPU" => "no container instance has a GPU left",
        "RESOURCE:FARGATE" => "Fargate has no room for it, or the account's quota is used up",
        "AGENT" => "the agent of the container instance is not connected",
        "ATTRIBUTE" => "no container instance has an attribute that the task definition needs",
        "LOCATION" => "the container instance is not in an availability zone that the task may run in",
        "MISSING" => "it does not exist",
        "INACTIVE" => "there is no active container instance in the cluster",
        _ => "",
    };
    let detail =
        Some(text("detail")).filter(|it| !it.is_empty()).map_or_else(String::new, |it| format!(": {it}"));
    if said.is_empty() { format!("{reason}{detail}") } else { format!("{said} ({reason}){detail}") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::names::{ClusterName, ServiceName};

    fn target() -> ServiceRef {
        ServiceRef {
            cluster: ClusterName::parse("prod").expect("valid"),
            service: ServiceName::parse("web").expect("valid"),
        }
    }

    fn wish() -> Wish {
        Wish {
            command: Vec::new(),
            container: None,
            environment: Vec::new(),
            cpu: None,
            memory: None,
            count: 1,
            placing: Placing::default(),
            by: "ada@host 7".to_owned(),
            client_token: "token".to_owned(),
        }
    }

    fn definition() -> Value {
        json!({"taskDefinitionArn": "arn:web:7", "networkMode": "awsvpc", "containerDefinitions": [
            {"name": "side", "essential": false}, {"name": "web"}, {"name": "proxy"}]})
    }

    fn service() -> Value {
        json!({"launchType": "FARGATE", "platformVersion": "1.4.0", "networkConfiguration": {"awsvpcConfiguration":
            {"subnets": ["subnet-1"], "securityGroups": ["sg-1"], "assignPublicIp": "DISABLED"}}})
    }

    #[test]
    fn a_one_off_task_runs_where_the_service_s_own_tasks_do() {
        let one_off = request(&target(), &service(), &definition(), &wish()).expect("complete");
        assert_eq!(one_off.container, "web", "the first essential one");
        assert_eq!(
            one_off.request,
            json!({"cluster": "prod", "taskDefinition": "arn:web:7", "count": 1, "clientToken": "token",
                "startedBy": "tidegate-run/ada-host-7", "launchType": "FARGATE", "platformVersion": "1.4.0",
                "networkConfiguration": service()["networkConfiguration"]})
        );
    }

    #[test]
    fn a_service_of_codedeploy_says_all_that_in_its_task_set() {
        let mut set = service();
        set["status"] = json!("PRIMARY");
        let service =
            json!({"deployments": [], "taskSets": [{"status": "ACTIVE", "launchType": "EC2"}, set]});
        let sent = request(&target(), &service, &definition(), &wish()).expect("complete").request;
        assert_eq!(sent["launchType"], "FARGATE");
        assert_eq!(sent["networkConfiguration"]["awsvpcConfiguration"]["subnets"], json!(["subnet-1"]));
    }

    #[test]
    fn what_is_asked_for_wins_over_the_service_s_and_the_rest_of_it_stays() {
        let wish = Wish {
            command: vec!["rake".into(), "db:migrate".into()],
            container: Some("proxy".into()),
            environment: vec![("A".into(), "1=2".into())],
            cpu: Some("1024".into()),
            placing: Placing {
                capacity_provider: Some("FARGATE_SPOT".into()),
                subnets: vec!["subnet-9".into()],
                public_ip: Some(PublicIp::Enabled),
                ..Placing::default()
            },
            ..wish()
        };
        let one_off = request(&target(), &service(), &definition(), &wish).expect("complete");
        assert_eq!(one_off.container, "proxy");
        let sent = one_off.request;
        assert!(sent.get("launchType").is_none(), "never beside a capacity provider strategy");
        assert_eq!(
            sent["capacityProviderStrategy"],
            json!([{"capacityProvider": "FARGATE_SPOT", "weight": 1}])
        );
        assert_eq!(
            sent["networkConfiguration"]["awsvpcConfiguration"],
            json!({"subnets": ["subnet-9"], "securityGroups": ["sg-1"], "assignPublicIp": "ENABLED"})
        );
        assert_eq!(
            sent["overrides"],
            json!({"cpu": "1024", "containerOverrides": [
                {"name": "proxy", "command": ["rake", "db:migrate"], "environment": [{"name": "A", "value": "1=2"}]}]})
        );
    }

    #[test]
    fn what_cannot_be_sent_is_refused_before_it_is() {
        let asked = Wish { container: Some("wbe".into()), ..wish() };
        let error = request(&target(), &service(), &definition(), &asked).expect_err("no such container");
        insta::assert_snapshot!(error, @"the task definition has no container wbe; there are: side, web, proxy");
        let nowhere = request(&target(), &json!({}), &definition(), &wish());
        assert_eq!(nowhere, Err(OneOffError::NoNetwork));
        let bridge = json!({"taskDefinitionArn": "arn:web:7", "containerDefinitions": [{"name": "web"}]});
        let sent = request(&target(), &service(), &bridge, &wish()).expect("complete").request;
        assert!(sent.get("networkConfiguration").is_none(), "AWS refuses it there");
        let placing = Placing { subnets: vec!["subnet-1".into()], ..Placing::default() };
        let error = request(&target(), &service(), &bridge, &Wish { placing, ..wish() });
        assert_eq!(error, Err(OneOffError::NetworkNotTaken { mode: "bridge".into() }));
    }

    #[test]
    fn failures_of_an_answer_that_is_no_error_are_errors_in_words() {
        let answer = json!({"tasks": [{}], "failures": [
            {"arn": "arn:i-1", "reason": "RESOURCE:MEMORY"}, {"arn": "arn:i-2", "reason": "RESOURCE:MEMORY"},
            {"reason": "Capacity is unavailable at this time. Please try again later or in a different availability zone"}]});
        let error = placed(&answer, 3).expect_err("two are missing");
        insta::assert_snapshot!(error, @"1 of 3 tasks started: no container instance has enough memory left (RESOURCE:MEMORY); Capacity is unavailable at this time. Please try again later or in a different availability zone");
        assert_eq!(placed(&json!({"tasks": [{}], "failures": []}), 1), Ok(()));
        assert!(placed(&json!({}), 1).is_err(), "an answer that says nothing started nothing");
    }
}
