//! Which neighbours of a service have to be asked for: everything that its documents name. Pure. Start with
//! [`Named::of`].

use crate::observe::{list, text, word};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use tidegate_checks::{Asked, Picture};

/// The names.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Named {
    /// The account that the service is in.
    pub(super) account: String,
    pub(super) target_groups: Vec<String>,
    pub(super) alarms: Vec<String>,
    pub(super) images: BTreeSet<String>,
    pub(super) roles: BTreeSet<String>,
    pub(super) secrets: BTreeSet<String>,
    /// Each with the region that its container names.
    pub(super) log_groups: BTreeMap<String, Option<String>>,
}

impl Named {
    /// What the service, its definition and its way back name.
    pub(super) fn of(picture: &Picture) -> Self {
        let arn = word(&picture.service, "serviceArn").unwrap_or_default();
        let mut named = Self {
            account: arn.split(':').nth(4).unwrap_or_default().to_owned(),
            alarms: picture.watched_alarms().into_iter().map(str::to_owned).collect(),
            ..Self::default()
        };
        for entry in picture.load_balancers() {
            named.target_groups.extend(text(entry, "targetGroupArn"));
            named.roles.extend(pointed(entry, "/advancedConfiguration/roleArn"));
        }
        for hook in picture.deployment().map(|it| list(it, "lifecycleHooks")).unwrap_or_default() {
            named.roles.extend(text(hook, "roleArn"));
        }
        if let Asked::Told(definition) = &picture.definition {
            named.roles.extend(text(definition, "executionRoleArn"));
            named.roles.extend(text(definition, "taskRoleArn"));
        }
        for container in picture.containers() {
            named.take(container);
        }
        let way_back = picture.way_back.told().and_then(|it| it.definition.told());
        for container in way_back.map(|it| list(it, "containerDefinitions")).unwrap_or_default() {
            named.images.extend(text(container, "image"));
        }
        named
    }

    fn take(&mut self, container: &Value) {
        self.images.extend(text(container, "image"));
        let options =
            container.get("logConfiguration").map(|it| list(it, "secretOptions")).unwrap_or_default();
        for secret in list(container, "secrets").iter().chain(options) {
            self.secrets.extend(text(secret, "valueFrom"));
        }
        self.secrets.extend(pointed(container, "/repositoryCredentials/credentialsParameter"));
        if pointed(container, "/logConfiguration/logDriver").as_deref() == Some("awslogs")
            && let Some(group) = pointed(container, "/logConfiguration/options/awslogs-group")
        {
            self.log_groups.insert(group, pointed(container, "/logConfiguration/options/awslogs-region"));
        }
    }
}

fn pointed(object: &Value, pointer: &str) -> Option<String> {
    object.pointer(pointer).and_then(Value::as_str).map(str::to_owned)
}
