//! The git program, asked for a branch's head and for the files of a commit. It must never run a hook, ask for a
//! password, touch a work tree, or take what a repository says for an option. Start with [`Repository::head`].
//!
//! A repository is kept as a bare one of this program's own, into which only the branch is fetched.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;
use tidegate_gitops::Commit;
use tokio::io::AsyncWriteExt;
use tokio::process::Command;

/// How long git may take for one thing.
const PATIENCE: Duration = Duration::from_mins(2);
/// The largest file that is read, in bytes.
const LARGEST: u64 = 1024 * 1024;
/// Ways to a repository that run no program of the repository's choosing.
const PROTOCOLS: &str = "file:git:http:https:ssh";
/// What of the environment would lead git elsewhere.
const LEADS_ELSEWHERE: [&str; 6] =
    ["GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_NAMESPACE", "GIT_OBJECT_DIRECTORY", "GIT_COMMON_DIR"];

/// What went wrong with git, in words.
#[derive(Debug, thiserror::Error)]
pub enum GitError {
    /// There is no git.
    #[error("the program `git` cannot be run: {0}")]
    NoProgram(std::io::Error),
    /// A name that git would take for an option.
    #[error("`{given}` cannot be {what}: it {wrong}")]
    Name {
        /// What was given.
        given: String,
        /// What it was given for.
        what: &'static str,
        /// What is wrong with it.
        wrong: &'static str,
    },
    /// git said no.
    #[error("git {doing} failed: {said}")]
    Said {
        /// What it was to do.
        doing: &'static str,
        /// Its last words.
        said: String,
    },
    /// git did not end.
    #[error("git {doing} did not end within {} s", PATIENCE.as_secs())]
    TooSlow {
        /// What it was to do.
        doing: &'static str,
    },
    /// No such branch.
    #[error("the repository {repo} has no branch `{branch}`")]
    NoBranch {
        /// Where.
        repo: String,
        /// The branch.
        branch: String,
    },
    /// A file that is too large, or no file.
    #[error("{path} of commit {commit} {wrong}")]
    File {
        /// The file.
        path: String,
        /// The commit.
        commit: String,
        /// What is wrong with it.
        wrong: String,
    },
}

impl GitError {
    /// What to do.
    pub fn help(&self) -> Option<String> {
        let Self::Said { said, .. } = self else {
            return match self {
                Self::NoProgram(_) => {
                    Some("install git, or sync the files of a work tree without --repo".into())
                }
                Self::NoBranch { .. } => Some("name it with --branch".into()),
                _ => None,
            };
        };
        let says = |words: &[&str]| words.iter().any(|word| said.contains(word));
        let help = if says(&["Authentication failed", "could not read Username", "terminal prompts disabled"])
        {
            "give git a credential helper or a token for this host; nobody is asked here"
        } else if says(&["Permission denied (publickey", "Host key verification failed"]) {
            "give ssh a key for this host, and its host key in known_hosts; nobody is asked here"
        } else if says(&["dubious ownership"]) {
            "the folder belongs to somebody else: `git config --global --add safe.directory FOLDER`"
        } else if says(&["not appear to be a git repository", "does not exist", "not found"]) {
            "check the address of --repo, and that these credentials may read it"
        } else if says(&["transport", "not allowed"]) {
            "https, ssh, git and local folders are taken"
        } else {
            return None;
        };
        Some(help.to_owned())
    }
}

/// A branch of a repository, and this program's own copy of it.
#[derive(Debug, Clone)]
pub struct Repository {
    url: String,
    branch: String,
    copy: PathBuf,
}

/// A file of a commit.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Listed {
    object: String,
    size: u64,
    is_file: bool,
}

/// The names and objects of a commit's files.
#[derive(Debug, Clone, Default)]
pub struct Listing(BTreeMap<String, Listed>);

impl Listing {
    /// The paths, from the root of the repository.
    pub fn paths(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }
}

