//! The local cloud is killed in each phase of a deployment, and a hundred times at random moments: it always converges,
//! and it loses no change that it acknowledged.
//!
//! `TIDEGATE_SEED` replays a run's choices (not its timing); `TIDEGATE_KILLS` sets how often it is killed.

use std::{
    env,
    time::{Duration, Instant},
};

use serde_json::{Value, json};

use crate::{
    api::{ecs, elbv2, element, get},
    cloud::Cloud,
};

/// What the service is to be, as far as the cloud has acknowledged it.
#[derive(Debug)]
struct Acknowledged {
    definition: String,
    desired: u64,
}

struct Stage {
    cloud: Cloud,
    address: String,
    revisions: u32,
    acknowledged: Acknowledged,
    /// The last definition that can run: what a rollback ends at.
    good: String,
}

#[test]
fn killed_at_random_moments_it_converges_and_loses_no_acknowledged_change() {
    let seed = env::var("TIDEGATE_SEED")
        .ok()
        .and_then(|seed| seed.parse().ok())
        .unwrap_or_else(|| fastrand::u64(..));
    let kills = env::var("TIDEGATE_KILLS").ok().and_then(|kills| kills.parse().ok()).unwrap_or(100);
    eprintln!("TIDEGATE_SEED={seed}");
    let mut random = fastrand::Rng::with_seed(seed);
    let mut stage = Stage::set("20");
    stage.wait_until_steady();
    for kill in 0..kills {
        match random.u8(..10) {
            0..4 => stage.deploy_good(),
            4..6 => stage.deploy_bad(),
            6..8 => stage.scale(random.u64(1..5)),
            _ => {}
        }
        std::thread::sleep(Duration::from_millis(random.u64(..700)));
        stage.cloud.kill_and_restart();
        stage.check_nothing_lost();
        if kill % 10 == 9 {
            stage.wait_until_settled();
            stage.deploy_good();
            stage.wait_until_steady();
        }
    }
    stage.wait_until_settled();
    stage.deploy_good();
    stage.wait_until_steady();
    assert!(stage.cloud.down());
    assert_eq!(stage.cloud.sample_processes(), 0, "tasks are left behind");
}

/// A moment of a deployment, and how a description of the service shows it.
struct Phase {
    name: &'static str,
    image: &'static str,
    is_there: fn(&Stage, &Value) -> bool,
}

const PHASES: [Phase; 6] = [
    Phase { name: "the update is acknowledged", image: "sample:2", is_there: |_, _| true },
    Phase {
        name: "a new task is pending",
        image: "sample:2",
        is_there: |_, service| service["deployments"][0]["pendingCount"].as_u64() > Some(0),
    },
    Phase {
        name: "a new task runs, the old ones too",
        image: "sample:2",
        is_there: |stage, service| {
            service["deployments"][0]["runningCount"].as_u64() > Some(0)
                && service["deployments"][1]["runningCount"] == stage.acknowledged.desired
        },
    },
    Phase {
        name: "the old tasks drain",
        image: "sample:2",
        is_there: |stage, service| {
            service["deployments"][1]["runningCount"].as_u64() < Some(stage.acknowledged.desired)
        },
    },
    Phase {
        name: "a task has failed",
        image: "sample:crash",
        is_there: |_, service| service["deployments"][0]["failedTasks"].as_u64() > Some(0),
    },
    Phase {
        name: "it rolls back",
        image: "sample:crash",
        is_there: |_, service| {
            let said = service["events"].as_array().into_iter().flatten();
            said.filter_map(|event| event["message"].as_str()).any(|text| text.contains("rolling back"))
        },
    },
];

#[test]
fn killed_in_each_phase_of_a_deployment_it_finishes_the_deployment() {
    for phase in PHASES {
        let mut stage = Stage::set("5");
        stage.wait_until_steady();
        stage.deploy(phase.image);
        let deadline = Instant::now() + Duration::from_secs(30);
        loop {
            let service = stage.service();
            if (phase.is_there)(&stage, &service) {
                break;
            }
            assert!(Instant::now() < deadline, "it was never seen that {}: {service:#}", phase.name);
            // A machine under load may be looked at too late.
            if service["deployments"][0]["rolloutState"] == "COMPLETED" {
                stage.deploy(phase.image);
            }
        }
        stage.cloud.kill_and_restart();
        stage.check_nothing_lost();
        stage.wait_until_steady();
        let serves = stage.service()["deployments"][0]["taskDefinition"].clone();
        let expected = if phase.image == "sample:2" { &stage.acknowledged.definition } else { &stage.good };
        assert_eq!(serves, expected.as_str(), "killed when {}", phase.name);
    }
}

