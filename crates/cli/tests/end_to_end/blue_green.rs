//! A native `BLUE_GREEN` deployment over the API, under traffic: forth without a failed request, and back at once.

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    thread::JoinHandle,
    time::{Duration, Instant},
};

use serde_json::{Value, json};

use crate::{
    api::{ecs, get},
    cloud::{Cloud, wait_until},
    front::Front,
};

#[test]
fn blue_green_goes_forth_without_a_failed_request_and_back_at_once() {
    let cloud = Cloud::start(&["--speed", "20"]);
    let stage = Stage::set(&cloud);
    let users = Users::at(&stage.address);

    let good = stage.deploy("sample:2", 0);
    wait_until("the good release is deployed", || stage.status(&good) == "SUCCESSFUL");
    let (answers, failed) = users.so_far();
    assert_eq!(failed, Vec::<String>::new());
    assert!(answers.iter().any(|(_, body)| body.contains("sample:1")), "blue served at first");
    assert!(answers.last().is_some_and(|(_, body)| body.contains("sample:2")), "green serves at the end");

    // Ten minutes of bake are thirty seconds here: the decision falls in it.
    let regretted = stage.deploy("sample:3", 10);
    wait_until("it bakes", || stage.described(&regretted)["lifecycleStage"] == "BAKE_TIME");
    wait_until("green answers", || {
        users.so_far().0.last().is_some_and(|(_, body)| body.contains("sample:3"))
    });
    stage
        .call("StopServiceDeployment", &json!({ "serviceDeploymentArn": regretted, "stopType": "ROLLBACK" }));
    let decided = Instant::now();
    wait_until("it is rolled back", || stage.status(&regretted) == "ROLLBACK_SUCCESSFUL");
    let (answers, failed) = users.end();
    assert_eq!(failed, Vec::<String>::new());
    let last_green = answers.iter().rfind(|(_, body)| body.contains("sample:3")).map(|(at, _)| *at);
    let late = last_green.and_then(|at| at.checked_duration_since(decided)).unwrap_or_default();
    assert!(late < Duration::from_millis(100), "green answered {late:?} after the decision");
}

#[test]
fn hooks_run_commands_of_the_config_file_also_again_after_a_power_cut() {
    let config = "  functions:\n    \"turns-check\": { command: [/bin/sh, ./check.sh] }\n";
    let mut cloud = Cloud::start_configured(config, &["--speed", "20"]);
    // The first call hangs; the second is told to be called again; what it is called with stays.
    let script = "echo >> calls; cat > payload\n\
                  case $(wc -l < calls) in\n\
                  1) sleep 20 ;;\n\
                  2) echo '{\"hookStatus\":\"IN_PROGRESS\",\"callBackDelay\":5,\"hookDetails\":{\"asked\":1}}' ;;\n\
                  *) cp payload passed; echo \"$AWS_ENDPOINT_URL\" > called-from; echo '{\"hookStatus\":\"SUCCEEDED\"}' ;;\n\
                  esac\n";
    std::fs::write(cloud.folder().join("check.sh"), script).unwrap();
    let read =
        |folder: &std::path::Path, name: &str| std::fs::read_to_string(folder.join(name)).unwrap_or_default();
    let stage = Stage::set(&cloud);
    let hook = |function: &str| {
        json!([{ "hookTargetArn": format!("arn:aws:lambda:eu-west-1:000000000000:function:{function}"),
            "roleArn": "arn:aws:iam::000000000000:role/hooks", "lifecycleStages": ["POST_SCALE_UP"] }])
    };
    stage.configure(&json!({ "lifecycleHooks": hook("turns-check") }));
    let deployment = stage.deploy("sample:2", 0);
    wait_until("the hook is called", || read(cloud.folder(), "calls").lines().count() == 1);
    drop(stage);
    cloud.kill_and_restart();
    let stage = Stage::again(&cloud);
    wait_until("the deployment is done", || stage.status(&deployment) == "SUCCESSFUL");
    let passed: Value = serde_json::from_str(&read(cloud.folder(), "passed")).unwrap();
    assert_eq!(passed["lifecycleStage"], "POST_SCALE_UP");
    assert_eq!((&passed["resourceArn"], &passed["hookDetails"]), (&deployment, &json!({ "asked": 1 })));
    assert_eq!(read(cloud.folder(), "called-from").trim(), cloud.endpoint());
    assert_eq!(read(cloud.folder(), "calls").lines().count(), 3);

    stage.configure(&json!({ "lifecycleHooks": hook("nowhere") }));
    let deployment = stage.deploy("sample:3", 0);
    wait_until("it is rolled back", || stage.status(&deployment) == "ROLLBACK_SUCCESSFUL");
    let reason = stage.described(&deployment)["statusReason"].as_str().unwrap().to_owned();
    assert!(
        reason.contains("function:nowhere") && reason.contains("`local.functions` of tidegate.yml"),
        "{reason}"
    );
}

/// A service behind a rule that two target groups take turns at.
pub(crate) struct Stage<'a> {
    cloud: &'a Cloud,
    pub(crate) address: String,
}

