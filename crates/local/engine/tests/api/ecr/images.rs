//! Images put, read and deleted.

use std::time::Duration;

use serde_json::{Value, json};
use tidegate_engine::{Effect, ecr::manifest};

use super::{index_of, keep, layer, listed, manifest_of, push, put, put_input, with_shop};
use crate::cloud::{Cloud, text};

fn ids(ids: Value) -> Value {
    json!({ "repositoryName": "shop", "imageIds": ids })
}

#[test]
fn an_image_is_described_and_got_by_tag_and_by_digest() {
    let mut cloud = with_shop();
    let digest = push(&mut cloud, "one", Some("v1"));
    assert_eq!(digest, manifest::digest_of(manifest_of(&["config", "one"]).as_bytes()));
    cloud.restart();
    for id in [json!({ "imageTag": "v1" }), json!({ "imageDigest": digest })] {
        let detail = cloud.call("DescribeImages", ids(json!([id])))["imageDetails"][0].clone();
        assert_eq!(
            (&detail["imageDigest"], &detail["imageTags"], &detail["imageSizeInBytes"]),
            (&json!(digest), &json!(["v1"]), &json!(200))
        );
        assert_eq!(detail["imageManifestMediaType"], manifest::DOCKER_IMAGE);
        let got = cloud.call("BatchGetImage", ids(json!([id])))["images"][0].clone();
        assert_eq!(got["imageManifest"], manifest_of(&["config", "one"]));
        assert_eq!(got["imageId"], json!({ "imageDigest": digest, "imageTag": "v1" }));
    }
}

#[test]
fn an_image_that_is_not_there_is_a_failure_or_an_error() {
    let mut cloud = with_shop();
    push(&mut cloud, "one", Some("v1"));
    assert_eq!(
        cloud.refusal("DescribeImages", ids(json!([{ "imageTag": "v9" }]))),
        "ImageNotFoundException: The image with imageId {imageDigest:'null', imageTag:'v9'} does not exist within the \
         repository with name 'shop' in the registry with id '123456789012'"
    );
    let digest = layer("nothing");
    let asked = json!([{ "imageTag": "v9" }, {}, { "imageDigest": "x" }, { "imageTag": "v1", "imageDigest": digest }]);
    for operation in ["BatchGetImage", "BatchDeleteImage"] {
        let reply = cloud.call(operation, ids(asked.clone()));
        let codes: Vec<String> =
            reply["failures"].as_array().unwrap().iter().map(|it| text(&it["failureCode"])).collect();
        assert_eq!(codes, ["ImageNotFound", "MissingDigestAndTag", "InvalidImageDigest", "ImageNotFound"]);
    }
    let other = json!({
        "repositoryName": "shop", "imageIds": [{ "imageTag": "v1" }], "acceptedMediaTypes": [manifest::OCI_INDEX],
    });
    assert_eq!(cloud.call("BatchGetImage", other)["failures"][0]["failureCode"], "ImageNotFound");
}

#[test]
fn a_push_needs_its_layers_and_the_images_that_it_lists() {
    let mut cloud = with_shop();
    keep(&mut cloud, "shop", "config");
    let refusal = cloud.refusal("PutImage", put_input(&manifest_of(&["config", "gone"]), Some("v1")));
    assert_eq!(
        refusal,
        format!(
            "LayersNotFoundException: Layers with digests '[{}]' required for pushing image into repository with name \
             'shop' in the registry with id '123456789012' do not exist",
            layer("gone")
        )
    );
    let refusal = cloud.refusal("PutImage", put_input(&index_of(&[&layer("gone")]), None));
    assert!(refusal.starts_with("ReferencedImagesNotFoundException: Images with digests '["), "{refusal}");
    let refusal = cloud.refusal("PutImage", put_input("{", None));
    assert!(refusal.starts_with("InvalidParameterException: ") && refusal.contains("Invalid JSON syntax"));
    let mut wrong = put_input(&manifest_of(&["config"]), None);
    wrong["imageDigest"] = layer("gone").into();
    assert!(cloud.refusal("PutImage", wrong).starts_with("ImageDigestDoesNotMatchException: "));
    let refusal = cloud.refusal("PutImage", put_input(&manifest_of(&["config"]), Some("-v1")));
    assert!(refusal.contains("'imageTag' failed to satisfy constraint"), "{refusal}");
}

