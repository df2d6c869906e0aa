"""Reads AWS's service models as botocore carries them."""
import gzip
import json
import pathlib
import re

PROTOCOLS = ["query", "ec2", "json", "rest-json", "rest-xml", "smithy-rpc-v2-cbor"]


def read(path):
    data = path.read_bytes()
    return json.loads(gzip.decompress(data) if path.suffix == ".gz" else data)


class Operation:
    def __init__(self, service, name, model):
        self.service = service
        self.name = name
        self.model = model
        self.method = model["http"]["method"]
        self.path, _, query = model["http"]["requestUri"].partition("?")
        self.literals = []
        for pair in filter(None, query.split("&")):
            key, equals, value = pair.partition("=")
            if "{" in pair:
                raise SystemExit(f"{service.key}.{name}: a label in the query of its template")
            self.literals.append((key, value if equals else None))
        self.readonly = bool(model.get("readonly"))
        self.idempotent = bool(model.get("idempotent"))
        self.unsigned = model.get("authtype") == "none" or "smithy.api#noAuth" in model.get("auth", [])
        self.host_prefix = model.get("endpoint", {}).get("hostPrefix", "")
        self.input = model["input"]["shape"] if "input" in model else None
        self.output = model["output"]["shape"] if "output" in model else None

    @property
    def reads_by_method(self):
        return self.service.rest and self.method in ("GET", "HEAD")


class Service:
    def __init__(self, key, versions, model):
        meta = model["metadata"]
        self.key = key
        self.title = re.sub(r"\s+", " ", meta["serviceFullName"]).strip()
        self.signing_name = meta.get("signingName") or meta["endpointPrefix"]
        self.endpoint_prefix = meta["endpointPrefix"]
        self.target_prefix = meta.get("targetPrefix", "")
        self.versions = versions
        self.is_global = bool(meta.get("globalEndpoint"))
        self.shapes = model["shapes"]
        accepted = set(meta.get("protocols") or []) | {meta["protocol"]}
        # Such a service speaks JSON now and goes on accepting the forms that its older clients send.
        if "awsQueryCompatible" in meta:
            accepted.add("query")
        unknown = accepted - set(PROTOCOLS)
        if unknown:
            raise SystemExit(f"{key}: unknown protocol {unknown}")
        self.protocols = [p for p in PROTOCOLS if p in accepted]
        self.rest = any(p.startswith("rest-") for p in self.protocols)
        self.ec2 = "ec2" in accepted
        self.operations = [Operation(self, name, model["operations"][name]) for name in sorted(model["operations"])]

    def wire_name(self, name, member):
        """The name of a member where it stands in the request."""
        if member.get("location") in (None, "uri") and self.ec2:
            if "queryName" in member:
                return member["queryName"]
            wire = member.get("locationName", name)
            return wire[0].upper() + wire[1:]
        wire = member.get("locationName", name)
        return wire.lower() if member.get("location") in ("header", "headers") else wire

    def members(self, shape):
        return self.shapes[shape].get("members", {})

    def steps(self, shape, path):
        """How a path of member names looks in the answer, whatever protocol it comes in, and the type it leads to."""
        out = []
        payload = self.shapes[shape].get("payload")  # the body itself: its name is not written
        for part in path.split("."):
            name = part.rstrip("[]{}")
            member = self.members(shape)[name]
            if member.get("location") or member.get("jsonvalue"):
                raise SystemExit(f"{self.key}: {path}: a secret outside of the body, or in JSON within JSON")
            shape = member["shape"]
            names = {name, member.get("locationName", name)}
            inner = []
            for mark in re.findall(r"\[\]|\{\}", part):
                model = self.shapes[shape]
                element = model["member" if mark == "[]" else "value"]
                if mark == "{}":
                    inner.append("{}" + "|".join(sorted({"value", element.get("locationName", "value")})))
                else:
                    inner.append("[]")
                    if (member.get("flattened") or model.get("flattened")) and "locationName" in element:
                        names.add(element["locationName"])
                shape = element["shape"]
            if any(set(name) & set("|[]{}") or not name for name in names):
                raise SystemExit(f"{self.key}: {path}: a name that steps cannot spell")
            if not out and name == payload:
                if inner:
                    raise SystemExit(f"{self.key}: {path}: the body is a list")
                payload = None
                continue
            out += ["|".join(sorted(names))] + inner
        return out, self.shapes[shape]["type"]


def load(folder):
    """Every service with the newest version of its model, by key."""
    services = []
    for path in sorted(pathlib.Path(folder).iterdir()):
        found = []
        for version in sorted(p for p in path.iterdir() if p.is_dir()) if path.is_dir() else []:
            for name in ("service-2.json", "service-2.json.gz"):
                if (version / name).exists():
                    found.append((version.name, version / name))
        if found:
            services.append(Service(path.name, [version for version, _ in found], read(found[-1][1])))
    if not services:
        raise SystemExit(f"{folder}: no service models")
    return services
