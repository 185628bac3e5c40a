"""Records what boto3 really sends, for the golden tests of the wire.

Each call below goes through boto3 to a socket on this machine that keeps the bytes and answers with nothing. Beside each
request stands the document that the wire must read from it: the call's own arguments, as awsJson would write them.

`errors.json` says, for each service that the local cloud serves, which code and status botocore's model gives to each
error; that of EC2 gives none.

Usage: python record.py   (needs boto3; writes the folders `requests` and `tables` beside this file)
"""

import base64
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
SERVED = [
    "ecs/2014-11-13", "elbv2/2015-12-01", "codedeploy/2014-10-06", "cloudwatch/2010-08-01", "ssm/2014-11-06",
    "secretsmanager/2017-10-17", "logs/2014-03-28", "sts/2011-06-15",
    "iam/2010-05-08", "application-autoscaling/2016-02-06",
    "ecr/2015-09-21"]
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
    ("CreateTaskSet", "", dict(
        cluster="hello", service="web", taskDefinition="hello:2", externalId="build-7", launchType="FARGATE",
        loadBalancers=[dict(
            targetGroupArn="arn:aws:elasticloadbalancing:eu-central-1:123456789012:targetgroup/green/0123456789abcdef",
            containerName="app", containerPort=8080)],
        networkConfiguration=dict(awsvpcConfiguration=dict(subnets=["subnet-1"], assignPublicIp="ENABLED")),
        scale=dict(value=12.5, unit="PERCENT"), clientToken="token-2", tags=[dict(key="k", value="v")])),
    ("DescribeTaskSets", "", dict(cluster="hello", service="web", taskSets=["ecs-svc/1"], include=["TAGS"])),
    ("UpdateTaskSet", "", dict(
        cluster="hello", service="web", taskSet="ecs-svc/1", scale=dict(value=100.0, unit="PERCENT"))),
    ("UpdateServicePrimaryTaskSet", "", dict(cluster="hello", service="web", primaryTaskSet="ecs-svc/1")),
    ("DeleteTaskSet", "", dict(cluster="hello", service="web", taskSet="ecs-svc/1", force=True)),
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
    ("GetMetricData", "", dict(
        MetricDataQueries=[
            dict(Id="rate", Expression="100 * e / r", Label="errors & more", ReturnData=True),
            dict(Id="e", ReturnData=False, MetricStat=dict(Period=60, Stat="p99.9", Unit="Seconds", Metric=dict(
                Namespace="AWS/ApplicationELB", MetricName="TargetResponseTime",
                Dimensions=[dict(Name="TargetGroup", Value="targetgroup/green/0123456789abcdef")])))],
        StartTime=TIME, EndTime=TIME, ScanBy="TimestampAscending", MaxDatapoints=100)),
    ("GetMetricStatistics", "", dict(
        Namespace="hello", MetricName="Requests", Dimensions=[], StartTime=TIME, EndTime=TIME, Period=60,
        Statistics=["Sum", "Average"])),
    ("PutMetricAlarm", "", dict(
        AlarmName="high", AlarmDescription="too many: \u2603 & <b>", ActionsEnabled=False, AlarmActions=[],
        OKActions=["arn:aws:sns:eu-central-1:123456789012:pager"], Namespace="hello", MetricName="Errors",
        Dimensions=[dict(Name="Revision", Value="hello:2")], Statistic="Sum", Period=60, EvaluationPeriods=3,
        DatapointsToAlarm=2, Threshold=0.5, ComparisonOperator="GreaterThanOrEqualToThreshold",
        TreatMissingData="notBreaching", Tags=[dict(Key="team", Value="Zürich +co = a@b")])),
    ("PutMetricAlarm", "of-an-expression", dict(
        AlarmName="rate", EvaluationPeriods=1, Threshold=5.0, ComparisonOperator="GreaterThanThreshold",
        Metrics=[
            dict(Id="rate", Expression="100 * e / r", ReturnData=True),
            dict(Id="e", ReturnData=False, MetricStat=dict(
                Period=60, Stat="Sum", Metric=dict(Namespace="hello", MetricName="Errors"))),
            dict(Id="r", ReturnData=False, MetricStat=dict(
                Period=60, Stat="Sum", Metric=dict(Namespace="hello", MetricName="Requests")))])),
    ("PutCompositeAlarm", "", dict(
        AlarmName="all", AlarmRule='ALARM("high") AND NOT OK(rate)', ActionsSuppressor="deploying",
        ActionsSuppressorWaitPeriod=60, ActionsSuppressorExtensionPeriod=0)),
    ("DescribeAlarms", "", dict(AlarmNames=["high"], MaxRecords=10)),
    ("DescribeAlarmHistory", "", dict(
        AlarmName="high", AlarmTypes=["MetricAlarm", "CompositeAlarm"], HistoryItemType="StateUpdate", StartDate=TIME,
        EndDate=TIME, ScanBy="TimestampDescending")),
    ("SetAlarmState", "", dict(AlarmName="high", StateValue="ALARM", StateReason="a test")),
    ("DisableAlarmActions", "", dict(AlarmNames=["high", "rate"])),
    ("DeleteAlarms", "", dict(AlarmNames=["high", "all"])),
]