impl<'a> Stage<'a> {
    pub(crate) fn set(cloud: &'a Cloud) -> Self {
        let Front { address, rule, groups: [blue, green] } = Front::build(cloud, "turns", ["blue", "green"]);
        let stage = Self { cloud, address };
        stage.call("CreateCluster", &json!({ "clusterName": "turns" }));
        let definition = stage.register("sample:1");
        stage.call(
            "CreateService",
            &json!({
                "cluster": "turns", "serviceName": "turns", "taskDefinition": definition, "desiredCount": 2,
                "launchType": "FARGATE",
                "networkConfiguration": { "awsvpcConfiguration": { "subnets": ["subnet-1"] } },
                "deploymentConfiguration": { "strategy": "BLUE_GREEN", "bakeTimeInMinutes": 0 },
                "loadBalancers": [{
                    "targetGroupArn": blue, "containerName": "app", "containerPort": 8080,
                    "advancedConfiguration": {
                        "alternateTargetGroupArn": green, "productionListenerRule": rule,
                        "roleArn": "arn:aws:iam::000000000000:role/ecs",
                    },
                }],
            }),
        );
        wait_until("the first release answers", || matches!(get(&stage.address, "/"), Ok((200, _))));
        wait_until("the first release is deployed", || {
            let listed =
                stage.call("ListServiceDeployments", &json!({ "cluster": "turns", "service": "turns" }));
            listed["serviceDeployments"][0]["status"] == "SUCCESSFUL"
        });
        stage
    }

    /// The stage that was set on this cloud before it was started again.
    fn again(cloud: &'a Cloud) -> Self {
        Self { cloud, address: String::new() }
    }

    /// Changes the deployment configuration.
    fn configure(&self, configuration: &Value) {
        let update =
            json!({ "cluster": "turns", "service": "turns", "deploymentConfiguration": configuration });
        self.call("UpdateService", &update);
    }

    fn register(&self, image: &str) -> Value {
        let definition = json!({
            "family": "turns", "networkMode": "awsvpc", "requiresCompatibilities": ["FARGATE"], "cpu": "256",
            "memory": "512",
            "containerDefinitions": [{ "name": "app", "image": image, "portMappings": [{ "containerPort": 8080 }] }],
        });
        self.call("RegisterTaskDefinition", &definition)["taskDefinition"]["taskDefinitionArn"].clone()
    }

    /// Starts a deployment with a bake of so many minutes. Answers the service deployment's ARN.
    fn deploy(&self, image: &str, bake: u32) -> Value {
        let update = json!({
            "cluster": "turns", "service": "turns", "taskDefinition": self.register(image),
            "deploymentConfiguration": { "bakeTimeInMinutes": bake },
        });
        self.call("UpdateService", &update)["service"]["currentServiceDeployment"].clone()
    }

    fn described(&self, deployment: &Value) -> Value {
        let input = json!({ "serviceDeploymentArns": [deployment] });
        self.call("DescribeServiceDeployments", &input)["serviceDeployments"][0].clone()
    }

    fn status(&self, deployment: &Value) -> String {
        self.described(deployment)["status"].as_str().unwrap_or_default().to_owned()
    }

    pub(crate) fn call(&self, operation: &str, input: &Value) -> Value {
        let (status, body) = ecs(self.cloud.endpoint(), operation, input).unwrap();
        assert_eq!(status, 200, "{operation}: {body}");
        serde_json::from_str(&body).unwrap()
    }
}

/// When each answer came, and its body.
pub(crate) type Answers = Vec<(Instant, String)>;

/// A few users who ask again and again, each on a connection of its own.
pub(crate) struct Users {
    seen: Arc<Mutex<(Answers, Vec<String>)>>,
    stop: Arc<AtomicBool>,
    threads: Vec<JoinHandle<()>>,
}

impl Users {
    pub(crate) fn at(address: &str) -> Self {
        let (seen, stop) =
            (Arc::<Mutex<(Answers, Vec<String>)>>::default(), Arc::new(AtomicBool::new(false)));
        let threads = (0..4).map(|_| {
            let (address, seen, stop) = (address.to_owned(), Arc::clone(&seen), Arc::clone(&stop));
            std::thread::spawn(move || {
                while !stop.load(Ordering::Acquire) {
                    let answer = get(&address, "/");
                    let mut seen = seen.lock().unwrap();
                    match answer {
                        Ok((200, body)) => seen.0.push((Instant::now(), body)),
                        other => seen.1.push(format!("{other:?}")),
                    }
                    drop(seen);
                    std::thread::sleep(Duration::from_millis(2));
                }
            })
        });
        let threads = threads.collect();
        Self { seen, stop, threads }
    }

    pub(crate) fn so_far(&self) -> (Answers, Vec<String>) {
        self.seen.lock().unwrap().clone()
    }

    pub(crate) fn end(self) -> (Answers, Vec<String>) {
        self.stop.store(true, Ordering::Release);
        for thread in self.threads {
            thread.join().unwrap();
        }
        let mut seen = self.seen.lock().unwrap();
        std::mem::take(&mut *seen)
    }
}
