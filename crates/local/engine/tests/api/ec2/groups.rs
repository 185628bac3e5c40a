//! Security groups and their rules.

use serde_json::{Value, json};

use super::{cloud, group, vpc};
use crate::cloud::{Cloud, text};

fn tcp(port: u16, source: Value) -> Value {
    let mut permission = json!({"IpProtocol": "tcp", "FromPort": port, "ToPort": port});
    permission.as_object_mut().unwrap().extend(source.as_object().unwrap().clone());
    json!([permission])
}

fn everywhere() -> Value {
    json!({"IpRanges": [{"CidrIp": "0.0.0.0/0", "Description": "all"}]})
}

fn shown(cloud: &mut Cloud, group: &str) -> Value {
    cloud.call("DescribeSecurityGroups", json!({"GroupIds": [group]}))["SecurityGroups"][0].clone()
}

#[test]
fn a_new_group_lets_everything_out_and_nothing_in() {
    let mut cloud = cloud();
    let vpc = vpc(&mut cloud);
    let group = group(&mut cloud, &vpc, "web");
    let shown = shown(&mut cloud, &group);
    assert_eq!(shown["IpPermissions"], json!([]));
    assert_eq!(shown["IpPermissionsEgress"][0]["IpProtocol"], "-1");
    assert_eq!(shown["IpPermissionsEgress"][0]["IpRanges"][0]["CidrIp"], "0.0.0.0/0");
    let again = json!({"VpcId": vpc, "GroupName": "web", "Description": "x"});
    assert_eq!(
        cloud.try_call("CreateSecurityGroup", again).unwrap_err(),
        format!("InvalidGroup.Duplicate: The security group 'web' already exists for VPC '{vpc}'")
    );
}

#[test]
fn a_rule_is_authorized_once_and_revoked_once() {
    let mut cloud = cloud();
    let vpc = vpc(&mut cloud);
    let group = group(&mut cloud, &vpc, "web");
    let input = json!({"GroupId": group, "IpPermissions": tcp(80, everywhere())});
    let made = cloud.call("AuthorizeSecurityGroupIngress", input.clone());
    assert_eq!(made["SecurityGroupRules"][0]["CidrIpv4"], "0.0.0.0/0");
    assert_eq!(made["SecurityGroupRules"][0]["Description"], "all");
    assert_eq!(
        cloud.try_call("AuthorizeSecurityGroupIngress", input.clone()).unwrap_err(),
        "InvalidPermission.Duplicate: the specified rule \"peer: 0.0.0.0/0, TCP, from port: 80, to port: 80, ALLOW\" \
         already exists"
    );
    assert_eq!(shown(&mut cloud, &group)["IpPermissions"][0]["FromPort"], 80);
    cloud.call("RevokeSecurityGroupIngress", input.clone());
    assert_eq!(shown(&mut cloud, &group)["IpPermissions"], json!([]));
    assert_eq!(
        cloud.try_call("RevokeSecurityGroupIngress", input).unwrap_err(),
        "InvalidPermission.NotFound: The specified rule does not exist in this security group."
    );
}

#[test]
fn rules_of_one_range_of_ports_are_one_permission() {
    let mut cloud = cloud();
    let vpc = vpc(&mut cloud);
    let (web, tasks) = (group(&mut cloud, &vpc, "web"), group(&mut cloud, &vpc, "tasks"));
    let sources = json!({
        "IpRanges": [{"CidrIp": "10.0.0.1/8"}, {"CidrIp": "192.168.0.0/16"}],
        "Ipv6Ranges": [{"CidrIpv6": "::/0"}],
        "UserIdGroupPairs": [{"GroupId": web}],
    });
    let made = cloud.call(
        "AuthorizeSecurityGroupIngress",
        json!({"GroupId": tasks, "IpPermissions": tcp(8080, sources)}),
    );
    assert_eq!(made["SecurityGroupRules"].as_array().unwrap().len(), 4);
    let shown = shown(&mut cloud, &tasks);
    assert_eq!(shown["IpPermissions"].as_array().unwrap().len(), 1);
    let ranges = shown["IpPermissions"][0]["IpRanges"].as_array().unwrap();
    let mut blocks: Vec<_> = ranges.iter().map(|range| text(&range["CidrIp"])).collect();
    blocks.sort();
    assert_eq!(blocks, ["10.0.0.0/8", "192.168.0.0/16"]);
    // A group that a rule names stays.
    let refused = cloud.try_call("DeleteSecurityGroup", json!({"GroupId": web})).unwrap_err();
    assert_eq!(refused, format!("DependencyViolation: resource {web} has a dependent object"));
    cloud.call("DeleteSecurityGroup", json!({"GroupId": tasks}));
    cloud.call("DeleteSecurityGroup", json!({"GroupId": web}));
}

