"""Writes the tables in the form that scopes/catalogue/aws_tables.cc reads: see docs/formats/aws-tables.md."""
import collections

MAGIC = b"cs-aws/2"
TYPES = {"structure": 0, "list": 1, "map": 2, "string": 3, "character": 3, "integer": 4, "long": 4, "short": 4, "float": 5,
         "double": 5, "boolean": 6, "timestamp": 7, "blob": 8}
DOCUMENT = 9
LOCATIONS = {None: 0, "uri": 1, "querystring": 2, "header": 3, "headers": 4}
PARTS = ["literal", "partition", "region", "account", "member", "unknown"]


class Writer:
    """Collects numbers and texts; texts become numbers at the end, the commonest the smallest."""

    def __init__(self):
        self.items = []

    def number(self, value):
        self.items.append(int(value))

    def text(self, value):
        self.items.append(str(value))

    def texts(self, values):
        self.number(len(values))
        for value in values:
            self.text(value)

    def bytes(self):
        count = collections.Counter(item for item in self.items if isinstance(item, str))
        order = sorted(count, key=lambda text: (-count[text], text))
        index = {text: at for at, text in enumerate(order)}
        out = bytearray(MAGIC)
        varint(out, len(order))
        for text in order:
            data = text.encode()
            varint(out, len(data))
            out += data
        for item in self.items:
            varint(out, index[item] if isinstance(item, str) else item)
        return bytes(out)


def varint(out, value):
    while value > 127:
        out.append(value & 127 | 128)
        value >>= 7
    out.append(value)


class Shapes:
    """The shapes that a service's inputs reach; equal simple ones are one."""

    def __init__(self, service):
        self.service = service
        self.index = {}
        self.records = []
        self.members = 0

    def add(self, name, flattened=False):
        shape = self.service.shapes[name]
        kind = DOCUMENT if shape.get("document") else TYPES[shape["type"]]
        flattened = flattened or bool(shape.get("flattened"))
        sensitive = bool(shape.get("sensitive"))
        key = (kind, sensitive) if kind > 2 else (name, flattened)
        if key in self.index:
            return self.index[key]
        at = self.index[key] = len(self.records)
        record = [kind | sensitive << 4 | flattened << 5 | bool(shape.get("union")) << 6]
        self.records.append(record)
        if kind == 0:
            required = set(shape.get("required", ()))
            members = sorted(shape["members"].items(), key=lambda item: item[0].encode())
            record.append(len(members))
            self.members += len(members)
            for member_name, member in members:
                wire = self.service.wire_name(member_name, member)
                flags = (LOCATIONS[member.get("location")] | (member_name in required) << 3 |
                         bool(member.get("idempotencyToken")) << 4 | bool(member.get("hostLabel")) << 5 |
                         bool(member.get("xmlAttribute")) << 6)
                record += [member_name, "" if wire == member_name else wire,
                           self.add(member["shape"], bool(member.get("flattened"))), flags]
        elif kind == 1:
            record += [self.add(shape["member"]["shape"]),
                       shape["member"].get("locationName", "" if flattened else "member")]
        elif kind == 2:
            record += [self.add(shape["value"]["shape"]), shape["value"].get("locationName", "value"),
                       shape["key"].get("locationName", "key")]
        return at


def write(sources, services, entries, counts):
    """entries: (service key, operation name) -> what is known of it. Returns the tables' bytes."""
    from effects import EFFECTS, LEVELS, TRAITS
    from models import PROTOCOLS
    writer = Writer()
    writer.text(sources)
    templates, lists = {}, []
    for service in services:
        for operation in service.operations:
            for template in entries[service.key, operation.name]["resources"]:
                templates.setdefault(template, len(templates))
    writer.number(len(templates))
    for kind, arn, member, parts in templates:
        writer.text(kind)
        writer.text(arn)
        writer.text(member)
        writer.number(len(parts))
        for part, text, path in parts:
            writer.number(PARTS.index(part))
            writer.text(text)
            writer.text(path)
    writer.number(len(services))
    for service in services:
        shapes = Shapes(service)
        inputs = [shapes.add(operation.input) if operation.input else None for operation in service.operations]
        for text in (service.key, service.title, service.signing_name, service.endpoint_prefix, service.prefix,
                     service.target_prefix):
            writer.text(text)
        writer.texts(service.versions)
        writer.number(sum(1 << PROTOCOLS.index(protocol) for protocol in service.protocols))
        writer.number(service.is_global)
        writer.number(len(shapes.records))
        for record in shapes.records:
            for item in record:
                writer.text(item) if isinstance(item, str) else writer.number(item)
        counts["shapes"] += len(shapes.records)
        counts["members"] += shapes.members
        writer.number(len(service.operations))
        for operation, shape in zip(service.operations, inputs):
            entry = entries[service.key, operation.name]
            writer.text(operation.name)
            writer.text(operation.method)
            writer.text(operation.path)
            writer.number(len(operation.literals))
            for key, value in operation.literals:
                writer.text(key)
                writer.number(value is not None)
                writer.text(value or "")
            writer.text(operation.host_prefix)
            writer.number(0 if shape is None else shape + 1)
            payload = service.shapes[operation.input].get("payload", "") if operation.input else ""
            writer.text(payload)
            writer.texts(entry["actions"])
            writer.number(LEVELS.index(entry["level"]))
            writer.number(EFFECTS.index(entry["effect"]))
            writer.number(sum(1 << EFFECTS.index(effect) for effect in entry["effects"]))
            writer.number(sum(1 << TRAITS.index(trait) for trait in entry["traits"]))
            writer.texts(entry["why"])
            writer.number(len(entry["secrets"]))
            for path in entry["secrets"]:
                steps, kind = service.steps(operation.output, path)
                writer.text(path)
                writer.number(kind == "blob")
                writer.texts(steps)
            writer.texts(entry["roles"])
            writer.number(len(entry["resources"]))
            for template in entry["resources"]:
                writer.number(templates[template])
    counts["templates"] = len(templates)
    return writer.bytes()
