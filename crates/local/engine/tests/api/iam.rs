//! IAM: roles and their policies, managed policies, instance profiles, identity providers, and every refusal.

use serde_json::{Value, json};

use crate::cloud::{Cloud, text};

const TRUST: &str = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"ecs-tasks.amazonaws.com"},"Action":"sts:AssumeRole"}]}"#;
const READ: &str =
    r#"{"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "s3:Get*", "Resource": "*"}}"#;
const EXECUTION: &str = "arn:aws:iam::aws:policy/service-role/AmazonECSTaskExecutionRolePolicy";

fn cloud() -> Cloud {
    Cloud::of("iam")
}

fn with_role() -> Cloud {
    let mut cloud = cloud();
    cloud.call("CreateRole", json!({"RoleName": "web", "AssumeRolePolicyDocument": TRUST}));
    cloud
}

fn policy(cloud: &mut Cloud, name: &str) -> String {
    let reply = cloud.call("CreatePolicy", json!({"PolicyName": name, "PolicyDocument": READ}));
    text(&reply["Policy"]["Arn"])
}

fn names(list: &Value, member: &str) -> Vec<String> {
    list.as_array().unwrap().iter().map(|entry| text(&entry[member])).collect()
}

#[test]
fn a_role_is_created_described_changed_and_deleted() {
    let mut cloud = cloud();
    let input = json!({
        "RoleName": "web", "Path": "/apps/", "AssumeRolePolicyDocument": TRUST, "Description": "d",
        "Tags": [{"Key": "team", "Value": "shop"}],
    });
    let role = cloud.call("CreateRole", input)["Role"].clone();
    assert_eq!(role["Arn"], "arn:aws:iam::123456789012:role/apps/web", "global: no region");
    assert!(text(&role["RoleId"]).starts_with("AROA") && text(&role["RoleId"]).len() == 21);
    let got = cloud.call("GetRole", json!({"RoleName": "web"}))["Role"].clone();
    assert!(text(&got["AssumeRolePolicyDocument"]).starts_with("%7B%22Version%22%3A%222012-10-17%22"));
    assert_eq!((&got["MaxSessionDuration"], &got["RoleLastUsed"]), (&json!(3600), &json!({})));
    assert_eq!(got["Tags"], json!([{"Key": "team", "Value": "shop"}]));
    cloud.call("UpdateRole", json!({"RoleName": "web", "MaxSessionDuration": 7200}));
    cloud.call("UpdateRoleDescription", json!({"RoleName": "web", "Description": "e"}));
    let other = TRUST.replace("ecs-tasks", "ecs");
    cloud.call("UpdateAssumeRolePolicy", json!({"RoleName": "web", "PolicyDocument": other}));
    let got = cloud.call("GetRole", json!({"RoleName": "WEB"}))["Role"].clone();
    assert_eq!((&got["MaxSessionDuration"], &got["Description"]), (&json!(7200), &json!("e")));
    assert!(text(&got["AssumeRolePolicyDocument"]).contains("%22ecs.amazonaws.com%22"));
    cloud.call("DeleteRole", json!({"RoleName": "web"}));
    let missing = "NoSuchEntity: The role with name web cannot be found.";
    for (operation, input) in [
        ("GetRole", json!({"RoleName": "web"})),
        ("DeleteRole", json!({"RoleName": "web"})),
        ("UpdateRole", json!({"RoleName": "web"})),
        ("UpdateRoleDescription", json!({"RoleName": "web", "Description": "d"})),
        ("UpdateAssumeRolePolicy", json!({"RoleName": "web", "PolicyDocument": TRUST})),
        ("TagRole", json!({"RoleName": "web", "Tags": []})),
        ("UntagRole", json!({"RoleName": "web", "TagKeys": []})),
        ("ListRoleTags", json!({"RoleName": "web"})),
        ("PutRolePolicy", json!({"RoleName": "web", "PolicyName": "p", "PolicyDocument": READ})),
        ("GetRolePolicy", json!({"RoleName": "web", "PolicyName": "p"})),
        ("DeleteRolePolicy", json!({"RoleName": "web", "PolicyName": "p"})),
        ("ListRolePolicies", json!({"RoleName": "web"})),
        ("AttachRolePolicy", json!({"RoleName": "web", "PolicyArn": EXECUTION})),
        ("DetachRolePolicy", json!({"RoleName": "web", "PolicyArn": EXECUTION})),
        ("ListAttachedRolePolicies", json!({"RoleName": "web"})),
        ("ListInstanceProfilesForRole", json!({"RoleName": "web"})),
    ] {
        assert_eq!(cloud.refusal(operation, input), missing, "{operation}");
    }
}

