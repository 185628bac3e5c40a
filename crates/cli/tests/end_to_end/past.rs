//! What was rolled out by whom, the way back to it, and what may go of it.

use serde_json::{Value, json};

use crate::{
    cloud::wait_until,
    scale::{asked, call, tidegate, told, with_service},
};

#[test]
fn history_says_who_rolled_out_which_commit_and_a_rollback_goes_back_once() {
    let cloud = with_service();
    let deploy = |commit: &str, image: &str| {
        let mut command = tidegate(&cloud, &["deploy", "--image", image]);
        for (name, value) in [
            ("GITHUB_SHA", commit),
            ("GITHUB_ACTOR", "ada"),
            ("GITHUB_REPOSITORY", "shop/sample"),
            ("GITHUB_SERVER_URL", "https://git.example.com"),
            ("GITHUB_RUN_ID", "7"),
        ] {
            command.env(name, value);
        }
        let output = command.output().unwrap();
        (output.status.code(), told(&output))
    };
    let (code, said) = deploy("4f2c1ab09d3e5f60718293a4b5c6d7e8f9012345", "sample:2");
    assert_eq!(code, Some(0), "{said}");
    let (code, said) = deploy("another", "sample:2");
    assert!(
        code == Some(0) && said.contains("nothing changed"),
        "another commit alone is no difference: {said}"
    );

    let (code, past) = asked(&cloud, &["history"]);
    let newest = &past["history"][0];
    assert_eq!(code, Some(0), "{past}");
    for (member, value) in [
        ("revision", "sample:2"),
        ("commit", "4f2c1ab09d3e5f60718293a4b5c6d7e8f9012345"),
        ("by", "ada"),
        ("strategy", "rolling ecs"),
        ("repository", "shop/sample"),
        ("run", "https://git.example.com/shop/sample/actions/runs/7"),
        ("deployment", "SUCCESSFUL"),
    ] {
        assert_eq!(newest[member], value, "{newest}");
    }

    let shown = tidegate(&cloud, &["rollback", "--dry-run"]).output().unwrap();
    let shown = told(&shown);
    let way = "dry run: nothing is under way: a new deployment by Amazon ECS brings sample:1 again";
    assert!(shown.contains(way), "{shown}");
    let back = tidegate(&cloud, &["rollback"]).output().unwrap();
    assert_eq!(back.status.code(), Some(0), "{}", told(&back));
    let again = tidegate(&cloud, &["rollback"]).output().unwrap();
    assert_eq!(again.status.code(), Some(1), "{}", told(&again));
    assert!(told(&again).contains("there is nothing to roll back to"), "{}", told(&again));

    let (_, past) = asked(&cloud, &["history"]);
    let rows = past["history"].as_array().unwrap();
    assert_eq!(rows[0]["revision"], "sample:1", "{past}");
    let left = rows.iter().find(|row| row["revision"] == "sample:2").unwrap();
    assert_eq!(left["verdict"], "rolled_back", "{past}");
    assert!(left["reason"].as_str().unwrap().starts_with("rolled back to sample:1 by "), "{past}");
    let text = tidegate(&cloud, &["history"]).output().unwrap();
    let text = told(&text);
    assert!(text.contains("4f2c1ab09") && text.lines().all(|line| line.chars().count() <= 80), "{text}");
}

#[test]
fn prune_leaves_what_any_cluster_runs_and_asks_before_it_takes_the_rest() {
    let cloud = with_service();
    call(&cloud, "CreateCluster", &json!({ "clusterName": "staging" }));
    for version in 2..=7 {
        let definition = json!({
            "family": "sample", "networkMode": "awsvpc", "requiresCompatibilities": ["FARGATE"], "cpu": "256",
            "memory": "512", "containerDefinitions": [{ "name": "app", "image": format!("sample:{version}") }],
        });
        call(&cloud, "RegisterTaskDefinition", &definition);
    }
    let network = json!({ "awsvpcConfiguration": { "subnets": ["subnet-1"] } });
    let service = json!({
        "cluster": "staging", "serviceName": "sample", "taskDefinition": "sample:3", "desiredCount": 0,
        "launchType": "FARGATE", "networkConfiguration": network,
    });
    call(&cloud, "CreateService", &service);
    let task = json!({
        "cluster": "staging", "taskDefinition": "sample:4", "launchType": "FARGATE",
        "networkConfiguration": network,
    });
    call(&cloud, "RunTask", &task);
    wait_until("its deployment is steady", || {
        let (_, kept) = asked(&cloud, &["revisions", "prune", "--keep", "0", "--dry-run"]);
        kept["prunable"] == json!(["sample:2", "sample:5", "sample:6"])
    });
    let (_, kept) = asked(&cloud, &["revisions", "prune", "--keep", "0", "--dry-run"]);
    let why = |revision: &str| {
        let needed = kept["needed"].as_array().unwrap();
        needed.iter().find(|it| it["revision"] == revision).map(|it| it["why"].clone()).unwrap_or_default()
    };
    assert_eq!(
        ["sample:1", "sample:3", "sample:4", "sample:7"].map(why),
        [
            json!("prod/sample runs it"),
            json!("staging/sample runs it"),
            json!("a task of cluster staging runs it"),
            json!("it is the newest: what the family's name alone means"),
        ]
    );
    let refused = tidegate(&cloud, &["revisions", "prune", "--keep", "0"]).output().unwrap();
    assert_eq!(refused.status.code(), Some(1), "{}", told(&refused));
    assert!(
        told(&refused).contains("nobody is there to confirm: Deregister 3 revisions?"),
        "{}",
        told(&refused)
    );
    let pruned = tidegate(&cloud, &["revisions", "prune", "--keep", "0", "--yes"]).output().unwrap();
    assert_eq!(pruned.status.code(), Some(0), "{}", told(&pruned));
    let listed = call(&cloud, "ListTaskDefinitions", &json!({ "status": "ACTIVE" }));
    let left: Vec<&str> = listed["taskDefinitionArns"]
        .as_array()
        .unwrap()
        .iter()
        .filter_map(Value::as_str)
        .filter_map(|arn| arn.rsplit('/').next())
        .collect();
    assert_eq!(left, ["sample:1", "sample:3", "sample:4", "sample:7"]);
}
