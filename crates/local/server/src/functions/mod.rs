//! The Lambda functions of a local cloud: an ARN maps to a command or to an HTTP address.
//!
//! An invocation runs beside the writer and comes back to it as an event. Made twice at once it runs once; what nobody
//! waits for any more runs to its end, as Lambda would have it. Start at [`Functions::carry_out`].

mod command;
mod http;
mod map;

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use serde_json::Value;
use tidegate_clock::Clock;
use tidegate_engine::{Event, FunctionAnswer, State, lambda::Invocation};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

pub use map::{Function, FunctionCommand, FunctionMap};

use crate::writer::Commands;

/// The longest that Lambda lets a function run.
const LONGEST: Duration = Duration::from_mins(15);

/// The largest answer that Lambda takes, in bytes.
const LARGEST_ANSWER: u64 = 6 * 1024 * 1024;

/// What invocations are carried out by. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Functions {
    map: Arc<FunctionMap>,
    endpoint: Arc<str>,
    clock: Clock,
    commands: Commands,
    running: Arc<Mutex<HashMap<String, CancellationToken>>>,
    tasks: TaskTracker,
    stop: CancellationToken,
}

impl Functions {
    /// `endpoint` is what commands are told to call back; all that run end when `stop` is cancelled.
    pub(crate) fn new(
        map: FunctionMap,
        endpoint: &str,
        clock: Clock,
        commands: Commands,
        stop: CancellationToken,
    ) -> Self {
        Self {
            map: Arc::new(map),
            endpoint: endpoint.into(),
            clock,
            commands,
            running: Arc::default(),
            tasks: TaskTracker::new(),
            stop,
        }
    }

    /// Makes the invocation with this id, unless it is being made; ends it when the state does not have it any more.
    pub(crate) fn carry_out(&self, state: &State, id: &str) {
        let mut running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        match state.invocations.get(id) {
            None => {
                if let Some(token) = running.remove(id) {
                    token.cancel();
                }
            }
            Some(_) if running.contains_key(id) => {}
            Some(invocation) => {
                let token = self.stop.child_token();
                running.insert(id.to_owned(), token.clone());
                self.tasks.spawn(self.clone().make(id.to_owned(), invocation.clone(), token));
            }
        }
    }

    /// Waits until all that ran is gone, once `stop` is cancelled.
    pub(crate) async fn ended(&self) {
        self.tasks.close();
        self.tasks.wait().await;
    }

    async fn make(self, id: String, invocation: Invocation, ended: CancellationToken) {
        let answer = tokio::select! {
            answer = self.answer(&invocation) => Some(answer),
            () = ended.cancelled() => None,
        };
        self.running.lock().unwrap_or_else(PoisonError::into_inner).remove(&id);
        if let Some(answer) = answer {
            tracing::debug!(function = invocation.function, ?answer, "a function answered");
            self.commands.tell(Event::FunctionAnswered { invocation: id, answer });
        }
    }

    async fn answer(&self, invocation: &Invocation) -> FunctionAnswer {
        let called = async {
            match self.map.find(&invocation.function) {
                None => Err(unmapped(&invocation.function)),
                Some(Function::Http(uri)) => http::call(uri, &invocation.payload).await,
                Some(Function::Command(command)) => command::call(command, invocation, &self.endpoint).await,
            }
        };
        let answer: Result<Value, String> = tokio::select! {
            answer = called => answer,
            () = self.clock.sleep(LONGEST) => Err("Task timed out after 900.00 seconds".to_owned()),
        };
        match answer {
            Ok(returned) => FunctionAnswer::Returned(returned),
            Err(reason) => FunctionAnswer::Failed(reason),
        }
    }
}

fn unmapped(function: &str) -> String {
    let name = map::name_of(function);
    format!(
        "Function not found: {function}; the local cloud runs what `local.functions` of tidegate.yml maps it to, such as \
         `{name}: {{ command: [\"./{name}\"] }}`"
    )
}

/// The JSON of an answer; nothing at all is null.
fn parsed(answer: &[u8]) -> Result<Value, String> {
    if answer.len() as u64 > LARGEST_ANSWER {
        return Err(format!("its answer is larger than {LARGEST_ANSWER} bytes"));
    }
    if answer.trim_ascii().is_empty() {
        return Ok(Value::Null);
    }
    serde_json::from_slice(answer).map_err(|error| {
        let seen: String = String::from_utf8_lossy(answer.trim_ascii()).chars().take(60).collect();
        format!("its answer is no JSON ({error}): {seen}")
    })
}

#[cfg(test)]
mod tests;