#[test]
fn a_role_s_name_is_taken_in_any_case_but_only_in_its_account() {
    let mut cloud = with_role();
    let again = json!({"RoleName": "Web", "AssumeRolePolicyDocument": TRUST});
    assert_eq!(
        cloud.refusal("CreateRole", again.clone()),
        "EntityAlreadyExists: Role with name Web already exists."
    );
    cloud.be_account("210987654321");
    assert_eq!(cloud.call("ListRoles", json!({}))["Roles"], json!([]));
    cloud.call("CreateRole", again);
}

#[test]
fn a_document_that_is_no_policy_is_refused_everywhere() {
    let mut cloud = with_role();
    let arn = policy(&mut cloud, "read");
    for (operation, input) in [
        ("CreateRole", json!({"RoleName": "x", "AssumeRolePolicyDocument": "{"})),
        ("UpdateAssumeRolePolicy", json!({"RoleName": "web", "PolicyDocument": "{"})),
        ("PutRolePolicy", json!({"RoleName": "web", "PolicyName": "p", "PolicyDocument": "{"})),
        ("CreatePolicy", json!({"PolicyName": "p", "PolicyDocument": "{"})),
        ("CreatePolicyVersion", json!({"PolicyArn": arn, "PolicyDocument": "{"})),
    ] {
        assert_eq!(
            cloud.refusal(operation, input),
            "MalformedPolicyDocument: This policy contains invalid Json",
            "{operation}"
        );
    }
    assert_eq!(
        cloud.refusal("CreateRole", json!({"RoleName": "x", "AssumeRolePolicyDocument": READ})),
        "MalformedPolicyDocument: Has prohibited field Resource"
    );
}

#[test]
fn documents_have_aws_s_longest_lengths_without_white_space() {
    let mut cloud = with_role();
    let long = |length: usize| {
        let text = READ.replace("s3:Get*", &format!("s3:Get{}", "a".repeat(length)));
        text.replace(' ', "    ")
    };
    cloud.call("CreatePolicy", json!({"PolicyName": "p", "PolicyDocument": long(6_000)}));
    assert_eq!(
        cloud.refusal("CreatePolicy", json!({"PolicyName": "q", "PolicyDocument": long(6_144)})),
        "LimitExceeded: Cannot exceed quota for PolicySize: 6144"
    );
    let put =
        |name: &str, length| json!({"RoleName": "web", "PolicyName": name, "PolicyDocument": long(length)});
    cloud.call("PutRolePolicy", put("a", 6_000));
    assert_eq!(
        cloud.refusal("PutRolePolicy", put("b", 6_000)),
        "LimitExceeded: Maximum policy size of 10240 bytes exceeded for role web"
    );
    cloud.call("PutRolePolicy", put("a", 9_000));
    let trust = TRUST.replace("sts:AssumeRole", &format!("sts:{}", "a".repeat(2_048)));
    assert_eq!(
        cloud.refusal("UpdateAssumeRolePolicy", json!({"RoleName": "web", "PolicyDocument": trust})),
        "LimitExceeded: Cannot exceed quota for ACLSizePerRole: 2048"
    );
}