impl Repository {
    /// A branch of the repository at a URL or a folder, copied into `copy`. Sends nothing yet.
    pub fn at(url: &str, branch: &str, copy: &Path) -> Result<Self, GitError> {
        checked("a repository", url)?;
        checked("a branch", branch)?;
        // A folder is named from where it is, since git runs elsewhere.
        let folder = std::fs::canonicalize(url).ok().filter(|folder| folder.is_dir());
        let url = folder.map_or_else(|| url.to_owned(), |folder| folder.display().to_string());
        Ok(Self { url, branch: branch.to_owned(), copy: copy.to_owned() })
    }

    /// The commit that the branch is at now; fetched, so that its files can be read.
    pub async fn head(&self, known: Option<&str>) -> Result<Commit, GitError> {
        let wanted = format!("refs/heads/{}", self.branch);
        let listed = self.git("ls-remote", &["ls-remote", "--", &self.url, &wanted], None).await?;
        let listed = String::from_utf8_lossy(&listed).into_owned();
        let head = listed.lines().find_map(|line| {
            let (id, name) = line.split_once('\t')?;
            (name == wanted).then(|| id.to_owned())
        });
        let Some(head) = head else {
            return Err(GitError::NoBranch { repo: self.url.clone(), branch: self.branch.clone() });
        };
        if known != Some(head.as_str()) {
            self.fetch(&wanted).await?;
        }
        // The branch may have moved on between the two calls: what was fetched is what counts.
        let at = if known == Some(head.as_str()) { head } else { self.fetched().await? };
        let subject = self.git("log", &["log", "-1", "--format=%s", &at], None).await?;
        let subject: String =
            String::from_utf8_lossy(&subject).trim().chars().filter(|c| !c.is_control()).collect();
        Ok(Commit { id: at, subject })
    }

    async fn fetch(&self, wanted: &str) -> Result<(), GitError> {
        if !self.copy.join("HEAD").exists() {
            std::fs::create_dir_all(&self.copy).map_err(GitError::NoProgram)?;
            self.git("init", &["init", "--bare", "--quiet", "."], None).await?;
        }
        let refspec = format!("+{wanted}:refs/tidegate/head");
        let arguments = [
            "fetch",
            "--quiet",
            "--no-tags",
            "--no-recurse-submodules",
            "--depth=1",
            "--",
            &self.url,
            &refspec,
        ];
        self.git("fetch", &arguments, None).await.map(|_| ())
    }

    async fn fetched(&self) -> Result<String, GitError> {
        let at =
            self.git("rev-parse", &["rev-parse", "--verify", "refs/tidegate/head^{commit}"], None).await?;
        Ok(String::from_utf8_lossy(&at).trim().to_owned())
    }

    /// The files of a commit that was fetched.
    pub async fn files(&self, commit: &str) -> Result<Listing, GitError> {
        checked("a commit", commit)?;
        let listed = self.git("ls-tree", &["ls-tree", "-r", "-z", "-l", "--full-tree", commit], None).await?;
        Ok(parse_listing(&listed))
    }

    /// The contents of these files of a commit; those that it does not have are not there.
    pub async fn read(
        &self,
        commit: &str,
        listing: &Listing,
        paths: &[String],
    ) -> Result<BTreeMap<String, String>, GitError> {
        let wrong = |path: &str, wrong: String| GitError::File {
            path: path.to_owned(),
            commit: commit.to_owned(),
            wrong,
        };
        let mut wanted = Vec::new();
        for path in paths {
            let Some(listed) = listing.0.get(path) else { continue };
            if !listed.is_file {
                return Err(wrong(path, "is a link or a submodule, and not a file".into()));
            }
            if listed.size > LARGEST {
                return Err(wrong(
                    path,
                    format!("has {} bytes, and {LARGEST} are read at most", listed.size),
                ));
            }
            wanted.push((path, listed));
        }
        let objects: Vec<&str> = wanted.iter().map(|(_, listed)| listed.object.as_str()).collect();
        let asked = objects.join("\n") + "\n";
        let answered = self.git("cat-file", &["cat-file", "--batch"], Some(asked)).await?;
        let mut rest = answered.as_slice();
        let mut found = BTreeMap::new();
        for (path, listed) in wanted {
            let content = next_object(&mut rest, listed.size)
                .ok_or_else(|| wrong(path, "could not be read from git's answer".into()))?;
            let text = String::from_utf8(content.to_vec())
                .map_err(|_| wrong(path, "is not text in UTF-8".into()))?;
            found.insert(path.clone(), text);
        }
        Ok(found)
    }