APP_SPEC = json.dumps({
    "version": "0.0",
    "Resources": [{"TargetService": {"Type": "AWS::ECS::Service", "Properties": {
        "TaskDefinition": "arn:aws:ecs:eu-central-1:123456789012:task-definition/hello:2",
        "LoadBalancerInfo": {"ContainerName": "app", "ContainerPort": 8080}}}}],
    "Hooks": [{"AfterAllowTestTraffic": "check"}]})

CODEDEPLOY = [
    ("CreateApplication", "", dict(
        applicationName="hello", computePlatform="ECS", tags=[dict(Key="team", Value="Zürich +co = a@b")])),
    ("CreateDeploymentConfig", "", dict(
        deploymentConfigName="half", computePlatform="ECS", trafficRoutingConfig=dict(
            type="TimeBasedCanary", timeBasedCanary=dict(canaryPercentage=50, canaryInterval=1)))),
    ("CreateDeploymentGroup", "", dict(
        applicationName="hello", deploymentGroupName="web", serviceRoleArn="arn:aws:iam::123456789012:role/deploy",
        deploymentConfigName="CodeDeployDefault.ECSAllAtOnce",
        autoRollbackConfiguration=dict(enabled=True, events=["DEPLOYMENT_FAILURE", "DEPLOYMENT_STOP_ON_ALARM"]),
        alarmConfiguration=dict(enabled=True, ignorePollAlarmFailure=False, alarms=[dict(name="high")]),
        blueGreenDeploymentConfiguration=dict(
            deploymentReadyOption=dict(actionOnTimeout="STOP_DEPLOYMENT", waitTimeInMinutes=30),
            terminateBlueInstancesOnDeploymentSuccess=dict(action="TERMINATE", terminationWaitTimeInMinutes=5)),
        deploymentStyle=dict(deploymentType="BLUE_GREEN", deploymentOption="WITH_TRAFFIC_CONTROL"),
        ecsServices=[dict(serviceName="web", clusterName="hello")],
        loadBalancerInfo=dict(targetGroupPairInfoList=[dict(
            targetGroups=[dict(name="blue"), dict(name="green")],
            prodTrafficRoute=dict(listenerArns=[ARN + "listener/app/front/0123456789abcdef/0123456789abcdef"]),
            testTrafficRoute=dict(listenerArns=[ARN + "listener/app/front/0123456789abcdef/0123456789abcdee"]))]),
        triggerConfigurations=[])),
    ("RegisterApplicationRevision", "", dict(
        applicationName="hello", description="the second", revision=dict(
            revisionType="String", string=dict(content=APP_SPEC, sha256="0" * 64)))),
    ("CreateDeployment", "", dict(
        applicationName="hello", deploymentGroupName="web", description="the second: \u2603",
        revision=dict(revisionType="AppSpecContent", appSpecContent=dict(content=APP_SPEC)),
        overrideAlarmConfiguration=dict(enabled=False, alarms=[]))),
    ("GetDeployment", "", dict(deploymentId="d-ABCDEFGHI")),
    ("ListDeployments", "", dict(
        applicationName="hello", deploymentGroupName="web", includeOnlyStatuses=["InProgress", "Ready"],
        createTimeRange=dict(start=TIME, end=TIME))),
    ("BatchGetDeploymentTargets", "", dict(deploymentId="d-ABCDEFGHI", targetIds=["hello:web"])),
    ("PutLifecycleEventHookExecutionStatus", "", dict(
        deploymentId="d-ABCDEFGHI", lifecycleEventHookExecutionId="an id", status="Succeeded")),
    ("ContinueDeployment", "", dict(deploymentId="d-ABCDEFGHI", deploymentWaitType="READY_WAIT")),
    ("StopDeployment", "", dict(deploymentId="d-ABCDEFGHI", autoRollbackEnabled=True)),
    ("ListDeploymentConfigs", "", {}),
]