#[test]
fn inline_policies_are_put_read_listed_and_deleted() {
    let mut cloud = with_role();
    cloud.call("PutRolePolicy", json!({"RoleName": "web", "PolicyName": "p", "PolicyDocument": READ}));
    let got = cloud.call("GetRolePolicy", json!({"RoleName": "web", "PolicyName": "p"}));
    assert!(text(&got["PolicyDocument"]).starts_with("%7B%22Version%22%3A%20%222012-10-17%22"));
    assert_eq!(cloud.call("ListRolePolicies", json!({"RoleName": "web"}))["PolicyNames"], json!(["p"]));
    assert_eq!(
        cloud.refusal("DeleteRole", json!({"RoleName": "web"})),
        "DeleteConflict: Cannot delete entity, must delete policies first."
    );
    cloud.call("DeleteRolePolicy", json!({"RoleName": "web", "PolicyName": "p"}));
    for operation in ["GetRolePolicy", "DeleteRolePolicy"] {
        assert_eq!(
            cloud.refusal(operation, json!({"RoleName": "web", "PolicyName": "p"})),
            "NoSuchEntity: The role policy with name p cannot be found."
        );
    }
}

#[test]
fn aws_s_own_policies_are_there_to_read_and_attach() {
    let mut cloud = with_role();
    let input = json!({"RoleName": "web", "PolicyArn": EXECUTION});
    cloud.call("AttachRolePolicy", input.clone());
    cloud.call("AttachRolePolicy", input.clone());
    assert_eq!(
        cloud.call("ListAttachedRolePolicies", json!({"RoleName": "web"})),
        json!({
            "AttachedPolicies": [{"PolicyArn": EXECUTION, "PolicyName": "AmazonECSTaskExecutionRolePolicy"}],
            "IsTruncated": false,
        })
    );
    let got = cloud.call("GetPolicy", json!({"PolicyArn": EXECUTION}))["Policy"].clone();
    assert_eq!((&got["AttachmentCount"], &got["Path"]), (&json!(1), &json!("/service-role/")));
    let version = cloud.call("GetPolicyVersion", json!({"PolicyArn": EXECUTION, "VersionId": "v1"}));
    assert!(text(&version["PolicyVersion"]["Document"]).contains("ecr%3AGetAuthorizationToken"));
    let entities = cloud.call("ListEntitiesForPolicy", json!({"PolicyArn": EXECUTION}));
    assert_eq!(names(&entities["PolicyRoles"], "RoleName"), ["web"]);
    assert_eq!(
        cloud.refusal("DeleteRole", json!({"RoleName": "web"})),
        "DeleteConflict: Cannot delete entity, must detach all policies first."
    );
    cloud.call("DetachRolePolicy", input.clone());
    assert_eq!(
        cloud.refusal("DetachRolePolicy", input),
        format!("NoSuchEntity: Policy {EXECUTION} was not found.")
    );
    for name in [
        "AmazonECSInfrastructureRolePolicyForLoadBalancers",
        "AWSCodeDeployRoleForECS",
        "CloudWatchLogsFullAccess",
        "AmazonEC2ContainerRegistryReadOnly",
        "AmazonEC2ContainerRegistryPowerUser",
        "AmazonSSMReadOnlyAccess",
    ] {
        let arn = format!("arn:aws:iam::aws:policy/{name}");
        cloud.call("AttachRolePolicy", json!({"RoleName": "web", "PolicyArn": arn}));
    }
    let unknown = json!({"RoleName": "web", "PolicyArn": "arn:aws:iam::aws:policy/None"});
    assert_eq!(
        cloud.refusal("AttachRolePolicy", unknown),
        "NoSuchEntity: Policy arn:aws:iam::aws:policy/None does not exist or is not attachable."
    );
    let own = "arn:aws:iam::aws:policy/aws-service-role/AmazonECSServiceRolePolicy";
    assert_eq!(
        cloud.refusal("AttachRolePolicy", json!({"RoleName": "web", "PolicyArn": own})),
        "PolicyNotAttachable: Cannot attach a Service Role Policy to a Customer Role."
    );
}

#[test]
fn a_role_takes_ten_managed_policies() {
    let mut cloud = with_role();
    for at in 0..10 {
        let arn = policy(&mut cloud, &format!("p{at}"));
        cloud.call("AttachRolePolicy", json!({"RoleName": "web", "PolicyArn": arn}));
    }
    assert_eq!(
        cloud.refusal("AttachRolePolicy", json!({"RoleName": "web", "PolicyArn": EXECUTION})),
        "LimitExceeded: Cannot exceed quota for PoliciesPerRole: 10"
    );
}

