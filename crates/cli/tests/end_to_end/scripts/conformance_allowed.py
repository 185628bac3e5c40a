"""What is not in the models, with the reason: the errors that all operations share, and where AWS's own answers differ."""

# What is brought to a good end by other tests only, since more belongs to it than a request.
NEVER = {
    ("codedeploy", "ContinueDeployment"): "needs a deployment that waits: aws_deploy.sh and the tests of hooks",
    ("codedeploy", "PutLifecycleEventHookExecutionStatus"): "needs a hook that was called: the tests of hooks",
    ("ecs", "ContinueServiceDeployment"): "needs a deployment that pauses: the tests of native strategies",
    ("ec2", "DisassociateAddress"): "addresses are only with NAT gateways here, which keep them",
}

# Errors that AWS answers with though the operation's model does not list them: service, operation, code.
UNLISTED_ERRORS = {
    # A boundary that is not there: "Scope ARN: … does not exist or is not attachable."
    ("iam", "CreateRole", "NoSuchEntity"),
}

# What AWS's own answers lack or have against the model: service, operation, the end of the text.
UNLISTED_ANSWERS = {
    # The account itself, which boto3 asks about without a name, has neither.
    ("iam", "GetUser", ".User: no UserName, which User requires"),
    ("iam", "GetUser", ".User: no Path, which User requires"),
    # An internet gateway that is attached is `available`; the enum is that of other attachments.
    ("ec2", "DescribeInternetGateways", "'available' is no value of AttachmentStatus"),
}



# The errors that the AWS documentation lists as common to all operations of its query services; no model has them.
QUERY = {"ValidationError", "MissingParameter", "InvalidParameterValue", "InvalidParameterCombination"}
# EC2's models have no errors at all; these are of the list in EC2's own reference.
EC2 = {
    "AddressLimitExceeded", "DependencyViolation", "DefaultVpcAlreadyExists", "DryRunOperation", "Gateway.NotAttached", "InvalidAddress.NotFound",
    "InvalidIPAddress.InUse", "InvalidSecurityGroupRuleId.NotFound", "InvalidSubnet.Range",
    "InvalidAllocationID.NotFound", "InvalidAssociationID.NotFound", "InvalidGroup.Duplicate", "InvalidGroup.InUse", "InvalidGroup.NotFound",
    "InvalidNetworkAclID.NotFound", "InvalidNetworkInterfaceID.NotFound", "InvalidNextToken", "InvalidPermission.Duplicate",
    "InvalidPermission.Malformed", "InvalidPermission.NotFound", "InvalidRoute.NotFound", "InvalidSubnet.Conflict", "InvalidVpcID.NotFound",
    "NatGatewayNotFound", "Resource.AlreadyAssociated", "RouteAlreadyExists", "UnsupportedOperation",
}
COMMON = {"elbv2": QUERY, "cloudwatch": QUERY, "iam": QUERY, "sts": QUERY, "ec2": QUERY | EC2}


def errors(service, operation):
    """The errors that an operation may answer with though its model has none of them."""
    own = {code for of, name, code in UNLISTED_ERRORS if (of, name) == (service, operation)}
    return own | COMMON.get(service, {"ValidationException", "SerializationException"})


def is_unlisted(operation_model, text):
    """Whether AWS's own answer differs from its model in the same way."""
    return any(
        (operation_model.service_model.service_name, operation_model.name) == (service, operation) and text.endswith(end)
        for service, operation, end in UNLISTED_ANSWERS
    )


# How each protocol says that a request is not what the model asks for: a value of the wrong kind, and all else.
REFUSALS = {
    "json": ({"SerializationException"}, {"ValidationException", "InvalidParameterException"}),
    "smithy-rpc-v2-cbor": ({"SerializationException"}, {"ValidationException"}),
    "query": ({"MalformedInput"}, {"ValidationError", "MissingParameter", "InvalidParameterValue", "InvalidParameterCombination"}),
    "ec2": ({"InvalidParameterValue"}, {"InvalidParameterValue"}),
}


def refusals(protocol, kind):
    """The codes with which a violation of that kind is refused, beside the operation's own."""
    if (protocol, kind) == ("ec2", "required"):
        return {"MissingParameter"}
    of_type, of_constraint = REFUSALS[protocol]
    return of_type if kind == "type" else of_constraint


def is_named(violation, text):
    """Whether a text says which member is wrong; of an entry of a list it may be the list."""
    names = [name for name in violation.path if name not in ("[]", "{}")]
    return names[-1].lower() in text.lower()


def sayable_in_query(model, violation):
    """Form parameters are text: only numbers, truth and time can be of the wrong kind, and a structure without members is not there."""
    if violation.kind == "empty union":
        return False
    if violation.kind not in ("type", "union"):
        return True
    shape = model.input_shape
    for name in violation.path:
        shape = shape.member if name == "[]" else shape.value if name == "{}" else shape.members[name]
    if violation.kind == "union":
        return all(of.type_name != "structure" or of.members for of in list(shape.members.values())[:2])
    return shape.type_name in ("integer", "long", "double", "float", "boolean", "timestamp")
