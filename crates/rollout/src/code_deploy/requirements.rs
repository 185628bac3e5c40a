//! What must be so before a CodeDeploy deployment is started: everything that CodeDeploy would find
//! out after minutes, or leave half done. It must never change anything. Start with [`check`].

use super::app_spec::Served;
use crate::Millis;
use crate::names::{DeploymentId, ServiceRef};
use crate::strategy::DeploymentGroup;
use serde_json::Value;

/// What the API answered.
#[derive(Debug, Clone, Copy)]
pub struct Found<'a> {
    /// The service.
    pub service: &'a Value,
    /// `deploymentGroupInfo`.
    pub group: &'a Value,
    /// The deployment group's target groups, as Elastic Load Balancing describes them.
    pub target_groups: &'a [Value],
    /// Its listeners.
    pub listeners: &'a [Value],
    /// The rules of its production listener.
    pub rules: &'a [Value],
}

/// Why no deployment is started.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// Another controller.
    #[error(
        "the service has deployment controller {0}, and CodeDeploy deploys only services with CODE_DEPLOY"
    )]
    OtherController(String),
    /// No such application or group.
    #[error("there is no {what} in CodeDeploy")]
    Missing {
        /// The application, or the group of an application.
        what: String,
    },
    /// The group is for something else.
    #[error("deployment group `{group}` of `{application}` deploys {theirs}, not {ours}")]
    OtherService {
        /// The application.
        application: String,
        /// The group.
        group: String,
        /// What it deploys.
        theirs: String,
        /// The service asked for.
        ours: String,
    },
    /// No load balancer, or no pair of target groups.
    #[error("{0}")]
    NoTraffic(String),
    /// The two target groups are not behind one load balancer.
    #[error(
        "target group `{target_group}` is behind load balancer {theirs}, and the production listener belongs to {ours}; both target groups must be behind the same one"
    )]
    OtherLoadBalancer {
        /// The target group.
        target_group: String,
        /// Its load balancer.
        theirs: String,
        /// The listener's.
        ours: String,
    },
    /// The listener sends elsewhere.
    #[error(
        "Primary taskset target group must be behind listener {listener}: it does not forward to `{target_group}`, which the service's tasks are in"
    )]
    ListenerElsewhere {
        /// The listener's ARN.
        listener: String,
        /// The target group of the primary task set.
        target_group: String,
    },
    /// The AppSpec would name what the task definition does not have.
    #[error(
        "the task definition has no container `{container}` that maps port {port}, where the load balancer sends to; it has {has}"
    )]
    NoSuchPort {
        /// The container.
        container: String,
        /// The port.
        port: u16,
        /// Its containers with their ports.
        has: String,
    },
    /// A hook that would never be called.
    #[error(
        "hook AfterAllowTestTraffic would never be called: deployment group `{group}` has no test listener"
    )]
    NoTestTraffic {
        /// The group.
        group: String,
    },
    /// One at a time.
    #[error(
        "deployment {running} of deployment group `{group}` is in progress and brings {brings}, and CodeDeploy runs one at a time"
    )]
    InProgress {
        /// The deployment that runs.
        running: DeploymentId,
        /// The group.
        group: String,
        /// The revision, and the config that moves it.
        brings: String,
    },
    /// The user named a config that is not there, or not for ECS.
    #[error("deployment config `{name}` {what}")]
    UnusableConfig {
        /// Its name.
        name: String,
        /// What is wrong with it.
        what: String,
    },
}

impl Refusal {
    /// What to do about it.
    pub fn help(&self) -> &'static str {
        match self {
            Self::OtherController(_) => {
                "use controller ecs or alb; the deployment controller of a service is chosen when it is created"
            }
            Self::Missing { .. } => {
                "check codeDeploy.application and codeDeploy.deploymentGroup, the region and the account"
            }
            Self::OtherService { .. } => "name the deployment group of this service; a service has one",
            Self::NoTraffic(_) => {
                "give the deployment group a pair of target groups and a production listener"
            }
            Self::OtherLoadBalancer { .. } => {
                "put both target groups behind the load balancer of the listener"
            }
            Self::ListenerElsewhere { .. } => {
                "point the production listener at that target group again; Terraform must ignore changes of its default action"
            }
            Self::NoSuchPort { .. } => "name the container and map the port in the task definition",
            Self::NoTestTraffic { .. } => {
                "give the deployment group a testTrafficRoute, or call the function at another lifecycle event"
            }
            Self::InProgress { .. } => {
                "follow it with `tidegate watch`, or end it with `tidegate abort`, then deploy again"
            }
            Self::UnusableConfig { .. } => {
                "leave codeDeploy.config out, and Tidegate takes the one that the strategy needs"
            }
        }
    }
}

