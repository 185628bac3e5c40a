//! The registry over HTTP: what clients of the distribution specification send, and what ECR answers.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "helpers of tests")]
#![allow(clippy::needless_pass_by_value, reason = "inputs are written where they are used")]

#[path = "registry/client.rs"]
mod client;

use std::path::Path;

use serde_json::{Value, json};
use tidegate_engine::ecr::manifest::{self, digest_of};
use tidegate_local::{LocalCloud, Options, snapshot};

use client::{Answer, Client};

async fn with_shop() -> (LocalCloud, Client) {
    with_shop_in(Options::default()).await
}

async fn with_shop_in(options: Options) -> (LocalCloud, Client) {
    let cloud = LocalCloud::start(options).await.unwrap();
    let client = Client::of(&cloud).await;
    client.call("CreateRepository", json!({ "repositoryName": "shop" })).await;
    (cloud, client)
}

fn in_folder(folder: &Path) -> Options {
    Options { data_dir: Some(folder.to_owned()), ..Options::default() }
}

/// The manifest of an image of one layer.
fn image(config: &[u8], layer: &[u8]) -> String {
    let descriptor = |bytes: &[u8]| json!({ "mediaType": "application/x", "digest": digest_of(bytes), "size": bytes.len() });
    json!({
        "schemaVersion": 2, "mediaType": manifest::OCI_IMAGE, "config": descriptor(config), "layers": [descriptor(layer)],
    })
    .to_string()
}

/// Pushes an image of one layer; its digest.
async fn push(client: &Client, repository: &str, layer: &[u8], tag: &str) -> String {
    for bytes in [b"{}".as_slice(), layer] {
        assert_eq!(client.upload(repository, bytes).await.status, 201);
    }
    let pushed = client.put_manifest(repository, tag, &image(b"{}", layer)).await;
    assert_eq!(pushed.status, 201, "{}", pushed.text());
    pushed.header("docker-content-digest").unwrap()
}

fn code(answer: &Answer) -> String {
    answer.json()["errors"][0]["code"].as_str().unwrap_or_default().to_owned()
}

/// How many files a folder holds, at whatever depth.
fn files(folder: &Path) -> usize {
    std::fs::read_dir(folder).map_or(0, |entries| {
        entries.flatten().map(|entry| if entry.path().is_dir() { files(&entry.path()) } else { 1 }).sum()
    })
}

#[tokio::test]
async fn who_has_no_token_is_told_how_to_get_one() {
    let (_cloud, client) = with_shop().await;
    let refused = client.anonymous("GET", "/v2/").await;
    assert_eq!(refused.status, 401);
    let challenge = refused.header("www-authenticate").unwrap();
    assert!(challenge.starts_with("Basic realm=\"http://127.0.0.1:"), "{challenge}");
    assert_eq!(code(&refused), "UNAUTHORIZED");
    let greeted = client.get("/v2/").await;
    assert_eq!(
        (greeted.status, greeted.header("docker-distribution-api-version").as_deref()),
        (200, Some("registry/2.0"))
    );
}

#[tokio::test]
async fn an_image_is_pushed_and_pulled_byte_for_byte() {
    let (_cloud, client) = with_shop().await;
    let digest = push(&client, "shop", b"layer", "v1").await;
    let text = image(b"{}", b"layer");
    assert_eq!(digest, digest_of(text.as_bytes()));
    for reference in ["v1", digest.as_str()] {
        let path = format!("/v2/shop/manifests/{reference}");
        let pulled = client.get(&path).await;
        assert_eq!((pulled.status, pulled.text()), (200, text.clone()));
        assert_eq!(pulled.header("content-type").as_deref(), Some(manifest::OCI_IMAGE));
        assert_eq!(pulled.header("docker-content-digest").as_deref(), Some(digest.as_str()));
        let head = client.send("HEAD", &path, &[], b"").await;
        assert_eq!(
            (head.status, head.header("content-length"), head.body.len()),
            (200, Some(text.len().to_string()), 0)
        );
    }
    let blob = client.get(&format!("/v2/shop/blobs/{}", digest_of(b"layer"))).await;
    assert_eq!((blob.status, blob.body.as_slice()), (200, b"layer".as_slice()));
    let described = client.call("DescribeImages", json!({ "repositoryName": "shop" })).await;
    assert_eq!(described["imageDetails"][0]["imageTags"], json!(["v1"]));
    // Pushed again, it is there.
    assert_eq!(push(&client, "shop", b"layer", "v1").await, digest);
}

