//! A small stand-in for GitHub's runner: it runs the steps of a workflow one after another, puts expressions in, sets what
//! the runner sets for an action, and takes outputs from the files that it names. It knows the actions that the tests'
//! workflows use, and no other; `docker` is a fake that writes down how it was called.

use std::{
    collections::BTreeMap,
    fs,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    process::Command,
};

use saphyr::{LoadableYamlNode as _, Yaml};
use tempfile::TempDir;

use crate::cloud::Cloud;

/// The registry that the login answers.
pub(crate) const REGISTRY: &str = "123456789012.dkr.ecr.us-east-1.amazonaws.com";

/// A step as it stands in the file, expressions and all.
#[derive(Debug, Clone, Default)]
struct Step {
    id: String,
    uses: Option<String>,
    run: Option<String>,
    with: Vec<(String, String)>,
    env: Vec<(String, String)>,
}

/// How a step ended.
#[derive(Debug, Clone, Default)]
pub(crate) struct Ended {
    /// What it was: `uses`, or `run`.
    pub(crate) what: String,
    pub(crate) exit: Option<i32>,
    pub(crate) said: String,
    pub(crate) outputs: BTreeMap<String, String>,
    pub(crate) summary: String,
}

/// A job under way.
pub(crate) struct Job<'a> {
    cloud: &'a Cloud,
    steps: Vec<Step>,
    folder: TempDir,
    /// `github.sha`, `inputs.to-revision` and what else stands for itself.
    contexts: BTreeMap<String, String>,
    environment: Vec<(String, String)>,
}

impl<'a> Job<'a> {
    /// The one job of a workflow, for a commit, in a workspace that has these files.
    pub(crate) fn of(workflow: &str, sha: &str, files: &[(&str, &str)], cloud: &'a Cloud) -> Self {
        let documents = Yaml::load_from_str(workflow).unwrap();
        let (_, job) = documents[0]["jobs"].as_mapping().unwrap().iter().next().unwrap();
        let steps = job["steps"].as_sequence().unwrap().iter().map(step).collect();
        let folder = tempfile::tempdir().unwrap();
        let workspace = folder.path().join("workspace");
        for (path, text) in files {
            let path = workspace.join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        fake_docker(&folder.path().join("programs"));
        let mut contexts = BTreeMap::from([("github.sha".to_owned(), sha.to_owned())]);
        for name in ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"] {
            contexts.insert(format!("secrets.{name}"), "test".to_owned());
        }
        let environment = pairs(documents[0].as_mapping_get("env"));
        Self { cloud, steps, folder, contexts, environment }
    }

    /// What somebody typed when the workflow was started by hand.
    pub(crate) fn with_input(mut self, name: &str, value: &str) -> Self {
        self.contexts.insert(format!("inputs.{name}"), value.to_owned());
        self
    }

    /// A variable that every step sees.
    pub(crate) fn with_environment(mut self, name: &str, value: &str) -> Self {
        self.environment.push((name.to_owned(), value.to_owned()));
        self
    }

    /// The folder that the repository's files are in.
    pub(crate) fn workspace(&self) -> PathBuf {
        self.folder.path().join("workspace")
    }

    /// How the fake `docker` was called, a line each.
    pub(crate) fn docker_calls(&self) -> String {
        fs::read_to_string(self.folder.path().join("programs/calls")).unwrap_or_default()
    }

    /// Runs the steps up to the first that fails; answers each that ran.
    pub(crate) fn run(&mut self) -> Vec<Ended> {
        for (name, value) in self.environment.clone() {
            let value = self.expanded(&value);
            self.contexts.insert(format!("env.{name}"), value);
        }
        let mut ended = Vec::new();
        for step in self.steps.clone() {
            let done = self.step(&step);
            for (name, value) in &done.outputs {
                self.contexts.insert(format!("steps.{}.outputs.{name}", step.id), value.clone());
            }
            let failed = done.exit != Some(0);
            ended.push(done);
            if failed {
                break;
            }
        }
        ended
    }

    fn step(&mut self, step: &Step) -> Ended {
        let with: Vec<(String, String)> =
            step.with.iter().map(|(name, value)| (name.clone(), self.expanded(value))).collect();
        let Some(uses) = &step.uses else {
            let mut command = Command::new("bash");
            command.args(["-e", "-c", step.run.as_deref().unwrap()]);
            let env = step.env.iter().map(|(name, value)| (name.clone(), self.expanded(value))).collect();
            return self.program("run", command, env);
        };
        let done = Ended { what: uses.clone(), exit: Some(0), ..Ended::default() };
        match uses.split('@').next().unwrap() {
            // The files are there.
            "actions/checkout" => done,
            "aws-actions/configure-aws-credentials" => {
                let region = with.iter().find(|(name, _)| name == "aws-region").unwrap().1.clone();
                self.environment.push(("AWS_REGION".to_owned(), region.clone()));
                self.environment.push(("AWS_DEFAULT_REGION".to_owned(), region));
                done
            }
            "aws-actions/amazon-ecr-login" => {
                let outputs = BTreeMap::from([("registry".to_owned(), REGISTRY.to_owned())]);
                Ended { outputs, ..done }
            }
            "tidegate/tidegate" => {
                let action = Declared::read();
                let mut command = Command::new(env!("CARGO_BIN_EXE_tidegate"));
                command.args(&action.args);
                let mut inputs = Vec::new();
                for (name, value) in with {
                    assert!(action.inputs.contains(&name), "action.yml has no input {name}");
                    inputs.push((format!("INPUT_{}", name.replace(' ', "_").to_uppercase()), value));
                }
                // The runner sets an input that is declared and not given, too.
                for name in &action.inputs {
                    let variable = format!("INPUT_{}", name.to_uppercase());
                    if inputs.iter().all(|(known, _)| *known != variable) {
                        inputs.push((variable, String::new()));
                    }
                }
                let done = self.program(uses, command, inputs);
                for name in done.outputs.keys() {
                    assert!(action.outputs.contains(name), "action.yml has no output {name}");
                }
                done
            }
            other => panic!("this stand-in knows no action {other}"),
        }
    }

