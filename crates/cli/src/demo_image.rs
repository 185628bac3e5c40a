//! The demo's images for Docker, made of this very program. It must need no registry and no other tool. Start with
//! [`import`].

use std::{collections::BTreeSet, fs, path::PathBuf};

use crate::{demo::Image, exit::Exit, failure::Failure};

/// Where the program stands in the image.
const PROGRAM: &str = "/tidegate";

/// Imports each of `images`: this program and the shared libraries that it needs, told to be the sample service, which
/// image it runs as, and what it is told by that.
pub async fn import(images: &[Image]) -> Result<(), Failure> {
    let refused = |text: String| Failure::new(Exit::Refused, text);
    let archive =
        archive().map_err(|error| refused(format!("cannot pack this program into an image: {error}")))?;
    for (name, told) in images {
        let own = ("TIDEGATE_IMAGE".to_owned(), (*name).to_owned());
        let image = tidegate_local::docker::NewImage {
            name: (*name).to_owned(),
            entry_point: vec![PROGRAM.to_owned(), "sample-service".to_owned()],
            environment: told.iter().cloned().chain([own]).collect(),
        };
        tidegate_local::docker::import_image(image, archive.clone())
            .await
            .map_err(|error| refused(error.to_string()))?;
    }
    Ok(())
}

/// Removes them again, and the image that held the tasks' networks unless another cloud uses it.
pub async fn remove(images: &[Image]) -> Result<(), Failure> {
    for (name, _) in images {
        tidegate_local::docker::remove_image(name)
            .await
            .map_err(|error| Failure::new(Exit::Refused, error.to_string()))?;
    }
    let _ = tidegate_local::docker::remove_image(tidegate_local::docker::PAUSE_IMAGE).await;
    Ok(())
}

/// A tar of the program and of the libraries that this process has loaded, each at its own path. The loader stands where
/// programs look for it, besides.
fn archive() -> std::io::Result<Vec<u8>> {
    let mut archive = tar::Builder::new(Vec::new());
    // Docker does not read GNU's sparse entries.
    archive.sparse(false);
    archive.append_path_with_name(std::env::current_exe()?, PROGRAM.trim_start_matches('/'))?;
    for library in loaded_libraries()? {
        let name = library.strip_prefix("/").unwrap_or(&library);
        archive.append_path_with_name(&library, name)?;
        let file_name =
            library.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        if file_name.starts_with("ld-linux") || file_name.starts_with("ld-musl") {
            for folder in ["lib64", "lib"] {
                let usual = PathBuf::from(folder).join(&file_name);
                if usual != name {
                    archive.append_path_with_name(&library, usual)?;
                }
            }
        }
    }
    archive.into_inner()
}

/// The files that the system has mapped into this process as code, other than the program itself. None when it is linked
/// statically.
fn loaded_libraries() -> std::io::Result<BTreeSet<PathBuf>> {
    let maps = fs::read_to_string("/proc/self/maps")?;
    let paths = maps.lines().filter_map(|line| line.split_whitespace().nth(5));
    Ok(paths.filter(|path| path.starts_with('/') && path.contains(".so")).map(PathBuf::from).collect())
}
