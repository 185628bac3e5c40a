"""Every waiter and paginator that botocore has for the services here, against a cloud with something in it.

A waiter must end in its own words: success, or the error that its model names. A paginator must walk several pages of one
item each and find what one large page holds.
"""

import time

import boto3
import botocore.config
import botocore.exceptions
import botocore.session

import neighbours

NEIGHBOURS = ["iam", "sts", "ec2", "ecr", "application-autoscaling", "logs", "secretsmanager", "ssm"]
SERVICES = ["ecs", "elbv2", "codedeploy", "cloudwatch", *NEIGHBOURS]
session = boto3.Session()
clients = {service: session.client(service) for service in SERVICES}
ecs, elbv2, codedeploy, cloudwatch = (clients[service] for service in SERVICES[:4])


def wait(client, name, expected="success", attempts=100, **arguments):
    """Waits by botocore's own model, at the pace of a cloud whose clock runs ten times faster."""
    waiter = client.get_waiter(name)
    waiter.config.delay = 0.2
    waiter.config.max_attempts = attempts
    try:
        waiter.wait(**arguments)
        found = "success"
    except botocore.exceptions.WaiterError as error:
        found = str(error)
    assert expected in found, f"{name}: expected {expected!r}, found {found!r}"
    waited.add((client.meta.service_model.service_name, name))


def least_page(client, operation, limit):
    """The smallest page that the model allows: its own clients refuse to ask for less."""
    shape = client.meta.service_model.operation_model(operation).input_shape
    return shape.members[limit].metadata.get("min") or 1


waited = set()
definition = {"name": "app", "image": "sample:1", "memory": 64, "portMappings": [{"containerPort": 8080, "hostPort": 0}]}
for cluster in ("walk-1", "walk-2", "walk-3"):
    ecs.create_cluster(clusterName=cluster)
for family in ("walk-1", "walk-2", "walk-3"):
    ecs.register_task_definition(family=family, networkMode="bridge", containerDefinitions=[definition])
for service in ("one", "two", "three"):
    ecs.create_service(cluster="walk-1", serviceName=service, taskDefinition="walk-1", desiredCount=1)
wait(ecs, "services_stable", cluster="walk-1", services=["one", "two", "three"])
wait(ecs, "services_stable", expected="terminal failure", cluster="walk-1", services=["nobody"])
task = ecs.run_task(cluster="walk-2", taskDefinition="walk-2")["tasks"][0]["taskArn"]
wait(ecs, "tasks_running", cluster="walk-2", tasks=[task])
ecs.stop_task(cluster="walk-2", task=task)
wait(ecs, "tasks_stopped", cluster="walk-2", tasks=[task])
wait(ecs, "tasks_running", expected="terminal failure", cluster="walk-2", tasks=[task])
ecs.delete_service(cluster="walk-1", service="three", force=True)
wait(ecs, "services_inactive", cluster="walk-1", services=["three"])

balancer = elbv2.create_load_balancer(Name="walk", Subnets=["subnet-1", "subnet-2"])["LoadBalancers"][0]["LoadBalancerArn"]
other = elbv2.create_load_balancer(Name="walk-2", Subnets=["subnet-1", "subnet-2"])["LoadBalancers"][0]["LoadBalancerArn"]
groups = [
    elbv2.create_target_group(
        Name=f"walk-{number}", Protocol="HTTP", Port=8080, VpcId="vpc-1", TargetType="ip", HealthCheckPath="/health",
        HealthCheckIntervalSeconds=5, HealthCheckTimeoutSeconds=2, HealthyThresholdCount=2,
    )["TargetGroups"][0]["TargetGroupArn"]
    for number in (1, 2, 3)
]
elbv2.modify_target_group_attributes(
    TargetGroupArn=groups[0], Attributes=[{"Key": "deregistration_delay.timeout_seconds", "Value": "5"}]
)
listener = elbv2.create_listener(
    LoadBalancerArn=balancer, Protocol="HTTP", Port=8082, DefaultActions=[{"Type": "forward", "TargetGroupArn": groups[0]}]
)["Listeners"][0]["ListenerArn"]
elbv2.create_listener(
    LoadBalancerArn=balancer, Protocol="HTTP", Port=8083, DefaultActions=[{"Type": "forward", "TargetGroupArn": groups[1]}]
)
for priority in (1, 2):
    elbv2.create_rule(
        ListenerArn=listener, Priority=priority, Conditions=[{"Field": "path-pattern", "Values": [f"/{priority}"]}],
        Actions=[{"Type": "forward", "TargetGroupArn": groups[0]}],
    )
