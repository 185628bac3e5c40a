//! After a restart: which tasks still run, which are gone, which are to be started.
//!
//! A task that runs is adopted; one that never ran is started (again); one that ran and is gone is nobody's fault, and the
//! engine replaces it. Nothing that the runtime finds beside these is left running.

use std::collections::HashMap;

use tidegate_engine::{
    Event, TaskChange,
    ecs::records::{Task, TaskStatus},
};
use tidegate_tasks::{Adopted, Runtime, TaskSpec};

use crate::{
    effects::Effects,
    logs::Logs,
    tasking::{self, TaskNames},
    writer::{Commands, SharedEngine, lock_read},
};

/// What the state holds of a task that should exist.
struct Expected {
    spec: TaskSpec,
    status: TaskStatus,
    stopping: bool,
}

/// Brings runtime and state together. The commands that it sends are the first that the writer sees.
pub(crate) async fn adopt(
    engine: &SharedEngine,
    runtime: &Runtime,
    names: &TaskNames,
    commands: &Commands,
    effects: &Effects,
    logs: &Logs,
) {
    let expected = expected(engine);
    for task in &expected {
        names.remember(&task.spec);
        logs.follow(&task.spec);
    }
    let found = runtime.adopt(expected.iter().map(|task| task.spec.clone()).collect()).await;
    let expected: HashMap<&str, &Expected> =
        expected.iter().map(|task| (task.spec.task_id.as_str(), task)).collect();
    for adopted in found {
        let (id, facts) = match &adopted {
            Adopted::Running { task_id, facts } => (task_id, Some(facts)),
            Adopted::Gone { task_id, .. } => (task_id, None),
        };
        let Some(task) = expected.get(id.as_str()) else { continue };
        match facts {
            Some(facts) => {
                for fact in facts {
                    tell(commands, task, tasking::change(fact.clone()));
                }
                if task.stopping {
                    runtime.stop(id);
                }
            }
            None if task.status <= TaskStatus::Pending && !task.stopping => {
                effects.start(lock_read(engine).state(), task.spec.task_arn.clone());
            }
            None => tell(commands, task, TaskChange::Lost),
        }
    }
}

fn tell(commands: &Commands, task: &Expected, change: TaskChange) {
    commands.tell(Event::Task { task: task.spec.task_arn.clone(), change });
}

/// The tasks whose containers may exist.
fn expected(engine: &SharedEngine) -> Vec<Expected> {
    let engine = lock_read(engine);
    let state = engine.state();
    let alive = state.tasks.iter().filter(|(_, task)| task.last_status < TaskStatus::Deprovisioning);
    alive
        .filter_map(|(arn, task)| {
            Some(Expected {
                spec: tasking::spec(state, arn)?,
                status: task.last_status,
                stopping: is_stopping(task),
            })
        })
        .collect()
}

/// Whether its containers were told to stop.
fn is_stopping(task: &Task) -> bool {
    task.last_status == TaskStatus::Stopping
}
