"""What exists in the cloud that is asked, and by which member of a request it is named: so that valid requests also succeed."""

import hashlib
import itertools
import json

import botocore.exceptions

TRUST = json.dumps({
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Principal": {"Service": "ecs-tasks.amazonaws.com"}, "Action": "sts:AssumeRole"}],
})
POLICY = json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:*", "Resource": "*"}]})
REPOSITORY_POLICY = json.dumps({
    "Version": "2012-10-17",
    "Statement": [{"Sid": "all", "Effect": "Allow", "Principal": "*", "Action": "ecr:GetDownloadUrlForLayer"}],
})
SECRET_POLICY = json.dumps({
    "Version": "2012-10-17",
    "Statement": [{
        "Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::123456789012:root"}, "Action": "secretsmanager:GetSecretValue", "Resource": "*",
    }],
})
LIFECYCLE = json.dumps({
    "rules": [{
        "rulePriority": 1, "selection": {"tagStatus": "any", "countType": "imageCountMoreThan", "countNumber": 9}, "action": {"type": "expire"},
    }],
})
counter = itertools.count(1)


def fresh(prefix="made"):
    return f"{prefix}-{next(counter)}"


def build(client):
    """Makes one of each thing by way of `client`, and answers by service what names it."""
    app = {"name": "app", "image": "sample:1", "memory": 64, "portMappings": [{"containerPort": 8080, "hostPort": 0}]}
    known = {}

    ec2 = client("ec2")
    vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    subnets = [
        ec2.create_subnet(VpcId=vpc, CidrBlock=f"10.0.{number}.0/24", AvailabilityZone=f"eu-west-1{zone}")["Subnet"]["SubnetId"]
        for number, zone in ((1, "a"), (2, "b"))
    ]
    security = ec2.create_security_group(GroupName="conformance", Description="c", VpcId=vpc)["GroupId"]
    ingress = {"IpProtocol": "tcp", "FromPort": 80, "ToPort": 80, "IpRanges": [{"CidrIp": "10.0.0.0/8"}]}
    rule = ec2.authorize_security_group_ingress(GroupId=security, IpPermissions=[ingress])["SecurityGroupRules"][0]["SecurityGroupRuleId"]
    gateway = ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
    ec2.attach_internet_gateway(InternetGatewayId=gateway, VpcId=vpc)
    table = ec2.create_route_table(VpcId=vpc)["RouteTable"]["RouteTableId"]
    association = ec2.associate_route_table(RouteTableId=table, SubnetId=subnets[0])["AssociationId"]
    address = ec2.allocate_address(Domain="vpc")["AllocationId"]
    nat = ec2.create_nat_gateway(SubnetId=subnets[0], AllocationId=address)["NatGateway"]["NatGatewayId"]
    known["ec2"] = {
        "VpcId": vpc, "SubnetId": subnets[0], "GroupId": security, "InternetGatewayId": gateway, "RouteTableId": table,
        "AssociationId": association, "AllocationId": address, "NatGatewayId": nat, "SecurityGroupRuleId": rule,
        "CidrBlock": "10.0.0.0/16", "DestinationCidrBlock": lambda: f"10.{next(counter) % 200 + 20}.0.0/16", "GatewayId": gateway,
        "GroupName": lambda: fresh("group"), "Resource": vpc, "Attribute": "enableDnsSupport",
    }

    elbv2 = client("elbv2")
    balancer = elbv2.create_load_balancer(Name="conformance", Subnets=subnets)["LoadBalancers"][0]["LoadBalancerArn"]
    groups = [
        elbv2.create_target_group(Name=f"conformance-{number}", Protocol="HTTP", Port=8080, VpcId=vpc, TargetType="ip")
        ["TargetGroups"][0]["TargetGroupArn"]
        for number in range(4)
    ]
    forward = [{"Type": "forward", "TargetGroupArn": groups[0]}]
    listeners = [
        elbv2.create_listener(
            LoadBalancerArn=balancer, Protocol="HTTP", Port=18080 + number,
            DefaultActions=[{"Type": "forward", "TargetGroupArn": groups[number]}],
        )["Listeners"][0]["ListenerArn"]
        for number in range(3)
    ]
    path = [{"Field": "path-pattern", "Values": ["/a"]}]
    rule = elbv2.create_rule(ListenerArn=listeners[0], Priority=1, Conditions=path, Actions=forward)["Rules"][0]["RuleArn"]
    known["elbv2"] = {
        "LoadBalancerArn": balancer, "TargetGroupArn": groups[0], "ListenerArn": listeners[0], "RuleArn": rule, "VpcId": vpc,
        "ResourceArn": balancer, "Subnets": subnets, "SecurityGroup": security, "Name": lambda: fresh("elb"), "Protocol": "HTTP",
        "Port": lambda: 18100 + next(counter), "DefaultActions": forward, "Actions": forward, "Conditions": path,
        "Priority": lambda: 100 + next(counter), "Targets": [{"Id": "10.0.1.9", "Port": 80}], "TargetType": "ip",
        "SubnetMappings": [{"SubnetId": subnet} for subnet in subnets], "IpAddressType": "ipv4",
    }

    ecs = client("ecs")
    cluster = ecs.create_cluster(clusterName="conformance")["cluster"]["clusterArn"]
    for _ in range(2):
        definition = ecs.register_task_definition(family="conformance", networkMode="bridge", containerDefinitions=[app])
    definition = definition["taskDefinition"]["taskDefinitionArn"]
    ecs.create_service(
        cluster=cluster, serviceName="conformance", taskDefinition=definition, desiredCount=1,
        loadBalancers=[{"targetGroupArn": groups[0], "containerName": "app", "containerPort": 8080}],
    )
    ecs.get_waiter("services_stable").wait(
        cluster=cluster, services=["conformance"], WaiterConfig={"Delay": 1, "MaxAttempts": 60})
    task = ecs.run_task(cluster=cluster, taskDefinition=definition)["tasks"][0]["taskArn"]
    ecs.create_service(
        cluster=cluster, serviceName="external", desiredCount=0, deploymentController={"type": "EXTERNAL"})
    task_set = ecs.create_task_set(cluster=cluster, service="external", taskDefinition=definition)["taskSet"]["id"]
    deployment = ecs.list_service_deployments(cluster=cluster, service="conformance")["serviceDeployments"][0]
    provider = ecs.create_capacity_provider(name="conformance", autoScalingGroupProvider={
        "autoScalingGroupArn": "arn:aws:autoscaling:eu-west-1:123456789012:autoScalingGroup:1:autoScalingGroupName/a",
    })["capacityProvider"]["name"]
    service = ecs.describe_services(cluster=cluster, services=["conformance"])["services"][0]
    known["ecs"] = {
        "cluster": cluster, "clusterName": lambda: fresh("cluster"), "taskDefinition": definition, "service": "conformance",
        "serviceName": lambda: fresh("service"), "family": "conformance", "containerDefinitions": [app], "task": task,
        "resourceArn": service["serviceArn"], "desiredCount": 0, "count": 1, "taskSet": task_set,
        "serviceDeploymentArn": deployment["serviceDeploymentArn"], "capacityProvider": provider,
        "serviceRevisionArn": deployment["targetServiceRevisionArn"], "capacityProviders": [provider], "loadBalancers": [],
        "serviceDeploymentArns": [deployment["serviceDeploymentArn"]], "serviceRevisionArns": [deployment["targetServiceRevisionArn"]],
        "name": "containerInsights", "networkMode": "bridge", "familyPrefix": "conformance", "services": ["conformance"],
        "tasks": [task], "clusters": [cluster], "taskSets": [task_set], "settings": [{"name": "containerInsights", "value": "disabled"}],
    }

    codedeploy = client("codedeploy")
    codedeploy.create_application(applicationName="conformance", computePlatform="ECS")
    ecs.create_service(
        cluster=cluster, serviceName="code", taskDefinition=definition, desiredCount=0, deploymentController={"type": "CODE_DEPLOY"},
        loadBalancers=[{"targetGroupArn": groups[1], "containerName": "app", "containerPort": 8080}],
    )
    pair = {
        "targetGroups": [{"name": "conformance-1"}, {"name": "conformance-2"}], "prodTrafficRoute": {"listenerArns": [listeners[1]]},
    }
    group = {
        "applicationName": "conformance", "serviceRoleArn": "arn:aws:iam::123456789012:role/conformance",
        "deploymentConfigName": "CodeDeployDefault.ECSAllAtOnce",
        "deploymentStyle": {"deploymentType": "BLUE_GREEN", "deploymentOption": "WITH_TRAFFIC_CONTROL"},
        "blueGreenDeploymentConfiguration": {
            "terminateBlueInstancesOnDeploymentSuccess": {"action": "TERMINATE", "terminationWaitTimeInMinutes": 0},
            "deploymentReadyOption": {"actionOnTimeout": "CONTINUE_DEPLOYMENT"},
        },
        "ecsServices": [{"clusterName": "conformance", "serviceName": "code"}], "loadBalancerInfo": {"targetGroupPairInfoList": [pair]},
    }
    codedeploy.create_deployment_group(deploymentGroupName="conformance", **group)
    appspec = json.dumps({"version": 0.0, "Resources": [{"TargetService": {"Type": "AWS::ECS::Service", "Properties": {
        "TaskDefinition": definition, "LoadBalancerInfo": {"ContainerName": "app", "ContainerPort": 8080}}}}]})
    revision = {"revisionType": "AppSpecContent", "appSpecContent": {"content": appspec}}
    deployment = codedeploy.create_deployment(
        applicationName="conformance", deploymentGroupName="conformance", revision=revision)["deploymentId"]
    codedeploy.create_deployment_config(
        deploymentConfigName="conformance", computePlatform="ECS", trafficRoutingConfig={"type": "AllAtOnce"})
    known["codedeploy"] = {
        "applicationName": "conformance", "deploymentGroupName": "conformance", "currentDeploymentGroupName": "conformance",
        "deploymentConfigName": "CodeDeployDefault.ECSAllAtOnce", "deploymentId": deployment, "revision": revision,
        "revisions": [revision], "targetId": "conformance:code", "targetIds": ["conformance:code"], "computePlatform": "ECS",
        "resourceArn": "arn:aws:codedeploy:eu-west-1:{account}:application:conformance",
        "ResourceArn": "arn:aws:codedeploy:eu-west-1:{account}:application:conformance",
        **{name: value for name, value in group.items() if name != "applicationName"},
    }
    cloudwatch = client("cloudwatch")
    alarm = dict(
        Namespace="Conformance", MetricName="Errors", Statistic="Sum", Period=60, EvaluationPeriods=1, Threshold=1.0,
        ComparisonOperator="GreaterThanThreshold",
    )
    cloudwatch.put_metric_alarm(AlarmName="conformance", **alarm)
    cloudwatch.put_metric_data(Namespace="Conformance", MetricData=[{"MetricName": "Errors", "Value": 1}])
    cloudwatch.put_composite_alarm(AlarmName="composite", AlarmRule='ALARM("conformance")')
    stat = {"Metric": {"Namespace": "Conformance", "MetricName": "Errors"}, "Period": 60, "Stat": "Sum"}
    arn = cloudwatch.describe_alarms(AlarmNames=["conformance"])["MetricAlarms"][0]["AlarmArn"]
    account = arn.split(":")[4]
    known["cloudwatch"] = {
        "AlarmName": "conformance", "AlarmNames": ["conformance"], "AlarmRule": 'ALARM("conformance")', "ResourceARN": arn,
        "MetricDataQueries": [{"Id": "m1", "MetricStat": stat}], "StartTime": 1795000000, "EndTime": 1795003600, "Period": 60,
        "StateValue": "OK", "Statistics": ["Sum"], "MetricData": [{"MetricName": "Errors", "Value": 1.0}],
        **{name: value for name, value in alarm.items() if name != "Period"},
    }
    for name in ("resourceArn", "ResourceArn"):
        known["codedeploy"][name] = known["codedeploy"][name].format(account=account)

    logs = client("logs")
    logs.create_log_group(logGroupName="/conformance")
    logs.create_log_stream(logGroupName="/conformance", logStreamName="one")
    now = logs.describe_log_groups(logGroupNamePrefix="/conformance")["logGroups"][0]["creationTime"]
    logs.put_log_events(logGroupName="/conformance", logStreamName="one", logEvents=[{"timestamp": now, "message": "hello"}])
    known["logs"] = {
        "logGroupName": "/conformance", "logStreamName": "one", "logEvents": [{"timestamp": now, "message": "hello"}], "retentionInDays": 7,
        "resourceArn": f"arn:aws:logs:eu-west-1:{account}:log-group:/conformance", "logStreamNames": ["one"],
        "logGroupIdentifier": "/conformance", "filterPattern": "hello",
    }

    secrets = client("secretsmanager")
    secret = secrets.create_secret(Name="conformance", SecretString="value")
    secrets.put_secret_value(SecretId="conformance", SecretString="other")
    known["secretsmanager"] = {
        "SecretId": secret["ARN"], "Name": lambda: fresh("secret"), "SecretIdList": [secret["ARN"]], "ResourcePolicy": SECRET_POLICY,
        "VersionStage": "AWSCURRENT", "SecretString": "value",
    }

    ecr = client("ecr")
    repository = ecr.create_repository(repositoryName="conformance")["repository"]
    known["ecr"] = {
        "repositoryName": "conformance", "registryId": repository["registryId"], "resourceArn": repository["repositoryArn"],
        "policyText": REPOSITORY_POLICY, "lifecyclePolicyText": LIFECYCLE, "imageTagMutability": "MUTABLE",
        "repositoryNames": ["conformance"],
    }

    ssm = client("ssm")
    ssm.put_parameter(Name="/conformance/a", Value="v", Type="String")
    known["ssm"] = {
        "Name": "/conformance/a", "Names": ["/conformance/a"], "Path": "/conformance", "ResourceType": "Parameter", "ResourceId": "/conformance/a",
        "Type": "String", "Labels": ["a"], "ParameterVersion": 1, "Overwrite": True, "DataType": "text",
    }

    iam = client("iam")
    iam.create_role(RoleName="conformance", AssumeRolePolicyDocument=TRUST)
    iam.put_role_policy(RoleName="conformance", PolicyName="inline", PolicyDocument=POLICY)
    policy = iam.create_policy(PolicyName="conformance", PolicyDocument=POLICY)["Policy"]["Arn"]
    iam.create_policy_version(PolicyArn=policy, PolicyDocument=POLICY)
    iam.attach_role_policy(RoleName="conformance", PolicyArn=policy)
    iam.create_instance_profile(InstanceProfileName="conformance")
    iam.add_role_to_instance_profile(InstanceProfileName="conformance", RoleName="conformance")
    provider = iam.create_open_id_connect_provider(Url="https://tokens.example.com", ClientIDList=["a"])["OpenIDConnectProviderArn"]
    known["iam"] = {
        "RoleName": "conformance", "PolicyName": "inline", "PolicyArn": policy, "InstanceProfileName": "conformance", "VersionId": "v1",
        "OpenIDConnectProviderArn": provider, "PolicyDocument": POLICY, "AssumeRolePolicyDocument": TRUST, "ClientID": "a",
        "Url": lambda: f"https://{fresh('tokens')}.example.com", "AWSServiceName": "ecs.application-autoscaling.amazonaws.com",
    }

    known["sts"] = {
        "RoleArn": f"arn:aws:iam::{account}:role/conformance", "RoleSessionName": "conformance",
        "WebIdentityToken": "a.b.c", "AccessKeyId": "AKIAIOSFODNN7EXAMPLE",
    }

    scaling = client("application-autoscaling")
    target = {
        "ServiceNamespace": "ecs", "ResourceId": "service/conformance/conformance", "ScalableDimension": "ecs:service:DesiredCount",
    }
    scaling.register_scalable_target(MinCapacity=1, MaxCapacity=2, **target)
    scaling.put_scaling_policy(PolicyName="conformance", PolicyType="TargetTrackingScaling", **target, TargetTrackingScalingPolicyConfiguration={
        "TargetValue": 50.0, "PredefinedMetricSpecification": {"PredefinedMetricType": "ECSServiceAverageCPUUtilization"}})
    scaling.put_scheduled_action(ScheduledActionName="conformance", Schedule="rate(1 hour)", ScalableTargetAction={"MinCapacity": 1}, **target)
    scalable = scaling.describe_scalable_targets(ServiceNamespace="ecs")["ScalableTargets"][0]["ScalableTargetARN"]
    known["application-autoscaling"] = {
        **target, "ResourceIds": [target["ResourceId"]], "PolicyName": "conformance", "ScheduledActionName": "conformance",
        "ResourceARN": scalable, "Schedule": "rate(1 hour)", "MinCapacity": 1, "MaxCapacity": 2,
    }
    return known


