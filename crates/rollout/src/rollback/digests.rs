//! A revision by the bytes that ran. A tag may have been pushed again since a revision was last steady; going back to the
//! revision would then bring other bytes than those that were steady. It must never pin what already runs by its digest.
//! Start with [`pins`].

use crate::task_definition::images::images;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// What a container ran, as AWS recorded it in the service revision.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RanImage {
    /// The container.
    pub container: String,
    /// The image as the task definition names it.
    pub image: String,
    /// `sha256:…`; absent where AWS did not resolve it.
    pub digest: Option<String>,
}

/// What a tag means now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Now {
    /// This digest, `sha256:…`.
    Digest(String),
    /// The tag, or its repository, is gone.
    Gone,
    /// Nobody can tell: another registry than Amazon ECR, or no permission. Why.
    Unknown(String),
}

/// A container whose image has to be named by its digest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pin {
    /// The container.
    pub container: String,
    /// `repository@sha256:…`.
    pub image: String,
    /// Why the tag does not do, in words.
    pub why: String,
}

/// The containers of the definition whose tag would bring other bytes than those that ran. `now` answers what an image
/// of a tag means now, and is asked only where it matters.
pub fn pins(definition: &Value, ran: &[RanImage], mut now: impl FnMut(&str) -> Now) -> Vec<Pin> {
    let mut pins = Vec::new();
    for (container, image) in images(definition) {
        let recorded = ran.iter().find(|ran| ran.container == container && ran.image == image);
        let Some(digest) = recorded.and_then(|ran| ran.digest.as_deref()) else { continue };
        if image.contains('@') {
            continue;
        }
        let why = match now(&image) {
            Now::Digest(means) if means == digest => continue,
            Now::Digest(means) => format!("{image} means {} now", short(&means)),
            Now::Gone => format!("{image} is gone"),
            Now::Unknown(why) => format!("what {image} means now is not known ({why})"),
        };
        pins.push(Pin { image: format!("{}@{digest}", without_tag(&image)), container, why });
    }
    pins
}

/// Enough of a digest to tell it from another.
fn short(digest: &str) -> &str {
    digest.get(.."sha256:".len() + 12).unwrap_or(digest)
}

/// A colon behind the last slash is a tag's; one before it is a port's.
fn without_tag(image: &str) -> &str {
    let name = image.rfind('/').map_or(0, |at| at + 1);
    image[name..].find(':').map_or(image, |at| &image[..name + at])
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn ran(image: &str, digest: Option<&str>) -> Vec<RanImage> {
        vec![RanImage {
            container: "web".to_owned(),
            image: image.to_owned(),
            digest: digest.map(|digest| format!("sha256:{digest}")),
        }]
    }

    fn definition(image: &str) -> Value {
        json!({"containerDefinitions": [{"name": "web", "image": image}, {"name": "side", "image": "side:1"}]})
    }

    #[test]
    fn a_tag_that_still_means_what_ran_is_left_alone() {
        let means = |_: &str| Now::Digest("sha256:aa".to_owned());
        assert_eq!(pins(&definition("r:5000/web:1"), &ran("r:5000/web:1", Some("aa")), means), []);
    }

    #[test]
    fn a_tag_that_moved_or_is_gone_is_replaced_by_the_digest_that_ran() {
        for (now, why) in [
            (Now::Digest("sha256:0123456789abcdef".to_owned()), "r:5000/web:1 means sha256:0123456789ab now"),
            (Now::Gone, "r:5000/web:1 is gone"),
            (Now::Unknown("no".to_owned()), "what r:5000/web:1 means now is not known (no)"),
        ] {
            let found = pins(&definition("r:5000/web:1"), &ran("r:5000/web:1", Some("aa")), |_| now.clone());
            let pin = Pin { container: "web".into(), image: "r:5000/web@sha256:aa".into(), why: why.into() };
            assert_eq!(found, [pin]);
        }
    }

    #[test]
    fn nobody_is_asked_where_it_does_not_matter() {
        let nobody = |image: &str| panic!("asked about {image}");
        assert_eq!(pins(&definition("web:1"), &ran("web:1", None), nobody), [], "nothing was recorded");
        assert_eq!(pins(&definition("web:1"), &[], nobody), []);
        assert_eq!(pins(&definition("web@sha256:aa"), &ran("web@sha256:aa", Some("aa")), nobody), []);
        assert_eq!(pins(&definition("web:2"), &ran("web:1", Some("aa")), nobody), [], "another image");
    }

    #[test]
    fn a_port_is_no_tag() {
        let named = ["web", "web:1", "r:5000/web", "r:5000/a/web:1"].map(without_tag);
        assert_eq!(named, ["web", "web", "r:5000/web", "r:5000/a/web"]);
    }
}
