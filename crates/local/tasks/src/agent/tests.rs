//! The agent against a world of containers that behave as badly as a seed says.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;
use serde_json::{Value, json};
use tidegate_clock::Speed;

use super::*;
use crate::TaskSpec;

/// How a container of the world behaves.
#[derive(Clone, Debug)]
struct Behaviour {
    pulls: bool,
    starts: bool,
    /// After how many seconds it ends by itself, and with which code.
    ends: Option<(u16, i32)>,
    /// After how many seconds it heeds SIGTERM.
    heeds_term: Option<u16>,
    passes_probes: bool,
}

#[derive(Clone, Debug)]
struct Scenario {
    definition: Value,
    behaviours: Vec<Behaviour>,
    stop_after: u16,
    kill_after: Option<u16>,
}

fn behaviour() -> impl Strategy<Value = Behaviour> {
    let code = prop_oneof![3 => Just(0), 1 => Just(1), 1 => Just(137)];
    (
        prop::bool::weighted(0.95),
        prop::bool::weighted(0.95),
        prop::option::of((0_u16..900, code)),
        prop::option::of(0_u16..60),
        any::<bool>(),
    )
        .prop_map(|(pulls, starts, ends, heeds_term, passes_probes)| Behaviour {
            pulls,
            starts,
            ends,
            heeds_term,
            passes_probes,
        })
}

fn container(index: usize) -> impl Strategy<Value = Value> {
    let condition = prop::sample::select(vec!["START", "COMPLETE", "SUCCESS", "HEALTHY"]);
    let dependencies = prop::collection::btree_map(0..index.max(1), condition, 0..=index.min(2));
    let seconds = |range: std::ops::Range<i32>| prop::option::weighted(0.3, range);
    (dependencies, any::<bool>(), any::<bool>(), seconds(2..200), seconds(0..60), any::<bool>()).prop_map(
        move |(dependencies, essential, checked, start_timeout, stop_timeout, restarts)| {
            let depends_on: Vec<_> = dependencies
                .into_iter()
                .filter(|&(on, _)| on < index)
                .map(|(on, condition)| json!({"containerName": format!("c{on}"), "condition": condition}))
                .collect();
            let check = json!({"command": ["CMD", "true"], "interval": 5, "retries": 2, "startPeriod": 3});
            json!({
                "name": format!("c{index}"),
                "essential": essential,
                "dependsOn": depends_on,
                "healthCheck": checked.then_some(check),
                "startTimeout": start_timeout,
                "stopTimeout": stop_timeout,
                "restartPolicy": {"enabled": restarts, "restartAttemptPeriod": 60},
            })
        },
    )
}

fn scenario() -> impl Strategy<Value = Scenario> {
    (1_usize..6).prop_flat_map(|count| {
        let containers: Vec<_> = (0..count).map(container).collect();
        let behaviours = prop::collection::vec(behaviour(), count);
        (containers, behaviours, 0_u16..2000, prop::option::of(0_u16..2000)).prop_map(
            |(containers, behaviours, stop_after, kill_after)| Scenario {
                definition: json!({"containerDefinitions": containers}),
                behaviours,
                stop_after,
                kill_after,
            },
        )
    })
}

fn plan(definition: &Value) -> Arc<TaskPlan> {
    let spec = TaskSpec {
        task_id: "t".to_owned(),
        task_arn: String::new(),
        cluster: String::new(),
        definition: Arc::new(serde_json::from_value(definition.clone()).unwrap()),
        overrides: None,
        environment: Vec::new(),
        secrets: Vec::new(),
        image_digests: BTreeMap::new(),
        registry_images: BTreeMap::new(),
        group: String::new(),
        region: String::new(),
    };
    Arc::new(TaskPlan::new(spec, Speed::REAL).unwrap())
}

#[derive(Debug)]
enum Pending {
    Happening(Happening),
    /// The end of a container's run, unless something ended that run before.
    End(usize, u32, i32),
}