/// What a deployment group has set, as far as a rollout depends on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Settings {
    /// How long both task sets run after the last shift.
    pub termination: Termination,
    /// Whether somebody must say when traffic may move.
    pub ready: Ready,
    /// Which ends CodeDeploy answers by going back.
    pub rolls_back: super::seen::RollsBack,
}

/// `terminateBlueInstancesOnDeploymentSuccess`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Termination {
    /// After this long.
    After(Millis),
    /// Never.
    KeepAlive,
}

/// `deploymentReadyOption`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ready {
    /// CodeDeploy goes on by itself.
    AtOnce,
    /// It waits to be told, and stops after this long.
    WhenTold(Millis),
}

const MINUTE: Millis = 60_000;

impl Settings {
    /// As `deploymentGroupInfo` says.
    pub fn of(group: &Value) -> Self {
        let blue_green = &group["blueGreenDeploymentConfiguration"];
        let terminate = &blue_green["terminateBlueInstancesOnDeploymentSuccess"];
        let ready = &blue_green["deploymentReadyOption"];
        let minutes = |value: &Value| value.as_i64().unwrap_or(0) * MINUTE;
        Self {
            termination: if terminate["action"] == "KEEP_ALIVE" {
                Termination::KeepAlive
            } else {
                Termination::After(minutes(&terminate["terminationWaitTimeInMinutes"]))
            },
            ready: if ready["actionOnTimeout"] == "STOP_DEPLOYMENT" {
                Ready::WhenTold(minutes(&ready["waitTimeInMinutes"]))
            } else {
                Ready::AtOnce
            },
            rolls_back: super::seen::RollsBack::of(&group["autoRollbackConfiguration"]),
        }
    }

    /// How long both task sets run after the last shift: 0 where blue is kept for good.
    pub fn bake(&self) -> Millis {
        match self.termination {
            Termination::After(wait) => wait,
            Termination::KeepAlive => 0,
        }
    }
}

impl super::seen::RollsBack {
    /// As `autoRollbackConfiguration` says.
    pub fn of(configuration: &Value) -> Self {
        use super::seen::Answers;
        let events = configuration["events"].as_array().map_or(&[][..], Vec::as_slice);
        let answers = |event: &str| {
            if configuration["enabled"] == true && events.iter().any(|known| known == event) {
                Answers::GoesBack
            } else {
                Answers::Stays
            }
        };
        Self {
            on_failure: answers("DEPLOYMENT_FAILURE"),
            on_alarm: answers("DEPLOYMENT_STOP_ON_ALARM"),
            on_request: answers("DEPLOYMENT_STOP_ON_REQUEST"),
        }
    }
}

/// The names of the two target groups of a deployment group.
pub fn target_group_names(group: &Value) -> Vec<String> {
    let named = pair(group)["targetGroups"].as_array().into_iter().flatten();
    named.filter_map(|group| group["name"].as_str().map(str::to_owned)).collect()
}

/// The production listener, then the test listener if there is one.
pub fn listeners(group: &Value) -> Vec<String> {
    let routes = ["prodTrafficRoute", "testTrafficRoute"];
    let arns = routes.iter().filter_map(|route| pair(group)[*route]["listenerArns"][0].as_str());
    arns.map(str::to_owned).collect()
}

fn pair(group: &Value) -> &Value {
    &group["loadBalancerInfo"]["targetGroupPairInfoList"][0]
}

/// Is the service one that CodeDeploy deploys?
pub fn check_controller(service: &Value) -> Result<(), Refusal> {
    let controller = service.pointer("/deploymentController/type").and_then(Value::as_str).unwrap_or("ECS");
    if controller == "CODE_DEPLOY" { Ok(()) } else { Err(Refusal::OtherController(controller.to_owned())) }
}

/// Checks all of it, the most basic first; answers where the load balancer sends to.
pub fn check(target: &ServiceRef, named: &DeploymentGroup, found: &Found<'_>) -> Result<Served, Refusal> {
    let served = check_moving(target, named, found)?;
    check_listener(&served, found)?;
    Ok(served)
}

/// The same while a deployment moves the listener, which may be between its two target groups.
pub fn check_moving(
    target: &ServiceRef,
    named: &DeploymentGroup,
    found: &Found<'_>,
) -> Result<Served, Refusal> {
    check_controller(found.service)?;
    check_service(target, named, found.group)?;
    let served = Served::of(found.service).ok_or_else(|| {
        Refusal::NoTraffic(
            "the service is behind no load balancer, and CodeDeploy cannot shift its traffic".into(),
        )
    })?;
    check_load_balancer(named, found)?;
    if named.hooks.contains_key("AfterAllowTestTraffic") && listeners(found.group).len() < 2 {
        return Err(Refusal::NoTestTraffic { group: named.group.clone() });
    }
    Ok(served)
}

