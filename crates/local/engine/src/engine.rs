//! The engine as its shell sees it: calls and events in; replies, rows and effects out.
//!
//! The shell's loop is: [`Engine::write`] or [`Engine::observe`], then [`Engine::settle`], store [`Engine::changes`],
//! then [`Engine::commit`] and carry out the effects, then answer. When the store fails, [`Engine::roll_back`] and answer
//! with the failure. Nothing here knows how effects are carried out.

use std::{collections::HashMap, fmt, net::IpAddr};

use serde_json::Value;
use tidegate_models::{
    Timestamp,
    ecs::{HealthStatus, NetworkBinding},
};

use crate::{
    ApiError, Change, Context, LoadError, Scope, State, application_autoscaling,
    cloudwatch::{self, Measured},
    codedeploy, ec2, ecr, ecs,
    elbv2::{self, TargetHealth},
    iam,
    lambda::{self, FunctionAnswer},
    logs, secretsmanager, ssm,
    state::Subject,
    sts,
};

/// What a local cloud is set to.
#[derive(Clone, Debug)]
pub struct Settings {
    /// From which all random ids are drawn. Give another one at each start.
    pub seed: u64,
    /// The first two bytes of the loopback addresses that load balancers get: `127.x`.
    pub load_balancer_network: [u8; 2],
    /// What becomes of a task whose secrets or log groups are not there.
    pub missing: Missing,
    /// Where images are pushed to and pulled from, as image names begin: host and port.
    pub registry: String,
}

/// What becomes of a task whose secrets or log groups are not there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Missing {
    /// It fails to start, as on ECS.
    Fails,
    /// They are invented: on the stage of a rehearsal the user's definition meets an empty cloud.
    IsInvented,
}

/// An API call, decoded and valid by the model.
#[derive(Debug)]
pub struct Request {
    /// The service's signing name, for example `ecs`.
    pub service: &'static str,
    /// The operation's name.
    pub operation: String,
    /// Whose call it is.
    pub scope: Scope,
    /// The input, with the model's member names.
    pub input: Value,
}

/// The output of a call, ready to be written by the wire.
pub type Reply = Box<dyn erased_serde::Serialize + Send>;

/// Something that happened outside of the engine.
#[derive(Clone, Debug, PartialEq)]
pub enum Event {
    /// A task changed.
    Task {
        /// The task's ARN.
        task: String,
        /// What happened to it.
        change: TaskChange,
    },
    /// The balancer's health checks found something new about a target.
    TargetHealth {
        /// The target group's ARN.
        target_group: String,
        /// The target's id, as it was registered: an IP address.
        target: String,
        /// The target's port.
        port: u16,
        /// What they found.
        health: TargetHealth,
    },
    /// A function answered, or could not.
    FunctionAnswered {
        /// The invocation's id.
        invocation: String,
        /// What came of it.
        answer: FunctionAnswer,
    },
    /// The containers of the task with this ARN begin to log: their streams are made.
    LogsBegin(String),
    /// Somebody pulled the image with this digest from the repository with this ARN.
    ImagePulled {
        /// The repository's ARN.
        repository: String,
        /// The image's digest.
        digest: String,
    },
    /// The cloud measured something about what it runs.
    Metrics(Vec<Measured>),
}

/// What can happen to a task, as its runtime tells it.
#[derive(Clone, Debug, PartialEq)]
pub enum TaskChange {
    /// It has an address, and these ports are bound on the host.
    NetworkReady {
        /// Where the task is reached.
        address: IpAddr,
        /// Bound host ports, with the container that each belongs to.
        bindings: Vec<(String, NetworkBinding)>,
    },
    /// Its images are being pulled.
    PullStarted,
    /// Its images are here.
    PullStopped,
    /// A container runs.
    ContainerStarted {
        /// The container's name.
        container: String,
        /// The runtime's id of it.
        runtime_id: String,
        /// The digest of its image, when the runtime knows it.
        image_digest: Option<String>,
    },
    /// A container's health check found something new.
    ContainerHealth {
        /// The container's name.
        container: String,
        /// What it found.
        health: HealthStatus,
    },
    /// A container is gone.
    ContainerStopped {
        /// The container's name.
        container: String,
        /// Its exit code; `None` when it never started.
        exit_code: Option<i32>,
        /// Why, when there is more to say than the exit code.
        reason: Option<String>,
    },
    /// All containers that must run do.
    Running,
    /// All containers are gone; the last event of a task.
    Stopped {
        /// Why.
        cause: StopCause,
        /// Why, in words.
        reason: String,
    },
    /// The task was running when the local cloud stopped and was gone when it came back: nobody's fault.
    Lost,
}

/// Why a task's containers are gone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StopCause {
    /// The engine asked for it.
    Requested,
    /// An essential container ended.
    EssentialContainerExited,
    /// It never ran.
    TaskFailedToStart,
}

