"""Which resources a request names: ARN templates, and the request members that fill their placeholders."""
import json
import pathlib
import re

HERE = pathlib.Path(__file__).resolve().parent
PLACEHOLDER = re.compile(r"\$\{([^}]*)\}")
SURROUNDINGS = {"Partition": "partition", "Region": "region", "Account": "account"}
SUFFIXES = ("identifier", "name", "arn", "id", "key", "url")
PLAIN = ("name", "id", "identifier", "arn")
NAMELESS = ("", "resource", *PLAIN)
MAX_DEPTH = 2
MAX_ROLES = 16


def norm(text):
    return re.sub(r"[^a-z0-9]", "", text.lower())


def root_of(name):
    for suffix in SUFFIXES:
        if name.endswith(suffix) and len(name) > len(suffix):
            return name[: -len(suffix)]
    return name


def plurals(name):
    return [name, name + "s", name + "list", name[:-1] + "ies" if name.endswith("y") else name + "es"]


class Members:
    """String members of an input: normalised path -> path, shallow ones first."""

    def __init__(self, service, operation):
        self.service = service
        self.by_name = {}
        self.exact = {}
        self.outer = {}
        if operation.input:
            self.walk(operation.input, [], 0, frozenset())

    def walk(self, shape_name, path, depth, seen):
        if depth > MAX_DEPTH or shape_name in seen:
            return
        later = []
        for name, member in self.service.members(shape_name).items():
            shape = self.service.shapes[member["shape"]]
            step, target = path + [name], member["shape"]
            if shape["type"] == "list":
                step, target = path + [name + "[]"], shape["member"]["shape"]
                shape = self.service.shapes[target]
            if shape["type"] == "string":
                text = ".".join(step)
                self.by_name.setdefault(norm(name), text)
                self.exact.setdefault(name, text)
                if depth == 0:
                    self.outer.setdefault(norm(name), text)
            elif shape["type"] == "structure":
                later.append((target, step))
        for target, step in later:
            self.walk(target, step, depth + 1, seen | {shape_name})


