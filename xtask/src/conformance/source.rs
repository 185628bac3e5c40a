//! The local cloud's source as far as names are concerned: who mentions what, and whether only to copy it.
//!
//! It knows Rust by its words and signs alone, without comments, texts and tests. Start at [`Source::read`].

use std::{
    collections::BTreeSet,
    error::Error,
    fs,
    path::{Path, PathBuf},
};

/// Calls that hand a value on as it is.
const COPYING: &[&str] = &[
    "Ok",
    "Some",
    "as_deref",
    "as_ref",
    "clone",
    "clone_from",
    "cloned",
    "collect",
    "copied",
    "into",
    "into_iter",
    "iter",
    "or",
    "replace",
    "take",
    "to_owned",
    "to_vec",
    "unwrap_or",
    "unwrap_or_default",
];

/// Words that make a line do more than hand on.
const DECIDING: &[&str] = &["if", "else", "match", "while", "for", "return", "matches"];

/// The folder of the code that runs tasks.
const RUNTIME: &str = "tasks";

/// How a name is used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Use {
    /// Not at all.
    Nowhere,
    /// To be copied only.
    Copied,
    /// For more than that.
    Read,
}

/// Files of source.
#[derive(Debug)]
pub(super) struct Source {
    files: Vec<(PathBuf, Vec<Line>)>,
}

/// The source of one service, or a part of it.
#[derive(Debug)]
pub(super) struct Code<'s> {
    files: Vec<(&'s Path, Vec<&'s Line>)>,
}

/// One line: its words, and what it does with them.
#[derive(Debug)]
struct Line {
    indent: usize,
    words: Vec<String>,
    /// The words that stand behind a point and are no calls.
    members: Vec<String>,
    /// Whether it only says what other modules have.
    is_import: bool,
    is_copy: bool,
    starts_function: bool,
    starts_item: bool,
}

impl Source {
    /// Reads all Rust files under `folders`, but for tests.
    pub(super) fn read(folders: &[PathBuf]) -> Result<Self, Box<dyn Error>> {
        let mut files = Vec::new();
        for folder in folders {
            collect(folder, &mut files)?;
        }
        files.sort();
        let read = |path: PathBuf| {
            let text = fs::read_to_string(&path)?;
            let mut lines = lines(&text);
            // What is copied there is what runs.
            if path.components().any(|part| part.as_os_str() == RUNTIME) {
                for line in &mut lines {
                    line.is_copy = false;
                }
            }
            Ok((path, lines))
        };
        Ok(Self { files: files.into_iter().map(read).collect::<Result<_, std::io::Error>>()? })
    }

    /// The code of a service: the folder that has its name, and the files that name its models' module.
    pub(super) fn of_service(&self, module: &str) -> Code<'_> {
        let is_own = |path: &Path| path.components().any(|part| part.as_os_str() == module);
        let names_it = |lines: &[Line]| {
            lines.iter().any(|line| {
                line.words.iter().any(|word| word == "tidegate_models")
                    && line.words.iter().any(|word| word == module)
            })
        };
        let files = self.files.iter().filter(|(path, lines)| is_own(path) || names_it(lines));
        Code { files: files.map(|(path, lines)| (path.as_path(), lines.iter().collect())).collect() }
    }
}

impl<'s> Code<'s> {
    /// The functions that name the type `wanted`.
    pub(super) fn naming(&self, wanted: &str) -> Code<'s> {
        let mut files = Vec::new();
        for (path, lines) in &self.files {
            let mut found = Vec::new();
            for function in functions(lines) {
                if function.iter().any(|line| line.words.iter().any(|word| word == wanted)) {
                    found.extend(function);
                }
            }
            files.push((*path, found));
        }
        Code { files }
    }

    /// What is done with the name `field`.
    pub(super) fn use_of(&self, field: &str) -> Use {
        let lines = self.files.iter().flat_map(|(_, lines)| lines);
        let naming = lines.filter(|line| {
            !line.starts_function && !line.is_import && line.words.iter().any(|word| word == field)
        });
        let is_read = |line: &Line| !line.is_copy && line.members.iter().any(|word| word == field);
        naming.map(|line| if is_read(line) { Use::Read } else { Use::Copied }).max().unwrap_or(Use::Nowhere)
    }

    /// The words of the files that say what is kept.
    pub(super) fn records(&self) -> BTreeSet<String> {
        let records =
            self.files.iter().filter(|(path, _)| path.file_name().is_some_and(|name| name == "records.rs"));
        records.flat_map(|(_, lines)| lines).flat_map(|line| line.words.iter().cloned()).collect()
    }
}

/// The lines of each function: from one with `fn` to the next that is not deeper in.
fn functions<'s>(lines: &[&'s Line]) -> Vec<Vec<&'s Line>> {
    let mut functions: Vec<Vec<&'s Line>> = Vec::new();
    let mut indent = None;
    for line in lines {
        match indent {
            Some(at) if line.indent > at || !(line.starts_function || line.starts_item) => {}
            _ => indent = None,
        }
        if indent.is_none() && line.starts_function {
            indent = Some(line.indent);
            functions.push(Vec::new());
        }
        if let (Some(_), Some(function)) = (indent, functions.last_mut()) {
            function.push(line);
        }
    }
    functions
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) -> Result<(), std::io::Error> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        let is_test = path.file_stem().is_some_and(|stem| stem == "tests");
        if path.is_dir() && !is_test {
            collect(&path, files)?;
        } else if path.extension().is_some_and(|extension| extension == "rs") && !is_test {
            files.push(path);
        }
    }
    Ok(())
}

