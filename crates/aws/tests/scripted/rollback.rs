//! Rollbacks by the bytes that ran: what a tag means now decides whether a revision with the digest is registered. And
//! registrations whose note of origin may not be written.

use crate::endpoint::{Answer, Endpoint, deployment, service};
use crate::{client, deploy, ordinary, plan};
use serde_json::{Value, json};
use tidegate_aws::deploy::{DeployPlan, Then};
use tidegate_aws::rollback::{self, Wish};
use tidegate_aws::{DeployError, Outcome};
use tidegate_rollout::Event;
use tidegate_rollout::origin::Origin;

const IMAGE: &str = "123456789012.dkr.ecr.eu-west-1.amazonaws.com/web:latest";

/// A service that runs web:8 and was steady on web:7, whose `latest` was then `sha256:aa` and is `means` now.
fn steady_before(means: Option<&'static str>) -> impl Fn(&str, &Value, usize) -> Answer + Send + Sync {
    move |operation, request, nth| match operation {
        "DescribeServices" => Answer::ok(
            json!({"services": [service(8, &[deployment(1, 8, "PRIMARY", 3, "COMPLETED")])], "failures": []}),
        ),
        "GetParameter" => {
            Answer { status: 400, body: json!({"__type": "ParameterNotFound", "message": "none"}) }
        }
        "ListServiceDeployments" => Answer::ok(json!({"serviceDeployments": [
            {"serviceDeploymentArn": "arn:sd/2", "targetServiceRevisionArn": "arn:sr/2", "status": "SUCCESSFUL", "createdAt": 20.0},
            {"serviceDeploymentArn": "arn:sd/1", "targetServiceRevisionArn": "arn:sr/1", "status": "SUCCESSFUL", "createdAt": 10.0}]})),
        "DescribeServiceRevisions" => {
            Answer::ok(json!({"serviceRevisions": [revision(2, 8, "bb"), revision(1, 7, "aa")]}))
        }
        "DescribeTaskDefinition" => {
            let name = request["taskDefinition"].as_str().unwrap_or_default();
            Answer::ok(json!({"taskDefinition": {
                "taskDefinitionArn": name, "family": "web", "status": "ACTIVE",
                "containerDefinitions": [{"name": "web", "image": IMAGE}]}, "tags": []}))
        }
        "DescribeImages" => match means {
            Some(digest) => {
                Answer::ok(json!({"imageDetails": [{"imageDigest": format!("sha256:{digest}")}]}))
            }
            None => Answer {
                status: 400,
                body: json!({"__type": "ImageNotFoundException", "message": "no such tag"}),
            },
        },
        "RegisterTaskDefinition" => Answer::ok(json!({"taskDefinition":
            {"taskDefinitionArn": "arn:aws:ecs:eu-west-1:123456789012:task-definition/web:9"}})),
        "UpdateService" => Answer::ok(json!({"service": service(9, &[
            deployment(2, 9, "PRIMARY", 0, "IN_PROGRESS"), deployment(1, 8, "ACTIVE", 3, "COMPLETED")])})),
        other => ordinary(other, request, nth),
    }
}

fn revision(n: u32, definition: u32, digest: &str) -> Value {
    json!({"serviceRevisionArn": format!("arn:sr/{n}"),
        "taskDefinition": format!("arn:aws:ecs:eu-west-1:123456789012:task-definition/web:{definition}"),
        "containerImages": [{"containerName": "web", "image": IMAGE, "imageDigest": format!("sha256:{digest}")}]})
}

async fn rolled_back(endpoint: &Endpoint) -> String {
    let client = client(endpoint).await;
    let plan = DeployPlan { images: Vec::new(), ..plan(Then::Return) };
    let found = rollback::find(&client, &plan, &Wish::LastSteady).await.expect("web:7 was steady");
    assert_eq!(found.way.to().short(), "web:7");
    let outcome = rollback::run(&client, &plan, &found, &mut |_, _: &Event| {}).await;
    assert!(matches!(outcome, Ok(Outcome::Started { .. })), "{outcome:?}");
    found.in_words()
}

