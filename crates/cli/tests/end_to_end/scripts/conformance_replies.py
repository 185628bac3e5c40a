"""Whether the body of an answer is what the service's model says: no member that it does not know, none missing that it requires.

It reads the bytes themselves, not what botocore made of them: botocore passes over what it does not know. Start at `wrong`.
"""

import json
import xml.etree.ElementTree as xml

from botocore.parsers import RpcV2CBORParser


def wrong(shape, response):
    """All that is wrong with an answer that went well, as texts."""
    body, kind = response["body"], response["headers"].get("content-type", "")
    if kind.startswith("text/xml"):
        return list(of_xml(shape, body))
    if not body:
        return [] if shape is None or not shape.members else ["there is no body"]
    if kind == "application/cbor":
        parser = RpcV2CBORParser()
        document = parser.parse_data_item(parser.get_peekable_stream_from_bytes(body))
    else:
        document = json.loads(body)
    if shape is None:
        return [] if document == {} else [f"a body where the model has none: {document}"]
    return list(of_document(shape, document, ""))


KINDS = {
    "string": str, "integer": int, "long": int, "double": (int, float), "float": (int, float), "boolean": bool,
    "list": list, "map": dict, "structure": dict,
}


def of_document(shape, given, path):
    kind = KINDS.get(shape.type_name)
    if kind and not getattr(shape, "is_document_type", False) and (not isinstance(given, kind) or isinstance(given, bool) != (kind is bool)):
        yield f"{path}: {given!r} where the model has a {shape.type_name}"
        return
    if shape.type_name == "structure" and not getattr(shape, "is_document_type", False):
        yield from members(shape, given.keys(), path)
        for name in given.keys() & shape.members.keys():
            yield from of_document(shape.members[name], given[name], f"{path}.{name}")
    elif shape.type_name == "list":
        for number, entry in enumerate(given):
            yield from of_document(shape.member, entry, f"{path}[{number}]")
    elif shape.type_name == "map":
        for name, entry in given.items():
            yield from of_document(shape.value, entry, f"{path}[{name}]")
    elif shape.type_name == "string":
        yield from of_text(shape, given, path)


def of_text(shape, given, path):
    if shape.enum and given not in shape.enum:
        yield f"{path}: {given!r} is no value of {shape.name}"


def members(shape, given, path):
    for name in given - shape.members.keys():
        yield f"{path}: a member {name} that {shape.name} does not have"
    for name in set(shape.required_members) - given:
        yield f"{path}: no {name}, which {shape.name} requires"


def plain(element):
    return element.tag.rpartition("}")[2]


def of_xml(shape, body):
    root = xml.fromstring(body)
    wrapper = shape.serialization.get("resultWrapper") if shape is not None else None
    found = {plain(child): child for child in root}
    if wrapper is None and "ResponseMetadata" in found:
        extra = [name for name in found if name != "ResponseMetadata" and not name.endswith("Result")]
        if extra:
            yield f"elements {extra} where the model has none"
        return
    if wrapper is not None:
        if wrapper not in found:
            yield f"no element {wrapper}"
            return
        yield from of_element(shape, found[wrapper], "", ())
        return
    # EC2 puts the members beside the request's id.
    if shape is not None:
        yield from of_element(shape, root, "", ("requestId",))
    elif set(found) - {"requestId", "return"}:
        yield f"elements {sorted(found)} where the model has none"


def of_element(shape, element, path, beside):
    if shape.type_name == "structure":
        names = {}
        for member, of in shape.members.items():
            name = of.serialization.get("name", member)
            if of.type_name == "list" and of.serialization.get("flattened"):
                name = of.member.serialization.get("name", name)
            names[name] = member
        given = {names.get(plain(child), plain(child)) for child in element if plain(child) not in beside}
        yield from members(shape, given, path)
        for child in element:
            if plain(child) in names:
                member = shape.members[names[plain(child)]]
                flattened = member.type_name == "list" and member.serialization.get("flattened")
                yield from of_element(member.member if flattened else member, child, f"{path}.{names[plain(child)]}", ())
    elif shape.type_name == "list":
        name = shape.member.serialization.get("name", "member")
        for number, child in enumerate(element):
            if plain(child) != name:
                yield f"{path}: an element {plain(child)} where entries are called {name}"
            yield from of_element(shape.member, child, f"{path}[{number}]", ())
    elif shape.type_name == "map":
        for child in element:
            parts = {plain(part): part for part in child}
            if plain(child) != "entry" or set(parts) != {"key", "value"}:
                yield f"{path}: {xml.tostring(child)!r} is no entry of a map"
            else:
                yield from of_element(shape.value, parts["value"], f"{path}[{parts['key'].text}]", ())
    elif shape.type_name in ("integer", "long", "double", "float"):
        try:
            float(element.text)
        except (TypeError, ValueError):
            yield f"{path}: {element.text!r} where the model has a {shape.type_name}"
    elif shape.type_name == "boolean":
        if element.text not in ("true", "false"):
            yield f"{path}: {element.text!r} where the model has a boolean"
    elif shape.type_name == "string":
        yield from of_text(shape, element.text or "", path)