#[test]
fn a_managed_policy_has_versions_of_which_one_holds() {
    let mut cloud = with_role();
    let arn = policy(&mut cloud, "read");
    assert_eq!(arn, "arn:aws:iam::123456789012:policy/read");
    assert_eq!(
        cloud.refusal("CreatePolicy", json!({"PolicyName": "READ", "PolicyDocument": READ})),
        "EntityAlreadyExists: A policy called READ already exists. Duplicate names are not allowed."
    );
    let version = |default: bool| json!({"PolicyArn": arn, "PolicyDocument": READ, "SetAsDefault": default});
    let reply = cloud.call("CreatePolicyVersion", version(true))["PolicyVersion"].clone();
    assert_eq!((&reply["VersionId"], &reply["IsDefaultVersion"]), (&json!("v2"), &json!(true)));
    for _ in 0..3 {
        cloud.call("CreatePolicyVersion", version(false));
    }
    let listed = cloud.call("ListPolicyVersions", json!({"PolicyArn": arn}))["Versions"].clone();
    assert_eq!(names(&listed, "VersionId"), ["v5", "v4", "v3", "v2", "v1"]);
    assert_eq!(
        cloud.refusal("CreatePolicyVersion", version(false)),
        "LimitExceeded: A managed policy can have up to 5 versions. Before you create a new version, you must delete an \
         existing version."
    );
    let of = |version: &str| json!({"PolicyArn": arn, "VersionId": version});
    assert_eq!(
        cloud.refusal("DeletePolicyVersion", of("v2")),
        "DeleteConflict: Cannot delete the default version of a policy."
    );
    cloud.call("SetDefaultPolicyVersion", of("v5"));
    assert_eq!(cloud.call("GetPolicy", json!({"PolicyArn": arn}))["Policy"]["DefaultVersionId"], "v5");
    assert!(
        cloud
            .refusal("DeletePolicy", json!({"PolicyArn": arn}))
            .starts_with("DeleteConflict: This policy has more than one version.")
    );
    for version in ["v1", "v2", "v3", "v4"] {
        cloud.call("DeletePolicyVersion", of(version));
    }
    for operation in ["GetPolicyVersion", "SetDefaultPolicyVersion", "DeletePolicyVersion"] {
        assert_eq!(
            cloud.refusal(operation, of("v4")),
            format!("NoSuchEntity: Policy {arn} version v4 does not exist or is not attachable.")
        );
    }
    assert_eq!(
        cloud.call("CreatePolicyVersion", version(false))["PolicyVersion"]["VersionId"],
        "v6",
        "a number is never given again"
    );
    cloud.call("DeletePolicyVersion", of("v6"));
    cloud.call("AttachRolePolicy", json!({"RoleName": "web", "PolicyArn": arn}));
    assert_eq!(
        cloud.refusal("DeletePolicy", json!({"PolicyArn": arn})),
        "DeleteConflict: Cannot delete a policy attached to entities."
    );
    cloud.call("DetachRolePolicy", json!({"RoleName": "web", "PolicyArn": arn}));
    cloud.call("DeletePolicy", json!({"PolicyArn": arn}));
    for (operation, input) in [
        ("GetPolicy", json!({"PolicyArn": arn})),
        ("DeletePolicy", json!({"PolicyArn": arn})),
        ("ListPolicyVersions", json!({"PolicyArn": arn})),
        ("ListPolicyTags", json!({"PolicyArn": arn})),
        ("ListEntitiesForPolicy", json!({"PolicyArn": arn})),
        ("CreatePolicyVersion", version(true)),
    ] {
        assert_eq!(
            cloud.refusal(operation, input),
            format!("NoSuchEntity: Policy {arn} was not found."),
            "{operation}"
        );
    }
}

#[test]
fn a_policy_that_bounds_a_role_must_exist_and_stays() {
    let mut cloud = cloud();
    let arn = policy(&mut cloud, "bound");
    let role = |boundary: &str| json!({"RoleName": "web", "AssumeRolePolicyDocument": TRUST, "PermissionsBoundary": boundary});
    assert!(
        cloud
            .refusal("CreateRole", role("arn:aws:iam::123456789012:policy/none"))
            .starts_with("NoSuchEntity: Scope ARN: arn:aws:iam::123456789012:policy/none does not exist")
    );
    cloud.call("CreateRole", role(&arn));
    let got = cloud.call("GetRole", json!({"RoleName": "web"}))["Role"]["PermissionsBoundary"].clone();
    assert_eq!(got["PermissionsBoundaryArn"], arn);
    assert_eq!(
        cloud.refusal("DeletePolicy", json!({"PolicyArn": arn})),
        "DeleteConflict: Cannot delete a policy attached to entities."
    );
}

