//! The table of everything that Tidegate can say about why a service fails or hangs: one rule, one file,
//! one line of [`RULES`]. A rule looks at a [`Case`] and says what it found, with the evidence, or nothing;
//! it must never fetch anything, nor speak without evidence. Start with [`causes`]; `at_first_sight` is the
//! same table for one sentence of AWS, which ends a hopeless wait.

use crate::case::Case;
use crate::cause::{Bearing, Cause, Certainty, Heals, of_service_event, of_stopped_task};

/// Defines the modules and the table at once, so that no rule can be forgotten. From what blocks everything to
/// what is only worth knowing; of two that are equally sure, the earlier one comes first.
macro_rules! table {
    ($($module:ident),* $(,)?) => {
        $(mod $module;)*

        /// Every rule, in the order in which those that are equally sure are told.
        pub const RULES: &[Rule] = &[$($module::RULE),*];
    };
}

table![
    service_missing,
    service_inactive,
    percentages_stuck,
    role_not_assumed,
    image_platform,
    image_not_found,
    image_denied,
    image_name_invalid,
    image_rate_limited,
    image_not_pulled,
    secret_denied,
    secret_missing,
    secret_key_missing,
    parameter_missing,
    log_configuration,
    resources_not_ready,
    command_not_found,
    command_not_executable,
    container_not_started,
    container_not_created,
    out_of_memory,
    cannot_place,
    networking_invalid,
    hook_failed,
    hook_waiting,
    alarm_went_off,
    code_deploy_waits,
    code_deploy_listener,
    code_deploy_timeout,
    code_deploy_failed,
    target_group_unused,
    check_wrong_answer,
    check_timeout,
    killed_while_booting,
    port_not_listening,
    balancer_check,
    container_check,
    application_exits,
    application_ends,
    spot_interrupted,
    host_gone,
    targets_not_registered,
    tasks_protected,
    old_tasks_drain,
    starts_throttled,
    breaker_tripped,
    nothing_to_go_back_to,
    stopped_by_hand,
    api_throttled,
    task_pending,
    alarm_guards_nothing,
    sigterm_ignored,
    desired_zero,
    still_moving,
    nothing_wrong,
];

mod balancer;

#[cfg(test)]
mod tests;

/// One rule.
#[derive(Debug)]
pub struct Rule {
    /// Its name, such as `image-not-found`.
    pub id: &'static str,
    /// The symptom that it answers, for the table of the documentation.
    pub symptom: &'static str,
    /// What it finds, in a few words.
    pub what: &'static str,
    /// What to do about it.
    pub fix: &'static str,
    /// Whether waiting can help.
    pub heals: Heals,
    /// What its finding is to the trouble.
    pub bearing: Bearing,
    /// The sentences of AWS that it is told by at first sight.
    pub signs: &'static [Sign],
    /// Looks at everything that is known.
    pub look: fn(&Rule, &Case) -> Option<Cause>,
    /// Where it is shown to be right.
    pub shown: Shown,
}

/// How a rule is tested.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shown {
    /// The failure is made to happen on the local cloud.
    OnTheLocalCloud,
    /// The local cloud cannot fail so; AWS's own sentences stand for it.
    InSentences,
}

/// How one sentence is recognised. All of `has` must occur, in any order and case.
#[derive(Debug)]
pub struct Sign {
    /// Where AWS writes it.
    pub place: Place,
    /// Parts of it, in lower case.
    pub has: &'static [&'static str],
    /// What it says, where that is more than the rule's own words.
    pub what: Option<&'static str>,
}

/// Where AWS writes a sentence.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// The reason of a stopped task, or of one of its containers.
    Task,
    /// A service event.
    Event,
    /// Either.
    Anywhere,
}

