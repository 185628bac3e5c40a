//! The Docker runtime against a real daemon.
//!
//! Without a daemon each of these says so and does nothing; with `TIDEGATE_REQUIRE_DOCKER=1`, as in CI, that is a failure.
//! The one image that they need is made here from a static program, so no registry is asked.

#![expect(
    clippy::unwrap_used,
    clippy::print_stderr,
    clippy::needless_pass_by_value,
    reason = "helpers of tests are not marked as tests"
)]

use std::{
    collections::BTreeMap,
    fs,
    hash::{DefaultHasher, Hash, Hasher},
    io::{BufRead, BufReader, Read, Write},
    net::{IpAddr, SocketAddr, TcpStream},
    os::unix::net::UnixListener,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::Arc,
    time::{Duration, Instant},
};

use bollard::{
    Docker, body_full,
    models::ContainerInspectResponse,
    query_parameters::{CreateImageOptionsBuilder, ListContainersOptionsBuilder},
};
use futures_util::TryStreamExt;
use serde_json::{Value, json};
use tempfile::TempDir;
use tidegate_clock::{Clock, Speed};
use tidegate_models::ecs::HealthStatus;
use tidegate_tasks::{
    Adopted, Lifetime, LogPosition, Runtime, Settings, StopCause, TaskEvent, TaskSpec, clean_up,
};
use tokio::sync::mpsc::UnboundedReceiver;

/// Far more than anything here takes; a test that needs it has failed.
const DEADLINE: Duration = Duration::from_mins(1);

/// The daemon, and the test image in it. `None` skips the test, loudly.
async fn daemon() -> Option<(Docker, String)> {
    let connected = async {
        let docker = Docker::connect_with_defaults().map_err(|error| error.to_string())?;
        docker.negotiate_version().await.map_err(|error| error.to_string())
    };
    match connected.await {
        Ok(docker) => {
            let image = image(&docker).await;
            Some((docker, image))
        }
        Err(error) if std::env::var("TIDEGATE_REQUIRE_DOCKER").is_ok_and(|it| it == "1") => {
            panic!("TIDEGATE_REQUIRE_DOCKER is set, and no Docker daemon answers: {error}")
        }
        Err(error) => {
            eprintln!(
                "SKIPPED, nothing was tested: no Docker daemon answers ({error}); TIDEGATE_REQUIRE_DOCKER=1 makes this a failure"
            );
            None
        }
    }
}

/// Builds the program and imports it, once for each version of its source.
async fn image(docker: &Docker) -> String {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/image/program.rs");
    let mut hasher = DefaultHasher::new();
    fs::read(&source).unwrap().hash(&mut hasher);
    let (name, tag) = ("tidegate-test/program", format!("{:016x}", hasher.finish()));
    let image = format!("{name}:{tag}");
    if docker.inspect_image(&image).await.is_ok() {
        return image;
    }
    let folder = tempfile::tempdir().unwrap();
    let program = folder.path().join("program");
    let rustc = std::env::var("RUSTC").unwrap_or_else(|_| "rustc".to_owned());
    let built = Command::new(rustc)
        .args(["--edition", "2024", "-O", "-C", "target-feature=+crt-static", "-o"])
        .args([&program, &source])
        .status()
        .unwrap();
    assert!(built.success(), "the test image's program does not build");
    let mut archive = tar::Builder::new(Vec::new());
    archive.append_path_with_name(&program, "program").unwrap();
    archive.append_dir("tmp", folder.path()).unwrap();
    let changes = vec!["ENTRYPOINT [\"/program\"]".to_owned()];
    let options =
        CreateImageOptionsBuilder::default().from_src("-").repo(name).tag(&tag).changes(changes).build();
    let layer = body_full(archive.into_inner().unwrap().into());
    docker.create_image(Some(options), Some(layer), None).try_collect::<Vec<_>>().await.unwrap();
    image
}

/// A runtime of its own in a folder of its own.
struct Cloud {
    docker: Docker,
    image: String,
    folder: TempDir,
    instance: String,
    runtime: Runtime,
    events: UnboundedReceiver<TaskEvent>,
    seen: Vec<TaskEvent>,
}

fn random_id() -> String {
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
        region: "eu-west-1".to_owned(),
    }
}