#[test]
fn lists_come_in_pages_and_by_path() {
    let mut cloud = cloud();
    for at in 0..5 {
        let path = if at % 2 == 0 { "/even/" } else { "/" };
        let name = format!("r{at}");
        cloud.call("CreateRole", json!({"RoleName": name, "Path": path, "AssumeRolePolicyDocument": TRUST}));
    }
    let even = cloud.call("ListRoles", json!({"PathPrefix": "/even/"}));
    assert_eq!(names(&even["Roles"], "RoleName"), ["r0", "r2", "r4"]);
    let (mut seen, mut marker) = (Vec::new(), Value::Null);
    loop {
        let mut input = json!({"MaxItems": 2});
        if !marker.is_null() {
            input["Marker"] = marker;
        }
        let page = cloud.call("ListRoles", input);
        seen.extend(names(&page["Roles"], "RoleName"));
        marker = page["Marker"].clone();
        assert_eq!(page["IsTruncated"], !marker.is_null());
        if marker.is_null() {
            break;
        }
    }
    assert_eq!(seen, ["r0", "r1", "r2", "r3", "r4"]);
    assert_eq!(cloud.refusal("ListRoles", json!({"Marker": "x"})), "ValidationError: Invalid Marker.");
    let arn = policy(&mut cloud, "own");
    let local = cloud.call("ListPolicies", json!({"Scope": "Local"}));
    assert_eq!(names(&local["Policies"], "Arn"), [arn]);
    let of_aws = cloud.call("ListPolicies", json!({"Scope": "AWS", "PathPrefix": "/service-role/"}));
    assert!(names(&of_aws["Policies"], "Arn").contains(&EXECUTION.to_owned()));
    assert_eq!(cloud.call("ListPolicies", json!({"OnlyAttached": true}))["Policies"], json!([]));
}

#[test]
fn an_instance_profile_carries_one_role() {
    let mut cloud = with_role();
    let name = json!({"InstanceProfileName": "web"});
    let created = cloud.call("CreateInstanceProfile", name.clone())["InstanceProfile"].clone();
    assert_eq!(created["Arn"], "arn:aws:iam::123456789012:instance-profile/web");
    assert_eq!(
        cloud.refusal("CreateInstanceProfile", name.clone()),
        "EntityAlreadyExists: Instance Profile web already exists."
    );
    let role = json!({"InstanceProfileName": "web", "RoleName": "web"});
    cloud.call("AddRoleToInstanceProfile", role.clone());
    assert_eq!(
        cloud.refusal("AddRoleToInstanceProfile", role.clone()),
        "LimitExceeded: Cannot exceed quota for InstanceSessionsPerInstanceProfile: 1"
    );
    let got = cloud.call("GetInstanceProfile", name.clone());
    assert_eq!(names(&got["InstanceProfile"]["Roles"], "RoleName"), ["web"]);
    let of_role = cloud.call("ListInstanceProfilesForRole", json!({"RoleName": "web"}));
    assert_eq!(names(&of_role["InstanceProfiles"], "InstanceProfileName"), ["web"]);
    let conflict = "DeleteConflict: Cannot delete entity, must remove roles from instance profile first.";
    assert_eq!(cloud.refusal("DeleteInstanceProfile", name.clone()), conflict);
    assert_eq!(cloud.refusal("DeleteRole", json!({"RoleName": "web"})), conflict);
    cloud.call("RemoveRoleFromInstanceProfile", role.clone());
    assert!(cloud.refusal("RemoveRoleFromInstanceProfile", role.clone()).starts_with("NoSuchEntity: "));
    cloud.call("DeleteInstanceProfile", name.clone());
    for (operation, input) in [
        ("GetInstanceProfile", name.clone()),
        ("DeleteInstanceProfile", name),
        ("AddRoleToInstanceProfile", role.clone()),
        ("RemoveRoleFromInstanceProfile", role),
    ] {
        assert_eq!(
            cloud.refusal(operation, input),
            "NoSuchEntity: Instance Profile web cannot be found.",
            "{operation}"
        );
    }
}

