"""Answers with secrets in them, written from the models that botocore carries, and what its parsers make of them afterwards.

  aws_responses.py write < OPERATIONS    an answer for each operation: a JSON line each
                                         {"service":…,"operation":…,"form":…,"content_type":…,"body":BASE64,"secrets":[TEXT…]}
  aws_responses.py check < REDACTED      says what is wrong with the redacted ones: a line each, and exits with 1

OPERATIONS has a line each: {"service":…,"operation":…,"paths":[…]}; REDACTED repeats the lines of `write` with "paths" and
"redacted": BASE64. Exits with 77 where there is no botocore.
"""
import base64
import json
import re
import struct
import sys

try:
    import botocore.loaders
    import botocore.model
    import botocore.parsers
except ImportError:
    sys.exit(77)

MARK = "[redacted by countersign]"
DEPTH = 14


class Values:
    """Something for every member: what stands at one of the paths is a secret, each another one."""

    def __init__(self, paths):
        self.paths = set(paths)
        self.secrets = []
        self.count = 0

    def of(self, shape, path, seen):
        if len(seen) > DEPTH or seen.count(shape.name) > 0:
            return None
        below = seen + [shape.name]
        kind = shape.type_name
        if kind == "structure":
            chosen = list(shape.members)
            if getattr(shape, "is_tagged_union", False):
                wanted = [name for name in chosen
                          if any(one.startswith(f"{path}.{name}" if path else name) for one in self.paths)]
                chosen = (wanted or chosen)[:1]
            members = {name: self.of(shape.members[name], f"{path}.{name}" if path else name, below) for name in chosen}
            return {name: value for name, value in members.items() if value is not None}
        if kind == "list":
            values = [self.of(shape.member, path + "[]", below) for _ in range(2)]
            return [value for value in values if value is not None]
        if kind == "map":
            if shape.key.enum:
                keys = shape.key.enum[:2]
            else:
                keys = ["first", "second"]
            values = {key: self.of(shape.value, path + "{}", below) for key in keys}
            return {key: value for key, value in values.items() if value is not None}
        self.count += 1
        if kind in ("string", "blob", "character"):
            if path in self.paths:
                text = f"hush-{self.count}-\u00e9\"<&"
                self.secrets.append(text)
            else:
                text = f"plain-{self.count}-\u00e9\"<&"
            return text.encode() if kind == "blob" else text
        return {"boolean": True, "timestamp": 1700000000, "float": 1.5, "double": 2.5}.get(kind, 7)


def json_of(shape, value):
    kind = shape.type_name
    if kind == "structure":
        return {member.serialization.get("name", name): json_of(member, value[name])
                for name, member in shape.members.items() if name in value}
    if kind == "list":
        return [json_of(shape.member, one) for one in value]
    if kind == "map":
        return {key: json_of(shape.value, one) for key, one in value.items()}
    if kind == "blob":
        return base64.b64encode(value).decode()
    if kind == "timestamp" and shape.serialization.get("timestampFormat") in ("iso8601", "rfc822"):
        return "2026-01-01T00:00:00Z"
    return value


def escaped(text):
    return str(text).replace("&", "&amp;").replace("<", "&lt;").replace('"', "&quot;")


def xml_of(shape, name, value):
    kind = shape.type_name
    if kind == "structure":
        attributes, inner = "", ""
        for member_name, member in shape.members.items():
            if member_name not in value or member.serialization.get("location"):
                continue
            wire = member.serialization.get("name", member_name)
            if member.serialization.get("xmlAttribute"):
                attributes += f' {wire}="{escaped(value[member_name])}"'
            else:
                inner += xml_of(member, wire, value[member_name])
        return f"<{name}{attributes}>{inner}</{name}>"
    if kind == "list":
        if shape.serialization.get("flattened"):
            inner = shape.member.serialization.get("name", name)
            return "".join(xml_of(shape.member, inner, one) for one in value)
        inner = shape.member.serialization.get("name", "member")
        return f"<{name}>" + "".join(xml_of(shape.member, inner, one) for one in value) + f"</{name}>"
    if kind == "map":
        key_name = shape.key.serialization.get("name", "key")
        value_name = shape.value.serialization.get("name", "value")
        flat = shape.serialization.get("flattened")
        entry = name if flat else "entry"
        inner = "".join(f"<{entry}>" + xml_of(shape.key, key_name, key) + xml_of(shape.value, value_name, one) + f"</{entry}>"
                        for key, one in value.items())
        return inner if flat else f"<{name}>{inner}</{name}>"
    if kind == "blob":
        return f"<{name}>{base64.b64encode(value).decode()}</{name}>"
    if kind == "boolean":
        return f"<{name}>true</{name}>"
    if kind == "timestamp":
        return f"<{name}>2026-01-01T00:00:00Z</{name}>"
    return f"<{name}>{escaped(value)}</{name}>"


def cbor_head(major, size):
    if size < 24:
        return bytes([major << 5 | size])
    if size < 256:
        return bytes([major << 5 | 24, size])
    return bytes([major << 5 | 25]) + struct.pack(">H", size)


