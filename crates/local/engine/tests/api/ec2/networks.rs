//! VPCs, subnets, tags, filters, pages.

use serde_json::{Value, json};

use super::{cloud, group, main_table, subnet, vpc};
use crate::cloud::{Cloud, text};

#[test]
fn a_vpc_comes_with_a_route_table_a_group_and_an_acl_which_go_with_it() {
    let mut cloud = cloud();
    let vpc = vpc(&mut cloud);
    let of_vpc = json!({"Filters": [{"Name": "vpc-id", "Values": [vpc]}]});

    let table = main_table(&mut cloud, &vpc);
    assert_eq!(table["Routes"][0]["GatewayId"], "local");
    assert_eq!(table["Routes"][0]["State"], "active");
    let groups = cloud.call("DescribeSecurityGroups", of_vpc.clone());
    assert_eq!(groups["SecurityGroups"][0]["GroupName"], "default");
    let itself = &groups["SecurityGroups"][0]["IpPermissions"][0]["UserIdGroupPairs"][0];
    assert_eq!(itself["GroupId"], groups["SecurityGroups"][0]["GroupId"]);
    let acls = cloud.call("DescribeNetworkAcls", of_vpc.clone());
    assert_eq!(acls["NetworkAcls"][0]["IsDefault"], true);
    assert_eq!(acls["NetworkAcls"][0]["Entries"].as_array().unwrap().len(), 4);

    cloud.call("DeleteVpc", json!({"VpcId": vpc}));
    assert_eq!(cloud.call("DescribeRouteTables", json!({}))["RouteTables"], json!([]));
    assert_eq!(cloud.call("DescribeSecurityGroups", json!({}))["SecurityGroups"], json!([]));
    assert_eq!(cloud.call("DescribeSecurityGroupRules", json!({}))["SecurityGroupRules"], json!([]));
    assert_eq!(cloud.call("DescribeNetworkAcls", json!({}))["NetworkAcls"], json!([]));
    let refused = cloud.try_call("DescribeVpcs", json!({"VpcIds": [vpc]})).unwrap_err();
    assert_eq!(refused, format!("InvalidVpcID.NotFound: The vpc ID '{vpc}' does not exist"));
}

#[test]
fn a_vpc_that_holds_something_cannot_be_deleted() {
    type Holds = fn(&mut Cloud, &str);
    let holds: [Holds; 4] = [
        |cloud, vpc| drop(subnet(cloud, vpc, "10.0.0.0/24")),
        |cloud, vpc| drop(group(cloud, vpc, "web")),
        |cloud, vpc| drop(cloud.call("CreateRouteTable", json!({"VpcId": vpc}))),
        |cloud, vpc| {
            let made = cloud.call("CreateInternetGateway", json!({}));
            let id = &made["InternetGateway"]["InternetGatewayId"];
            cloud.call("AttachInternetGateway", json!({"VpcId": vpc, "InternetGatewayId": id}));
        },
    ];
    for hold in holds {
        let mut cloud = cloud();
        let vpc = vpc(&mut cloud);
        hold(&mut cloud, &vpc);
        let refused = cloud.try_call("DeleteVpc", json!({"VpcId": vpc})).unwrap_err();
        assert_eq!(
            refused,
            format!("DependencyViolation: The vpc '{vpc}' has dependencies and cannot be deleted.")
        );
    }
}

#[test]
fn attributes_of_a_vpc_are_changed_one_at_a_time() {
    let mut cloud = cloud();
    let vpc = vpc(&mut cloud);
    let shown = |cloud: &mut Cloud, attribute: &str| {
        cloud.call("DescribeVpcAttribute", json!({"VpcId": vpc, "Attribute": attribute}))
    };
    assert_eq!(shown(&mut cloud, "enableDnsSupport")["EnableDnsSupport"]["Value"], true);
    assert_eq!(shown(&mut cloud, "enableDnsHostnames")["EnableDnsHostnames"]["Value"], false);
    cloud.call("ModifyVpcAttribute", json!({"VpcId": vpc, "EnableDnsHostnames": {"Value": true}}));
    assert_eq!(shown(&mut cloud, "enableDnsHostnames")["EnableDnsHostnames"]["Value"], true);
    let both = json!({
        "VpcId": vpc, "EnableDnsHostnames": {"Value": true}, "EnableDnsSupport": {"Value": true},
    });
    assert!(
        cloud.try_call("ModifyVpcAttribute", both).unwrap_err().starts_with("InvalidParameterCombination")
    );
}

