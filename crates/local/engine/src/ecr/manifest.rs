//! Manifests: of Docker (schema 2) and of OCI, of one image or of several. Start at [`Manifest::parse`].

use std::{collections::BTreeMap, fmt::Write};

use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest, Sha256};

/// Of one image, as Docker writes it.
pub const DOCKER_IMAGE: &str = "application/vnd.docker.distribution.manifest.v2+json";
/// Of several, as Docker writes it.
pub const DOCKER_LIST: &str = "application/vnd.docker.distribution.manifest.list.v2+json";
/// Of one image or artifact, as OCI writes it.
pub const OCI_IMAGE: &str = "application/vnd.oci.image.manifest.v1+json";
/// Of several, as OCI writes it.
pub const OCI_INDEX: &str = "application/vnd.oci.image.index.v1+json";

/// The most bytes of a manifest, which is kept in memory: what registries commonly take.
pub const MOST_BYTES: usize = 4 << 20;

/// What a manifest says, as far as a registry wants to know it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    /// One of the four.
    pub media_type: String,
    /// What kind of thing it is of; of an image, its configuration's media type.
    pub artifact_type: Option<String>,
    /// Its configuration and layers. Those that are to be fetched elsewhere are left out.
    pub blobs: Vec<Blob>,
    /// The digests of the images that an index lists.
    pub manifests: Vec<String>,
    /// The digest of what it is about, such as what a signature signs.
    pub subject: Option<String>,
    /// What somebody wrote about it.
    pub annotations: BTreeMap<String, String>,
}

/// A blob that a manifest names.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Blob {
    /// `sha256:…`
    pub digest: String,
    /// How many bytes it has.
    pub size: i64,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Document {
    schema_version: Option<i64>,
    media_type: Option<String>,
    artifact_type: Option<String>,
    config: Option<Descriptor>,
    layers: Option<Vec<Descriptor>>,
    manifests: Option<Vec<Descriptor>>,
    subject: Option<Descriptor>,
    annotations: Option<BTreeMap<String, String>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Descriptor {
    media_type: Option<String>,
    digest: String,
    size: i64,
    #[serde(default)]
    urls: Vec<String>,
}

impl Manifest {
    /// What a manifest says, or what is wrong with it. `given` is the media type that it came with.
    pub fn parse(text: &str, given: Option<&str>) -> Result<Self, String> {
        if text.len() > MOST_BYTES {
            return Err(format!("Manifest is larger than {MOST_BYTES} bytes"));
        }
        let value: Value = serde_json::from_str(text).map_err(|_| "Invalid JSON syntax".to_owned())?;
        let document: Document = serde_json::from_value(value).map_err(|error| error.to_string())?;
        if document.schema_version != Some(2) {
            return Err("Unsupported schemaVersion; only 2 is supported".to_owned());
        }
        let media_type = media_type(&document, given)?;
        let is_index = [DOCKER_LIST, OCI_INDEX].contains(&media_type.as_str());
        let missing = |member| Err(format!("A manifest of type {media_type} needs {member}"));
        let (config, layers, listed) = match (is_index, document.config, document.manifests) {
            (true, _, None) => return missing("manifests"),
            (false, None, _) => return missing("config"),
            (true, _, Some(manifests)) => (None, Vec::new(), manifests),
            (false, Some(config), _) => (Some(config), document.layers.unwrap_or_default(), Vec::new()),
        };
        let subject = document.subject;
        for descriptor in config.iter().chain(&layers).chain(&listed).chain(&subject) {
            if !is_digest(&descriptor.digest) || descriptor.size < 0 {
                return Err(format!(
                    "{} of {} bytes cannot be: digests are sha256: and 64 hexadecimal digits",
                    descriptor.digest, descriptor.size
                ));
            }
        }
        let artifact_type =
            document.artifact_type.or_else(|| config.as_ref().and_then(|it| it.media_type.clone()));
        let blobs = config.into_iter().chain(layers).filter(|blob| blob.urls.is_empty());
        Ok(Self {
            media_type,
            artifact_type,
            blobs: blobs.map(|it| Blob { digest: it.digest, size: it.size }).collect(),
            manifests: listed.into_iter().map(|it| it.digest).collect(),
            subject: subject.map(|it| it.digest),
            annotations: document.annotations.unwrap_or_default(),
        })
    }

    /// Whether it lists images instead of being one.
    pub fn is_index(&self) -> bool {
        [DOCKER_LIST, OCI_INDEX].contains(&self.media_type.as_str())
    }
}

/// That which the manifest was given, which it says itself, or which its members tell.
fn media_type(document: &Document, given: Option<&str>) -> Result<String, String> {
    let known = [DOCKER_IMAGE, DOCKER_LIST, OCI_IMAGE, OCI_INDEX];
    let says = document.media_type.as_deref();
    if let (Some(given), Some(says)) = (given, says)
        && given != says
    {
        return Err(format!("The manifest says that it is {says} but was given as {given}"));
    }
    let inferred = if document.manifests.is_some() { OCI_INDEX } else { OCI_IMAGE };
    let found = given.or(says).unwrap_or(inferred);
    if known.contains(&found) {
        Ok(found.to_owned())
    } else {
        Err(format!("Unsupported manifest media type {found}"))
    }
}

/// The digest of these bytes.
pub fn digest_of(bytes: &[u8]) -> String {
    digest_text(Sha256::digest(bytes).as_slice())
}

/// A hash as digests are written.
pub fn digest_text(hash: &[u8]) -> String {
    let mut text = "sha256:".to_owned();
    for byte in hash {
        // Writing to a string cannot fail.
        let _ = write!(text, "{byte:02x}");
    }
    text
}

/// Whether a text is a digest of the only kind that is used: SHA-256, in lower-case digits.
pub fn is_digest(text: &str) -> bool {
    text.strip_prefix("sha256:").is_some_and(|hash| {
        hash.len() == 64 && hash.bytes().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte))
    })
}