#[test]
fn an_index_is_as_large_as_its_largest_image_and_keeps_its_images() {
    let mut cloud = with_shop();
    let one = push(&mut cloud, "one", None);
    let index = put(&mut cloud, &index_of(&[&one]), Some("all"));
    let described = cloud.call("DescribeImages", ids(json!([{ "imageTag": "all" }])));
    assert_eq!(described["imageDetails"][0]["imageSizeInBytes"], 200);
    let refused = cloud.call("BatchDeleteImage", ids(json!([{ "imageDigest": one }])));
    assert_eq!(refused["failures"][0]["failureCode"], "ImageReferencedByManifestList");
    assert_eq!(
        refused["failures"][0]["failureReason"],
        format!("Requested image referenced by manifest list: [{index}]")
    );
    cloud.call("BatchDeleteImage", ids(json!([{ "imageDigest": index }, { "imageDigest": one }])));
    assert!(listed(&mut cloud).is_empty());
}

#[test]
fn a_tag_moves_and_what_had_it_stays_without() {
    let mut cloud = with_shop();
    let one = push(&mut cloud, "one", Some("v1"));
    let two = push(&mut cloud, "two", Some("v1"));
    let mut expected = [one.clone(), format!("{two} v1")];
    expected.sort();
    assert_eq!(listed(&mut cloud), expected);
    let input = put_input(&manifest_of(&["config", "two"]), Some("v1"));
    assert_eq!(
        cloud.refusal("PutImage", input),
        format!(
            "ImageAlreadyExistsException: Image with digest '{two}' and tag 'v1' already exists in the repository with \
             name 'shop' in registry with id '123456789012'"
        )
    );
    let untagged =
        cloud.call("ListImages", json!({ "repositoryName": "shop", "filter": { "tagStatus": "UNTAGGED" } }));
    assert_eq!(untagged["imageIds"], json!([{ "imageDigest": one }]));
}

#[test]
fn each_of_the_four_mutabilities_says_which_tags_may_move() {
    for (mutability, filter, moves, stays) in [
        ("MUTABLE", None, vec!["v1", "dev-1"], vec![]),
        ("IMMUTABLE", None, vec![], vec!["v1", "dev-1"]),
        ("IMMUTABLE_WITH_EXCLUSION", Some("dev-*"), vec!["dev-1"], vec!["v1"]),
        ("MUTABLE_WITH_EXCLUSION", Some("v*"), vec!["dev-1"], vec!["v1"]),
    ] {
        let mut cloud = with_shop();
        let mut input = json!({ "repositoryName": "shop", "imageTagMutability": mutability });
        if let Some(filter) = filter {
            input["imageTagMutabilityExclusionFilters"] =
                json!([{ "filterType": "WILDCARD", "filter": filter }]);
        }
        cloud.call("PutImageTagMutability", input);
        for tag in ["v1", "dev-1"] {
            push(&mut cloud, "one", Some(tag));
        }
        keep(&mut cloud, "shop", "two");
        let again = |tag: &str| put_input(&manifest_of(&["config", "two"]), Some(tag));
        for tag in moves {
            cloud.call("PutImage", again(tag));
        }
        for tag in stays {
            assert_eq!(
                cloud.refusal("PutImage", again(tag)),
                format!(
                    "ImageTagAlreadyExistsException: The image tag '{tag}' already exists in the 'shop' repository and \
                     cannot be overwritten because the tag is immutable."
                ),
                "{mutability}"
            );
        }
    }
}

#[test]
fn deleting_a_tag_leaves_the_others_and_the_last_one_takes_the_image() {
    let mut cloud = with_shop();
    let one = push(&mut cloud, "one", Some("v1"));
    put(&mut cloud, &manifest_of(&["config", "one"]), Some("v2"));
    let reply = cloud.call("BatchDeleteImage", ids(json!([{ "imageTag": "v1" }])));
    assert_eq!(reply["imageIds"], json!([{ "imageDigest": one, "imageTag": "v1" }]));
    assert_eq!(listed(&mut cloud), [format!("{one} v2")]);
    cloud.call("BatchDeleteImage", ids(json!([{ "imageTag": "v2" }])));
    assert!(listed(&mut cloud).is_empty());
}

/// The digests of the blobs that may not be wanted any more.
fn unwanted(cloud: &mut Cloud) -> Vec<String> {
    let effects = cloud.take_effects().into_iter();
    effects
        .filter_map(|effect| match effect {
            Effect::Blob(digest) => Some(digest),
            _ => None,
        })
        .collect()
}

