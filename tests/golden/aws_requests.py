"""Every operation that botocore can serialise, as the request it would send: a JSON line each.

  {"service":…,"operation":…,"signing_name":…,"method":…,"path":…,"query":…,"headers":[[name,value]…],"body":BASE64}

Parameters are the required ones only, with the smallest values the model allows. Clients are not made, so nothing is signed or sent. Run
with Debian's Python, whose botocore is installed by scripts/setup; exits with 77 when there is none.
"""
import base64
import datetime
import io
import json
import sys
import urllib.parse

try:
    import botocore.awsrequest
    import botocore.loaders
    import botocore.model
    import botocore.serialize
except ImportError:
    sys.exit(77)

TEXTS = {  # where a service's clients check the value before they send it
    "AccountId": "123456789012",
    "BucketName": "example-bucket",
}
SIGNING_NAMES = {"ListDirectoryBuckets": "s3express"}  # as the rules for endpoints say, which are not asked here
DEPTH = 12


def value_of(shape, seen):
    if len(seen) > DEPTH or seen.count(shape.name) > 1:
        return {} if shape.type_name in ("structure", "map") else [] if shape.type_name == "list" else "x"
    below = seen + [shape.name]
    kind = shape.type_name
    if kind == "structure":
        if getattr(shape, "is_document_type", False):
            return {}
        members = {name: value_of(shape.members[name], below) for name in shape.required_members}
        if getattr(shape, "is_tagged_union", False) and not members:
            name = next(iter(shape.members))
            members = {name: value_of(shape.members[name], below)}
        return members
    if kind == "list":
        return [value_of(shape.member, below)] if shape.metadata.get("min", 0) or len(seen) < 3 else []
    if kind == "map":
        return {"k" * max(1, shape.key.metadata.get("min", 1)): value_of(shape.value, below)}
    if kind == "string":
        if shape.enum:
            return shape.enum[0]
        return TEXTS.get(shape.name, "x" * max(1, min(shape.metadata.get("min", 1), 64)))
    if kind in ("integer", "long"):
        return max(1, shape.metadata.get("min", 1))
    if kind in ("float", "double"):
        return 1.0
    if kind == "boolean":
        return True
    if kind == "timestamp":
        return datetime.datetime(2026, 1, 1, tzinfo=datetime.timezone.utc)
    if kind == "blob":
        return b"x"
    raise ValueError(kind)


def bytes_of(body):
    if body is None:
        return b""
    if isinstance(body, dict):  # forms
        return urllib.parse.urlencode(body, doseq=True).encode()
    if isinstance(body, str):
        return body.encode()
    if isinstance(body, io.IOBase):
        return body.read()
    return bytes(body)


def main():
    loader = botocore.loaders.Loader()
    loader.search_paths[:] = [loader.BUILTIN_DATA_PATH]
    for key in loader.list_available_services("service-2"):
        model = botocore.model.ServiceModel(loader.load_service_model(key, "service-2"), service_name=key)
        serializer = botocore.serialize.create_serializer(model.metadata["protocol"], include_validation=False)
        for name in model.operation_names:
            operation = model.operation_model(name)
            parameters = value_of(operation.input_shape, []) if operation.input_shape else {}
            try:
                request = serializer.serialize_to_request(parameters, operation)
            except Exception as error:  # the model is stricter than the smallest value
                print(json.dumps({"service": key, "operation": name, "problem": repr(error)}))
                continue
            body = bytes_of(request.get("body"))
            request["context"] = {}
            botocore.awsrequest.prepare_request_dict(request, endpoint_url="http://gateway.example", context={})
            url = urllib.parse.urlsplit(request["url"])
            headers = [[k, v] for k, v in request["headers"].items() if k != "User-Agent"]
            print(json.dumps({
                "service": key, "operation": name, "signing_name": SIGNING_NAMES.get(name, model.signing_name), "method": request["method"],
                "path": url.path or "/", "query": url.query, "headers": headers, "body": base64.b64encode(body).decode(),
            }))


main()