def needed(client, known):
    """What an operation needs beyond what its model requires, made anew for each request; by service and operation."""
    ecs, elbv2, codedeploy, ec2, iam, ecr, ssm, secrets, logs, cloudwatch, scaling = (client(name) for name in (
        "ecs", "elbv2", "codedeploy", "ec2", "iam", "ecr", "ssm", "secretsmanager", "logs", "cloudwatch", "application-autoscaling"))
    here = {service: {name: value() if callable(value) else value for name, value in names.items()} for service, names in known.items()}
    cluster, definition = here["ecs"]["cluster"], here["ecs"]["taskDefinition"]
    group, balancer, listener = (here["elbv2"][name] for name in ("TargetGroupArn", "LoadBalancerArn", "ListenerArn"))
    forward, path = here["elbv2"]["DefaultActions"], here["elbv2"]["Conditions"]
    vpc, subnet, security, table, gateway = (
        here["ec2"][name] for name in ("VpcId", "SubnetId", "GroupId", "RouteTableId", "GatewayId"))
    target = {name: here["application-autoscaling"][name] for name in ("ServiceNamespace", "ResourceId", "ScalableDimension")}

    def service():
        return {"cluster": cluster, "service": ecs.create_service(
            cluster=cluster, serviceName=fresh("service"), taskDefinition=definition, desiredCount=0)["service"]["serviceName"]}

    def external():
        return {"cluster": cluster, "service": ecs.create_service(
            cluster=cluster, serviceName=fresh("external"), desiredCount=0, deploymentController={"type": "EXTERNAL"},
        )["service"]["serviceName"]}

    def task_set():
        made = external()
        return {**made, "taskSet": ecs.create_task_set(**made, taskDefinition=definition)["taskSet"]["id"]}

    def primary():
        made = task_set()
        return {"primaryTaskSet": made.pop("taskSet"), **made}

    def setting():
        ecs.put_account_setting(name="containerInsights", value="enabled")
        return {"name": "containerInsights"}

    def provider():
        arn = f"arn:aws:autoscaling:eu-west-1:123456789012:autoScalingGroup:1:autoScalingGroupName/{fresh()}"
        return {"capacityProvider": ecs.create_capacity_provider(
            name=fresh("provider"), autoScalingGroupProvider={"autoScalingGroupArn": arn})["capacityProvider"]["name"]}

    def service_deployment():
        made = service()
        ecs.update_service(**made, desiredCount=1, forceNewDeployment=True)
        return {"serviceDeploymentArn": ecs.list_service_deployments(**made)["serviceDeployments"][0]["serviceDeploymentArn"]}

    def rule():
        made = elbv2.create_rule(ListenerArn=listener, Priority=1000 + next(counter), Conditions=path, Actions=forward)
        return {"RuleArn": made["Rules"][0]["RuleArn"]}

    def target_group():
        made = elbv2.create_target_group(Name=fresh("group"), Protocol="HTTP", Port=80, VpcId=vpc, TargetType="ip")
        return {"TargetGroupArn": made["TargetGroups"][0]["TargetGroupArn"]}

    def load_balancer():
        made = elbv2.create_load_balancer(Name=fresh("balancer"), Subnets=here["elbv2"]["Subnets"])
        return {"LoadBalancerArn": made["LoadBalancers"][0]["LoadBalancerArn"]}

    def another_listener():
        made = elbv2.create_listener(
            LoadBalancerArn=balancer, Protocol="HTTP", Port=19000 + next(counter), DefaultActions=forward)
        return {"ListenerArn": made["Listeners"][0]["ListenerArn"]}

    def attributes(key, value):
        return {"Attributes": [{"Key": key, "Value": value}]}

    def application():
        name = fresh("application")
        codedeploy.create_application(applicationName=name, computePlatform="ECS")
        return {"applicationName": name}

    def deployment_config():
        name = fresh("config")
        codedeploy.create_deployment_config(
            deploymentConfigName=name, computePlatform="ECS", trafficRoutingConfig={"type": "AllAtOnce"})
        return {"deploymentConfigName": name}

    def deployment():
        group = {"applicationName": "conformance", "deploymentGroupName": "conformance"}
        active = codedeploy.list_deployments(**group, includeOnlyStatuses=["Created", "InProgress", "Ready"])["deployments"]
        made = active[0] if active else codedeploy.create_deployment(**group, revision=here["codedeploy"]["revision"])["deploymentId"]
        return {"deploymentId": made}

    def deployment_group():
        return {"applicationName": "conformance", "deploymentGroupName": "gone"}

    def permission():
        port = 1000 + next(counter)
        ranges = [{"CidrIp": "10.0.0.0/8", "Description": "a"}]
        return {"GroupId": security, "IpPermissions": [{"IpProtocol": "tcp", "FromPort": port, "ToPort": port, "IpRanges": ranges}]}

    def ingress():
        made = permission()
        ec2.authorize_security_group_ingress(**made)
        return made

    def egress():
        made = permission()
        ec2.authorize_security_group_egress(**made)
        return made

    def security_group_rule():
        return {"GroupId": security, "SecurityGroupRules": [{
            "SecurityGroupRuleId": here["ec2"]["SecurityGroupRuleId"],
            "SecurityGroupRule": {"IpProtocol": "tcp", "FromPort": 81, "ToPort": 81, "CidrIpv4": "10.0.0.0/8"},
        }]}

    def block():
        number = next(counter)
        return f"172.{number // 256}.{number % 256}.0/24"

    def route():
        made = {"RouteTableId": table, "DestinationCidrBlock": block()}
        ec2.create_route(**made, GatewayId=gateway)
        return made

    def another_vpc():
        return {"VpcId": ec2.create_vpc(CidrBlock="10.1.0.0/16")["Vpc"]["VpcId"]}

    def another_subnet():
        number = next(counter)
        return ec2.create_subnet(VpcId=vpc, CidrBlock=f"10.0.{number // 16 % 100 + 100}.{number % 16 * 16}/28")["Subnet"]["SubnetId"]

    def another_table():
        return {"RouteTableId": ec2.create_route_table(VpcId=vpc)["RouteTable"]["RouteTableId"]}

    def another_gateway():
        return {"InternetGatewayId": ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]}

    def unattached():
        return {**another_gateway(), **another_vpc()}

    def attached():
        made = unattached()
        ec2.attach_internet_gateway(**made)
        return made

    def association():
        made = ec2.associate_route_table(**another_table(), SubnetId=another_subnet())
        return {"AssociationId": made["AssociationId"]}

    def address():
        return {"AllocationId": ec2.allocate_address(Domain="vpc")["AllocationId"]}

    def nat():
        return {"NatGatewayId": ec2.create_nat_gateway(SubnetId=subnet, **address())["NatGateway"]["NatGatewayId"]}

    def security_group():
        return {"GroupId": ec2.create_security_group(GroupName=fresh("group"), Description="c", VpcId=vpc)["GroupId"]}

    def role():
        return {"RoleName": iam.create_role(RoleName=fresh("role"), AssumeRolePolicyDocument=TRUST)["Role"]["RoleName"]}

    def policy():
        return {"PolicyArn": iam.create_policy(PolicyName=fresh("policy"), PolicyDocument=POLICY)["Policy"]["Arn"]}

    def second_version():
        made = policy()
        iam.create_policy_version(**made, PolicyDocument=POLICY)
        return {**made, "VersionId": "v2"}

    def attachment():
        made = {**role(), **policy()}
        iam.attach_role_policy(**made)
        return made

    def inline():
        made = {**role(), "PolicyName": "inline"}
        iam.put_role_policy(**made, PolicyDocument=POLICY)
        return made

    def profile():
        return {"InstanceProfileName": iam.create_instance_profile(
            InstanceProfileName=fresh("profile"))["InstanceProfile"]["InstanceProfileName"]}

    def profile_with_role():
        made = {**profile(), **role()}
        iam.add_role_to_instance_profile(**made)
        return made

    def identity_provider():
        return {"OpenIDConnectProviderArn": iam.create_open_id_connect_provider(
            Url=f"https://{fresh('tokens')}.example.com", ClientIDList=["a"])["OpenIDConnectProviderArn"]}

    def service_linked():
        role = {"RoleName": "AWSServiceRoleForElasticLoadBalancing"}
        try:
            iam.create_service_linked_role(AWSServiceName="elasticloadbalancing.amazonaws.com")
        except botocore.exceptions.ClientError:
            # It is there already.
            pass
        return role

    def no_service_linked():
        iam.delete_service_linked_role(**service_linked())
        return {"AWSServiceName": "elasticloadbalancing.amazonaws.com"}

    def deletion_task():
        return {"DeletionTaskId": iam.delete_service_linked_role(**service_linked())["DeletionTaskId"]}

    def repository():
        return {"repositoryName": ecr.create_repository(repositoryName=fresh("repository"))["repository"]["repositoryName"]}

    def repository_with_policies():
        made = repository()
        ecr.set_repository_policy(**made, policyText=REPOSITORY_POLICY)
        ecr.put_lifecycle_policy(**made, lifecyclePolicyText=LIFECYCLE)
        return made

    def upload():
        content = fresh("layer").encode()
        begun = ecr.initiate_layer_upload(repositoryName="conformance")["uploadId"]
        return {"uploadId": begun, "partFirstByte": 0, "partLastByte": len(content) - 1, "layerPartBlob": content}

    def uploaded():
        part = upload()
        ecr.upload_layer_part(repositoryName="conformance", **part)
        digest = f"sha256:{hashlib.sha256(part['layerPartBlob']).hexdigest()}"
        return {"uploadId": part["uploadId"], "layerDigests": [digest]}, len(part["layerPartBlob"])

    def layer():
        made, size = uploaded()
        ecr.complete_layer_upload(repositoryName="conformance", **made)
        return made["layerDigests"][0], size

    def manifest():
        kinds = ("application/vnd.oci.image.config.v1+json", "application/vnd.oci.image.layer.v1.tar+gzip")
        config, blob = ({"mediaType": kind, "digest": digest, "size": size} for kind, (digest, size) in zip(kinds, (layer(), layer())))
        whole = {"schemaVersion": 2, "mediaType": "application/vnd.oci.image.manifest.v1+json", "config": config, "layers": [blob]}
        return {"imageManifest": json.dumps(whole), "imageTag": fresh("tag")}

    def image():
        put = ecr.put_image(repositoryName="conformance", **manifest())["image"]["imageId"]
        return {"imageDigest": put["imageDigest"]}

    def scanned():
        made = {"imageId": image()}
        ecr.start_image_scan(repositoryName="conformance", **made)
        return made

    def previewed():
        made = repository_with_policies()
        ecr.start_lifecycle_policy_preview(**made)
        return made

    def parameter():
        name = f"/{fresh('parameter')}"
        ssm.put_parameter(Name=name, Value="v", Type="String")
        ssm.label_parameter_version(Name=name, Labels=["a"])
        return {"Name": name}

    def secret():
        return {"SecretId": secrets.create_secret(Name=fresh("secret"), SecretString="v")["ARN"]}

    def deleted_secret():
        made = secret()
        secrets.delete_secret(**made)
        return made

    def stage():
        made = secret()
        newer = secrets.put_secret_value(**made, SecretString="w", VersionStages=["other"])["VersionId"]
        secrets.update_secret_version_stage(**made, VersionStage="mine", MoveToVersionId=newer)
        return {**made, "VersionStage": "mine", "RemoveFromVersionId": newer}

    def log_group():
        name = fresh("/group")
        logs.create_log_group(logGroupName=name, tags={"team": "web"})
        logs.create_log_stream(logGroupName=name, logStreamName="one")
        logs.put_retention_policy(logGroupName=name, retentionInDays=7)
        return {"logGroupName": name}

    def alarm():
        name = fresh("alarm")
        cloudwatch.put_metric_alarm(
            AlarmName=name, Namespace="Conformance", MetricName="Errors", Statistic="Sum", Period=60, EvaluationPeriods=1, Threshold=1.0,
            ComparisonOperator="GreaterThanThreshold")
        return {"AlarmNames": [name]}

    def metric_alarm():
        names = ("Namespace", "MetricName", "Statistic", "Period", "EvaluationPeriods", "Threshold", "ComparisonOperator")
        return {"AlarmName": fresh("alarm"), **{name: here["cloudwatch"][name] for name in names}}

    def statistics():
        return {"StartTime": 1795000000, "EndTime": 1795003600, "Period": 60, "Statistics": ["Sum"]}

    def scheduled():
        scaling.put_scheduled_action(
            ScheduledActionName="gone", Schedule="rate(1 hour)", ScalableTargetAction={"MinCapacity": 1}, **target)
        return {"ScheduledActionName": "gone"}

    def scaling_policy():
        scaling.put_scaling_policy(PolicyName="gone", PolicyType="StepScaling", **target, StepScalingPolicyConfiguration={
            "AdjustmentType": "ChangeInCapacity", "StepAdjustments": [{"MetricIntervalLowerBound": 0, "ScalingAdjustment": 1}]})
        return {"PolicyName": "gone"}

    def scalable_target():
        made = service()
        found = {**target, "ResourceId": f"service/conformance/{made['service']}"}
        scaling.register_scalable_target(MinCapacity=1, MaxCapacity=2, **found)
        return found

    def tracking():
        return {"PolicyType": "TargetTrackingScaling", "TargetTrackingScalingPolicyConfiguration": {
            "TargetValue": 50.0, "PredefinedMetricSpecification": {"PredefinedMetricType": "ECSServiceAverageCPUUtilization"}}}

    tables = {
        "ecs": {
            "CreateCapacityProvider": lambda: {"name": fresh("provider"), "autoScalingGroupProvider": {
                "autoScalingGroupArn": f"arn:aws:autoscaling:eu-west-1:123456789012:autoScalingGroup:1:autoScalingGroupName/{fresh()}"}},
            "CreateService": lambda: {"cluster": cluster, "taskDefinition": definition},
            "CreateTaskSet": external,
            "DeleteAccountSetting": setting,
            "DeleteCapacityProvider": provider,
            "DeleteCluster": lambda: {"cluster": ecs.create_cluster(clusterName=fresh("cluster"))["cluster"]["clusterArn"]},
            "DeleteService": service,
            "DeleteTaskDefinitions": lambda: {"taskDefinitions": ["conformance:1"]},
            "DeleteTaskSet": task_set,
            "DeregisterTaskDefinition": lambda: {"taskDefinition": "conformance:1"},
            "DescribeServices": lambda: {"cluster": cluster},
            "DescribeTaskSets": lambda: {"service": "external"},
            "DescribeTasks": lambda: {"cluster": cluster},
            "ListServiceDeployments": lambda: {"cluster": cluster},
            "ListServices": lambda: {"cluster": cluster},
            "ListTasks": lambda: {"cluster": cluster},
            "PutAccountSetting": lambda: {"name": "containerInsights", "value": "enabled"},
            "PutAccountSettingDefault": lambda: {"name": "containerInsights", "value": "enabled"},
            "PutClusterCapacityProviders": lambda: {"cluster": ecs.create_cluster(clusterName=fresh("cluster"))["cluster"]["clusterArn"]},
            "RunTask": lambda: {"cluster": cluster},
            "StopServiceDeployment": service_deployment,
            "StopTask": lambda: {"cluster": cluster},
            "TagResource": lambda: {"tags": [{"key": "a", "value": "b"}]},
            "UpdateCapacityProvider": lambda: {
                "name": provider()["capacityProvider"], "autoScalingGroupProvider": {"managedScaling": {"status": "DISABLED"}}},
            "UpdateService": service,
            "UpdateServicePrimaryTaskSet": primary,
            "UpdateTaskSet": lambda: {**task_set(), "scale": {"value": 50.0, "unit": "PERCENT"}},
        },
        "elbv2": {
            "CreateListener": lambda: {"Protocol": "HTTP", "Port": 20000 + next(counter)},
            "CreateLoadBalancer": lambda: {"Subnets": here["elbv2"]["Subnets"]},
            "CreateTargetGroup": lambda: {"Protocol": "HTTP", "Port": 80, "VpcId": vpc, "TargetType": "ip"},
            "DeleteListener": another_listener,
            "DeleteLoadBalancer": load_balancer,
            "DeleteRule": rule,
            "DeleteTargetGroup": target_group,
            "DeregisterTargets": lambda: {"TargetGroupArn": group, "Targets": [{"Id": "10.0.1.9", "Port": 80}]},
            "DescribeListeners": lambda: {"LoadBalancerArn": balancer},
            "DescribeRules": lambda: {"ListenerArn": listener},
            "ModifyListenerAttributes": lambda: attributes("routing.http.response.server.enabled", "true"),
            "ModifyLoadBalancerAttributes": lambda: attributes("idle_timeout.timeout_seconds", "61"),
            "ModifyTargetGroupAttributes": lambda: attributes("deregistration_delay.timeout_seconds", "5"),
            "ModifyRule": lambda: {**rule(), "Conditions": path},
            "RemoveTags": lambda: {"ResourceArns": [balancer], "TagKeys": ["a"]},
            "SetRulePriorities": lambda: {"RulePriorities": [{**rule(), "Priority": 2000 + next(counter)}]},
            "SetSubnets": lambda: {"Subnets": here["elbv2"]["Subnets"]},
        },
        "codedeploy": {
            "CreateApplication": lambda: {"applicationName": fresh("application"), "computePlatform": "ECS"},
            "CreateDeployment": lambda: {
                name: here["codedeploy"][name] for name in ("deploymentGroupName", "revision")},
            "CreateDeploymentConfig": lambda: {
                "deploymentConfigName": fresh("config"), "computePlatform": "ECS", "trafficRoutingConfig": {"type": "AllAtOnce"}},
            "DeleteApplication": application,
            "DeleteDeploymentConfig": deployment_config,
            "DeleteDeploymentGroup": deployment_group,
            "StopDeployment": deployment,
            "TagResource": lambda: {"Tags": [{"Key": "a", "Value": "b"}]},
            "UpdateApplication": lambda: {**application(), "newApplicationName": fresh("renamed")},
        },
        "cloudwatch": {
            "DeleteAlarms": alarm,
            "GetMetricStatistics": statistics,
            "PutCompositeAlarm": lambda: {"AlarmName": fresh("composite")},
            "PutMetricAlarm": metric_alarm,
        },
        "logs": {
            "CreateLogGroup": lambda: {"logGroupName": fresh("/group")},
            "CreateLogStream": lambda: {"logStreamName": fresh("stream")},
            "DeleteLogGroup": log_group,
            "DeleteLogStream": lambda: {**log_group(), "logStreamName": "one"},
            "DeleteRetentionPolicy": log_group,
            "DescribeLogStreams": lambda: {"logGroupName": "/conformance"},
            "FilterLogEvents": lambda: {"logGroupName": "/conformance"},
            "GetLogEvents": lambda: {"logGroupName": "/conformance"},
            "TagResource": lambda: {"tags": {"a": "b"}},
            "UntagLogGroup": lambda: {"tags": ["a"]},
        },
        "secretsmanager": {
            "BatchGetSecretValue": lambda: {"SecretIdList": here["secretsmanager"]["SecretIdList"]},
            "CreateSecret": lambda: {"Name": fresh("secret")},
            "DeleteSecret": secret,
            "DeleteResourcePolicy": secret,
            "RestoreSecret": deleted_secret,
            "TagResource": lambda: {"Tags": [{"Key": "a", "Value": "b"}]},
            "UpdateSecretVersionStage": stage,
        },
        "ssm": {
            "DeleteParameter": parameter,
            "DeleteParameters": lambda: {"Names": [parameter()["Name"]]},
            "GetParametersByPath": lambda: {"Path": "/conformance"},
            "PutParameter": lambda: {"Name": f"/{fresh('parameter')}", "Value": "v", "Type": "String"},
            "UnlabelParameterVersion": lambda: {**parameter(), "Labels": ["a"], "ParameterVersion": 1},
        },
        "ecr": {
            "BatchCheckLayerAvailability": lambda: {"layerDigests": [layer()[0]]},
            "BatchDeleteImage": lambda: {"imageIds": [image()]},
            "BatchGetImage": lambda: {"imageIds": [image()]},
            "CompleteLayerUpload": lambda: uploaded()[0],
            "DescribeImageScanFindings": scanned,
            "GetDownloadUrlForLayer": lambda: {"layerDigest": layer()[0]},
            "GetLifecyclePolicyPreview": previewed,
            "PutImage": manifest,
            "StartImageScan": lambda: {"imageId": image()},
            "StartLifecyclePolicyPreview": repository_with_policies,
            "UploadLayerPart": upload,
            "CreateRepository": lambda: {"repositoryName": fresh("repository")},
            "DeleteLifecyclePolicy": repository_with_policies,
            "DeleteRepository": repository,
            "DeleteRepositoryPolicy": repository_with_policies,
            "GetLifecyclePolicy": repository_with_policies,
            "GetRepositoryPolicy": repository_with_policies,
        },
        "ec2": {
            "AssociateRouteTable": lambda: {**another_table(), "SubnetId": another_subnet()},
            "AttachInternetGateway": unattached,
            "AuthorizeSecurityGroupEgress": permission,
            "AuthorizeSecurityGroupIngress": permission,
            "CreateNatGateway": lambda: {"SubnetId": subnet, **address()},
            "CreateRoute": lambda: {"DestinationCidrBlock": block(), "GatewayId": gateway},
            "CreateSecurityGroup": lambda: {"GroupName": fresh("group"), "VpcId": vpc},
            "CreateSubnet": lambda: {**another_vpc(), "CidrBlock": "10.1.1.0/24"},
            "CreateTags": lambda: {"Resources": [vpc], "Tags": [{"Key": "a", "Value": "b"}]},
            "CreateVpc": lambda: {"CidrBlock": "10.2.0.0/16"},
            "DeleteInternetGateway": another_gateway,
            "DeleteNatGateway": nat,
            "DeleteRoute": route,
            "DeleteRouteTable": another_table,
            "DeleteSecurityGroup": security_group,
            "DeleteSubnet": lambda: {"SubnetId": another_subnet()},
            "DeleteVpc": another_vpc,
            "DetachInternetGateway": attached,
            "DisassociateRouteTable": association,
            "ModifySecurityGroupRules": security_group_rule,
            "ModifyVpcAttribute": lambda: {"EnableDnsSupport": {"Value": True}},
            "ReleaseAddress": address,
            "ReplaceRoute": lambda: {**route(), "GatewayId": gateway},
            "ReplaceRouteTableAssociation": lambda: {**association(), **another_table()},
            "RevokeSecurityGroupEgress": egress,
            "RevokeSecurityGroupIngress": ingress,
            "UpdateSecurityGroupRuleDescriptionsEgress": egress,
            "UpdateSecurityGroupRuleDescriptionsIngress": ingress,
        },
        "iam": {
            "AddRoleToInstanceProfile": lambda: {**profile(), **role()},
            "AttachRolePolicy": lambda: {**role(), **policy()},
            "CreateInstanceProfile": lambda: {"InstanceProfileName": fresh("profile")},
            "CreatePolicy": lambda: {"PolicyName": fresh("policy")},
            "CreatePolicyVersion": policy,
            "CreateRole": lambda: {"RoleName": fresh("role"), "AssumeRolePolicyDocument": TRUST},
            "CreateServiceLinkedRole": no_service_linked,
            "DeleteInstanceProfile": profile,
            "DeleteOpenIDConnectProvider": identity_provider,
            "DeletePolicy": policy,
            "DeletePolicyVersion": second_version,
            "DeleteRole": role,
            "DeleteRolePolicy": inline,
            "DeleteServiceLinkedRole": service_linked,
            "DetachRolePolicy": attachment,
            "GetServiceLinkedRoleDeletionStatus": deletion_task,
            "RemoveClientIDFromOpenIDConnectProvider": lambda: {**identity_provider(), "ClientID": "a"},
            "RemoveRoleFromInstanceProfile": profile_with_role,
            "UpdateAssumeRolePolicy": lambda: {"PolicyDocument": TRUST},
        },
        "application-autoscaling": {
            "DeleteScalingPolicy": scaling_policy,
            "DeleteScheduledAction": scheduled,
            "DeregisterScalableTarget": scalable_target,
            "PutScalingPolicy": tracking,
            "PutScheduledAction": lambda: {"Schedule": "rate(1 hour)", "ScalableTargetAction": {"MinCapacity": 1}},
        },
    }
    return {(service, operation): made for service, operations in tables.items() for operation, made in operations.items()}
