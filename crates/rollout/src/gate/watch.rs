//! The gates of one step while it is watched: which are to be asked, what their answers mean, and what
//! they say together. It must never ask anybody nor read a clock: the shell asks, and says when it is.
//! Start with [`Watch`]; what one answer means is in [`super::meaning`].

use super::meaning::{Kept, meaning};
use super::{Judgement, NoEvidence, Reading, Standing};
use crate::plan::Plan;
use crate::{Event, Millis};
use serde::{Deserialize, Serialize};

/// How often a gate whose numbers move, but not what they mean, is worth a line.
const WORTH_A_LINE: Millis = 30_000;

/// The gates of a step from its beginning to its end. Plain data: it can be stored between two looks.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Watch {
    step: usize,
    bake_ends_at: Millis,
    gives_up_at: Millis,
    gates: Vec<Watched>,
}

/// One gate of the step.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Watched {
    /// Its index in the plan.
    gate: usize,
    /// `None` until it was asked.
    standing: Option<Standing>,
    /// What is remembered from one answer to the next.
    kept: Kept,
    /// What was said of it last, and when.
    said: Option<(Standing, Millis)>,
}

impl Watch {
    /// A step of the plan begins. `gates_timeout` is how long after the bake an answer may still come.
    pub fn begin(plan: &Plan, step: usize, now: Millis, gates_timeout: Millis) -> Self {
        let (bake, gates) =
            plan.steps.get(step).map_or((0, &[][..]), |step| (step.bake, step.gates.as_slice()));
        let watched = gates.iter().filter(|gate| **gate < plan.gates.len()).map(|gate| Watched {
            gate: *gate,
            standing: None,
            kept: Kept::default(),
            said: None,
        });
        Self {
            step,
            bake_ends_at: now + bake,
            gives_up_at: now + bake + gates_timeout,
            gates: watched.collect(),
        }
    }

    /// The step that is watched, as its index in the plan.
    pub fn step(&self) -> usize {
        self.step
    }

    /// When the bake is over.
    pub fn bake_ends_at(&self) -> Millis {
        self.bake_ends_at
    }

    /// The bake ends now, since somebody who may says so (`tidegate promote`), or since the controller
    /// that counts it has gone on. An answer that is still missing gets as much time from here as before.
    pub fn end_bake(&mut self, now: Millis) {
        let earlier = (self.bake_ends_at - now).max(0);
        self.bake_ends_at -= earlier;
        self.gives_up_at -= earlier;
    }

    /// The gates of the plan that are to be asked at this look. One that is broken, or that was
    /// answered once for all (a command that succeeded, an approval that was granted), is not.
    pub fn questions(&self, plan: &Plan) -> Vec<usize> {
        let open = self.gates.iter().filter(|watched| {
            let check = plan.gates.get(watched.gate).map(|gate| &gate.check);
            match &watched.standing {
                Some(Standing::Broken { .. }) => false,
                Some(Standing::Holds { .. }) => check.is_some_and(|check| !check.is_answered_once()),
                _ => check.is_some(),
            }
        });
        open.map(|watched| watched.gate).collect()
    }

    /// How each gate stands that was asked, by its index in the plan.
    pub fn standings(&self) -> impl Iterator<Item = (usize, &Standing)> {
        self.gates.iter().filter_map(|watched| Some((watched.gate, watched.standing.as_ref()?)))
    }

    /// Takes an answer in. Answers the events that are worth reading: each change of what a gate says,
    /// and its numbers now and then.
    pub fn hear(&mut self, plan: &Plan, gate: usize, reading: Reading, now: Millis) -> Vec<Event> {
        if !self.questions(plan).contains(&gate) {
            return Vec::new();
        }
        let (Some(watched), Some(of_plan)) =
            (self.gates.iter_mut().find(|watched| watched.gate == gate), plan.gates.get(gate))
        else {
            return Vec::new();
        };
        let standing = meaning(&of_plan.check, reading, &mut watched.kept);
        let is_news = watched.said.as_ref().is_none_or(|(said, at)| {
            let same_kind = std::mem::discriminant(said) == std::mem::discriminant(&standing);
            !same_kind || (*said != standing && now - at >= WORTH_A_LINE)
        });
        watched.standing = Some(standing.clone());
        if !is_news {
            return Vec::new();
        }
        watched.said = Some((standing.clone(), now));
        vec![Event::GateStands { gate: of_plan.name.clone(), standing }]
    }

    /// The gate that is broken, if one is, and its numbers.
    pub fn broken(&self, plan: &Plan) -> Option<Judgement> {
        self.gates.iter().find_map(|watched| match &watched.standing {
            Some(Standing::Broken { evidence }) => {
                Some(Judgement::Break { gate: name(plan, watched), evidence: evidence.clone() })
            }
            _ => None,
        })
    }

    /// What the gates say together. One that is broken decides at once, also before the bake is over.
    pub fn judgement(&self, plan: &Plan, now: Millis) -> Judgement {
        if let Some(broken) = self.broken(plan) {
            return broken;
        }
        if now < self.bake_ends_at {
            return Judgement::Wait;
        }
        let mut missing = None;
        for watched in &self.gates {
            let policy =
                plan.gates.get(watched.gate).map_or(NoEvidence::Wait, |gate| gate.check.no_evidence());
            match (&watched.standing, policy) {
                (Some(Standing::Holds { .. }), _) | (Some(Standing::TooLittle { .. }), NoEvidence::Pass) => {}
                (Some(Standing::TooLittle { evidence }), NoEvidence::Fail) => {
                    return Judgement::Break {
                        gate: name(plan, watched),
                        evidence: format!("too little to tell at the end of the bake: {evidence}"),
                    };
                }
                _ => missing = missing.or(Some(watched)),
            }
        }
        match missing {
            None => Judgement::Pass,
            Some(watched) if now >= self.gives_up_at => {
                Judgement::Break { gate: name(plan, watched), evidence: gave_up(watched.standing.as_ref()) }
            }
            Some(_) => Judgement::Wait,
        }
    }
}

fn name(plan: &Plan, watched: &Watched) -> String {
    plan.gates.get(watched.gate).map_or_else(String::new, |gate| gate.name.clone())
}

/// What was missing when the time for it was over: three things that must not be taken for each other.
fn gave_up(standing: Option<&Standing>) -> String {
    match standing {
        Some(Standing::WaitsForApproval { question }) => format!("nobody approved in time: {question}"),
        Some(Standing::CouldNotAsk { reason }) => format!("could not be asked in time: {reason}"),
        Some(standing) => format!("too little to tell in time: {}", standing.evidence()),
        None => "could not be asked in time: no answer came".to_owned(),
    }
}

#[cfg(test)]
mod properties;
#[cfg(test)]
mod tests;