#[test]
fn github_s_identity_provider_is_created_read_changed_and_deleted() {
    let mut cloud = cloud();
    let input = json!({
        "Url": "https://token.actions.githubusercontent.com", "ClientIDList": ["sts.amazonaws.com"],
    });
    let arn = "arn:aws:iam::123456789012:oidc-provider/token.actions.githubusercontent.com";
    let created = cloud.call("CreateOpenIDConnectProvider", input.clone());
    assert_eq!(created, json!({"OpenIDConnectProviderArn": arn}));
    assert_eq!(
        cloud.refusal("CreateOpenIDConnectProvider", input),
        "EntityAlreadyExists: Provider with url https://token.actions.githubusercontent.com already exists."
    );
    assert_eq!(
        cloud.refusal("CreateOpenIDConnectProvider", json!({"Url": "http://a"})),
        "InvalidInput: Invalid Open ID Connect Provider URL"
    );
    let own = json!({"OpenIDConnectProviderArn": arn});
    let client = json!({"OpenIDConnectProviderArn": arn, "ClientID": "other"});
    cloud.call("AddClientIDToOpenIDConnectProvider", client.clone());
    let thumbprint = "6938fd4d98bab03faadb97b34396831e3780aea1";
    let thumbprints = json!({"OpenIDConnectProviderArn": arn, "ThumbprintList": [thumbprint]});
    cloud.call("UpdateOpenIDConnectProviderThumbprint", thumbprints);
    let got = cloud.call("GetOpenIDConnectProvider", own.clone());
    assert_eq!(got["ClientIDList"], json!(["other", "sts.amazonaws.com"]));
    assert_eq!(
        (&got["Url"], &got["ThumbprintList"]),
        (&json!("token.actions.githubusercontent.com"), &json!([thumbprint]))
    );
    cloud.call("RemoveClientIDFromOpenIDConnectProvider", client);
    let listed = cloud.call("ListOpenIDConnectProviders", json!({}));
    assert_eq!(listed["OpenIDConnectProviderList"], json!([{"Arn": arn}]));
    cloud.call("DeleteOpenIDConnectProvider", own.clone());
    cloud.call("DeleteOpenIDConnectProvider", own.clone());
    assert_eq!(
        cloud.refusal("GetOpenIDConnectProvider", own),
        format!("NoSuchEntity: OpenIDConnect Provider not found for arn {arn}")
    );
}

#[test]
fn what_has_tags_is_tagged_untagged_and_listed() {
    let mut cloud = with_role();
    let policy = policy(&mut cloud, "read");
    cloud.call("CreateInstanceProfile", json!({"InstanceProfileName": "web"}));
    let provider = cloud.call("CreateOpenIDConnectProvider", json!({"Url": "https://a.example"}));
    for (kind, name, value) in [
        ("Role", "RoleName", json!("web")),
        ("Policy", "PolicyArn", json!(policy)),
        ("InstanceProfile", "InstanceProfileName", json!("web")),
        ("OpenIDConnectProvider", "OpenIDConnectProviderArn", provider["OpenIDConnectProviderArn"].clone()),
    ] {
        let given = |member: &str, given: Value| json!({name: value, member: given});
        let tag = format!("Tag{kind}");
        let tags = json!([{"Key": "a", "Value": "1"}, {"Key": "b", "Value": "2"}]);
        cloud.call(&tag, given("Tags", tags));
        cloud.call(&tag, given("Tags", json!([{"Key": "A", "Value": "3"}])));
        cloud.call(&format!("Untag{kind}"), given("TagKeys", json!(["b", "c"])));
        let listed = cloud.call(&format!("List{kind}Tags"), json!({name: value}));
        assert_eq!(listed, json!({"IsTruncated": false, "Tags": [{"Key": "A", "Value": "3"}]}), "{kind}");
        let twice = json!([{"Key": "a", "Value": "1"}, {"Key": "A", "Value": "2"}]);
        assert_eq!(
            cloud.refusal(&tag, given("Tags", twice)),
            "InvalidInput: Duplicate tag keys found. Please note that Tag keys are case insensitive."
        );
        let own = json!([{"Key": "aws:x", "Value": "1"}]);
        assert!(cloud.refusal(&tag, given("Tags", own)).starts_with("InvalidInput: Tag keys that begin"));
        let many = (0..50).map(|at| json!({"Key": format!("k{at}"), "Value": ""})).collect::<Vec<_>>();
        assert_eq!(
            cloud.refusal(&tag, given("Tags", json!(many))),
            "LimitExceeded: The number of tags has reached the maximum limit of 50."
        );
    }
}

