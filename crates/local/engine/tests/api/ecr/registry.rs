//! The registry as a whole, and where layers come from.

use serde_json::json;
use tidegate_engine::ecr::{KEEP_LAYER, KeepLayer, Source, token::Token};

use super::{arn, keep, layer, with_shop};
use crate::cloud::text;

#[test]
fn a_token_is_for_the_registry_and_lasts_twelve_hours() {
    let mut cloud = with_shop();
    let reply = cloud.call("GetAuthorizationToken", json!({}));
    let data = &reply["authorizationData"][0];
    assert_eq!(data["proxyEndpoint"], "http://127.0.0.1:4566");
    let token = Token::of_authorization(&text(&data["authorizationToken"])).unwrap();
    assert_eq!((token.scope.account.as_str(), token.scope.region.as_str()), ("123456789012", "eu-west-1"));
    assert_eq!(token.expires - cloud.now().as_millis(), 12 * 60 * 60 * 1000);
    let other = cloud.call("GetAuthorizationToken", json!({ "registryIds": ["210987654321"] }));
    let token = Token::of_authorization(&text(&other["authorizationData"][0]["authorizationToken"])).unwrap();
    assert_eq!(token.scope.account, "210987654321");
}

#[test]
fn a_layer_is_downloaded_from_the_registry() {
    let mut cloud = with_shop();
    let asked = |name: &str| json!({ "repositoryName": "shop", "layerDigest": layer(name) });
    assert!(cloud.refusal("GetDownloadUrlForLayer", asked("one")).starts_with("LayersNotFoundException: "));
    keep(&mut cloud, "shop", "one");
    let url = text(&cloud.call("GetDownloadUrlForLayer", asked("one"))["downloadUrl"]);
    let expected = format!("http://127.0.0.1:4566/v2/shop/blobs/{}?token=", layer("one"));
    assert!(url.starts_with(&expected), "{url}");
}

#[test]
fn a_layer_is_taken_from_another_repository_only_if_that_has_it() {
    let mut cloud = with_shop();
    cloud.call("CreateRepository", json!({ "repositoryName": "other" }));
    let mount = |name: &str| {
        let from = Source::Repository(arn("shop"));
        let input = KeepLayer { repository_arn: arn("other"), digest: layer(name), from };
        serde_json::to_value(input).unwrap()
    };
    assert!(cloud.refusal(KEEP_LAYER, mount("one")).starts_with("LayersNotFoundException: "));
    keep(&mut cloud, "shop", "one");
    cloud.call(KEEP_LAYER, mount("one"));
    let input = json!({ "repositoryName": "other", "layerDigests": [layer("one")] });
    assert_eq!(cloud.call("BatchCheckLayerAvailability", input)["layers"][0]["layerSize"], 100);
}

#[test]
fn the_registry_describes_itself() {
    let mut cloud = with_shop();
    let described = cloud.call("DescribeRegistry", json!({}));
    assert_eq!(described["registryId"], "123456789012");
    assert_eq!(described["replicationConfiguration"]["rules"], json!([]));
    let scanning = cloud.call("GetRegistryScanningConfiguration", json!({}));
    assert_eq!(scanning["scanningConfiguration"]["scanType"], "BASIC");
}
