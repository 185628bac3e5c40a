//! A load balancer whose one rule has two weighted target groups.

use crate::{
    api::{elbv2, element},
    cloud::Cloud,
};

/// What was made of it.
pub(crate) struct Front {
    /// Where it listens, `host:port`.
    pub(crate) address: String,
    /// The ARN of the rule.
    pub(crate) rule: String,
    /// The ARNs of the groups: the first has all of the weight.
    pub(crate) groups: [String; 2],
}

impl Front {
    /// Makes it, with target groups of these names.
    pub(crate) fn build(cloud: &Cloud, name: &str, groups: [&str; 2]) -> Self {
        let elb = |operation: &str, parameters: &str| {
            let (status, body) = elbv2(cloud.endpoint(), operation, parameters).unwrap();
            assert_eq!(status, 200, "{operation}: {body}");
            body
        };
        let groups = groups.map(|name| {
            let created = elb(
                "CreateTargetGroup",
                &format!(
                    "Name={name}&Protocol=HTTP&Port=8080&VpcId=vpc-1&TargetType=ip&HealthCheckPath=/health\
                     &HealthCheckIntervalSeconds=5&HealthCheckTimeoutSeconds=2&HealthyThresholdCount=2"
                ),
            );
            let arn = element(&created, "TargetGroupArn");
            let delay =
                "Attributes.member.1.Key=deregistration_delay.timeout_seconds&Attributes.member.1.Value=5";
            elb("ModifyTargetGroupAttributes", &format!("TargetGroupArn={arn}&{delay}"));
            arn
        });
        let subnets = "Subnets.member.1=subnet-1&Subnets.member.2=subnet-2";
        let balancer = elb("CreateLoadBalancer", &format!("Name={name}&{subnets}"));
        let weighted = "DefaultActions.member.1.ForwardConfig.TargetGroups.member";
        let listener = elb(
            "CreateListener",
            &format!(
                "LoadBalancerArn={}&Protocol=HTTP&Port=8080&DefaultActions.member.1.Type=forward\
                 &{weighted}.1.TargetGroupArn={}&{weighted}.1.Weight=1\
                 &{weighted}.2.TargetGroupArn={}&{weighted}.2.Weight=0",
                element(&balancer, "LoadBalancerArn"),
                groups[0],
                groups[1],
            ),
        );
        let rules = elb("DescribeRules", &format!("ListenerArn={}", element(&listener, "ListenerArn")));
        Self {
            address: format!("{}:8080", element(&balancer, "DNSName")),
            rule: element(&rules, "RuleArn"),
            groups,
        }
    }
}