/// Everything that the rules find, what makes it fail first, the surest first.
pub fn causes(case: &Case) -> Vec<Cause> {
    let found = RULES.iter().enumerate().filter_map(|(at, rule)| Some((at, (rule.look)(rule, case)?)));
    let mut found: Vec<(usize, Cause)> = found.filter(|(_, cause)| !cause.evidence.is_empty()).collect();
    found.sort_by_key(|(at, cause)| (cause.bearing, cause.certainty, *at));
    let nothing = nothing_wrong::RULE.id;
    if found.len() > 1 {
        found.retain(|(_, cause)| cause.rule != nothing);
    }
    // What stands against it was seen, then.
    if found.iter().any(|(_, cause)| cause.bearing != Bearing::Note) {
        found.retain(|(_, cause)| cause.rule != still_moving::RULE.id);
    }
    let with_command = |mut cause: Cause| {
        // Where no other command says more, what runs is worth a look.
        cause.next.get_or_insert_with(|| tidegate(case, "status", ""));
        cause
    };
    found.into_iter().map(|(_, cause)| with_command(cause)).collect()
}

/// The findings with what was known before, at first sight: a trouble that passed, and causes that nobody can see
/// any more. What is found with everything known is told in its words, but for a hook's name.
pub fn with_known(mut found: Vec<Cause>, known: &[Cause]) -> Vec<Cause> {
    let explains = found.iter().any(|cause| cause.bearing == Bearing::Cause);
    for cause in known {
        match found.iter_mut().find(|it| it.rule == cause.rule) {
            Some(same) if cause.rule.starts_with("code-deploy") => {
                same.what.clone_from(&cause.what);
                same.evidence.clone_from(&cause.evidence);
            }
            None if cause.heals == Heals::Never || !explains => found.push(cause.clone()),
            Some(_) | None => {}
        }
    }
    found.retain(|cause| cause.rule != nothing_wrong::RULE.id);
    let place = |cause: &Cause| RULES.iter().position(|rule| rule.id == cause.rule);
    found.sort_by_key(|cause| (cause.bearing, cause.certainty, place(cause)));
    found
}

/// What these sentences, all about the same thing, say by the first sign that fits one of them.
pub(crate) fn at_first_sight(place: Place, sentences: &[&str]) -> Option<Cause> {
    let lower: Vec<String> = sentences.iter().map(|sentence| sentence.to_lowercase()).collect();
    RULES.iter().find_map(|rule| {
        rule.signs.iter().filter(|sign| sign.place == place || sign.place == Place::Anywhere).find_map(
            |sign| {
                let at =
                    lower.iter().position(|sentence| sign.has.iter().all(|part| sentence.contains(part)))?;
                let cause = rule.found().seen(sentences[at]);
                Some(match sign.what {
                    Some(what) => cause.named(what),
                    None => cause,
                })
            },
        )
    })
}

impl Rule {
    /// What it says, still without evidence.
    pub(crate) fn found(&self) -> Cause {
        Cause {
            rule: self.id.to_owned(),
            what: self.what.to_owned(),
            bearing: self.bearing,
            certainty: Certainty::Proven,
            evidence: Vec::new(),
            fix: self.fix.to_owned(),
            next: None,
            heals: self.heals,
        }
    }

    /// Does a stopped task say this, rather than what another rule knows?
    pub(crate) fn is_told_by(&self, task: &crate::case::Task) -> bool {
        of_stopped_task(&task.end).is_some_and(|cause| cause.rule == self.id)
    }
}

/// The look of a rule that AWS's sentences tell alone: the failed tasks that say it, counted, and the event.
pub(crate) fn said(rule: &Rule, case: &Case) -> Option<Cause> {
    let event = || {
        case.events().find_map(|message| {
            let cause = of_service_event(message).filter(|cause| cause.rule == rule.id)?;
            Some(cause.all_seen([]))
        })
    };
    match case.deaths(|task| rule.is_told_by(task)) {
        Some(deaths) => Some(of_stopped_task(&deaths.newest().end)?.seen(deaths.counted())),
        None => event().map(|mut cause| {
            cause.evidence = cause.evidence.iter().map(|said| crate::case::without_service(said)).collect();
            cause
        }),
    }
}

