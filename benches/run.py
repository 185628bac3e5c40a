#!/usr/bin/env python3
"""All benchmarks, each against a peer in the same run: writes BENCHMARKS.md.

Needs Debian's nginx, haproxy, wrk and hyperfine, and Python 3 with pip; installs the Python peers in a folder of its own
under target/. Everything binds to loopback, runs for a bounded time and is ended by its process id.

    python3 benches/run.py            all of it, about twenty minutes
    python3 benches/run.py api cli    only these parts: balancer, api, cli, scale, scheduler, fleet
"""

import json
import os
import platform
import re
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from contextlib import ExitStack, contextmanager
from datetime import date
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PEERS = ROOT / "target" / "peers"
TIDEGATE = ROOT / "target" / "release" / "tidegate"
REPEATS = 3
COLD_STARTS = 5


def main():
    parts = sys.argv[1:] or list(PARTS)
    subprocess.run(["cargo", "build", "--release", "--workspace", "--examples", "--bins"], cwd=ROOT, check=True)
    install_peers()
    results = ROOT / "target" / "benchmarks"
    results.mkdir(exist_ok=True)
    for part in parts:
        print(f"== {part}", flush=True)
        (results / f"{part}.md").write_text(PARTS[part]())
    write(results)


def write(results: Path):
    cpu = re.search(r"model name\s*: (.*)", Path("/proc/cpuinfo").read_text())
    head = (ROOT / "benches" / "head.md").read_text()
    body = [results / f"{part}.md" for part in PARTS if (results / f"{part}.md").exists()]
    (ROOT / "BENCHMARKS.md").write_text(
        head.format(
            date=date.today().isoformat(),
            machine=f"{os.cpu_count()} cores of {cpu.group(1) if cpu else platform.machine()}, "
            f"Linux {platform.release()}",
        )
        + "\n".join(part.read_text() for part in body)
    )


def install_peers():
    if (PEERS / "bin" / "ministack").exists():
        return
    subprocess.run([sys.executable, "-m", "venv", PEERS], check=True)
    packages = ["moto[server]", "ministack", "ecs-deploy", "awscli", "boto3"]
    subprocess.run([PEERS / "bin" / "pip", "install", "--quiet", *packages], check=True)