fn check_service(target: &ServiceRef, named: &DeploymentGroup, group: &Value) -> Result<(), Refusal> {
    let services = group["ecsServices"].as_array().map_or(&[][..], Vec::as_slice);
    let short =
        |name: &Value| name.as_str().and_then(|name| name.rsplit('/').next()).unwrap_or("?").to_owned();
    let pairs: Vec<(String, String)> =
        services.iter().map(|it| (short(&it["clusterName"]), short(&it["serviceName"]))).collect();
    let ours = (target.cluster.short().to_owned(), target.service.short().to_owned());
    if pairs.contains(&ours) {
        return Ok(());
    }
    let theirs: Vec<String> = pairs.iter().map(|(cluster, service)| format!("{cluster}/{service}")).collect();
    Err(Refusal::OtherService {
        application: named.application.clone(),
        group: named.group.clone(),
        theirs: if theirs.is_empty() { "no ECS service".to_owned() } else { theirs.join(", ") },
        ours: format!("{}/{}", ours.0, ours.1),
    })
}

fn check_load_balancer(named: &DeploymentGroup, found: &Found<'_>) -> Result<(), Refusal> {
    let (names, arns) = (target_group_names(found.group), listeners(found.group));
    let production =
        arns.first().and_then(|arn| found.listeners.iter().find(|it| it["ListenerArn"] == **arn));
    let Some(production) = production.filter(|_| names.len() == 2) else {
        return Err(Refusal::NoTraffic(format!(
            "deployment group `{}` has {} target groups and {} listeners that exist; it needs two and a production listener",
            named.group,
            names.len(),
            found.listeners.len()
        )));
    };
    for name in names {
        let Some(group) = found.target_groups.iter().find(|it| it["TargetGroupName"] == *name) else {
            return Err(Refusal::NoTraffic(format!(
                "deployment group `{}` names target group `{name}`, which does not exist",
                named.group
            )));
        };
        // The one that nobody sends to yet is behind none.
        let behind = group["LoadBalancerArns"].as_array().map_or(&[][..], Vec::as_slice);
        let ours = &production["LoadBalancerArn"];
        if let Some(theirs) = behind.iter().find(|arn| *arn != ours) {
            return Err(Refusal::OtherLoadBalancer {
                target_group: name,
                theirs: short_load_balancer(theirs),
                ours: short_load_balancer(ours),
            });
        }
    }
    Ok(())
}

/// `arn:…:loadbalancer/app/NAME/ID` is known by its name.
fn short_load_balancer(arn: &Value) -> String {
    let arn = arn.as_str().unwrap_or("?");
    arn.rsplit('/').nth(1).unwrap_or(arn).to_owned()
}

fn check_listener(served: &Served, found: &Found<'_>) -> Result<(), Refusal> {
    let listener = listeners(found.group).into_iter().next().unwrap_or_default();
    let actions = |owner: &Value, member: &str| owner[member].as_array().cloned().unwrap_or_default();
    let of_listener = found
        .listeners
        .iter()
        .filter(|it| it["ListenerArn"] == *listener)
        .flat_map(|it| actions(it, "DefaultActions"));
    let mut all = of_listener.chain(found.rules.iter().flat_map(|rule| actions(rule, "Actions")));
    if all.any(|action| forwards_to(&action, &served.target_group)) {
        return Ok(());
    }
    let named = found.target_groups.iter().find(|it| it["TargetGroupArn"] == *served.target_group);
    let target_group =
        named.and_then(|it| it["TargetGroupName"].as_str()).unwrap_or(&served.target_group).to_owned();
    Err(Refusal::ListenerElsewhere { listener, target_group })
}

fn forwards_to(action: &Value, target_group: &str) -> bool {
    let weighted = action["ForwardConfig"]["TargetGroups"].as_array().map_or(&[][..], Vec::as_slice);
    action["TargetGroupArn"] == target_group
        || weighted.iter().any(|group| group["TargetGroupArn"] == target_group)
}