/// Something to do outside of the engine, once the change that asks for it is durable.
///
/// Each can be carried out again without harm, and each is derived from the state again after a restart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Effect {
    /// Start the task with this ARN.
    StartTask(String),
    /// Stop the task with this ARN: SIGTERM, and SIGKILL after its stop timeout.
    StopTask(String),
    /// The load balancer with this ARN changed, or one of its listeners or rules did, or it is gone.
    LoadBalancer(String),
    /// The target group with this ARN changed, or its targets did, or it is gone.
    TargetGroup(String),
    /// Call the function of the invocation with this id, unless that is under way; or give it up, if it is gone.
    InvokeFunction(String),
    /// The blob with this digest may be wanted by no repository any more.
    Blob(String),
}

type Read = Box<dyn Fn(&State, &Context, Value) -> Result<Reply, ApiError> + Send + Sync>;
type Write = Box<dyn Fn(&mut State, &Context, Value) -> Result<Reply, ApiError> + Send + Sync>;

/// The handlers of all services, by signing name and operation.
#[derive(Default)]
pub(crate) struct Handlers {
    reads: HashMap<(&'static str, &'static str), Read>,
    writes: HashMap<(&'static str, &'static str), Write>,
}

impl Handlers {
    /// Adds an operation that changes nothing.
    pub(crate) fn read<I, O>(
        &mut self,
        service: &'static str,
        operation: &'static str,
        handler: fn(&State, &Context, I) -> Result<O, ApiError>,
    ) where
        I: serde::de::DeserializeOwned + 'static,
        O: serde::Serialize + Send + 'static,
    {
        let handler = move |state: &State, context: &Context, input| {
            handler(state, context, typed(service, input)?).map(|output| Box::new(output) as Reply)
        };
        self.reads.insert((service, operation), Box::new(handler));
    }

    /// Adds an operation that changes the state. When it answers with an error, it must have changed nothing.
    pub(crate) fn write<I, O>(
        &mut self,
        service: &'static str,
        operation: &'static str,
        handler: fn(&mut State, &Context, I) -> Result<O, ApiError>,
    ) where
        I: serde::de::DeserializeOwned + 'static,
        O: serde::Serialize + Send + 'static,
    {
        let handler = move |state: &mut State, context: &Context, input| {
            handler(state, context, typed(service, input)?).map(|output| Box::new(output) as Reply)
        };
        self.writes.insert((service, operation), Box::new(handler));
    }
}

impl fmt::Debug for Handlers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.reads.keys()).entries(self.writes.keys()).finish()
    }
}

/// The wire has validated the input by the model, so this fails only where the model is weaker than the struct.
fn typed<I: serde::de::DeserializeOwned>(service: &'static str, input: Value) -> Result<I, ApiError> {
    if service == ec2::SERVICE && input.get("DryRun") == Some(&Value::Bool(true)) {
        // EC2 then says whether the caller may, which everybody may here.
        return Err(ApiError::new(
            "DryRunOperation",
            "Request would have succeeded, but DryRun flag is set.",
        ));
    }
    serde_json::from_value(input).map_err(|error| {
        let code = match service {
            ecr::SERVICE | ecs::SERVICE | secretsmanager::SERVICE | logs::SERVICE => {
                "InvalidParameterException"
            }
            ec2::SERVICE => "InvalidParameterValue",
            elbv2::SERVICE | cloudwatch::SERVICE | sts::SERVICE | iam::SERVICE => "ValidationError",
            codedeploy::SERVICE => "InvalidInputException",
            _ => "ValidationException",
        };
        ApiError::new(code, error.to_string())
    })
}

/// The local cloud's mind: see the module's text.
#[derive(Debug)]
pub struct Engine {
    state: State,
    handlers: Handlers,
}

impl Engine {
    /// An empty cloud.
    pub fn new(settings: Settings) -> Self {
        let mut handlers = Handlers::default();
        ecs::register(&mut handlers);
        elbv2::register(&mut handlers);
        ssm::register(&mut handlers);
        secretsmanager::register(&mut handlers);
        logs::register(&mut handlers);
        codedeploy::register(&mut handlers);
        cloudwatch::register(&mut handlers);
        ec2::register(&mut handlers);
        ecr::register(&mut handlers);
        sts::register(&mut handlers);
        iam::register(&mut handlers);
        application_autoscaling::register(&mut handlers);
        Self { state: State::new(settings), handlers }
    }

    /// Puts back a stored row. Call [`Engine::resume`] after the last.
    pub fn load(&mut self, table: &str, key: &str, row: &[u8]) -> Result<(), LoadError> {
        self.state.load(table, key, row)
    }

    /// Looks at everything again after all rows are loaded. What has to change for it is a change like any other.
    pub fn resume(&mut self) {
        elbv2::move_in(&mut self.state);
        self.state.touch_everything();
    }

    /// The state, to look at.
    pub fn state(&self) -> &State {
        &self.state
    }

