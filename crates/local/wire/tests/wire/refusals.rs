//! What is refused before any behaviour, and in which words.

use insta::assert_snapshot;

use crate::exchange::{Request, show, wire};

#[test]
fn an_unsigned_json_request() {
    assert_snapshot!(Request::ecs("ListClusters", "{}").unsigned().refused(), @r#"
    400
    content-type: application/x-amz-json-1.1
    x-amzn-requestid: 08b4fda8-c892-450e-84e5-b98100c67fb0
    x-amzn-errortype: MissingAuthenticationTokenException

    {"__type":"MissingAuthenticationTokenException","message":"Missing Authentication Token"}
    "#);
}

#[test]
fn an_unsigned_query_request() {
    assert_snapshot!(Request::elbv2("DescribeRules", "").unsigned().refused(), @"
    403
    content-type: text/xml
    x-amzn-requestid: 08b4fda8-c892-450e-84e5-b98100c67fb0

    <ErrorResponse><Error><Type>Sender</Type><Code>MissingAuthenticationToken</Code><Message>Request is missing Authentication Token</Message></Error><RequestId>08b4fda8-c892-450e-84e5-b98100c67fb0</RequestId></ErrorResponse>
    ");
}

#[test]
fn a_signature_without_its_parts() {
    let request = Request::ecs("ListClusters", "{}")
        .unsigned()
        .header("authorization", "AWS4-HMAC-SHA256 Signature=secret");
    assert_snapshot!(request.refused(), @r#"
    400
    content-type: application/x-amz-json-1.1
    x-amzn-requestid: 08b4fda8-c892-450e-84e5-b98100c67fb0
    x-amzn-errortype: IncompleteSignatureException

    {"__type":"IncompleteSignatureException","message":"Authorization header requires 'Credential' parameter. Authorization header requires 'SignedHeaders' parameter."}
    "#);
}

#[test]
fn an_operation_that_aws_does_not_have() {
    assert_snapshot!(Request::ecs("LaunchRocket", "{}").refused(), @r#"
    400
    content-type: application/x-amz-json-1.1
    x-amzn-requestid: 08b4fda8-c892-450e-84e5-b98100c67fb0
    x-amzn-errortype: UnknownOperationException

    {"__type":"UnknownOperationException","message":"Could not find operation LaunchRocket for version 2014-11-13"}
    "#);
    assert_snapshot!(Request::elbv2("LaunchRocket", "").refused(), @r#"
    400
    content-type: text/xml
    x-amzn-requestid: 08b4fda8-c892-450e-84e5-b98100c67fb0

    <ErrorResponse xmlns="http://elasticloadbalancing.amazonaws.com/doc/2015-12-01/"><Error><Type>Sender</Type><Code>InvalidAction</Code><Message>Could not find operation LaunchRocket for version 2015-12-01</Message></Error><RequestId>08b4fda8-c892-450e-84e5-b98100c67fb0</RequestId></ErrorResponse>
    "#);
}

#[test]
fn an_operation_that_is_not_implemented_here() {
    assert_snapshot!(Request::ecs("ExecuteCommand", "{}").refused(), @r#"
    501
    content-type: application/x-amz-json-1.1
    x-amzn-requestid: 08b4fda8-c892-450e-84e5-b98100c67fb0
    x-amzn-errortype: NotImplemented

    {"__type":"NotImplemented","message":"The local cloud does not implement ExecuteCommand of the service ecs yet"}
    "#);
    assert_snapshot!(Request::elbv2("CreateTrustStore", "Name=a").refused(), @r#"
    501
    content-type: text/xml
    x-amzn-requestid: 08b4fda8-c892-450e-84e5-b98100c67fb0

    <ErrorResponse xmlns="http://elasticloadbalancing.amazonaws.com/doc/2015-12-01/"><Error><Type>Receiver</Type><Code>NotImplemented</Code><Message>The local cloud does not implement CreateTrustStore of the service elasticloadbalancing yet</Message></Error><RequestId>08b4fda8-c892-450e-84e5-b98100c67fb0</RequestId></ErrorResponse>
    "#);
}

#[test]
fn a_target_that_names_no_served_service() {
    assert_snapshot!(Request::json("sqs", "AmazonSQS.SendMessage", "{}").refused(), @r#"
    501
    content-type: application/x-amz-json-1.1
    x-amzn-requestid: 08b4fda8-c892-450e-84e5-b98100c67fb0
    x-amzn-errortype: NotImplemented

    {"__type":"NotImplemented","message":"The local cloud does not serve the service AmazonSQS yet"}
    "#);
    assert_snapshot!(Request::json("sqs", "SendMessage", "{}").refused(), @r#"
    400
    content-type: application/x-amz-json-1.1
    x-amzn-requestid: 08b4fda8-c892-450e-84e5-b98100c67fb0
    x-amzn-errortype: UnknownOperationException

    {"__type":"UnknownOperationException","message":"Could not find operation SendMessage for version NO_VERSION_SPECIFIED"}
    "#);
    assert_snapshot!(Request::query("sns", "Action=Publish&Version=2010-03-31").refused(), @"
    501
    content-type: text/xml
    x-amzn-requestid: 08b4fda8-c892-450e-84e5-b98100c67fb0

    <ErrorResponse><Error><Type>Receiver</Type><Code>NotImplemented</Code><Message>The local cloud does not serve the service sns yet</Message></Error><RequestId>08b4fda8-c892-450e-84e5-b98100c67fb0</RequestId></ErrorResponse>
    ");
}

#[test]
fn a_query_without_action_or_with_another_version() {
    assert_snapshot!(Request::query("elasticloadbalancing", "Version=2015-12-01").refused(), @r#"
    400
    content-type: text/xml
    x-amzn-requestid: 08b4fda8-c892-450e-84e5-b98100c67fb0

    <ErrorResponse xmlns="http://elasticloadbalancing.amazonaws.com/doc/2015-12-01/"><Error><Type>Sender</Type><Code>MissingAction</Code><Message>The request must contain the parameter Action</Message></Error><RequestId>08b4fda8-c892-450e-84e5-b98100c67fb0</RequestId></ErrorResponse>
    "#);
    assert_snapshot!(Request::query("elasticloadbalancing", "Action=DescribeLoadBalancers&Version=2012-06-01").refused(), @r#"
    400
    content-type: text/xml
    x-amzn-requestid: 08b4fda8-c892-450e-84e5-b98100c67fb0

    <ErrorResponse xmlns="http://elasticloadbalancing.amazonaws.com/doc/2015-12-01/"><Error><Type>Sender</Type><Code>InvalidAction</Code><Message>Could not find operation DescribeLoadBalancers for version 2012-06-01</Message></Error><RequestId>08b4fda8-c892-450e-84e5-b98100c67fb0</RequestId></ErrorResponse>
    "#);
}

#[test]
fn a_json_operation_by_get() {
    assert_snapshot!(Request::ecs("ListClusters", "").method("GET").refused(), @r#"
    400
    content-type: application/x-amz-json-1.1
    x-amzn-requestid: 08b4fda8-c892-450e-84e5-b98100c67fb0
    x-amzn-errortype: UnknownOperationException

    {"__type":"UnknownOperationException","message":"Could not find operation ListClusters for version 2014-11-13"}
    "#);
}

#[test]
fn a_body_that_is_not_json() {
    assert_snapshot!(Request::ecs("ListClusters", "{").refused(), @r#"
    400
    content-type: application/x-amz-json-1.1
    x-amzn-requestid: 08b4fda8-c892-450e-84e5-b98100c67fb0
    x-amzn-errortype: SerializationException

    {"__type":"SerializationException","message":"Unable to parse the request body as JSON"}
    "#);
}

#[test]
fn json_values_of_the_wrong_kind() {
    let refused = |body: &str| {
        let response = Request::ecs("UpdateService", body).to(&wire()).expect_err(body);
        String::from_utf8_lossy(response.body()).into_owned()
    };
    assert_snapshot!(refused(r#"{"service":7}"#), @r#"{"__type":"SerializationException","message":"NUMBER_VALUE can not be converted to a String"}"#);
    assert_snapshot!(refused(r#"{"service":"a","desiredCount":"3"}"#), @r#"{"__type":"SerializationException","message":"STRING_VALUE can not be converted to an Integer"}"#);
    assert_snapshot!(refused(r#"{"service":"a","desiredCount":1.5}"#), @r#"{"__type":"SerializationException","message":"NUMBER_VALUE can not be converted to an Integer"}"#);
    assert_snapshot!(refused(r#"{"service":"a","desiredCount":99999999999}"#), @r#"{"__type":"SerializationException","message":"NUMBER_VALUE can not be converted to an Integer"}"#);
    assert_snapshot!(refused(r#"{"service":"a","forceNewDeployment":"true"}"#), @r#"{"__type":"SerializationException","message":"STRING_VALUE can not be converted to a Boolean"}"#);
    assert_snapshot!(refused(r#"{"service":["a"]}"#), @r#"{"__type":"SerializationException","message":"Start of list found where not expected"}"#);
    assert_snapshot!(refused(r#"{"service":{}}"#), @r#"{"__type":"SerializationException","message":"Start of structure or map found where not expected."}"#);
    assert_snapshot!(refused(r#"{"service":"a","loadBalancers":"b"}"#), @r#"{"__type":"SerializationException","message":"Unexpected value type in payload"}"#);
    assert_snapshot!(refused("[]"), @r#"{"__type":"SerializationException","message":"Start of list found where not expected"}"#);
}

#[test]
fn a_missing_member_and_an_unknown_enum_value_in_json() {
    assert_snapshot!(Request::ecs("DescribeServices", "{}").refused(), @r#"
    400
    content-type: application/x-amz-json-1.1
    x-amzn-requestid: 08b4fda8-c892-450e-84e5-b98100c67fb0
    x-amzn-errortype: InvalidParameterException

    {"__type":"InvalidParameterException","message":"1 validation error detected: Value null at 'services' failed to satisfy constraint: Member must not be null"}
    "#);
    let body = r#"{"serviceName":"a","launchType":"MOON","loadBalancers":[{"advancedConfiguration":{}}]}"#;
    assert_snapshot!(Request::ecs("CreateService", body).refused(), @r#"
    400
    content-type: application/x-amz-json-1.1
    x-amzn-requestid: 08b4fda8-c892-450e-84e5-b98100c67fb0
    x-amzn-errortype: InvalidParameterException

    {"__type":"InvalidParameterException","message":"1 validation error detected: Value 'MOON' at 'launchType' failed to satisfy constraint: Member must satisfy enum value set: [EC2, FARGATE, EXTERNAL, MANAGED_INSTANCES]"}
    "#);
}

#[test]
fn an_unknown_enum_value_in_a_list() {
    assert_snapshot!(Request::ecs("DescribeServices", r#"{"services":["a"],"include":["MOON"]}"#).refused(), @r#"
    400
    content-type: application/x-amz-json-1.1
    x-amzn-requestid: 08b4fda8-c892-450e-84e5-b98100c67fb0
    x-amzn-errortype: InvalidParameterException

    {"__type":"InvalidParameterException","message":"1 validation error detected: Value '[MOON]' at 'include' failed to satisfy constraint: Member must satisfy constraint: [Member must satisfy enum value set: [TAGS]]"}
    "#);
}

#[test]
fn broken_constraints_in_a_query() {
    let params = "Name=a&Port=0&Protocol=MOON&HealthCheckIntervalSeconds=4";
    assert_snapshot!(Request::elbv2("CreateTargetGroup", params).refused(), @r#"
    400
    content-type: text/xml
    x-amzn-requestid: 08b4fda8-c892-450e-84e5-b98100c67fb0

    <ErrorResponse xmlns="http://elasticloadbalancing.amazonaws.com/doc/2015-12-01/"><Error><Type>Sender</Type><Code>ValidationError</Code><Message>3 validation errors detected: Value '4' at 'healthCheckIntervalSeconds' failed to satisfy constraint: Member must have value greater than or equal to 5; Value '0' at 'port' failed to satisfy constraint: Member must have value greater than or equal to 1; Value 'MOON' at 'protocol' failed to satisfy constraint: Member must satisfy enum value set: [HTTP, HTTPS, TCP, TLS, UDP, TCP_UDP, GENEVE, QUIC, TCP_QUIC]</Message></Error><RequestId>08b4fda8-c892-450e-84e5-b98100c67fb0</RequestId></ErrorResponse>
    "#);
    let params = "ResourceArns.member.1=a&Tags.member.1.Key=bad!&Tags.member.2.Key=&Tags.member.3.Value=x";
    assert_snapshot!(Request::elbv2("AddTags", params).refused(), @r#"
    400
    content-type: text/xml
    x-amzn-requestid: 08b4fda8-c892-450e-84e5-b98100c67fb0

    <ErrorResponse xmlns="http://elasticloadbalancing.amazonaws.com/doc/2015-12-01/"><Error><Type>Sender</Type><Code>ValidationError</Code><Message>3 validation errors detected: Value 'bad!' at 'tags.1.member.key' failed to satisfy constraint: Member must satisfy regular expression pattern: ^([\p{L}\p{Z}\p{N}_.:/=+\-@]*)$; Value '' at 'tags.2.member.key' failed to satisfy constraint: Member must have length greater than or equal to 1; Value null at 'tags.3.member.key' failed to satisfy constraint: Member must not be null</Message></Error><RequestId>08b4fda8-c892-450e-84e5-b98100c67fb0</RequestId></ErrorResponse>
    "#);
}

#[test]
fn query_values_of_the_wrong_kind() {
    assert_snapshot!(Request::elbv2("CreateTargetGroup", "Name=a&Port=http").refused(), @r#"
    400
    content-type: text/xml
    x-amzn-requestid: 08b4fda8-c892-450e-84e5-b98100c67fb0

    <ErrorResponse xmlns="http://elasticloadbalancing.amazonaws.com/doc/2015-12-01/"><Error><Type>Sender</Type><Code>MalformedInput</Code><Message>STRING_VALUE can not be converted to an Integer</Message></Error><RequestId>08b4fda8-c892-450e-84e5-b98100c67fb0</RequestId></ErrorResponse>
    "#);
    assert_snapshot!(Request::elbv2("CreateTargetGroup", "Name=%ff").refused(), @"
    400
    content-type: text/xml
    x-amzn-requestid: 08b4fda8-c892-450e-84e5-b98100c67fb0

    <ErrorResponse><Error><Type>Sender</Type><Code>MalformedInput</Code><Message>The query string is malformed or has too many parameters</Message></Error><RequestId>08b4fda8-c892-450e-84e5-b98100c67fb0</RequestId></ErrorResponse>
    ");
}

#[test]
fn ec2_has_codes_of_its_own() {
    let of = |operation: &str, parameters: &str| {
        Request::query("ec2", format!("Action={operation}&Version=2016-11-15&{parameters}")).refused()
    };
    let missing = of("CreateSubnet", "CidrBlock=10.0.0.0/24");
    assert!(missing.contains("<Code>MissingParameter</Code>"), "{missing}");
    assert!(missing.contains("<Message>The request must contain the parameter vpcId</Message>"), "{missing}");
    for wrong in [of("DescribeSubnets", "MaxResults=1"), of("DescribeSubnets", "MaxResults=many")] {
        assert!(wrong.contains("<Code>InvalidParameterValue</Code>"), "{wrong}");
    }
}

#[test]
fn a_sensitive_value_is_never_repeated() {
    let body = r#"{"family":"a","containerDefinitions":[{"environment":[null,{"name":"PASSWORD","value":"hunter2"}]}]}"#;
    let refused = Request::ecs("RegisterTaskDefinition", body).refused();
    assert!(!refused.contains("hunter2"), "{refused}");
    assert_snapshot!(refused, @r#"
    400
    content-type: application/x-amz-json-1.1
    x-amzn-requestid: 08b4fda8-c892-450e-84e5-b98100c67fb0
    x-amzn-errortype: InvalidParameterException

    {"__type":"InvalidParameterException","message":"1 validation error detected: Value at 'containerDefinitions.1.member.environment' failed to satisfy constraint: Member must not be null"}
    "#);
}

#[test]
fn a_long_value_is_cut_and_the_number_of_violations_is_bounded() {
    let long = "x".repeat(100_000);
    let tags: Vec<String> = (0..40).map(|_| format!(r#"{{"key":"{long}!"}}"#)).collect();
    let body = format!(r#"{{"resourceArn":"a","tags":[{}]}}"#, tags[..20].join(","));
    let refused = Request::ecs("TagResource", body).refused();
    assert!(refused.contains("10 validation errors detected"), "{}", &refused[..200]);
    assert!(refused.len() < 5_000, "{}", refused.len());
}

#[test]
fn a_part_of_a_layer_may_be_longer_than_other_bodies() {
    use tidegate_wire::{MAX_BODY, MAX_LAYER_BODY, max_body};
    let head = |target: &str| {
        http::Request::builder().header("x-amz-target", target).body(()).unwrap().into_parts().0
    };
    let of_layer = head("AmazonEC2ContainerRegistry_V20150921.UploadLayerPart");
    assert_eq!(max_body(&of_layer), MAX_LAYER_BODY);
    assert_eq!(max_body(&head("AmazonEC2ContainerServiceV20141113.ListClusters")), MAX_BODY);
    // 20 MiB in base64, and what stands around them.
    const { assert!(MAX_LAYER_BODY > (20 << 20) * 4 / 3 + 1024) };
}

#[test]
fn a_body_beyond_the_limit() {
    let body = vec![b' '; tidegate_wire::MAX_BODY + 1];
    assert_snapshot!(Request::ecs("ListClusters", body).refused(), @r#"
    413
    content-type: application/x-amz-json-1.1
    x-amzn-requestid: 08b4fda8-c892-450e-84e5-b98100c67fb0
    x-amzn-errortype: RequestEntityTooLargeException

    {"__type":"RequestEntityTooLargeException","message":"The request body is larger than 2097152 bytes"}
    "#);
}

#[test]
fn an_error_in_cbor_is_cbor() {
    let body = [0xa1, 0x69, b'A', b'l', b'a', b'r', b'm', b'N', b'a', b'm', b'e', 0x01];
    let request = Request::cbor("monitoring", "GraniteServiceVersion20100801", "SetAlarmState", body);
    assert_snapshot!(show(&request.to(&wire()).unwrap_err()), @"
    400
    content-type: application/cbor
    smithy-protocol: rpc-v2-cbor
    x-amzn-requestid: 08b4fda8-c892-450e-84e5-b98100c67fb0
    x-amzn-errortype: SerializationException
    x-amzn-query-error: SerializationException;Sender

    �f__typevSerializationExceptiongmessagex-NUMBER_VALUE can not be converted to a String
    ");
}

#[test]
fn what_the_model_does_not_name_is_ignored_and_null_is_absent() {
    let call =
        Request::ecs("ListClusters", r#"{"moon":1,"maxResults":null,"nextToken":"a"}"#).to(&wire()).unwrap();
    assert_eq!(call.input, serde_json::json!({"nextToken": "a"}));
    let call = Request::elbv2("DescribeRules", "Moon=1&Moon.member.1=2").to(&wire()).unwrap();
    assert_eq!(call.input, serde_json::json!({}));
    let call = Request::ecs("ListClusters", "").to(&wire()).unwrap();
    assert_eq!(call.input, serde_json::json!({}));
}

#[test]
fn a_foreign_service_in_the_credential_does_not_matter_when_the_target_decides() {
    let request = Request::json("moon", "AmazonEC2ContainerServiceV20141113.ListClusters", "{}");
    assert_eq!(request.to(&wire()).unwrap().service, "ecs");
}

#[test]
fn only_who_asks_for_credentials_needs_no_signature() {
    let of = |operation: &str, parameters: &str| {
        let body = format!("Action={operation}&Version=2011-06-15&{parameters}");
        Request::query("sts", body).unsigned().to(&wire())
    };
    let role = "RoleArn=arn:aws:iam::123456789012:role/deploy&RoleSessionName=ci";
    let call = of("AssumeRoleWithWebIdentity", &format!("{role}&WebIdentityToken=abcd")).unwrap();
    assert_eq!(
        (call.service, call.operation, call.account.as_str()),
        ("sts", "AssumeRoleWithWebIdentity", "000000000000")
    );
    let saml = show(&of("AssumeRoleWithSAML", role).unwrap_err());
    assert!(saml.contains("does not implement AssumeRoleWithSAML"), "{saml}");
    assert!(show(&of("AssumeRole", role).unwrap_err()).contains("MissingAuthenticationToken"));
}
