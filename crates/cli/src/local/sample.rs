//! `local up --sample`: a service to deploy to at once, and images for it that are good and bad: those of the demo. It must
//! never touch a service that is there. Start with [`Sample::find_or_make`].

use std::{fmt::Write as _, future::Future, pin::Pin, sync::Arc, time::Duration};

use serde_json::{Value, json};
use tidegate_aws::{
    AwsError, Client, ConnectOptions, Pacer, StaticCredentials, blueprint,
    provision::{Stage, StageError},
};
use tidegate_local::{ImageMap, LocalCloud};
use tidegate_rollout::{
    Strategy,
    names::{ClusterName, ServiceName, ServiceRef},
};

use crate::{
    demo::{self, IMAGES, Image},
    demo_image,
    exit::Exit,
    failure::Failure,
};

const CLUSTER: &str = "demo";
const SERVICE: &str = "hello";
const TASKS: u32 = 2;
/// The listener's port on the load balancer's own loopback address.
const LISTENER_PORT: u16 = 8080;
/// How long the first tasks may take to get healthy, where the cloud's clock is not slower than this machine's.
const PATIENCE: Duration = Duration::from_mins(2);
/// The slowest clock that more patience is had for.
const SLOWEST: f64 = 0.01;

/// The image that a fault of the demo's act makes fail requests. Here nobody plays an act, and the image fails them itself.
const FAILS_REQUESTS: &str = "tidegate-demo:5";
/// How many of a hundred requests.
const FAILS: &str = "30";

/// What people are told of each image, in the order of the demo's.
const TOLD: [&str; IMAGES.len()] = [
    "what runs first",
    "a good release",
    "crashes at start",
    "starts, and never gets healthy",
    "gets healthy, and answers three requests in ten with an error",
    "another good release",
];

/// The sample as it stands.
#[derive(Debug)]
pub struct Sample {
    /// Where the service answers; none where its load balancer is gone.
    url: Option<String>,
}

impl Sample {
    /// Finds the service, and leaves it alone, or makes it and waits until it is steady. When `end` completes first, what
    /// was made stays.
    pub async fn find_or_make<F: Future<Output = ()>>(
        cloud: &LocalCloud,
        region: &str,
        mut end: Pin<&mut F>,
    ) -> Result<Self, Failure> {
        let target =
            ServiceRef { cluster: ClusterName::parse(CLUSTER)?, service: ServiceName::parse(SERVICE)? };
        let speed = cloud.clock().speed().factor();
        let client = Client::connect(ConnectOptions {
            region: Some(region.to_owned()),
            endpoint_url: Some(cloud.endpoint()),
            // Those that people are told to export, so that all is in their account.
            credentials: Some(StaticCredentials {
                access_key_id: "test".to_owned(),
                secret_access_key: "test".to_owned(),
            }),
            // A second of this machine may be many of the cloud's.
            pacer: Some(Arc::new(Pacer::at_speed(speed))),
            ..ConnectOptions::default()
        })
        .await?;
        if cloud.runtime_name() == "docker" {
            // Also for a service that is there: somebody may have removed them.
            let images = images();
            tokio::select! {
                imported = demo_image::import(&images) => imported?,
                () = end.as_mut() => return Err(ended()),
            }
        }
        match blueprint::service(&client, &target).await {
            Ok(_) => {}
            Err(AwsError::ClusterNotFound { .. } | AwsError::ServiceNotFound { .. }) => {
                make(&client, &target, region).await?;
                let patience = PATIENCE.div_f64(speed.clamp(SLOWEST, 1.0));
                tokio::select! {
                    steady = client.wait_until_steady(&target, patience) => {
                        steady.map_err(|error| not_made(&error))?;
                    }
                    () = end => return Err(ended()),
                }
            }
            Err(error) => return Err(error.into()),
        }
        Ok(Self { url: url(cloud, region) })
    }

    /// What there is, in a few lines.
    pub fn in_words(&self) -> String {
        let front = self.url.as_ref().map_or_else(String::new, |url| format!(" behind {url}"));
        let mut text = format!("sample: service {SERVICE} in cluster {CLUSTER}{front}, and images for it\n");
        for ((image, _), told) in IMAGES.iter().zip(TOLD) {
            let _ = writeln!(text, "  {image}  {told}");
        }
        text
    }