/// The world around one agent, which checks the rules at each action.
struct World {
    plan: Arc<TaskPlan>,
    behaviours: Vec<Behaviour>,
    now: Timestamp,
    queue: BTreeMap<(Timestamp, u64), Pending>,
    sequence: u64,
    run: Vec<u32>,
    running: BTreeSet<usize>,
    ever_started: BTreeSet<usize>,
    exit_codes: BTreeMap<usize, i32>,
    healthy: BTreeSet<usize>,
    told_to_end: BTreeMap<usize, Timestamp>,
    stopped_reports: BTreeMap<String, u32>,
    impatient: bool,
    ending: bool,
    events: Vec<TaskEvent>,
}

impl World {
    fn new(scenario: &Scenario) -> Self {
        let plan = plan(&scenario.definition);
        let count = plan.containers.len();
        let mut world = Self {
            plan,
            behaviours: scenario.behaviours.clone(),
            now: Timestamp::default(),
            queue: BTreeMap::new(),
            sequence: 0,
            run: vec![0; count],
            running: BTreeSet::new(),
            ever_started: BTreeSet::new(),
            exit_codes: BTreeMap::new(),
            healthy: BTreeSet::new(),
            told_to_end: BTreeMap::new(),
            stopped_reports: BTreeMap::new(),
            impatient: false,
            ending: false,
            events: Vec::new(),
        };
        world.after(0, Pending::Happening(Happening::Begin));
        world.after(u64::from(scenario.stop_after) * 1000, Pending::Happening(Happening::StopRequested));
        if let Some(kill_after) = scenario.kill_after {
            world.after(u64::from(kill_after) * 1000, Pending::Happening(Happening::KillRequested));
        }
        world
    }

    fn after(&mut self, millis: u64, pending: Pending) {
        self.sequence += 1;
        self.queue.insert((self.now + Duration::from_millis(millis), self.sequence), pending);
    }

    fn live(mut self) -> Vec<TaskEvent> {
        let mut agent = Agent::new(Arc::clone(&self.plan));
        for _ in 0..20_000 {
            if agent.is_over() {
                return self.events;
            }
            let happening = self.next(&agent);
            if let Happening::KillRequested = happening {
                self.impatient = true;
            }
            if let Happening::StopRequested | Happening::KillRequested = happening {
                self.ending = true;
            }
            for action in agent.step(happening, self.now) {
                self.carry_out(action);
            }
        }
        panic!("the task never ended: {agent:?}");
    }

    fn next(&mut self, agent: &Agent) -> Happening {
        loop {
            let due = self.queue.keys().next().copied();
            if let Some(deadline) = agent.deadline()
                && due.is_none_or(|(at, _)| deadline <= at)
            {
                self.now = self.now.max(deadline);
                return Happening::Tick;
            }
            let ((at, _), pending) = self.queue.pop_first().expect("nothing will ever happen again");
            self.now = self.now.max(at);
            match pending {
                Pending::Happening(happening) => return happening,
                Pending::End(index, run, code) => {
                    if self.run[index] == run && self.running.remove(&index) {
                        self.exit_codes.insert(index, code);
                        self.healthy.remove(&index);
                        return Happening::Exited(index, Exit { code: Some(code), reason: None });
                    }
                }
            }
        }
    }

