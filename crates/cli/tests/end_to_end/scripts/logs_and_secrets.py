"""CloudWatch Logs, Secrets Manager and Parameter Store with boto3, and `aws logs tail --follow`, as people use them."""

import time
import uuid

import boto3
from botocore.exceptions import ClientError

logs, secrets, ssm, ecs = (boto3.client(name) for name in ("logs", "secretsmanager", "ssm", "ecs"))


def refused(code, call, **arguments):
    try:
        call(**arguments)
    except ClientError as error:
        assert error.response["Error"]["Code"] == code, error
        return
    raise AssertionError(f"{arguments} was accepted, not {code}")


def streams():
    group = "/typed"
    logs.create_log_group(logGroupName=group, tags={"team": "web"})
    refused("ResourceAlreadyExistsException", logs.create_log_group, logGroupName=group)
    logs.create_log_stream(logGroupName=group, logStreamName="one")
    logs.create_log_stream(logGroupName=group, logStreamName="two")
    # The local cloud's own clock is asked: it may run ahead of ours.
    now = int(logs.describe_log_groups(logGroupNamePrefix=group)["logGroups"][0]["creationTime"])
    for number in range(25):
        logs.put_log_events(
            logGroupName=group, logStreamName=["one", "two"][number % 2],
            logEvents=[dict(timestamp=now + number, message=f'{{"number": {number}}}')])
    pages = logs.get_paginator("filter_log_events").paginate(
        logGroupName=group, filterPattern="{ $.number >= 5 }", PaginationConfig=dict(PageSize=4))
    found = [event["message"] for page in pages for event in page["events"]]
    assert found == [f'{{"number": {number}}}' for number in range(5, 25)], found
    ordered = logs.describe_log_streams(logGroupName=group, orderBy="LastEventTime", descending=True)["logStreams"]
    assert [stream["logStreamName"] for stream in ordered] == ["one", "two"], ordered
    logs.put_retention_policy(logGroupName=group, retentionInDays=7)
    described = logs.describe_log_groups(logGroupNamePrefix=group)["logGroups"][0]
    assert described["retentionInDays"] == 7 and described["storedBytes"] > 0, described
    assert logs.list_tags_for_resource(resourceArn=described["logGroupArn"])["tags"] == {"team": "web"}
    logs.delete_log_group(logGroupName=group)
    refused("ResourceNotFoundException", logs.describe_log_streams, logGroupName=group)


def values():
    name = "typed/db"
    arn = secrets.create_secret(Name=name, SecretString="one", Tags=[dict(Key="team", Value="web")])["ARN"]
    secrets.put_secret_value(SecretId=name, SecretString="two")
    assert secrets.get_secret_value(SecretId=arn)["SecretString"] == "two"
    assert secrets.get_secret_value(SecretId=arn[:-7], VersionStage="AWSPREVIOUS")["SecretString"] == "one"
    listed = secrets.list_secrets(Filters=[dict(Key="name", Values=["typed/"])])["SecretList"]
    assert [secret["Name"] for secret in listed] == [name], listed
    secrets.create_secret(Name="typed/bytes", SecretBinary=b"\x00\xff")
    assert secrets.get_secret_value(SecretId="typed/bytes")["SecretBinary"] == b"\x00\xff"
    assert len(secrets.get_random_password(PasswordLength=20)["RandomPassword"]) == 20
    refused("NotImplemented", secrets.rotate_secret, SecretId=name)
    secrets.delete_secret(SecretId=name)
    refused("InvalidRequestException", secrets.get_secret_value, SecretId=name)
    secrets.restore_secret(SecretId=name)
    ssm.put_parameter(Name="/typed/pw", Value="hunter2", Type="SecureString")
    assert ssm.get_parameter(Name="/typed/pw")["Parameter"]["Value"] != "hunter2"
    assert ssm.get_parameter(Name="/typed/pw", WithDecryption=True)["Parameter"]["Value"] == "hunter2"
    ssm.label_parameter_version(Name="/typed/pw", Labels=["live"])
    assert ssm.get_parameter(Name="/typed/pw:live", WithDecryption=True)["Parameter"]["Selector"] == ":live"
    through = ssm.get_parameter(Name=f"/aws/reference/secretsmanager/{name}", WithDecryption=True)["Parameter"]
    assert through["Value"] == "two", through
    for secret in (name, "typed/bytes"):
        secrets.delete_secret(SecretId=secret, ForceDeleteWithoutRecovery=True)
    ssm.delete_parameter(Name="/typed/pw")


def tail():
    """A service logs; the AWS CLI follows it."""
    ecs.create_cluster(clusterName="typed")
    ecs.register_task_definition(
        family="typed", networkMode="awsvpc", requiresCompatibilities=["FARGATE"], cpu="256", memory="512",
        executionRoleArn="arn:aws:iam::123456789012:role/execution",
        containerDefinitions=[dict(
            name="app", image="sample:1", portMappings=[dict(containerPort=8080)],
            logConfiguration=dict(logDriver="awslogs", options={
                "awslogs-group": "/typed/app", "awslogs-region": "eu-west-1", "awslogs-stream-prefix": "typed",
                "awslogs-create-group": "true"}))])
    ecs.create_service(
        cluster="typed", serviceName="typed", taskDefinition="typed", desiredCount=1, launchType="FARGATE",
        networkConfiguration=dict(awsvpcConfiguration=dict(subnets=["subnet-1"])))
    ecs.get_waiter("services_stable").wait(
        cluster="typed", services=["typed"], WaiterConfig=dict(Delay=1, MaxAttempts=60))
    logs.create_log_stream(logGroupName="/typed/app", logStreamName="by-hand")
    # As `aws logs tail --follow` of the AWS CLI's version 2 does, which PyPI does not have: filter from where it was, by turns.
    pages = logs.get_paginator("filter_log_events")
    mark, seen, since = str(uuid.uuid4()), {}, int((time.time() - 86400) * 1000)
    for turn in range(100):
        for page in pages.paginate(logGroupName="/typed/app", startTime=since, interleaved=True):
            for event in page["events"]:
                assert seen.setdefault(event["eventId"], event) == event, event
                since = max(since, event["timestamp"])
        if turn == 1:
            at = logs.describe_log_streams(logGroupName="/typed/app", logStreamNamePrefix="by-hand")
            logs.put_log_events(logGroupName="/typed/app", logStreamName="by-hand", logEvents=[
                dict(timestamp=max(since, at["logStreams"][0]["creationTime"]), message=mark)])
        if any(event["message"] == mark for event in seen.values()):
            break
        time.sleep(0.1)
    else:
        raise AssertionError("the line never came")
    ecs.delete_service(cluster="typed", service="typed", force=True)


streams()
values()
tail()
