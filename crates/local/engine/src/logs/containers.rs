//! The `awslogs` driver of a container, as far as it decides anything: which stream its output goes to, and whether its
//! options are those of the driver.

use std::collections::BTreeMap;

use tidegate_models::{Timestamp, ecs};

use super::{
    api::check_stream_name,
    records::{LogGroup, LogStream},
};
use crate::{Missing, Scope, State};

/// What Docker's `awslogs` driver knows, with what the ECS agent adds.
const OPTIONS: [&str; 14] = [
    "awslogs-create-group",
    "awslogs-create-stream",
    "awslogs-credentials-endpoint",
    "awslogs-datetime-format",
    "awslogs-endpoint",
    "awslogs-force-flush-interval-seconds",
    "awslogs-format",
    "awslogs-group",
    "awslogs-multiline-pattern",
    "awslogs-region",
    "awslogs-stream-prefix",
    "max-buffer-size",
    "mode",
    "tag",
];

/// Where a container logs to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Destination {
    /// The account and region.
    pub scope: Scope,
    /// The group's name.
    pub group: String,
    /// The stream's name.
    pub stream: String,
    /// Matches the line that a message of several lines begins with.
    pub multiline: Option<String>,
    creates_group: bool,
}

impl Destination {
    /// The ARN of the group.
    pub fn group_arn(&self) -> String {
        LogGroup::arn(&self.scope, &self.group)
    }

    /// The ARN of the stream.
    pub fn stream_arn(&self) -> String {
        LogStream::arn(&self.group_arn(), &self.stream)
    }
}

/// Where a container of a task in `scope` logs to; `None` when it does not log through `awslogs`.
///
/// Without a prefix AWS names the stream after the container's runtime id, which is not known before it runs: here it is
/// named after the task.
pub fn destination(
    scope: &Scope,
    task_id: &str,
    container: &ecs::ContainerDefinition,
) -> Option<Destination> {
    let options = options(container)?;
    let named = |key: &str| options.get(key).map(String::as_str);
    let region = named("awslogs-region").unwrap_or(&scope.region);
    let name = container.name.as_deref().unwrap_or_default();
    let multiline = named("awslogs-multiline-pattern").map(str::to_owned);
    Some(Destination {
        scope: Scope { account: scope.account.clone(), region: region.to_owned() },
        group: named("awslogs-group")?.to_owned(),
        stream: match named("awslogs-stream-prefix") {
            Some(prefix) => format!("{prefix}/{name}/{task_id}"),
            None => task_id.to_owned(),
        },
        multiline: multiline.or_else(|| named("awslogs-datetime-format").map(datetime_pattern)),
        creates_group: named("awslogs-create-group") == Some("true"),
    })
}

fn options(container: &ecs::ContainerDefinition) -> Option<&BTreeMap<String, String>> {
    let configuration = container.log_configuration.as_ref()?;
    (configuration.log_driver == ecs::LogDriver::Awslogs).then_some(configuration.options.as_ref()).flatten()
}