    fn carry_out(&mut self, action: Action) {
        assert!(
            !matches!(self.events.last(), Some(TaskEvent::Stopped { .. })),
            "{action:?} after the last event"
        );
        let failure = || Failure::new("no");
        match action {
            Action::Prepare => {
                let network = Network { address: std::net::Ipv4Addr::LOCALHOST.into(), bindings: Vec::new() };
                self.after(7, Pending::Happening(Happening::Prepared(Ok(network))));
            }
            Action::Pull(index) => {
                let result = if self.behaviours[index].pulls { Ok(None) } else { Err(failure()) };
                self.after(900 + index as u64, Pending::Happening(Happening::Pulled(index, result)));
            }
            Action::Start(index) => self.start(index),
            Action::Probe(index, run) => {
                assert!(self.running.contains(&index));
                let passes = self.behaviours[index].passes_probes;
                let outcome = if passes { ProbeOutcome::Passed } else { ProbeOutcome::Failed };
                self.after(11, Pending::Happening(Happening::Probed(index, run, outcome)));
            }
            Action::Signal(index, signal) => self.signal(index, signal),
            Action::Release => {
                assert!(self.running.is_empty(), "released while something runs");
                self.after(3, Pending::Happening(Happening::Released));
            }
            Action::Report(event) => self.report(event),
        }
    }

    fn start(&mut self, index: usize) {
        assert!(!self.ending, "a container was started while the task ends");
        for dependency in &self.plan.containers[index].depends_on {
            let (on, code) = (dependency.on, self.exit_codes.get(&dependency.on));
            let ended = code.is_some() && !self.running.contains(&on);
            let holds = match dependency.condition {
                ContainerCondition::Start => self.ever_started.contains(&on),
                ContainerCondition::Complete => ended,
                ContainerCondition::Success => ended && code == Some(&0),
                ContainerCondition::Healthy => self.healthy.contains(&on),
            };
            // A restart in place is not a first start: dependencies are checked once.
            assert!(holds || self.ever_started.contains(&index), "c{index} was started too early");
        }
        self.run[index] += 1;
        if !self.behaviours[index].starts {
            self.after(40, Pending::Happening(Happening::Started(index, Err(Failure::new("no")))));
            return;
        }
        self.running.insert(index);
        self.ever_started.insert(index);
        self.after(40, Pending::Happening(Happening::Started(index, Ok("id".to_owned()))));
        if let Some((seconds, code)) = self.behaviours[index].ends {
            self.after(41 + u64::from(seconds) * 1000, Pending::End(index, self.run[index], code));
        }
    }

    fn signal(&mut self, index: usize, signal: StopSignal) {
        self.ending = true;
        match signal {
            StopSignal::Terminate => {
                let dependents: Vec<_> =
                    self.plan.dependents(index).filter(|it| self.running.contains(it)).collect();
                assert!(dependents.is_empty(), "c{index} was told to end before {dependents:?}");
                assert!(self.told_to_end.insert(index, self.now).is_none(), "SIGTERM twice");
                if let Some(seconds) = self.behaviours[index].heeds_term {
                    self.after(u64::from(seconds) * 1000 + 1, Pending::End(index, self.run[index], 143));
                }
            }
            StopSignal::Kill => {
                let patience = self.plan.containers[index].stop_timeout;
                let waited = self.told_to_end.get(&index).is_some_and(|&since| self.now >= since + patience);
                assert!(waited || self.impatient, "c{index} was killed too early");
                self.after(1, Pending::End(index, self.run[index], 137));
            }
        }
    }

