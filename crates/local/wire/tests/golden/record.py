"""Records what boto3 really sends, for the golden tests of the wire.

Each call below goes through boto3 to a socket on this machine that keeps the bytes and answers with nothing. Beside each
request stands the document that the wire must read from it: the call's own arguments, as awsJson would write them.

The tables of CloudWatch (whose clients speak three protocols) and EC2 are derived here from botocore's models too, because
the local cloud does not serve them yet.

Usage: python record.py   (needs boto3; writes the folders `requests` and `tables` beside this file)
"""

import datetime
import gzip
import json
import pathlib
import re
import socket
import threading
import urllib.request

import boto3
import botocore
from botocore.config import Config

HERE = pathlib.Path(__file__).parent
TIME = datetime.datetime(2026, 11, 23, 14, 26, 53, 580000, tzinfo=datetime.timezone.utc)

ECS = [
    ("CreateCluster", "", dict(
        clusterName="hello", tags=[dict(key="team", value="Zürich +co = a@b")],
        settings=[dict(name="containerInsights", value="enabled")])),
    ("RegisterTaskDefinition", "", dict(
        family="hello", networkMode="awsvpc", cpu="256", memory="512",
        requiresCompatibilities=["FARGATE"],
        containerDefinitions=[dict(
            name="app", image="hello:2", essential=True, cpu=0, memory=128,
            command=["sh", "-c", 'echo "a\\b"\n\t'],
            environment=[dict(name="EMPTY", value=""), dict(name="SNOW", value="\u2603 \U0001f600")],
            portMappings=[dict(containerPort=8080, protocol="tcp")],
            logConfiguration=dict(logDriver="awslogs", options={"awslogs-group": "/hello", "awslogs-region": "x"}),
            healthCheck=dict(command=["CMD-SHELL", "true"], interval=5, timeout=2, retries=3, startPeriod=0))],
        tags=[dict(key="k", value="")])),
    ("CreateService", "", dict(
        cluster="hello", serviceName="web", taskDefinition="hello:1", desiredCount=3, clientToken="token-1",
        launchType="FARGATE", schedulingStrategy="REPLICA", healthCheckGracePeriodSeconds=0,
        loadBalancers=[dict(
            targetGroupArn="arn:aws:elasticloadbalancing:eu-central-1:123456789012:targetgroup/web/0123456789abcdef",
            containerName="app", containerPort=8080)],
        deploymentConfiguration=dict(
            minimumHealthyPercent=100, maximumPercent=200,
            deploymentCircuitBreaker=dict(enable=True, rollback=True)),
        networkConfiguration=dict(awsvpcConfiguration=dict(
            subnets=["subnet-1"], securityGroups=[], assignPublicIp="DISABLED")))),
    ("UpdateService", "", dict(
        cluster="hello", service="web", desiredCount=0, forceNewDeployment=False, loadBalancers=[])),
    ("DescribeServices", "", dict(cluster="hello", services=["web", "api"], include=["TAGS"])),
    ("ListTasks", "", dict(cluster="hello", serviceName="web", desiredStatus="STOPPED", maxResults=100)),
    ("StopTask", "", dict(cluster="hello", task="0123456789abcdef0123456789abcdef", reason="a reason")),
    ("ListServiceDeployments", "", dict(
        service="web", cluster="hello", status=["IN_PROGRESS"], createdAt=dict(after=TIME, before=TIME))),
    ("ListClusters", "", {}),
]

