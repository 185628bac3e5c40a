//! The files that a team starts from, as texts made from plain data: what runs becomes a `tidegate.yml` and a task
//! definition, a cell of strategy × controller becomes Terraform, a repository gets its workflows. It must never read or
//! write a file, call AWS, or let a secret into a text. Start with [`service::files`]; `terraform` and `github` are its
//! siblings.

pub mod document;
pub mod github;
pub mod secrets;
pub mod service;
mod template;
pub mod terraform;
mod yaml;

/// A file to write.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct File {
    /// Its path in the folder, with `/` between its parts.
    pub path: String,
    /// Its text.
    pub text: String,
}

impl File {
    fn new(path: &str, text: String) -> Self {
        Self { path: path.to_owned(), text }
    }
}

/// Files that belong together.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Scaffold {
    /// The files, the one to read first at the front.
    pub files: Vec<File>,
    /// What somebody should know: what was left out, and why. One sentence each.
    pub notes: Vec<String>,
    /// What to do next, one line each.
    pub next: Vec<String>,
}
