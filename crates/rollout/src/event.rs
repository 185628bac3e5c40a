//! The one event stream of a rollout. Every reporter (live view, plain lines, JSON lines) renders
//! it and nothing else; it must never hold a secret value. Start with [`Event`].

use crate::Millis;
use crate::cause::Cause;
use crate::diagnosis::Diagnosis;
use crate::names::{DeploymentId, ServiceDeploymentArn, ServiceRef, TaskDefinitionArn};
use crate::observation::Deployment;
use crate::task_definition::diff::Difference;
use crate::verdict::Verdict;
use serde::{Deserialize, Serialize};

/// Something that happened, or was found out, in a rollout.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum Event {
    /// What is going to be done.
    Planned {
        /// The service.
        target: ServiceRef,
        /// The revision that serves now.
        from: TaskDefinitionArn,
        /// What differs.
        differences: Vec<Difference>,
    },
    /// A rollback has found where to go.
    RollbackChosen {
        /// The revision that serves, or is being brought.
        from: TaskDefinitionArn,
        /// The revision to go back to.
        to: TaskDefinitionArn,
        /// When that revision was last deployed with success; absent if the user named it.
        steady_at: Option<Millis>,
    },
    /// A tag was resolved, so that every task runs the same bytes.
    ImageResolved {
        /// The container.
        container: String,
        /// The image as given.
        image: String,
        /// The image by digest.
        resolved: String,
    },
    /// Something that the user should know and that stops nothing.
    Warned {
        /// One sentence.
        message: String,
    },
    /// A dry run ends here.
    NothingDone {
        /// Why.
        reason: String,
    },
    /// A new revision was registered.
    Registered {
        /// The revision.
        task_definition: TaskDefinitionArn,
    },
    /// UpdateService was answered: the deployment is ECS's from here on.
    Started {
        /// The service.
        target: ServiceRef,
        /// The deployment that is followed.
        deployment: DeploymentId,
        /// The service deployment, where the API has it.
        service_deployment: Option<ServiceDeploymentArn>,
        /// The candidate.
        task_definition: TaskDefinitionArn,
        /// How many tasks it will run.
        desired: u32,
    },
    /// The counts changed.
    Progressed {
        /// Every deployment that still has something to do, newest first.
        deployments: Vec<Deployment>,
        /// The deployment that is followed.
        followed: DeploymentId,
    },
    /// ECS wrote a service event.
    ServiceSaid {
        /// When ECS wrote it.
        said_at: Millis,
        /// ECS's sentence.
        message: String,
    },
    /// What is going to happen, step by step.
    PlanMade {
        /// The plan that is executed.
        plan: crate::Plan,
    },
    /// A step of the plan began.
    StepBegan {
        /// Its index in the plan.
        step: usize,
        /// What it does.
        kind: crate::plan::StepKind,
        /// How long it is watched at least, in milliseconds.
        bake: Millis,
    },
    /// The controller entered a stage of its own: a lifecycle stage of ECS, a lifecycle event of CodeDeploy.
    StageEntered {
        /// The controller's own word.
        stage: String,
    },
    /// The candidate's share of production, as far as it is known: three numbers that need not agree.
    Weighed {
        /// What was asked for.
        asked: crate::Percent,
        /// What the rule says.
        set: Option<crate::Percent>,
        /// What the request counts of the target groups say.
        measured: Option<crate::Percent>,
    },
    /// How a gate stands; each change of it once.
    GateStands {
        /// Its name.
        gate: String,
        /// How.
        #[serde(flatten)]
        standing: crate::gate::Standing,
    },
    /// Somebody paused the rollout, or let it go on.
    Held {
        /// By whom, and what they said.
        reason: String,
    },
    /// Why tasks do not come up; each cause once.
    CauseFound {
        /// The cause.
        cause: Cause,
    },
    /// Tidegate asked ECS to roll back now, since waiting cannot help.
    RollbackRequested {
        /// Why.
        reason: String,
    },
    /// The service is on its way back.
    RollingBack {
        /// Where to.
        to: TaskDefinitionArn,
        /// Why, in AWS's words where there are some.
        reason: String,
    },
    /// How the users of a rehearsal fare, since it began.
    Traffic {
        /// Requests in the last second.
        per_second: u64,
        /// Requests answered or failed.
        sent: u64,
        /// Those that got no answer or a 5xx.
        failed: u64,
        /// The median latency in microseconds.
        p50_us: u64,
        /// The latency in microseconds that 99 % did not exceed.
        p99_us: u64,
    },
    /// Why it failed.
    Diagnosed {
        /// The findings.
        diagnosis: Diagnosis,
    },
    /// The end.
    Decided {
        /// The verdict.
        #[serde(flatten)]
        verdict: Verdict,
        /// From the start to the verdict, in milliseconds.
        duration_ms: i64,
    },
}

/// An event with its moment, as it goes over a JSON line.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Stamped {
    /// Milliseconds since the Unix epoch.
    pub at_ms: Millis,
    /// The event.
    #[serde(flatten)]
    pub event: Event,
}
