"""The services around ECS, each with some of everything that it lists, for waiters.py to wait for and to walk over."""

import datetime
import hashlib
import json

TRUST = json.dumps({
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Principal": {"Service": "ecs-tasks.amazonaws.com"}, "Action": "sts:AssumeRole"}],
})
POLICY = json.dumps({
    "Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "logs:PutLogEvents", "Resource": "*"}],
})
TAGS = [{"Key": f"walk-{number}", "Value": "x"} for number in range(3)]
# More than the least page of EC2, which has five items.
MANY = range(7)


def iam(iam, wait):
    """Roles, policies, instance profiles, an identity provider."""
    arns = []
    for number in range(3):
        name = f"walk-{number}"
        iam.create_role(RoleName=name, AssumeRolePolicyDocument=TRUST, Path="/walk/", Tags=TAGS)
        arns.append(iam.create_policy(PolicyName=name, PolicyDocument=POLICY, Path="/walk/", Tags=TAGS)["Policy"]["Arn"])
        iam.create_instance_profile(InstanceProfileName=name, Path="/walk/", Tags=TAGS)
        iam.add_role_to_instance_profile(InstanceProfileName=name, RoleName="walk-0")
        iam.put_role_policy(RoleName="walk-0", PolicyName=name, PolicyDocument=POLICY)
    for number in range(3):
        iam.attach_role_policy(RoleName="walk-0", PolicyArn=arns[number])
        iam.attach_role_policy(RoleName=f"walk-{number}", PolicyArn=arns[0])
        iam.create_policy_version(PolicyArn=arns[0], PolicyDocument=POLICY, SetAsDefault=True)
    provider = iam.create_open_id_connect_provider(
        Url="https://token.example.com", ClientIDList=["sts.amazonaws.com"], ThumbprintList=["a" * 40], Tags=TAGS,
    )["OpenIDConnectProviderArn"]
    wait(iam, "role_exists", RoleName="walk-0")
    wait(iam, "policy_exists", PolicyArn=arns[0])
    wait(iam, "instance_profile_exists", InstanceProfileName="walk-0")
    # There are no users here, so that one is waited for in vain.
    wait(iam, "user_exists", expected="Max attempts exceeded", attempts=2, UserName="nobody")
    return {
        "ListAttachedRolePolicies": {"RoleName": "walk-0"},
        "ListEntitiesForPolicy": {"PolicyArn": arns[0]},
        "ListInstanceProfileTags": {"InstanceProfileName": "walk-0"},
        "ListInstanceProfilesForRole": {"RoleName": "walk-0"},
        "ListOpenIDConnectProviderTags": {"OpenIDConnectProviderArn": provider},
        "ListPolicies": {"Scope": "Local"},
        "ListPolicyTags": {"PolicyArn": arns[0]},
        "ListPolicyVersions": {"PolicyArn": arns[0]},
        "ListRolePolicies": {"RoleName": "walk-0"},
        "ListRoleTags": {"RoleName": "walk-0"},
    }


def ec2(ec2, wait):
    """Networks with everything in them."""
    for number in MANY:
        vpc = ec2.create_vpc(CidrBlock=f"10.{number}.0.0/16")["Vpc"]["VpcId"]
        subnet = ec2.create_subnet(VpcId=vpc, CidrBlock=f"10.{number}.1.0/24")["Subnet"]["SubnetId"]
        group = ec2.create_security_group(GroupName="walk", Description="walk", VpcId=vpc)["GroupId"]
        gateway = ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
        ec2.attach_internet_gateway(InternetGatewayId=gateway, VpcId=vpc)
        ec2.create_route_table(VpcId=vpc)
        ec2.create_tags(Resources=[vpc, subnet], Tags=[{"Key": "walk", "Value": str(number)}])
        address = ec2.allocate_address(Domain="vpc")["AllocationId"]
        nat = ec2.create_nat_gateway(SubnetId=subnet, AllocationId=address)["NatGateway"]["NatGatewayId"]
    wait(ec2, "vpc_exists", VpcIds=[vpc])
    wait(ec2, "vpc_available", VpcIds=[vpc])
    wait(ec2, "subnet_available", SubnetIds=[subnet])
    wait(ec2, "security_group_exists", GroupIds=[group])
    wait(ec2, "internet_gateway_exists", InternetGatewayIds=[gateway])
    wait(ec2, "nat_gateway_available", NatGatewayIds=[nat])
    ec2.delete_nat_gateway(NatGatewayId=nat)
    wait(ec2, "nat_gateway_deleted", NatGatewayIds=[nat])
    # Nobody can make a network interface here.
    missing = "InvalidNetworkInterfaceID.NotFound"
    wait(ec2, "network_interface_available", expected=missing, NetworkInterfaceIds=["eni-0123456789abcdef0"])
    return {}


