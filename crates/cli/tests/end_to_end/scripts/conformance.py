"""Every operation that the local cloud implements, asked with requests made from botocore's own model of it.

Valid ones: the required members, those and each other one, and all of them. Each answer has no member that the model does
not know and misses none that it requires; each error is one that the model or the service has, and never a 5xx. Then one
request for each constraint that breaks it, which is refused with a 4xx of the right kind. What is not implemented says so.
"""

import collections
import json
import pathlib
import sys
import time

import botocore.config
import botocore.exceptions
import botocore.parsers
import botocore.serialize
import botocore.session

import conformance_allowed as allowed
import conformance_replies as replies
import conformance_values as values
import conformance_world as world

TABLES = pathlib.Path(__file__).parents[5] / "crates/models/src"
SERVICES = [
    "ecs", "elbv2", "codedeploy", "cloudwatch", "logs", "secretsmanager", "ssm", "ecr", "ec2", "iam", "sts", "application-autoscaling",
]
# Beyond the one that botocore takes for them, for clients that are older or other ones.
OTHER_PROTOCOLS = [("codedeploy", "smithy-rpc-v2-cbor"), ("cloudwatch", "smithy-rpc-v2-cbor"), ("cloudwatch", "query")]
found = []
counts = collections.Counter()
succeeded = set()


def table(service):
    return json.loads((TABLES / f"{service.replace('-', '_')}.json").read_text())


def client(service, protocol=None):
    """A client that sends whatever it is told, once, in that protocol, and has every answer checked."""
    session = botocore.session.get_session()
    if protocol:
        loader = session.get_component("data_loader")
        load = loader.load_service_model
        def spoken(name, kind, *arguments, **named):
            model = load(name, kind, *arguments, **named)
            if kind != "service-2":
                return model
            return {**model, "metadata": {**model["metadata"], "protocol": protocol, "protocols": [protocol]}}
        loader.load_service_model = spoken
    made = session.create_client(service, config=botocore.config.Config(
        parameter_validation=False, inject_host_prefix=False, retries={"total_max_attempts": 1}))
    made.meta.events.register("before-parse.*", check)
    return made


def check(operation_model, response_dict, **_):
    """Looks at an answer's own bytes. What is wrong is written down, so that all of it is found in one run."""
    name = f"{operation_model.service_model.service_name} {operation_model.name}"
    if response_dict["status_code"] < 300:
        succeeded.add((operation_model.service_model.service_name, operation_model.name))
        counts["answers"] += 1
        for text in replies.wrong(operation_model.output_shape, response_dict):
            if not allowed.is_unlisted(operation_model, text):
                found.append(f"{name}: {text}")


def ask(client, service, operation, arguments):
    """The code, status and text of the error that it is refused with; `None` when it is not."""
    counts["requests"] += 1
    try:
        client._make_api_call(operation, arguments)
    except botocore.exceptions.ClientError as error:
        told = error.response["Error"]
        return told["Code"], error.response["ResponseMetadata"]["HTTPStatusCode"], told.get("Message", "")
    except (botocore.exceptions.BotoCoreError, botocore.parsers.ResponseParserError) as error:
        found.append(f"{service} {operation}: {error!r} of {str(arguments)[:300]}")
    return None


def codes(model):
    """The codes of an operation's own errors."""
    return {code for shape in model.error_shapes for code in (shape.name, shape.metadata.get("error", {}).get("code"))}


def valid(client, service, operation, known, needed):
    model = client.meta.service_model.operation_model(operation)
    shape = model.input_shape
    base = lambda: {**values.minimal(shape, known), **needed()}
    requests = [("minimal", {}), *values.each_with_one_more(shape, known), ("full", values.full(shape, known))]
    for what, more in requests:
        counts["valid requests"] += 1
        arguments = {**more, **base()}
        refused = ask(client, service, operation, arguments)
        if refused is None:
            counts["valid requests, done"] += 1
            continue
        code, status, text = refused
        if code == "NotImplemented" and status == 501 and "local cloud" in text:
            counts["valid requests, of something not implemented"] += 1
            continue
        counts["valid requests, refused by what exists"] += 1
        if status >= 500 or code not in codes(model) | allowed.errors(service, operation):
            found.append(f"{service} {operation} ({what}): {status} {code} {text[:300]}, of {str(arguments)[:300]}")


