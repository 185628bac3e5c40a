//! Amazon's own workflow of the guide with only its `uses:` lines changed: run step by step, with its inputs, as GitHub's
//! runner would, against the local cloud. A good release gets through; a bad one fails the step and says why.

mod code_deploy;

use serde_json::{Value, json};

use crate::{
    api::ecs_in,
    cloud::{Cloud, wait_until},
    workflow::{Ended, Job, REGISTRY},
};

const REGION: &str = "us-east-1";

/// The workflow in words of our own, of the guide's shape.
const WORKFLOW: &str = include_str!("../workflow/deploy.yml");

#[test]
fn amazons_workflow_ships_with_only_its_uses_lines_changed_and_a_bad_release_says_why() {
    let cloud = cloud();
    service(&cloud);
    ships(&cloud, WORKFLOW, "good-1");
    if let Some(guide) = std::env::var_os("TIDEGATE_GUIDE") {
        let text = std::fs::read_to_string(guide).unwrap();
        ships(&cloud, &workflow_of_guide(&text), "good-2");
    } else {
        eprintln!("\n*** SKIPPED in part: TIDEGATE_GUIDE does not name the guide's text ***\n");
    }

    let mut job = job(&cloud, WORKFLOW, "crash");
    let ended = job.run();
    let deployment = ended.last().unwrap();
    assert_eq!((ended.len(), deployment.exit), (6, Some(3)), "{}", deployment.said);
    let said = &deployment.said;
    assert!(said.contains("::error title=Not promoted::rolled back to myapp:"), "{said}");
    assert!(
        said.contains("::error title=the application in container myapp exits"),
        "the cause is an annotation: {said}"
    );
    assert_eq!(deployment.outputs["verdict"], "rolled_back");
    let summary = &deployment.summary;
    assert!(summary.contains("Rollout of production/myapp-service: rolled back"), "{summary}");
    assert!(summary.contains("```mermaid\ngantt") && summary.contains("back to myapp"), "{summary}");
    assert!(
        summary.contains("### Why") && summary.contains("the application in container myapp exits"),
        "{summary}"
    );
    // Between these two lines nothing is a command, whatever tasks print.
    let stop = said.lines().next().unwrap().strip_prefix("::stop-commands::").unwrap();
    let again = said.find(&format!("\n::{stop}::\n")).unwrap();
    assert!(said.find("::error").unwrap() > again, "{said}");
}

#[test]
fn a_step_registers_renders_and_refuses_as_its_inputs_say() {
    let cloud = cloud();
    service(&cloud);
    let step = |inputs: &str| -> Ended {
        let workflow = format!(
            "jobs:\n  one:\n    steps:\n      - uses: aws-actions/configure-aws-credentials@v4\n        with: {{ aws-region: {REGION} }}\n      \
             - uses: tidegate/tidegate@v1\n        with:\n{inputs}"
        );
        job(&cloud, &workflow, "good-1").run().pop().unwrap()
    };
    let registered = step("          task-definition: task-definition.json\n");
    assert_eq!(registered.exit, Some(0), "{}", registered.said);
    assert!(registered.outputs["task-definition-arn"].contains(":task-definition/myapp:"));
    assert!(
        registered
            .said
            .contains("left out of the task definition, since only AWS writes them: revision, status"),
        "{}",
        registered.said
    );
    let described = call(
        &cloud,
        "DescribeTaskDefinition",
        &json!({"taskDefinition": registered.outputs["task-definition-arn"]}),
    );
    assert_eq!(described["taskDefinition"]["family"], "myapp");

    // By family, as Amazon's newer versions take it; nobody waits.
    let started = step(
        "          task-definition: myapp\n          service: myapp-service\n          cluster: production\n",
    );
    assert_eq!(started.exit, Some(0), "{}", started.said);
    assert_eq!(started.outputs["task-definition-arn"], registered.outputs["task-definition-arn"]);
    assert!(
        started.outputs["deployment-id"].starts_with("ecs-svc/") && !started.outputs.contains_key("verdict")
    );

    for (inputs, words) in [
        (
            "          task-definition: nothing.json\n          service: a\n",
            "there is no task definition nothing.json",
        ),
        (
            "          task-definition: task-definition.json\n          run-task: true\n",
            "the input `run-task` is not Tidegate's",
        ),
        ("          service: nobody\n          cluster: production\n          image: a\n", "nobody"),
        ("          mode: undo\n", "the input `mode` must be render, deploy, register or rollback"),
        ("          image: a:1\n", "nothing says what to do"),
    ] {
        let refused = step(inputs);
        assert!(matches!(refused.exit, Some(1 | 2)), "{inputs}: {}", refused.said);
        let annotation = refused.said.lines().find(|line| line.starts_with("::error title=Tidegate::"));
        assert!(annotation.is_some_and(|line| line.contains(words)), "{inputs}: {}", refused.said);
        assert!(refused.summary.contains(words), "{}", refused.summary);
    }
}

