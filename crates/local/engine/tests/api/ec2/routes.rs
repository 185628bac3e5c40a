//! Gateways, route tables, routes, addresses.

use serde_json::json;

use super::{cloud, main_table, subnet, vpc};
use crate::cloud::{Cloud, text};

fn gateway(cloud: &mut Cloud, vpc: &str) -> String {
    let made = cloud.call("CreateInternetGateway", json!({}));
    let id = text(&made["InternetGateway"]["InternetGatewayId"]);
    cloud.call("AttachInternetGateway", json!({"VpcId": vpc, "InternetGatewayId": id}));
    id
}

fn table(cloud: &mut Cloud, vpc: &str) -> String {
    text(&cloud.call("CreateRouteTable", json!({"VpcId": vpc}))["RouteTable"]["RouteTableId"])
}

#[test]
fn a_gateway_is_attached_to_one_network() {
    let mut cloud = cloud();
    let vpc = vpc(&mut cloud);
    let id = gateway(&mut cloud, &vpc);
    let shown = cloud.call("DescribeInternetGateways", json!({"InternetGatewayIds": [id]}));
    assert_eq!(shown["InternetGateways"][0]["Attachments"], json!([{"State": "available", "VpcId": vpc}]));
    let refused = cloud.try_call("AttachInternetGateway", json!({"VpcId": vpc, "InternetGatewayId": id}));
    assert_eq!(
        refused.unwrap_err(),
        format!("Resource.AlreadyAssociated: resource {id} is already attached to network {vpc}")
    );
    let refused = cloud.try_call("DeleteInternetGateway", json!({"InternetGatewayId": id})).unwrap_err();
    assert!(refused.starts_with("DependencyViolation"), "{refused}");
    cloud.call("DetachInternetGateway", json!({"VpcId": vpc, "InternetGatewayId": id}));
    let refused = cloud.try_call("DetachInternetGateway", json!({"VpcId": vpc, "InternetGatewayId": id}));
    assert_eq!(
        refused.unwrap_err(),
        format!("Gateway.NotAttached: resource {id} is not attached to network {vpc}")
    );
    cloud.call("DeleteInternetGateway", json!({"InternetGatewayId": id}));
}

#[test]
fn a_route_leads_to_a_gateway_and_into_nothing_when_that_is_gone() {
    let mut cloud = cloud();
    let vpc = vpc(&mut cloud);
    let (gateway, table) = (gateway(&mut cloud, &vpc), table(&mut cloud, &vpc));
    let route = json!({"RouteTableId": table, "DestinationCidrBlock": "0.0.0.0/0", "GatewayId": gateway});
    cloud.call("CreateRoute", route.clone());
    assert_eq!(
        cloud.try_call("CreateRoute", route).unwrap_err(),
        "RouteAlreadyExists: The route identified by 0.0.0.0/0 already exists."
    );
    let state = |cloud: &mut Cloud| {
        let shown = cloud.call("DescribeRouteTables", json!({"RouteTableIds": [table]}));
        text(&shown["RouteTables"][0]["Routes"][1]["State"])
    };
    assert_eq!(state(&mut cloud), "active");
    cloud.call("DetachInternetGateway", json!({"VpcId": vpc, "InternetGatewayId": gateway}));
    assert_eq!(state(&mut cloud), "blackhole");
    let gone = json!({"RouteTableId": table, "DestinationCidrBlock": "0.0.0.0/0"});
    cloud.call("DeleteRoute", gone.clone());
    assert_eq!(
        cloud.try_call("DeleteRoute", gone).unwrap_err(),
        format!(
            "InvalidRoute.NotFound: no route with destination-cidr-block 0.0.0.0/0 in route table {table}"
        )
    );
    let other = json!({"RouteTableId": table, "DestinationCidrBlock": "0.0.0.0/0", "InstanceId": "i-1"});
    assert!(cloud.try_call("CreateRoute", other).unwrap_err().starts_with("UnsupportedOperation"));
}