    fn report(&mut self, event: TaskEvent) {
        match &event {
            TaskEvent::ContainerHealth { container, status, .. } => {
                let index: usize = container[1..].parse().unwrap();
                if *status == HealthStatus::Healthy {
                    self.healthy.insert(index);
                } else {
                    self.healthy.remove(&index);
                }
            }
            TaskEvent::ContainerStopped { container, .. } => {
                let reports = self.stopped_reports.entry(container.clone()).or_default();
                *reports += 1;
                assert_eq!(*reports, 1, "{container} ended twice");
            }
            TaskEvent::Running { .. } => {
                assert!(!self.ending);
                assert!(!self.events.contains(&event), "RUNNING twice");
                for (index, container) in self.plan.containers.iter().enumerate() {
                    let up =
                        self.running.contains(&index) || self.stopped_reports.contains_key(&container.name);
                    assert!(up, "RUNNING without {}", container.name);
                }
            }
            TaskEvent::Stopped { .. } => {
                assert_eq!(
                    self.stopped_reports.len(),
                    self.plan.containers.len(),
                    "a container's end is missing"
                );
            }
            _ => {}
        }
        self.events.push(event);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 3000, ..ProptestConfig::default() })]

    #[test]
    fn whatever_containers_do_the_task_keeps_the_rules_and_ends(scenario in scenario()) {
        let events = World::new(&scenario).live();
        prop_assert!(matches!(events.last(), Some(TaskEvent::Stopped { .. })), "{:?}", events);
        let pulls = |wanted: fn(&TaskEvent) -> bool| events.iter().filter(|it| wanted(it)).count();
        let began = pulls(|it| matches!(it, TaskEvent::PullStarted { .. }));
        prop_assert_eq!(began, pulls(|it| matches!(it, TaskEvent::PullStopped { .. })));
    }
}

fn lives(definition: Value, behaviours: &[Behaviour], stop_after: u16) -> Vec<String> {
    let scenario = Scenario { definition, behaviours: behaviours.to_vec(), stop_after, kill_after: None };
    let told = |event: &TaskEvent| match event {
        TaskEvent::ContainerStarted { container, .. } => Some(format!("{container} started")),
        TaskEvent::ContainerStopped { container, exit_code, reason, .. } => Some(format!(
            "{container} stopped {}{}",
            exit_code.map_or("-".to_owned(), |code| code.to_string()),
            reason.as_ref().map(|reason| format!(": {reason}")).unwrap_or_default(),
        )),
        TaskEvent::ContainerHealth { container, status, .. } => Some(format!("{container} {status}")),
        TaskEvent::Running { .. } => Some("RUNNING".to_owned()),
        TaskEvent::Stopped { code, reason, .. } => Some(format!("{code:?}: {reason}")),
        _ => None,
    };
    World::new(&scenario).live().iter().filter_map(told).collect()
}

fn well_behaved() -> Behaviour {
    Behaviour { pulls: true, starts: true, ends: None, heeds_term: Some(1), passes_probes: true }
}

#[test]
fn an_init_container_comes_first_and_does_not_end_the_task() {
    let definition = json!({"containerDefinitions": [
        {"name": "c0", "dependsOn": [{"containerName": "c1", "condition": "SUCCESS"}]},
        {"name": "c1", "essential": false},
    ]});
    let init = Behaviour { ends: Some((5, 0)), ..well_behaved() };
    assert_eq!(
        lives(definition, &[well_behaved(), init], 60),
        ["c1 started", "c1 stopped 0", "c0 started", "RUNNING", "c0 stopped 143", "Requested: "]
    );
}

#[test]
fn a_failed_init_container_fails_the_task_with_its_exit_code_in_the_reason() {
    let definition = json!({"containerDefinitions": [
        {"name": "c0", "dependsOn": [{"containerName": "c1", "condition": "SUCCESS"}]},
        {"name": "c1", "essential": false},
    ]});
    let init = Behaviour { ends: Some((5, 3)), ..well_behaved() };
    let why =
        "Container c0 could not start: it depends on container c1 being SUCCESS, but c1 exited with code 3";
    let stopped = format!("c0 stopped -: {why}");
    let ended = format!("TaskFailedToStart: {why}");
    assert_eq!(
        lives(definition, &[well_behaved(), init], 60),
        ["c1 started", "c1 stopped 3", stopped.as_str(), ended.as_str()]
    );
}