#[test]
fn blocks_that_do_not_fit_are_refused() {
    let mut cloud = cloud();
    let id = vpc(&mut cloud);
    subnet(&mut cloud, &id, "10.0.0.0/20");
    for (operation, input, error) in [
        (
            "CreateVpc",
            json!({"CidrBlock": "10.0.0.0/8"}),
            "InvalidVpc.Range: The CIDR '10.0.0.0/8' is invalid.",
        ),
        (
            "CreateVpc",
            json!({"CidrBlock": "ten"}),
            "InvalidParameterValue: Value (ten) for parameter cidrBlock is invalid. This is not a valid CIDR block.",
        ),
        (
            "CreateSubnet",
            json!({"VpcId": id, "CidrBlock": "10.1.0.0/24"}),
            "InvalidSubnet.Range: The CIDR '10.1.0.0/24' is invalid.",
        ),
        (
            "CreateSubnet",
            json!({"VpcId": id, "CidrBlock": "10.0.3.0/24"}),
            "InvalidSubnet.Conflict: The CIDR '10.0.3.0/24' conflicts with another subnet",
        ),
    ] {
        assert_eq!(cloud.try_call(operation, input).unwrap_err(), error);
    }
}

#[test]
fn a_subnet_has_a_zone_and_addresses_and_keeps_what_is_modified() {
    let mut cloud = cloud();
    let vpc = vpc(&mut cloud);
    let input = json!({"VpcId": vpc, "CidrBlock": "10.0.7.9/24", "AvailabilityZone": "eu-west-1b"});
    let made = cloud.call("CreateSubnet", input);
    let subnet = &made["Subnet"];
    assert_eq!(subnet["CidrBlock"], "10.0.7.0/24");
    assert_eq!(subnet["AvailabilityZoneId"], "euw1-az2");
    assert_eq!(subnet["AvailableIpAddressCount"], 251);
    assert_eq!(subnet["MapPublicIpOnLaunch"], false);
    cloud.call(
        "ModifySubnetAttribute",
        json!({"SubnetId": subnet["SubnetId"], "MapPublicIpOnLaunch": {"Value": true}}),
    );
    let shown = cloud.call("DescribeSubnets", json!({"SubnetIds": [subnet["SubnetId"]]}));
    assert_eq!(shown["Subnets"][0]["MapPublicIpOnLaunch"], true);
    let other = json!({"VpcId": vpc, "CidrBlock": "10.0.8.0/24", "AvailabilityZone": "us-east-1a"});
    let refused = cloud.try_call("CreateSubnet", other).unwrap_err();
    assert!(refused.starts_with("InvalidParameterValue: Value (us-east-1a) for parameter availabilityZone"));
}

#[test]
fn filters_look_at_members_and_tags_with_stars() {
    let mut cloud = cloud();
    let vpc = vpc(&mut cloud);
    for (at, name) in ["web-a", "web-b", "db-a"].iter().enumerate() {
        let tags = json!([{"ResourceType": "subnet", "Tags": [{"Key": "Name", "Value": name}]}]);
        let block = format!("10.0.{at}.0/24");
        cloud.call("CreateSubnet", json!({"VpcId": vpc, "CidrBlock": block, "TagSpecifications": tags}));
    }
    let mut found = |filters: Value| {
        cloud.call("DescribeSubnets", json!({"Filters": filters}))["Subnets"].as_array().unwrap().len()
    };
    assert_eq!(found(json!([{"Name": "tag:Name", "Values": ["web-*"]}])), 2);
    assert_eq!(found(json!([{"Name": "tag:Name", "Values": ["web-?", "db-a"]}])), 3);
    assert_eq!(
        found(json!([{"Name": "tag-key", "Values": ["Name"]}, {"Name": "cidr", "Values": ["10.0.2.0/24"]}])),
        1
    );
    assert_eq!(found(json!([{"Name": "vpc-id", "Values": ["vpc-other"]}])), 0);
    let refused =
        cloud.try_call("DescribeSubnets", json!({"Filters": [{"Name": "colour", "Values": ["red"]}]}));
    assert_eq!(refused.unwrap_err(), "InvalidParameterValue: The filter 'colour' is invalid");
}

#[test]
fn tags_are_added_described_and_taken_away() {
    let mut cloud = cloud();
    let vpc = vpc(&mut cloud);
    cloud.call(
        "CreateTags",
        json!({"Resources": [vpc], "Tags": [{"Key": "a", "Value": "1"}, {"Key": "b", "Value": "2"}]}),
    );
    let described =
        cloud.call("DescribeTags", json!({"Filters": [{"Name": "resource-id", "Values": [vpc]}]}));
    assert_eq!(
        described["Tags"][0],
        json!({"Key": "a", "ResourceId": vpc, "ResourceType": "vpc", "Value": "1"})
    );
    // A tag goes only with the value that is named, if one is.
    cloud.call(
        "DeleteTags",
        json!({"Resources": [vpc], "Tags": [{"Key": "a", "Value": "other"}, {"Key": "b"}]}),
    );
    let shown = cloud.call("DescribeVpcs", json!({"VpcIds": [vpc]}));
    assert_eq!(shown["Vpcs"][0]["Tags"], json!([{"Key": "a", "Value": "1"}]));
    let refused = cloud.try_call("CreateTags", json!({"Resources": ["vpc-0"], "Tags": [{"Key": "a"}]}));
    assert_eq!(refused.unwrap_err(), "InvalidVpcID.NotFound: The vpc ID 'vpc-0' does not exist");
    let reserved = cloud.try_call("CreateTags", json!({"Resources": [vpc], "Tags": [{"Key": "aws:x"}]}));
    assert!(reserved.unwrap_err().starts_with("InvalidParameterValue: Tag keys starting with 'aws:'"));
}