#[tokio::test]
async fn a_blob_comes_in_pieces_and_goes_on_where_it_was() {
    let (_cloud, client) = with_shop().await;
    let upload = client.begin("shop").await;
    let piece = |range: &'static str| vec![("Content-Range", range.to_owned())];
    let sent = client.send("PATCH", &upload, &piece("0-3"), b"0123").await;
    assert_eq!((sent.status, sent.header("range").as_deref()), (202, Some("0-3")));
    let too_far = client.send("PATCH", &upload, &piece("6-9"), b"6789").await;
    assert_eq!((too_far.status, too_far.header("range").as_deref()), (416, Some("0-3")));
    let status = client.get(&upload).await;
    assert_eq!((status.status, status.header("range").as_deref()), (204, Some("0-3")));
    client.send("PATCH", &upload, &piece("4-7"), b"4567").await;
    let digest = digest_of(b"0123456789");
    let ended = client.send("PUT", &format!("{upload}?digest={digest}"), &piece("8-9"), b"89").await;
    assert_eq!(ended.status, 201, "{}", ended.text());
    assert_eq!(ended.header("location").as_deref(), Some(format!("/v2/shop/blobs/{digest}").as_str()));
    assert_eq!(client.get(&upload).await.status, 404);
    assert_eq!(client.get(&format!("/v2/shop/blobs/{digest}")).await.body, b"0123456789");
}

#[tokio::test]
async fn an_upload_outlives_the_cloud_and_a_request_that_breaks_off() {
    let folder = tempfile::tempdir().unwrap();
    let (cloud, client) = with_shop_in(in_folder(folder.path())).await;
    let upload = client.begin("shop").await;
    client.break_off(&upload, b"01234", 100).await;
    client.until_range(&upload, "0-4").await;
    cloud.shutdown().await;
    let cloud = LocalCloud::start(in_folder(folder.path())).await.unwrap();
    let client = Client::of(&cloud).await;
    let digest = digest_of(b"0123456789");
    let ended = client.send("PUT", &format!("{upload}?digest={digest}"), &[], b"56789").await;
    assert_eq!(ended.status, 201, "{}", ended.text());
    cloud.shutdown().await;
}

#[tokio::test]
async fn what_has_another_digest_is_refused_and_leaves_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let (cloud, client) = with_shop_in(in_folder(folder.path())).await;
    let upload = client.begin("shop").await;
    let other = digest_of(b"other");
    let refused = client.send("PUT", &format!("{upload}?digest={other}"), &[], b"this").await;
    assert_eq!((refused.status, code(&refused).as_str()), (400, "DIGEST_INVALID"));
    let in_one = client.send("POST", &format!("/v2/shop/blobs/uploads/?digest={other}"), &[], b"this").await;
    assert_eq!((in_one.status, code(&in_one).as_str()), (400, "DIGEST_INVALID"));
    let no_digest =
        client.send("PUT", &format!("{}?digest=md5:1", client.begin("shop").await), &[], b"").await;
    assert_eq!((no_digest.status, code(&no_digest).as_str()), (400, "DIGEST_INVALID"));
    assert_eq!(client.get(&format!("/v2/shop/blobs/{other}")).await.status, 404);
    assert_eq!(files(&folder.path().join("registry/blobs")), 0);
    let by_other = client.put_manifest("shop", &other, &image(b"{}", b"layer")).await;
    assert_eq!(by_other.status, 400);
    cloud.shutdown().await;
}

#[tokio::test]
async fn an_upload_is_cancelled_and_belongs_to_its_repository() {
    let (_cloud, client) = with_shop().await;
    client.call("CreateRepository", json!({ "repositoryName": "other" })).await;
    let upload = client.begin("shop").await;
    let elsewhere = upload.replace("/shop/", "/other/");
    assert_eq!(client.get(&elsewhere).await.status, 404);
    assert_eq!(client.send("DELETE", &upload, &[], b"").await.status, 204);
    let gone = client.get(&upload).await;
    assert_eq!((gone.status, code(&gone).as_str()), (404, "BLOB_UPLOAD_UNKNOWN"));
    let outside = client.get("/v2/shop/blobs/uploads/..%2f..%2fstate.db").await;
    assert_eq!(outside.status, 404);
}

