//! EC2's networks as records.

mod groups;
mod networks;
mod routes;

use serde_json::{Value, json};

use crate::cloud::{Cloud, text};

fn cloud() -> Cloud {
    Cloud::of("ec2")
}

/// A VPC of `10.0.0.0/16`.
fn vpc(cloud: &mut Cloud) -> String {
    text(&cloud.call("CreateVpc", json!({"CidrBlock": "10.0.0.0/16"}))["Vpc"]["VpcId"])
}

fn subnet(cloud: &mut Cloud, vpc: &str, block: &str) -> String {
    text(&cloud.call("CreateSubnet", json!({"VpcId": vpc, "CidrBlock": block}))["Subnet"]["SubnetId"])
}

fn group(cloud: &mut Cloud, vpc: &str, name: &str) -> String {
    let input = json!({"VpcId": vpc, "GroupName": name, "Description": name});
    text(&cloud.call("CreateSecurityGroup", input)["GroupId"])
}

/// The main route table of a VPC.
fn main_table(cloud: &mut Cloud, vpc: &str) -> Value {
    let filters = json!([
        {"Name": "vpc-id", "Values": [vpc]}, {"Name": "association.main", "Values": ["true"]},
    ]);
    cloud.call("DescribeRouteTables", json!({"Filters": filters}))["RouteTables"][0].clone()
}