    async fn git(
        &self,
        doing: &'static str,
        arguments: &[&str],
        input: Option<String>,
    ) -> Result<Vec<u8>, GitError> {
        let folder = if self.copy.exists() { self.copy.clone() } else { std::env::temp_dir() };
        let mut command = Command::new("git");
        command
            .current_dir(folder)
            // No hook and no watcher of the file system, whatever a configuration says.
            .args(["-c", "core.hooksPath=/dev/null", "-c", "core.fsmonitor=false", "-c", "gc.auto=0"])
            .args(arguments)
            .env("GIT_TERMINAL_PROMPT", "0")
            .env("GIT_ALLOW_PROTOCOL", PROTOCOLS)
            .env("GIT_OPTIONAL_LOCKS", "0")
            .env("LC_ALL", "C")
            .stdin(if input.is_some() { Stdio::piped() } else { Stdio::null() })
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true);
        for name in LEADS_ELSEWHERE {
            command.env_remove(name);
        }
        if std::env::var_os("GIT_SSH_COMMAND").is_none() {
            command.env("GIT_SSH_COMMAND", "ssh -o BatchMode=yes");
        }
        let mut child = command.spawn().map_err(GitError::NoProgram)?;
        let stdin = child.stdin.take();
        let writing = async move {
            if let (Some(mut stdin), Some(input)) = (stdin, input) {
                let _ = stdin.write_all(input.as_bytes()).await;
            }
        };
        let both = async { tokio::join!(writing, child.wait_with_output()).1 };
        let output = tokio::time::timeout(PATIENCE, both)
            .await
            .map_err(|_| GitError::TooSlow { doing })?
            .map_err(GitError::NoProgram)?;
        if output.status.success() {
            return Ok(output.stdout);
        }
        Err(GitError::Said { doing, said: last_words(&output.stderr) })
    }
}

/// What is wrong, without what git says around it; addresses keep no password.
fn last_words(stderr: &[u8]) -> String {
    let text = String::from_utf8_lossy(stderr);
    let lines: Vec<&str> = text.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    let told = lines.iter().find(|line| line.starts_with("fatal:") || line.starts_with("error:"));
    let line = told.or(lines.first()).copied().unwrap_or("it said nothing");
    let line = line.trim_start_matches("fatal: ").trim_start_matches("error: ");
    without_password(line).chars().filter(|c| !c.is_control()).take(400).collect()
}

/// `https://user:secret@host` is `https://host`.
pub fn without_password(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some(at) = rest.find("://") {
        let (head, tail) = rest.split_at(at + 3);
        out.push_str(head);
        let end = tail.find(['/', '\'', '"', ' ']).unwrap_or(tail.len());
        let host = tail[..end].rsplit('@').next().unwrap_or_default();
        out.push_str(host);
        rest = &tail[end..];
    }
    out.push_str(rest);
    out
}

/// A name that git cannot take for an option or for a program to run.
fn checked(what: &'static str, given: &str) -> Result<(), GitError> {
    let wrong = if given.is_empty() {
        "is empty"
    } else if given.starts_with('-') {
        "would be an option"
    } else if given.contains(char::is_control) {
        "has a control character"
    } else if given.contains("::") {
        "names a helper program"
    } else if what != "a repository"
        && (given.contains("..") || given.contains([' ', ':', '?', '*', '[', '^', '~', '\\']))
    {
        "has a character that no branch has"
    } else {
        return Ok(());
    };
    Err(GitError::Name { given: given.to_owned(), what, wrong })
}

