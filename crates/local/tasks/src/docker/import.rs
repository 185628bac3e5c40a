//! Images made from files, without a registry.

use bollard::{
    body_full,
    errors::Error as DockerError,
    query_parameters::{CreateImageOptionsBuilder, RemoveImageOptions},
};
use bytes::Bytes;
use futures_util::TryStreamExt;

use super::daemon::{Daemon, is_missing};
use crate::Error;

/// An image to make.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewImage {
    /// Its repository and tag, for example `hello:1`.
    pub name: String,
    /// The program and its first arguments.
    pub entry_point: Vec<String>,
    /// Variables and their values.
    pub environment: Vec<(String, String)>,
}

/// Makes an image of one layer, given as a tar archive. One of the same name is replaced.
///
/// # Errors
///
/// When no daemon answers, or it refuses the archive.
pub async fn import_image(image: NewImage, layer: Vec<u8>) -> Result<(), Error> {
    let daemon = Daemon::connect().await?;
    import(&daemon, &image, layer).await.map_err(daemon.refuses("import an image"))
}

/// Removes an image by name, with the layers that no other image shares. One that is not there is no error.
///
/// # Errors
///
/// When no daemon answers, or a container still uses the image.
pub async fn remove_image(name: &str) -> Result<(), Error> {
    let daemon = Daemon::connect().await?;
    match daemon.docker.remove_image(name, None::<RemoveImageOptions>, None).await {
        Err(error) if !is_missing(&error) => Err(daemon.refuses("remove an image")(error)),
        _ => Ok(()),
    }
}

/// [`import_image`] at a daemon that is known.
pub(super) async fn import(daemon: &Daemon, image: &NewImage, layer: Vec<u8>) -> Result<(), DockerError> {
    let (repository, tag) = image.name.split_once(':').unwrap_or((&image.name, "latest"));
    let quoted: Vec<String> = image.entry_point.iter().map(|word| format!("{word:?}")).collect();
    let mut changes = vec![format!("ENTRYPOINT [{}]", quoted.join(","))];
    changes.extend(image.environment.iter().map(|(name, value)| format!("ENV {name}={value:?}")));
    let options =
        CreateImageOptionsBuilder::default().from_src("-").repo(repository).tag(tag).changes(changes).build();
    let layer = body_full(Bytes::from(layer));
    daemon.docker.create_image(Some(options), Some(layer), None).try_collect::<Vec<_>>().await.map(drop)
}
