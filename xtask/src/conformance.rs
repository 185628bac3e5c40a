//! Derives `docs/conformance.md`: every operation of every service of the local cloud, and what becomes of each member of
//! its request.
//!
//! It reads the generated tables of `crates/models` and the source of the local cloud, and judges by rules that the page
//! itself states; nobody edits the page by hand, and a test holds it against the code. Start at [`page`].

mod source;

use std::{
    collections::{BTreeMap, BTreeSet},
    error::Error,
    fmt::Write,
    fs,
    path::{Path, PathBuf},
};

use serde_json::Value;
use source::{Source, Use};

use crate::models::rust::{snake, type_name};

/// The modules of `crates/models`, in the page's order, with the names of their services.
const SERVICES: &[(&str, &str)] = &[
    ("ecs", "Amazon ECS"),
    ("elbv2", "Elastic Load Balancing v2"),
    ("codedeploy", "AWS CodeDeploy"),
    ("cloudwatch", "Amazon CloudWatch"),
    ("application_autoscaling", "Application Auto Scaling"),
    ("logs", "Amazon CloudWatch Logs"),
    ("ecr", "Amazon ECR"),
    ("ssm", "AWS Systems Manager"),
    ("secretsmanager", "AWS Secrets Manager"),
    ("iam", "AWS IAM"),
    ("sts", "AWS STS"),
    ("ec2", "Amazon EC2"),
];

const INTRODUCTION: &str = "\
# Conformance

Every operation of every service that the local cloud serves, by AWS's own service models. This page is written by
`cargo xtask conformance` from the code; a test fails when it is out of date.

**An operation that is not implemented** is answered with HTTP 501, the code `NotImplemented` and a text that names it:
`The local cloud does not implement … of the service … yet`. So is the service that is not on this page at all.

**Every request** is held against the model first: members that must be there, lengths, ranges, patterns, values of enums, kinds.
What AWS's models ask for is asked for here, whatever the columns below say.

**The columns** say what becomes of a member after that. They are read off the source by rules that are cheap and err on one side:

- *Honoured*: the code of the service does more with a member of that name (`.name`) than copy it, or hands it to what runs.
- *Stored only*: all that the code does with it is copy it, or it stands in a structure that is kept as a whole. It comes back in
  answers, and nothing is decided by it.
- *Ignored*: nothing in the code names it. It is taken and forgotten.

Members of a request are looked for in the functions that name the type of the request, members of structures in all code of the
service. Names are compared, not meanings: where two structures share a name, both count as honoured if one of them is; and
what is taken apart by a pattern instead of by `.name` counts as stored. A member that is honoured may be refused for some of its
values, with an error that names it. What each operation answers to requests of every shape is measured by a test,
`crates/cli/tests/end_to_end/scripts/conformance.py`, which sends them through boto3.
";

/// What becomes of the members of one structure.
#[derive(Default)]
struct Members {
    honoured: Vec<String>,
    stored: Vec<String>,
    ignored: Vec<String>,
}

impl Members {
    fn cells(&self) -> String {
        let cell = |names: &[String]| {
            let quoted: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
            quoted.join(", ")
        };
        format!("{} | {} | {}", cell(&self.honoured), cell(&self.stored), cell(&self.ignored))
    }

    fn add_to(&self, sums: &mut [usize; 3]) {
        for (sum, names) in sums.iter_mut().zip([&self.honoured, &self.stored, &self.ignored]) {
            *sum += names.len();
        }
    }
}

/// Where the page is.
pub(crate) fn path() -> PathBuf {
    root().join("docs/conformance.md")
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap_or(Path::new("."))
}

/// The page, from the code as it is.
pub(crate) fn page() -> Result<String, Box<dyn Error>> {
    let local = root().join("crates/local");
    let source = Source::read(&["engine/src", "server/src", "tasks/src"].map(|folder| local.join(folder)))?;
    let mut sections = String::new();
    let mut summary = String::from(
        "| service | operations | implemented | members honoured | stored only | ignored |\n\
         | --- | ---: | ---: | ---: | ---: | ---: |\n",
    );
    for (module, name) in SERVICES {
        let path = root().join("crates/models/src").join(format!("{module}.json"));
        let table: Value = serde_json::from_str(&fs::read_to_string(&path)?)?;
        let (section, row) = service(&source, module, name, &table)?;
        sections.push_str(&section);
        summary.push_str(&row);
    }
    Ok(format!("{INTRODUCTION}\n{summary}{sections}"))
}

