//! `tidegate sync` as a team would use it: a push to a bare repository, a watch that deploys it by canary, a bad commit
//! that is thrown back and told, a revert that heals it, and a restart in between that forgets nothing.

use std::{
    fmt::Write as _,
    io::{BufRead, BufReader},
    path::{Path, PathBuf},
    process::{Child, Command, Output, Stdio},
    sync::mpsc::{Receiver, channel},
    time::{Duration, Instant},
};

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::{
    api::get,
    blue_green::{Stage, Users},
    cloud::Cloud,
};

const PROGRAM: &str = env!("CARGO_BIN_EXE_tidegate");

#[test]
fn a_push_is_deployed_by_canary_a_bad_commit_is_thrown_back_once_and_a_revert_heals_it() {
    let failing = format!(
        "    \"failing:*\": {{ command: [{PROGRAM:?}, \"sample-service\"], environment: {{ SAMPLE_ERRORS: 30 }} }}\n"
    );
    let cloud = Cloud::start_configured(&failing, &["--speed", "20"]);
    let stage = Stage::set(&cloud);
    let users = Users::at(&stage.address);
    let repository = Repository::new();
    repository.push("the first release", &canary("sample:1"));

    // What runs is what is wanted: nothing is begun, and a look finds nothing.
    let mut watch = Watch::start(&cloud, &repository);
    watch.until("in_sync");
    assert_eq!(dry_run(&cloud, &repository).status.code(), Some(0));

    repository.push("faster", &canary("sample:2"));
    let promoted = watch.until("promoted");
    assert_eq!(promoted["service"], "turns/turns", "{promoted}");
    assert_eq!(promoted["commit"], repository.head(), "{promoted}");
    assert!(watch.saw("started") && watch.saw("step_began"), "{}", watch.log());
    watch.until("in_sync");
    let (_, failed) = users.so_far();
    assert_eq!(failed, Vec::<String>::new());

    let bad = repository.push("better error messages", &canary("failing:3"));
    let thrown_back = watch.until("thrown_back");
    assert_eq!(thrown_back["commit"], bad.as_str(), "{thrown_back}");
    assert_eq!(thrown_back["how"], "rolled_back", "{thrown_back}");
    assert!(thrown_back["reason"].as_str().is_some_and(|it| it.contains("gate errors")), "{thrown_back}");
    let revisions = stage.call("ListTaskDefinitions", &json!({ "familyPrefix": "turns" }));
    let newest = revisions["taskDefinitionArns"].as_array().and_then(|it| it.last()).unwrap();
    let described =
        stage.call("DescribeTaskDefinition", &json!({ "taskDefinition": newest, "include": ["TAGS"] }));
    let of_commit = json!({ "key": "tidegate:commit", "value": bad });
    assert!(described["tags"].as_array().unwrap().contains(&of_commit), "{described}");

    // Killed, and started again: what was thrown back is known, and is not tried again.
    let drifted = dry_run(&cloud, &repository);
    assert_eq!(drifted.status.code(), Some(7), "{}", told(&drifted));
    let said = told(&drifted);
    assert!(said.contains("taskDefinition.containerDefinitions[app].image"), "{said}");
    assert!(said.contains("- sample:2") && said.contains("+ failing:3"), "{said}");
    assert!(said.contains("thrown back before"), "{said}");
    watch.kill();
    let mut watch = Watch::start(&cloud, &repository);
    let known = watch.until("not_tried_again");
    assert_eq!(known["commit"], bad.as_str(), "{known}");
    // One more commit that changes nothing of it.
    repository.push_file("README.md", "a word");
    watch.until("commit_seen");
    watch.until("not_tried_again");
    assert_eq!(
        stage.call("ListTaskDefinitions", &json!({ "familyPrefix": "turns" })),
        revisions,
        "nothing was registered again"
    );

    repository.revert(&bad);
    let healed = watch.until("healed");
    assert_eq!(healed["commit"], repository.head(), "{healed}");
    watch.until("in_sync");
    assert!(!watch.saw("began"), "the revision that runs is the one that is wanted: {}", watch.log());
    assert_eq!(dry_run(&cloud, &repository).status.code(), Some(0));
    assert!(matches!(get(&stage.address, "/"), Ok((200, body)) if body.contains("sample:2")));

    // SIGTERM is how a watch ends.
    assert_eq!(watch.terminate(), Some(0));
    let (answers, _) = users.end();
    assert!(answers.last().is_some_and(|(_, body)| body.contains("sample:2")));
}

