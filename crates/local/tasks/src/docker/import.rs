//! Images made from files, without a registry.

use bollard::{body_full, query_parameters::CreateImageOptionsBuilder};
use bytes::Bytes;
use futures_util::TryStreamExt;

use super::daemon::Daemon;
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
pub async fn import_image(image: NewImage, layer: Vec<u8>) -> Result<(), Error> {
    let daemon = Daemon::connect().await?;
    let (repository, tag) = image.name.split_once(':').unwrap_or((&image.name, "latest"));
    let quoted: Vec<String> = image.entry_point.iter().map(|word| format!("{word:?}")).collect();
    let mut changes = vec![format!("ENTRYPOINT [{}]", quoted.join(","))];
    changes.extend(image.environment.iter().map(|(name, value)| format!("ENV {name}={value:?}")));
    let options =
        CreateImageOptionsBuilder::default().from_src("-").repo(repository).tag(tag).changes(changes).build();
    let import = daemon.docker.create_image(Some(options), Some(body_full(Bytes::from(layer))), None);
    import.try_collect::<Vec<_>>().await.map(drop).map_err(daemon.refuses("import an image"))
}