#[test]
fn pages_cover_everything_once() {
    let mut cloud = cloud();
    for at in 0..5 {
        cloud.call("CreateVpc", json!({"CidrBlock": format!("10.{at}.0.0/16")}));
    }
    let (mut seen, mut token) = (Vec::new(), Value::Null);
    loop {
        let mut input = json!({"MaxResults": 2});
        if !token.is_null() {
            input["NextToken"] = token.clone();
        }
        let page = cloud.call("DescribeVpcs", input);
        seen.extend(page["Vpcs"].as_array().unwrap().iter().map(|vpc| text(&vpc["VpcId"])));
        token = page["NextToken"].clone();
        if token.is_null() {
            break;
        }
    }
    seen.dedup();
    assert_eq!(seen.len(), 5);
}

#[test]
fn a_default_vpc_has_a_subnet_in_each_zone_and_a_way_out() {
    let mut cloud = cloud();
    let made = cloud.call("CreateDefaultVpc", json!({}));
    let vpc = text(&made["Vpc"]["VpcId"]);
    assert_eq!(made["Vpc"]["IsDefault"], true);
    let subnets =
        cloud.call("DescribeSubnets", json!({"Filters": [{"Name": "default-for-az", "Values": ["true"]}]}));
    assert_eq!(subnets["Subnets"].as_array().unwrap().len(), 3);
    let routes = main_table(&mut cloud, &vpc)["Routes"].clone();
    assert_eq!(routes[1]["DestinationCidrBlock"], "0.0.0.0/0");
    assert_eq!(routes[1]["State"], "active");
    let attributes = cloud.call("DescribeAccountAttributes", json!({"AttributeNames": ["default-vpc"]}));
    assert_eq!(attributes["AccountAttributes"][0]["AttributeValues"][0]["AttributeValue"], vpc);
    assert!(
        cloud.try_call("CreateDefaultVpc", json!({})).unwrap_err().starts_with("DefaultVpcAlreadyExists")
    );
}

#[test]
fn a_dry_run_changes_nothing() {
    let mut cloud = cloud();
    let refused =
        cloud.try_call("CreateVpc", json!({"CidrBlock": "10.0.0.0/16", "DryRun": true})).unwrap_err();
    assert_eq!(refused, "DryRunOperation: Request would have succeeded, but DryRun flag is set.");
}

#[test]
fn other_accounts_and_a_restart_see_what_is_theirs() {
    let mut cloud = cloud();
    let vpc = vpc(&mut cloud);
    let before = cloud.call("DescribeVpcs", json!({}));
    cloud.restart();
    assert_eq!(cloud.call("DescribeVpcs", json!({})), before);
    cloud.be_account("210987654321");
    assert_eq!(cloud.call("DescribeVpcs", json!({}))["Vpcs"], json!([]));
    assert!(cloud.try_call("DeleteVpc", json!({"VpcId": vpc})).is_err());
}

#[test]
fn a_load_balancer_stands_where_its_subnets_do() {
    let mut cloud = cloud();
    let vpc = vpc(&mut cloud);
    let zone = |cloud: &mut Cloud, block: &str, zone: &str| {
        let input = json!({"VpcId": vpc, "CidrBlock": block, "AvailabilityZone": zone});
        text(&cloud.call("CreateSubnet", input)["Subnet"]["SubnetId"])
    };
    let subnets =
        [zone(&mut cloud, "10.0.0.0/24", "eu-west-1c"), zone(&mut cloud, "10.0.1.0/24", "eu-west-1a")];
    let same = zone(&mut cloud, "10.0.2.0/24", "eu-west-1a");
    let (made, refused) = cloud.at("elasticloadbalancing", |cloud| {
        let made = cloud.call("CreateLoadBalancer", json!({"Name": "web", "Subnets": subnets}));
        let refused =
            cloud.try_call("CreateLoadBalancer", json!({"Name": "other", "Subnets": [subnets[1], same]}));
        (made, refused.unwrap_err())
    });
    assert_eq!(made["LoadBalancers"][0]["VpcId"], vpc);
    assert_eq!(made["LoadBalancers"][0]["AvailabilityZones"][0]["ZoneName"], "eu-west-1c");
    assert!(refused.ends_with("multiple subnets in the same Availability Zone"), "{refused}");
    let refused = cloud.try_call("DeleteSubnet", json!({"SubnetId": subnets[0]})).unwrap_err();
    assert!(refused.starts_with("DependencyViolation"), "{refused}");
}
