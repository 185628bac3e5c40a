//! The demo's images for Docker, made of this very program. It must need no registry and no other tool. Start with
//! [`import`].

use std::{collections::BTreeSet, fs, path::PathBuf};

use crate::{exit::Exit, failure::Failure};

/// Where the program stands in the image.
const PROGRAM: &str = "/tidegate";

/// Imports an image for each of `names`, and `hello:1`: this program and the shared libraries that it needs, told to be the
/// sample service.
pub async fn import(names: &[&str]) -> Result<(), Failure> {
    let refused = |text: String| Failure::new(Exit::Refused, text);
    let archive =
        archive().map_err(|error| refused(format!("cannot pack this program into an image: {error}")))?;
    for name in ["hello:1"].iter().chain(names) {
        let crash = match *name {
            "hello:3" => "start",
            "hello:4" => "health",
            _ => "",
        };
        let image = tidegate_local::NewImage {
            name: (*name).to_owned(),
            entry_point: vec![PROGRAM.to_owned(), "sample-service".to_owned()],
            environment: vec![("SAMPLE_CRASH".to_owned(), crash.to_owned())],
        };
        tidegate_local::import_image(image, archive.clone())
            .await
            .map_err(|error| refused(error.to_string()))?;
    }
    Ok(())
}

/// A tar of the program and of the libraries that this process has loaded, each at its own path. The loader stands where
/// programs look for it, besides.
fn archive() -> std::io::Result<Vec<u8>> {
    let mut archive = tar::Builder::new(Vec::new());
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
