//! The desired count by hand: what autoscaling will make of it, and when the service is steady at it. It must never
//! promise a count that autoscaling is about to undo. Start with [`warnings`] and [`standing`].

use crate::observation::{Service, ServiceEvent};
use serde::{Deserialize, Serialize};

/// What Application Auto Scaling has of a service.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Autoscaling {
    /// `MinCapacity`.
    pub min: u32,
    /// `MaxCapacity`.
    pub max: u32,
    /// What of it is suspended.
    pub suspended: Suspended,
    /// The names of its scaling policies.
    pub policies: Vec<String>,
    /// The names of its scheduled actions.
    pub schedules: Vec<String>,
}

/// `SuspendedState`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[allow(clippy::struct_excessive_bools, reason = "AWS's own three switches, one by one")]
pub struct Suspended {
    /// `DynamicScalingInSuspended`.
    pub scaling_in: bool,
    /// `DynamicScalingOutSuspended`.
    pub scaling_out: bool,
    /// `ScheduledScalingSuspended`.
    pub scheduled: bool,
}

impl Suspended {
    /// All of it.
    pub const ALL: Self = Self { scaling_in: true, scaling_out: true, scheduled: true };
    /// None of it.
    pub const NONE: Self = Self { scaling_in: false, scaling_out: false, scheduled: false };

    /// In words, such as `scaling in`.
    pub fn in_words(self) -> String {
        let parts = [
            (self.scaling_in, "scaling in"),
            (self.scaling_out, "scaling out"),
            (self.scheduled, "scheduled scaling"),
        ];
        if self == Self::ALL {
            return "suspended".to_owned();
        }
        let words: Vec<&str> = parts.into_iter().filter(|(is, _)| *is).map(|(_, word)| word).collect();
        if words.is_empty() { "active".to_owned() } else { format!("{} suspended", words.join(" and ")) }
    }
}

/// What autoscaling will do to a count that is set by hand; empty if nothing will.
pub fn warnings(autoscaling: Option<&Autoscaling>, count: u32) -> Vec<String> {
    let Some(it) = autoscaling else { return Vec::new() };
    let mut warnings = Vec::new();
    if count < it.min || count > it.max {
        let (side, bound) =
            if count < it.min { ("below the minimum", it.min) } else { ("above the maximum", it.max) };
        let then = if it.suspended == Suspended::ALL {
            format!("once autoscaling is resumed, it goes to {bound}")
        } else {
            format!("the next scaling activity brings it to {bound}")
        };
        warnings.push(format!(
            "{count} is {side} of {bound} that autoscaling has: {then}; --min and --max move the bounds"
        ));
    }
    let is_held = it.suspended.scaling_in && it.suspended.scaling_out;
    if !it.policies.is_empty() && !is_held {
        let side = match (it.suspended.scaling_in, it.suspended.scaling_out) {
            (true, _) => "upwards ",
            (_, true) => "downwards ",
            _ => "",
        };
        warnings.push(format!(
            "autoscaling goes on and may set another count {side}by {}; --suspend holds it",
            named("policy", "policies", &it.policies)
        ));
    }
    if !it.schedules.is_empty() && !it.suspended.scheduled {
        warnings.push(format!(
            "{} may set other bounds at its time; --suspend holds it",
            named("scheduled action", "scheduled actions", &it.schedules)
        ));
    }
    warnings
}

fn named(one: &str, many: &str, names: &[String]) -> String {
    format!("{} {}", if names.len() == 1 { one } else { many }, names.join(", "))
}

/// How a service stands towards a count that it was given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Standing {
    /// It runs that many, and none is on its way.
    Steady,
    /// Somebody, or autoscaling, has set another count meanwhile.
    SetAnew {
        /// That one.
        count: u32,
    },
    /// Not yet.
    Moving {
        /// RUNNING.
        running: u32,
        /// On their way.
        pending: u32,
    },
}

/// Where it stands. `running` and `pending` are the service's, of all deployments and task sets together.
pub fn standing(desired: u32, running: u32, pending: u32, wanted: u32) -> Standing {
    if desired != wanted {
        return Standing::SetAnew { count: desired };
    }
    if running == wanted && pending == 0 { Standing::Steady } else { Standing::Moving { running, pending } }
}

/// The events that were not there before, oldest first.
pub fn new_events<'a>(before: &[ServiceEvent], now: &'a Service) -> Vec<&'a ServiceEvent> {
    let is_new = |event: &&ServiceEvent| before.iter().all(|known| known.id != event.id);
    now.events.iter().rev().filter(is_new).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn autoscaling() -> Autoscaling {
        Autoscaling {
            min: 2,
            max: 10,
            suspended: Suspended::NONE,
            policies: vec!["cpu-50".to_owned()],
            schedules: Vec::new(),
        }
    }

    #[test]
    fn a_count_without_autoscaling_is_nobody_else_s() {
        assert_eq!(warnings(None, 3), Vec::<String>::new());
        let bounds_alone = Autoscaling { policies: Vec::new(), ..autoscaling() };
        assert_eq!(warnings(Some(&bounds_alone), 3), Vec::<String>::new());
    }

    #[test]
    fn a_count_outside_of_the_bounds_and_one_that_a_policy_may_undo_are_told_of() {
        let all = Autoscaling { schedules: vec!["night".to_owned(), "day".to_owned()], ..autoscaling() };
        let suspended = Autoscaling { suspended: Suspended::ALL, ..all.clone() };
        let only_in =
            Autoscaling { suspended: Suspended { scaling_in: true, ..Suspended::NONE }, ..autoscaling() };
        let said = [
            warnings(Some(&all), 1),
            warnings(Some(&autoscaling()), 11),
            warnings(Some(&suspended), 11),
            warnings(Some(&suspended), 3),
            warnings(Some(&only_in), 3),
        ];
        let said: Vec<String> = said.iter().map(|each| each.join("\n")).collect();
        insta::assert_snapshot!(said.join("\n--\n"), @r"
        1 is below the minimum of 2 that autoscaling has: the next scaling activity brings it to 2; --min and --max move the bounds
        autoscaling goes on and may set another count by policy cpu-50; --suspend holds it
        scheduled actions night, day may set other bounds at its time; --suspend holds it
        --
        11 is above the maximum of 10 that autoscaling has: the next scaling activity brings it to 10; --min and --max move the bounds
        autoscaling goes on and may set another count by policy cpu-50; --suspend holds it
        --
        11 is above the maximum of 10 that autoscaling has: once autoscaling is resumed, it goes to 10; --min and --max move the bounds
        --

        --
        autoscaling goes on and may set another count upwards by policy cpu-50; --suspend holds it
        ");
    }

    #[test]
    fn a_service_is_steady_when_it_runs_what_it_was_given_and_nothing_is_on_its_way() {
        assert_eq!(standing(3, 3, 0, 3), Standing::Steady);
        assert_eq!(standing(3, 3, 1, 3), Standing::Moving { running: 3, pending: 1 });
        assert_eq!(standing(3, 4, 0, 3), Standing::Moving { running: 4, pending: 0 });
        assert_eq!(standing(5, 3, 0, 3), Standing::SetAnew { count: 5 });
        assert_eq!(standing(0, 0, 0, 0), Standing::Steady);
    }

    #[test]
    fn what_is_suspended_is_said_in_words() {
        let said = [Suspended::ALL, Suspended::NONE, Suspended { scheduled: true, ..Suspended::NONE }];
        assert_eq!(
            said.map(Suspended::in_words),
            ["suspended", "active", "scheduled scaling suspended"].map(str::to_owned)
        );
    }
}
