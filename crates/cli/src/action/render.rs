//! A task definition with the image of a release, written to a file for the steps that follow. Start with [`run`].

use super::Done;
use super::inputs::{DEFINITIONS, Inputs, wrong};
use crate::args::Global;
use crate::config::document;
use crate::exit::Exit;
use crate::failure::Failure;
use serde_json::Value;
use std::io::Write as _;
use std::path::Path;
use tidegate_aws::{Client, ConnectOptions, blueprint};
use tidegate_rollout::task_definition::edit::{ContainerEdit, edit};
use tidegate_rollout::task_definition::images::{ImageChange, set_images};
use tidegate_rollout::task_definition::spelling::spell_for_aws;
use tidegate_rollout::task_definition::strip::registrable;

/// Where rendered files go, in the workspace: the one folder that an action in a container shares with the steps around
/// it, under a path that is the same for both.
const FOLDER: &str = ".tidegate";

/// Renders, and answers the path as Amazon's action does.
pub(super) async fn run(inputs: &Inputs, global: &Global) -> Result<Done, Failure> {
    let mut document = registrable(&read(inputs, global).await?);
    change(&mut document, inputs)?;
    let family = document.get("family").and_then(Value::as_str).unwrap_or("task-definition").to_owned();
    let path = write(&inputs.workspace().path(FOLDER), &family, &document)?;
    let relative = format!("{FOLDER}/{path}");
    let _ = writeln!(std::io::stdout(), "wrote {relative}");
    Ok(Done { exit: Exit::Done, outputs: vec![("task-definition", relative)] })
}

/// The file, else what is registered.
async fn read(inputs: &Inputs, global: &Global) -> Result<Value, Failure> {
    if let Some(file) = inputs.get("task-definition") {
        return Ok(document::read(&inputs.workspace().path(&file))?);
    }
    let revision = inputs.count("task-definition-revision")?;
    let named = match (inputs.get("task-definition-arn"), inputs.get("task-definition-family"), revision) {
        (Some(arn), ..) => arn,
        (None, Some(family), Some(revision)) => format!("{family}:{revision}"),
        (None, Some(family), None) => family,
        (None, None, _) => {
            return Err(Failure::new(
                Exit::Usage,
                format!("one of the inputs {} is needed", DEFINITIONS.join(", ")),
            ));
        }
    };
    let options = ConnectOptions { region: global.region.clone(), ..ConnectOptions::default() };
    let client = Client::connect(options).await?;
    Ok(blueprint::task_definition(&client, &named).await?)
}

/// Sets the image, and what else the inputs name, in each container that is named.
fn change(document: &mut Value, inputs: &Inputs) -> Result<(), Failure> {
    let containers = inputs.names("container-name");
    let image = inputs.get("image").ok_or_else(|| wrong("image", "the image to run"))?;
    if containers.is_empty() {
        return Err(wrong(
            "container-name",
            "the container that runs the image, or several with commas between",
        ));
    }
    let command = inputs.get("command").map(|text| {
        serde_json::from_str::<Vec<String>>(&text)
            .map_err(|_| wrong("command", "a JSON list of texts, such as [\"serve\", \"--port=8080\"]"))
    });
    let wanted = ContainerEdit {
        environment: inputs.pairs("environment-variables")?,
        secrets: inputs.pairs("secrets")?,
        environment_files: inputs.lines("env-files"),
        labels: inputs.pairs("docker-labels")?,
        log_driver: inputs.get("log-configuration-log-driver"),
        log_options: inputs.pairs("log-configuration-options")?,
        command: command.transpose()?,
    };
    let images: Vec<ImageChange> = containers
        .iter()
        .map(|container| ImageChange::Of { container: container.clone(), image: image.clone() })
        .collect();
    let unfit = |error: tidegate_rollout::task_definition::images::ImageError| {
        Failure::new(Exit::Usage, error.to_string())
    };
    set_images(document, &images).map_err(unfit)?;
    for container in &containers {
        edit(document, container, &wanted).map_err(unfit)?;
    }
    for (input, member) in [("task-role-arn", "taskRoleArn"), ("execution-role-arn", "executionRoleArn")] {
        if let Some(arn) = inputs.get(input) {
            document[member] = Value::from(arn);
        }
    }
    spell_for_aws(document);
    Ok(())
}

/// Writes it under a name that no earlier step has written; answers the name.
fn write(folder: &Path, family: &str, document: &Value) -> Result<String, Failure> {
    let failed = |error: std::io::Error| {
        Failure::new(
            Exit::Refused,
            format!("cannot write the task definition to {}: {error}", folder.display()),
        )
    };
    std::fs::create_dir_all(folder).map_err(failed)?;
    let safe: String =
        family.chars().map(|c| if c.is_ascii_alphanumeric() || "-_".contains(c) { c } else { '-' }).collect();
    // It is read again with look-ups, and these were looked up already.
    let text = ["env", "ssm", "tfstate"].iter().fold(format!("{document:#}\n"), |text, kind| {
        text.replace(&format!("${{{kind}:"), &format!("$${{{kind}:"))
    });
    for number in 1..10_000_u32 {
        let name = format!("{safe}.{number}.json");
        match std::fs::File::create_new(folder.join(&name)) {
            Ok(mut file) => return file.write_all(text.as_bytes()).map(|()| name).map_err(failed),
            Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(failed(error)),
        }
    }
    Err(failed(std::io::Error::from(std::io::ErrorKind::AlreadyExists)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn changed(pairs: &[(&str, &str)]) -> Result<Value, String> {
        let mut document = json!({"family": "web", "containerDefinitions": [{"name": "app", "image": "a:1"}, {"name": "side", "image": "s:1"}]});
        change(&mut document, &Inputs::of(pairs)).map_err(|failure| failure.words())?;
        Ok(document)
    }

    #[test]
    fn each_named_container_gets_the_image_and_the_variables() {
        let changed = changed(&[
            ("container-name", "app, side"),
            ("image", "a:2"),
            ("environment-variables", "A=1"),
            ("task-role-arn", "arn:aws:iam::1:role/x"),
        ])
        .expect("both are there");
        let container =
            |name: &str| json!({"name": name, "image": "a:2", "environment": [{"name": "A", "value": "1"}]});
        let expected = json!({"family": "web", "taskRoleArn": "arn:aws:iam::1:role/x",
            "containerDefinitions": [container("app"), container("side")]});
        assert_eq!(changed, expected);
    }

    #[test]
    fn what_is_missing_or_wrong_is_named() {
        let told = [
            changed(&[("image", "a:2")]),
            changed(&[("container-name", "app")]),
            changed(&[("container-name", "web"), ("image", "a:2")]),
            changed(&[("container-name", "app"), ("image", "a:2"), ("command", "serve")]),
        ];
        insta::assert_snapshot!(told.map(|it| it.expect_err("wrong")).join("\n"));
    }

    #[test]
    fn files_of_two_steps_are_two_files_and_a_look_up_is_not_made_twice() {
        let folder = tempfile::tempdir().expect("a folder");
        let document = json!({"family": "a/b", "x": "${env:HOME} ${HOME}"});
        let names = [1, 2].map(|_| write(folder.path(), "a/b", &document).ok());
        assert_eq!(names, [Some("a-b.1.json".to_owned()), Some("a-b.2.json".to_owned())]);
        let text = std::fs::read_to_string(folder.path().join("a-b.1.json")).expect("written");
        assert!(text.contains("$${env:HOME} ${HOME}"), "{text}");
    }
}
