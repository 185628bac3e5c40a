//! The kinds of resources, and what all of them have in common.
//!
//! The stored rows are AWS's own documents. What follows from other rows (tags, the permissions of a group, the subnets
//! of a network ACL, whether a route leads anywhere) is not stored, but completed whenever a document is shown. Start at
//! [`Resource`].

use serde::{Serialize, de::DeserializeOwned};
use tidegate_models::ec2::{
    Address, InternetGateway, NatGateway, NetworkAcl, ResourceType, RouteTable, SecurityGroup,
    SecurityGroupRule, Subnet, Tag, Vpc,
};

use super::{super::SERVICE, addresses, route_tables, security_groups, vpcs};
use crate::{ApiError, Context, State, Table};

/// A kind of resource: how AWS names it, and by what it can be filtered.
#[derive(Debug)]
pub(super) struct Kind {
    /// Its name in ARNs and tags.
    pub resource_type: ResourceType,
    /// What its ids begin with.
    pub prefix: &'static str,
    /// The error for an id that does not exist.
    pub not_found: &'static str,
    /// What stands before the id in that error's text.
    pub words: &'static str,
    /// The names of its filters, each with the path of the members that it looks at; lists on the way fan out.
    pub filters: &'static [(&'static str, &'static str)],
}

impl Kind {
    /// The ARN of the resource with this id.
    pub(super) fn arn(&self, context: &Context, id: &str) -> String {
        context.scope.arn(SERVICE, format_args!("{}/{id}", self.resource_type))
    }

    /// The error for an id that does not exist.
    pub(super) fn missing(&self, id: &str) -> ApiError {
        ApiError::new(self.not_found, format!("The {} '{id}' does not exist", self.words))
    }
}

/// A document that is stored in a table of its own.
pub(super) trait Resource: Clone + Serialize + DeserializeOwned + Sized + 'static {
    /// Its kind.
    const KIND: Kind;
    /// Its table.
    fn table(state: &State) -> &Table<Self>;
    /// Its table, to be changed.
    fn table_mut(state: &mut State) -> &mut Table<Self>;
    /// Its id.
    fn id(&self) -> &str;
    /// Puts its tags into it.
    fn set_tags(&mut self, tags: Vec<Tag>);
    /// Fills in what follows from other rows, but for tags.
    fn complete(&mut self, state: &State, context: &Context);
}

/// The kinds, one a line: document, table, the member that is its id, kind, and perhaps what completes it.
macro_rules! resources {
    ($($document:ident in $table:ident by $id:ident, $kind:expr $(, completed by $complete:path)?;)*) => {
        $(impl Resource for $document {
            const KIND: Kind = $kind;
            fn table(state: &State) -> &Table<Self> {
                &state.$table
            }
            fn table_mut(state: &mut State) -> &mut Table<Self> {
                &mut state.$table
            }
            fn id(&self) -> &str {
                self.$id.as_deref().unwrap_or_default()
            }
            fn set_tags(&mut self, tags: Vec<Tag>) {
                self.tags = Some(tags);
            }
            fn complete(&mut self, _state: &State, _context: &Context) {
                $($complete(self, _state, _context);)?
            }
        })*

        /// The ARN of what has this id, of whatever kind.
        pub(super) fn arn_of(state: &State, context: &Context, id: &str) -> Result<String, ApiError> {
            let prefix = id.rsplit_once('-').map_or("", |(prefix, _)| prefix);
            $(if prefix == $document::KIND.prefix {
                let arn = $document::KIND.arn(context, id);
                return if $document::table(state).contains(&arn) { Ok(arn) } else { Err($document::KIND.missing(id)) };
            })*
            Err(ApiError::new("InvalidID", format!("The ID '{id}' is not valid")))
        }

        /// The kind of what has this type in ARNs.
        pub(super) fn type_named(name: &str) -> Option<ResourceType> {
            [$($document::KIND.resource_type),*].into_iter().find(|known| known.as_str() == name)
        }
    };
}