#[tokio::test]
async fn a_part_of_a_blob_is_pulled_by_range() {
    let (_cloud, client) = with_shop().await;
    push(&client, "shop", b"0123456789", "v1").await;
    let path = format!("/v2/shop/blobs/{}", digest_of(b"0123456789"));
    let ranged = async |range: &str| client.send("GET", &path, &[("Range", range.to_owned())], b"").await;
    let part = ranged("bytes=2-5").await;
    assert_eq!(
        (part.status, part.body.as_slice(), part.header("content-range").as_deref()),
        (206, b"2345".as_slice(), Some("bytes 2-5/10"))
    );
    assert_eq!(ranged("bytes=-3").await.body, b"789");
    assert_eq!(ranged("bytes=4-").await.body, b"456789");
    let beyond = ranged("bytes=10-").await;
    assert_eq!((beyond.status, beyond.header("content-range").as_deref()), (416, Some("bytes */10")));
}

#[tokio::test]
async fn a_layer_is_mounted_from_another_repository() {
    let (_cloud, client) = with_shop().await;
    client.call("CreateRepository", json!({ "repositoryName": "team/other" })).await;
    push(&client, "shop", b"layer", "v1").await;
    let digest = digest_of(b"layer");
    let mount = |digest: &str| format!("/v2/team/other/blobs/uploads/?mount={digest}&from=shop");
    let mounted = client.send("POST", &mount(&digest), &[], b"").await;
    assert_eq!(mounted.status, 201);
    let missing = client.send("POST", &mount(&digest_of(b"nothing")), &[], b"").await;
    assert_eq!(missing.status, 202);
    // What the one repository gives up, the other keeps.
    client.call("DeleteRepository", json!({ "repositoryName": "shop", "force": true })).await;
    assert_eq!(client.get(&format!("/v2/team/other/blobs/{digest}")).await.body, b"layer");
}

#[tokio::test]
async fn refusals_are_in_the_words_of_ecr() {
    let (_cloud, client) = with_shop().await;
    let nowhere = client.send("POST", "/v2/nowhere/blobs/uploads/", &[], b"").await;
    assert_eq!(nowhere.status, 404);
    assert_eq!(
        nowhere.json()["errors"][0],
        json!({
            "code": "NAME_UNKNOWN",
            "message": "The repository with name 'nowhere' does not exist in the registry with id '000000000000'",
        })
    );
    let input = json!({ "repositoryName": "shop", "imageTagMutability": "IMMUTABLE" });
    client.call("PutImageTagMutability", input).await;
    push(&client, "shop", b"one", "v1").await;
    client.upload("shop", b"two").await;
    let moved = client.put_manifest("shop", "v1", &image(b"{}", b"two")).await;
    assert_eq!(moved.status, 400);
    assert_eq!(
        moved.json()["errors"][0],
        json!({
            "code": "TAG_INVALID",
            "message": "The image tag 'v1' already exists in the 'shop' repository and cannot be overwritten because the \
                        tag is immutable.",
        })
    );
    let without_layer = client.put_manifest("shop", "v2", &image(b"{}", b"three")).await;
    assert_eq!((without_layer.status, code(&without_layer).as_str()), (404, "MANIFEST_BLOB_UNKNOWN"));
    let no_manifest = client.put_manifest("shop", "v2", "hello").await;
    assert_eq!((no_manifest.status, code(&no_manifest).as_str()), (400, "MANIFEST_INVALID"));
    let missing = client.get("/v2/shop/manifests/v9").await;
    assert_eq!(missing.status, 404);
    assert_eq!(
        missing.json()["errors"][0],
        json!({ "code": "MANIFEST_UNKNOWN", "message": "Requested image not found" })
    );
    let no_method = client.send("DELETE", &format!("/v2/shop/blobs/{}", digest_of(b"one")), &[], b"").await;
    assert_eq!((no_method.status, code(&no_method).as_str()), (405, "UNSUPPORTED"));
    let large = client.put_manifest("shop", "v3", &" ".repeat(manifest::MOST_BYTES + 1)).await;
    assert_eq!(large.status, 413);
}