    /// Whether the operation only reads.
    pub fn is_read(&self, request: &Request) -> bool {
        self.handlers.reads.contains_key(&(request.service, request.operation.as_str()))
    }

    /// Answers a call that only reads.
    pub fn read(&self, request: Request, now: Timestamp) -> Result<Reply, ApiError> {
        match self.handlers.reads.get(&(request.service, request.operation.as_str())) {
            Some(handler) => handler(&self.state, &Context { scope: request.scope, now }, request.input),
            None => Err(no_handler(&request)),
        }
    }

    /// Answers a call that changes the state. On an error nothing has changed.
    pub fn write(&mut self, request: Request, now: Timestamp) -> Result<Reply, ApiError> {
        match self.handlers.writes.get(&(request.service, request.operation.as_str())) {
            Some(handler) => handler(&mut self.state, &Context { scope: request.scope, now }, request.input),
            None => self.read(request, now),
        }
    }

    /// Takes in what happened outside.
    pub fn observe(&mut self, event: Event, now: Timestamp) {
        match event {
            Event::Task { task, change } => ecs::observe(&mut self.state, &task, change, now),
            Event::TargetHealth { target_group, target, port, health } => {
                elbv2::observe(&mut self.state, &target_group, &target, port, health);
            }
            Event::FunctionAnswered { invocation, answer } => {
                lambda::observe(&mut self.state, &invocation, answer, now);
            }
            Event::LogsBegin(task) => ecs::open_logs(&mut self.state, &task, now),
            Event::ImagePulled { repository, digest } => {
                ecr::observe_pull(&mut self.state, &repository, &digest, now);
            }
            Event::Metrics(measured) => cloudwatch::observe(&mut self.state, &measured, now),
        }
    }

    /// Reconciles all that was touched or is due, until nothing is.
    pub fn settle(&mut self, now: Timestamp) {
        while let Some(subject) = self.state.agenda.next(now) {
            let wake = match &subject {
                Subject::Service(arn) => {
                    application_autoscaling::service_changed(&mut self.state, arn);
                    ecs::reconcile_service(&mut self.state, arn, now)
                }
                Subject::Task(arn) => ecs::reconcile_task(&mut self.state, arn, now),
                Subject::TargetGroup(arn) => elbv2::reconcile_target_group(&mut self.state, arn, now),
                Subject::Deployment(arn) => codedeploy::reconcile_deployment(&mut self.state, arn, now),
                Subject::Alarm(arn) => cloudwatch::reconcile_alarm(&mut self.state, arn, now),
                Subject::Secret(arn) => secretsmanager::reconcile_secret(&mut self.state, arn, now),
                Subject::ScalableTarget(key) => {
                    application_autoscaling::reconcile_target(&mut self.state, key, now)
                }
                Subject::Repository(arn) => ecr::reconcile_repository(&mut self.state, arn, now),
                Subject::Metrics => cloudwatch::reconcile_metrics(&mut self.state, now),
            };
            // A wake that is not later than now would never let it settle.
            let wake = wake.map(|at| at.max(now + std::time::Duration::from_millis(1)));
            self.state.agenda.set_wake(subject, wake);
        }
    }

    /// Forgets everything; the effects take away what was running. New ids are drawn from `seed`.
    pub fn reset(&mut self, seed: u64) -> Vec<Effect> {
        let settings = Settings { seed, ..self.state.settings.clone() };
        let old = std::mem::replace(&mut self.state, State::new(settings));
        let tasks = old.tasks.iter().map(|(arn, _)| Effect::StopTask(arn.to_owned()));
        let balancers = old.load_balancers.iter().map(|(arn, _)| Effect::LoadBalancer(arn.to_owned()));
        let groups = old.target_groups.iter().map(|(arn, _)| Effect::TargetGroup(arn.to_owned()));
        let invocations = old.invocations.iter().map(|(id, _)| Effect::InvokeFunction(id.to_owned()));
        let blobs = old.layers.iter().map(|(_, layer)| Effect::Blob(layer.digest.clone()));
        tasks.chain(balancers).chain(groups).chain(invocations).chain(blobs).collect()
    }

    /// When [`Engine::settle`] has something to do again though nothing happens.
    pub fn next_due(&self) -> Option<Timestamp> {
        self.state.agenda.next_due()
    }

    /// The rows that changed since the last commit.
    pub fn changes(&mut self) -> Vec<Change> {
        self.state.changes()
    }

    /// The changes are durable; these effects are to be carried out now.
    pub fn commit(&mut self) -> Vec<Effect> {
        self.state.commit()
    }

    /// The changes could not be stored: takes them back, and looks at everything again later.
    pub fn roll_back(&mut self) {
        self.state.roll_back();
        self.state.touch_everything();
    }
}

fn no_handler(request: &Request) -> ApiError {
    ApiError::new("NotImplemented", format!("{} {} is not implemented", request.service, request.operation))
}