def cbor_of(shape, value):
    kind = shape.type_name
    if kind == "structure":
        pairs = [(name, cbor_of(member, value[name])) for name, member in shape.members.items() if name in value]
        return cbor_head(5, len(pairs)) + b"".join(cbor_text(name) + one for name, one in pairs)
    if kind == "list":
        return b"\x9f" + b"".join(cbor_of(shape.member, one) for one in value) + b"\xff"
    if kind == "map":
        return b"\xbf" + b"".join(cbor_text(key) + cbor_of(shape.value, one) for key, one in value.items()) + b"\xff"
    if kind == "blob":
        return cbor_head(2, len(value)) + value
    if kind == "boolean":
        return b"\xf5"
    if kind == "timestamp":
        return b"\xc1\xfb" + struct.pack(">d", value)
    if kind in ("float", "double"):
        return b"\xfb" + struct.pack(">d", value)
    if kind in ("integer", "long"):
        return cbor_head(0, value)
    return cbor_text(value)


def cbor_text(text):
    return cbor_head(3, len(text.encode())) + text.encode()


def body_of(protocol, operation, value):
    shape = operation.output_shape
    if protocol in ("json", "rest-json"):
        payload = shape.serialization.get("payload")
        if payload:
            return "application/json", json.dumps(json_of(shape.members[payload], value[payload])).encode()
        return "application/x-amz-json-1.1", json.dumps(json_of(shape, value), ensure_ascii=False).encode()
    if protocol == "smithy-rpc-v2-cbor":
        return "application/cbor", cbor_of(shape, value)
    head = '<?xml version="1.0" encoding="UTF-8"?>\n'
    if protocol == "query":
        inner = xml_of(shape, shape.serialization.get("resultWrapper", operation.name + "Result"), value)
        return "text/xml", (head + f'<{operation.name}Response xmlns="https://example.amazonaws.com/doc/">{inner}'
                            "<ResponseMetadata><RequestId>1</RequestId></ResponseMetadata>"
                            f"</{operation.name}Response>").encode()
    payload = shape.serialization.get("payload")
    if payload:
        return "application/xml", (head + xml_of(shape.members[payload], shape.members[payload].name, value[payload])).encode()
    return "text/xml", (head + xml_of(shape, operation.name + "Response", value)).encode()


def models():
    loader = botocore.loaders.Loader()
    loader.search_paths[:] = [loader.BUILTIN_DATA_PATH]
    known = {}

    def model(key):
        if key not in known:
            known[key] = botocore.model.ServiceModel(loader.load_service_model(key, "service-2"), key)
        return known[key]
    return set(loader.list_available_services("service-2")), model


FORMS = {"json": "json", "rest-json": "json", "query": "xml", "ec2": "xml", "rest-xml": "xml", "smithy-rpc-v2-cbor": "cbor"}


def write():
    services, model = models()
    for line in sys.stdin:
        asked = json.loads(line)
        if asked["service"] not in services:
            continue
        service = model(asked["service"])
        if asked["operation"] not in service.operation_names:
            continue
        operation = service.operation_model(asked["operation"])
        if operation.output_shape is None:
            continue
        # CBOR is younger than some botocores, but its form follows from the model alone.
        for protocol in [service.metadata["protocol"], "smithy-rpc-v2-cbor"]:
            values = Values(asked["paths"])
            value = values.of(operation.output_shape, "", [])
            content_type, body = body_of(protocol, operation, value)
            print(json.dumps({"service": asked["service"], "operation": asked["operation"], "form": FORMS[protocol],
                              "protocol": protocol, "content_type": content_type, "secrets": values.secrets,
                              "body": base64.b64encode(body).decode()}))


def leaves(shape, value, path):
    if value is None:
        return
    kind = shape.type_name
    if kind == "structure":
        for name, member in shape.members.items():
            if name in value:
                yield from leaves(member, value[name], f"{path}.{name}" if path else name)
    elif kind == "list":
        for one in value:
            yield from leaves(shape.member, one, path + "[]")
    elif kind == "map":
        for one in value.values():
            yield from leaves(shape.value, one, path + "{}")
    else:
        yield path, value


def check():
    _, model = models()
    wrong = checked = beyond = 0
    for line in sys.stdin:
        one = json.loads(line)
        service = model(one["service"])
        shape = service.operation_model(one["operation"]).output_shape
        try:
            parser = botocore.parsers.create_parser(one["protocol"])
        except KeyError:  # a botocore that does not speak it yet
            continue
        said = []
        parsed = []
        for body in (one["body"], one["redacted"]):
            answer = {"status_code": 200, "headers": {"content-type": one["content_type"]}, "body": base64.b64decode(body)}
            try:
                parsed.append(list(leaves(shape, parser.parse(answer, shape), "")))
            except Exception as error:  # pylint: disable=broad-except
                said.append(f"does not parse any more: {error}")
        if not said:
            before, after = parsed
            if [path for path, _ in before] != [path for path, _ in after]:
                said.append("has other members than before")
            else:
                checked += 1
                for (path, was), (_, is_now) in zip(before, after):
                    hidden = is_now in (MARK, MARK.encode())
                    if path in one["paths"] and isinstance(was, (str, bytes)) and not hidden:
                        said.append(f"{path} is {is_now!r}")
                    if path not in one["paths"] and is_now != was:
                        beyond += 1
                        print(f"{one['service']} {one['operation']} {one['form']}: {path} is hidden, too", file=sys.stderr)
        for text in said:
            wrong += 1
            print(f"{one['service']} {one['operation']} {one['form']}: {text}")
    print(f"{checked} parsed, {beyond} values hidden that were no secrets", file=sys.stderr)
    return 1 if wrong or beyond > 20 else 0


sys.exit(write() if sys.argv[1] == "write" else check())
