//! Security groups. Their rules are rows of their own: see [`super::security_group_rules`].

use tidegate_models::ec2::{
    CreateSecurityGroupRequest, CreateSecurityGroupResult, DeleteSecurityGroupRequest,
    DeleteSecurityGroupResult, DescribeSecurityGroupsRequest, DescribeSecurityGroupsResult, Filter,
    ReferencedSecurityGroup, SecurityGroup, SecurityGroupRule, Vpc,
};

use super::{
    super::SERVICE,
    describe::{self, Asked, new_id},
    errors::{invalid_value, missing},
    permissions,
    resources::Resource,
    security_group_rules, tags, vpcs,
};
use crate::{ApiError, Context, State, engine::Handlers};

pub(super) fn register(handlers: &mut Handlers) {
    handlers.write(SERVICE, "CreateSecurityGroup", create);
    handlers.read(SERVICE, "DescribeSecurityGroups", describe_all);
    handlers.write(SERVICE, "DeleteSecurityGroup", delete);
}

fn create(
    state: &mut State,
    context: &Context,
    input: CreateSecurityGroupRequest,
) -> Result<CreateSecurityGroupResult, ApiError> {
    let vpc = match input.vpc_id.or_else(|| vpcs::default(state, context)) {
        Some(vpc) => describe::find::<Vpc>(state, context, &vpc)?.id().to_owned(),
        None => return Err(ApiError::new("VPCIdNotSpecified", "No default VPC for this user.")),
    };
    check_name(&input.group_name)?;
    check_description(&input.description)?;
    if named(state, &vpc, &input.group_name).is_some() {
        return Err(ApiError::new(
            "InvalidGroup.Duplicate",
            format!("The security group '{}' already exists for VPC '{vpc}'", input.group_name),
        ));
    }
    let tags = tags::given::<SecurityGroup>(input.tag_specifications)?;
    let group = document(state, context, &vpc, input.group_name, input.description);
    let group = describe::add(state, context, group, tags);
    add_egress(state, context, group.id());
    Ok(CreateSecurityGroupResult {
        group_id: group.group_id,
        security_group_arn: group.security_group_arn,
        tags: group.tags,
    })
}

fn describe_all(
    state: &State,
    context: &Context,
    input: DescribeSecurityGroupsRequest,
) -> Result<DescribeSecurityGroupsResult, ApiError> {
    let DescribeSecurityGroupsRequest {
        filters, max_results, next_token, group_ids: ids, group_names, ..
    } = input;
    let mut filters = filters.unwrap_or_default();
    if let Some(names) = group_names {
        for name in &names {
            by_name(state, context, name)?;
        }
        filters.push(Filter { name: Some("group-name".to_owned()), values: Some(names) });
    }
    let asked = Asked { ids, filters: Some(filters), max_results, next_token };
    let (security_groups, next_token) = describe::describe(state, context, asked)?;
    Ok(DescribeSecurityGroupsResult { next_token, security_groups })
}

