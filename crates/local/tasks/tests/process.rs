//! The process runtime with real processes.

#![expect(
    clippy::unwrap_used,
    clippy::needless_pass_by_value,
    reason = "helpers of tests are not marked as tests"
)]

use std::{
    collections::BTreeMap,
    fs,
    io::{BufRead, BufReader},
    net::{IpAddr, TcpListener},
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::Arc,
    time::{Duration, Instant},
};

use serde_json::{Value, json};
use tempfile::TempDir;
use tidegate_clock::{Clock, Speed};
use tidegate_models::ecs::HealthStatus;
use tidegate_tasks::{
    Adopted, ImageCommand, ImageMap, Lifetime, LogPosition, Runtime, Settings, StopCause, TaskEvent,
    TaskSpec, clean_up,
};
use tokio::sync::mpsc::UnboundedReceiver;

/// Far more than anything here takes; a test that needs it has failed.
const DEADLINE: Duration = Duration::from_secs(30);

/// A runtime of its own in a folder of its own.
struct Cloud {
    folder: TempDir,
    instance: String,
    runtime: Runtime,
    events: UnboundedReceiver<TaskEvent>,
    seen: Vec<TaskEvent>,
}

/// `shell` is an image that runs its command as a line of shell.
fn images() -> ImageMap {
    let shell = ["/bin/sh", "-c"].map(str::to_owned).to_vec();
    ImageMap::default().with("shell:*", ImageCommand { entry_point: shell, ..ImageCommand::default() }).with(
        "sleep",
        ImageCommand { command: vec!["sleep".to_owned(), "1000".to_owned()], ..ImageCommand::default() },
    )
}

fn instance() -> String {
    format!("{:016x}", fastrand::u64(..))
}

fn task_id() -> String {
    format!("{:032x}", fastrand::u128(..))
}

fn spec(task_id: &str, definition: Value) -> TaskSpec {
    TaskSpec {
        task_id: task_id.to_owned(),
        task_arn: format!("arn:aws:ecs:us-east-1:000000000000:task/default/{task_id}"),
        cluster: "default".to_owned(),
        definition: Arc::new(serde_json::from_value(definition).unwrap()),
        overrides: None,
        environment: Vec::new(),
        secrets: Vec::new(),
        image_digests: BTreeMap::new(),
        registry_images: BTreeMap::new(),
        group: "family:test".to_owned(),
        region: "us-east-1".to_owned(),
    }
}

fn one(container: Value) -> Value {
    json!({"networkMode": "awsvpc", "containerDefinitions": [container]})
}

fn shell(name: &str, line: &str) -> Value {
    json!({"name": name, "image": "shell:1", "command": [line]})
}

fn with(mut container: Value, members: Value) -> Value {
    for (key, value) in members.as_object().unwrap() {
        container[key] = value.clone();
    }
    container
}

async fn open(
    folder: &Path,
    instance: &str,
    lifetime: Lifetime,
    speed: f64,
) -> (Runtime, UnboundedReceiver<TaskEvent>) {
    let settings = Settings {
        clock: Clock::starting_now(Speed::new(speed).unwrap()),
        data_dir: folder.to_owned(),
        lifetime,
        instance: instance.to_owned(),
    };
    Runtime::process(settings, images()).await.unwrap()
}

impl Cloud {
    async fn start(lifetime: Lifetime, speed: f64) -> Self {
        let (folder, instance) = (tempfile::tempdir().unwrap(), instance());
        let (runtime, events) = open(folder.path(), &instance, lifetime, speed).await;
        Self { folder, instance, runtime, events, seen: Vec::new() }
    }

    /// Starts a task and returns its id.
    fn run(&self, definition: Value) -> String {
        let id = task_id();
        self.runtime.start(spec(&id, definition));
        id
    }

    async fn until(&mut self, what: &str, wanted: impl Fn(&TaskEvent) -> bool) -> TaskEvent {
        loop {
            let event = tokio::time::timeout(DEADLINE, self.events.recv()).await;
            let event =
                event.unwrap_or_else(|_| panic!("{what} did not come; seen: {:#?}", self.seen)).unwrap();
            self.seen.push(event.clone());
            if wanted(&event) {
                return event;
            }
        }
    }