    /// The same for programs.
    pub fn as_json(&self) -> Value {
        let images = IMAGES.iter().zip(TOLD).map(|((image, _), told)| json!({ "image": image, "is": told }));
        json!({
            "cluster": CLUSTER,
            "service": SERVICE,
            "url": self.url,
            "images": images.collect::<Vec<_>>(),
        })
    }
}

/// The commands that stand for images, with those of the sample. What the config file says of one of them holds.
pub fn with_images(known: ImageMap) -> Result<ImageMap, Failure> {
    let own = demo::commands(images())?;
    Ok(own.into_iter().fold(known, |known, (image, command)| {
        if known.patterns().any(|pattern| pattern == image) { known } else { known.with(image, command) }
    }))
}

/// The demo's images, which start at once: a fast clock gives a task little time to get healthy.
fn images() -> Vec<Image> {
    let told = |image: &str, crash: Option<&str>| -> Vec<(String, String)> {
        let errors = (image == FAILS_REQUESTS).then(|| ("SAMPLE_ERRORS".to_owned(), FAILS.to_owned()));
        demo::variables(crash).into_iter().chain(errors).collect()
    };
    IMAGES.iter().map(|&(image, crash)| (image, told(image, crash))).collect()
}

/// The cluster, the load balancer, the service. Some calls within the machine: they are not interrupted, so that nothing is
/// made by halves.
async fn make(client: &Client, target: &ServiceRef, region: &str) -> Result<(), Failure> {
    let stage = Stage {
        target: target.clone(),
        definition: demo::definition(IMAGES[0].0, region),
        tasks: TASKS,
        health_check_path: "/health".to_owned(),
        listener_port: LISTENER_PORT,
        strategy: Strategy::Rolling,
        alarms: Vec::new(),
    };
    client.provision(&stage).await.map(drop).map_err(|error| not_made(&error))
}

/// Where the load balancer really listens: its address may be another one than when it was made.
fn url(cloud: &LocalCloud, region: &str) -> Option<String> {
    let (of_region, of_name) = (format!(":{region}:"), format!("/app/{SERVICE}/"));
    let listeners = cloud.balancer().listeners();
    let own = listeners.iter().find(|listener| {
        listener.load_balancer.contains(&of_region) && listener.load_balancer.contains(&of_name)
    })?;
    Some(format!("http://{}/", own.address))
}

fn not_made(error: &StageError) -> Failure {
    let help = "`tidegate local reset` forgets everything that the cloud has; then --sample makes it anew";
    Failure::new(Exit::Refused, format!("the sample cannot be made: {error}")).with_help(Some(help.into()))
}

fn ended() -> Failure {
    let help = "what was made is kept; start again to go on";
    Failure::new(Exit::Interrupted, "ended while the sample was made").with_help(Some(help.into()))
}

#[cfg(test)]
mod tests {
    use tidegate_local::ImageCommand;

    use super::*;

    #[test]
    fn an_image_is_what_people_are_told_of_it() {
        let sample = Sample { url: Some("http://127.142.0.1:8080/".to_owned()) };
        insta::assert_snapshot!(sample.in_words(), @r"
        sample: service hello in cluster demo behind http://127.142.0.1:8080/, and images for it
          tidegate-demo:1  what runs first
          tidegate-demo:2  a good release
          tidegate-demo:3  crashes at start
          tidegate-demo:4  starts, and never gets healthy
          tidegate-demo:5  gets healthy, and answers three requests in ten with an error
          tidegate-demo:6  another good release
        ");
        let bad: Vec<(&str, String)> = images()
            .into_iter()
            .flat_map(|(image, told)| {
                told.into_iter().map(move |(name, value)| (image, format!("{name}={value}")))
            })
            .collect();
        let expected = [
            ("tidegate-demo:3", "SAMPLE_CRASH=start".to_owned()),
            ("tidegate-demo:4", "SAMPLE_CRASH=health".to_owned()),
            ("tidegate-demo:5", "SAMPLE_ERRORS=30".to_owned()),
        ];
        assert_eq!(bad, expected);
    }

    #[test]
    fn what_the_config_file_says_of_an_image_holds() {
        let mine = ImageCommand { command: vec!["mine".to_owned()], ..ImageCommand::default() };
        let known = ImageMap::default().with("tidegate-demo:2", mine.clone()).with("*", mine.clone());
        let Ok(map) = with_images(known) else { panic!("this program has a file") };
        assert_eq!(map.find("tidegate-demo:2"), Some(&mine));
        assert_ne!(map.find("tidegate-demo:3"), Some(&mine));
        assert_eq!(map.find("other:1"), Some(&mine));
    }
}