#[tokio::test]
async fn tags_come_in_order_and_page_by_page() {
    let (_cloud, client) = with_shop().await;
    for tag in ["b", "a", "c"] {
        push(&client, "shop", tag.as_bytes(), tag).await;
    }
    let all = client.get("/v2/shop/tags/list").await;
    assert_eq!(all.json(), json!({ "name": "shop", "tags": ["a", "b", "c"] }));
    let first = client.get("/v2/shop/tags/list?n=2").await;
    assert_eq!(first.json()["tags"], json!(["a", "b"]));
    assert_eq!(first.header("link").as_deref(), Some("</v2/shop/tags/list?n=2&last=b>; rel=\"next\""));
    let rest = client.get("/v2/shop/tags/list?n=2&last=b").await;
    assert_eq!((rest.json()["tags"].clone(), rest.header("link")), (json!(["c"]), None));
}

#[tokio::test]
async fn what_is_about_an_image_is_found_by_it() {
    let (_cloud, client) = with_shop().await;
    let digest = push(&client, "shop", b"layer", "v1").await;
    client.upload("shop", b"signature").await;
    let mut about: Value = serde_json::from_str(&image(b"{}", b"signature")).unwrap();
    about["artifactType"] = "application/x.signature".into();
    about["subject"] = json!({ "mediaType": manifest::OCI_IMAGE, "digest": digest, "size": 1 });
    about["annotations"] = json!({ "by": "me" });
    let text = about.to_string();
    let own = digest_of(text.as_bytes());
    let pushed = client.put_manifest("shop", &own, &text).await;
    assert_eq!(pushed.header("oci-subject").as_deref(), Some(digest.as_str()));
    let path = format!("/v2/shop/referrers/{digest}");
    let found = client.get(&path).await;
    assert_eq!(found.header("content-type").as_deref(), Some(manifest::OCI_INDEX));
    assert_eq!(
        found.json()["manifests"],
        json!([{
            "mediaType": manifest::OCI_IMAGE, "digest": own, "size": text.len(),
            "artifactType": "application/x.signature", "annotations": { "by": "me" },
        }])
    );
    let others = client.get(&format!("{path}?artifactType=application%2Fx.sbom")).await;
    assert_eq!(others.json()["manifests"], json!([]));
    assert_eq!(others.header("oci-filters-applied").as_deref(), Some("artifactType"));
}