# --- servers of the AWS API ---------------------------------------------------------------------------------------


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@contextmanager
def server(command: list, port: int, environment: dict):
    """A peer as a process, ready when it has answered a request; ended by its id."""
    with tempfile.TemporaryDirectory() as folder:
        process = subprocess.Popen(
            command, env=os.environ | environment, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        try:
            until_answered(port, process)
            yield process.pid
        finally:
            process.terminate()
            process.wait(20)


def until_answered(port: int, process):
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline and process.poll() is None:
        try:
            call(port, "ListClusters", {})
            return
        except OSError:
            time.sleep(0.001)
    raise SystemExit(f"{process.args[0]} does not answer on port {port}")


def cold_start(command: list, port: int, environment: dict) -> float:
    """Seconds from the start of a server to its first answer."""
    started = time.monotonic()
    with server([str(part) for part in command], port, environment):
        return time.monotonic() - started


def servers(folder: str):
    port = free_port()
    Path(folder).mkdir(exist_ok=True)
    config = Path(folder) / "tidegate.yml"
    config.write_text('local:\n  images:\n    "sample:*": { command: ["sleep", "3600"] }\n')
    state = f"{folder}/state"
    yield "tidegate", port, [TIDEGATE, "--config", config, "local", "up", "--port", port, "--runtime", "process",
                             "--data-dir", state], {}
    port = free_port()
    yield "moto", port, [PEERS / "bin" / "moto_server", "-p", port], {}
    port = free_port()
    yield "MiniStack", port, [PEERS / "bin" / "ministack"], {"GATEWAY_PORT": str(port)}


def aws(port: int) -> dict:
    return {
        "AWS_ENDPOINT_URL": f"http://127.0.0.1:{port}",
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_DEFAULT_REGION": "eu-west-1",
        "AWS_REGION": "eu-west-1",
    }


def call(port: int, operation: str, body: dict) -> dict:
    request = urllib.request.Request(
        f"http://127.0.0.1:{port}/",
        json.dumps(body).encode(),
        {
            "Content-Type": "application/x-amz-json-1.1",
            "X-Amz-Target": f"AmazonEC2ContainerServiceV20141113.{operation}",
            "Authorization": AUTHORIZATION,
            "X-Amz-Date": "20260101T000000Z",
        },
    )
    with urllib.request.urlopen(request, timeout=30) as answer:
        return json.load(answer)


AUTHORIZATION = (
    "AWS4-HMAC-SHA256 Credential=test/20260101/eu-west-1/ecs/aws4_request, SignedHeaders=host, Signature=0"
)


def populate(port: int):
    """One cluster, one service without tasks, so that every server has the same to describe."""
    call(port, "CreateCluster", {"clusterName": "bench"})
    container = {"name": "app", "image": "sample:1", "memory": 64}
    call(port, "RegisterTaskDefinition", {"family": "bench", "containerDefinitions": [container]})
    call(port, "CreateService",
         {"cluster": "bench", "serviceName": "bench", "taskDefinition": "bench", "desiredCount": 0})
    described = call(port, "DescribeServices", {"cluster": "bench", "services": ["bench"]})
    if len(described["services"]) != 1 or described.get("failures"):
        raise SystemExit(f"the server does not describe the service: {described}")


def revisions(port: int) -> int:
    return len(call(port, "ListTaskDefinitions", {"familyPrefix": "bench"})["taskDefinitionArns"])


def version(package: str) -> str:
    listed = subprocess.run([PEERS / "bin" / "pip", "show", package], check=True, capture_output=True, text=True).stdout
    return re.search(r"^Version: (.*)$", listed, re.M).group(1)


def resident(pid: int) -> float:
    """Megabytes of memory in use."""
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


WRK = """
wrk.method = "POST"
wrk.body = '{"cluster":"bench","services":["bench"]}'
wrk.headers["Content-Type"] = "application/x-amz-json-1.1"
wrk.headers["X-Amz-Target"] = "AmazonEC2ContainerServiceV20141113.DescribeServices"
wrk.headers["Authorization"] = "%s"
wrk.headers["X-Amz-Date"] = "20260101T000000Z"
""" % AUTHORIZATION


def bench_api() -> str:
    rows = {}
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        script = Path(folder) / "describe.lua"
        script.write_text(WRK)
        starts = {}
        for turn in range(COLD_STARTS):
            for name, port, command, environment in servers(f"{folder}/cold{turn}"):
                starts.setdefault(name, []).append(cold_start(command, port, environment))
        colds = {name: statistics.median(times) for name, times in starts.items()}
        running = {}
        for name, port, command, environment in servers(folder):
            pid = stack.enter_context(server([str(part) for part in command], port, environment))
            rest = resident(pid)
            populate(port)
            running[name] = (port, pid, colds[name], rest)
        # In turns, so that a busy moment of the machine meets all of them alike.
        rates = {name: [] for name in running}
        for _ in range(REPEATS):
            for name, (port, *_rest) in running.items():
                rates[name].append(wrk(port, script))
        for name, (_port, pid, cold, rest) in running.items():
            rows[name] = (statistics.median(rates[name]), rest, resident(pid), cold)
            print(name, rows[name], flush=True)
    base = rows["tidegate"][0]
    lines = [
        f"| {name}{'' if name == 'tidegate' else ' ' + version(name.lower())} | {rate:,.0f} | {'' if name == 'tidegate' else f'{base / rate:,.0f}×'} | {rest:.0f} MB | {loaded:.0f} MB "
        f"| {cold * 1000:.0f} ms |"
        for name, (rate, rest, loaded, cold) in rows.items()
    ]
    return "\n".join([
        "## DescribeServices of the local cloud\n",
        "One service without tasks, the same request; wrk with 1 thread and 8 connections, 5 s a round, in turns, the median of 3 "
        "rounds. wrk shares the cores with the servers. Each server as its package starts it, no tuning. Memory is the process's "
        f"resident set: at rest after its first answer, and after the load. The cold start goes to the first answered request "
        f"(ListClusters), in an empty folder, the median of {COLD_STARTS} starts in turns.\n",
        "| server | requests/s | tidegate is faster by | memory at rest | after the load | start to first answer |",
        "| --- | --- | --- | --- | --- | --- |",
        *lines,
        "",
    ])


def wrk(port: int, script: Path) -> float:
    command = ["wrk", "-t1", "-c8", "-d5s", "-s", str(script), f"http://127.0.0.1:{port}/"]
    output = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    if "Non-2xx" in output:
        raise SystemExit(f"the server refuses the benchmark's requests:\n{output}")
    return float(re.search(r"Requests/sec:\s+([\d.]+)", output).group(1))


# --- deployers ----------------------------------------------------------------------------------------------------


def bench_cli() -> str:
    """render and deploy --no-wait against what people use today, all on one local cloud."""
    with tempfile.TemporaryDirectory() as folder:
        name, port, command, environment = next(servers(folder))
        with server([str(part) for part in command], port, environment):
            populate(port)
            common = ["--cluster", "bench", "--service", "bench"]
            cli = PEERS / "bin" / "aws"
            # Every run brings an image that was not there before, so that each has a revision to register.
            image = "sample:$(date +%s%N)"
            target = ('{"family": "bench", "containerDefinitions": [{"name": "app", "image": "' + "'" + image + "'"
                      + '", "memory": 64}]}')
            by_hand = (
                f"{cli} ecs describe-services --cluster bench --services bench >/dev/null && "
                f"{cli} ecs describe-task-definition --task-definition bench >/dev/null && "
                f"{cli} ecs register-task-definition --cli-input-json '{target}' >/dev/null && "
                f"{cli} ecs update-service --cluster bench --service bench --task-definition bench >/dev/null"
            )
            render = {
                "tidegate render": f"{TIDEGATE} render {' '.join(common)} --image app={image}",
                "aws ecs describe-task-definition": f"{cli} ecs describe-task-definition --task-definition bench",
            }
            deploy = {
                "tidegate deploy --no-wait": f"{TIDEGATE} deploy {' '.join(common)} --no-wait --yes --image app={image}",
                "AWS CLI, the same four calls": by_hand,
                "ecs-deploy (fabfuel)": f"{PEERS / 'bin' / 'ecs'} deploy bench bench --image app {image} --timeout -1 --no-deregister",
            }
            # In turns, and each deploy is of an image not seen before, so that nobody may skip the registration.
            rounds = {key: [] for key in render | deploy}
            for _ in range(REPEATS):
                for key, line in (render | deploy).items():
                    before = revisions(port)
                    rounds[key] += hyperfine(line, aws(port))
                    registered = revisions(port) - before
                    if registered != (RUNS + 1 if key in deploy else 0):
                        raise SystemExit(f"{key} registered {registered} revisions in {RUNS + 1} runs")
            times = {key: statistics.median(measured) for key, measured in rounds.items()}
    for key, value in times.items():
        print(key, value, flush=True)
    return "\n".join([
        "## render and deploy\n",
        f"Whole commands against one local cloud, the service without tasks; hyperfine in {REPEATS} rounds in turns, each {RUNS} "
        f"runs after 1 to warm up; the median of the {REPEATS * RUNS}. Every deploy registers a new revision. AWS CLI "
        f"{version('awscli')}, ecs-deploy {version('ecs-deploy')}. The AWS CLI has no render: its row is the one read that a "
        "script would begin with.\n",
        "| command | time | tidegate is faster by |",
        "| --- | --- | --- |",
        *rows_of(render, times),
        *rows_of(deploy, times),
        "",
    ])


def rows_of(commands: dict, times: dict) -> list:
    base = times[next(iter(commands))]
    return [
        f"| {name} | {times[name] * 1000:.0f} ms | {'' if times[name] == base else f'{times[name] / base:.0f}×'} |"
        for name in commands
    ]


RUNS = 3


def hyperfine(line: str, environment: dict) -> list:
    """Seconds of each run."""
    with tempfile.NamedTemporaryFile(suffix=".json") as report:
        subprocess.run(
            ["hyperfine", "--warmup", "1", "--runs", str(RUNS), "--export-json", report.name, line],
            env=os.environ | environment | {"AWS_PAGER": ""}, check=True, capture_output=True,
        )
        return json.load(report)["results"][0]["times"]


# --- a large cloud ------------------------------------------------------------------------------------------------

SERVICES = 10_000
TASKS = 3
SMALL = 10

ECS = ("ecs", "AmazonEC2ContainerServiceV20141113", "1.1")
QUERY = {"elasticloadbalancing": "2015-12-01", "iam": "2010-05-08", "ec2": "2016-11-15", "sts": "2011-06-15"}
JSON = {
    "ecs": ECS,
    "codedeploy": ("codedeploy", "CodeDeploy_20141006", "1.1"),
    "logs": ("logs", "Logs_20140328", "1.1"),
    "ssm": ("ssm", "AmazonSSM", "1.1"),
    "secretsmanager": ("secretsmanager", "secretsmanager", "1.1"),
    "ecr": ("ecr", "AmazonEC2ContainerRegistry_V20150921", "1.1"),
    "application-autoscaling": ("application-autoscaling", "AnyScaleFrontendService", "1.1"),
    "monitoring": ("monitoring", "GraniteServiceVersion20100801", "1.0"),
}

# Each answers the same in both clouds. `%d` is another number in every request.
CALLS = [
    ("ecs", "DescribeClusters", '{"clusters": ["bench"]}'),
    ("ecs", "ListClusters", "{}"),
    ("ecs", "ListServices", '{"cluster": "bench"}'),
    ("ecs", "DescribeServices", '{"cluster": "bench", "services": ["service-3"]}'),
    ("ecs", "ListTasks", '{"cluster": "bench", "serviceName": "service-3"}'),
    ("ecs", "DescribeTasks", '{"cluster": "bench", "tasks": [TASKS_OF_3]}'),
    ("ecs", "ListServiceDeployments", '{"cluster": "bench", "service": "service-3"}'),
    ("ecs", "ListTagsForResource", '{"resourceArn": "SERVICE_3"}'),
    ("ecs", "TagResource", '{"resourceArn": "SERVICE_3", "tags": [{"key": "turn", "value": "%d"}]}'),
    ("ecs", "ListTaskDefinitions", '{"familyPrefix": "bench"}'),
    ("ecs", "DescribeTaskDefinition", '{"taskDefinition": "bench:1"}'),
    ("ecs", "RegisterTaskDefinition", '{"family": "other-%d", "containerDefinitions": [{"name": "app", "image": "sample:1", "memory": 64}]}'),
    ("ecs", "UpdateService", '{"cluster": "bench", "service": "service-3", "healthCheckGracePeriodSeconds": %d}'),
    ("ecs", "CreateService", '{"cluster": "bench", "serviceName": "new-%d", "taskDefinition": "bench", "desiredCount": 0}'),
    ("ecs", "RunTask", '{"cluster": "bench", "taskDefinition": "bench", "startedBy": "%d"}'),
    ("elasticloadbalancing", "DescribeLoadBalancers", ""),
    ("elasticloadbalancing", "DescribeTargetGroups", ""),
    ("codedeploy", "ListApplications", "{}"),
    ("monitoring", "DescribeAlarms", "{}"),
    ("monitoring", "PutMetricData", '{"Namespace": "bench", "MetricData": [{"MetricName": "m", "Value": %d}]}'),
    ("logs", "DescribeLogGroups", "{}"),
    ("ssm", "PutParameter", '{"Name": "bench", "Value": "%d", "Type": "String", "Overwrite": true}'),
    ("ssm", "GetParameter", '{"Name": "bench"}'),
    ("secretsmanager", "ListSecrets", "{}"),
    ("ecr", "DescribeRepositories", "{}"),
    ("application-autoscaling", "DescribeScalableTargets", '{"ServiceNamespace": "ecs"}'),
    ("iam", "ListRoles", ""),
    ("ec2", "DescribeVpcs", ""),
    ("sts", "GetCallerIdentity", ""),
]


def lua_of(service: str, operation: str, body: str) -> str:
    scope = f"Credential=test/20260101/eu-west-1/{service}/aws4_request, SignedHeaders=host, Signature=0"
    headers = {"Authorization": f"AWS4-HMAC-SHA256 {scope}", "X-Amz-Date": "20260101T000000Z"}
    if service in QUERY:
        body = f"Action={operation}&Version={QUERY[service]}{body}"
        headers["Content-Type"] = "application/x-www-form-urlencoded"
    else:
        _, target, version = JSON[service]
        headers |= {"Content-Type": f"application/x-amz-json-{version}", "X-Amz-Target": f"{target}.{operation}"}
    # Numbers of one run are not those of the run before it.
    lines = [f'wrk.headers["{name}"] = "{value}"' for name, value in headers.items()]
    lines += ['wrk.method = "POST"', f"local number = {int(time.time() * 1e5) % 2_000_000_000}", f"local body = [[{body}]]",
              "request = function()", "  number = number + 1",
              '  return wrk.format(nil, "/", nil, (body:gsub("%%d", tostring(number))))', "end",
              "response = function(status, _, text)",
              '  if status ~= 200 then print("refused: " .. text) end', "end"]
    return "\n".join(lines)


def latency(port: int, script: Path) -> float:
    """Seconds of one call, the median of those of a second, one after the other."""
    command = ["wrk", "-t1", "-c1", "-d1s", "--latency", "-s", str(script), f"http://127.0.0.1:{port}/"]
    output = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    if "refused: " in output or "Non-2xx" in output:
        raise SystemExit(f"a call of the benchmark is refused:\n{output[:1000]}")
    value, unit = re.search(r"50%\s+([\d.]+)(us|ms|s)", output).groups()
    return float(value) * {"us": 1e-6, "ms": 1e-3, "s": 1}[unit]


def fill(port: int, services: int):
    """Services of three simulated tasks each; returns once all of them are steady."""
    call(port, "CreateCluster", {"clusterName": "bench"})
    container = {"name": "app", "image": "sample:1", "memory": 64}
    call(port, "RegisterTaskDefinition", {"family": "bench", "containerDefinitions": [container]})
    for number in range(services):
        call(port, "CreateService", {"cluster": "bench", "serviceName": f"service-{number}", "taskDefinition": "bench",
                                     "desiredCount": TASKS})
    until_running(port, services)


def until_running(port: int, services: int):
    deadline = time.monotonic() + 600
    while time.monotonic() < deadline:
        cluster = call(port, "DescribeClusters", {"clusters": ["bench"]})["clusters"][0]
        if cluster["runningTasksCount"] == services * TASKS and cluster["pendingTasksCount"] == 0:
            return
        time.sleep(0.05)
    raise SystemExit(f"not all tasks of {services} services run: {cluster}")


def bench_scale() -> str:
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        clouds = {}
        for services in (SMALL, SERVICES):
            port, state = free_port(), Path(folder) / f"state{services}"
            command = [str(part) for part in (TIDEGATE, "local", "up", "--port", port, "--runtime", "simulated",
                                              "--data-dir", state)]
            process = subprocess.Popen(command, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            stack.callback(lambda process=process: (process.kill(), process.wait(20)))
            until_answered(port, process)
            started = time.monotonic()
            fill(port, services)
            clouds[services] = (port, process, state, command, time.monotonic() - started)
            print(f"{services} services", clouds[services][-1], "s", flush=True)
        memory = {services: resident(process.pid) for services, (_, process, *_) in clouds.items()}
        rows = []
        for service, operation, template in CALLS:
            times = {services: [] for services in clouds}
            for _ in range(REPEATS):
                for services, (port, *_rest) in clouds.items():
                    body = template
                    if "TASKS_OF_3" in body:
                        arns = call(port, "ListTasks", {"cluster": "bench", "serviceName": "service-3"})["taskArns"]
                        body = body.replace("TASKS_OF_3", ", ".join(f'"{arn}"' for arn in arns))
                    if "SERVICE_3" in body:
                        found = call(port, "DescribeServices", {"cluster": "bench", "services": ["service-3"]})
                        body = body.replace("SERVICE_3", found["services"][0]["serviceArn"])
                    script = Path(folder) / "call.lua"
                    script.write_text(lua_of(service, operation, body))
                    times[services].append(latency(port, script))
            small, large = (statistics.median(times[services]) for services in (SMALL, SERVICES))
            rows.append((f"{service} {operation}", small, large))
            print(rows[-1], f"{large / small:.2f}", flush=True)
        # Killed, so that the tasks are still wanted, and up again.
        port, process, state, command, filled = clouds[SERVICES]
        size = sum(it.stat().st_size for it in state.glob("state.db*")) / 1e6
        process.kill()
        process.wait(20)
        started = time.monotonic()
        again = subprocess.Popen(command, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        stack.callback(lambda: (again.kill(), again.wait(20)))
        until_answered(port, again)
        restart = time.monotonic() - started
    over = [name for name, small, large in rows if large > 2 * small]
    return "\n".join([
        "## A large cloud\n",
        f"{SERVICES:,} services of {TASKS} simulated tasks each in one cluster, against {SMALL} services: the same call with the same "
        f"answer, one after the other from one connection, the median of a second's calls, and of {REPEATS} such seconds in turns. "
        "Aim: at most twice.\n",
        "| call | small cloud | large cloud | ratio |",
        "| --- | --- | --- | --- |",
        *[f"| {name} | {small * 1e6:,.0f} µs | {large * 1e6:,.0f} µs | {large / small:.2f}× |" for name, small, large in rows],
        "",
        f"{'Over the aim: ' + ', '.join(over) + '.' if over else 'No call is over it.'} To fill it over the API, until all "
        f"{SERVICES * TASKS:,} tasks ran, took {filled:.0f} s. The database has {size:.0f} MB; memory is {memory[SERVICES]:.0f} MB "
        f"({memory[SMALL]:.0f} MB in the small cloud). Killed and started again, the first request is answered after "
        f"{restart * 1000:,.0f} ms.",
        "",
    ])


# --- the rest -----------------------------------------------------------------------------------------------------


def bench_balancer() -> str:
    output = subprocess.run([ROOT / "benches" / "balancer" / "run"], check=True, stdout=subprocess.PIPE, text=True).stdout
    measured = json.loads(next(line for line in output.splitlines() if line.startswith("{")))
    rows = measured["results"]
    base = rows[0]["requests_per_second"]
    lines = [
        f"| {row['name']} {row['version']} | {row['requests_per_second']:,.0f} "
        f"| {'' if row is rows[0] else format(base / row['requests_per_second'], '.2f') + '×'} | {row['p50_ms']:.2f} ms "
        f"| {row['p99_ms']:.2f} ms | {row['cpu_micros_per_request']:.1f} µs | {row['memory_mib']:.0f} MiB |"
        for row in rows
    ]
    return "\n".join([
        "## The balancer\n",
        "Two groups of backends, weighted 90 and 10; wrk with 2 threads and 64 connections, 8 s a round, in turns, the median "
        "of 3 rounds.\n",
        "| balancer | requests/s | tidegate is faster by | p50 | p99 | processor time a request | memory |",
        "| --- | --- | --- | --- | --- | --- | --- |",
        *lines,
        "",
    ])


def bench_scheduler() -> str:
    example = ROOT / "target" / "release" / "examples" / "scheduler_cost"
    output = subprocess.run([example], check=True, stdout=subprocess.PIPE, text=True).stdout
    rows = [json.loads(line) for line in output.splitlines() if line.startswith("{")]
    base = rows[0]["ns_per_event"]
    lines = [
        f"| {row['services']:,} | {row['ns_per_event'] / 1000:.1f} µs | {row['p99_ns'] / 1000:.1f} µs "
        f"| {row['ns_per_event'] / base:.2f}× |"
        for row in rows
    ]
    return "\n".join([
        "## Cost of one event in the scheduler\n",
        "Three tasks a service; an event is a task's change with all that the scheduler does for it, without the disk. "
        "No event looks at another service. Rows are found by hash: a profile had shown that comparing their long keys, on the "
        "way down ordered trees, was what grew with their number. What a cluster counts and what `ListTasks` filters by is kept "
        "with each event, which costs some of it: before that one took 9.1 to 10.6 µs, on another processor (2026-11-23, Intel "
        "Xeon).\n",
        "| services | one event, mean | p99 | against 10 services |",
        "| --- | --- | --- | --- |",
        *lines,
        "",
    ])


# --- a fleet under AWS's rate limits --------------------------------------------------------------------------------

FLEET = 1_000


def bench_fleet() -> str:
    """What a look at a fleet takes where calls are throttled as AWS publishes, by `sync` and by a script over boto3."""
    with tempfile.TemporaryDirectory() as folder:
        port = free_port()
        command = [TIDEGATE, "local", "up", "--port", port, "--runtime", "simulated", "--data-dir", f"{folder}/state"]
        command = [str(part) for part in command]
        peer = [PEERS / "bin" / "python3", ROOT / "benches" / "fleet_peer.py", str(FLEET)]
        rows = []
        config = Path(folder) / "fleet.yml"
        # Registering a thousand revisions takes a quarter of an hour where it is throttled.
        with server(command, port, {}):
            config.write_text(fill_fleet(port))
        with server([*command, "--throttle"], port, {}):
            sync = [TIDEGATE, "sync", "--dry-run", "--output", "json", "--config", config]
            for name, line in ("tidegate sync --dry-run", sync), ("a script over boto3", peer):
                before, began = throttled(port), time.monotonic()
                looked = subprocess.run(line, env=os.environ | aws(port), capture_output=True, text=True, timeout=300)
                if looked.returncode != 0:
                    raise SystemExit(f"{name} ended with {looked.returncode}: {looked.stderr[-2000:]}")
                rows.append((name, time.monotonic() - began, throttled(port) - before))
                # Until the buckets are full again.
                time.sleep(10)
    return "\n".join([
        f"## A look at {FLEET:,} services under AWS's rate limits\n",
        "Each with a task definition of its own, on a local cloud that throttles as AWS publishes (`local up --throttle`). The "
        f"script makes the same calls over boto3 {version('boto3')} from ten threads, with its standard retries. The bucket of "
        "DescribeTaskDefinition alone asks for 47.5 s; Tidegate leaves a quarter of each burst to others.\n",
        "| | time | calls throttled |",
        "| --- | --- | --- |",
        *[f"| {name} | {seconds:.1f} s | {count} |" for name, seconds, count in rows],
        "",
    ])


def fill_fleet(port: int) -> str:
    """Makes the services, and answers the config that describes them as they are."""
    call(port, "CreateCluster", {"clusterName": "fleet"})
    lines = ["cluster: fleet", "services:"]
    for number in range(FLEET):
        name = f"s{number}"
        definition = {"family": name, "containerDefinitions": [{"name": "app", "image": "app:1", "memory": 64}]}
        call(port, "RegisterTaskDefinition", definition)
        call(port, "CreateService",
             {"cluster": "fleet", "serviceName": name, "taskDefinition": name, "desiredCount": 0})
        lines.append(f"  - {{ service: {name}, taskDefinition: {json.dumps(definition)} }}")
    return "\n".join(lines) + "\n"


def throttled(port: int) -> int:
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/_tidegate/health", timeout=30) as answer:
        return sum(json.load(answer)["throttled"].values())


PARTS = {
    "balancer": bench_balancer,
    "api": bench_api,
    "cli": bench_cli,
    "scale": bench_scale,
    "scheduler": bench_scheduler,
    "fleet": bench_fleet,
}

if __name__ == "__main__":
    for tool in ("wrk", "hyperfine"):
        if not shutil.which(tool):
            raise SystemExit(f"{tool} is missing: apt-get install nginx haproxy wrk hyperfine")
    main()