#[test]
fn rules_are_found_changed_and_revoked_by_their_ids() {
    let mut cloud = cloud();
    let vpc = vpc(&mut cloud);
    let group = group(&mut cloud, &vpc, "web");
    let input = json!({"GroupId": group, "IpPermissions": tcp(80, everywhere())});
    let made = cloud.call("AuthorizeSecurityGroupIngress", input);
    let id = text(&made["SecurityGroupRules"][0]["SecurityGroupRuleId"]);
    let change = json!({
        "SecurityGroupRuleId": id,
        "SecurityGroupRule": {"IpProtocol": "tcp", "FromPort": 81, "ToPort": 81, "CidrIpv4": "10.0.0.0/8"},
    });
    cloud.call("ModifySecurityGroupRules", json!({"GroupId": group, "SecurityGroupRules": [change]}));
    let anew = json!([{"SecurityGroupRuleId": id, "Description": "inside"}]);
    cloud.call(
        "UpdateSecurityGroupRuleDescriptionsIngress",
        json!({"GroupId": group, "SecurityGroupRuleDescriptions": anew}),
    );
    let rule = cloud.call("DescribeSecurityGroupRules", json!({"SecurityGroupRuleIds": [id]}));
    let rule = &rule["SecurityGroupRules"][0];
    assert_eq!((&rule["FromPort"], &rule["CidrIpv4"]), (&json!(81), &json!("10.0.0.0/8")));
    assert_eq!(rule["Description"], "inside");
    cloud.call("RevokeSecurityGroupIngress", json!({"GroupId": group, "SecurityGroupRuleIds": [id]}));
    let refused = cloud.try_call("DescribeSecurityGroupRules", json!({"SecurityGroupRuleIds": [id]}));
    assert!(refused.unwrap_err().starts_with("InvalidSecurityGroupRuleId.NotFound"));
}

#[test]
fn permissions_that_say_too_little_are_refused() {
    let mut cloud = cloud();
    let vpc = vpc(&mut cloud);
    let group = group(&mut cloud, &vpc, "web");
    for (permission, code) in [
        (json!({"IpProtocol": "tcp", "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}), "InvalidParameterValue"),
        (
            json!({"IpProtocol": "tcp", "FromPort": 9, "ToPort": 8, "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}),
            "InvalidParameterValue",
        ),
        (json!({"IpProtocol": "-1", "IpRanges": [{"CidrIp": "everywhere"}]}), "InvalidParameterValue"),
        (json!({"IpProtocol": "-1"}), "MissingParameter"),
        (json!({"IpRanges": [{"CidrIp": "0.0.0.0/0"}]}), "MissingParameter"),
        (
            json!({"IpProtocol": "smoke", "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}),
            "InvalidPermission.Malformed",
        ),
        (json!({"IpProtocol": "-1", "UserIdGroupPairs": [{"GroupId": "sg-0"}]}), "InvalidGroup.NotFound"),
    ] {
        let input = json!({"GroupId": group, "IpPermissions": [permission]});
        let refused = cloud.try_call("AuthorizeSecurityGroupIngress", input).unwrap_err();
        assert!(refused.starts_with(code), "{refused}");
    }
}

#[test]
fn the_default_group_stays() {
    let mut cloud = cloud();
    vpc(&mut cloud);
    let id = text(&cloud.call("DescribeSecurityGroups", json!({}))["SecurityGroups"][0]["GroupId"]);
    let refused = cloud.try_call("DeleteSecurityGroup", json!({"GroupId": id})).unwrap_err();
    assert!(refused.starts_with("CannotDelete"), "{refused}");
}