/// Does the task definition have what the AppSpec will name?
pub fn check_port(served: &Served, definition: &Value) -> Result<(), Refusal> {
    let containers = definition["containerDefinitions"].as_array().map_or(&[][..], Vec::as_slice);
    let ports = |container: &Value| -> Vec<u64> {
        let mapped = container["portMappings"].as_array().into_iter().flatten();
        mapped.filter_map(|mapping| mapping["containerPort"].as_u64()).collect()
    };
    let fits = |container: &&Value| {
        container["name"] == *served.container && ports(container).contains(&u64::from(served.port))
    };
    if containers.iter().find(fits).is_some() {
        return Ok(());
    }
    let has: Vec<String> = containers
        .iter()
        .map(|container| {
            let ports: Vec<String> = ports(container).iter().map(u64::to_string).collect();
            format!(
                "{} ({})",
                container["name"].as_str().unwrap_or("?"),
                if ports.is_empty() { "no port".into() } else { ports.join(", ") }
            )
        })
        .collect();
    Err(Refusal::NoSuchPort { container: served.container.clone(), port: served.port, has: has.join(", ") })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::names::{ClusterName, ServiceName};
    use serde_json::json;

    struct World {
        service: Value,
        group: Value,
        target_groups: Vec<Value>,
        listeners: Vec<Value>,
        definition: Value,
    }

    const LB: &str = "arn:aws:elasticloadbalancing:r:1:loadbalancer/app/front/1";

    fn sound() -> World {
        World {
            service: json!({ "deploymentController": { "type": "CODE_DEPLOY" }, "loadBalancers": [
                { "targetGroupArn": "arn:blue", "containerName": "app", "containerPort": 8080 }] }),
            group: json!({ "ecsServices": [{ "clusterName": "prod", "serviceName": "web" }], "loadBalancerInfo": { "targetGroupPairInfoList": [{
                "targetGroups": [{ "name": "app-blue" }, { "name": "app-green" }],
                "prodTrafficRoute": { "listenerArns": ["arn:prod"] }, "testTrafficRoute": { "listenerArns": ["arn:test"] } }] } }),
            target_groups: vec![
                json!({ "TargetGroupArn": "arn:blue", "TargetGroupName": "app-blue", "LoadBalancerArns": [LB] }),
                json!({ "TargetGroupArn": "arn:green", "TargetGroupName": "app-green", "LoadBalancerArns": [] }),
            ],
            listeners: vec![json!({ "ListenerArn": "arn:prod", "LoadBalancerArn": LB, "DefaultActions": [
                { "Type": "forward", "TargetGroupArn": "arn:blue" }] })],
            definition: json!({ "containerDefinitions": [
                { "name": "app", "portMappings": [{ "containerPort": 8080 }] }, { "name": "side" }] }),
        }
    }

    fn checked(world: &World) -> Result<Served, Refusal> {
        let target = ServiceRef {
            cluster: ClusterName::parse("prod").expect("valid"),
            service: ServiceName::parse("web").expect("valid"),
        };
        let named = DeploymentGroup {
            application: "app-deploy".into(),
            group: "app-dg".into(),
            config: None,
            hooks: std::collections::BTreeMap::new(),
        };
        let found = Found {
            service: &world.service,
            group: &world.group,
            target_groups: &world.target_groups,
            listeners: &world.listeners,
            rules: &[],
        };
        let served = check(&target, &named, &found)?;
        check_port(&served, &world.definition).map(|()| served)
    }

    #[test]
    fn the_guides_setting_is_sound() {
        assert_eq!(checked(&sound()).map(|served| served.port), Ok(8080));
    }

    #[test]
    fn whatever_is_not_sound_is_said_before_anything_changes() {
        let broken: [fn(&mut World); 8] = [
            |w| w.service["deploymentController"]["type"] = json!("ECS"),
            |w| w.group["ecsServices"][0]["serviceName"] = json!("other"),
            |w| w.service["loadBalancers"] = json!([]),
            |w| w.group["loadBalancerInfo"] = json!({}),
            |w| drop(w.target_groups.pop()),
            |w| {
                w.target_groups[1]["LoadBalancerArns"] =
                    json!(["arn:aws:elasticloadbalancing:r:1:loadbalancer/app/back/2"])
            },
            |w| w.listeners[0]["DefaultActions"][0]["TargetGroupArn"] = json!("arn:green"),
            |w| w.definition["containerDefinitions"][0]["portMappings"][0]["containerPort"] = json!(80),
        ];
        let said: Vec<String> = broken
            .iter()
            .map(|break_it| {
                let mut world = sound();
                break_it(&mut world);
                let refusal = checked(&world).expect_err("refused");
                format!("{refusal}\n  {}", refusal.help())
            })
            .collect();
        insta::assert_snapshot!(said.join("\n"));
    }

    #[test]
    fn the_guides_settings_are_read() {
        let settings = Settings::of(&json!({
            "autoRollbackConfiguration": { "enabled": true, "events": ["DEPLOYMENT_FAILURE", "DEPLOYMENT_STOP_ON_REQUEST"] },
            "blueGreenDeploymentConfiguration": {
                "deploymentReadyOption": { "actionOnTimeout": "CONTINUE_DEPLOYMENT" },
                "terminateBlueInstancesOnDeploymentSuccess": { "action": "TERMINATE", "terminationWaitTimeInMinutes": 5 } } }));
        assert_eq!(settings.bake(), 300_000);
        assert_eq!(settings.ready, Ready::AtOnce);
        assert_eq!(settings.rolls_back.on_alarm, super::super::seen::Answers::Stays);
        assert_eq!(settings.rolls_back.on_request, super::super::seen::Answers::GoesBack);
    }
}
