//! Lambda functions of a world: what they were called with, and what they answer when.

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    time::Duration,
};

use fastrand::Rng;
use serde_json::{Value, json};
use tidegate_engine::{Event, FunctionAnswer, Timestamp, lambda::Invocation};

/// What a function does with a call.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Answer {
    /// It lets the deployment go on.
    Passes,
    /// It does not.
    Fails,
    /// It wants to be called again in so many seconds, with these details.
    CallAgain(u64, Value),
    /// It answers what is no status of a hook.
    Nonsense,
    /// It fails itself.
    Breaks,
    /// It never answers.
    Never,
}

/// How functions answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Manner {
    /// As the script says, and well once that is over.
    Scripted,
    /// In any way.
    Any,
}

/// All functions of a world.
#[derive(Debug)]
pub(super) struct Functions {
    pub(super) manner: Manner,
    pub(super) script: VecDeque<Answer>,
    /// The payloads that they were called with.
    pub(super) calls: Vec<Value>,
    running: BTreeSet<String>,
    to_come: BTreeMap<(Timestamp, String), FunctionAnswer>,
}

impl Functions {
    pub(super) fn new() -> Self {
        Self {
            manner: Manner::Scripted,
            script: VecDeque::new(),
            calls: Vec::new(),
            running: BTreeSet::new(),
            to_come: BTreeMap::new(),
        }
    }

    /// Makes an invocation, unless it is being made.
    pub(super) fn call(&mut self, id: &str, invocation: &Invocation, rng: &mut Rng, now: Timestamp) {
        if !self.running.insert(id.to_owned()) {
            return;
        }
        self.calls.push(invocation.payload.clone());
        let answer = match self.manner {
            Manner::Scripted => self.script.pop_front().unwrap_or(Answer::Passes),
            Manner::Any => any_answer(rng),
        };
        let takes = match self.manner {
            Manner::Scripted => Duration::from_secs(1),
            Manner::Any => Duration::from_millis(rng.u64(1..20_000)),
        };
        if let Some(answer) = answer.told() {
            self.to_come.insert((now + takes, id.to_owned()), answer);
        }
    }

    /// When the next answer comes.
    pub(super) fn next_at(&self) -> Option<Timestamp> {
        self.to_come.first_key_value().map(|((at, _), _)| *at)
    }

    /// The next answer, if it is due.
    pub(super) fn pop(&mut self, now: Timestamp) -> Option<Event> {
        let entry = self.to_come.first_entry().filter(|entry| entry.key().0 <= now)?;
        let ((_, invocation), answer) = entry.remove_entry();
        self.running.remove(&invocation);
        Some(Event::FunctionAnswered { invocation, answer })
    }

    /// The cloud that waited for answers is gone: nobody will hear them.
    pub(super) fn lose_all(&mut self) {
        self.running.clear();
        self.to_come.clear();
    }

    /// At which stages they were called, in order.
    pub(super) fn stages(&self) -> Vec<&str> {
        self.calls.iter().filter_map(|payload| payload["lifecycleStage"].as_str()).collect()
    }
}

impl Answer {
    fn told(self) -> Option<FunctionAnswer> {
        let returned = |answer: Value| Some(FunctionAnswer::Returned(answer));
        match self {
            Self::Passes => returned(json!({"hookStatus": "SUCCEEDED"})),
            Self::Fails => returned(json!({"hookStatus": "FAILED"})),
            Self::CallAgain(seconds, details) => returned(
                json!({"hookStatus": "IN_PROGRESS", "callBackDelay": seconds, "hookDetails": details}),
            ),
            Self::Nonsense => returned(json!(["nonsense"])),
            Self::Breaks => Some(FunctionAnswer::Failed("it broke".to_owned())),
            Self::Never => None,
        }
    }
}

fn any_answer(rng: &mut Rng) -> Answer {
    match rng.u8(..24) {
        0..17 => Answer::Passes,
        17 => Answer::Fails,
        18 => Answer::Nonsense,
        19 => Answer::Breaks,
        20 => Answer::Never,
        _ => Answer::CallAgain(rng.u64(..60), json!({"asked": rng.u8(..)})),
    }
}