resources! {
    Vpc in vpcs by vpc_id, Kind {
        resource_type: ResourceType::Vpc, prefix: "vpc", not_found: "InvalidVpcID.NotFound", words: "vpc ID",
        filters: &[
            ("vpc-id", "VpcId"), ("cidr", "CidrBlock"), ("state", "State"), ("owner-id", "OwnerId"),
            ("is-default", "IsDefault"), ("isDefault", "IsDefault"), ("dhcp-options-id", "DhcpOptionsId"),
            ("cidr-block-association.cidr-block", "CidrBlockAssociationSet.CidrBlock"),
            ("cidr-block-association.association-id", "CidrBlockAssociationSet.AssociationId"),
            ("cidr-block-association.state", "CidrBlockAssociationSet.CidrBlockState.State"),
            ("ipv6-cidr-block-association.ipv6-cidr-block", "Ipv6CidrBlockAssociationSet.Ipv6CidrBlock"),
        ],
    };
    Subnet in subnets by subnet_id, Kind {
        resource_type: ResourceType::Subnet, prefix: "subnet", not_found: "InvalidSubnetID.NotFound",
        words: "subnet ID",
        filters: &[
            ("subnet-id", "SubnetId"), ("vpc-id", "VpcId"), ("state", "State"), ("owner-id", "OwnerId"),
            ("availability-zone", "AvailabilityZone"), ("availabilityZone", "AvailabilityZone"),
            ("availability-zone-id", "AvailabilityZoneId"), ("availabilityZoneId", "AvailabilityZoneId"),
            ("available-ip-address-count", "AvailableIpAddressCount"), ("cidr-block", "CidrBlock"),
            ("cidr", "CidrBlock"), ("cidrBlock", "CidrBlock"), ("default-for-az", "DefaultForAz"),
            ("defaultForAz", "DefaultForAz"), ("subnet-arn", "SubnetArn"), ("ipv6-native", "Ipv6Native"),
            ("map-public-ip-on-launch", "MapPublicIpOnLaunch"),
        ],
    };
    SecurityGroup in security_groups by group_id, Kind {
        resource_type: ResourceType::SecurityGroup, prefix: "sg", not_found: "InvalidGroup.NotFound",
        words: "security group",
        filters: &[
            ("group-id", "GroupId"), ("group-name", "GroupName"), ("vpc-id", "VpcId"), ("owner-id", "OwnerId"),
            ("description", "Description"), ("ip-permission.cidr", "IpPermissions.IpRanges.CidrIp"),
            ("ip-permission.from-port", "IpPermissions.FromPort"),
            ("ip-permission.to-port", "IpPermissions.ToPort"),
            ("ip-permission.protocol", "IpPermissions.IpProtocol"),
            ("ip-permission.group-id", "IpPermissions.UserIdGroupPairs.GroupId"),
            ("egress.ip-permission.cidr", "IpPermissionsEgress.IpRanges.CidrIp"),
            ("egress.ip-permission.from-port", "IpPermissionsEgress.FromPort"),
            ("egress.ip-permission.to-port", "IpPermissionsEgress.ToPort"),
            ("egress.ip-permission.protocol", "IpPermissionsEgress.IpProtocol"),
            ("egress.ip-permission.group-id", "IpPermissionsEgress.UserIdGroupPairs.GroupId"),
        ],
    }, completed by security_groups::complete;
    SecurityGroupRule in security_group_rules by security_group_rule_id, Kind {
        resource_type: ResourceType::SecurityGroupRule, prefix: "sgr",
        not_found: "InvalidSecurityGroupRuleId.NotFound", words: "security group rule ID",
        filters: &[("group-id", "GroupId"), ("security-group-rule-id", "SecurityGroupRuleId")],
    };
    InternetGateway in internet_gateways by internet_gateway_id, Kind {
        resource_type: ResourceType::InternetGateway, prefix: "igw",
        not_found: "InvalidInternetGatewayID.NotFound", words: "internetGateway ID",
        filters: &[
            ("internet-gateway-id", "InternetGatewayId"), ("owner-id", "OwnerId"),
            ("attachment.vpc-id", "Attachments.VpcId"), ("attachment.state", "Attachments.State"),
        ],
    };
    RouteTable in route_tables by route_table_id, Kind {
        resource_type: ResourceType::RouteTable, prefix: "rtb", not_found: "InvalidRouteTableID.NotFound",
        words: "routeTable ID",
        filters: &[
            ("route-table-id", "RouteTableId"), ("vpc-id", "VpcId"), ("owner-id", "OwnerId"),
            ("association.main", "Associations.Main"), ("association.subnet-id", "Associations.SubnetId"),
            ("association.gateway-id", "Associations.GatewayId"),
            ("association.route-table-id", "Associations.RouteTableId"),
            ("association.route-table-association-id", "Associations.RouteTableAssociationId"),
            ("route.destination-cidr-block", "Routes.DestinationCidrBlock"),
            ("route.gateway-id", "Routes.GatewayId"), ("route.nat-gateway-id", "Routes.NatGatewayId"),
            ("route.origin", "Routes.Origin"), ("route.state", "Routes.State"),
        ],
    }, completed by route_tables::complete;
    NetworkAcl in network_acls by network_acl_id, Kind {
        resource_type: ResourceType::NetworkAcl, prefix: "acl", not_found: "InvalidNetworkAclID.NotFound",
        words: "networkAcl ID",
        filters: &[
            ("network-acl-id", "NetworkAclId"), ("vpc-id", "VpcId"), ("owner-id", "OwnerId"),
            ("default", "IsDefault"), ("association.subnet-id", "Associations.SubnetId"),
            ("association.network-acl-id", "Associations.NetworkAclId"),
            ("association.association-id", "Associations.NetworkAclAssociationId"),
        ],
    }, completed by vpcs::complete_network_acl;
    NatGateway in nat_gateways by nat_gateway_id, Kind {
        resource_type: ResourceType::Natgateway, prefix: "nat", not_found: "NatGatewayNotFound",
        words: "Nat Gateway",
        filters: &[
            ("nat-gateway-id", "NatGatewayId"), ("vpc-id", "VpcId"), ("subnet-id", "SubnetId"),
            ("state", "State"),
        ],
    };
    Address in elastic_ips by allocation_id, Kind {
        resource_type: ResourceType::ElasticIp, prefix: "eipalloc", not_found: "InvalidAllocationID.NotFound",
        words: "allocation ID",
        filters: &[
            ("allocation-id", "AllocationId"), ("public-ip", "PublicIp"), ("domain", "Domain"),
            ("association-id", "AssociationId"), ("network-interface-id", "NetworkInterfaceId"),
            ("private-ip-address", "PrivateIpAddress"), ("network-border-group", "NetworkBorderGroup"),
        ],
    }, completed by addresses::complete;
}
