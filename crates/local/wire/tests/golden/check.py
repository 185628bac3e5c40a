"""Shows that botocore reads the golden answers of the wire as what was meant.

Usage: python check.py   (needs botocore; exits 1 and says what differs)
"""

import datetime
import json
import pathlib
import sys

import botocore.parsers
import botocore.session

HERE = pathlib.Path(__file__).parent / "responses"


def plain(value):
    if isinstance(value, datetime.datetime):
        return value.timestamp()
    if isinstance(value, dict):
        return {key: plain(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [plain(inner) for inner in value]
    return value


def main():
    session = botocore.session.get_session()
    checked = failed = 0
    for path in sorted(HERE.glob("*.json")):
        case = json.loads(path.read_text())
        head, body = path.with_suffix(".http").read_bytes().split(b"\r\n\r\n", 1)
        status, *lines = head.decode().split("\r\n")
        headers = botocore.awsrequest.HeadersDict(dict(line.split(": ", 1) for line in lines))
        model = session.get_service_model(case["service"])
        operation = model.operation_model(case["operation"])
        parser = botocore.parsers.create_parser(case["protocol"])
        answer = {"status_code": int(status.split()[1]), "headers": headers, "body": body}
        parsed = parser.parse(answer, operation.output_shape)
        metadata = parsed.pop("ResponseMetadata")
        # Of an answer without output in CBOR, botocore reads nothing at all.
        is_read = operation.output_shape or case["protocol"] != "smithy-rpc-v2-cbor" or case.get("error")
        problems = [] if metadata.get("RequestId") or not is_read else ["no RequestId"]
        if case.get("output") is not None:
            if plain(parsed) != case["output"]:
                problems.append(f"{plain(parsed)}\n is not\n{case['output']}")
        else:
            error = parsed["Error"]
            shape = model.shape_for_error_code(error["Code"])
            known = {case["error"]["code"]} | ({shape.name} if shape else set())
            if error["Message"] != case["error"]["message"]:
                problems.append(f"message: {error}")
            if shape is None and error["Code"] not in known:
                problems.append(f"code: {error}")
            if shape is not None and case["error"]["code"] not in (shape.name, error["Code"]):
                problems.append(f"shape: {shape}, {error}")
            if shape is not None and case["error"].get("members"):
                modelled = plain(parser.parse(answer, shape))
                for name, value in case["error"]["members"].items():
                    if modelled.get(name) != value:
                        problems.append(f"{name}: {modelled}")
        checked += 1
        for problem in problems:
            failed += 1
            print(f"{path.stem}: {problem}")
    print(f"{checked - failed} passed, {failed} failed")
    sys.exit(1 if failed or not checked else 0)


main()
