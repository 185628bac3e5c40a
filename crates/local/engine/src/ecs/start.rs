//! What a task needs before it can start: roles that exist, the values of its secrets, and logs to write to.
//!
//! Looked up when the task starts, as the ECS agent does, and never stored with it. What is missing fails the task in
//! ECS's words. Start at [`resources`].

use tidegate_models::{Secret, Timestamp, ecs};

use super::{records::TaskDefinition, scheduler::definition_key};
use crate::{
    Missing, Scope, State, logs,
    secretsmanager::{self, records::Version},
    ssm,
};

/// A value that a container gets in its environment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Injected {
    /// The container's name.
    pub container: String,
    /// The variable's name.
    pub name: String,
    /// What it holds.
    pub value: Secret,
}

/// How the reason of a task begins whose role ECS cannot take on.
pub(crate) const NOT_ASSUMED: &str = "ECS was unable to assume the role";

/// What is invented for a secret.
const INVENTED: &str = "rehearsal";

/// The secrets of the containers of the task with this ARN.
///
/// # Errors
///
/// Why the task cannot start: the reason that ECS gives a task that failed to start.
pub fn resources(state: &State, task_arn: &str) -> Result<Vec<Injected>, String> {
    if let Some(role) = missing_role(state, task_arn) {
        return Err(format!(
            "{NOT_ASSUMED} '{role}' that was provided for this task. Please verify that the role being passed has the proper \
             trust relationship and permissions and that your IAM user has permissions to pass this role."
        ));
    }
    let failed = |why: String| format!("ResourceInitializationError: {why}");
    let (scope, id) = (Scope::of_arn(task_arn), id(task_arn));
    let value = |value_from: &str| match value(state, &scope, value_from) {
        Err(_) if state.settings.missing == Missing::IsInvented => Ok(Secret::new(INVENTED)),
        found => found.map_err(failed),
    };
    let mut injected = Vec::new();
    for container in containers(state, task_arn) {
        for secret in container.secrets.iter().flatten() {
            let value = value(&secret.value_from)?;
            let container = container.name.clone().unwrap_or_default();
            injected.push(Injected { container, name: secret.name.clone(), value });
        }
        let options =
            container.log_configuration.iter().filter_map(|it| it.secret_options.as_ref()).flatten();
        for option in options {
            value(&option.value_from)?;
        }
    }
    let unwritable = containers(state, task_arn).find_map(|it| logs::check(state, &scope, id, it));
    match unwritable {
        Some(why) => Err(failed(why)),
        None => Ok(injected),
    }
}

/// A role of the task's definition that its account does not have. An account in which nobody has ever made a role
/// plays no IAM, and has every role.
fn missing_role(state: &State, task_arn: &str) -> Option<String> {
    let account = Scope::of_arn(task_arn).account;
    let of_account = |arn: &str| arn.split(':').nth(4) == Some(account.as_str());
    let plays = state.iam_roles.iter().any(|(_, role)| of_account(&role.arn));
    if !plays || state.settings.missing == Missing::IsInvented {
        return None;
    }
    let definition = definition(state, task_arn)?;
    let named = [&definition.document.execution_role_arn, &definition.document.task_role_arn];
    let mut named = named.into_iter().flatten().filter(|arn| arn.starts_with("arn:") && of_account(arn));
    named.find(|arn| !state.iam_roles.iter().any(|(_, role)| role.arn == **arn)).cloned()
}

/// Makes the log streams that the containers of a task write to.
pub(crate) fn open_logs(state: &mut State, task_arn: &str, now: Timestamp) {
    let scope = Scope::of_arn(task_arn);
    let containers: Vec<ecs::ContainerDefinition> = containers(state, task_arn).cloned().collect();
    for container in containers {
        logs::open(state, &scope, id(task_arn), &container, now);
    }
}

fn containers<'a>(state: &'a State, task_arn: &str) -> impl Iterator<Item = &'a ecs::ContainerDefinition> {
    let definition = definition(state, task_arn);
    definition.into_iter().flat_map(|row| row.document.container_definitions.iter().flatten())
}

fn definition<'a>(state: &'a State, task_arn: &str) -> Option<&'a TaskDefinition> {
    let key = state.tasks.get(task_arn).and_then(|task| definition_key(&task.task_definition));
    key.and_then(|key| state.task_definitions.get(&key))
}

fn id(task_arn: &str) -> &str {
    task_arn.rsplit('/').next().unwrap_or(task_arn)
}

/// The value that `valueFrom` names; why there is none in the words of the ECS agent.
fn value(state: &State, scope: &Scope, value_from: &str) -> Result<Secret, String> {
    const FAILED: &str = "unable to pull secrets or registry auth: execution resource retrieval failed";
    if is_secrets_manager(value_from) {
        from_secrets_manager(state, value_from).map_err(|why| {
            format!(
                "{FAILED}: unable to retrieve secret from asm: service call has been retried 1 time(s): {why}"
            )
        })
    } else {
        ssm::value_of(state, scope, value_from).ok_or_else(|| {
            format!(
                "{FAILED}: unable to retrieve secrets from ssm: service call has been retried 1 time(s): invalid ssm \
                 parameters: {value_from}"
            )
        })
    }
}

fn is_secrets_manager(value_from: &str) -> bool {
    value_from.starts_with("arn:") && value_from.split(':').nth(2) == Some("secretsmanager")
}

/// `arn:aws:secretsmanager:REGION:ACCOUNT:secret:NAME`, then perhaps a key of JSON, a stage and a version's id; what is
/// left empty is as if it were not there.
fn from_secrets_manager(state: &State, value_from: &str) -> Result<Secret, String> {
    let parts: Vec<&str> = value_from.split(':').collect();
    let arn = parts.get(..7).map_or_else(|| value_from.to_owned(), |parts| parts.join(":"));
    let part = |at: usize| parts.get(at).copied().filter(|part| !part.is_empty());
    let (key, stage, id) = (part(7), part(8), part(9));
    let wanted = |version: &Version| match (stage, id) {
        (None, None) => version.has_stage(secretsmanager::CURRENT),
        (stage, id) => {
            stage.is_none_or(|stage| version.has_stage(stage)) && id.is_none_or(|id| version.id == id)
        }
    };
    let (_, version) =
        secretsmanager::find_value(state, &Scope::of_arn(&arn), &arn, wanted).ok_or_else(|| {
            let what = match (id, stage) {
                (Some(id), _) => format!("secret value for VersionId: {id}"),
                (None, Some(stage)) => format!("secret value for staging label: {stage}"),
                (None, None) => "secret.".to_owned(),
            };
            format!(
                "failed to fetch secret {arn} from secrets manager: ResourceNotFoundException: Secrets Manager can't find \
                 the specified {what}"
            )
        })?;
    let Some(key) = key else { return Ok(version.value.secret().clone()) };
    let missing = || format!("retrieved secret from Secrets Manager did not contain json key {key}");
    let not_json =
        || format!("invalid character: the value of {arn} is not JSON, so it has no json key {key}");
    let text = version.value.string().ok_or_else(not_json)?;
    let document: serde_json::Value = serde_json::from_str(text.expose()).map_err(|_| not_json())?;
    match document.get(key) {
        Some(serde_json::Value::String(value)) => Ok(Secret::new(value.clone())),
        Some(value) => Ok(Secret::new(value.to_string())),
        None => Err(missing()),
    }
}