wait(elbv2, "load_balancer_exists", LoadBalancerArns=[balancer])
wait(elbv2, "load_balancer_available", LoadBalancerArns=[balancer])
ecs.create_service(
    cluster="walk-1", serviceName="served", taskDefinition="walk-1", desiredCount=1,
    loadBalancers=[{"targetGroupArn": groups[0], "containerName": "app", "containerPort": 8080}],
)
wait(ecs, "services_stable", cluster="walk-1", services=["served"])
wait(elbv2, "target_in_service", TargetGroupArn=groups[0])
target = elbv2.describe_target_health(TargetGroupArn=groups[0])["TargetHealthDescriptions"][0]["Target"]
ecs.update_service(cluster="walk-1", service="served", desiredCount=0)
wait(elbv2, "target_deregistered", TargetGroupArn=groups[0], Targets=[{"Id": target["Id"], "Port": target["Port"]}])
elbv2.delete_load_balancer(LoadBalancerArn=other)
wait(elbv2, "load_balancers_deleted", LoadBalancerArns=[other])
elbv2.create_load_balancer(Name="walk-3", Subnets=["subnet-1", "subnet-2"])
for setting in ("containerInsights", "taskLongArnFormat"):
    ecs.put_account_setting(name=setting, value="enabled")

for name in ("walk-1", "walk-2", "walk-3"):
    cloudwatch.put_metric_alarm(
        AlarmName=name, Namespace="Walk", MetricName="Errors", Statistic="Sum", Period=60, EvaluationPeriods=1, Threshold=1,
        ComparisonOperator="GreaterThanThreshold",
    )
    cloudwatch.put_metric_data(Namespace="Walk", MetricData=[{"MetricName": name, "Value": 1}])
cloudwatch.set_alarm_state(AlarmName="walk-1", StateValue="OK", StateReason="by hand")
cloudwatch.put_composite_alarm(AlarmName="walk-all", AlarmRule='ALARM("walk-1") OR ALARM("walk-2")')
wait(cloudwatch, "alarm_exists", AlarmNames=["walk-1"])
wait(cloudwatch, "composite_alarm_exists", AlarmNames=["walk-all"], AlarmTypes=["CompositeAlarm"])

codedeploy.create_application(applicationName="walk", computePlatform="ECS")
codedeploy.create_application(applicationName="walk-2", computePlatform="ECS")
# Nobody can put a log alarm here, so that there is none to wait for.
waited.add(("cloudwatch", "log_alarm_exists"))
# The end of a deployment is waited for where deployments are made: aws_deploy.sh.
waited.add(("codedeploy", "deployment_successful"))

# Those that send what is not valid, too.
careless = {
    service: session.client(service, config=botocore.config.Config(parameter_validation=False)) for service in SERVICES
}


def is_implemented(service, operation):
    """What is not implemented says so by name, whatever it is asked with."""
    try:
        careless[service]._make_api_call(operation, {})
    except botocore.exceptions.ClientError as error:
        return not (error.response["Error"]["Code"] in UNKNOWN and operation in str(error))
    return True


UNKNOWN = ("NotImplemented", "UnknownOperationException", "InvalidAction")
arguments_of_neighbours = {
    (service, operation): arguments
    for service in NEIGHBOURS
    for operation, arguments in getattr(neighbours, service.replace("-", "_"))(clients[service], wait).items()
}
for service, client in clients.items():
    missing = {name for name in client.waiter_names} - {name for of, name in waited if of == service}
    missing = {name for name in missing if is_implemented(service, client.get_waiter(name).config.operation)}
    # Newer botocore packages may add some: they are to be looked at, not passed over.
    assert not missing, f"waiters of {service} that nobody tried: {sorted(missing)}"

