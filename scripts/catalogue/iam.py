"""Reads the table of IAM actions, and finds which of them an operation needs."""
import json
import pathlib

HERE = pathlib.Path(__file__).resolve().parent


class Action:
    def __init__(self, prefix, entry):
        self.prefix = prefix
        self.name = entry["name"]
        self.level = entry["accessLevel"]
        self.resources = [r["name"] for r in entry["resourceTypes"]]

    @property
    def full(self):
        return f"{self.prefix}:{self.name}"


class Table:
    def __init__(self, folder):
        data = pathlib.Path(folder) / "data"
        self.actions = {}
        self.resources = {}
        for path in sorted((data / "actions").iterdir()):
            entries = json.loads(path.read_text())
            self.actions[path.stem] = {key: Action(path.stem, entry) for key, entry in entries.items()}
        for path in sorted((data / "resourceTypes").iterdir()):
            self.resources[path.stem] = {key.lower(): entry["arn"] for key, entry in json.loads(path.read_text()).items()}
        self.irregular = json.loads((HERE / "irregular.json").read_text())

    def find(self, full):
        prefix, _, name = full.partition(":")
        return self.actions.get(prefix, {}).get(name.lower())

    def prefix(self, service):
        named = self.irregular["prefixes"].get(service.key)
        if named:
            return named
        for candidate in (service.signing_name, service.endpoint_prefix, service.key):
            if candidate in self.actions:
                return candidate
        return service.signing_name.lower()

    def actions_of(self, service, operation):
        """(actions, the names that go into the table); no action when IAM's table does not know the operation."""
        prefix = self.prefix(service)
        names = self.irregular["actions"].get(service.key, {}).get(operation.name)
        if names is None and service.key in self.irregular["by_http_method"] and not self.find(f"{prefix}:{operation.name}"):
            names = [f"{prefix}:{operation.method}"]
        if names is not None:
            actions = [self.find(name) for name in names]
            if None in actions:
                raise SystemExit(f"irregular.json: {service.key}.{operation.name}: IAM has no {names[actions.index(None)]}")
            return actions, [action.full for action in actions]
        action = self.find(f"{prefix}:{operation.name}")
        return ([action], [action.full]) if action else ([], [f"{prefix}:{operation.name}"])

    def check_irregular(self, services):
        by_key = {service.key: {operation.name for operation in service.operations} for service in services}
        for key, operations in self.irregular["actions"].items():
            for name in operations:
                if name not in by_key.get(key, set()):
                    yield f"irregular.json: {key} has no operation {name}"