class Finder:
    def __init__(self, table):
        self.table = table
        rules = json.loads((HERE / "resources.json").read_text())
        self.synonyms = rules["synonyms"]
        self.extra = rules["operations"]

    def same_names(self, prefix, placeholder):
        """Members called exactly as the placeholder is, or as the rules say."""
        given = self.synonyms.get(prefix, {}).get(placeholder)
        for name in given or []:
            yield "exact", name
        if given is None and norm(placeholder) not in NAMELESS:
            for plural in plurals(norm(placeholder)):
                yield "by_name", plural

    def like_names(self, prefix, placeholder):
        """Members called nearly so."""
        if placeholder not in self.synonyms.get(prefix, {}):
            for root in dict.fromkeys((norm(placeholder), root_of(norm(placeholder)))):
                yield from self.forms(root)

    @staticmethod
    def forms(root):
        if root not in NAMELESS:
            for form in [root] + [root + suffix for suffix in SUFFIXES]:
                for plural in plurals(form):
                    yield "by_name", plural

    def type_names(self, placeholder, kind, operation):
        """Members called as the type of resource is; a plain "Name" where the operation is about that type."""
        yield from self.forms(norm(kind))
        about = norm(operation.name)
        if any(root and any(about.endswith(p) for p in plurals(root)) for root in (root_of(norm(placeholder)), norm(kind))):
            for plain in PLAIN:
                for plural in plurals(plain):
                    yield "outer", plural

    def fill(self, members, prefix, kind, names, operation):
        """placeholder -> path; each member at most once, where its name fits best."""
        filled = {}
        for candidates in (lambda name: self.same_names(prefix, name), lambda name: self.like_names(prefix, name),
                           lambda name: self.type_names(name, kind, operation) if name == names[-1] else ()):
            for name in names:
                if name in filled:
                    continue
                for table, candidate in candidates(name):
                    found = getattr(members, table).get(candidate)
                    if found and found not in filled.values():
                        filled[name] = found
                        break
        return filled

    @staticmethod
    def parts(arn, fill):
        out, at = [], 0
        for match in PLACEHOLDER.finditer(arn):
            if match.start() > at:
                out.append(("literal", arn[at:match.start()], ""))
            name = match.group(1)
            if name in SURROUNDINGS:
                out.append((SURROUNDINGS[name], name, ""))
            else:
                out.append(("member", name, fill[name]) if fill.get(name) else ("unknown", name, ""))
            at = match.end()
        if at < len(arn):
            out.append(("literal", arn[at:], ""))
        return tuple(out)

    def of(self, service, operation, prefix, actions):
        members = Members(service, operation)
        found = []
        for action in actions:
            for kind in action.resources:
                arn = self.table.resources.get(action.prefix, {}).get(kind.lower())
                if arn:
                    self.template(found, members, action.prefix, kind, arn, operation)
        for kind, arn, fill in self.extra.get(prefix, {}).get(operation.name, []):
            whole = fill.get("", "")
            found.append((kind, arn, whole, () if whole else self.parts(arn, fill)))
        if not found:
            for name in ("resourcearn", "resourcearns", "arn"):
                if name in members.outer:
                    found.append(("*", "${Arn}", members.outer[name], ()))
                    break
        found = list(dict.fromkeys(found))
        return [template for template in found if not said_better(template, found)]

    def template(self, found, members, prefix, kind, arn, operation):
        names = [name for name in PLACEHOLDER.findall(arn) if name not in SURROUNDINGS]
        if not names:
            for plural in plurals(norm(kind) + "arn"):
                if plural in members.by_name:
                    found.append((kind, arn, members.by_name[plural], ()))
                    break
            return
        filled = self.fill(members, prefix, kind, names, operation)
        # The one that tells resources of a type apart: the last, or else the one called as the type is.
        telling = [name for name in names if name in filled and (name == names[-1] or norm(name).startswith(norm(kind)))]
        if not telling:
            # The generic "ResourceArn" of tagging operations names any of the action's types.
            for name in ("resourcearn", "resourcearns"):
                if name in members.by_name:
                    found.append(("*", "${Arn}", members.by_name[name], ()))
                    break
            return
        last = filled[telling[-1]]
        if norm(last.split(".")[-1]).removesuffix("s").endswith("arn"):
            found.append((kind, arn, last, ()))
        else:
            found.append((kind, arn, "", self.parts(arn, filled)))


def said_better(template, others):
    """Whether another template says all of this one's members without anything unknown."""
    used = {path for kind, _, path in template[3] if kind == "member"}
    if not any(kind == "unknown" for kind, _, _ in template[3]):
        return False
    return any(other is not template and other[3] and not any(kind == "unknown" for kind, _, _ in other[3]) and
               used <= {path for kind, _, path in other[3] if kind == "member"} for other in others)


ROLE = re.compile(r"(.*role(arn)?|.*(instance_?profile)(arn|name)?)", re.IGNORECASE)
NOT_ROLE = re.compile(r".*(serviceLinkedRole|linkedRole|tagRole).*", re.IGNORECASE)


def roles(service, operation):
    """Paths of the members that name a role which the service will act as."""
    if service.key in ("iam", "sts", "sso-admin", "rolesanywhere") or not operation.input:
        return []
    out = []

    def walk(shape_name, path, seen):
        shape = service.shapes[shape_name]
        if shape["type"] == "structure" and shape_name not in seen and len(path) < 5:
            for name, member in sorted(shape["members"].items()):
                walk(member["shape"], path + [name], seen | {shape_name})
        elif shape["type"] == "list" and path:
            walk(shape["member"]["shape"], path[:-1] + [path[-1] + "[]"], seen)
        elif shape["type"] == "string" and path:
            own = path[-1].removesuffix("[]")
            inside = len(path) > 1 and re.fullmatch(r"(?i)(iam)?_?instance_?profile.*", path[-2]) and own in ("Arn", "Name")
            if (ROLE.fullmatch(own) or inside) and not NOT_ROLE.fullmatch(own) and "enum" not in shape:
                out.append(".".join(path))

    walk(operation.input, [], frozenset())
    return sorted(set(out), key=lambda path: (path.count("."), path))[:MAX_ROLES]