/// The workflow as it stands in the guide.
fn workflow_of_guide(guide: &str) -> String {
    let start = guide.find("name: Deploy to ECS").expect("the guide has its workflow");
    let end = guide[start..].find("\nRollback Strategies").expect("it ends") + start;
    guide[start..end].to_owned()
}

/// Runs the workflow for a commit whose image is good.
fn ships(cloud: &Cloud, workflow: &str, sha: &str) {
    let mut job = job(cloud, workflow, sha);
    let ended = job.run();
    let last = ended.last().unwrap();
    assert_eq!((ended.len(), last.exit), (6, Some(0)), "{} {}", last.what, last.said);
    let image = format!("{REGISTRY}/myapp:{sha}");
    assert_eq!(job.docker_calls(), format!("build -t {image} .\npush {image}\n"));

    let rendered = &ended[4].outputs["task-definition"];
    let document: Value =
        serde_json::from_str(&std::fs::read_to_string(job.workspace().join(rendered)).unwrap()).unwrap();
    assert_eq!(document["containerDefinitions"][0]["image"], image.as_str());
    assert_eq!(
        document["containerDefinitions"][0]["someFutureField"],
        json!({"x": 1}),
        "unknown fields stay"
    );
    assert!(document.get("revision").is_none(), "{document:#}");

    assert_eq!(last.outputs["verdict"], "promoted");
    let arn = &last.outputs["task-definition-arn"];
    let service =
        call(cloud, "DescribeServices", &json!({"cluster": "production", "services": ["myapp-service"]}));
    assert_eq!(service["services"][0]["taskDefinition"], arn.as_str());
    let described = call(cloud, "DescribeTaskDefinition", &json!({"taskDefinition": arn}));
    assert_eq!(described["taskDefinition"]["containerDefinitions"][0]["image"], image.as_str());
    assert!(last.summary.contains("promoted") && last.summary.contains("```mermaid"), "{}", last.summary);
    assert!(last.said.contains("::notice title=Promoted::promoted: myapp:"), "{}", last.said);
}

/// A job whose `uses:` lines of Amazon's two actions are ours; nothing else differs.
fn job<'a>(cloud: &'a Cloud, workflow: &str, sha: &str) -> Job<'a> {
    let ours = workflow
        .replace("aws-actions/amazon-ecs-render-task-definition@v1", "tidegate/tidegate@v1")
        .replace("aws-actions/amazon-ecs-deploy-task-definition@v2", "tidegate/tidegate@v1");
    let changed = workflow.lines().zip(ours.lines()).filter(|(before, after)| before != after);
    assert!(
        changed.clone().all(|(before, _)| before.trim_start().trim_start_matches("- ").starts_with("uses:"))
    );
    // As `aws ecs describe-task-definition` wrote it, read-only members, unknown ones and all.
    let mut definition = definition("first");
    definition["revision"] = json!(1);
    definition["status"] = json!("ACTIVE");
    definition["containerDefinitions"][0]["someFutureField"] = json!({"x": 1});
    Job::of(&ours, sha, &[("task-definition.json", &format!("{definition:#}"))], cloud)
}

fn definition(tag: &str) -> Value {
    json!({
        "family": "myapp", "networkMode": "awsvpc", "requiresCompatibilities": ["FARGATE"], "cpu": "256", "memory": "512",
        "containerDefinitions": [{
            "name": "myapp", "image": format!("{REGISTRY}/myapp:{tag}"), "essential": true,
            "portMappings": [{"containerPort": 8080}], "stopTimeout": 2,
        }],
    })
}

fn cloud() -> Cloud {
    let program = env!("CARGO_BIN_EXE_tidegate");
    let images = format!(
        "    \"*/myapp:*\": {{ command: [{program:?}, \"sample-service\"] }}\n    \
         \"*/myapp:crash\": {{ command: [{program:?}, \"sample-service\"], environment: {{ SAMPLE_CRASH: start }} }}\n"
    );
    Cloud::start_configured(&images, &["--speed", "20"])
}

fn service(cloud: &Cloud) {
    call(cloud, "CreateCluster", &json!({"clusterName": "production"}));
    call(cloud, "RegisterTaskDefinition", &definition("first"));
    call(
        cloud,
        "CreateService",
        &json!({
            "cluster": "production", "serviceName": "myapp-service", "taskDefinition": "myapp", "desiredCount": 2,
            "launchType": "FARGATE", "networkConfiguration": {"awsvpcConfiguration": {"subnets": ["subnet-1"]}},
            "deploymentConfiguration": {"deploymentCircuitBreaker": {"enable": true, "rollback": true}},
        }),
    );
    wait_until("the first release is steady", || {
        let input = json!({"cluster": "production", "services": ["myapp-service"]});
        call(cloud, "DescribeServices", &input)["services"][0]["deployments"][0]["rolloutState"]
            == "COMPLETED"
    });
}

fn call(cloud: &Cloud, operation: &str, input: &Value) -> Value {
    let (status, body) = ecs_in(REGION, cloud.endpoint(), operation, input).unwrap();
    assert_eq!(status, 200, "{operation}: {body}");
    serde_json::from_str(&body).unwrap()
}