#[tokio::test]
async fn what_nobody_wants_any_more_is_off_the_disk() {
    let folder = tempfile::tempdir().unwrap();
    let (cloud, client) = with_shop_in(in_folder(folder.path())).await;
    let blobs = folder.path().join("registry/blobs");
    let one = push(&client, "shop", b"one", "v1").await;
    push(&client, "shop", b"two", "v2").await;
    assert_eq!(files(&blobs), 3);
    let deleted = client.send("DELETE", &format!("/v2/shop/manifests/{one}"), &[], b"").await;
    assert_eq!(deleted.status, 202);
    assert_eq!(files(&blobs), 2);
    cloud.shutdown().await;
    // A push that the cloud was killed in, after the file was there and before the engine knew of it.
    let hash = digest_of(b"x").replace("sha256:", "");
    let shelf = blobs.join(&hash[..2]);
    std::fs::create_dir_all(&shelf).unwrap();
    std::fs::write(shelf.join(hash), b"x").unwrap();
    let cloud = LocalCloud::start(in_folder(folder.path())).await.unwrap();
    assert_eq!(files(&blobs), 2, "what nobody knows of was left");
    let client = Client::of(&cloud).await;
    assert_eq!(client.get(&format!("/v2/shop/blobs/{}", digest_of(b"two"))).await.body, b"two");
    client.post("/_tidegate/reset").await;
    assert_eq!(files(&blobs), 0);
    cloud.shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn many_push_the_same_layer_at_once_while_others_delete_it() {
    let (_cloud, client) = with_shop().await;
    let names: Vec<String> = (0..6).map(|n| format!("team/{n}")).collect();
    for name in &names {
        client.call("CreateRepository", json!({ "repositoryName": name })).await;
    }
    let layer = vec![7_u8; 300_000];
    for _round in 0..3 {
        let pushing = names.iter().cloned().map(|name| {
            let (client, layer) = (client.clone(), layer.clone());
            tokio::spawn(async move { push(&client, &name, &layer, "v1").await })
        });
        let pushing: Vec<_> = pushing.collect();
        for pushed in pushing {
            pushed.await.unwrap();
        }
        // Half of them give it up, at once; the others have it still.
        let deleting = names[..3].iter().cloned().map(|name| {
            let client = client.clone();
            tokio::spawn(
                async move { client.send("DELETE", &format!("/v2/{name}/manifests/v1"), &[], b"").await },
            )
        });
        for deleted in deleting.collect::<Vec<_>>() {
            assert_eq!(deleted.await.unwrap().status, 202);
        }
        for name in &names[3..] {
            let pulled = client.get(&format!("/v2/{name}/blobs/{}", digest_of(&layer))).await;
            assert_eq!(pulled.body, layer);
        }
    }
}

#[tokio::test]
async fn a_layer_comes_by_the_calls_of_ecr_and_is_downloaded_by_its_address() {
    let (_cloud, client) = with_shop().await;
    let begun = client.call("InitiateLayerUpload", json!({ "repositoryName": "shop" })).await;
    let id = begun["uploadId"].clone();
    let digest = digest_of(b"hello");
    let complete = json!({ "repositoryName": "shop", "uploadId": id, "layerDigests": [digest] });
    assert_eq!(client.refusal("CompleteLayerUpload", complete.clone()).await, "EmptyUploadException");
    let part = |first: u32, last: u32, blob: &str| {
        json!({
            "repositoryName": "shop", "uploadId": id, "partFirstByte": first, "partLastByte": last, "layerPartBlob": blob,
        })
    };
    let received = client.call("UploadLayerPart", part(0, 1, "aGU=")).await;
    assert_eq!(received["lastByteReceived"], 1);
    assert_eq!(client.refusal("UploadLayerPart", part(3, 4, "bG8=")).await, "InvalidLayerPartException");
    assert_eq!(client.refusal("UploadLayerPart", part(2, 9, "bGxv")).await, "InvalidLayerPartException");
    client.call("UploadLayerPart", part(2, 4, "bGxv")).await;
    assert_eq!(client.call("CompleteLayerUpload", complete.clone()).await["layerDigest"], digest);
    assert_eq!(client.refusal("CompleteLayerUpload", complete).await, "UploadNotFoundException");
    let asked = json!({ "repositoryName": "shop", "layerDigest": digest });
    let url = client.call("GetDownloadUrlForLayer", asked).await["downloadUrl"].as_str().unwrap().to_owned();
    let path = &url[url.find("/v2/").unwrap()..];
    let downloaded = client.anonymous("GET", path).await;
    assert_eq!((downloaded.status, downloaded.body.as_slice()), (200, b"hello".as_slice()));
}

#[tokio::test]
async fn a_part_of_a_layer_may_have_twenty_mebibytes() {
    let (_cloud, client) = with_shop().await;
    let begun = client.call("InitiateLayerUpload", json!({ "repositoryName": "shop" })).await;
    let part = |bytes: usize| {
        // Zeros, in base64.
        json!({
            "repositoryName": "shop", "uploadId": begun["uploadId"], "partFirstByte": 0, "partLastByte": bytes - 1,
            "layerPartBlob": "A".repeat(bytes / 3 * 4),
        })
    };
    let most = (20 << 20) / 3 * 3;
    assert_eq!(client.refusal("UploadLayerPart", part(most + 3)).await, "InvalidParameterException");
    assert_eq!(client.call("UploadLayerPart", part(most)).await["lastByteReceived"], most - 1);
}

#[tokio::test]
async fn a_snapshot_holds_the_images() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("images.snapshot");
    let (cloud, client) = with_shop().await;
    push(&client, "shop", b"layer", "v1").await;
    cloud.save_snapshot(&file).await.unwrap();
    cloud.shutdown().await;
    let copy = folder.path().join("copy");
    let options = Options { snapshot: Some(file.clone()), ..in_folder(&copy) };
    let cloud = LocalCloud::start(options).await.unwrap();
    let client = Client::of(&cloud).await;
    assert_eq!(client.get("/v2/shop/manifests/v1").await.text(), image(b"{}", b"layer"));
    assert_eq!(client.get(&format!("/v2/shop/blobs/{}", digest_of(b"layer"))).await.body, b"layer");
    cloud.shutdown().await;
    snapshot::remove_state(&copy).unwrap();
    assert_eq!(files(&copy.join("registry")), 0);
}

