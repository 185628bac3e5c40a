"""A local cloud for a suite of tests. Copy this file beside yours and change `prepare`; nothing else knows of it.

`cloud` is empty in each test, `shop` is as `prepare` made it. Code under test uses boto3 as it does on AWS.
"""

import json
import os
import subprocess
import urllib.request

import boto3
import pytest

TIDEGATE = os.environ.get("TIDEGATE", "tidegate")
HERE = os.path.dirname(__file__)


class LocalCloud:
    """A running `tidegate local up`, on a port of its own and with its state in `folder`."""

    def __init__(self, folder, *options):
        self.folder = folder
        command = [TIDEGATE, "--output", "json", "--config", f"{HERE}/tidegate.yml", "local", "up"]
        command += ["--port", "0", "--runtime", "process", "--data-dir", str(folder), *options]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        # It says where it is once it answers, so that nobody has to sleep.
        announcement = self.process.stdout.readline()
        if not announcement:
            raise RuntimeError(f"tidegate ended with code {self.process.wait()}; it says above why")
        self.announcement = json.loads(announcement)
        self.endpoint = self.announcement["endpoint"]

    def use(self, patch):
        """Makes it what boto3, and every program that is started, take for AWS."""
        for name in [name for name in os.environ if name.startswith("AWS_")]:
            patch.delenv(name)
        patch.setenv("AWS_ENDPOINT_URL", self.endpoint)
        patch.setenv("AWS_REGION", "eu-west-1")
        patch.setenv("AWS_DEFAULT_REGION", "eu-west-1")
        patch.setenv("AWS_ACCESS_KEY_ID", "test")
        patch.setenv("AWS_SECRET_ACCESS_KEY", "test")
        # The session that boto3 keeps may know another.
        patch.setattr(boto3, "DEFAULT_SESSION", None)

    def reset(self):
        """Forgets everything and ends every task."""
        request = urllib.request.Request(f"{self.endpoint}/_tidegate/reset", method="POST")
        urllib.request.urlopen(request, timeout=30).close()

    def save(self, file):
        """Keeps the whole state in one file."""
        command = [TIDEGATE, "--quiet", "local", "snapshot", "save", str(file), "--data-dir", str(self.folder)]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)

    def end(self):
        """Ends it and every task."""
        self.process.terminate()
        self.process.wait(timeout=60)
        self.process.stdout.close()


def prepare():
    """What the tests with `shop` start from. Your own may be `options = ["--terraform", "infra"]` instead."""
    ecs = boto3.client("ecs")
    ecs.create_cluster(clusterName="shop")
    container = {"name": "web", "image": "shop:1", "memory": 64}
    ecs.register_task_definition(family="web", containerDefinitions=[container])
    ecs.create_service(cluster="shop", serviceName="web", taskDefinition="web", desiredCount=1)


@pytest.fixture(scope="session")
def one_cloud(tmp_path_factory):
    """The cloud that tests with `cloud` share, one after the other."""
    cloud = LocalCloud(tmp_path_factory.mktemp("cloud"), "--speed", "60")
    yield cloud
    cloud.end()


@pytest.fixture
def cloud(one_cloud, monkeypatch):
    """An empty cloud."""
    one_cloud.use(monkeypatch)
    yield one_cloud
    one_cloud.reset()


@pytest.fixture(scope="session")
def prepared(tmp_path_factory):
    """The snapshot of a cloud after `prepare`, which runs once, however long it takes."""
    cloud = LocalCloud(tmp_path_factory.mktemp("prepared"), "--speed", "60")
    file = tmp_path_factory.mktemp("snapshot") / "shop.snapshot"
    try:
        with pytest.MonkeyPatch.context() as patch:
            cloud.use(patch)
            prepare()
        cloud.save(file)
    finally:
        cloud.end()
    return file


@pytest.fixture
def shop(prepared, tmp_path, monkeypatch):
    """A cloud of this test's own, as `prepare` made it."""
    cloud = LocalCloud(tmp_path / "cloud", "--speed", "60", "--snapshot", str(prepared))
    cloud.use(monkeypatch)
    yield cloud
    cloud.end()