    async fn until_running(&mut self) {
        self.until("Running", |event| matches!(event, TaskEvent::Running { .. })).await;
    }

    async fn until_stopped(&mut self) -> (StopCause, String) {
        match self.until("Stopped", |event| matches!(event, TaskEvent::Stopped { .. })).await {
            TaskEvent::Stopped { code, reason, .. } => (code, reason),
            _ => unreachable!(),
        }
    }

    /// Starts a task, waits for its end and tells it in short.
    async fn life(&mut self, definition: Value) -> Vec<String> {
        self.run(definition);
        self.until_stopped().await;
        self.told()
    }

    fn told(&self) -> Vec<String> {
        self.seen.iter().filter_map(told).collect()
    }

    fn exit_code(&self, container: &str) -> Option<i32> {
        self.seen.iter().find_map(|event| match event {
            TaskEvent::ContainerStopped { container: name, exit_code, .. } if name == container => *exit_code,
            _ => None,
        })
    }

    async fn log(&self, task_id: &str, container: &str) -> Vec<String> {
        let page = self.runtime.read_logs(task_id, container, LogPosition::Head, 1000).await.unwrap();
        page.lines.into_iter().map(|line| line.message).collect()
    }
}

fn told(event: &TaskEvent) -> Option<String> {
    Some(match event {
        TaskEvent::ContainerStarted { container, .. } => format!("{container} started"),
        TaskEvent::ContainerStopped { container, exit_code: Some(code), .. } => {
            format!("{container} stopped {code}")
        }
        TaskEvent::ContainerStopped { container, .. } => format!("{container} stopped"),
        TaskEvent::Running { .. } => "running".to_owned(),
        TaskEvent::Stopped { code, reason, .. } => format!("{code:?}: {reason}"),
        _ => return None,
    })
}

/// The processes of an instance, wherever they are by now.
fn processes(instance: &str) -> Vec<String> {
    let mark = format!("TIDEGATE_INSTANCE={instance}");
    let entries = fs::read_dir("/proc").unwrap().flatten();
    entries
        .filter_map(|entry| {
            let pid: u32 = entry.file_name().to_str()?.parse().ok()?;
            let environment = fs::read(entry.path().join("environ")).ok()?;
            let marked = environment.split(|&byte| byte == 0).any(|entry| entry == mark.as_bytes());
            let command = fs::read_to_string(entry.path().join("cmdline")).ok()?.replace('\0', " ");
            (marked && !command.is_empty()).then(|| format!("{pid}: {command}"))
        })
        .collect()
}

/// How many of them are `sleep 1000`, and no shell that is to become or start one.
fn sleepers(instance: &str) -> usize {
    let is_sleeper = |it: &&String| it.ends_with("sleep 1000 ") && it.split_whitespace().count() == 3;
    processes(instance).iter().filter(is_sleeper).count()
}

/// Ends what a failed test would leave.
struct Sweep(String);

impl Drop for Sweep {
    fn drop(&mut self) {
        for process in processes(&self.0) {
            if let Some((pid, _)) = process.split_once(':') {
                let _ = Command::new("kill").args(["-KILL", pid]).status();
            }
        }
    }
}

