"""A service behind a load balancer, set up with boto3 as any user of AWS would do it."""

import time
import urllib.error
import urllib.request

import boto3

HEALTH_CHECK = dict(
    HealthCheckPath="/health",
    HealthCheckIntervalSeconds=5,
    HealthCheckTimeoutSeconds=2,
    HealthyThresholdCount=2,
    UnhealthyThresholdCount=2,
)


def create(name: str, desired: int = 2) -> dict:
    """Creates cluster, load balancer, target group, listener, task definition and service; all are named `name`."""
    ecs, elbv2 = boto3.client("ecs"), boto3.client("elbv2")
    ecs.create_cluster(clusterName=name)
    balancer = elbv2.create_load_balancer(Name=name, Subnets=["subnet-1", "subnet-2"])["LoadBalancers"][0]
    group = elbv2.create_target_group(
        Name=name, Protocol="HTTP", Port=8080, VpcId="vpc-1", TargetType="ip", **HEALTH_CHECK
    )["TargetGroups"][0]
    elbv2.modify_target_group_attributes(
        TargetGroupArn=group["TargetGroupArn"],
        Attributes=[{"Key": "deregistration_delay.timeout_seconds", "Value": "5"}],
    )
    elbv2.create_listener(
        LoadBalancerArn=balancer["LoadBalancerArn"],
        Protocol="HTTP",
        Port=8080,
        DefaultActions=[{"Type": "forward", "TargetGroupArn": group["TargetGroupArn"]}],
    )
    definition = ecs.register_task_definition(
        family=name,
        networkMode="awsvpc",
        requiresCompatibilities=["FARGATE"],
        cpu="256",
        memory="512",
        containerDefinitions=[
            {"name": "app", "image": "sample:1", "portMappings": [{"containerPort": 8080}], "essential": True}
        ],
    )["taskDefinition"]
    service = ecs.create_service(
        cluster=name,
        serviceName=name,
        taskDefinition=definition["taskDefinitionArn"],
        desiredCount=desired,
        launchType="FARGATE",
        networkConfiguration={"awsvpcConfiguration": {"subnets": ["subnet-1"], "securityGroups": ["sg-1"]}},
        loadBalancers=[
            {"targetGroupArn": group["TargetGroupArn"], "containerName": "app", "containerPort": 8080}
        ],
        deploymentConfiguration={
            "deploymentCircuitBreaker": {"enable": True, "rollback": True},
            "minimumHealthyPercent": 100,
            "maximumPercent": 200,
        },
    )["service"]
    return {
        "ecs": ecs,
        "elbv2": elbv2,
        "name": name,
        "url": f"http://{balancer['DNSName']}:8080/",
        "balancer": balancer["LoadBalancerArn"],
        "group": group["TargetGroupArn"],
        "service": service,
        "definition": definition["taskDefinitionArn"],
    }


def wait_until(what: str, holds, seconds: float = 60):
    """Polls `holds` until it gives something true, and gives that back."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        found = holds()
        if found:
            return found
        time.sleep(0.1)
    raise AssertionError(f"not within {seconds} s: {what}")


def get(url: str) -> tuple[int, str]:
    """Status and body of a GET."""
    try:
        with urllib.request.urlopen(url, timeout=5) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


def primary(stage: dict) -> dict:
    """The service's PRIMARY deployment."""
    service = stage["ecs"].describe_services(cluster=stage["name"], services=[stage["name"]])["services"][0]
    return next(one for one in service["deployments"] if one["status"] == "PRIMARY")