fn settings(folder: &Path, instance: &str, lifetime: Lifetime, speed: f64) -> Settings {
    Settings {
        clock: Clock::starting_now(Speed::new(speed).unwrap()),
        data_dir: folder.to_owned(),
        lifetime,
        instance: instance.to_owned(),
    }
}

impl Cloud {
    async fn start(speed: f64) -> Option<Self> {
        let (docker, image) = daemon().await?;
        let (folder, instance) = (tempfile::tempdir().unwrap(), random_id());
        let settings = settings(folder.path(), &instance, Lifetime::WithParent, speed);
        let (runtime, events) = Runtime::docker(settings).await.unwrap();
        Some(Self { docker, image, folder, instance, runtime, events, seen: Vec::new() })
    }

    fn container(&self, name: &str, command: &[&str], more: Value) -> Value {
        let mut container = json!({"name": name, "image": self.image, "command": command, "memory": 32});
        for (key, value) in more.as_object().unwrap() {
            container[key] = value.clone();
        }
        container
    }

    /// Starts a task and returns its id.
    fn run(&self, mode: &str, containers: &[Value]) -> String {
        let id = random_id();
        self.runtime.start(spec(&id, json!({"networkMode": mode, "containerDefinitions": containers})));
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

    fn end_of(&self, name: &str) -> (Option<i32>, Option<String>) {
        let end = self.seen.iter().find_map(|event| match event {
            TaskEvent::ContainerStopped { container, exit_code, reason, .. } if container == name => {
                Some((*exit_code, reason.clone()))
            }
            _ => None,
        });
        end.unwrap_or_else(|| panic!("{name} has not stopped: {:#?}", self.seen))
    }

    fn runtime_id(&self, name: &str) -> String {
        let started = self.seen.iter().find_map(|event| match event {
            TaskEvent::ContainerStarted { container, runtime_id, .. } if container == name => {
                Some(runtime_id.clone())
            }
            _ => None,
        });
        started.unwrap()
    }

    async fn inspect(&self, name: &str) -> ContainerInspectResponse {
        self.docker.inspect_container(&self.runtime_id(name), None).await.unwrap()
    }

    async fn log(&self, task_id: &str, container: &str) -> Vec<String> {
        let page = self.runtime.read_logs(task_id, container, LogPosition::Head, 1000).await.unwrap();
        page.lines.into_iter().map(|line| line.message).collect()
    }
}

async fn containers(docker: &Docker, instance: &str) -> Vec<String> {
    let label = vec![format!("dev.tidegate.instance={instance}")];
    let filters = std::collections::HashMap::from([("label".to_owned(), label)]);
    let options = ListContainersOptionsBuilder::default().all(true).filters(&filters).build();
    let found = docker.list_containers(Some(options)).await.unwrap();
    found.into_iter().flat_map(|it| it.names.unwrap_or_default()).collect()
}

/// The daemon removes what it was asked to in its own time, so this looks, with a deadline.
async fn until_no_container_is_left(docker: &Docker, instance: &str) {
    let start = Instant::now();
    loop {
        let left = containers(docker, instance).await;
        if left.is_empty() {
            return;
        }
        assert!(start.elapsed() < DEADLINE, "still there: {left:?}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// What answers there, once it does.
async fn ask(address: IpAddr, port: u16) -> String {
    let start = Instant::now();
    loop {
        let mut answer = String::new();
        let server = TcpStream::connect_timeout(&SocketAddr::new(address, port), Duration::from_secs(1));
        if server.is_ok_and(|mut server| server.read_to_string(&mut answer).is_ok()) && !answer.is_empty() {
            return answer;
        }
        assert!(start.elapsed() < DEADLINE, "nothing answers at {address}:{port}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

#[tokio::test]
async fn containers_of_an_awsvpc_task_share_a_network_that_is_reached_by_the_tasks_address() {
    let Some(mut cloud) = Cloud::start(10.0).await else { return };
    let ports = json!({"portMappings": [{"containerPort": 8080}], "stopTimeout": 2});
    let after = json!({"essential": false, "dependsOn": [{"containerName": "web", "condition": "START"}]});
    let web = cloud.container("web", &["serve", "8080"], ports);
    let side = cloud.container("side", &["ask", "127.0.0.1:8080"], after);
    let id = cloud.run("awsvpc", &[web, side]);
    cloud.until("side's end", |event| matches!(event, TaskEvent::ContainerStopped { .. })).await;
    assert_eq!(cloud.end_of("side"), (Some(0), None));
    assert_eq!(cloud.log(&id, "side").await, ["hello"]);
    let Some(TaskEvent::NetworkReady { address, bindings, .. }) = cloud.seen.first() else {
        panic!("{:?}", cloud.seen)
    };
    let port = bindings.iter().find(|it| it.container_port == 8080).map_or(8080, |it| it.host_port);
    assert_eq!(ask(*address, port).await, "hello\n");

    cloud.runtime.stop(&id);
    assert_eq!(cloud.until_stopped().await.0, StopCause::Requested);
    assert_eq!(
        cloud.end_of("web").0,
        Some(137),
        "the first process of a namespace ignores SIGTERM without a handler"
    );
    assert_eq!(containers(&cloud.docker, &cloud.instance).await, [""; 0]);
}

#[tokio::test]
async fn a_bridge_task_is_reached_at_its_dynamic_host_port() {
    let Some(mut cloud) = Cloud::start(10.0).await else { return };
    let ports = json!({"portMappings": [{"containerPort": 8080, "hostPort": 0}]});
    let web = cloud.container("web", &["serve", "8080"], ports);
    cloud.run("bridge", &[web]);
    cloud.until_running().await;
    let Some(TaskEvent::NetworkReady { bindings, .. }) = cloud.seen.first() else {
        panic!("{:?}", cloud.seen)
    };
    assert_eq!(bindings[0].container_port, 8080);
    assert_eq!(ask(bindings[0].bind_ip, bindings[0].host_port).await, "hello\n");
}

#[tokio::test]
async fn limits_environment_and_the_init_process_are_as_defined() {
    let Some(mut cloud) = Cloud::start(10.0).await else { return };
    let more = json!({
        "linuxParameters": {"initProcessEnabled": true},
        "environment": [{"name": "GREETING", "value": "hello world"}],
        "memoryReservation": 16, "cpu": 128, "readonlyRootFilesystem": true, "user": "1000",
        "ulimits": [{"name": "nofile", "softLimit": 512, "hardLimit": 1024}],
        "dockerLabels": {"team": "green"},
    });
    let id = random_id();
    let web = cloud.container("web", &["wait"], more);
    let definition =
        json!({"networkMode": "awsvpc", "cpu": "512", "memory": "64", "containerDefinitions": [web]});
    cloud.runtime.start(spec(&id, definition));
    cloud.until_running().await;
    let found = cloud.inspect("web").await;
    let (host, config) = (found.host_config.unwrap(), found.config.unwrap());
    assert_eq!((host.memory, host.memory_reservation), (Some(32 << 20), Some(16 << 20)));
    assert_eq!((host.nano_cpus, host.cpu_shares), (Some(500_000_000), Some(128)));
    assert_eq!((host.readonly_rootfs, config.user.as_deref()), (Some(true), Some("1000")));
    assert_eq!(host.ulimits.unwrap()[0].hard, Some(1024));
    assert_eq!(config.labels.unwrap().get("team").map(String::as_str), Some("green"));
    let environment = config.env.unwrap();
    for entry in ["GREETING=hello world", "AWS_REGION=eu-west-1"] {
        assert!(environment.iter().any(|it| it == entry), "{entry} is missing: {environment:?}");
    }
    cloud.runtime.stop(&id);
    cloud.until_stopped().await;
    assert_eq!(cloud.end_of("web").0, Some(143), "the init process hands SIGTERM on");
}

#[tokio::test]
async fn a_container_that_takes_too_much_memory_is_killed_and_says_so() {
    let Some(mut cloud) = Cloud::start(1.0).await else { return };
    let web = cloud.container("web", &["eat"], json!({"memory": 16}));
    cloud.run("awsvpc", &[web]);
    assert_eq!(cloud.until_stopped().await.0, StopCause::EssentialContainerExited);
    let reason = "OutOfMemoryError: Container killed due to memory usage".to_owned();
    assert_eq!(cloud.end_of("web"), (Some(137), Some(reason)));
}

#[tokio::test]
async fn an_image_that_is_nowhere_fails_the_task() {
    let Some(mut cloud) = Cloud::start(1.0).await else { return };
    cloud.run("awsvpc", &[json!({"name": "web", "image": "127.0.0.1:9/nobody/knows:1", "memory": 32})]);
    let (code, reason) = cloud.until_stopped().await;
    assert_eq!(code, StopCause::TaskFailedToStart);
    let begin = "CannotPullContainerError: pull image manifest has been retried 5 time(s): failed to resolve ref 127.0.0.1:9/nobody/knows:1: ";
    assert!(reason.starts_with(begin), "{reason}");
    assert_eq!(containers(&cloud.docker, &cloud.instance).await, [""; 0]);
}

#[tokio::test]
async fn a_program_that_is_not_in_the_image_fails_with_127() {
    let Some(mut cloud) = Cloud::start(1.0).await else { return };
    let web = cloud.container("web", &[], json!({"entryPoint": ["/no-such-program"]}));
    cloud.run("bridge", &[web]);
    let (code, reason) = cloud.until_stopped().await;
    assert_eq!(code, StopCause::TaskFailedToStart);
    assert!(reason.starts_with("CannotStartContainerError: Error response from daemon: "), "{reason}");
    assert_eq!(cloud.end_of("web").0, Some(127));
}

#[tokio::test]
async fn a_health_check_runs_in_the_container() {
    let Some(mut cloud) = Cloud::start(10.0).await else { return };
    let check = json!({"command": ["CMD", "/program", "exists", "/flag"], "interval": 5, "timeout": 20, "retries": 2});
    let web = cloud.container("web", &["flag-for-a-while", "/flag", "3000"], json!({"healthCheck": check}));
    cloud.run("bridge", &[web]);
    for expected in [HealthStatus::Healthy, HealthStatus::Unhealthy] {
        let event =
            cloud.until("a health status", |event| matches!(event, TaskEvent::ContainerHealth { .. })).await;
        assert!(
            matches!(event, TaskEvent::ContainerHealth { status, .. } if status == expected),
            "{event:?}"
        );
    }
}

#[tokio::test]
async fn what_a_container_prints_is_kept_after_its_end() {
    let Some(mut cloud) = Cloud::start(1.0).await else { return };
    let web = cloud.container("web", &["print", "one", "two", "three"], json!({}));
    let id = cloud.run("bridge", &[web]);
    assert_eq!(cloud.until_stopped().await.0, StopCause::EssentialContainerExited);
    let mut lines = cloud.log(&id, "web").await;
    let stderr = lines.iter().position(|line| line == "to stderr").expect("stderr is missing");
    lines.remove(stderr);
    assert_eq!(lines, ["one", "two", "three"]);
    let digest = cloud.runtime.resolve_digest(&cloud.image).await.unwrap().unwrap();
    assert!(digest.starts_with("sha256:"), "{digest}");
    let started = cloud.seen.iter().any(
        |event| matches!(event, TaskEvent::ContainerStarted { image_digest: Some(its), .. } if *its == digest),
    );
    assert!(started, "{:?}", cloud.seen);
}

#[tokio::test]
async fn a_task_whose_digest_is_fixed_runs_that_image_wherever_the_tag_went() {
    let Some(mut cloud) = Cloud::start(1.0).await else { return };
    let digest = cloud.runtime.resolve_digest(&cloud.image).await.unwrap().unwrap();
    let mut web = cloud.container("web", &["exit", "4"], json!({}));
    web["image"] = json!("tidegate-test/moved:latest");
    let mut spec = spec(&random_id(), json!({"networkMode": "bridge", "containerDefinitions": [web]}));
    spec.image_digests.insert("web".to_owned(), digest);
    cloud.runtime.start(spec);
    cloud.until_stopped().await;
    assert_eq!(cloud.end_of("web").0, Some(4));
}

#[tokio::test]
async fn shutdown_removes_everything() {
    let Some(mut cloud) = Cloud::start(10.0).await else { return };
    for mode in ["awsvpc", "bridge"] {
        let web = cloud.container("web", &["wait"], json!({}));
        cloud.run(mode, &[web]);
        cloud.until_running().await;
    }
    assert_eq!(containers(&cloud.docker, &cloud.instance).await.len(), 3);
    cloud.runtime.shutdown().await;
    assert_eq!(containers(&cloud.docker, &cloud.instance).await, [""; 0]);
}

#[tokio::test]
async fn dropping_a_runtime_removes_its_containers() {
    let Some(mut cloud) = Cloud::start(1.0).await else { return };
    let web = cloud.container("web", &["wait"], json!({}));
    cloud.run("awsvpc", &[web]);
    cloud.until_running().await;
    let Cloud { docker, instance, runtime, folder: _folder, .. } = cloud;
    drop(runtime);
    until_no_container_is_left(&docker, &instance).await;
}

/// Another process that runs a task; see `examples/run_task.rs`.
struct OtherCloud {
    docker: Docker,
    child: Child,
    folder: TempDir,
    instance: String,
    task_id: String,
    definition: Value,
}

fn program() -> PathBuf {
    let program =
        PathBuf::from(std::env::current_exe().unwrap().parent().unwrap()).join("../examples/run_task");
    assert!(program.exists(), "build the examples, too: cargo nextest run -p tidegate-tasks");
    program
}

impl OtherCloud {
    /// Returns once the task, which prints a line and waits, is RUNNING.
    async fn run(lifetime: &str) -> Option<Self> {
        let (docker, image) = daemon().await?;
        let (folder, instance, task_id) = (tempfile::tempdir().unwrap(), random_id(), random_id());
        let web = json!({"name": "web", "image": image, "command": ["print-and-wait", "up"], "memory": 32});
        let definition = json!({"networkMode": "awsvpc", "containerDefinitions": [web]});
        let file = folder.path().join("task.json");
        fs::write(&file, json!({"id": task_id, "definition": definition, "images": {}}).to_string()).unwrap();
        let mut child = Command::new(program())
            .arg(folder.path().join("tasks"))
            .args([&instance, lifetime, "docker"])
            .arg(&file)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut seen = Vec::new();
        for line in BufReader::new(child.stdout.take().unwrap()).lines() {
            seen.push(line.unwrap());
            if seen.last().unwrap().starts_with("Running") {
                return Some(Self { docker, child, folder, instance, task_id, definition });
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
        let settings = settings(&self.tasks(), &self.instance, Lifetime::Persistent, 10.0);
        let (runtime, events) = Runtime::docker(settings).await.unwrap();
        Cloud {
            docker: self.docker.clone(),
            image: String::new(),
            folder: tempfile::tempdir().unwrap(),
            instance: self.instance.clone(),
            runtime,
            events,
            seen: Vec::new(),
        }
    }
}

#[tokio::test]
async fn with_its_parent_killed_no_container_survives() {
    let Some(mut other) = OtherCloud::run("with-parent").await else { return };
    assert_eq!(containers(&other.docker, &other.instance).await.len(), 2);
    other.kill();
    until_no_container_is_left(&other.docker, &other.instance).await;
}

#[tokio::test]
async fn a_persistent_task_outlives_a_killed_cloud_and_the_next_one_adopts_it() {
    let Some(mut other) = OtherCloud::run("persistent").await else { return };
    other.kill();
    let mut next = other.next().await;
    let adopted = next.runtime.adopt(vec![spec(&other.task_id, other.definition.clone())]).await;
    let [Adopted::Running { facts, .. }] = adopted.as_slice() else { panic!("{adopted:?}") };
    assert!(matches!(facts.first(), Some(TaskEvent::NetworkReady { .. })), "{facts:?}");
    assert!(matches!(facts.last(), Some(TaskEvent::Running { .. })), "{facts:?}");
    next.runtime.stop(&other.task_id);
    assert_eq!(next.until_stopped().await.0, StopCause::Requested);
    assert_eq!(next.end_of("web").0, Some(137));
    assert_eq!(next.log(&other.task_id, "web").await, ["up"], "each line once");
    assert_eq!(containers(&other.docker, &other.instance).await, [""; 0]);
}

#[tokio::test]
async fn a_cloud_killed_before_it_kept_how_far_it_had_read_repeats_no_line() {
    let Some(mut other) = OtherCloud::run("persistent").await else { return };
    let (log, bookmark) =
        ["web.log", "web.bookmark"].map(|it| other.tasks().join(&other.task_id).join(it)).into();
    let start = Instant::now();
    while !fs::read(&bookmark).is_ok_and(|it| !it.is_empty()) {
        assert!(start.elapsed() < DEADLINE, "the line never came");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    other.kill();
    fs::remove_file(&bookmark).unwrap();
    assert_eq!(fs::read_to_string(&log).unwrap(), "up\n");
    let mut next = other.next().await;
    next.runtime.adopt(vec![spec(&other.task_id, other.definition.clone())]).await;
    next.runtime.stop(&other.task_id);
    next.until_stopped().await;
    assert_eq!(next.log(&other.task_id, "web").await, ["up"]);
}

#[tokio::test]
async fn orphans_are_removed_by_the_next_cloud_and_by_clean_up_and_no_one_elses() {
    let Some(mut stranger) = OtherCloud::run("persistent").await else { return };
    let Some(mut other) = OtherCloud::run("persistent").await else { return };
    other.kill();
    let next = other.next().await;
    assert_eq!(next.runtime.adopt(Vec::new()).await, []);
    assert_eq!(containers(&other.docker, &other.instance).await, [""; 0]);
    assert_eq!(containers(&other.docker, &stranger.instance).await.len(), 2, "another cloud's were touched");
    stranger.kill();
    assert_eq!(clean_up(&stranger.tasks(), &stranger.instance).await.unwrap(), 2);
    assert_eq!(containers(&stranger.docker, &stranger.instance).await, [""; 0]);
}

#[test]
fn without_a_daemon_it_says_where_it_looked_and_what_to_do() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("task.json");
    fs::write(&file, json!({"id": "t", "definition": {}, "images": {}}).to_string()).unwrap();
    let output = Command::new(program())
        .env("DOCKER_HOST", "unix:///nowhere/docker.sock")
        .arg(folder.path().join("tasks"))
        .args(["an-instance", "persistent", "docker"])
        .arg(&file)
        .output()
        .unwrap();
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success());
    assert!(error.contains("no Docker daemon answers at unix:///nowhere/docker.sock: "), "{error}");
}

/// A daemon that says who it is and then breaks off every conversation.
fn dying_daemon(socket: &Path) {
    let listener = UnixListener::bind(socket).unwrap();
    std::thread::spawn(move || {
        for mut client in listener.incoming().map_while(Result::ok) {
            std::thread::spawn(move || {
                let mut requests = BufReader::new(client.try_clone().unwrap());
                let mut line = String::new();
                while requests.read_line(&mut line).is_ok_and(|read| read > 0) {
                    let answer = if line.contains("/version ") {
                        Some(json!({"ApiVersion": "1.41"}).to_string())
                    } else if line.contains("/info ") {
                        Some(json!({"NCPU": 2, "Architecture": "x86_64"}).to_string())
                    } else if line.starts_with("GET ")
                        || line.starts_with("POST ")
                        || line.starts_with("DELETE ")
                    {
                        return;
                    } else {
                        None
                    };
                    line.clear();
                    if let Some(body) = answer {
                        let length = body.len();
                        let head = "HTTP/1.1 200 OK\r\ncontent-type: application/json";
                        let _ = write!(client, "{head}\r\ncontent-length: {length}\r\n\r\n{body}");
                    }
                }
            });
        }
    });
}

#[test]
fn a_daemon_that_breaks_off_fails_the_task_with_its_reason_and_blocks_nobody() {
    let folder = tempfile::tempdir().unwrap();
    let (file, socket) = (folder.path().join("task.json"), folder.path().join("docker.sock"));
    dying_daemon(&socket);
    let web = json!({"name": "web", "image": "hello:1", "memory": 32});
    let definition = json!({"networkMode": "awsvpc", "containerDefinitions": [web]});
    fs::write(&file, json!({"id": "t", "definition": definition, "images": {}}).to_string()).unwrap();
    let output = Command::new(program())
        .env("DOCKER_HOST", format!("unix://{}", socket.display()))
        .arg(folder.path().join("tasks"))
        .args(["an-instance", "persistent", "docker"])
        .arg(&file)
        .output()
        .unwrap();
    let told = String::from_utf8_lossy(&output.stdout);
    let last = told.lines().last().unwrap_or_default();
    assert!(
        last.contains("TaskFailedToStart") && last.contains("CannotCreateContainerError: "),
        "{output:#?}"
    );
}