    /// A program of a step, with what the runner sets for it.
    fn program(&self, what: &str, mut command: Command, more: Vec<(String, String)>) -> Ended {
        let files = tempfile::tempdir().unwrap();
        let (output, summary) = (files.path().join("output"), files.path().join("summary"));
        fs::write(&output, "").unwrap();
        fs::write(&summary, "").unwrap();
        let path = std::env::var("PATH").unwrap_or_default();
        let programs = self.folder.path().join("programs");
        let ran = command
            .current_dir(self.workspace())
            .env_clear()
            .env("PATH", format!("{}:{path}", programs.display()))
            .envs(self.cloud.aws_environment())
            .envs(self.environment.iter().map(|(name, value)| (name, self.expanded(value))))
            .envs(more)
            .env("TIDEGATE_TICK_MS", "100")
            .env("CI", "true")
            .env("GITHUB_ACTIONS", "true")
            .env("GITHUB_WORKSPACE", self.workspace())
            .env("GITHUB_OUTPUT", &output)
            .env("GITHUB_STEP_SUMMARY", &summary)
            .env("RUNNER_TEMP", files.path())
            .output()
            .unwrap();
        Ended {
            what: what.to_owned(),
            exit: ran.status.code(),
            said: format!("{}{}", String::from_utf8_lossy(&ran.stdout), String::from_utf8_lossy(&ran.stderr)),
            outputs: outputs(&fs::read_to_string(output).unwrap()),
            summary: fs::read_to_string(summary).unwrap(),
        }
    }

    fn expanded(&self, text: &str) -> String {
        let mut out = String::new();
        let mut rest = text;
        while let Some((before, from)) = rest.split_once("${{") {
            let (expression, after) = from.split_once("}}").unwrap();
            let name = expression.trim();
            let value = self.contexts.get(name).unwrap_or_else(|| panic!("nothing is known of {name}"));
            out.push_str(before);
            out.push_str(value);
            rest = after;
        }
        out.push_str(rest);
        out
    }
}

/// What action.yml declares.
struct Declared {
    inputs: Vec<String>,
    outputs: Vec<String>,
    args: Vec<String>,
}

impl Declared {
    fn read() -> Self {
        let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../action.yml");
        let text = fs::read_to_string(file).unwrap();
        let documents = Yaml::load_from_str(&text).unwrap();
        let names = |section: &str| {
            let entries = documents[0][section].as_mapping().unwrap();
            entries.iter().map(|(name, _)| name.as_str().unwrap().to_owned()).collect()
        };
        let args = documents[0]["runs"]["args"].as_sequence().unwrap();
        Self {
            inputs: names("inputs"),
            outputs: names("outputs"),
            args: args.iter().map(|it| it.as_str().unwrap().to_owned()).collect(),
        }
    }
}

fn step(node: &Yaml<'_>) -> Step {
    let text = |name: &str| node.as_mapping_get(name).and_then(|it| it.as_str()).map(str::to_owned);
    Step {
        id: text("id").unwrap_or_default(),
        uses: text("uses"),
        run: text("run"),
        with: pairs(node.as_mapping_get("with")),
        env: pairs(node.as_mapping_get("env")),
    }
}

/// The runner hands everything on as texts.
fn pairs(node: Option<&Yaml<'_>>) -> Vec<(String, String)> {
    let Some(entries) = node.and_then(|it| it.as_mapping()) else { return Vec::new() };
    let text = |value: &Yaml<'_>| {
        let of_text = value.as_str().map(str::to_owned);
        of_text
            .or_else(|| value.as_bool().map(|it| it.to_string()))
            .or_else(|| value.as_integer().map(|it| it.to_string()))
    };
    entries.iter().map(|(name, value)| (text(name).unwrap(), text(value).unwrap_or_default())).collect()
}

/// `NAME=VALUE`, or `NAME<<DELIMITER`, lines, `DELIMITER`.
fn outputs(text: &str) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    let mut lines = text.lines();
    while let Some(line) = lines.next() {
        if let Some((name, delimiter)) = line.split_once("<<") {
            let value: Vec<&str> = lines.by_ref().take_while(|line| *line != delimiter).collect();
            found.insert(name.to_owned(), value.join("\n"));
        } else if let Some((name, value)) = line.split_once('=') {
            found.insert(name.to_owned(), value.to_owned());
        }
    }
    found
}

/// A fake: it has no image yet, builds and pushes whatever it is asked to, and knows a digest for it.
fn fake_docker(folder: &Path) {
    fs::create_dir_all(folder).unwrap();
    let script = "#!/bin/sh\necho \"$*\" >> \"$(dirname \"$0\")/calls\"\ncase $1 in\n\
                  pull) exit 1 ;;\n\
                  inspect) shift $(($# - 1)); echo \"${1%:*}@sha256:$(printf '%064d' 7)\" ;;\nesac\n";
    let file = folder.join("docker");
    fs::write(&file, script).unwrap();
    fs::set_permissions(&file, fs::Permissions::from_mode(0o755)).unwrap();
}