#[test]
fn a_freeze_window_holds_until_somebody_says_why_not_and_a_release_that_fails_goes_back_as_one() {
    let cloud = Cloud::start_beside(&["--speed", "40"]);
    let call = |operation: &str, input: &Value| -> Value {
        let (status, body) = crate::api::ecs(cloud.endpoint(), operation, input).unwrap();
        assert_eq!(status, 200, "{operation}: {body}");
        serde_json::from_str(&body).unwrap()
    };
    call("CreateCluster", &json!({ "clusterName": "shop" }));
    for name in ["api", "web"] {
        call(
            "RegisterTaskDefinition",
            &json!({ "family": name, "networkMode": "awsvpc", "requiresCompatibilities": ["FARGATE"], "cpu": "256",
                "memory": "512", "containerDefinitions": [{ "name": "app", "image": "sample:1" }] }),
        );
        call(
            "CreateService",
            &json!({ "cluster": "shop", "serviceName": name, "taskDefinition": name, "desiredCount": 1,
                "launchType": "FARGATE",
                "networkConfiguration": { "awsvpcConfiguration": { "subnets": ["subnet-1"] } } }),
        );
    }
    let running = |name: &str| -> String {
        let described = call("DescribeServices", &json!({ "cluster": "shop", "services": [name] }));
        let deployments = described["services"][0]["deployments"].as_array().unwrap().clone();
        let primary = deployments.iter().find(|it| it["status"] == "PRIMARY").unwrap();
        if primary["rolloutState"] != "COMPLETED" {
            return "moves".into();
        }
        primary["taskDefinition"].as_str().unwrap().rsplit('/').next().unwrap().to_owned()
    };
    crate::cloud::wait_until("both are steady", || running("api") == "api:1" && running("web") == "web:1");

    // The api is good, the web that follows it is not.
    let file = cloud.folder().join("shop.yml");
    std::fs::write(
        &file,
        "cluster: shop\nfreeze: [{ cron: \"* * * * *\", for: 1h, message: \"audit week\" }]\nservices:\n           - { service: web, images: { app: \"sample:crash\" }, dependsOn: [api], release: all }\n           - { service: api, images: { app: \"sample:2\" }, release: all }\n",
    )
    .unwrap();
    let sync = |arguments: &[&str]| {
        Command::new(PROGRAM)
            .args(["sync", "--timeout", "5m", "--config"])
            .arg(&file)
            .args(arguments)
            .env_clear()
            .envs(cloud.aws_environment())
            .env("TIDEGATE_TICK_MS", "50")
            .output()
            .unwrap()
    };
    let frozen = sync(&[]);
    assert_eq!(frozen.status.code(), Some(1), "{}", told(&frozen));
    assert!(told(&frozen).contains("2 services may not begin: audit week"), "{}", told(&frozen));
    assert_eq!((running("api").as_str(), running("web").as_str()), ("api:1", "web:1"));

    let failed = sync(&["--override-freeze", "an outage"]);
    let said = told(&failed);
    assert_eq!(failed.status.code(), Some(3), "{said}");
    for sentence in [
        "shop/api: freeze overridden (audit week): an outage",
        "shop/api: runs what is wanted by work tree",
        "release all goes back because of shop/web: shop/api",
        "shop/api: is back on api:1, as before release all",
    ] {
        assert!(said.contains(sentence), "no `{sentence}` in\n{said}");
    }
    assert_eq!((running("api").as_str(), running("web").as_str()), ("api:1", "web:1"));
    let kept = crate::api::json(
        cloud.endpoint(),
        "ssm",
        "AmazonSSM",
        "GetParameter",
        &json!({ "Name": "/tidegate/sync/work-tree/services/shop/api" }),
    );
    let kept = kept.unwrap().1;
    assert!(kept.contains("an outage") && kept.contains("with_its_release"), "{kept}");

    // The same content is not tried again.
    let again = sync(&["--override-freeze", "an outage"]);
    assert_eq!(again.status.code(), Some(3), "{}", told(&again));
    assert!(told(&again).contains("is not tried again"), "{}", told(&again));
    assert!(!told(&again).contains("its rollout begins"), "{}", told(&again));
}