/// Whether a text may be an image's tag.
pub fn is_tag(text: &str) -> bool {
    let is_word = |c: char| c.is_ascii_alphanumeric() || c == '_';
    text.len() <= 128 && text.starts_with(is_word) && text.chars().all(|c| is_word(c) || c == '.' || c == '-')
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn descriptor(byte: u8) -> Value {
        json!({ "mediaType": "application/x", "digest": digest_of(&[byte]), "size": 1 })
    }

    #[test]
    fn a_manifest_tells_its_blobs_but_for_those_that_are_elsewhere() {
        let mut elsewhere = descriptor(3);
        elsewhere["urls"] = json!(["https://elsewhere.example/layer"]);
        let text = json!({
            "schemaVersion": 2, "config": descriptor(1), "layers": [descriptor(2), elsewhere], "subject": descriptor(4),
        })
        .to_string();
        let manifest = Manifest::parse(&text, None).unwrap();
        assert_eq!(manifest.media_type, OCI_IMAGE);
        assert_eq!(manifest.artifact_type.as_deref(), Some("application/x"));
        let blobs: Vec<_> = manifest.blobs.iter().map(|blob| blob.digest.clone()).collect();
        assert_eq!(blobs, [digest_of(&[1]), digest_of(&[2])]);
        assert_eq!(manifest.subject, Some(digest_of(&[4])));
    }

    #[test]
    fn what_is_no_manifest_is_refused_with_the_reason() {
        let index = json!({ "schemaVersion": 2, "mediaType": OCI_INDEX }).to_string();
        let bad_digest = json!({
            "schemaVersion": 2, "config": { "digest": "sha256:12", "size": 1 },
        });
        for (text, given, why) in [
            ("{", None, "Invalid JSON"),
            (r#"{"schemaVersion":1}"#, None, "schemaVersion"),
            (r#"{"schemaVersion":2}"#, None, "needs config"),
            (index.as_str(), None, "needs manifests"),
            (index.as_str(), Some(OCI_IMAGE), "was given as"),
            (r#"{"schemaVersion":2}"#, Some("text/plain"), "Unsupported manifest media type"),
            (&bad_digest.to_string(), None, "cannot be"),
        ] {
            let refused = Manifest::parse(text, given).unwrap_err();
            assert!(refused.contains(why), "{why}: {refused}");
        }
    }

    #[test]
    fn digests_and_tags_have_one_form() {
        assert!(is_digest(&digest_of(b"x")));
        for other in ["", "sha256:", "sha512:00", &digest_of(b"x").to_uppercase(), "sha256:zz"] {
            assert!(!is_digest(other), "{other}");
        }
        for (tag, is) in
            [("v1", true), ("_a.b-c", true), (".a", false), ("-a", false), ("", false), ("a/b", false)]
        {
            assert_eq!(is_tag(tag), is, "{tag}");
        }
        assert!(!is_tag(&"a".repeat(129)));
    }
}