fn service(
    source: &Source,
    module: &str,
    name: &str,
    table: &Value,
) -> Result<(String, String), Box<dyn Error>> {
    let operations = table["operations"].as_object().ok_or("a table without operations")?;
    let unimplemented: Vec<&str> =
        table["unimplemented"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    let code = source.of_service(module);
    let kept = kept(&code.records(), table);
    let (mut sums, mut reached) = ([0; 3], BTreeSet::new());
    let mut out = format!(
        "\n## {name}\n\n{} operations of {}; ",
        operations.len(),
        operations.len() + unimplemented.len()
    );
    writeln!(out, "{}.\n", protocols(table))?;
    out.push_str("| operation | honoured | stored only | ignored |\n| --- | --- | --- | --- |\n");
    for (operation, modelled) in operations {
        let mut members = Members::default();
        if let Some(input) = modelled["input"].as_str() {
            let functions = code.naming(&type_name(input));
            for (member, attributes) in structure(table, input) {
                let field = snake(member);
                let judged = match functions.use_of(&field) {
                    Use::Nowhere => &mut members.ignored,
                    _ => match code.use_of(&field) {
                        Use::Copied => &mut members.stored,
                        _ => &mut members.honoured,
                    },
                };
                judged.push(member.clone());
                reach(table, attributes["shape"].as_str().unwrap_or_default(), &mut reached);
            }
        }
        members.add_to(&mut sums);
        writeln!(out, "| `{operation}` | {} |", members.cells())?;
    }
    let (mut rows, mut whole) = (String::new(), Vec::new());
    for shape in &reached {
        let mut members = Members::default();
        for (member, _) in structure(table, shape) {
            let judged = match code.use_of(&snake(member)) {
                Use::Read => &mut members.honoured,
                Use::Nowhere if !kept.contains(shape) => &mut members.ignored,
                _ => &mut members.stored,
            };
            judged.push(member.clone());
        }
        members.add_to(&mut sums);
        if members.stored.is_empty() && members.ignored.is_empty() {
            whole.push(format!("`{shape}`"));
        } else {
            writeln!(rows, "| `{shape}` | {} |", members.cells())?;
        }
    }
    if !rows.is_empty() {
        write!(
            out,
            "\nThe structures in these requests:\n\n| structure | honoured | stored only | ignored |\n| --- | --- | --- | --- |\n{rows}"
        )?;
    }
    if !whole.is_empty() {
        writeln!(out, "\nHonoured in all their members: {}.", whole.join(", "))?;
    }
    if !unimplemented.is_empty() {
        writeln!(out, "\nNot implemented: {}.", unimplemented.join(", "))?;
    }
    let row = format!(
        "| {name} | {} | {} | {} | {} | {} |\n",
        operations.len() + unimplemented.len(),
        operations.len(),
        sums[0],
        sums[1],
        sums[2]
    );
    Ok((out, row))
}

fn protocols(table: &Value) -> String {
    let mut names: Vec<&str> =
        table["protocols"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    if names.is_empty() {
        names.extend(table["protocol"].as_str());
    }
    format!("spoken: {}", names.join(", "))
}

/// The members of a structure; none when it is something else.
fn structure<'t>(table: &'t Value, shape: &str) -> impl Iterator<Item = (&'t String, &'t Value)> {
    table["shapes"][shape]["members"].as_object().into_iter().flatten()
}

/// Adds the structures under `shape`, with itself.
fn reach(table: &Value, shape: &str, reached: &mut BTreeSet<String>) {
    let described = &table["shapes"][shape];
    if described["type"] == "structure" && !reached.insert(shape.to_owned()) {
        return;
    }
    for (_, member) in structure(table, shape) {
        reach(table, member["shape"].as_str().unwrap_or_default(), reached);
    }
    for inner in ["member", "value"].iter().filter_map(|key| described[key].as_str()) {
        reach(table, inner, reached);
    }
}

/// The structures that the state keeps as they are: those whose types its records name, and all in them.
fn kept(records: &BTreeSet<String>, table: &Value) -> BTreeSet<String> {
    let shapes: BTreeMap<String, &String> =
        table["shapes"].as_object().into_iter().flatten().map(|(name, _)| (type_name(name), name)).collect();
    let mut kept = BTreeSet::new();
    for shape in records.iter().filter_map(|word| shapes.get(word)) {
        reach(table, shape, &mut kept);
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_is_what_the_code_says() {
        let written = fs::read_to_string(path()).unwrap();
        assert!(
            written == page().unwrap(),
            "docs/conformance.md is out of date: run `cargo xtask conformance`"
        );
    }

    #[test]
    fn every_operation_of_the_tables_is_on_the_page() {
        let page = fs::read_to_string(path()).unwrap();
        for (module, _) in SERVICES {
            let path = root().join("crates/models/src").join(format!("{module}.json"));
            let table: Value = serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap();
            for operation in table["operations"].as_object().unwrap().keys() {
                assert!(page.contains(&format!("\n| `{operation}` |")), "{module} {operation}");
            }
        }
        let tables = fs::read_dir(root().join("crates/models/src")).unwrap();
        let is_table = |path: &PathBuf| path.extension().is_some_and(|extension| extension == "json");
        assert_eq!(tables.filter(|file| is_table(&file.as_ref().unwrap().path())).count(), SERVICES.len());
    }
}