#[tokio::test]
async fn a_snapshot_whose_layers_are_not_what_they_are_called_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let (whole, file) = (folder.path().join("whole"), folder.path().join("changed"));
    let (cloud, _client) = with_shop().await;
    cloud.save_snapshot(&whole).await.unwrap();
    cloud.shutdown().await;
    let hash = digest_of(b"this")["sha256:".len()..].to_owned();
    let place = format!("registry/blobs/{}/{hash}", &hash[..2]);
    let file_kind = tar::EntryType::Regular;
    for (name, kind, bytes, is_taken) in [
        (place.as_str(), file_kind, b"this".as_slice(), true),
        (place.as_str(), file_kind, b"that".as_slice(), false),
        (place.as_str(), tar::EntryType::Symlink, b"".as_slice(), false),
        (&format!("registry/blobs/00/{hash}"), file_kind, b"this".as_slice(), false),
        (&format!("registry/blobs/{hash}"), file_kind, b"this".as_slice(), false),
        ("registry/blobs/../../x", file_kind, b"".as_slice(), false),
        ("registry/uploads/x", file_kind, b"".as_slice(), false),
        ("registry", tar::EntryType::Directory, b"".as_slice(), false),
    ] {
        let mut read = tar::Archive::new(std::fs::File::open(&whole).unwrap());
        let mut written = tar::Builder::new(std::fs::File::create(&file).unwrap());
        for entry in read.entries().unwrap() {
            let entry = entry.unwrap();
            let header = entry.header().clone();
            written.append(&header, entry).unwrap();
        }
        let mut header = tar::Header::new_gnu();
        header.set_entry_type(kind);
        header.set_size(bytes.len() as u64);
        if kind == tar::EntryType::Symlink {
            header.set_link_name("/etc/hostname").unwrap();
        }
        // As they stand, which `set_path` would refuse.
        header.as_old_mut().name[..name.len()].copy_from_slice(name.as_bytes());
        header.set_cksum();
        written.append(&header, bytes).unwrap();
        written.finish().unwrap();
        let unpacked = snapshot::unpack(&file, &folder.path().join("state"));
        assert_eq!(unpacked.is_ok(), is_taken, "{name}, {kind:?}: {unpacked:?}");
    }
    assert!(!folder.path().join("x").exists());
}

#[tokio::test]
async fn what_else_is_in_the_registrys_folder_is_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let theirs: Vec<_> = ["registry/mine", "registry/blobs/00/mine", "registry/uploads/mine"]
        .map(|it| folder.path().join(it))
        .into();
    for path in &theirs {
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, "mine").unwrap();
    }
    let (cloud, client) = with_shop_in(in_folder(folder.path())).await;
    push(&client, "shop", b"layer", "v1").await;
    client.begin("shop").await;
    cloud.shutdown().await;
    assert_eq!(files(&folder.path().join("registry")), theirs.len() + 3);
    snapshot::remove_state(folder.path()).unwrap();
    assert!(theirs.iter().all(|path| path.exists()));
    assert_eq!(files(&folder.path().join("registry")), theirs.len());
}

#[tokio::test]
async fn the_address_of_a_repository_is_that_of_the_registry() {
    let (cloud, client) = with_shop().await;
    let described = client.call("DescribeRepositories", json!({})).await;
    let host = cloud.endpoint().replace("http://", "");
    assert_eq!(described["repositories"][0]["repositoryUri"], format!("{host}/shop"));
}