/// A sign in the reason of a stopped task.
pub(crate) const fn by_task(has: &'static [&'static str]) -> Sign {
    Sign { place: Place::Task, has, what: None }
}

/// A sign in a service event.
pub(crate) const fn by_event(has: &'static [&'static str]) -> Sign {
    Sign { place: Place::Event, has, what: None }
}

/// A sign in either.
pub(crate) const fn anywhere(has: &'static [&'static str]) -> Sign {
    Sign { place: Place::Anywhere, has, what: None }
}

/// The sign with words of its own.
pub(crate) const fn saying(what: &'static str, sign: Sign) -> Sign {
    Sign { place: sign.place, has: sign.has, what: Some(what) }
}

/// `3 tasks`, `1 task`.
pub(crate) fn count(number: usize, what: &str) -> String {
    format!("{number} {what}{}", if number == 1 { "" } else { "s" })
}

/// What comes after the last slash of an ARN: `web:7`, a role's name.
pub(crate) fn short_arn(arn: &str) -> &str {
    arn.rsplit('/').next().unwrap_or(arn)
}

/// The name of a target group's ARN.
pub(crate) fn group_name(arn: &str) -> &str {
    arn.split(":targetgroup/").nth(1).and_then(|rest| rest.split('/').next()).unwrap_or(arn)
}

/// A span of milliseconds: `45 s`, `6 min`.
pub(crate) fn span(millis: crate::Millis) -> String {
    match (millis + 500) / 1000 {
        seconds if seconds < 120 => format!("{seconds} s"),
        seconds if seconds < 7200 => format!("{} min", seconds / 60),
        seconds => format!("{} h", seconds / 3600),
    }
}

/// A command of Tidegate for the service of a case.
pub(crate) fn tidegate(case: &Case, command: &str, more: &str) -> String {
    let (cluster, service) = (case.target.cluster.short(), case.target.service.short());
    let more = if more.is_empty() { String::new() } else { format!(" {more}") };
    format!("tidegate {command} --cluster {cluster} --service {service}{more}")
}

/// A command of the AWS CLI for the service of a case.
pub(crate) fn aws_ecs(case: &Case, command: &str, more: &str) -> String {
    let (cluster, service) = (case.target.cluster.short(), case.target.service.short());
    format!("aws ecs {command} --cluster {cluster} --service {service} {more}")
}

/// The command that shows the last lines of a task.
pub(crate) fn logs_of(case: &Case, task: &crate::case::Task) -> String {
    tidegate(case, "logs", &format!("--task {}", task.short()))
}

/// A member of a container of the task definition in question.
pub(crate) fn of_container<'a>(
    case: &'a Case,
    container: &str,
    member: &str,
) -> Option<&'a serde_json::Value> {
    let containers = case.task_definition.known()?.get("containerDefinitions")?.as_array()?;
    let found = containers.iter().find(|it| it["name"] == container)?;
    found.get(member).filter(|value| !value.is_null())
}

/// The last lines of the log of a task's container, as evidence; empty where they were not read.
pub(crate) fn last_words(case: &Case, task: &crate::case::Task, most: usize) -> Vec<String> {
    let of_task = case.logs.items().iter().filter(|log| log.task == task.end.id);
    let lines: Vec<String> = of_task
        .flat_map(|log| log.lines.iter().map(move |(_, line)| format!("{} logged: {line}", log.container)))
        .collect();
    lines.iter().skip(lines.len().saturating_sub(most)).cloned().collect()
}

/// What stands in quotes or after a word in a sentence, up to what cannot be part of a name.
pub(crate) fn named_after<'a>(sentence: &'a str, before: &str) -> Option<&'a str> {
    let rest = sentence.split_once(before)?.1.trim_start();
    let end = rest.find([' ', ',', '"', '\'', ')']).unwrap_or(rest.len());
    Some(rest[..end].trim_end_matches(['.', ':', ';'])).filter(|name| !name.is_empty())
}