SSM = [
    ("PutParameter", "", dict(
        Name="/tidegate/hello/web", Value='{"step": 1, "said": "\u2603"}', Type="String", Overwrite=False,
        Tags=[dict(Key="team", Value="")])),
    ("PutParameter", "overwrite", dict(Name="/tidegate/hello/web", Value="2", Type="String", Overwrite=True)),
    ("GetParameter", "", dict(Name="/tidegate/hello/web", WithDecryption=False)),
    ("GetParameters", "", dict(Names=["/tidegate/hello/web", "other"])),
    ("GetParametersByPath", "", dict(Path="/tidegate", Recursive=True, MaxResults=10)),
    ("DeleteParameter", "", dict(Name="/tidegate/hello/web")),
    ("PutParameter", "secure", dict(
        Name="/hello/pw", Value="hunter2 \u2603", Type="SecureString", KeyId="alias/mine", Tier="Intelligent-Tiering")),
    ("DescribeParameters", "", dict(ParameterFilters=[dict(Key="Path", Option="Recursive", Values=["/hello"])])),
    ("GetParameterHistory", "", dict(Name="/hello/pw", WithDecryption=True, MaxResults=50)),
    ("LabelParameterVersion", "", dict(Name="/hello/pw", ParameterVersion=1, Labels=["live"])),
    ("UnlabelParameterVersion", "", dict(Name="/hello/pw", ParameterVersion=1, Labels=["live"])),
    ("AddTagsToResource", "", dict(
        ResourceType="Parameter", ResourceId="/hello/pw", Tags=[dict(Key="team", Value="Zürich")])),
    ("ListTagsForResource", "", dict(ResourceType="Parameter", ResourceId="/hello/pw")),
    ("RemoveTagsFromResource", "", dict(ResourceType="Parameter", ResourceId="/hello/pw", TagKeys=["team"])),
]

TOKEN = "01234567-89ab-4cde-8f01-23456789abcd"
SECRETS = [
    ("CreateSecret", "", dict(
        Name="hello/db", SecretString='{"pw": "hunter2 \u2603"}', ClientRequestToken=TOKEN, Description="",
        Tags=[dict(Key="team", Value="")])),
    ("CreateSecret", "bytes", dict(Name="hello/key", SecretBinary=b"\x00\xff", ClientRequestToken=TOKEN)),
    ("GetSecretValue", "", dict(SecretId="hello/db", VersionStage="AWSPREVIOUS")),
    ("PutSecretValue", "", dict(
        SecretId="hello/db", SecretString="2", ClientRequestToken=TOKEN, VersionStages=["AWSPENDING"])),
    ("UpdateSecretVersionStage", "", dict(
        SecretId="hello/db", VersionStage="AWSCURRENT", MoveToVersionId=TOKEN, RemoveFromVersionId=TOKEN)),
    ("ListSecrets", "", dict(
        Filters=[dict(Key="tag-key", Values=["!team"])], SortOrder="asc", IncludePlannedDeletion=False)),
    ("DeleteSecret", "", dict(SecretId="hello/db", RecoveryWindowInDays=7)),
    ("GetRandomPassword", "", dict(PasswordLength=20, ExcludeCharacters='"@/\\', RequireEachIncludedType=True)),
    ("BatchGetSecretValue", "", dict(SecretIdList=["hello/db", "hello/key"])),
]

