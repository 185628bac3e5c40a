//! `tidegate init terraform`: every cell of strategy × controller is formatted, valid, applied on the local cloud, and then
//! nothing is left to plan; and by the config file that goes with it the service is shipped, by each controller.
//!
//! All cells are modules of one configuration, since the provider starts slowly.

use std::{
    fs,
    path::Path,
    process::{Command, Output},
    thread,
};

use super::program::{self, Terraform};
use crate::cloud::Cloud;

const PROGRAM: &str = env!("CARGO_BIN_EXE_tidegate");

/// Strategy, controller and the name of each cell.
const CELLS: [(&str, &str, &str); 10] = [
    ("rolling", "ecs", "rolling"),
    ("blue_green", "ecs", "blue-green"),
    ("linear", "ecs", "linear"),
    ("canary", "ecs", "canary"),
    ("blue_green", "code_deploy", "cd-blue-green"),
    ("linear", "code_deploy", "cd-linear"),
    ("canary", "code_deploy", "cd-canary"),
    ("blue_green", "alb", "alb-blue-green"),
    ("linear", "alb", "alb-linear"),
    ("canary", "alb", "alb-canary"),
];

/// Those that are shipped as well: each controller, and rolling.
const SHIPPED: [&str; 4] = ["rolling", "canary", "cd-canary", "alb-blue-green"];

#[test]
fn every_cell_is_formatted_valid_applied_and_left_alone_and_ships_by_its_config_file() {
    let Some(plugins) = program::plugins() else { return };
    // The provider of the mirror has no block for ECS's own strategies; the apply calls the AWS CLI instead.
    if crate::clients::missing("aws", &["--version"]) {
        return;
    }
    let cloud = Cloud::start_beside(&["--speed", "20"]);
    let cells = cloud.folder().join("cells");
    for (strategy, controller, name) in CELLS {
        let arguments = [
            "init",
            "terraform",
            "--strategy",
            strategy,
            "--controller",
            controller,
            "--name",
            name,
            "--dir",
        ];
        let written =
            Command::new(PROGRAM).args(arguments).arg(cells.join(name)).env_clear().output().unwrap();
        assert!(written.status.success(), "{}", told(&written));
    }
    let formatted = Command::new("terraform")
        .args(["fmt", "-check", "-diff", "-recursive"])
        .arg(&cells)
        .output()
        .unwrap();
    assert!(formatted.status.success(), "{}", told(&formatted));

    let root = cloud.folder().join("root");
    fs::create_dir(&root).unwrap();
    fs::write(
        root.join("main.tf"),
        CELLS.map(|(strategy, controller, name)| module(strategy, controller, name)).concat(),
    )
    .unwrap();
    let mut terraform = Terraform::of(&root, &cloud, &plugins);
    terraform.run("init", &["init"]);
    terraform.run("validate", &["validate"]);
    terraform.run("apply", &["apply", "-auto-approve"]);
    terraform.plans_nothing("plan after apply");

    let deployed = thread::scope(|scope| {
        let deploys = SHIPPED.map(|name| {
            let (cloud, cell) = (&cloud, cells.join(name));
            (name, scope.spawn(move || deploy(cloud, &cell)))
        });
        deploys.map(|(name, deploy)| (name, deploy.join().unwrap()))
    });
    for (name, output) in deployed {
        assert_eq!(output.status.code(), Some(0), "{name}: {}", told(&output));
    }
    // What Tidegate, ECS and CodeDeploy moved, Terraform does not want back.
    terraform.plans_nothing("plan after the deployments");
    terraform.print_times();
}

/// A cell with ports that nobody else has.
fn module(strategy: &str, controller: &str, name: &str) -> String {
    let has_test_traffic = strategy != "rolling" && controller != "alb";
    let test_port = if has_test_traffic { "  test_port = 18081\n" } else { "" };
    // One of them with what is off by itself.
    let autoscaling = if name == "rolling" { "  autoscaling = { min = 2, max = 4, cpu = 60 }\n" } else { "" };
    format!(
        "module \"{name}\" {{\n  source = \"../cells/{name}\"\n  image = \"sample:1\"\n  port = 18080\n{test_port}{autoscaling}}}\n"
    )
}

fn deploy(cloud: &Cloud, cell: &Path) -> Output {
    Command::new(PROGRAM)
        .current_dir(cell)
        .args(["deploy", "--timeout", "5m"])
        .env_clear()
        .envs(cloud.aws_environment())
        .env("IMAGE", "sample:2")
        .env("TIDEGATE_TICK_MS", "100")
        .output()
        .unwrap()
}

fn told(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}
