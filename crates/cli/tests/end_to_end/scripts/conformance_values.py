"""Requests made from a service's model: valid ones, and for each constraint one that breaks it.

It knows shapes and nothing of what exists: names of things that do come in as `known`. Start at `minimal` and `violations`.
"""

import re
import string
from dataclasses import dataclass

# Of these the first that a pattern and its bounds take is the valid value, and the first that they do not take the invalid one.
VALID = ["conformance", "conform-1", "a" * 36, "/", "/conformance/", "123456789012", "123456", "v1", "404", "HTTP", "ipv4pool-coip-a",
         "ipam-pool-a", "eu-west-1", "Name", "arn:aws:application-autoscaling:eu-west-1:123456789012:scalable-target/a",
         "arn:aws:iam::123456789012:role/conformance", "AKIAIOSFODNN7EXAMPLE", "*", "a",
         "sha256:" + "0" * 64, "01234567-89ab-cdef-0123-456789abcdef"]
INVALID = ["\u0001", "!", "*", ":", " ", "a b", "€", "é", "conformance!", "-", "/a/", "A" * 12, "a!" * 18, "[]", "!!!!!!!!!!!!!!!!!!!!", "\u0001" * 20]


@dataclass
class Wrong:
    """A value that is written as it is, whatever the model says: `lenient` makes botocore's serializers do that."""

    value: object


@dataclass
class Violation:
    """A request with one thing wrong."""

    # `required`, `length`, `range`, `pattern`, `enum`, `union`, `empty union` or `type`.
    kind: str
    # The names on the way to it.
    path: tuple
    arguments: dict


def expression(pattern):
    """A model's pattern, which is Java's, as Python's; a whole string matches or none of it."""
    pattern = pattern.replace(r"\uD800\uDC00-\uDBFF\uDFFF", r"\U00010000-\U0010FFFF").replace(r"\u10000-\u10FFFF", r"\U00010000-\U0010FFFF")
    for name, characters in (("L", "A-Za-zé"), ("Z", " "), ("N", "0-9")):
        pattern = pattern.replace(rf"\p{{{name}}}", characters)
    return re.compile(pattern.replace(r"\p{Print}", r"[\x20-\x7e]"), re.ASCII)


def bounds(shape):
    return shape.metadata.get("min"), shape.metadata.get("max")


def fits(shape, text):
    least, most = bounds(shape)
    if least is not None and len(text) < least or most is not None and len(text) > most:
        return False
    return "pattern" not in shape.metadata or bool(expression(shape.metadata["pattern"]).fullmatch(text))


def text(shape):
    if shape.enum:
        return shape.enum[0]
    least, _ = bounds(shape)
    candidates = [*VALID, "a" * int(least or 1)]
    return next(candidate for candidate in candidates if fits(shape, candidate))


def value(shape, known, name="", whole=False, outer=()):
    """A valid value: of a structure the required members, or the whole of it."""
    if name in known:
        given = known[name]() if callable(known[name]) else known[name]
        if suits(shape, given):
            return given
    least, most = bounds(shape)
    match shape.type_name:
        case "structure":
            wanted = shape.members if whole else shape.required_members
            if shape.is_tagged_union:
                wanted = list(shape.members)[:1]
            return {
                member: value(shape.members[member], known, member, whole, (*outer, shape.name))
                for member in wanted
                if (*outer, shape.name).count(shape.members[member].name) < 1
            }
        case "list":
            if shape.member.name in outer:
                return []
            # An entry goes by the list's own name: the ARN in `TargetGroupArns` is known as `TargetGroupArn`.
            singular = name[:-1] if name.endswith("s") else name
            return [value(shape.member, known, singular, whole, outer) for _ in range(max(int(least or 0), 1))]
        case "map":
            if shape.value.name in outer:
                return {}
            return {key: value(shape.value, known, "", whole, outer) for key in keys(shape, max(int(least or 0), 1))}
        case "integer" | "long" | "double" | "float":
            number = max(least if least is not None else 1, min(1, most if most is not None else 1))
            return float(number) if shape.type_name in ("double", "float") else int(number)
        case "boolean":
            return False
        case "timestamp":
            return 1795000000
        case "blob":
            return b"a" * max(int(least or 1), 1)
        case _:
            return text(shape)


def suits(shape, given):
    """Whether what is known by a member's name is of its kind: names of different things may be the same."""
    match shape.type_name:
        case "structure":
            return isinstance(given, dict) and given.keys() <= shape.members.keys()
        case "list":
            return isinstance(given, list) and all(suits(shape.member, entry) for entry in given)
        case "string":
            return isinstance(given, str) and (given in shape.enum if shape.enum else fits(shape, given))
        case "integer" | "long" | "timestamp":
            return isinstance(given, int)
        case "double" | "float":
            return isinstance(given, float)
        case "boolean":
            return isinstance(given, bool)
        case _:
            return False


def minimal(shape, known):
    """The required members only."""
    return value(shape, known) if shape else {}


def each_with_one_more(shape, known):
    """The members beyond the required ones, each with a value."""
    for member in shape.members if shape else ():
        if member not in shape.required_members:
            yield member, {member: value(shape.members[member], known, member)}


def full(shape, known):
    """All members, everywhere."""
    return value(shape, known, whole=True) if shape else {}