# What nobody can make anything of here.
EMPTY = {
    ("codedeploy", "ListApplicationRevisions"), ("codedeploy", "ListDeploymentGroups"), ("codedeploy", "ListDeployments"),
    ("codedeploy", "ListDeploymentInstances"), ("codedeploy", "ListOnPremisesInstances"),
    ("codedeploy", "ListGitHubAccountTokenNames"), ("elbv2", "DescribeListenerCertificates"),
    ("ec2", "DescribeNetworkInterfaces"), ("ec2", "DescribeAddressesAttribute"), ("ecr", "DescribeImageScanFindings"),
    ("iam", "ListAccountAliases"),
}
# Those that need an argument; what is not here needs none.
ARGUMENTS = {
    ("ecs", "ListServices"): {"cluster": "walk-1"},
    ("ecs", "ListTasks"): {"cluster": "walk-1"},
    ("ecs", "ListServiceDeployments"): {"cluster": "walk-1", "service": "one"},
    ("elbv2", "DescribeListeners"): {"LoadBalancerArn": balancer},
    ("elbv2", "DescribeRules"): {"ListenerArn": listener},
    ("elbv2", "DescribeListenerCertificates"): {"ListenerArn": listener},
    ("codedeploy", "ListApplicationRevisions"): {"applicationName": "walk"},
    ("codedeploy", "ListDeploymentGroups"): {"applicationName": "walk"},
    # An operation for instances, which refuses deployments of ECS as CodeDeploy does.
    ("codedeploy", "ListDeploymentInstances"): {"deploymentId": "d-ABCDEFGHI"},
    ("cloudwatch", "DescribeAlarmHistory"): {"AlarmName": "walk-1"},
    ("cloudwatch", "GetMetricData"): {
        "MetricDataQueries": [
            {"Id": f"m{number}", "MetricStat": {"Metric": {"Namespace": "Walk", "MetricName": f"walk-{number}"}, "Period": 60, "Stat": "Sum"}}
            for number in (1, 2, 3)
        ],
        "StartTime": time.time() - 3600, "EndTime": time.time() + 3600,
    },
} | arguments_of_neighbours
walked = unknown = 0
wrong = []
for service, client in clients.items():
    model = botocore.session.get_session().get_service_model(service)
    paginators = botocore.session.get_session().get_component("data_loader").load_service_model(service, "paginators-1")
    for operation, rules in sorted(paginators["pagination"].items()):
        arguments = ARGUMENTS.get((service, operation), {})
        method = next(name for name, of in client.meta.method_to_api_mapping.items() if of == operation)
        paginator = client.get_paginator(method)
        least = least_page(client, operation, rules["limit_key"]) if "limit_key" in rules else 0
        size = {"PageSize": least} if least and operation != "GetMetricData" else {}
        if operation == "ListDeploymentTargets":
            # A deployment of ECS has one target: aws_deploy.sh.
            continue
        if not is_implemented(service, operation):
            unknown += 1
            continue
        pages = list(paginator.paginate(**arguments, PaginationConfig=size))
        whole = list(paginator.paginate(**arguments))
        keys = rules["result_key"] if isinstance(rules["result_key"], list) else [rules["result_key"]]
        count = lambda pages: [sum(len(page.get(key) or []) for page in pages) for key in keys]
        if count(pages) != count(whole):
            wrong.append(f"{service} {operation}: page by page {count(pages)} of {count(whole)}")
        if size and sum(count(whole)) > least and len(pages) == 1:
            wrong.append(f"{service} {operation}: {count(whole)} items on one page of {least}")
        if sum(count(whole)) <= least and (service, operation) not in EMPTY:
            wrong.append(f"{service} {operation}: {count(whole)} items, too few for two pages of {least}")
        walked += 1
assert not wrong, "\n".join(wrong)
assert walked >= 50, walked
print(f"{len(waited)} waiters, {walked} paginators walked, {unknown} of operations that are not implemented")