ARN = "arn:aws:elasticloadbalancing:eu-central-1:123456789012:"
ELBV2 = [
    ("CreateLoadBalancer", "", dict(
        Name="front", Subnets=["subnet-1", "subnet-2"], Scheme="internal", Type="application",
        Tags=[dict(Key="team", Value="Zürich +co = a@b"), dict(Key="empty", Value="")])),
    ("CreateTargetGroup", "", dict(
        Name="web", Protocol="HTTP", Port=8080, VpcId="vpc-1", TargetType="ip", HealthCheckPath="/health?a=b c",
        HealthCheckIntervalSeconds=5, HealthyThresholdCount=2, HealthCheckEnabled=True,
        Matcher=dict(HttpCode="200-299"))),
    ("CreateListener", "", dict(
        LoadBalancerArn=ARN + "loadbalancer/app/front/0123456789abcdef", Protocol="HTTP", Port=80,
        DefaultActions=[
            dict(Type="authenticate-oidc", Order=1, AuthenticateOidcConfig=dict(
                Issuer="https://issuer", AuthorizationEndpoint="https://issuer/a", TokenEndpoint="https://issuer/t",
                UserInfoEndpoint="https://issuer/u", ClientId="id", ClientSecret="secret",
                AuthenticationRequestExtraParams=dict(display="page", prompt="login"))),
            dict(Type="forward", Order=2, ForwardConfig=dict(
                TargetGroups=[
                    dict(TargetGroupArn=ARN + "targetgroup/blue/0123456789abcdef", Weight=90),
                    dict(TargetGroupArn=ARN + "targetgroup/green/0123456789abcdef", Weight=10)],
                TargetGroupStickinessConfig=dict(Enabled=False)))])),
    ("CreateRule", "", dict(
        ListenerArn=ARN + "listener/app/front/0123456789abcdef/0123456789abcdef", Priority=10,
        Conditions=[
            dict(Field="path-pattern", PathPatternConfig=dict(Values=["/a*", "/b?"])),
            dict(Field="http-header", HttpHeaderConfig=dict(HttpHeaderName="X-Canary", Values=["yes"])),
            dict(Field="query-string", QueryStringConfig=dict(Values=[dict(Key="v", Value="2"), dict(Value="3")]))],
        Actions=[dict(Type="fixed-response", FixedResponseConfig=dict(
            StatusCode="404", ContentType="text/plain", MessageBody="gone & <b>\r\n100%+\u2603"))])),
    ("ModifyRule", "no-actions", dict(
        RuleArn=ARN + "listener-rule/app/front/0123456789abcdef/0123456789abcdef/0123456789abcdef", Actions=[])),
    ("RegisterTargets", "", dict(
        TargetGroupArn=ARN + "targetgroup/web/0123456789abcdef",
        Targets=[dict(Id=f"127.0.0.{at}", Port=8000 + at) for at in range(1, 13)])),
    ("DescribeLoadBalancers", "", {}),
    ("DescribeTargetGroups", "", dict(Names=["web"], PageSize=400)),
    ("SetRulePriorities", "", dict(RulePriorities=[
        dict(RuleArn=ARN + "listener-rule/app/front/0123456789abcdef/0123456789abcdef/0123456789abcdef", Priority=7)])),
    ("ModifyTargetGroupAttributes", "", dict(
        TargetGroupArn=ARN + "targetgroup/web/0123456789abcdef",
        Attributes=[dict(Key="deregistration_delay.timeout_seconds", Value="5")])),
]

CLOUDWATCH = [
    ("PutMetricData", "", dict(Namespace="hello", MetricData=[
        dict(MetricName="Requests", Timestamp=TIME, Value=1.5, Unit="Count",
             Dimensions=[dict(Name="Revision", Value="hello:2")]),
        dict(MetricName="Latency", Values=[1.0, 2.5], Counts=[3.0, 1.0], StorageResolution=1)])),
    ("DescribeAlarms", "", dict(AlarmNames=["high"], MaxRecords=10)),
    ("SetAlarmState", "", dict(AlarmName="high", StateValue="ALARM", StateReason="a test")),
]

EC2 = [
    ("DescribeSubnets", "", dict(
        SubnetIds=["subnet-1", "subnet-2"], Filters=[dict(Name="vpc-id", Values=["vpc-1", "vpc-2"])], DryRun=False)),
    ("CreateSecurityGroup", "", dict(
        GroupName="web", Description="a group", VpcId="vpc-1",
        TagSpecifications=[dict(ResourceType="security-group", Tags=[dict(Key="k", Value="v")])])),
    ("CreateTags", "", dict(Resources=["sg-1"], Tags=[dict(Key="k", Value="")])),
]


class Recorder:
    """Keeps the bytes of one request at a time, and answers each with an empty success."""

    def __init__(self):
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.url = "http://127.0.0.1:%d" % self.socket.getsockname()[1]
        self.last = b""
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        while True:
            connection, _ = self.socket.accept()
            with connection:
                data = b""
                while b"\r\n\r\n" not in data:
                    data += connection.recv(65536)
                head, body = data.split(b"\r\n\r\n", 1)
                length = 0
                for line in head.lower().split(b"\r\n"):
                    if line.startswith(b"content-length:"):
                        length = int(line.split(b":")[1])
                while len(body) < length:
                    body += connection.recv(65536)
                self.last = head + b"\r\n\r\n" + body
                action = (re.search(rb"Action=(\w+)", self.last) or [b"", b"No"])[1]
                kind, answer = b"text/xml", b"<%sResponse><%sResult/></%sResponse>" % (action, action, action)
                if b"x-amz-target" in head.lower():
                    kind, answer = b"application/x-amz-json-1.1", b"{}"
                extra = b""
                if b"rpc-v2-cbor" in head:
                    kind, answer, extra = b"application/cbor", b"\xa0", b"smithy-protocol: rpc-v2-cbor\r\n"
                connection.sendall(b"HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-type: %s\r\n%scontent-length: %d\r\n\r\n%s"
                                   % (kind, extra, len(answer), answer))


