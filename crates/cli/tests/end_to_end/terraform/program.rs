//! The program `terraform`, as these tests run it.

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::{Command, Output},
    time::{Duration, Instant},
};

use serde_json::{Map, Value, json};

use crate::cloud::Cloud;

/// The folder of the provider mirror; `None` when these tests cannot run here, which is said, or is a failure where they
/// must run.
pub(super) fn plugins() -> Option<PathBuf> {
    let found = Command::new("terraform").arg("version").output().is_ok_and(|output| output.status.success());
    let plugins =
        env::var_os("TIDEGATE_TERRAFORM_PLUGINS").map(PathBuf::from).filter(|folder| folder.is_dir());
    let reason = match (found, plugins) {
        (true, Some(folder)) => return Some(folder),
        (false, _) => "`terraform version` does not work here",
        (true, None) => "TIDEGATE_TERRAFORM_PLUGINS does not name the folder of a provider mirror",
    };
    assert!(
        env::var_os("TIDEGATE_REQUIRE_TERRAFORM").is_none(),
        "TIDEGATE_REQUIRE_TERRAFORM is set, but {reason}"
    );
    eprintln!("\n*** SKIPPED: {reason} ***\n");
    None
}

/// A configuration with its state and its variables.
pub(super) struct Terraform {
    folder: PathBuf,
    environment: Vec<(&'static str, String)>,
    variables: Map<String, Value>,
    times: Vec<(String, Duration)>,
}

impl Terraform {
    /// The example, with ports that nobody else has.
    pub(super) fn of_example(cloud: &Cloud, plugins: &Path) -> Self {
        let mut terraform = Self::of(&workspace().join("examples/terraform"), cloud, plugins);
        terraform.set("image", json!("sample:v1"));
        terraform
            .set("ports", json!({"production": 18443, "test": 18444, "rolling": 18080, "canary": 18081}));
        terraform
    }

    /// The configuration in `source`, copied into a folder beside the cloud's state.
    pub(super) fn of(source: &Path, cloud: &Cloud, plugins: &Path) -> Self {
        let folder = cloud.folder().join("terraform");
        fs::create_dir(&folder).unwrap();
        for file in fs::read_dir(source).unwrap().flatten() {
            if file.path().extension().is_some_and(|extension| extension == "tf") {
                fs::copy(file.path(), folder.join(file.file_name())).unwrap();
            }
        }
        let configuration = folder.join("terraform.rc");
        let mirror = format!(
            "provider_installation {{\n  filesystem_mirror {{\n    path = \"{}\"\n  }}\n}}\n",
            plugins.display()
        );
        fs::write(&configuration, mirror).unwrap();
        let mut environment = cloud.aws_environment();
        environment.extend([
            ("TF_CLI_CONFIG_FILE", configuration.display().to_string()),
            ("TF_IN_AUTOMATION", "1".to_owned()),
            ("TF_INPUT", "0".to_owned()),
            ("CHECKPOINT_DISABLE", "1".to_owned()),
        ]);
        Self { folder, environment, variables: Map::new(), times: Vec::new() }
    }

    /// Gives a variable another value.
    pub(super) fn set(&mut self, name: &str, value: Value) {
        self.variables.insert(name.to_owned(), value);
        let text = Value::Object(self.variables.clone()).to_string();
        fs::write(self.folder.join("terraform.tfvars.json"), text).unwrap();
    }

    /// Runs a command that must succeed, and remembers how long it took.
    pub(super) fn run(&mut self, what: &str, arguments: &[&str]) {
        let started = Instant::now();
        self.run_quietly(arguments);
        self.times.push((what.to_owned(), started.elapsed()));
    }

    /// Runs a command that must succeed.
    pub(super) fn run_quietly(&self, arguments: &[&str]) -> String {
        let output = self.output_of(arguments);
        assert!(output.status.success(), "terraform {}\n{}", arguments.join(" "), said(&output));
        String::from_utf8_lossy(&output.stdout).into_owned()
    }

    /// Plans, and holds it to see no difference.
    pub(super) fn plans_nothing(&mut self, what: &str) {
        let started = Instant::now();
        let output = self.output_of(&["plan", "-detailed-exitcode"]);
        self.times.push((what.to_owned(), started.elapsed()));
        assert_eq!(output.status.code(), Some(0), "{what}\n{}", said(&output));
    }

    /// An output of the configuration.
    pub(super) fn output(&self, name: &str) -> String {
        self.run_quietly(&["output", "-raw", name])
    }

    /// The resources as Terraform's state has them now.
    pub(super) fn state(&self) -> State {
        State(serde_json::from_str(&self.run_quietly(&["show", "-json"])).unwrap())
    }

    /// Forgets resources, and takes each in again by its id; nothing else may be planned for them.
    pub(super) fn forget_and_import(&mut self, resources: &[(String, String)]) {
        let addresses = resources.iter().map(|(address, _)| address.as_str());
        self.run_quietly(&["state", "rm"].into_iter().chain(addresses).collect::<Vec<_>>());
        let blocks = resources.iter().map(|(address, id)| {
            format!("import {{\n  to = {address}\n  id = {}\n}}\n", Value::from(id.as_str()))
        });
        fs::write(self.folder.join("imports.tf"), blocks.collect::<String>()).unwrap();
        let started = Instant::now();
        let said = self.run_quietly(&["apply", "-auto-approve"]);
        self.times.push((format!("import {} resources", resources.len()), started.elapsed()));
        let only_imports = format!("{} imported, 0 added, 0 changed, 0 destroyed", resources.len());
        assert!(said.contains(&only_imports), "{said}");
        fs::remove_file(self.folder.join("imports.tf")).unwrap();
    }

    /// Says how long everything took.
    pub(super) fn print_times(&self) {
        for (what, time) in &self.times {
            eprintln!("terraform: {what}: {:.1} s", time.as_secs_f64());
        }
    }

    fn output_of(&self, arguments: &[&str]) -> Output {
        let mut command = Command::new("terraform");
        let (first, rest) = arguments.split_first().unwrap();
        command.arg(first);
        // Many resources, of which most only wait.
        if ["apply", "destroy", "plan"].contains(first) {
            command.arg("-parallelism=40");
        }
        if !["show", "output", "state"].contains(first) {
            command.arg("-no-color");
        }
        command.args(rest).current_dir(&self.folder).envs(self.environment.iter().map(|(k, v)| (k, v)));
        command.output().unwrap()
    }
}

/// The state of a configuration.
pub(super) struct State(Value);

impl State {
    /// An attribute of a resource.
    pub(super) fn value(&self, address: &str, attribute: &str) -> String {
        let resources = self.0["values"]["root_module"]["resources"].as_array().unwrap();
        let found = resources.iter().find(|resource| resource["address"] == address);
        let found = found.unwrap_or_else(|| panic!("there is no {address}"));
        found["values"][attribute]
            .as_str()
            .unwrap_or_else(|| panic!("{address} has no {attribute}"))
            .to_owned()
    }
}

/// The folder of the workspace.
pub(super) fn workspace() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn said(output: &Output) -> String {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    format!("--- stdout\n{}\n--- stderr\n{}", text(&output.stdout), text(&output.stderr))
}