#[tokio::test]
async fn a_tag_that_was_pushed_again_since_is_replaced_by_the_digest_that_ran() {
    for (means, why) in [(Some("cc"), "latest means sha256:cc now"), (None, "latest is gone")] {
        let endpoint = Endpoint::start(steady_before(means)).await;
        let words = rolled_back(&endpoint).await;
        assert!(
            words.contains("web@sha256:aa is registered for it, since ") && words.ends_with(why),
            "{words}"
        );
        let registered = endpoint.request("RegisterTaskDefinition");
        assert_eq!(
            registered["containerDefinitions"][0]["image"],
            "123456789012.dkr.ecr.eu-west-1.amazonaws.com/web@sha256:aa"
        );
        assert_eq!(
            endpoint.request("UpdateService")["taskDefinition"],
            "arn:aws:ecs:eu-west-1:123456789012:task-definition/web:9"
        );
    }
}

#[tokio::test]
async fn a_tag_that_still_means_what_ran_brings_the_revision_itself() {
    let endpoint = Endpoint::start(steady_before(Some("aa"))).await;
    let words = rolled_back(&endpoint).await;
    assert!(words.ends_with("; its images still mean the bytes that ran"), "{words}");
    assert_eq!(endpoint.count("RegisterTaskDefinition"), 0);
    assert_eq!(
        endpoint.request("UpdateService")["taskDefinition"],
        "arn:aws:ecs:eu-west-1:123456789012:task-definition/web:7"
    );
}

fn by_ada() -> DeployPlan {
    let origin = Origin { commit: Some("4f2c1ab".into()), by: Some("ada".into()), ..Origin::default() };
    DeployPlan { origin, ..plan(Then::Return) }
}

fn tags(request: &Value) -> Vec<(String, String)> {
    let text = |tag: &Value, name: &str| tag[name].as_str().unwrap_or_default().to_owned();
    let tags = request["tags"].as_array().cloned().unwrap_or_default();
    tags.iter().map(|tag| (text(tag, "key"), text(tag, "value"))).collect()
}

#[tokio::test]
async fn a_revision_is_registered_with_a_note_of_where_it_comes_from() {
    let endpoint = Endpoint::start(ordinary).await;
    deploy(&endpoint, &by_ada()).await.0.expect("started");
    let tags = tags(&endpoint.request("RegisterTaskDefinition"));
    let names: Vec<&str> = tags.iter().map(|(key, _)| key.as_str()).collect();
    assert_eq!(names, ["team", "tidegate:commit", "tidegate:by", "tidegate:strategy", "tidegate:at"]);
    assert_eq!(
        (tags[1].1.as_str(), tags[2].1.as_str(), tags[3].1.as_str()),
        ("4f2c1ab", "ada", "rolling ecs")
    );
}

#[tokio::test]
async fn who_may_not_write_tags_deploys_without_the_note_and_is_told() {
    let endpoint = Endpoint::start(|operation: &str, request: &Value, nth: usize| match operation {
        "RegisterTaskDefinition" if tags(request).len() > 1 => Answer {
            status: 400,
            body: json!({"__type": "AccessDeniedException", "message":
                "User: ci is not authorized to perform: ecs:TagResource on resource: task-definition/web:*"}),
        },
        _ => ordinary(operation, request, nth),
    })
    .await;
    let (outcome, events) = deploy(&endpoint, &by_ada()).await;
    assert!(matches!(outcome, Ok(Outcome::Started { .. })), "{outcome:?}");
    assert_eq!(tags(&endpoint.request("RegisterTaskDefinition")), [("team".to_owned(), "a".to_owned())]);
    let warned = |event: &Event| matches!(event, Event::Warned { message } if message.contains("without a note of its origin"));
    assert!(events.iter().any(warned), "{events:?}");
}

#[tokio::test]
async fn who_may_not_register_at_all_is_not_asked_twice() {
    let endpoint = Endpoint::start(|operation: &str, request: &Value, nth: usize| match operation {
        "RegisterTaskDefinition" => Answer {
            status: 400,
            body: json!({"__type": "AccessDeniedException", "message":
                "User: ci is not authorized to perform: ecs:RegisterTaskDefinition on resource: *"}),
        },
        _ => ordinary(operation, request, nth),
    })
    .await;
    let (outcome, _) = deploy(&endpoint, &by_ada()).await;
    assert!(matches!(outcome, Err(DeployError::Aws(_))), "{outcome:?}");
    assert_eq!(endpoint.count("RegisterTaskDefinition"), 1);
}