impl Stage {
    /// A cloud at `speed` with a service of three tasks behind a load balancer.
    fn set(speed: &str) -> Self {
        let cloud = Cloud::start(&["--speed", speed]);
        let at = cloud.endpoint().to_owned();
        let ok = |answer: std::io::Result<(u16, String)>| {
            let (status, body) = answer.unwrap();
            assert_eq!(status, 200, "{body}");
            body
        };
        let balancer = ok(elbv2(
            &at,
            "CreateLoadBalancer",
            "Name=kill&Subnets.member.1=subnet-1&Subnets.member.2=subnet-2",
        ));
        let group = ok(elbv2(
            &at,
            "CreateTargetGroup",
            "Name=kill&Protocol=HTTP&Port=8080&VpcId=vpc-1&TargetType=ip&HealthCheckPath=/health\
             &HealthCheckIntervalSeconds=5&HealthCheckTimeoutSeconds=2&HealthyThresholdCount=2",
        ));
        let group = element(&group, "TargetGroupArn");
        ok(elbv2(
            &at,
            "ModifyTargetGroupAttributes",
            &format!(
                "TargetGroupArn={group}&Attributes.member.1.Key=deregistration_delay.timeout_seconds&Attributes.member.1.Value=5"
            ),
        ));
        let balancer_arn = element(&balancer, "LoadBalancerArn");
        ok(elbv2(
            &at,
            "CreateListener",
            &format!(
                "LoadBalancerArn={balancer_arn}&Protocol=HTTP&Port=8080&DefaultActions.member.1.Type=forward\
                 &DefaultActions.member.1.TargetGroupArn={group}"
            ),
        ));
        ok(ecs(&at, "CreateCluster", &json!({ "clusterName": "kill" })));
        let address = format!("{}:8080", element(&balancer, "DNSName"));
        let acknowledged = Acknowledged { definition: String::new(), desired: 3 };
        let mut stage = Self { cloud, address, revisions: 0, acknowledged, good: String::new() };
        stage.good = stage.register("sample:1").unwrap();
        stage.acknowledged.definition.clone_from(&stage.good);
        let service = json!({
            "cluster": "kill", "serviceName": "kill", "taskDefinition": stage.good, "desiredCount": 3,
            "launchType": "FARGATE",
            "networkConfiguration": { "awsvpcConfiguration": { "subnets": ["subnet-1"] } },
            "loadBalancers": [{ "targetGroupArn": group, "containerName": "app", "containerPort": 8080 }],
            "deploymentConfiguration": { "deploymentCircuitBreaker": { "enable": true, "rollback": true } },
        });
        ok(ecs(&at, "CreateService", &service));
        stage
    }

    fn call(&self, operation: &str, input: &Value) -> Option<Value> {
        let (status, body) = ecs(self.cloud.endpoint(), operation, input).ok()?;
        assert_eq!(status, 200, "{operation}: {body}");
        serde_json::from_str(&body).ok()
    }

    fn register(&mut self, image: &str) -> Option<String> {
        self.revisions += 1;
        let answer = self.call(
            "RegisterTaskDefinition",
            &json!({
                "family": "kill", "networkMode": "awsvpc", "requiresCompatibilities": ["FARGATE"], "cpu": "256",
                "memory": "512",
                "containerDefinitions": [{ "name": "app", "image": image, "portMappings": [{ "containerPort": 8080 }],
                    "environment": [{ "name": "REVISION", "value": self.revisions.to_string() }] }],
            }),
        )?;
        Some(answer["taskDefinition"]["taskDefinitionArn"].as_str()?.to_owned())
    }

    fn deploy(&mut self, image: &str) {
        let Some(definition) = self.register(image) else { return };
        let update = json!({ "cluster": "kill", "service": "kill", "taskDefinition": definition });
        if self.call("UpdateService", &update).is_some() {
            self.acknowledged.definition = definition;
        }
    }

    fn deploy_good(&mut self) {
        self.deploy("sample:2");
    }

    fn deploy_bad(&mut self) {
        self.deploy("sample:crash");
    }

    fn scale(&mut self, desired: u64) {
        let update = json!({ "cluster": "kill", "service": "kill", "desiredCount": desired });
        if self.call("UpdateService", &update).is_some() {
            self.acknowledged.desired = desired;
        }
    }

    fn service(&self) -> Value {
        let input = json!({ "cluster": "kill", "services": ["kill"] });
        self.call("DescribeServices", &input).expect("a local cloud that is up answers")["services"][0]
            .clone()
    }

    /// What was acknowledged is there: the count, and a deployment or a history of the definition.
    fn check_nothing_lost(&self) {
        let service = self.service();
        assert_eq!(service["desiredCount"], self.acknowledged.desired, "{service:#}");
        let input = json!({ "taskDefinition": self.acknowledged.definition });
        let definition = self.call("DescribeTaskDefinition", &input).expect("answered");
        assert_eq!(definition["taskDefinition"]["status"], "ACTIVE");
        let history = self.call(
            "ListServiceDeployments",
            &json!({ "cluster": "kill", "service": "kill", "maxResults": 100 }),
        );
        let newest = &history.expect("answered")["serviceDeployments"][0];
        let revision = json!({ "serviceRevisionArns": [newest["targetServiceRevisionArn"]] });
        let revision = self.call("DescribeServiceRevisions", &revision).expect("answered");
        assert_eq!(revision["serviceRevisions"][0]["taskDefinition"], self.acknowledged.definition.as_str());
    }

    /// One deployment, completed, at the wanted count, answering; and not one process more than that.
    fn wait_until_steady(&mut self) {
        let service = self.wait_until_settled();
        assert_eq!(service["deployments"][0]["rolloutState"], "COMPLETED", "{service:#}");
    }

    /// As [`Self::wait_until_steady`]; or, after a bad release on a service that was still going back from another, stalled
    /// as ECS stalls with nothing to go back to: the old tasks serve, the deployment is FAILED, nothing moves.
    fn wait_until_settled(&mut self) -> Value {
        let deadline = Instant::now() + Duration::from_mins(1);
        let service = loop {
            let service = self.service();
            let deployments = service["deployments"].as_array().unwrap();
            let done = match deployments[0]["rolloutState"].as_str() {
                Some("COMPLETED") => {
                    deployments.len() == 1 && service["runningCount"] == self.acknowledged.desired
                }
                Some("FAILED") => deployments.len() > 1,
                _ => false,
            };
            let processes = self.cloud.sample_processes() as u64;
            if done && service["pendingCount"] == 0 && service["runningCount"] == processes {
                break service;
            }
            assert!(Instant::now() < deadline, "it does not converge: {processes} processes, {service:#}");
            std::thread::sleep(Duration::from_millis(50));
        };
        let (status, body) = get(&self.address, "/").unwrap();
        assert_eq!(status, 200, "{body}");
        service
    }
}