fn lines(text: &str) -> Vec<Line> {
    let text = text.split("#[cfg(test)]").next().unwrap_or_default();
    let mut lines = Vec::new();
    let mut is_import = false;
    for raw in text.lines() {
        let code = bare(raw);
        let trimmed = code.trim();
        is_import |= trimmed.starts_with("use ")
            || trimmed.starts_with("pub use ")
            || trimmed.starts_with("pub(crate) use ");
        let words: Vec<String> = words(trimmed);
        let starts_function = words.iter().take(4).any(|word| word == "fn");
        lines.push(Line {
            indent: code.len() - code.trim_start().len(),
            is_import,
            is_copy: is_copy(trimmed, &words),
            starts_function,
            starts_item: ["struct", "enum", "impl", "const", "mod"]
                .iter()
                .any(|start| words.iter().take(3).any(|word| word == start)),
            members: members(trimmed),
            words,
        });
        is_import &= !trimmed.ends_with(';');
    }
    lines
}

/// A line without its comment and without what stands in quotes.
fn bare(line: &str) -> String {
    let mut out = String::new();
    let (mut is_text, mut before) = (false, ' ');
    for (at, character) in line.char_indices() {
        match character {
            '"' if before != '\\' => is_text = !is_text,
            '/' if !is_text && line[at..].starts_with("//") => break,
            _ if is_text => {}
            _ => out.push(character),
        }
        before = character;
    }
    out
}

fn words(code: &str) -> Vec<String> {
    let words = code.split(|character: char| !(character.is_ascii_alphanumeric() || character == '_'));
    words.filter(|word| !word.is_empty() && *word != "r").map(str::to_owned).collect()
}

fn members(code: &str) -> Vec<String> {
    let mut members = Vec::new();
    for behind in code.split('.').skip(1) {
        let behind = behind.strip_prefix("r#").unwrap_or(behind);
        let end = behind.find(|character: char| !(character.is_ascii_alphanumeric() || character == '_'));
        let (name, rest) = behind.split_at(end.unwrap_or(behind.len()));
        if !name.is_empty() && !rest.starts_with('(') {
            members.push(name.to_owned());
        }
    }
    members
}

/// Whether a line does nothing but hand values on: no decision, no sign of arithmetic, no call but a copying one.
fn is_copy(code: &str, words: &[String]) -> bool {
    // What gets a name of its own is about to be used.
    if words.first().is_some_and(|word| word == "let") {
        return false;
    }
    // An absent truth is false.
    let code = code.replace(" == Some(true)", "");
    let code = code.as_str();
    if words.iter().any(|word| DECIDING.contains(&word.as_str())) {
        return false;
    }
    if ["=>", "==", "!=", "||", "&&", "|", "<", ">", "+", "*", "!", "["]
        .iter()
        .any(|sign| code.contains(sign))
    {
        // A type of a declaration has these, too.
        return code.contains(':') && code.ends_with(',') && !code.contains('.') && !code.contains('(');
    }
    let mut rest = code;
    while let Some(at) = rest.find('(') {
        let called = rest[..at]
            .rsplit(|character: char| !(character.is_ascii_alphanumeric() || character == '_'))
            .next();
        if called.is_some_and(|called| !called.is_empty() && !COPYING.contains(&called)) {
            return false;
        }
        rest = &rest[at + 1..];
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code(text: &str) -> Source {
        Source { files: vec![(PathBuf::from("engine/src/moon/api.rs"), lines(text))] }
    }

    #[test]
    fn what_is_only_handed_on_is_copied() {
        let source = code(
            "use tidegate_models::moon::phase;\n\
             fn create(input: CreateMoon) -> Moon {\n\
             \x20   // input.comment is nothing\n\
             \x20   check(&input.name, \"input.quoted\");\n\
             \x20   Moon {\n\
             \x20       name: input.name,\n\
             \x20       colour: input.colour.clone(),\n\
             \x20       round: input.round == Some(true),\n\
             \x20       size: input.size + 1,\n\
             \x20       r#type: Some(input.r#type.unwrap_or_default()),\n\
             \x20   }\n\
             }\n\
             fn list(input: ListMoons) {\n\
             \x20   let most = input.max_results;\n\
             \x20   input.orbit()\n\
             }\n",
        );
        let code = source.of_service("moon");
        for (name, expected) in [
            ("name", Use::Read),
            ("colour", Use::Copied),
            ("round", Use::Copied),
            ("size", Use::Read),
            ("type", Use::Copied),
            ("max_results", Use::Read),
            ("orbit", Use::Copied),
            ("comment", Use::Nowhere),
            ("quoted", Use::Nowhere),
            ("phase", Use::Nowhere),
        ] {
            assert_eq!(code.use_of(name), expected, "{name}");
        }
        assert_eq!(code.naming("ListMoons").use_of("colour"), Use::Nowhere);
        assert_eq!(code.naming("CreateMoon").use_of("max_results"), Use::Nowhere);
        assert_eq!(source.of_service("sun").use_of("name"), Use::Nowhere);
    }
}
