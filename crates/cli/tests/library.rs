//! The local cloud in tests of other people's programs: what docs/library.md shows, and that it shows just this.
#![allow(clippy::unwrap_used, reason = "a test may stop at what it did not expect")]

use std::{path::Path, time::Duration};

use aws_sdk_ecs::{
    Client, Config, Error,
    config::{BehaviorVersion, Credentials, Region},
    types::{
        ContainerDefinition, Deployment, DeploymentCircuitBreaker, DeploymentConfiguration,
        DeploymentRolloutState, Service,
    },
};
use tidegate_local::{Fault, ImageCommand, ImageMap, LocalCloud, Options, RuntimeChoice, Speed};

/// The program under test: moves the service `web` to another image, and says whether it got there.
async fn release(ecs: &Client, image: &str) -> Result<bool, Error> {
    let container = ContainerDefinition::builder().name("web").image(image).memory(64).build();
    let made = ecs.register_task_definition().family("web").container_definitions(container).send().await?;
    let revision = made.task_definition().and_then(|made| made.task_definition_arn()).unwrap_or_default();
    ecs.update_service().cluster("shop").service("web").task_definition(revision).send().await?;
    loop {
        let seen = ecs.describe_services().cluster("shop").services("web").send().await?;
        let deployments = seen.services().first().map(Service::deployments).unwrap_or_default();
        let own = deployments.iter().find(|deployment| deployment.task_definition() == Some(revision));
        match own.and_then(Deployment::rollout_state) {
            Some(DeploymentRolloutState::Completed) => return Ok(true),
            Some(DeploymentRolloutState::InProgress) => tokio::time::sleep(Duration::from_millis(50)).await,
            // It has failed, or what was there before has taken its place again.
            _ => return Ok(false),
        }
    }
}

/// Time runs 600 times as fast, and something that only lives stands for each image called `shop`.
fn options() -> Options {
    let sleeps = ImageCommand { command: vec!["sleep".into(), "infinity".into()], ..ImageCommand::default() };
    Options {
        speed: Speed::new(600.0).unwrap(),
        runtime: RuntimeChoice::Process(ImageMap::default().with("shop:*", sleeps)),
        ..Options::default()
    }
}

/// The SDK's client as your program makes it, but for where it looks.
fn client(cloud: &LocalCloud) -> Client {
    let config = Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .endpoint_url(cloud.endpoint())
        .region(Region::new("eu-west-1"))
        .credentials_provider(Credentials::new("test", "test", None, None, "local"))
        // For an SDK without its default features, as it is here; leave it out otherwise.
        .http_client(aws_smithy_http_client::Builder::new().build_http())
        .build();
    Client::from_conf(config)
}

/// What is there before a release: revision 1 of the service `web`, which goes back when a release fails.
async fn prepare(ecs: &Client) -> Result<(), Error> {
    ecs.create_cluster().cluster_name("shop").send().await?;
    let container = ContainerDefinition::builder().name("web").image("shop:1").memory(64).build();
    ecs.register_task_definition().family("web").container_definitions(container).send().await?;
    let breaker = DeploymentCircuitBreaker::builder().enable(true).rollback(true).build();
    let configuration = DeploymentConfiguration::builder().deployment_circuit_breaker(breaker).build();
    let service = ecs.create_service().cluster("shop").service_name("web").task_definition("web");
    service.desired_count(1).deployment_configuration(configuration).send().await?;
    Ok(())
}

#[tokio::test]
async fn a_release_gets_there() {
    let cloud = LocalCloud::start(options()).await.unwrap();
    let ecs = client(&cloud);
    prepare(&ecs).await.unwrap();

    assert!(release(&ecs, "shop:2").await.unwrap());
}

#[tokio::test]
async fn a_release_that_crashes_is_noticed() {
    let cloud = LocalCloud::start(options()).await.unwrap();
    let ecs = client(&cloud);
    prepare(&ecs).await.unwrap();

    // Whatever comes after revision 1 of the family `web` dies as soon as it starts.
    cloud.inject("web", 1, Fault::CrashOnStart);
    assert!(!release(&ecs, "shop:2").await.unwrap());
}

/// A cloud on which [`prepare`] has run, in one file.
async fn snapshot(file: &Path) {
    let cloud = LocalCloud::start(options()).await.unwrap();
    prepare(&client(&cloud)).await.unwrap();
    cloud.save_snapshot(file).await.unwrap();
    cloud.shutdown().await;
}

#[tokio::test]
async fn each_of_many_tests_starts_from_a_prepared_cloud() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("shop.snapshot");
    snapshot(&file).await;

    for image in ["shop:2", "shop:3"] {
        let options = Options { snapshot: Some(file.clone()), ..options() };
        let cloud = LocalCloud::start(options).await.unwrap();
        assert!(release(&client(&cloud), image).await.unwrap());
    }
}

#[tokio::test]
async fn an_hour_of_the_cloud_takes_six_seconds() {
    let cloud = LocalCloud::start(options()).await.unwrap();
    let clock = cloud.clock();
    assert_eq!(clock.real(Duration::from_hours(1)), Duration::from_secs(6));

    let before = clock.now();
    clock.sleep(Duration::from_mins(5)).await;
    assert!(clock.now().since(before) >= Duration::from_mins(5));
}

#[test]
fn the_page_shows_nothing_that_is_not_compiled_here() {
    let page = include_str!("../../../docs/library.md");
    let code = include_str!("library.rs");
    let blocks: Vec<&str> = page
        .split("```rust\n")
        .skip(1)
        .map(|rest| rest.split_once("```").map_or(rest, |(block, _)| block))
        .collect();
    assert!(blocks.len() > 3, "the page shows {} pieces of code", blocks.len());
    for block in blocks {
        assert!(code.contains(block.trim_end()), "this is not what is compiled:\n{block}");
    }
}