#[test]
fn layers_go_with_the_last_image_that_has_them() {
    let mut cloud = with_shop();
    let one = push(&mut cloud, "one", Some("v1"));
    push(&mut cloud, "two", Some("v2"));
    cloud.call("BatchDeleteImage", ids(json!([{ "imageDigest": one }])));
    assert_eq!(unwanted(&mut cloud), [layer("one")]);
    let digests = json!([layer("one"), layer("two"), layer("config"), "nonsense"]);
    let input = json!({ "repositoryName": "shop", "layerDigests": digests });
    let reply = cloud.call("BatchCheckLayerAvailability", input);
    let found: Vec<String> =
        reply["layers"].as_array().unwrap().iter().map(|it| text(&it["layerAvailability"])).collect();
    assert_eq!(found, ["UNAVAILABLE", "AVAILABLE", "AVAILABLE"]);
    assert_eq!(reply["failures"][0]["failureCode"], "InvalidLayerDigest");
    let refusal = cloud.refusal("DeleteRepository", json!({ "repositoryName": "shop" }));
    assert_eq!(
        refusal,
        "RepositoryNotEmptyException: The repository with name 'shop' in registry with id '123456789012' cannot be \
         deleted because it still contains images"
    );
    cloud.call("DeleteRepository", json!({ "repositoryName": "shop", "force": true }));
    let mut gone = unwanted(&mut cloud);
    gone.sort();
    let mut expected = [layer("two"), layer("config")];
    expected.sort();
    assert_eq!(gone, expected);
    assert!(cloud.engine.state().images.is_empty() && cloud.engine.state().layers.is_empty());
}

#[test]
fn images_come_page_by_page() {
    let mut cloud = with_shop();
    for name in ["one", "two", "three"] {
        push(&mut cloud, name, Some(name));
    }
    for (operation, member) in [("DescribeImages", "imageDetails"), ("ListImages", "imageIds")] {
        let mut input = json!({ "repositoryName": "shop", "maxResults": 2 });
        let first = cloud.call(operation, input.clone());
        input["nextToken"] = first["nextToken"].clone();
        let rest = cloud.call(operation, input);
        let count = |page: &Value| page[member].as_array().unwrap().len();
        assert_eq!((count(&first), count(&rest), &rest["nextToken"]), (2, 1, &Value::Null), "{operation}");
    }
    let alien = json!({ "repositoryName": "shop", "nextToken": "00" });
    assert!(cloud.refusal("ListImages", alien).starts_with("InvalidParameterException: "));
}

#[test]
fn a_scan_says_that_nothing_was_scanned() {
    let mut cloud = with_shop();
    let one = push(&mut cloud, "one", Some("v1"));
    let id = json!({ "repositoryName": "shop", "imageId": { "imageTag": "v1" } });
    assert!(cloud.refusal("DescribeImageScanFindings", id.clone()).starts_with("ScanNotFoundException: "));
    assert_eq!(cloud.call("StartImageScan", id.clone())["imageScanStatus"]["status"], "IN_PROGRESS");
    let found = cloud.call("DescribeImageScanFindings", id);
    assert_eq!(found["imageId"], json!({ "imageDigest": one, "imageTag": "v1" }));
    assert_eq!(found["imageScanStatus"]["status"], "COMPLETE");
    assert!(text(&found["imageScanStatus"]["description"]).contains("no scanner"));
    assert_eq!(found["imageScanFindings"]["findings"], json!([]));
}

#[test]
fn a_repository_that_scans_on_push_says_so_of_each_image() {
    let mut cloud = with_shop();
    let scanning = json!({ "repositoryName": "shop", "imageScanningConfiguration": { "scanOnPush": true } });
    cloud.call("PutImageScanningConfiguration", scanning);
    push(&mut cloud, "one", Some("v1"));
    let described = cloud.call("DescribeImages", json!({ "repositoryName": "shop" }));
    let status = &described["imageDetails"][0]["imageScanStatus"];
    assert_eq!(status["status"], "COMPLETE");
    assert!(text(&status["description"]).contains("no scanner"));
}

#[test]
fn the_layers_of_a_push_that_nobody_ended_go_after_a_day() {
    let mut cloud = with_shop();
    push(&mut cloud, "one", Some("v1"));
    keep(&mut cloud, "shop", "two");
    cloud.live(Duration::from_hours(23));
    assert!(unwanted(&mut cloud).is_empty());
    cloud.restart();
    cloud.live(Duration::from_hours(2));
    assert_eq!(unwanted(&mut cloud), [layer("two")]);
    assert_eq!(cloud.engine.state().layers.len(), 2);
}
