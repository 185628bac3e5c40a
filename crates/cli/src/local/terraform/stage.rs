//! The folder that Terraform is run in: a stand-in for the user's, so that neither its state nor its lock file is left
//! there, a backend that the user has is not asked, and any number of clouds may apply one folder at a time.
//!
//! It has the user's files as links, under a path that ends as theirs does, so that `../modules` is found from it too.

use std::{
    ffi::OsStr,
    fs, io,
    os::unix::fs::{DirBuilderExt as _, symlink},
    path::{Component, Path, PathBuf},
};

/// Puts the state into a file of the cloud's, wherever the user's configuration has it. An override file of Terraform.
const OVERRIDE: (&str, &str) =
    ("zz_tidegate_override.tf.json", r#"{ "terraform": { "backend": { "local": {} } } }"#);

/// What belongs to the user's own runs of Terraform.
const NOT_STAGED: [&str; 4] = [".terraform", ".git", "terraform.tfstate", "terraform.tfstate.backup"];

/// The stand-in, gone when this is; what is kept for the next time stays.
#[derive(Debug)]
pub(super) struct Stage {
    root: PathBuf,
    folder: PathBuf,
    kept: PathBuf,
}

/// Whether Terraform finds something to do in a folder.
pub(super) fn has_configuration(folder: &Path) -> bool {
    let is_configuration = |name: &OsStr| {
        let name = name.to_string_lossy();
        name.ends_with(".tf") || name.ends_with(".tf.json")
    };
    fs::read_dir(folder)
        .is_ok_and(|entries| entries.flatten().any(|entry| is_configuration(&entry.file_name())))
}

impl Stage {
    /// Sets it for a folder, which is absolute and without links, in the cloud's.
    pub(super) fn set(source: &Path, data_dir: &Path) -> io::Result<Self> {
        let data_dir = data_dir.canonicalize()?;
        let own = data_dir.join("terraform");
        // Terraform's state has secrets in the clear.
        fs::DirBuilder::new().recursive(true).mode(0o700).create(&own)?;
        let below = source.strip_prefix("/").unwrap_or(source);
        let root = own.join("stage");
        // A cloud that was killed could not.
        if root.exists() {
            fs::remove_dir_all(&root)?;
        }
        let stage = Self { folder: root.join(below), kept: own.join("kept").join(below), root };
        fs::create_dir_all(&stage.folder)?;
        fs::create_dir_all(&stage.kept)?;
        link_surroundings(source, &stage.root);
        link_files(source, &stage.folder, &data_dir)?;
        fs::write(stage.folder.join(OVERRIDE.0), OVERRIDE.1)?;
        Ok(stage)
    }

    /// Where Terraform runs.
    pub(super) fn folder(&self) -> &Path {
        &self.folder
    }

    /// What is kept from one start to the next for this folder of the user's.
    pub(super) fn kept(&self) -> &Path {
        &self.kept
    }

    /// `terraform init`, with the state where it is kept.
    pub(super) fn init_arguments(&self) -> Vec<String> {
        let file = self.kept.join("terraform.tfstate");
        let workspaces = self.kept.join("workspaces");
        vec![
            "init".into(),
            "-input=false".into(),
            "-no-color".into(),
            // A cloud's folder may have moved.
            "-reconfigure".into(),
            format!("-backend-config=path={}", file.display()),
            format!("-backend-config=workspace_dir={}", workspaces.display()),
        ]
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        // What stays is removed at the next start.
        let _ = fs::remove_dir_all(&self.root);
    }
}

/// Links what is beside the folder and beside each that it is in. What may not be looked at is not there.
fn link_surroundings(source: &Path, root: &Path) {
    let (mut real, mut staged) = (PathBuf::from("/"), root.to_owned());
    for component in source.components() {
        let Component::Normal(next) = component else { continue };
        for entry in fs::read_dir(&real).into_iter().flatten().flatten() {
            if entry.file_name() != next {
                let _ = symlink(entry.path(), staged.join(entry.file_name()));
            }
        }
        real.push(next);
        staged.push(next);
    }
}

/// Links the folder's files. Its folders are folders: functions that list files do not follow links.
fn link_files(source: &Path, staged: &Path, data_dir: &Path) -> io::Result<()> {
    for entry in fs::read_dir(source)? {
        let entry = entry?;
        let name = entry.file_name();
        if NOT_STAGED.iter().any(|not| name == *not) || entry.path() == data_dir {
            continue;
        }
        let target = staged.join(&name);
        if entry.file_type()?.is_dir() {
            fs::create_dir(&target)?;
            link_files(&entry.path(), &target, data_dir)?;
        } else {
            symlink(entry.path(), target)?;
        }
    }
    Ok(())
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may stop at what it did not expect")]
mod tests {
    use super::*;

    fn write(path: &Path, text: &str) {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    #[test]
    fn the_stage_has_the_folder_and_what_is_beside_it_but_nothing_of_other_runs() {
        let scratch = tempfile::tempdir().unwrap();
        let base = scratch.path().canonicalize().unwrap();
        let source = base.join("infra/prod");
        write(&source.join("main.tf"), "# main");
        write(&source.join("files/a/b.json"), "{}");
        write(&source.join("terraform.tfstate"), "mine");
        write(&source.join(".terraform/x"), "mine");
        write(&base.join("infra/modules/web/web.tf"), "# web");
        // The cloud's folder may be within.
        let data_dir = source.join("cloud");
        fs::create_dir(&data_dir).unwrap();

        let stage = Stage::set(&source, &data_dir).unwrap();
        let read = |path: &str| fs::read_to_string(stage.folder().join(path)).unwrap();
        assert_eq!(read("main.tf"), "# main");
        assert_eq!(read("files/a/b.json"), "{}");
        assert!(!stage.folder().join("files").is_symlink());
        assert_eq!(read("../modules/web/web.tf"), "# web");
        for absent in ["terraform.tfstate", ".terraform", "cloud"] {
            assert!(!stage.folder().join(absent).exists(), "{absent}");
        }
        let (root, kept) = (stage.root.clone(), stage.kept().to_owned());
        drop(stage);
        assert!(!root.exists() && kept.is_dir());
        assert_eq!(fs::read_to_string(source.join("main.tf")).unwrap(), "# main");
        assert_eq!(fs::read_to_string(base.join("infra/modules/web/web.tf")).unwrap(), "# web");
        assert!(!source.join(OVERRIDE.0).exists());
    }

    #[test]
    fn a_folder_without_configuration_is_noticed() {
        let folder = tempfile::tempdir().unwrap();
        write(&folder.path().join("README.md"), "");
        assert!(!has_configuration(folder.path()));
        write(&folder.path().join("main.tf.json"), "{}");
        assert!(has_configuration(folder.path()));
    }
}