/// For what nobody sends an event of: looks again and again, with a deadline.
async fn until(what: &str, holds: impl Fn() -> bool) {
    let start = Instant::now();
    while !holds() {
        assert!(start.elapsed() < DEADLINE, "not in {DEADLINE:?}: {what}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

async fn until_no_process_is_left(instance: &str) {
    until("no process is left", || processes(instance).is_empty()).await;
}

#[tokio::test]
async fn a_chain_of_dependencies_starts_in_order_and_stops_in_reverse() {
    let mut cloud = Cloud::start(Lifetime::WithParent, 1.0).await;
    let order = cloud.folder.path().join("order");
    let note = |name: &str| {
        format!(
            "trap 'echo {name} ends >> {0}; exit 0' TERM; echo {name} >> {0}; while :; do sleep 0.05; done",
            order.display()
        )
    };
    let check = json!({"command": ["CMD-SHELL", format!("grep -q db {}", order.display())], "interval": 1});
    let depends = |on: &str, condition: &str| json!([{"containerName": on, "condition": condition}]);
    let id = cloud.run(json!({"containerDefinitions": [
        with(shell("web", &note("web")), json!({"dependsOn": depends("migrate", "SUCCESS")})),
        with(shell("migrate", &format!("echo migrate >> {}", order.display())),
            json!({"essential": false, "dependsOn": depends("db", "HEALTHY")})),
        with(shell("db", &note("db")), json!({"healthCheck": check})),
    ]}));
    cloud.until_running().await;
    // Their traps are set before they write their names.
    until("web has noted its start", || fs::read_to_string(&order).is_ok_and(|order| order.contains("web")))
        .await;
    cloud.runtime.stop(&id);
    assert_eq!(cloud.until_stopped().await, (StopCause::Requested, String::new()));
    assert_eq!(
        cloud.told(),
        [
            "db started",
            "migrate started",
            "migrate stopped 0",
            "web started",
            "running",
            "web stopped 0",
            "db stopped 0",
            "Requested: ",
        ]
    );
    let order = fs::read_to_string(order).unwrap();
    assert_eq!(order, "db\nmigrate\nweb\nweb ends\ndb ends\n");
}

#[tokio::test]
async fn an_essential_container_takes_the_others_with_it() {
    let mut cloud = Cloud::start(Lifetime::WithParent, 1.0).await;
    let life = cloud
        .life(json!({"containerDefinitions": [
            shell("web", "exit 3"),
            with(shell("side", "exec sleep 1000"), json!({"essential": false})),
        ]}))
        .await;
    assert!(life.contains(&"web stopped 3".to_owned()), "{life:?}");
    assert!(
        life.contains(&"side stopped 143".to_owned()) || life.contains(&"side stopped".to_owned()),
        "{life:?}"
    );
    assert_eq!(life.last().unwrap(), "EssentialContainerExited: Essential container in task exited");
}

#[tokio::test]
async fn sigterm_ends_with_143_and_who_ignores_it_ends_with_137_after_the_stop_timeout() {
    let mut cloud = Cloud::start(Lifetime::WithParent, 10.0).await;
    let stubborn = "trap '' TERM; echo up; while :; do sleep 0.05; done";
    let id = cloud.run(json!({"containerDefinitions": [
        shell("meek", "exec sleep 1000"),
        with(shell("stubborn", stubborn), json!({"stopTimeout": 2})),
    ]}));
    cloud.until_running().await;
    while cloud.log(&id, "stubborn").await.is_empty() {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let start = Instant::now();
    cloud.runtime.stop(&id);
    cloud.runtime.stop(&id);
    cloud.until_stopped().await;
    assert_eq!((cloud.exit_code("meek"), cloud.exit_code("stubborn")), (Some(143), Some(137)));
    assert!(start.elapsed() >= Duration::from_secs(2), "real programs get real time: {:?}", start.elapsed());
    until_no_process_is_left(&cloud.instance).await;
}

#[tokio::test]
async fn what_a_container_started_ends_with_it_even_in_a_session_of_its_own() {
    let mut cloud = Cloud::start(Lifetime::WithParent, 1.0).await;
    let life = cloud.life(one(shell("web", "sleep 1000 & setsid sleep 1000 & sleep 0.1; exit 0"))).await;
    assert!(life.contains(&"web stopped 0".to_owned()), "{life:?}");
    assert_eq!(processes(&cloud.instance), [""; 0]);
}

#[tokio::test]
async fn a_health_check_turns_healthy_then_unhealthy_then_healthy_again() {
    let mut cloud = Cloud::start(Lifetime::WithParent, 20.0).await;
    let flag = cloud.folder.path().join("flag");
    let check = json!({"command": ["CMD-SHELL", "[ -e \"$FLAG\" ]"], "interval": 5, "retries": 2});
    cloud.run(one(with(
        shell("web", "exec sleep 1000"),
        json!({"healthCheck": check, "environment": [{"name": "FLAG", "value": flag.to_str()}]}),
    )));
    for (present, expected) in
        [(true, HealthStatus::Healthy), (false, HealthStatus::Unhealthy), (true, HealthStatus::Healthy)]
    {
        if present {
            fs::write(&flag, "").unwrap();
        } else {
            fs::remove_file(&flag).unwrap();
        }
        let event =
            cloud.until("a health status", |event| matches!(event, TaskEvent::ContainerHealth { .. })).await;
        assert!(
            matches!(event, TaskEvent::ContainerHealth { status, .. } if status == expected),
            "{event:?}"
        );
    }
}

#[tokio::test]
async fn a_health_check_that_hangs_is_killed_and_counts_as_failed() {
    let mut cloud = Cloud::start(Lifetime::WithParent, 20.0).await;
    let check =
        json!({"command": ["CMD-SHELL", "sleep 777; true"], "interval": 5, "timeout": 2, "retries": 1});
    cloud.run(one(with(shell("web", "exec sleep 1000"), json!({"healthCheck": check}))));
    let event =
        cloud.until("a health status", |event| matches!(event, TaskEvent::ContainerHealth { .. })).await;
    assert!(matches!(event, TaskEvent::ContainerHealth { status: HealthStatus::Unhealthy, .. }), "{event:?}");
    let hanging = || processes(&cloud.instance).iter().filter(|it| it.contains("sleep 777")).count();
    assert!(hanging() <= 2, "one shell and its child at most: {:?}", processes(&cloud.instance));
}

#[tokio::test]
async fn the_environment_is_clean_and_names_the_tasks_address() {
    let mut cloud = Cloud::start(Lifetime::WithParent, 1.0).await;
    let container = with(
        shell("web", "env; pwd; echo oops >&2"),
        json!({
            "portMappings": [{"containerPort": 8080}],
            "workingDirectory": "/usr",
            "environment": [{"name": "GREETING", "value": "hello\tworld"}, {"name": "HOST", "value": "0.0.0.0"}],
        }),
    );
    let id = cloud.run(one(container));
    cloud.until_stopped().await;
    let address = cloud.seen.iter().find_map(|event| match event {
        TaskEvent::NetworkReady { address, .. } => Some(*address),
        _ => None,
    });
    let log = cloud.log(&id, "web").await;
    for line in [
        &format!("HOST={}", address.unwrap()),
        "PORT=8080",
        "GREETING=hello\tworld",
        "TIDEGATE_IMAGE_TAG=1",
        "/usr",
        "oops",
    ] {
        assert!(log.iter().any(|it| it == line), "{line} is missing: {log:#?}");
    }
    let inherited = log.iter().find(|line| line.starts_with("CARGO") || line.starts_with("NEXTEST"));
    assert_eq!(inherited, None);
}

#[tokio::test]
async fn a_task_that_listens_is_reached_at_its_own_address_and_two_share_a_port_number() {
    let mut cloud = Cloud::start(Lifetime::WithParent, 1.0).await;
    let mut addresses = Vec::new();
    for _ in 0..2 {
        cloud.run(one(with(
            shell("web", "exec sleep 1000"),
            json!({"portMappings": [{"containerPort": 8080}]}),
        )));
        cloud.until_running().await;
        let event = cloud.seen.iter().rev().find(|event| matches!(event, TaskEvent::NetworkReady { .. }));
        let Some(TaskEvent::NetworkReady { address, bindings, .. }) = event else {
            panic!("{:?}", cloud.seen)
        };
        assert!(bindings.is_empty());
        addresses.push(TcpListener::bind((*address, 8080)).unwrap());
    }
}

#[tokio::test]
async fn an_unknown_image_fails_as_a_registry_would_say_it() {
    let mut cloud = Cloud::start(Lifetime::WithParent, 1.0).await;
    cloud.run(one(json!({"name": "web", "image": "nobody/knows:1"})));
    let (code, reason) = cloud.until_stopped().await;
    assert_eq!(code, StopCause::TaskFailedToStart);
    assert_eq!(
        reason,
        "CannotPullContainerError: pull image manifest has been retried 5 time(s): failed to resolve ref \
         nobody/knows:1: nobody/knows:1: not found"
    );
    assert_eq!(cloud.told()[0], "web stopped");
}

#[tokio::test]
async fn a_program_that_is_missing_or_not_executable_fails_with_127_or_126() {
    let mut cloud = Cloud::start(Lifetime::WithParent, 1.0).await;
    let file = cloud.folder.path().join("file");
    fs::write(&file, "#!/bin/sh\nexit 0\n").unwrap();
    fs::set_permissions(&file, PermissionsExt::from_mode(0o644)).unwrap();
    let container = |program: &str| json!({"name": "web", "image": "shell:1", "entryPoint": [program]});
    let life = cloud.life(one(container(file.to_str().unwrap()))).await;
    assert_eq!(life[0], "web stopped 126");
    assert!(life[1].starts_with("TaskFailedToStart: CannotStartContainerError: exec: "), "{life:?}");
    cloud.seen.clear();
    let life = cloud.life(one(container("no-such-program"))).await;
    assert_eq!(life[0], "web stopped 127");
    assert!(life[1].ends_with("executable file not found in $PATH"), "{life:?}");
}

#[tokio::test]
async fn signals_are_told_by_exit_codes_above_128() {
    let mut cloud = Cloud::start(Lifetime::WithParent, 1.0).await;
    for (signal, code) in [("ABRT", 134), ("SEGV", 139), ("KILL", 137)] {
        cloud.seen.clear();
        cloud.life(one(shell("web", &format!("ulimit -c 0; kill -{signal} $$")))).await;
        assert_eq!(cloud.exit_code("web"), Some(code), "{signal}");
    }
}

#[tokio::test]
async fn a_fixed_host_port_in_use_fails_the_task() {
    let mut cloud = Cloud::start(Lifetime::WithParent, 1.0).await;
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let mapping = json!({"portMappings": [{"containerPort": 80, "hostPort": port}]});
    cloud.run(
        json!({"networkMode": "bridge", "containerDefinitions": [with(shell("web", "exit 0"), mapping)]}),
    );
    let (code, reason) = cloud.until_stopped().await;
    assert_eq!(code, StopCause::TaskFailedToStart);
    assert!(reason.contains(&format!("port {port} is already in use")), "{reason}");
}

#[tokio::test]
async fn bridge_tasks_get_dynamic_host_ports() {
    let mut cloud = Cloud::start(Lifetime::WithParent, 1.0).await;
    let container = with(
        shell("web", "echo $HOST $PORT $PORT_80"),
        json!({
            "portMappings": [{"containerPort": 80, "hostPort": 0}],
            "environment": [{"name": "PORT", "value": "80"}],
        }),
    );
    let id = cloud.run(json!({"networkMode": "bridge", "containerDefinitions": [container]}));
    cloud.until_stopped().await;
    let Some(TaskEvent::NetworkReady { bindings, .. }) = cloud.seen.first() else {
        panic!("{:?}", cloud.seen)
    };
    let port = bindings[0].host_port;
    assert_ne!(port, 80);
    assert_eq!(cloud.log(&id, "web").await, [format!("127.0.0.1 {port} {port}")]);
}

#[tokio::test]
async fn a_task_that_is_not_here_is_told_stopped_at_once() {
    let mut cloud = Cloud::start(Lifetime::WithParent, 1.0).await;
    cloud.runtime.stop("00000000000000000000000000000000");
    assert_eq!(cloud.until_stopped().await.0, StopCause::Requested);
}

#[tokio::test]
async fn shutdown_leaves_nothing_running() {
    let mut cloud = Cloud::start(Lifetime::Persistent, 1.0).await;
    let _sweep = Sweep(cloud.instance.clone());
    cloud.run(json!({"containerDefinitions": [
        shell("web", "exec sleep 1000"), {"name": "plain", "image": "sleep"}, shell("late", "setsid sleep 1000 & wait"),
    ]}));
    cloud.until_running().await;
    until("all have started", || sleepers(&cloud.instance) == 3).await;
    cloud.runtime.shutdown().await;
    assert_eq!(processes(&cloud.instance), [""; 0]);
    assert_eq!(cloud.until_stopped().await.0, StopCause::Requested);
}

#[tokio::test]
async fn dropping_a_runtime_ends_its_tasks() {
    let mut cloud = Cloud::start(Lifetime::WithParent, 1.0).await;
    cloud.run(one(shell("web", "setsid sleep 1000 & exec sleep 1000")));
    cloud.until_running().await;
    let Cloud { instance, runtime, folder: _folder, .. } = cloud;
    drop(runtime);
    until_no_process_is_left(&instance).await;
}

/// Another process that runs a task; see `examples/run_task.rs`.
struct OtherCloud {
    child: Child,
    folder: TempDir,
    instance: String,
    task_id: String,
    definition: Value,
    _sweep: Sweep,
}

impl Drop for OtherCloud {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl OtherCloud {
    /// Returns once the task is RUNNING.
    fn run(lifetime: &str, definition: Value) -> Self {
        let (folder, instance, task_id) = (tempfile::tempdir().unwrap(), instance(), task_id());
        let file = folder.path().join("task.json");
        let images = json!({"shell:1": ["/bin/sh"]});
        let task = json!({"id": task_id, "definition": definition, "images": images});
        fs::write(&file, task.to_string()).unwrap();
        let program =
            PathBuf::from(std::env::current_exe().unwrap().parent().unwrap()).join("../examples/run_task");
        assert!(program.exists(), "build the examples, too: cargo nextest run -p tidegate-tasks");
        let mut child = Command::new(program)
            .arg(folder.path().join("tasks"))
            .args([&instance, lifetime, "process"])
            .arg(&file)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut seen = Vec::new();
        for line in lines {
            seen.push(line.unwrap());
            if seen.last().unwrap().starts_with("Running") {
                let sweep = Sweep(instance.clone());
                return Self { child, folder, instance, task_id, definition, _sweep: sweep };
            }
        }
        let ended = child.wait();
        panic!("it never ran ({ended:?}): {seen:#?}");
    }

    /// Ends it without any warning.
    fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    fn tasks(&self) -> PathBuf {
        self.folder.path().join("tasks")
    }

    async fn next(&self) -> Cloud {
        let (runtime, events) = open(&self.tasks(), &self.instance, Lifetime::Persistent, 1.0).await;
        Cloud {
            folder: tempfile::tempdir().unwrap(),
            instance: self.instance.clone(),
            runtime,
            events,
            seen: Vec::new(),
        }
    }

    fn spec(&self) -> TaskSpec {
        spec(&self.task_id, self.definition.clone())
    }
}

/// `entryPoint` keeps these independent of the image's.
fn script(name: &str, line: &str) -> Value {
    json!({"name": name, "image": "shell:1", "entryPoint": ["/bin/sh", "-c", line]})
}

#[tokio::test]
async fn with_its_parent_killed_nothing_of_a_task_survives() {
    let definition =
        one(script("web", "setsid sleep 1000 & sleep 1000 & trap '' TERM HUP; while :; do sleep 1; done"));
    let mut other = OtherCloud::run("with-parent", definition);
    until("all of it runs", || sleepers(&other.instance) >= 2).await;
    other.kill();
    until_no_process_is_left(&other.instance).await;
}

#[tokio::test]
async fn a_persistent_task_outlives_a_killed_cloud_and_the_next_one_adopts_it() {
    let check = json!({"command": ["CMD", "true"], "interval": 5});
    let web = script("web", "echo begin; trap 'echo end; exit 7' TERM; while :; do sleep 0.05; done");
    let mut other = OtherCloud::run(
        "persistent",
        json!({"networkMode": "awsvpc", "containerDefinitions": [
            with(web, json!({"healthCheck": check, "portMappings": [{"containerPort": 8080}]})),
            with(script("side", "sleep 0.3; exit 5"), json!({"essential": false})),
        ]}),
    );
    other.kill();
    assert!(!processes(&other.instance).is_empty(), "it must go on");
    until("side has ended", || !processes(&other.instance).iter().any(|it| it.contains("exit 5"))).await;

    let mut next = other.next().await;
    let adopted = next.runtime.adopt(vec![other.spec()]).await;
    let [Adopted::Running { facts, .. }] = adopted.as_slice() else { panic!("{adopted:?}") };
    let address = facts.iter().find_map(|fact| match fact {
        TaskEvent::NetworkReady { address, .. } => Some(*address),
        _ => None,
    });
    assert!(matches!(address, Some(IpAddr::V4(address)) if address.is_loopback()), "{facts:?}");
    let facts: Vec<_> = facts.iter().filter_map(told).collect();
    assert_eq!(facts, ["web started", "side stopped 5", "running"]);

    next.until("HEALTHY", |event| matches!(event, TaskEvent::ContainerHealth { .. })).await;
    next.runtime.stop(&other.task_id);
    next.until_stopped().await;
    assert_eq!(next.exit_code("web"), Some(7), "the exit code of a process that is not our child");
    assert_eq!(next.log(&other.task_id, "web").await, ["begin", "end"]);
    assert_eq!(processes(&other.instance), [""; 0]);
}

#[tokio::test]
async fn a_task_that_ended_while_nobody_looked_is_gone_with_its_exit_code() {
    let mut other = OtherCloud::run("persistent", one(script("web", "sleep 0.5; exit 9")));
    other.kill();
    until_no_process_is_left(&other.instance).await;
    let next = other.next().await;
    let adopted = next.runtime.adopt(vec![other.spec()]).await;
    let exit_codes = vec![("web".to_owned(), 9)];
    assert_eq!(adopted, [Adopted::Gone { task_id: other.task_id.clone(), exit_codes }]);
}

#[tokio::test]
async fn an_adopted_task_whose_process_is_killed_is_told_at_once() {
    let mut other = OtherCloud::run("persistent", one(script("web", "exec sleep 1000")));
    other.kill();
    let mut next = other.next().await;
    next.runtime.adopt(vec![other.spec()]).await;
    let victim = || processes(&other.instance).into_iter().find(|it| it.ends_with(": sleep 1000 "));
    until("the program runs", || victim().is_some()).await;
    let victim = victim().unwrap();
    let pid = victim.split(':').next().unwrap();
    assert!(Command::new("kill").args(["-KILL", pid]).status().unwrap().success());
    assert_eq!(next.until_stopped().await.0, StopCause::EssentialContainerExited);
    assert_eq!(next.exit_code("web"), Some(137));
}

#[tokio::test]
async fn orphans_that_nobody_expects_are_ended_by_the_next_cloud_and_no_one_elses() {
    let stranger = OtherCloud::run("persistent", one(script("web", "exec sleep 1000")));
    let mut other = OtherCloud::run("persistent", one(script("web", "setsid sleep 1000 & exec sleep 1000")));
    other.kill();
    let next = other.next().await;
    assert_eq!(next.runtime.adopt(Vec::new()).await, []);
    assert_eq!(processes(&other.instance), [""; 0]);
    assert!(!processes(&stranger.instance).is_empty(), "another cloud's tasks were touched");
    let mut stranger = stranger;
    stranger.kill();
    assert!(clean_up(&stranger.tasks(), &stranger.instance).await.unwrap() > 0);
    assert_eq!(processes(&stranger.instance), [""; 0]);
}

#[tokio::test]
async fn clean_up_ends_what_a_killed_cloud_left() {
    let mut other = OtherCloud::run("persistent", one(script("web", "setsid sleep 1000 & exec sleep 1000")));
    until("both have started", || sleepers(&other.instance) == 2).await;
    other.kill();
    assert!(clean_up(&other.tasks(), &other.instance).await.unwrap() >= 2);
    assert_eq!(processes(&other.instance), [""; 0]);
    assert_eq!(clean_up(&other.tasks(), &other.instance).await.unwrap(), 0);
}

#[tokio::test]
async fn logs_stay_readable_after_the_task_and_page_by_page() {
    let mut cloud = Cloud::start(Lifetime::WithParent, 1.0).await;
    let id = cloud.run(one(shell("web", "for n in 1 2 3 4 5; do echo line $n; done; printf unfinished")));
    cloud.until_stopped().await;
    let page = cloud.runtime.read_logs(&id, "web", LogPosition::Tail, 2).await.unwrap();
    let messages: Vec<_> = page.lines.iter().map(|line| line.message.as_str()).collect();
    assert_eq!(messages, ["line 5", "unfinished"]);
    let earlier = cloud.runtime.read_logs(&id, "web", LogPosition::Before(page.previous), 2).await.unwrap();
    assert_eq!(earlier.lines[1].message, "line 4");
}