#[test]
fn a_thousand_services_are_looked_at_within_the_published_token_buckets() {
    const SERVICES: usize = 1_000;
    // At five times AWS's pace a call may be late by no more than a fifth of what it may be late there.
    const SPEED: u32 = 5;
    let mut cloud = Cloud::start_simulated(&["--speed", &SPEED.to_string()]);
    let call = |cloud: &Cloud, operation: &str, input: &Value| {
        let (status, body) = crate::api::ecs(cloud.endpoint(), operation, input).unwrap();
        assert_eq!(status, 200, "{operation}: {body}");
    };
    call(&cloud, "CreateCluster", &json!({ "clusterName": "fleet" }));
    let definition = |name: &str, image: &str| json!({ "family": name, "containerDefinitions": [{ "name": "app", "image": image, "memory": 64 }] });
    let mut config = "cluster: fleet\nservices:\n".to_owned();
    for at in 0..SERVICES {
        let name = format!("s{at}");
        call(&cloud, "RegisterTaskDefinition", &definition(&name, "app:1"));
        call(
            &cloud,
            "CreateService",
            &json!({ "cluster": "fleet", "serviceName": name, "taskDefinition": name, "desiredCount": 0 }),
        );
        let image = if at % 100 == 0 { "app:2" } else { "app:1" };
        let _ = writeln!(config, "  - {{ service: {name}, taskDefinition: {} }}", definition(&name, image));
    }
    cloud.kill_and_restart_with(&["--throttle"]);
    let file = cloud.folder().join("fleet.yml");
    std::fs::write(&file, config).unwrap();

    let began = Instant::now();
    let looked = Command::new(PROGRAM)
        .args(["sync", "--dry-run", "--output", "json", "--config"])
        .arg(&file)
        .env_clear()
        .envs(cloud.aws_environment())
        .env("TIDEGATE_TICK_MS", (2_000 / SPEED).to_string())
        .output()
        .unwrap();
    assert_eq!(looked.status.code(), Some(7), "{}", told(&looked));
    let whole: Value = serde_json::from_slice(&looked.stdout).unwrap();
    assert_eq!((&whole["inSync"], &whole["drift"], &whole["unknown"]), (&json!(990), &json!(10), &json!(0)));
    assert_eq!(whole["calls"]["DescribeServices"], 100, "ten a call");
    let address = cloud.endpoint().strip_prefix("http://").unwrap().to_owned();
    let (_, health) = get(&address, "/_tidegate/health").unwrap();
    let health: Value = serde_json::from_str(&health).unwrap();
    let throttled: u64 = health["throttled"].as_object().unwrap().values().filter_map(Value::as_u64).sum();
    eprintln!(
        "looked at {SERVICES} services in {:?}: {} calls, {throttled} throttled",
        began.elapsed(),
        whole["calls"]
    );
    // Each is asked again; one in a hundred would be a burst of ours.
    assert!(throttled <= 11, "{health}");
}

/// What the branch says of the service.
fn canary(image: &str) -> String {
    format!(
        "cluster: turns\nservice: turns\nimages: {{ app: \"{image}\" }}\nresolveDigests: false\n\
         strategy: canary\ncanary: {{ percent: 10, stepBake: 2m, bake: 0s }}\ngatesTimeout: 10m\n\
         gates:\n  - errors: {{ tolerance: 1 }}\n"
    )
}

/// A bare repository, and the work tree of whoever pushes to it.
struct Repository {
    folder: TempDir,
}

impl Repository {
    fn new() -> Self {
        let repository = Self { folder: tempfile::tempdir().unwrap() };
        git(repository.folder.path(), &["init", "--quiet", "--bare", "--initial-branch=main", "shop.git"]);
        git(repository.folder.path(), &["clone", "--quiet", "shop.git", "work"]);
        git(&repository.work(), &["checkout", "--quiet", "-B", "main"]);
        repository
    }

