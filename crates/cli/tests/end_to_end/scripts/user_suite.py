"""What a user's own test suite does with IAM and Application Auto Scaling: plain unittest and boto3, no mocks."""

import json
import time
import unittest
import uuid

import boto3
from botocore.exceptions import ClientError

iam, ecs, scaling, cloudwatch, sts = (
    boto3.client(name) for name in ("iam", "ecs", "application-autoscaling", "cloudwatch", "sts"))


def trusts(service):
    return {"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Principal": {"Service": service}, "Action": "sts:AssumeRole"}]}


def allows(*actions):
    return {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": list(actions), "Resource": "*"}]}


class Case(unittest.TestCase):
    def setUp(self):
        self.name = f"suite-{uuid.uuid4().hex[:8]}"

    def refused(self, code, call, **arguments):
        with self.assertRaises(ClientError) as raised:
            call(**arguments)
        self.assertEqual(raised.exception.response["Error"]["Code"], code)

    def eventually(self, what, holds):
        deadline = time.monotonic() + 60
        while not holds():
            self.assertLess(time.monotonic(), deadline, what)
            time.sleep(0.1)


class Roles(Case):
    def setUp(self):
        super().setUp()
        self.role = iam.create_role(
            RoleName=self.name, AssumeRolePolicyDocument=json.dumps(trusts("ecs-tasks.amazonaws.com")),
            Path="/suite/", Description="of a suite", MaxSessionDuration=7200)["Role"]

    def tearDown(self):
        for policy in iam.list_attached_role_policies(RoleName=self.name)["AttachedPolicies"]:
            iam.detach_role_policy(RoleName=self.name, PolicyArn=policy["PolicyArn"])
        for policy in iam.list_role_policies(RoleName=self.name)["PolicyNames"]:
            iam.delete_role_policy(RoleName=self.name, PolicyName=policy)
        for profile in iam.list_instance_profiles_for_role(RoleName=self.name)["InstanceProfiles"]:
            name = profile["InstanceProfileName"]
            iam.remove_role_from_instance_profile(InstanceProfileName=name, RoleName=self.name)
            iam.delete_instance_profile(InstanceProfileName=name)
        iam.delete_role(RoleName=self.name)
        with self.assertRaises(iam.exceptions.NoSuchEntityException):
            iam.get_role(RoleName=self.name)

    def test_a_role_is_what_it_was_made(self):
        account = sts.get_caller_identity()["Account"]
        self.assertEqual(self.role["Arn"], f"arn:aws:iam::{account}:role/suite/{self.name}")
        self.assertTrue(self.role["RoleId"].startswith("AROA"))
        got = iam.get_role(RoleName=self.name)["Role"]
        # boto3 reads the document, which travels with percent signs.
        self.assertEqual(got["AssumeRolePolicyDocument"], trusts("ecs-tasks.amazonaws.com"))
        self.assertEqual((got["MaxSessionDuration"], got["Description"]), (7200, "of a suite"))
        self.assertIn(self.name, [role["RoleName"] for role in iam.list_roles(PathPrefix="/suite/")["Roles"]])
        self.refused(
            "EntityAlreadyExists", iam.create_role, RoleName=self.name,
            AssumeRolePolicyDocument=json.dumps(trusts("ec2.amazonaws.com")))

    def test_a_role_is_changed(self):
        iam.update_assume_role_policy(RoleName=self.name, PolicyDocument=json.dumps(trusts("lambda.amazonaws.com")))
        iam.update_role(RoleName=self.name, Description="another", MaxSessionDuration=3600)
        got = iam.get_role(RoleName=self.name)["Role"]
        self.assertEqual(got["AssumeRolePolicyDocument"], trusts("lambda.amazonaws.com"))
        self.assertEqual((got["MaxSessionDuration"], got["Description"]), (3600, "another"))
        self.refused(
            "MalformedPolicyDocument", iam.update_assume_role_policy, RoleName=self.name, PolicyDocument="{}")
        iam.tag_role(RoleName=self.name, Tags=[{"Key": "team", "Value": "web"}, {"Key": "stage", "Value": "test"}])
        iam.untag_role(RoleName=self.name, TagKeys=["stage"])
        self.assertEqual(iam.list_role_tags(RoleName=self.name)["Tags"], [{"Key": "team", "Value": "web"}])

    def test_policies_are_attached_versioned_and_in_the_way_of_a_deletion(self):
        arn = iam.create_policy(PolicyName=self.name, PolicyDocument=json.dumps(allows("s3:GetObject")))["Policy"]["Arn"]
        iam.attach_role_policy(RoleName=self.name, PolicyArn=arn)
        managed = "arn:aws:iam::aws:policy/service-role/AmazonECSTaskExecutionRolePolicy"
        iam.attach_role_policy(RoleName=self.name, PolicyArn=managed)
        attached = iam.list_attached_role_policies(RoleName=self.name)["AttachedPolicies"]
        self.assertEqual({policy["PolicyArn"] for policy in attached}, {arn, managed})
        self.assertEqual(iam.get_policy(PolicyArn=arn)["Policy"]["AttachmentCount"], 1)
        self.refused("DeleteConflict", iam.delete_role, RoleName=self.name)
        self.refused("DeleteConflict", iam.delete_policy, PolicyArn=arn)
        second = iam.create_policy_version(
            PolicyArn=arn, PolicyDocument=json.dumps(allows("s3:PutObject")), SetAsDefault=True)["PolicyVersion"]
        self.assertEqual((second["VersionId"], second["IsDefaultVersion"]), ("v2", True))
        got = iam.get_policy_version(PolicyArn=arn, VersionId="v2")["PolicyVersion"]
        self.assertEqual(got["Document"], allows("s3:PutObject"))
        self.refused("DeleteConflict", iam.delete_policy_version, PolicyArn=arn, VersionId="v2")
        iam.set_default_policy_version(PolicyArn=arn, VersionId="v1")
        iam.delete_policy_version(PolicyArn=arn, VersionId="v2")
        iam.detach_role_policy(RoleName=self.name, PolicyArn=arn)
        self.refused("NoSuchEntity", iam.detach_role_policy, RoleName=self.name, PolicyArn=arn)
        iam.delete_policy(PolicyArn=arn)
        self.refused("NoSuchEntity", iam.get_policy, PolicyArn=arn)

    def test_inline_policies_and_instance_profiles(self):
        iam.put_role_policy(RoleName=self.name, PolicyName="inline", PolicyDocument=json.dumps(allows("logs:*")))
        got = iam.get_role_policy(RoleName=self.name, PolicyName="inline")
        self.assertEqual((got["RoleName"], got["PolicyDocument"]), (self.name, allows("logs:*")))
        iam.create_instance_profile(InstanceProfileName=self.name)
        iam.add_role_to_instance_profile(InstanceProfileName=self.name, RoleName=self.name)
        self.refused(
            "LimitExceeded", iam.add_role_to_instance_profile, InstanceProfileName=self.name, RoleName=self.name)
        profile = iam.get_instance_profile(InstanceProfileName=self.name)["InstanceProfile"]
        self.assertEqual([role["RoleName"] for role in profile["Roles"]], [self.name])

    def test_a_role_is_assumed(self):
        assumed = sts.assume_role(RoleArn=self.role["Arn"], RoleSessionName="suite")
        keys = assumed["Credentials"]
        other = boto3.client(
            "sts", aws_access_key_id=keys["AccessKeyId"], aws_secret_access_key=keys["SecretAccessKey"],
            aws_session_token=keys["SessionToken"])
        self.assertEqual(
            assumed["AssumedRoleUser"]["Arn"],
            f"arn:aws:sts::{sts.get_caller_identity()['Account']}:assumed-role/{self.name}/suite")
        self.assertEqual(other.get_caller_identity()["Account"], sts.get_caller_identity()["Account"])

    def test_a_resource_of_boto3_sees_the_same(self):
        role = boto3.resource("iam").Role(self.name)
        self.assertEqual(role.arn, self.role["Arn"])
        policy = boto3.resource("iam").create_policy(PolicyName=self.name, PolicyDocument=json.dumps(allows("s3:*")))
        role.attach_policy(PolicyArn=policy.arn)
        self.assertEqual([attached.arn for attached in role.attached_policies.all()], [policy.arn])
        self.assertEqual([attached.name for attached in policy.attached_roles.all()], [self.name])
        role.detach_policy(PolicyArn=policy.arn)
        policy.delete()


class Scaling(Case):
    """A service's desired count, through everything that changes it."""

    def setUp(self):
        super().setUp()
        ecs.create_cluster(clusterName=self.name)
        ecs.register_task_definition(
            family=self.name, networkMode="bridge",
            containerDefinitions=[{"name": "app", "image": "sample:1", "memory": 64}])
        ecs.create_service(cluster=self.name, serviceName="web", taskDefinition=self.name, desiredCount=2)
        self.target = {
            "ServiceNamespace": "ecs", "ResourceId": f"service/{self.name}/web",
            "ScalableDimension": "ecs:service:DesiredCount"}
        self.arn = scaling.register_scalable_target(
            MinCapacity=1, MaxCapacity=4, Tags={"team": "web"}, **self.target)["ScalableTargetARN"]

    def tearDown(self):
        scaling.deregister_scalable_target(**self.target)
        with self.assertRaises(scaling.exceptions.ObjectNotFoundException):
            scaling.deregister_scalable_target(**self.target)
        ecs.delete_service(cluster=self.name, service="web", force=True)

    def desired(self):
        return ecs.describe_services(cluster=self.name, services=["web"])["services"][0]["desiredCount"]

    def activities(self):
        return scaling.describe_scaling_activities(
            ServiceNamespace="ecs", ResourceId=self.target["ResourceId"])["ScalingActivities"]

    def test_a_target_is_what_it_was_registered_as(self):
        self.assertEqual(scaling.list_tags_for_resource(ResourceARN=self.arn)["Tags"], {"team": "web"})
        found = scaling.describe_scalable_targets(
            ServiceNamespace="ecs", ResourceIds=[self.target["ResourceId"]])["ScalableTargets"]
        self.assertEqual([(one["MinCapacity"], one["MaxCapacity"]) for one in found], [(1, 4)])
        again = scaling.register_scalable_target(MaxCapacity=6, **self.target)["ScalableTargetARN"]
        self.assertEqual(again, self.arn)
        self.refused("ValidationException", scaling.register_scalable_target, MinCapacity=7, **self.target)
        self.refused(
            "ValidationException", scaling.register_scalable_target, MinCapacity=1, MaxCapacity=2,
            **{**self.target, "ResourceId": f"service/{self.name}/nobody"})

    def test_limits_act_at_once_and_are_told(self):
        scaling.register_scalable_target(MinCapacity=3, MaxCapacity=3, **self.target)
        self.assertEqual(self.desired(), 3)
        self.eventually("it is told", lambda: self.activities()[0]["StatusCode"] == "Successful")
        self.assertEqual(self.activities()[0]["Cause"], "minimum capacity was set to 3")

    def test_a_step_policy_acts_on_its_alarm(self):
        policy = scaling.put_scaling_policy(
            PolicyName="up", PolicyType="StepScaling", **self.target,
            StepScalingPolicyConfiguration={
                "AdjustmentType": "ChangeInCapacity", "Cooldown": 60, "MetricAggregationType": "Average",
                "StepAdjustments": [{"MetricIntervalLowerBound": 0.0, "ScalingAdjustment": 1}]})
        cloudwatch.put_metric_alarm(
            AlarmName=self.name, Namespace="Suite", MetricName="Backlog", Statistic="Average", Period=60,
            EvaluationPeriods=1, Threshold=10, ComparisonOperator="GreaterThanThreshold",
            AlarmActions=[policy["PolicyARN"]])
        cloudwatch.set_alarm_state(AlarmName=self.name, StateValue="ALARM", StateReason="by hand")
        self.assertEqual(self.desired(), 3)
        found = scaling.describe_scaling_policies(ServiceNamespace="ecs", ResourceId=self.target["ResourceId"])
        self.assertEqual(found["ScalingPolicies"][0]["Alarms"][0]["AlarmName"], self.name)
        # A deployment that names no desired count leaves it.
        update = ecs.update_service(cluster=self.name, service="web", forceNewDeployment=True)["service"]
        self.assertEqual(update["desiredCount"], 3)
        cloudwatch.delete_alarms(AlarmNames=[self.name])
        scaling.delete_scaling_policy(PolicyName="up", **self.target)
        self.refused("ObjectNotFoundException", scaling.delete_scaling_policy, PolicyName="up", **self.target)

    def test_a_tracking_policy_acts_on_its_metric(self):
        put = scaling.put_scaling_policy(
            PolicyName="backlog", PolicyType="TargetTrackingScaling", **self.target,
            TargetTrackingScalingPolicyConfiguration={
                "TargetValue": 10.0, "ScaleOutCooldown": 60, "ScaleInCooldown": 60,
                "CustomizedMetricSpecification": {
                    "Namespace": "Suite", "MetricName": "Backlog", "Statistic": "Average",
                    "Dimensions": [{"Name": "Suite", "Value": self.name}]}})
        names = [alarm["AlarmName"] for alarm in put["Alarms"]]
        self.assertEqual(len(cloudwatch.describe_alarms(AlarmNames=names)["MetricAlarms"]), 2)

        def measured_and_scaled():
            cloudwatch.put_metric_data(Namespace="Suite", MetricData=[{
                "MetricName": "Backlog", "Value": 20.0, "Dimensions": [{"Name": "Suite", "Value": self.name}]}])
            return self.desired() == 4
        self.eventually("twice the target, twice the tasks", measured_and_scaled)
        self.assertIn("triggered policy backlog", self.activities()[0]["Cause"])
        scaling.delete_scaling_policy(PolicyName="backlog", **self.target)
        self.assertEqual(cloudwatch.describe_alarms(AlarmNames=names)["MetricAlarms"], [])

    def test_schedules_are_kept_changed_and_deleted(self):
        scaling.put_scheduled_action(
            ScheduledActionName="night", Schedule="cron(0 22 * * ? *)", Timezone="UTC",
            ScalableTargetAction={"MinCapacity": 1, "MaxCapacity": 1}, **self.target)
        scaling.put_scheduled_action(
            ScheduledActionName="night", ScalableTargetAction={"MaxCapacity": 2}, **self.target)
        found = scaling.describe_scheduled_actions(
            ServiceNamespace="ecs", ScheduledActionNames=["night"], ResourceId=self.target["ResourceId"])
        night = found["ScheduledActions"][0]
        self.assertEqual((night["Schedule"], night["ScalableTargetAction"]), ("cron(0 22 * * ? *)", {"MaxCapacity": 2}))
        scaling.delete_scheduled_action(ScheduledActionName="night", **self.target)
        self.refused("ObjectNotFoundException", scaling.delete_scheduled_action, ScheduledActionName="night", **self.target)


if __name__ == "__main__":
    unittest.main()
