//! Files in their place, all of them or none. A file that is there with another text is never touched unless that was
//! asked for, also if it appears at the last moment. Start with [`put`].

use super::Place;
use crate::args::{Global, Output};
use crate::exit::Exit;
use crate::failure::Failure;
use std::fmt::Write as _;
use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use tidegate_scaffold::{File, Scaffold};

/// Writes the files, or prints them, and says what was done and what to do next.
pub fn put(scaffold: &Scaffold, place: &Place, global: &Global) -> Result<Exit, Failure> {
    let there = existing(&scaffold.files, &place.dir);
    if !place.dry_run {
        if !there.is_empty() && !place.force {
            return Err(in_the_way(&there));
        }
        let to_write = scaffold.files.iter().filter(|file| !is_the_same(file, &place.dir));
        write_all(to_write, &place.dir, place.force)?;
    }
    let text = match global.output {
        Output::Json => format!("{}\n", as_json(scaffold, place)),
        Output::Text => in_words(scaffold, place),
    };
    let _ = io::stdout().write_all(text.as_bytes());
    Ok(Exit::Done)
}

/// Files that are there with another text, as paths. A link that leads nowhere is there, too.
fn existing(files: &[File], dir: &Path) -> Vec<PathBuf> {
    let different = files.iter().filter(|file| !is_the_same(file, dir));
    different.map(|file| dir.join(&file.path)).filter(|path| path.symlink_metadata().is_ok()).collect()
}

fn is_the_same(file: &File, dir: &Path) -> bool {
    fs::read(dir.join(&file.path)).is_ok_and(|bytes| bytes == file.text.as_bytes())
}

fn in_the_way(there: &[PathBuf]) -> Failure {
    let names: Vec<String> = there.iter().map(|path| shown(path)).collect();
    let (is, it) = if names.len() == 1 { ("is", "it") } else { ("are", "them") };
    Failure::new(Exit::Refused, format!("{} {is} there already; nothing was written", names.join(", ")))
        .with_help(Some(format!("--force overwrites {it}, --dir DIR writes elsewhere, --dry-run only shows")))
}

/// Every text is on the disk beside its place before the first is put there.
fn write_all<'f>(files: impl Iterator<Item = &'f File>, dir: &Path, force: bool) -> Result<(), Failure> {
    let mut ready: Vec<(PathBuf, PathBuf)> = Vec::new();
    let done = (|| {
        for file in files {
            let path = dir.join(&file.path);
            ready.push((beside(&path, &file.text)?, path));
        }
        for (at, (draft, path)) in ready.iter().enumerate() {
            // A link is refused where a name is taken; a rename is not.
            let put = if force { fs::rename(draft, path) } else { fs::hard_link(draft, path) };
            put.map_err(|error| not_written(path, &error, &ready[..at]))?;
        }
        Ok(())
    })();
    for (draft, _) in &ready {
        let _ = fs::remove_file(draft);
    }
    done
}