def violations(shape, known):
    """One request for each constraint that an input's shape has, at each place where it has it."""
    if shape is None:
        return
    base = minimal(shape, known)
    for path, inner, required in places(shape, (), ()):
        for kind, wrong in broken(inner, required):
            yield Violation(kind, tuple(name for name, _ in path), placed(shape, base, path, wrong, known))


ABSENT = object()


def places(shape, path, outer):
    """Every place under a shape, with the shape there and whether its structure requires it."""
    outer = (*outer, shape.name)
    if shape.type_name == "structure":
        inner = [(member, of, member in shape.required_members and "idempotencyToken" not in of.metadata) for member, of in shape.members.items()]
    elif shape.type_name == "list":
        inner = [("[]", shape.member, False)]
    elif shape.type_name == "map":
        inner = [("{}", shape.value, False)]
    else:
        return
    for name, of, required in inner:
        here = (*path, (name, of))
        yield here, of, required
        if of.name not in outer:
            yield from places(of, here, outer)


def placed(shape, given, path, wrong, known):
    """`given` with `wrong` at the end of `path`; what the way there needs is made."""
    (name, inner), rest = path[0], path[1:]
    if shape.type_name == "structure":
        # Of a union the place is the only member.
        given = dict(given) if not shape.is_tagged_union else {member: of for member, of in given.items() if member == name}
        if not rest and wrong is ABSENT:
            given.pop(name, None)
            # In a form a structure without members is not there at all.
            others = [other for other in shape.members if other != name]
            return given or {other: value(shape.members[other], {}, whole=True) for other in others[:1]}
        given[name] = placed(inner, given.get(name) or value(inner, known, name), rest, wrong, known) if rest else wrong
        return given
    if shape.type_name == "list":
        entry = given[0] if given else value(inner, known)
        return [placed(inner, entry, rest, wrong, known) if rest else wrong, *given[1:]]
    key = next(iter(given), None) or text(shape.key)
    return {key: placed(inner, given.get(key) or value(inner, known), rest, wrong, known) if rest else wrong}


def broken(shape, required):
    """The kinds of constraint that a shape has, each with a value that breaks it."""
    if required:
        yield "required", ABSENT
    least, most = bounds(shape)
    match shape.type_name:
        case "structure" if shape.is_tagged_union:
            yield "empty union", {}
            if len(shape.members) > 1:
                yield "union", {member: value(of, {}, member, whole=True) for member, of in list(shape.members.items())[:2]}
        case "string":
            filler = next((c for c in string.ascii_letters + string.digits + "/" if not shape.enum and repeats(shape, c)), "a")
            if least and not shape.enum:
                yield "length", filler * (int(least) - 1)
            if most is not None and not shape.enum:
                yield "length", filler * (int(most) + 1)
            if shape.enum:
                yield "enum", "no-such-value"
            elif "pattern" in shape.metadata:
                matches = expression(shape.metadata["pattern"]).fullmatch
                within = [c for c in INVALID if (least or 0) <= len(c) <= (most or 1000) and not matches(c)]
                if within:
                    yield "pattern", within[0]
        case "integer" | "long" | "double" | "float":
            if least is not None:
                yield "range", least - 1
            if most is not None:
                # One more than the largest integer is no integer.
                yield "type" if most == 2**31 - 1 else "range", most + 1
        case "list":
            # Whole entries: in a form a structure without members is not there at all.
            if least:
                yield "length", [value(shape.member, {}, whole=True)] * (int(least) - 1)
            if most is not None:
                yield "length", [value(shape.member, {}, whole=True)] * (int(most) + 1)
        case "map":
            if least:
                yield "length", {key: value(shape.value, {}) for key in keys(shape, int(least) - 1)}
            if most is not None:
                yield "length", {key: value(shape.value, {}) for key in keys(shape, int(most) + 1)}
        case "blob":
            if least:
                yield "length", b"a" * (int(least) - 1)
            if most is not None:
                yield "length", b"a" * (int(most) + 1)
    if not getattr(shape, "is_document_type", False):
        yield "type", Wrong(7 if shape.type_name in ("string", "blob") else "text")


def keys(shape, count):
    """That many keys of a map."""
    return shape.key.enum[:count] if shape.key.enum else [f"{text(shape.key)}{number}"[:128] for number in range(count)]


def repeats(shape, character):
    if "pattern" not in shape.metadata:
        return True
    return bool(expression(shape.metadata["pattern"]).fullmatch(character * 12))


def lenient(serializers):
    """Makes botocore write a `Wrong` as it is, in each protocol."""

    def query(original):
        def _serialize(self, serialized, given, shape, prefix=""):
            if isinstance(given, Wrong):
                serialized[prefix] = str(given.value)
            else:
                original(self, serialized, given, shape, prefix)
        return _serialize

    def json(original):
        def _serialize(self, serialized, given, shape, key=None):
            if isinstance(given, Wrong):
                serialized[key] = given.value
            else:
                original(self, serialized, given, shape, key)
        return _serialize

    def cbor(original):
        def _serialize_data_item(self, serialized, given, shape, key=None):
            if isinstance(given, Wrong):
                write = self._serialize_type_string if isinstance(given.value, str) else self._serialize_type_integer
                write(serialized, given.value, None, None)
            else:
                original(self, serialized, given, shape, key)
        return _serialize_data_item

    serializers.QuerySerializer._serialize = query(serializers.QuerySerializer._serialize)
    serializers.JSONSerializer._serialize = json(serializers.JSONSerializer._serialize)
    serializers.CBORSerializer._serialize_data_item = cbor(serializers.CBORSerializer._serialize_data_item)