LOGS = [
    ("CreateLogGroup", "", dict(logGroupName="/ecs/hello", tags={"team": "Zürich"}, logGroupClass="STANDARD")),
    ("CreateLogStream", "", dict(logGroupName="/ecs/hello", logStreamName="web/web/1")),
    ("PutLogEvents", "", dict(
        logGroupName="/ecs/hello", logStreamName="web/web/1",
        logEvents=[dict(timestamp=1795444013580, message='{"said": "\u2603 \U0001f600"}\n\t')])),
    ("GetLogEvents", "", dict(
        logGroupName="/ecs/hello", logStreamName="web/web/1", startFromHead=True, limit=100, startTime=0)),
    ("FilterLogEvents", "", dict(
        logGroupName="/ecs/hello", filterPattern='{ $.said = "*" } ', interleaved=True, logStreamNames=["web/web/1"])),
    ("DescribeLogStreams", "", dict(logGroupName="/ecs/hello", orderBy="LastEventTime", descending=True)),
    ("DescribeLogGroups", "", dict(logGroupNamePrefix="/ecs")),
    ("PutRetentionPolicy", "", dict(logGroupName="/ecs/hello", retentionInDays=7)),
    ("TagResource", "", dict(
        resourceArn="arn:aws:logs:eu-central-1:123456789012:log-group:/ecs/hello", tags={"k": ""})),
    ("DeleteLogGroup", "", dict(logGroupName="/ecs/hello")),
]

EC2 = [
    ("DescribeSubnets", "", dict(
        SubnetIds=["subnet-1", "subnet-2"], Filters=[dict(Name="vpc-id", Values=["vpc-1", "vpc-2"])], DryRun=False)),
    ("CreateSecurityGroup", "", dict(
        GroupName="web", Description="a group", VpcId="vpc-1",
        TagSpecifications=[dict(ResourceType="security-group", Tags=[dict(Key="k", Value="v")])])),
    ("CreateTags", "", dict(Resources=["sg-1"], Tags=[dict(Key="k", Value="")])),
    ("AuthorizeSecurityGroupIngress", "", dict(GroupId="sg-1", IpPermissions=[
        dict(IpProtocol="tcp", FromPort=80, ToPort=80, IpRanges=[
            dict(CidrIp="10.0.0.0/8", Description="inside"), dict(CidrIp="192.0.2.1/32")]),
        dict(IpProtocol="-1", UserIdGroupPairs=[dict(GroupId="sg-2")], Ipv6Ranges=[dict(CidrIpv6="::/0")])])),
    ("ModifyVpcAttribute", "", dict(VpcId="vpc-1", EnableDnsHostnames=dict(Value=True))),
    ("ModifySecurityGroupRules", "", dict(GroupId="sg-1", SecurityGroupRules=[dict(
        SecurityGroupRuleId="sgr-1", SecurityGroupRule=dict(
            IpProtocol="tcp", FromPort=81, ToPort=81, CidrIpv4="10.0.0.0/8"))])),
    ("DescribeNatGateways", "", dict(Filter=[dict(Name="state", Values=["available"])], NatGatewayIds=["nat-1"])),
]

STS = [
    ("GetCallerIdentity", "", {}),
    ("AssumeRole", "", dict(
        RoleArn="arn:aws:iam::123456789012:role/deploy", RoleSessionName="ci@a=b", DurationSeconds=900,
        PolicyArns=[dict(arn="arn:aws:iam::aws:policy/ReadOnlyAccess")], Tags=[dict(Key="team", Value="web")])),
]


TRUST = json.dumps(dict(Version="2012-10-17", Statement=[dict(
    Effect="Allow", Principal=dict(Service="ecs-tasks.amazonaws.com"), Action="sts:AssumeRole")]))
IAM = [
    ("CreateRole", "", dict(
        RoleName="web", Path="/apps/", AssumeRolePolicyDocument=TRUST, MaxSessionDuration=7200,
        Tags=[dict(Key="team", Value="Z\u00fcrich +co = a@b"), dict(Key="k", Value="")])),
    ("ListRoles", "", dict(PathPrefix="/apps/", MaxItems=10)),
    ("CreateOpenIDConnectProvider", "", dict(
        Url="https://token.actions.githubusercontent.com", ClientIDList=["sts.amazonaws.com"])),
]