def violated(client, service, operation, known):
    model = client.meta.service_model.operation_model(operation)
    protocol = model.service_model.resolved_protocol
    own = {code for code in codes(model) if code and ("Required" in code or code.startswith("Invalid"))}
    for violation in values.violations(model.input_shape, known):
        if protocol in ("query", "ec2") and not allowed.sayable_in_query(model, violation):
            continue
        counts["violations"] += 1
        refused = ask(client, service, operation, violation.arguments)
        said = f"{service} {operation} {'.'.join(violation.path)} ({violation.kind})"
        if refused is None:
            found.append(f"{said} was accepted: {str(violation.arguments)[:200]}")
            continue
        code, status, text = refused
        if not 400 <= status < 500 or code not in allowed.refusals(protocol, violation.kind) | own:
            found.append(f"{said}: {status} {code} {text[:200]}")
        elif violation.kind != "type" and not allowed.is_named(violation, text):
            found.append(f"{said} is not named: {code} {text[:200]}")


def order(operation):
    """What reads comes before what changes, and what removes comes last."""
    reads = operation.startswith(("Describe", "Get", "List", "BatchGet", "Filter", "Validate"))
    removes = operation.startswith(("Delete", "Remove", "Untag", "Deregister", "Stop", "Detach", "Disassociate", "Release", "Revoke", "Unlabel"))
    return (not reads, removes, operation)


def unimplemented(client, service, implemented):
    """What AWS has and the local cloud has not is answered as that, by its name, and by nothing else."""
    for operation in client.meta.service_model.operation_names:
        if operation in implemented:
            continue
        counts["not implemented"] += 1
        try:
            # botocore itself needs to know where a copy is made from.
            client._make_api_call(operation, {"SourceRegion": "eu-west-1"} if operation in ("CopySnapshot",) else {})
            found.append(f"{service} {operation} is not implemented, but answered")
        except botocore.exceptions.ClientError as error:
            told = error.response["Error"]
            if operation not in told.get("Message", "") or told["Code"] not in ("NotImplemented", "UnknownOperationException", "InvalidAction"):
                found.append(f"{service} {operation} is not implemented, but answered {told}")


def go_through(client, service, known, needed):
    begun = time.monotonic()
    operations = sorted(table(service)["operations"], key=order)
    for operation in operations:
        violated(client, service, operation, known)
    for operation in operations:
        valid(client, service, operation, known, needed.get((service, operation), dict))
    unimplemented(client, service, operations)
    protocol = client.meta.service_model.resolved_protocol
    print(f"{time.monotonic() - begun:5.1f} s {service} in {protocol}: {len(operations)} operations", flush=True)


def main():
    values.lenient(botocore.serialize)
    clients = {service: client(service) for service in SERVICES}
    known = world.build(clients.__getitem__)
    needed = world.needed(clients.__getitem__, known)
    for service in SERVICES:
        go_through(clients[service], service, known[service], needed)
    for service, protocol in OTHER_PROTOCOLS:
        go_through(client(service, protocol), service, known[service], needed)
    implemented = [(service, operation) for service in SERVICES for operation in table(service)["operations"]]
    for pair in implemented:
        if (pair in succeeded) == (pair in allowed.NEVER):
            found.append(f"{' '.join(pair)} {'succeeded' if pair in succeeded else 'never succeeded'}")
    for name, count in sorted(counts.items()):
        print(f"{count:7} {name}")
    print(f"{len(implemented):7} operations implemented, of which {len(succeeded)} went well")
    if found:
        sys.exit(f"{len(found)} findings:\n" + "\n".join(found))


main()