def ecr(ecr, wait):
    """Repositories, and images in one of them."""
    for number in range(3):
        ecr.create_repository(repositoryName=f"walk-{number}")
    for number in range(3):
        layers = [layer(ecr, content) for content in (b"{}", f"layer {number}".encode())]
        ecr.put_image(repositoryName="walk-0", imageTag=f"v{number}", imageManifest=json.dumps({
            "schemaVersion": 2, "mediaType": "application/vnd.oci.image.manifest.v1+json", "config": layers[0], "layers": layers[1:],
        }))
    image = {"repositoryName": "walk-0", "imageId": {"imageTag": "v0"}}
    ecr.start_image_scan(**image)
    wait(ecr, "image_scan_complete", **image)
    ecr.start_lifecycle_policy_preview(repositoryName="walk-0", lifecyclePolicyText=json.dumps({"rules": [{
        "rulePriority": 1, "action": {"type": "expire"},
        "selection": {"tagStatus": "any", "countType": "imageCountMoreThan", "countNumber": 1},
    }]}))
    wait(ecr, "lifecycle_policy_preview_complete", repositoryName="walk-0")
    repository = {"repositoryName": "walk-0"}
    return {
        "DescribeImages": repository, "ListImages": repository, "GetLifecyclePolicyPreview": repository,
        "DescribeImageScanFindings": image,
    }


def layer(ecr, content):
    """Uploads a layer; what a manifest says of it."""
    upload = ecr.initiate_layer_upload(repositoryName="walk-0")["uploadId"]
    ecr.upload_layer_part(
        repositoryName="walk-0", uploadId=upload, partFirstByte=0, partLastByte=len(content) - 1, layerPartBlob=content)
    digest = "sha256:" + hashlib.sha256(content).hexdigest()
    try:
        ecr.complete_layer_upload(repositoryName="walk-0", uploadId=upload, layerDigests=[digest])
    except ecr.exceptions.LayerAlreadyExistsException:
        pass
    return {"mediaType": "application/vnd.oci.image.layer.v1.tar", "digest": digest, "size": len(content)}


def application_autoscaling(scaling, wait):
    """Two targets with policies, schedules, and activities; the services are there."""
    for service in ("one", "two"):
        target = dict(
            ServiceNamespace="ecs", ResourceId=f"service/walk-1/{service}", ScalableDimension="ecs:service:DesiredCount")
        for least in (2, 1):
            # Each time the desired count has to follow, which is an activity.
            scaling.register_scalable_target(MinCapacity=least, MaxCapacity=least, **target)
        for number in range(2):
            scaling.put_scaling_policy(
                PolicyName=f"walk-{number}", PolicyType="TargetTrackingScaling", **target,
                TargetTrackingScalingPolicyConfiguration=dict(
                    TargetValue=50.0,
                    PredefinedMetricSpecification=dict(PredefinedMetricType="ECSServiceAverageCPUUtilization")))
            scaling.put_scheduled_action(
                ScheduledActionName=f"walk-{number}", Schedule="rate(30 days)",
                ScalableTargetAction=dict(MinCapacity=1), **target)
    needed = {"ServiceNamespace": "ecs"}
    return {f"Describe{what}": needed for what in (
        "ScalableTargets", "ScalingActivities", "ScalingPolicies", "ScheduledActions")}


def logs(logs, wait):
    """Groups with streams with events."""
    for number in range(3):
        logs.create_log_group(logGroupName=f"/walk/{number}")
        logs.create_log_stream(logGroupName="/walk/0", logStreamName=str(number))
    now = int(logs.describe_log_groups(logGroupNamePrefix="/walk/0")["logGroups"][0]["creationTime"])
    logs.put_log_events(
        logGroupName="/walk/0", logStreamName="0",
        logEvents=[dict(timestamp=now + number, message=str(number)) for number in range(3)])
    return {"DescribeLogStreams": {"logGroupName": "/walk/0"}, "FilterLogEvents": {"logGroupName": "/walk/0"}}


def secretsmanager(secrets, wait):
    """Secrets."""
    for number in range(3):
        secrets.create_secret(Name=f"walk/{number}", SecretString=str(number))
    return {}


def ssm(ssm, wait):
    """Parameters with a history."""
    for number in range(3):
        ssm.put_parameter(Name=f"/walk/{number}", Value=str(number), Type="String")
        ssm.put_parameter(Name="/walk/0", Value=f"again {number}", Type="String", Overwrite=True)
    return {"GetParameterHistory": {"Name": "/walk/0"}, "GetParametersByPath": {"Path": "/walk"}}


def sts(sts, wait):
    """Nothing to wait for and nothing to walk over, but who asks is known."""
    assert sts.get_caller_identity()["Account"] == "000000000000"
    return {}