    fn bare(&self) -> PathBuf {
        self.folder.path().join("shop.git")
    }

    fn work(&self) -> PathBuf {
        self.folder.path().join("work")
    }

    /// Commits the service's file and pushes it; answers the commit.
    fn push(&self, message: &str, config: &str) -> String {
        std::fs::create_dir_all(self.work().join("services/turns")).unwrap();
        std::fs::write(self.work().join("services/turns/tidegate.yml"), config).unwrap();
        self.commit(message)
    }

    fn push_file(&self, name: &str, text: &str) -> String {
        std::fs::write(self.work().join(name), text).unwrap();
        self.commit("a note")
    }

    fn commit(&self, message: &str) -> String {
        git(&self.work(), &["add", "--all"]);
        git(&self.work(), &["commit", "--quiet", "-m", message]);
        git(&self.work(), &["push", "--quiet", "origin", "main"]);
        self.head()
    }

    fn revert(&self, commit: &str) {
        git(&self.work(), &["revert", "--no-edit", commit]);
        git(&self.work(), &["push", "--quiet", "origin", "main"]);
    }

    fn head(&self) -> String {
        git(&self.bare(), &["rev-parse", "refs/heads/main"])
    }
}

fn sync(cloud: &Cloud, repository: &Repository) -> Command {
    let mut command = Command::new(PROGRAM);
    command
        .args(["sync", "--path", "services/**/tidegate.yml", "--timeout", "5m", "--repo"])
        .arg(repository.bare())
        .env_clear()
        .envs(std::env::var("PATH").map(|path| ("PATH", path)))
        .envs(cloud.aws_environment())
        .env("TIDEGATE_STATE_DIR", repository.folder.path().join("state"))
        .env("TIDEGATE_TICK_MS", "100");
    command
}

fn dry_run(cloud: &Cloud, repository: &Repository) -> Output {
    sync(cloud, repository).arg("--dry-run").output().unwrap()
}

fn told(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

/// A `sync --watch`, and what it has told so far.
struct Watch {
    process: Child,
    lines: Receiver<Value>,
    seen: Vec<Value>,
}

impl Watch {
    fn start(cloud: &Cloud, repository: &Repository) -> Self {
        let mut process = sync(cloud, repository)
            .args(["--watch", "--every", "500ms", "--output", "json"])
            .stdout(Stdio::piped())
            .stderr(Stdio::inherit())
            .spawn()
            .unwrap();
        let stdout = BufReader::new(process.stdout.take().unwrap());
        let (sender, lines) = channel();
        std::thread::spawn(move || {
            for line in stdout.lines().map_while(Result::ok) {
                let event = serde_json::from_str(&line)
                    .unwrap_or_else(|_| json!({ "event": "no JSON", "line": line }));
                if sender.send(event).is_err() {
                    return;
                }
            }
        });
        Self { process, lines, seen: Vec::new() }
    }

    /// Waits for an event of this name, for two minutes at most.
    fn until(&mut self, event: &str) -> Value {
        let deadline = Instant::now() + Duration::from_mins(2);
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            let Ok(line) = self.lines.recv_timeout(left) else {
                panic!("no {event} in time:\n{}", self.log())
            };
            self.seen.push(line.clone());
            if line["event"] == event {
                return line;
            }
        }
    }

    fn saw(&self, event: &str) -> bool {
        self.seen.iter().any(|line| line["event"] == event)
    }

    fn log(&self) -> String {
        self.seen.iter().map(Value::to_string).collect::<Vec<_>>().join("\n")
    }

    fn kill(&mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }

    fn terminate(mut self) -> Option<i32> {
        let ended = Command::new("kill").args(["-TERM", &self.process.id().to_string()]).status().unwrap();
        assert!(ended.success());
        self.process.wait().unwrap().code()
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn git(folder: &Path, arguments: &[&str]) -> String {
    let output = Command::new("git")
        .current_dir(folder)
        .args(["-c", "user.name=somebody", "-c", "user.email=somebody@example.com"])
        .args(arguments)
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .output()
        .unwrap();
    assert!(output.status.success(), "git {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}