/// A finished copy in the file's own folder, under a name that nobody has.
fn beside(path: &Path, text: &str) -> Result<PathBuf, Failure> {
    let folder = path.parent().filter(|it| !it.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let failed = |error: io::Error| not_written(path, &error, &[]);
    fs::create_dir_all(folder).map_err(failed)?;
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let draft = folder.join(format!(".{name}.{}.tidegate", std::process::id()));
    let write = || -> io::Result<()> {
        let mut file = fs::File::create(&draft)?;
        file.write_all(text.as_bytes())?;
        file.sync_all()
    };
    match write() {
        Ok(()) => Ok(draft),
        Err(error) => {
            let _ = fs::remove_file(&draft);
            Err(failed(error))
        }
    }
}

fn not_written(path: &Path, error: &io::Error, written: &[(PathBuf, PathBuf)]) -> Failure {
    let names: Vec<String> = written.iter().map(|(_, path)| shown(path)).collect();
    let (exit, others) = if names.is_empty() {
        (Exit::Refused, "nothing was written".to_owned())
    } else {
        (Exit::Failed, format!("{} was written before", names.join(", ")))
    };
    Failure::new(exit, format!("cannot write {}: {error}; {others}", shown(path)))
}

fn shown(path: &Path) -> String {
    path.strip_prefix(".").unwrap_or(path).display().to_string()
}

fn as_json(scaffold: &Scaffold, place: &Place) -> serde_json::Value {
    let files = scaffold
        .files
        .iter()
        .map(|file| serde_json::json!({"path": shown(&place.dir.join(&file.path)), "text": file.text}));
    serde_json::json!({
        "written": !place.dry_run, "files": files.collect::<Vec<_>>(), "notes": scaffold.notes, "next": scaffold.next,
    })
}

fn in_words(scaffold: &Scaffold, place: &Place) -> String {
    let mut text = String::new();
    for file in &scaffold.files {
        let path = shown(&place.dir.join(&file.path));
        if place.dry_run {
            let _ = write!(text, "--- {path}\n{}\n", file.text);
        } else {
            let _ = writeln!(text, "wrote {path}");
        }
    }
    for note in &scaffold.notes {
        let _ = writeln!(text, "note: {note}");
    }
    if !scaffold.next.is_empty() {
        text.push_str("\nNext:\n");
        for line in &scaffold.next {
            let _ = writeln!(text, "  {line}");
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scaffold(texts: [&str; 2]) -> Scaffold {
        let file = |path: &str, text: &str| File { path: path.into(), text: text.into() };
        Scaffold { files: vec![file("a.yml", texts[0]), file("b/c.yml", texts[1])], ..Scaffold::default() }
    }

    fn put_into(dir: &Path, texts: [&str; 2], force: bool) -> Result<(), String> {
        let scaffold = scaffold(texts);
        let there = existing(&scaffold.files, dir);
        if !there.is_empty() && !force {
            return Err(in_the_way(&there).words());
        }
        write_all(scaffold.files.iter(), dir, force).map_err(|failure| failure.words())
    }

    fn files_in(dir: &Path) -> Vec<String> {
        let entries = fs::read_dir(dir).expect("a folder").flatten();
        let mut names: Vec<String> =
            entries.map(|it| it.file_name().to_string_lossy().into_owned()).collect();
        names.sort();
        names
    }

    #[test]
    fn a_file_that_is_there_keeps_every_other_from_being_written() {
        let folder = tempfile::tempdir().expect("a folder");
        fs::create_dir(folder.path().join("b")).expect("a folder");
        fs::write(folder.path().join("b/c.yml"), "mine").expect("a file");
        let told = put_into(folder.path(), ["1", "2"], false).expect_err("it is there");
        assert!(told.contains("b/c.yml is there already; nothing was written"), "{told}");
        assert_eq!(files_in(folder.path()), ["b"]);
        put_into(folder.path(), ["1", "2"], true).expect("asked for");
        assert_eq!(fs::read_to_string(folder.path().join("b/c.yml")).ok().as_deref(), Some("2"));
        assert_eq!(files_in(folder.path()), ["a.yml", "b"], "and no draft is left");
        put_into(folder.path(), ["1", "2"], false).expect_err("write_all itself refuses what exists");
    }

    #[test]
    fn what_appears_at_the_last_moment_is_not_overwritten() {
        let folder = tempfile::tempdir().expect("a folder");
        fs::write(folder.path().join("a.yml"), "mine").expect("a file");
        let told =
            write_all(scaffold(["1", "2"]).files.iter(), folder.path(), false).map_err(|it| it.words());
        assert!(told.is_err_and(|told| told.contains("a.yml") && told.contains("nothing was written")));
        assert_eq!(fs::read_to_string(folder.path().join("a.yml")).ok().as_deref(), Some("mine"));
        assert_eq!(files_in(&folder.path().join("b")), [""; 0], "no draft is left");
    }

    #[test]
    fn a_link_to_nowhere_is_in_the_way() {
        let folder = tempfile::tempdir().expect("a folder");
        std::os::unix::fs::symlink("/nowhere/at/all", folder.path().join("a.yml")).expect("a link");
        put_into(folder.path(), ["1", "2"], false).expect_err("it is there");
    }
}
