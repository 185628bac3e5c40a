"""The guide's own Python for blue/green with CodeDeploy, taken from its text and run unchanged.

What the guide's Terraform makes is made with boto3, field by field.
"""

import json

import boto3

import guide_text
import stage

codedeploy, ecs, elbv2 = boto3.client("codedeploy"), boto3.client("ecs"), boto3.client("elbv2")


def target_group(name: str) -> str:
    group = elbv2.create_target_group(
        Name=name, Protocol="HTTP", Port=8080, VpcId="vpc-1", TargetType="ip", **stage.HEALTH_CHECK
    )["TargetGroups"][0]["TargetGroupArn"]
    elbv2.modify_target_group_attributes(
        TargetGroupArn=group, Attributes=[{"Key": "deregistration_delay.timeout_seconds", "Value": "5"}]
    )
    return group


def listener(balancer: str, port: int, group: str) -> str:
    return elbv2.create_listener(
        LoadBalancerArn=balancer,
        Protocol="HTTP",
        Port=port,
        DefaultActions=[{"Type": "forward", "TargetGroupArn": group}],
    )["Listeners"][0]["ListenerArn"]


def definition(image: str) -> str:
    return ecs.register_task_definition(
        family="app",
        networkMode="awsvpc",
        requiresCompatibilities=["FARGATE"],
        cpu="256",
        memory="512",
        containerDefinitions=[
            {"name": "app", "image": image, "portMappings": [{"containerPort": 8080}], "essential": True}
        ],
    )["taskDefinition"]["taskDefinitionArn"]


def terraform() -> str:
    """Two target groups, two listeners, the service, the application and its deployment group. Answers the host."""
    ecs.create_cluster(clusterName="production")
    balancer = elbv2.create_load_balancer(Name="app", Subnets=["subnet-1", "subnet-2"])["LoadBalancers"][0]
    blue, green = target_group("app-blue"), target_group("app-green")
    prod = listener(balancer["LoadBalancerArn"], 8080, blue)
    test = listener(balancer["LoadBalancerArn"], 8443, green)
    ecs.create_service(
        cluster="production",
        serviceName="app",
        taskDefinition=definition("sample:1"),
        desiredCount=3,
        launchType="FARGATE",
        deploymentController={"type": "CODE_DEPLOY"},
        networkConfiguration={"awsvpcConfiguration": {"subnets": ["subnet-1"]}},
        loadBalancers=[{"targetGroupArn": blue, "containerName": "app", "containerPort": 8080}],
    )
    codedeploy.create_application(applicationName="app-deploy", computePlatform="ECS")
    codedeploy.create_deployment_group(
        applicationName="app-deploy",
        deploymentGroupName="app-dg",
        deploymentConfigName="CodeDeployDefault.ECSAllAtOnce",
        serviceRoleArn="arn:aws:iam::000000000000:role/codedeploy",
        autoRollbackConfiguration={
            "enabled": True,
            "events": ["DEPLOYMENT_FAILURE", "DEPLOYMENT_STOP_ON_REQUEST"],
        },
        blueGreenDeploymentConfiguration={
            "deploymentReadyOption": {"actionOnTimeout": "CONTINUE_DEPLOYMENT"},
            "terminateBlueInstancesOnDeploymentSuccess": {
                "action": "TERMINATE",
                "terminationWaitTimeInMinutes": 5,
            },
        },
        deploymentStyle={"deploymentOption": "WITH_TRAFFIC_CONTROL", "deploymentType": "BLUE_GREEN"},
        ecsServices=[{"clusterName": "production", "serviceName": "app"}],
        loadBalancerInfo={
            "targetGroupPairInfoList": [
                {
                    "prodTrafficRoute": {"listenerArns": [prod]},
                    "testTrafficRoute": {"listenerArns": [test]},
                    "targetGroups": [{"name": "app-blue"}, {"name": "app-green"}],
                }
            ]
        },
    )
    return balancer["DNSName"]


def info(deployment: str) -> dict:
    return codedeploy.get_deployment(deploymentId=deployment)["deploymentInfo"]


def main():
    guide = guide_text.functions(codedeploy=codedeploy, json=json)
    host = terraform()
    production, test = f"http://{host}:8080/", f"http://{host}:8443/"
    stage.wait_until("the service answers", lambda: stage.get(production)[0] == 200)
    assert "sample:1" in stage.get(production)[1]

    # A good release: all of production moves at once, and blue stays for the wait.
    good = guide["deploy_blue_green"]("app-deploy", "app-dg", definition("sample:2"), "app", 8080)
    stage.wait_until("green serves", lambda: "sample:2" in stage.get(production)[1])
    assert "sample:2" in stage.get(test)[1]
    target = codedeploy.get_deployment_target(deploymentId=good, targetId="production:app")
    weights = {
        one["taskSetLabel"]: one["trafficWeight"]
        for one in target["deploymentTarget"]["ecsTarget"]["taskSetsInfo"]
    }
    assert weights == {"Blue": 0.0, "Green": 100.0}, weights
    stage.wait_until("the wait begins", lambda: info(good)["instanceTerminationWaitTimeStarted"])
    codedeploy.continue_deployment(deploymentId=good, deploymentWaitType="TERMINATION_WAIT")
    waiter = codedeploy.get_waiter("deployment_successful")
    waiter.config.delay = 1
    waiter.wait(deploymentId=good)

    # Another one, which is stopped: the group says that it goes back, and production does at once.
    stopped = guide["deploy_blue_green"]("app-deploy", "app-dg", definition("sample:3"), "app", 8080)
    stage.wait_until("the next one serves", lambda: "sample:3" in stage.get(production)[1])
    codedeploy.stop_deployment(deploymentId=stopped)
    assert "sample:2" in stage.get(production)[1]
    assert info(stopped)["status"] == "Stopped", info(stopped)
    back = info(stopped)["rollbackInfo"]["rollbackDeploymentId"]
    waiter.wait(deploymentId=back)
    assert info(back)["creator"] == "codeDeployRollback"

    # What does not fit is refused before anything changes.
    try:
        guide["deploy_blue_green"]("app-deploy", "app-dg", definition("sample:4"), "web", 8080)
    except codedeploy.exceptions.InvalidRevisionException as refused:
        assert "the container web does not exist" in str(refused), refused
    else:
        raise AssertionError("a container that does not exist was deployed")
    print("the guide's blue/green deployments work unchanged")


main()
