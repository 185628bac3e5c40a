//! Which container runs which image. It must never guess a container: a name that does not exist is
//! answered with those that do. Start with [`set_images`].

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// A wish for an image.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum ImageChange {
    /// For the container of this name, sidecars and init containers included.
    Of {
        /// The container.
        container: String,
        /// The image.
        image: String,
    },
    /// For the only container of a task definition that has one.
    OfTheOnlyOne {
        /// The image.
        image: String,
    },
}

/// Why an image cannot be set.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ImageError {
    /// A name that is not there.
    #[error("there is no container `{wanted}` in the task definition; it has: {}", existing.join(", "))]
    NoSuchContainer {
        /// The name asked for.
        wanted: String,
        /// The names that are there.
        existing: Vec<String>,
    },
    /// No name where one is needed.
    #[error("which container is to run {image}? The task definition has: {}. Say it with --image NAME={image}", existing.join(", "))]
    Ambiguous {
        /// The image asked for.
        image: String,
        /// The names that are there.
        existing: Vec<String>,
    },
    /// Not a task definition.
    #[error("the task definition has no containerDefinitions")]
    NoContainers,
}

/// The containers' names, in order.
pub fn containers(document: &Value) -> Vec<String> {
    document
        .get("containerDefinitions")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .filter_map(|container| container.get("name")?.as_str().map(str::to_owned))
        .collect()
}

/// Every container with its image, in order.
pub fn images(document: &Value) -> Vec<(String, String)> {
    document
        .get("containerDefinitions")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .filter_map(|container| {
            let name = container.get("name")?.as_str()?;
            let image = container.get("image")?.as_str()?;
            Some((name.to_owned(), image.to_owned()))
        })
        .collect()
}

/// Sets the images. Nothing is changed if one of the names is not there.
pub fn set_images(document: &mut Value, changes: &[ImageChange]) -> Result<(), ImageError> {
    let existing = containers(document);
    if changes.is_empty() {
        return Ok(());
    }
    if existing.is_empty() {
        return Err(ImageError::NoContainers);
    }
    let mut settled: Vec<(&str, &str)> = Vec::new();
    for change in changes {
        match change {
            ImageChange::Of { container, image } if existing.contains(container) => {
                settled.push((container, image));
            }
            ImageChange::Of { container, .. } => {
                return Err(ImageError::NoSuchContainer { wanted: container.clone(), existing });
            }
            ImageChange::OfTheOnlyOne { image } => match existing.as_slice() {
                [only] => settled.push((only, image)),
                _ => return Err(ImageError::Ambiguous { image: image.clone(), existing }),
            },
        }
    }
    let definitions = document.get_mut("containerDefinitions").and_then(Value::as_array_mut);
    for definition in definitions.into_iter().flatten() {
        let name = definition.get("name").and_then(Value::as_str).unwrap_or_default();
        let image = settled.iter().rev().find(|(container, _)| *container == name).map(|(_, image)| *image);
        if let (Some(image), Some(members)) = (image, definition.as_object_mut()) {
            members.insert("image".into(), Value::String(image.to_owned()));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn two() -> Value {
        json!({"containerDefinitions": [
            {"name": "web", "image": "web:1", "essential": true},
            {"name": "migrate", "image": "migrate:1", "essential": false}]})
    }

    fn of(container: &str, image: &str) -> ImageChange {
        ImageChange::Of { container: container.into(), image: image.into() }
    }

    #[test]
    fn each_named_container_gets_its_image_and_nothing_else_changes() {
        let mut document = two();
        set_images(&mut document, &[of("web", "web:2"), of("migrate", "migrate:2")]).expect("both exist");
        assert_eq!(
            document,
            json!({"containerDefinitions": [
            {"name": "web", "image": "web:2", "essential": true},
            {"name": "migrate", "image": "migrate:2", "essential": false}]})
        );
    }

    #[test]
    fn a_wrong_name_is_answered_with_the_names_there_are_and_changes_nothing() {
        let mut document = two();
        let error =
            set_images(&mut document, &[of("web", "web:2"), of("wbe", "web:2")]).expect_err("no such");
        insta::assert_snapshot!(error, @"there is no container `wbe` in the task definition; it has: web, migrate");
        assert_eq!(document, two());
    }

    #[test]
    fn a_bare_image_needs_a_single_container() {
        let bare = ImageChange::OfTheOnlyOne { image: "web:2".into() };
        let error = set_images(&mut two(), std::slice::from_ref(&bare)).expect_err("two containers");
        insta::assert_snapshot!(error, @"which container is to run web:2? The task definition has: web, migrate. Say it with --image NAME=web:2");
        let mut one = json!({"containerDefinitions": [{"name": "web", "image": "web:1"}]});
        set_images(&mut one, &[bare]).expect("one container");
        assert_eq!(images(&one), [("web".to_owned(), "web:2".to_owned())]);
    }
}
