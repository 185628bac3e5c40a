mod images;
mod lifecycle;
mod registry;
mod repositories;

use serde_json::{Value, json};
use tidegate_engine::ecr::{KEEP_LAYER, KeepLayer, Source, manifest};

use crate::cloud::{Cloud, text};

/// A cloud with one repository, `shop`.
pub(crate) fn with_shop() -> Cloud {
    let mut cloud = Cloud::of("ecr");
    cloud.call("CreateRepository", json!({ "repositoryName": "shop" }));
    cloud
}

pub(crate) fn arn(repository: &str) -> String {
    format!("arn:aws:ecr:eu-west-1:123456789012:repository/{repository}")
}

/// The digest of the layer of that name.
pub(crate) fn layer(name: &str) -> String {
    manifest::digest_of(name.as_bytes())
}

/// Says that a repository has the layer of that name, of 100 bytes.
pub(crate) fn keep(cloud: &mut Cloud, repository: &str, name: &str) {
    let input = KeepLayer { repository_arn: arn(repository), digest: layer(name), from: Source::Upload(100) };
    cloud.call(KEEP_LAYER, serde_json::to_value(input).unwrap());
}

/// The manifest of an image of the layers of these names; the first is its configuration.
pub(crate) fn manifest_of(layers: &[&str]) -> String {
    let descriptor =
        |name: &&str| json!({ "mediaType": "application/x", "digest": layer(name), "size": 100 });
    let (config, layers) = layers.split_first().unwrap();
    let layers: Vec<Value> = layers.iter().map(descriptor).collect();
    json!({
        "schemaVersion": 2, "mediaType": manifest::DOCKER_IMAGE, "config": descriptor(config), "layers": layers,
    })
    .to_string()
}

/// The manifest of an index of these images.
pub(crate) fn index_of(digests: &[&str]) -> String {
    let descriptor =
        |digest: &&str| json!({ "mediaType": manifest::DOCKER_IMAGE, "digest": digest, "size": 100 });
    let manifests: Vec<Value> = digests.iter().map(descriptor).collect();
    json!({ "schemaVersion": 2, "mediaType": manifest::OCI_INDEX, "manifests": manifests }).to_string()
}

/// Puts an image of one layer of that name; its digest.
fn push(cloud: &mut Cloud, name: &str, tag: Option<&str>) -> String {
    keep(cloud, "shop", "config");
    keep(cloud, "shop", name);
    put(cloud, &manifest_of(&["config", name]), tag)
}

fn put(cloud: &mut Cloud, manifest: &str, tag: Option<&str>) -> String {
    let reply = cloud.call("PutImage", put_input(manifest, tag));
    text(&reply["image"]["imageId"]["imageDigest"])
}

fn put_input(manifest: &str, tag: Option<&str>) -> Value {
    let mut input = json!({ "repositoryName": "shop", "imageManifest": manifest });
    if let Some(tag) = tag {
        input["imageTag"] = tag.into();
    }
    input
}

/// `digest tag` of all images, those without a tag by their digest alone.
fn listed(cloud: &mut Cloud) -> Vec<String> {
    let reply = cloud.call("ListImages", json!({ "repositoryName": "shop" }));
    let ids = reply["imageIds"].as_array().unwrap().iter();
    let mut ids: Vec<String> =
        ids.map(|id| format!("{} {}", text(&id["imageDigest"]), text(&id["imageTag"]))).collect();
    ids.sort();
    ids.into_iter().map(|id| id.trim().to_owned()).collect()
}