def document(value):
    """The arguments of a call as the wire's document: timestamps are seconds."""
    if isinstance(value, datetime.datetime):
        return value.timestamp()
    if isinstance(value, dict):
        return {key: document(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [document(inner) for inner in value]
    return value


def keep(name, request, arguments):
    (HERE / "requests" / f"{name}.http").write_bytes(request)
    text = json.dumps(document(arguments), indent=2, sort_keys=True, ensure_ascii=False)
    (HERE / "requests" / f"{name}.json").write_text(text + "\n")


def record(recorder, service, calls, label, protocol=None):
    client = boto3.client(
        service, region_name="eu-central-1", endpoint_url=recorder.url,
        aws_access_key_id="AKIAIOSFODNN7EXAMPLE", aws_secret_access_key="secret",
        config=Config(user_agent="Boto3", retries=dict(total_max_attempts=1), parameter_validation=False))
    if protocol:
        client._serializer = botocore.serialize.create_serializer(protocol, False)
        client.meta.service_model.metadata["protocol"] = protocol
        client.meta.service_model.__dict__["resolved_protocol"] = protocol
    for operation, variant, arguments in calls:
        method = botocore.xform_name(operation)
        getattr(client, method)(**arguments)
        name = "-".join(filter(None, [label, operation, variant]))
        keep(name, recorder.last, arguments)


def record_presigned(recorder):
    client = boto3.client(
        "elbv2", region_name="us-east-1", endpoint_url=recorder.url,
        aws_access_key_id="210987654321", aws_secret_access_key="secret", config=Config(user_agent="Boto3"))
    arguments = dict(Names=["front & back"])
    url = client.generate_presigned_url("describe_load_balancers", Params=arguments, HttpMethod="GET")
    urllib.request.urlopen(url).read()
    keep("elbv2-DescribeLoadBalancers-presigned", recorder.last, arguments)


def table(folder, operations):
    """A shape table of a service, in the form of the generated ones."""
    path = pathlib.Path(botocore.__file__).parent / "data" / folder / "service-2.json.gz"
    model = json.loads(gzip.open(path).read())
    metadata, shapes = model["metadata"], model["shapes"]
    reached, kept, errors = {}, {}, {}

    def reach(name):
        if name in reached:
            return
        shape = shapes[name]
        reduced = {key: shape[key] for key in ("type", "min", "max", "pattern", "enum", "flattened", "sensitive") if key in shape}
        reached[name] = reduced
        for key in ("member", "key", "value"):
            if key in shape:
                reduced[key] = shape[key]["shape"]
                reach(shape[key]["shape"])
        if "locationName" in shape.get("member", {}):
            reduced["locationName"] = shape["member"]["locationName"]
        if "members" in shape:
            reduced["members"] = {}
            for member, inner in shape["members"].items():
                entry = {key: inner[key] for key in ("shape", "locationName", "queryName") if key in inner}
                if member in shape.get("required", []):
                    entry["required"] = True
                reduced["members"][member] = entry
                reach(inner["shape"])

    for name in operations:
        operation = model["operations"][name]
        kept[name] = {"errors": [error["shape"] for error in operation.get("errors", [])]}
        for side in ("input", "output"):
            if side in operation:
                kept[name][side] = operation[side]["shape"]
                reach(operation[side]["shape"])
        if "resultWrapper" in operation.get("output", {}):
            kept[name]["resultWrapper"] = operation["output"]["resultWrapper"]
        for error in kept[name]["errors"]:
            of = shapes[error]
            status = of.get("error", {}).get("httpStatusCode", 500 if "fault" in of else 400)
            errors[error] = {"code": of.get("error", {}).get("code", error), "status": status}

    def protocol(name):
        return "json-" + metadata.get("jsonVersion", "1.1") if name == "json" else name

    made = {
        "signingName": metadata.get("signingName", metadata["endpointPrefix"]),
        "protocol": protocol(metadata["protocol"]),
        "protocols": [protocol(name) for name in metadata["protocols"]],
        "apiVersion": metadata["apiVersion"],
        "targetPrefix": metadata.get("targetPrefix"),
        "xmlNamespace": metadata.get("xmlNamespace"),
        "operations": kept, "unimplemented": sorted(set(model["operations"]) - set(kept))[:5],
        "errors": errors, "shapes": reached,
    }
    if "awsQueryCompatible" in metadata:
        made["queryCompatible"] = True
    (HERE / "tables" / f"{folder.split('/')[0]}.json").write_text(json.dumps(made, indent=1, sort_keys=True) + "\n")


def main():
    for folder in ("requests", "tables"):
        (HERE / folder).mkdir(exist_ok=True)
        for old in (HERE / folder).iterdir():
            old.unlink()
    recorder = Recorder()
    record(recorder, "ecs", ECS, "ecs")
    record(recorder, "elbv2", ELBV2, "elbv2")
    record(recorder, "cloudwatch", CLOUDWATCH, "cloudwatch")
    for protocol in ("json", "query", "smithy-rpc-v2-cbor"):
        record(recorder, "cloudwatch", CLOUDWATCH, f"cloudwatch-{protocol}", protocol)
    record(recorder, "ec2", EC2, "ec2")
    record_presigned(recorder)
    table("cloudwatch/2010-08-01", [operation for operation, _, _ in CLOUDWATCH])
    table("ec2/2016-11-15", [operation for operation, _, _ in EC2])


main()