/// `DeleteSecurityGroup`: not one that a rule of another group or a load balancer names.
fn delete(
    state: &mut State,
    context: &Context,
    input: DeleteSecurityGroupRequest,
) -> Result<DeleteSecurityGroupResult, ApiError> {
    let id = id_of(state, context, input.group_id, input.group_name)?;
    let group = describe::find::<SecurityGroup>(state, context, &id)?;
    if group.group_name.as_deref() == Some("default") {
        return Err(ApiError::new(
            "CannotDelete",
            format!("the specified group: \"{id}\" name: \"default\" cannot be deleted by a user"),
        ));
    }
    let prefix = SecurityGroupRule::KIND.arn(context, "");
    let is_named = state.security_group_rules.with_prefix(&prefix).any(|(_, rule)| {
        rule.group_id.as_ref() != Some(&id) && security_group_rules::referenced(rule) == Some(&id)
    });
    let has_balancer = state
        .load_balancers
        .iter()
        .any(|(_, balancer)| balancer.document.security_groups.iter().flatten().any(|group| *group == id));
    if is_named || has_balancer {
        return Err(ApiError::new("DependencyViolation", format!("resource {id} has a dependent object")));
    }
    remove(state, context, &id);
    Ok(DeleteSecurityGroupResult { group_id: Some(id), r#return: Some(true) })
}

/// Removes a group with its rules.
pub(super) fn remove(state: &mut State, context: &Context, id: &str) {
    let rules: Vec<_> =
        state.security_group_rules.indexed_by(id).map(|(_, rule)| rule.id().to_owned()).collect();
    for rule in rules {
        describe::remove::<SecurityGroupRule>(state, context, &rule);
    }
    describe::remove::<SecurityGroup>(state, context, id);
}

/// The id of the group that a call gives by id or by name; names are those of the default VPC.
pub(super) fn id_of(
    state: &State,
    context: &Context,
    id: Option<String>,
    name: Option<String>,
) -> Result<String, ApiError> {
    match (id, name) {
        (Some(id), _) => Ok(describe::find::<SecurityGroup>(state, context, &id)?.id().to_owned()),
        (None, Some(name)) => by_name(state, context, &name),
        (None, None) => Err(missing("groupName or groupId")),
    }
}

/// Stores the group that a VPC comes with: everything out, and everything in from itself.
pub(super) fn add_default(state: &mut State, context: &Context, vpc: &str) {
    let group = document(state, context, vpc, "default".to_owned(), "default VPC security group".to_owned());
    let group = describe::add(state, context, group, tags::Given::new());
    add_egress(state, context, group.id());
    let itself = ReferencedSecurityGroup {
        group_id: group.group_id.clone(),
        user_id: group.owner_id.clone(),
        ..ReferencedSecurityGroup::default()
    };
    let rule =
        SecurityGroupRule { is_egress: Some(false), referenced_group_info: Some(itself), ..everything() };
    security_group_rules::add(state, context, group.id(), rule, tags::Given::new());
}

/// The permissions that its rules come to.
pub(super) fn complete(group: &mut SecurityGroup, state: &State, _context: &Context) {
    let rules = || state.security_group_rules.indexed_by(group.group_id.as_deref().unwrap_or_default());
    let of = |egress| rules().map(|(_, rule)| rule).filter(move |rule| rule.is_egress == Some(egress));
    let (ingress, egress) = (permissions::of_rules(of(false)), permissions::of_rules(of(true)));
    group.ip_permissions = Some(ingress);
    group.ip_permissions_egress = Some(egress);
}

fn by_name(state: &State, context: &Context, name: &str) -> Result<String, ApiError> {
    let vpc = vpcs::default(state, context);
    vpc.as_deref().and_then(|vpc| named(state, vpc, name)).ok_or_else(|| {
        ApiError::new(
            "InvalidGroup.NotFound",
            format!(
                "The security group '{name}' does not exist in default VPC '{}'",
                vpc.as_deref().unwrap_or("none")
            ),
        )
    })
}

fn named(state: &State, vpc: &str, name: &str) -> Option<String> {
    let mut groups = state.security_groups.indexed_by(vpc);
    groups
        .find(|(_, group)| group.group_name.as_deref() == Some(name))
        .map(|(_, group)| group.id().to_owned())
}

fn add_egress(state: &mut State, context: &Context, group: &str) {
    let rule =
        SecurityGroupRule { is_egress: Some(true), cidr_ipv4: Some("0.0.0.0/0".to_owned()), ..everything() };
    security_group_rules::add(state, context, group, rule, tags::Given::new());
}

fn everything() -> SecurityGroupRule {
    SecurityGroupRule {
        ip_protocol: Some("-1".to_owned()),
        from_port: Some(-1),
        to_port: Some(-1),
        ..SecurityGroupRule::default()
    }
}

fn document(
    state: &mut State,
    context: &Context,
    vpc: &str,
    name: String,
    description: String,
) -> SecurityGroup {
    let id = new_id::<SecurityGroup>(state);
    SecurityGroup {
        security_group_arn: Some(SecurityGroup::KIND.arn(context, &id)),
        group_id: Some(id),
        group_name: Some(name),
        description: Some(description),
        vpc_id: Some(vpc.to_owned()),
        owner_id: Some(context.scope.account.clone()),
        ..SecurityGroup::default()
    }
}

fn check_name(name: &str) -> Result<(), ApiError> {
    if name.is_empty() || name.chars().count() > 255 || !permissions::is_plain_text(name) {
        return Err(invalid_value(format!(
            "Value ({name}) for parameter GroupName is invalid. Character sets beyond ASCII are not supported."
        )));
    }
    if name.starts_with("sg-") {
        return Err(invalid_value(format!("Group names may not be in the format sg-*: {name}")));
    }
    if name == "default" {
        return Err(ApiError::new(
            "InvalidParameterValue",
            "Cannot use reserved security group name: default",
        ));
    }
    Ok(())
}

fn check_description(text: &str) -> Result<(), ApiError> {
    if text.is_empty() || text.chars().count() > 255 || !permissions::is_plain_text(text) {
        return Err(invalid_value(format!(
            "Value ({text}) for parameter GroupDescription is invalid. Character sets beyond ASCII are not supported."
        )));
    }
    Ok(())
}