AUTOSCALING = [
    ("PutScalingPolicy", "", dict(
        PolicyName="cpu", ServiceNamespace="ecs", ResourceId="service/hello/web",
        ScalableDimension="ecs:service:DesiredCount", PolicyType="TargetTrackingScaling",
        TargetTrackingScalingPolicyConfiguration=dict(
            TargetValue=50.5, ScaleInCooldown=60, DisableScaleIn=False,
            PredefinedMetricSpecification=dict(PredefinedMetricType="ECSServiceAverageCPUUtilization")))),
    ("PutScheduledAction", "", dict(
        ScheduledActionName="peak", ServiceNamespace="ecs", ResourceId="service/hello/web",
        ScalableDimension="ecs:service:DesiredCount", Schedule="cron(0 8 * * ? *)", StartTime=TIME,
        ScalableTargetAction=dict(MinCapacity=2, MaxCapacity=8))),
]

DIGEST = "sha256:" + 64 * "a"
ECR = [
    ("CreateRepository", "", dict(
        repositoryName="team/hello", imageTagMutability="IMMUTABLE_WITH_EXCLUSION",
        imageTagMutabilityExclusionFilters=[dict(filterType="WILDCARD", filter="dev-*")],
        imageScanningConfiguration=dict(scanOnPush=False), tags=[dict(Key="team", Value="Zürich")])),
    ("PutImage", "", dict(
        repositoryName="team/hello", imageTag="v1", imageManifest='{"schemaVersion": 2, "\u2603": []}\n')),
    ("BatchGetImage", "", dict(
        repositoryName="team/hello", imageIds=[dict(imageTag="v1"), dict(imageDigest=DIGEST)],
        acceptedMediaTypes=["application/vnd.oci.image.manifest.v1+json"])),
    ("DescribeImages", "", dict(repositoryName="team/hello", filter=dict(tagStatus="TAGGED"), maxResults=100)),
    ("UploadLayerPart", "", dict(
        repositoryName="team/hello", uploadId="01234567-89ab-4cde-8f01-23456789abcd", partFirstByte=0, partLastByte=1,
        layerPartBlob=b"\x00\xff")),
    ("GetAuthorizationToken", "", {}),
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
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
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


def read_model(folder):
    path = pathlib.Path(botocore.__file__).parent / "data" / folder / "service-2.json.gz"
    return json.loads(gzip.open(path).read())


def errors(folder):
    """The code and the status of each error that an operation of a service may answer with."""
    model = read_model(folder)
    found = {}
    for operation in model["operations"].values():
        for error in operation.get("errors", []):
            shape = model["shapes"][error["shape"]]
            said = shape.get("error", {})
            status = said.get("httpStatusCode", 500 if "fault" in shape else 400)
            found[error["shape"]] = [said.get("code", error["shape"]), status]
    return found


def write_table(name, made):
    (HERE / "tables" / f"{name}.json").write_text(json.dumps(made, indent=1, sort_keys=True) + "\n")


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
    record(recorder, "codedeploy", CODEDEPLOY, "codedeploy")
    # boto3 prefers JSON; other clients take the first protocol of the model.
    record(recorder, "codedeploy", CODEDEPLOY, "codedeploy-smithy-rpc-v2-cbor", "smithy-rpc-v2-cbor")
    record(recorder, "ssm", SSM, "ssm")
    record(recorder, "secretsmanager", SECRETS, "secretsmanager")
    record(recorder, "logs", LOGS, "logs")
    record(recorder, "iam", IAM, "iam")
    record(recorder, "application-autoscaling", AUTOSCALING, "application-autoscaling")
    record(recorder, "ecr", ECR, "ecr")
    record(recorder, "ec2", EC2, "ec2")
    record(recorder, "sts", STS, "sts")
    record_presigned(recorder)
    write_table("errors", {folder.split("/")[0]: errors(folder) for folder in SERVED})


main()