#[test]
fn a_service_linked_role_is_aws_s_own() {
    let mut cloud = cloud();
    let input = json!({"AWSServiceName": "ecs.amazonaws.com"});
    let role = cloud.call("CreateServiceLinkedRole", input.clone())["Role"].clone();
    assert_eq!(
        role["Arn"],
        "arn:aws:iam::123456789012:role/aws-service-role/ecs.amazonaws.com/AWSServiceRoleForECS"
    );
    assert_eq!(
        cloud.refusal("CreateServiceLinkedRole", input),
        "InvalidInput: Service role name AWSServiceRoleForECS has been taken in this account, please try a different \
         suffix."
    );
    assert!(
        cloud
            .refusal("CreateServiceLinkedRole", json!({"AWSServiceName": "x.amazonaws.com"}))
            .starts_with("InvalidInput: ")
    );
    let name = json!({"RoleName": "AWSServiceRoleForECS"});
    assert!(cloud.refusal("DeleteRole", name.clone()).starts_with("UnmodifiableEntity: "));
    let attach = json!({"RoleName": "AWSServiceRoleForECS", "PolicyArn": EXECUTION});
    assert!(cloud.refusal("AttachRolePolicy", attach).starts_with("UnmodifiableEntity: "));
    let task = cloud.call("DeleteServiceLinkedRole", name.clone())["DeletionTaskId"].clone();
    let status = cloud.call("GetServiceLinkedRoleDeletionStatus", json!({"DeletionTaskId": task}));
    assert_eq!(status["Status"], "SUCCEEDED");
    assert!(cloud.refusal("DeleteServiceLinkedRole", name).starts_with("NoSuchEntity: "));
    let unknown = json!({"DeletionTaskId": "task/none"});
    assert!(cloud.refusal("GetServiceLinkedRoleDeletionStatus", unknown).starts_with("NoSuchEntity: "));
}

#[test]
fn the_caller_is_the_account_s_root_user() {
    let mut cloud = cloud();
    let user = cloud.call("GetUser", json!({}))["User"].clone();
    assert_eq!(
        (&user["Arn"], &user["UserId"]),
        (&json!("arn:aws:iam::123456789012:root"), &json!("123456789012"))
    );
    assert_eq!(
        cloud.refusal("GetUser", json!({"UserName": "u"})),
        "NoSuchEntity: The user with name u cannot be found."
    );
    assert_eq!(cloud.call("ListAccountAliases", json!({}))["AccountAliases"], json!([]));
}

#[test]
fn a_restart_keeps_everything() {
    let mut cloud = with_role();
    let arn = policy(&mut cloud, "read");
    cloud.call("AttachRolePolicy", json!({"RoleName": "web", "PolicyArn": arn}));
    cloud.call("PutRolePolicy", json!({"RoleName": "web", "PolicyName": "p", "PolicyDocument": READ}));
    let before = cloud.call("GetRole", json!({"RoleName": "web"}));
    cloud.restart();
    assert_eq!(cloud.call("GetRole", json!({"RoleName": "web"})), before);
    assert_eq!(cloud.call("ListRolePolicies", json!({"RoleName": "web"}))["PolicyNames"], json!(["p"]));
    let attached = cloud.call("ListAttachedRolePolicies", json!({"RoleName": "web"}));
    assert_eq!(names(&attached["AttachedPolicies"], "PolicyArn"), [arn]);
}