/// Why a container's log cannot be written to, in ECS's words; nothing is wrong with `None`.
pub(crate) fn check(
    state: &State,
    scope: &Scope,
    task_id: &str,
    container: &ecs::ContainerDefinition,
) -> Option<String> {
    let failed = |why: String| Some(format!("failed to validate logger args: {why} : exit status 1"));
    let options = options(container)?;
    if let Some(unknown) = options.keys().find(|name| !OPTIONS.contains(&name.as_str())) {
        return failed(format!("unknown log opt '{unknown}' for awslogs log driver"));
    }
    if let Some(mode) =
        options.get("mode").filter(|mode| !["blocking", "non-blocking"].contains(&mode.as_str()))
    {
        return failed(format!("logger: logging mode {mode:?} is not supported"));
    }
    if options.contains_key("awslogs-multiline-pattern") && options.contains_key("awslogs-datetime-format") {
        return failed(
            "you cannot configure log opt 'awslogs-datetime-format' and 'awslogs-multiline-pattern' at the same time"
                .to_owned(),
        );
    }
    let Some(destination) = destination(scope, task_id, container) else {
        return failed("must specify a value for log opt 'awslogs-group'".to_owned());
    };
    if let Some(pattern) = &destination.multiline
        && regex_lite::Regex::new(pattern).is_err()
    {
        return failed(format!("awslogs could not parse multiline pattern key {pattern:?}"));
    }
    let cannot_create = |why: &str| {
        failed(format!(
            "create stream has been retried 1 times: failed to create Cloudwatch log stream: {why}"
        ))
    };
    if check_stream_name(&destination.stream).is_err() {
        return cannot_create("InvalidParameterException: the name of the stream is not a valid one.");
    }
    let may_create = destination.creates_group || state.settings.missing == Missing::IsInvented;
    if !may_create && !state.log_groups.contains(&destination.group_arn()) {
        return cannot_create("ResourceNotFoundException: The specified log group does not exist.");
    }
    None
}

/// Makes the group, where the options ask for it, and the stream that a container logs to.
pub(crate) fn open(
    state: &mut State,
    scope: &Scope,
    task_id: &str,
    container: &ecs::ContainerDefinition,
    now: Timestamp,
) {
    let Some(destination) = destination(scope, task_id, container) else { return };
    if !state.log_groups.contains(&destination.group_arn()) {
        if !destination.creates_group && state.settings.missing == Missing::Fails {
            return;
        }
        super::api::add_group(state, &destination.scope, &destination.group, now);
    }
    if !state.log_streams.contains(&destination.stream_arn()) {
        super::api::add_stream(state, &destination.group_arn(), &destination.stream, now);
    }
}

/// The expression that finds a time of that `strftime` format in a line, as Docker's driver makes it.
fn datetime_pattern(format: &str) -> String {
    let mut pattern = String::new();
    let mut chars = format.chars();
    while let Some(c) = chars.next() {
        if c != '%' {
            if !c.is_ascii_alphanumeric() && c.is_ascii() && !c.is_ascii_whitespace() {
                pattern.push('\\');
            }
            pattern.push(c);
            continue;
        }
        pattern.push_str(match chars.next() {
            Some('A') => "(?:Monday|Tuesday|Wednesday|Thursday|Friday|Saturday|Sunday)",
            Some('a') => "(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun)",
            Some('B') => {
                "(?:January|February|March|April|May|June|July|August|September|October|November|December)"
            }
            Some('b' | 'h') => "(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)",
            Some('Y') => r"\d{4}",
            Some('y' | 'm' | 'd' | 'H' | 'I' | 'M' | 'S' | 'U' | 'W') => r"\d{2}",
            Some('w') => r"\d",
            Some('j') => r"\d{3}",
            Some('f' | 'L') => r"\.\d{3}",
            Some('p') => "[A-Z]{2}",
            Some('Z') => "[A-Z]{1,4}T",
            Some('z') => r"[+-]\d{4}",
            Some('F') => r"\d{4}-\d{2}-\d{2}",
            Some('T') => r"\d{2}:\d{2}:\d{2}",
            Some('%') => "%",
            _ => "",
        });
    }
    pattern
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_found_by_its_format() {
        let table = [
            ("%Y-%m-%d %H:%M:%S", "2026-11-25 07:10:55 began", true),
            ("%Y-%m-%d %H:%M:%S", "   at line 7", false),
            ("[%b %d, %Y %H:%M:%S]", "[Nov 25, 2026 07:10:55] began", true),
        ];
        for (format, line, expected) in table {
            let pattern = datetime_pattern(format);
            assert_eq!(
                regex_lite::Regex::new(&pattern).unwrap().is_match(line),
                expected,
                "{pattern}: {line}"
            );
        }
    }
}
