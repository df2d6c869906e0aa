"""What an operation does, in one word, and why."""
import json
import pathlib
import re

HERE = pathlib.Path(__file__).resolve().parent
EFFECTS = ["read", "write", "execute", "mint", "administer", "destroy"]
LEVELS = ["read", "list", "write", "tagging", "permissions", "unmapped"]
TRAITS = ["opaque", "mints", "escalates", "exposes", "permissions", "destroys", "disrupts", "tagging", "readonly",
          "idempotent", "streaming", "unsigned"]
TAG_VERB = re.compile(r"(Un)?[Tt]ag[A-Z]")


def level_of(text):
    for word, level in (("Permissions", "permissions"), ("Tagging", "tagging"), ("Write", "write"), ("List", "list"),
                        ("Read", "read")):
        if word in text:
            return level
    raise SystemExit(f"unknown access level {text}")


class Rules:
    def __init__(self):
        table = json.loads((HERE / "effects.json").read_text())
        self.destroy = re.compile(table["destroy_verbs"])
        self.disrupt = re.compile(table["disrupt_verbs"])
        self.lists = {}
        self.used = set()
        for name in ("ends_own_work", "destroys", "opaque", "mints", "sessions", "no_mint", "escalates", "exposes"):
            self.lists[name] = [(re.compile(text), (name, text)) for text in table[name]]
        self.parameters = [(re.compile(text), effects, ("parameters", text))
                           for effects, text in table["parameters"]["effects"]]
        secrets = table["secrets"]
        self.secret, self.not_secret, self.not_inside, self.secret_url = (
            re.compile(secrets[name]) for name in ("names", "not_names", "not_inside", "urls"))
        self.lists["whole"] = [(re.compile(text), ("whole", text)) for text in secrets["whole"]]
        self.secret_paths = secrets["paths"]
        self.settings = [(re.compile(operations), re.compile(path), ("settings", operations))
                         for operations, path in secrets["settings"]]

    def matches(self, name, word):
        found = False
        for pattern, key in self.lists[name]:
            if pattern.fullmatch(word):
                self.used.add(key)
                found = True
        return found

    def unused(self):
        keys = [key for entries in self.lists.values() for _, key in entries]
        keys += [key for _, _, key in self.parameters + self.settings]
        return [f"effects.json: nothing is matched by {name}: {text}" for name, text in keys if (name, text) not in self.used]

    def secrets(self, service, operation, word):
        """Paths of what the response must not show, and whether that makes the operation one that mints."""
        named = self.matches("mints", word)
        whole = self.matches("whole", word)
        paths = []
        settings = [(path, key) for pattern, path, key in self.settings if pattern.fullmatch(word)]
        repeated = set()

        def walk(shape_name, path, seen, marked):
            shape = service.shapes[shape_name]
            marked = marked or bool(shape.get("sensitive"))
            kind = shape["type"]
            if shape_name in seen or len(seen) > 16:  # no answer is deeper; what contains itself ends at `seen`
                return
            if kind == "structure" and shape.get("exception"):
                return
            if kind == "structure":
                for name, member in shape["members"].items():
                    walk(member["shape"], path + [name], seen | {shape_name}, marked)
            elif kind == "list":
                walk(shape["member"]["shape"], path[:-1] + [path[-1] + "[]"], seen | {shape_name}, marked)
            elif kind == "map":
                walk(shape["value"]["shape"], path[:-1] + [path[-1] + "{}"], seen | {shape_name}, marked)
            elif kind in ("string", "blob"):
                for pattern, key in settings:
                    if pattern.search(".".join(path)):
                        self.used.add(key)
                        repeated.add(".".join(path))
                own = path[-1].rstrip("[]{}").lower()
                around = [step.rstrip("[]{}").lower() for step in path]
                if self.not_secret.search(own) or any(self.not_inside.search(step) for step in around):
                    return
                looks = any(self.secret.search(step) for step in around) if marked else bool(self.secret.search(own))
                if (looks and (marked or named)) or (marked and whole) or (named and self.secret_url.search(own)):
                    paths.append(".".join(path))

        if operation.output:
            walk(operation.output, [], frozenset(), False)
        paths += self.secret_paths.get(word, [])
        mints = named or (bool(paths) and not self.matches("no_mint", word))
        return sorted(set(paths) | repeated), mints

    def parameter_effects(self, word):
        out = set()
        for pattern, effects, key in self.parameters:
            if pattern.fullmatch(word):
                self.used.add(key)
                out.update(effects)
        return out

    def judge(self, operation, prefix, actions, secrets, mints, contradictions):
        """Returns (level, effect, traits, why)."""
        word = f"{prefix}:{operation.name}"
        where = f"{operation.service.key}.{operation.name}"
        why, traits = [], set()
        effects = set()
        if actions:
            levels = [level_of(action.level) for action in actions]
            level = max(levels, key=lambda one: ["list", "read", "tagging", "write", "permissions"].index(one))
            why.append(f"IAM level {level}")
        else:
            level = "unmapped"
            why.append("not in IAM's table")
        if operation.readonly:
            traits.add("readonly")
        if operation.idempotent:
            traits.add("idempotent")
        reading = level in ("read", "list")
        if level == "unmapped":
            reads = operation.readonly or operation.reads_by_method
            effects.add("read" if reads else "write")
            why.append("the model says it reads" if operation.readonly else f"HTTP {operation.method}" if reads else
                       "nothing says it only reads")
        elif reading:
            effects.add("read")
        else:
            effects.add("write")
            if operation.readonly:
                contradictions.append((where, "the model says it reads", f"IAM level {level}"))
        if level == "tagging":
            traits.add("tagging")
        if level == "permissions":
            traits.add("permissions")
            effects.add("administer")
        for name in ("escalates", "exposes"):
            if self.matches(name, word):
                if reading:
                    contradictions.append((where, f"IAM level {level}", f"listed: {name}"))
                traits.add(name)
                effects.add("administer")
                why.append("may give more rights" if name == "escalates" else "may open a resource")
        if level != "tagging" and not TAG_VERB.match(operation.name):
            self.verbs(operation, word, where, level, reading, effects, traits, why, contradictions)
        if self.matches("destroys", word):
            effects.add("destroy")
            why.append("known to take away")
        if self.matches("opaque", word):
            traits.add("opaque")
            effects.add("execute")
            why.append("runs code, or what only its parameters name")
        if mints:
            traits.add("mints")
            # What a session's token is good for is the session, and that is judged as what it runs.
            if self.matches("sessions", word):
                effects.add("execute")
                why.append("opens a session")
            else:
                effects.add("mint")
                why.append("creates or reveals credentials")
        if operation.unsigned:
            traits.add("unsigned")
        return level, max(effects, key=EFFECTS.index), traits, why

    def verbs(self, operation, word, where, level, reading, effects, traits, why, contradictions):
        destroys = self.destroy.fullmatch(operation.name)
        disrupts = self.disrupt.fullmatch(operation.name)
        if not destroys and operation.service.rest and operation.method == "DELETE" and not disrupts:
            if reading:
                contradictions.append((where, f"IAM level {level}", "HTTP DELETE"))
            traits.add("destroys")
            effects.add("destroy")
            why.append("HTTP DELETE")
        elif destroys:
            if reading:
                contradictions.append((where, f"IAM level {level}", "verb of destruction"))
            traits.add("destroys")
            effects.add("destroy")
            why.append("verb of destruction")
        elif disrupts:
            traits.add("disrupts")
            if self.matches("ends_own_work", word):
                effects.add("write")
                why.append("ends only work of its own")
            elif "administer" in effects:
                why.append("its verb takes rights away")
            else:
                if reading:
                    contradictions.append((where, f"IAM level {level}", "verb of disruption"))
                effects.add("destroy")
                why.append("verb of disruption")