#[test]
fn a_subnet_goes_by_one_table_and_the_main_association_can_only_move() {
    let mut cloud = cloud();
    let vpc = vpc(&mut cloud);
    let (first, second) = (table(&mut cloud, &vpc), table(&mut cloud, &vpc));
    let subnet = subnet(&mut cloud, &vpc, "10.0.0.0/24");
    let made = cloud.call("AssociateRouteTable", json!({"RouteTableId": first, "SubnetId": subnet}));
    let refused = cloud.try_call("AssociateRouteTable", json!({"RouteTableId": second, "SubnetId": subnet}));
    assert!(refused.unwrap_err().starts_with("Resource.AlreadyAssociated"));
    let refused = cloud.try_call("DeleteRouteTable", json!({"RouteTableId": first})).unwrap_err();
    assert!(refused.starts_with("DependencyViolation"), "{refused}");
    let moved = cloud.call(
        "ReplaceRouteTableAssociation",
        json!({"AssociationId": made["AssociationId"], "RouteTableId": second}),
    );
    assert_ne!(moved["NewAssociationId"], made["AssociationId"]);
    cloud.call("DeleteRouteTable", json!({"RouteTableId": first}));

    let main = main_table(&mut cloud, &vpc);
    let association = &main["Associations"][0]["RouteTableAssociationId"];
    let refused =
        cloud.try_call("DisassociateRouteTable", json!({"AssociationId": association})).unwrap_err();
    assert!(refused.starts_with("InvalidParameterValue: cannot disassociate the main"), "{refused}");
    cloud.call("ReplaceRouteTableAssociation", json!({"AssociationId": association, "RouteTableId": second}));
    assert_eq!(main_table(&mut cloud, &vpc)["RouteTableId"], second.as_str());
    // A subnet that goes leaves no association.
    cloud.call("DeleteSubnet", json!({"SubnetId": subnet}));
    assert_eq!(main_table(&mut cloud, &vpc)["Associations"].as_array().unwrap().len(), 1);
}

#[test]
fn a_nat_gateway_holds_its_address_and_its_subnet() {
    let mut cloud = cloud();
    let vpc = vpc(&mut cloud);
    let subnet = subnet(&mut cloud, &vpc, "10.0.0.0/24");
    let address = cloud.call("AllocateAddress", json!({"Domain": "vpc"}));
    let id = text(&address["AllocationId"]);
    let made = cloud.call("CreateNatGateway", json!({"SubnetId": subnet, "AllocationId": id}));
    let nat = &made["NatGateway"]["NatGatewayId"];
    assert_eq!(made["NatGateway"]["NatGatewayAddresses"][0]["PublicIp"], address["PublicIp"]);
    let shown = cloud.call("DescribeAddresses", json!({"AllocationIds": [id]}));
    assert!(text(&shown["Addresses"][0]["AssociationId"]).starts_with("eipassoc-"));
    let association = text(&shown["Addresses"][0]["AssociationId"]);
    for (operation, input, code) in [
        ("DisassociateAddress", json!({"AssociationId": association}), "AuthFailure"),
        ("DisassociateAddress", json!({"AssociationId": "eipassoc-0"}), "InvalidAssociationID.NotFound"),
        ("ReleaseAddress", json!({"AllocationId": id}), "InvalidIPAddress.InUse"),
        ("DeleteSubnet", json!({"SubnetId": subnet}), "DependencyViolation"),
        ("CreateNatGateway", json!({"SubnetId": subnet, "AllocationId": id}), "Resource.AlreadyAssociated"),
    ] {
        let refused = cloud.try_call(operation, input).unwrap_err();
        assert!(refused.starts_with(code), "{refused}");
    }
    cloud.call("DeleteNatGateway", json!({"NatGatewayId": nat}));
    cloud.call("ReleaseAddress", json!({"AllocationId": id}));
    assert_eq!(cloud.call("DescribeAddresses", json!({}))["Addresses"], json!([]));
}