/// `<mode> <type> <object> <size>\t<path>\0` again and again.
fn parse_listing(listed: &[u8]) -> Listing {
    let entries = listed.split(|byte| *byte == 0).filter_map(|entry| {
        let entry = std::str::from_utf8(entry).ok()?;
        let (head, path) = entry.split_once('\t')?;
        let mut words = head.split_whitespace();
        let (mode, kind, object) = (words.next()?, words.next()?, words.next()?);
        let size = words.next().and_then(|size| size.parse().ok()).unwrap_or(0);
        let is_file = kind == "blob" && mode != "120000";
        Some((path.to_owned(), Listed { object: object.to_owned(), size, is_file }))
    });
    Listing(entries.collect())
}

/// `<object> blob <size>\n<content>\n`.
fn next_object<'a>(rest: &mut &'a [u8], size: u64) -> Option<&'a [u8]> {
    let end = rest.iter().position(|byte| *byte == b'\n')?;
    let head = std::str::from_utf8(&rest[..end]).ok()?;
    let said: u64 = head.rsplit(' ').next()?.parse().ok()?;
    let from = end + 1;
    let to = from.checked_add(usize::try_from(size).ok()?)?;
    let content = rest.get(from..to).filter(|_| said == size)?;
    *rest = rest.get(to + 1..)?;
    Some(content)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_git_would_take_for_an_option_or_a_program_is_refused() {
        let copy = Path::new("/nowhere");
        for (url, branch) in [
            ("--upload-pack=evil", "main"),
            ("ext::sh -c evil", "main"),
            ("", "main"),
            ("https://a/b", "--help"),
            ("https://a/b", "main..other"),
            ("https://a/b", "a b"),
        ] {
            assert!(
                matches!(Repository::at(url, branch, copy), Err(GitError::Name { .. })),
                "{url} {branch}"
            );
        }
        assert!(Repository::at("git@host:team/shop.git", "release/2026-07", copy).is_ok());
    }

    #[test]
    fn passwords_in_addresses_are_never_said() {
        let said =
            last_words(b"remote: x\nfatal: Authentication failed for 'https://me:hunter2@host/a.git/'\n");
        assert_eq!(said, "Authentication failed for 'https://host/a.git/'");
        assert_eq!(
            without_password("https://t0ken@h/x and ssh://git@h:22/y"),
            "https://h/x and ssh://h:22/y"
        );
        let error = GitError::Said { doing: "fetch", said };
        assert!(error.help().is_some_and(|help| help.contains("credential helper")));
    }

    #[test]
    fn a_listing_knows_files_from_links() {
        let listing = parse_listing(b"100644 blob aa      12\ta b/tidegate.yml\x00120000 blob bb       3\tlink\x00160000 commit cc       -\tsub\x00");
        assert_eq!(listing.paths().collect::<Vec<_>>(), ["a b/tidegate.yml", "link", "sub"]);
        assert_eq!(listing.0.values().map(|it| it.is_file).collect::<Vec<_>>(), [true, false, false]);
        assert_eq!(listing.0["a b/tidegate.yml"].size, 12);
    }

    #[test]
    fn objects_are_taken_by_their_size_and_nothing_else_is_believed() {
        let mut rest: &[u8] = b"aa blob 3\na\nb\nbb blob 0\n\n";
        assert_eq!(next_object(&mut rest, 3), Some(&b"a\nb"[..]));
        assert_eq!(next_object(&mut rest, 0), Some(&b""[..]));
        assert_eq!(next_object(&mut &b"aa missing\n"[..], 3), None);
        assert_eq!(next_object(&mut &b"aa blob 9\nabc\n"[..], 9), None);
    }
}