#[test]
fn a_dependency_that_is_not_healthy_within_its_start_timeout_fails_the_task() {
    let definition = json!({"containerDefinitions": [
        {"name": "c0", "dependsOn": [{"containerName": "c1", "condition": "HEALTHY"}]},
        {"name": "c1", "startTimeout": 20, "healthCheck": {"command": ["CMD", "true"], "interval": 5, "retries": 2}},
    ]});
    let sick = Behaviour { passes_probes: false, ..well_behaved() };
    let why = "Container c0 could not start: it depends on container c1 being HEALTHY, but c1 was not within its startTimeout";
    assert_eq!(
        lives(definition, &[well_behaved(), sick], 600),
        [
            "c1 started",
            "c1 UNHEALTHY",
            format!("c0 stopped -: {why}").as_str(),
            "c1 stopped 143",
            format!("TaskFailedToStart: {why}").as_str(),
        ]
    );
}

#[test]
fn the_end_of_an_essential_container_ends_the_others_in_reverse_order() {
    let definition = json!({"containerDefinitions": [
        {"name": "c0"},
        {"name": "c1", "dependsOn": [{"containerName": "c0", "condition": "START"}]},
        {"name": "c2", "dependsOn": [{"containerName": "c1", "condition": "START"}], "stopTimeout": 10},
        {"name": "c3"},
    ]});
    let stubborn = Behaviour { heeds_term: None, ..well_behaved() };
    let ends = Behaviour { ends: Some((9, 1)), ..well_behaved() };
    assert_eq!(
        lives(definition, &[well_behaved(), well_behaved(), stubborn, ends], 600)[4..],
        [
            "RUNNING",
            "c3 stopped 1",
            "c2 stopped 137",
            "c1 stopped 143",
            "c0 stopped 143",
            "EssentialContainerExited: Essential container in task exited",
        ]
    );
}

#[test]
fn a_restart_policy_restarts_what_has_run_for_the_attempt_period_and_nothing_else() {
    let policy = json!({"enabled": true, "restartAttemptPeriod": 60, "ignoredExitCodes": [0]});
    let definition = json!({"containerDefinitions": [{"name": "c0", "restartPolicy": policy}]});
    let count = |ends| {
        let behaviour = Behaviour { ends: Some(ends), ..well_behaved() };
        let events = lives(definition.clone(), &[behaviour], 200);
        events.iter().filter(|event| *event == "c0 started").count()
    };
    assert_eq!(count((70, 1)), 3);
    assert_eq!(count((59, 1)), 1);
    assert_eq!(count((70, 0)), 1);
}

#[test]
fn an_adopted_task_goes_on_where_it_stood() {
    let definition = json!({"containerDefinitions": [
        {"name": "c0", "dependsOn": [{"containerName": "c1", "condition": "SUCCESS"}]},
        {"name": "c1", "essential": false},
    ]});
    let network = Network { address: std::net::Ipv4Addr::LOCALHOST.into(), bindings: Vec::new() };
    let now = Timestamp::from_millis(5);
    let running = AdoptedContainer::Running { runtime_id: "id".to_owned(), since: now, image_digest: None };
    let init = |code| AdoptedContainer::Ended(Exit { code: Some(code), reason: None });

    let (mut agent, facts) =
        Agent::adopted(plan(&definition), network.clone(), vec![running.clone(), init(0)], now);
    assert!(matches!(facts.last(), Some(TaskEvent::Running { .. })), "{facts:?}");
    assert_eq!(agent.step(Happening::Begin, now), []);
    assert_eq!(agent.step(Happening::StopRequested, now), [Action::Signal(0, StopSignal::Terminate)]);

    let found = vec![AdoptedContainer::NeverStarted, running];
    let (mut agent, facts) = Agent::adopted(plan(&definition), network, found, now);
    assert_eq!(facts.len(), 2, "{facts:?}");
    let actions = agent.step(Happening::Begin, now);
    assert!(actions.contains(&Action::Pull(0)), "{actions:?}");
    assert_eq!(agent.step(Happening::Pulled(0, Ok(None)), now).len(), 1, "it waits for c1");
    let exited = Happening::Exited(1, Exit { code: Some(0), reason: None });
    assert!(agent.step(exited, now).contains(&Action::Start(0)));
}
