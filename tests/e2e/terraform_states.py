"""A server of Terraform states and a gateway in front of it; Terraform itself where it is installed. Python's library only."""
import base64
import hashlib
import http.server
import json
import os
import pathlib
import shutil
import subprocess
import tempfile
import threading
import uuid

from harness import ROOT, Gateway, Process, free_port

PASSWORD = "state-password-the-agent-never-sees"
SECRET = "hunter2-in-clear"  # a value in the states


class StateServer:
    """Terraform's HTTP backend protocol as its documentation has it: GET, POST ?ID=, DELETE, LOCK and UNLOCK, 423 with the other lock."""

    def __init__(self):
        self.states, self.locks, self.seen = {}, {}, []
        outer = self
        wanted = "Basic " + base64.b64encode(f"ci:{PASSWORD}".encode()).decode()

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *_):
                pass

            def answer(self, status, body=b""):
                self.send_response(status)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def serve(self):
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                outer.seen.append((self.command, self.path, body, dict(self.headers)))
                if self.headers.get("Authorization") != wanted:
                    return self.answer(401)
                if "Content-MD5" in self.headers and base64.b64decode(self.headers["Content-MD5"]) != hashlib.md5(body).digest():
                    return self.answer(400)
                path, _, query = self.path.partition("?")
                held = outer.locks.get(path)
                if self.command == "GET":
                    return self.answer(200, outer.states[path]) if path in outer.states else self.answer(404)
                if self.command in ("POST", "PUT"):
                    if held and query != "ID=" + json.loads(held)["ID"]:
                        return self.answer(423, held)
                    outer.states[path] = body
                    return self.answer(200)
                if self.command == "DELETE":
                    outer.states.pop(path, None)
                    return self.answer(200)
                if self.command == "LOCK":
                    if held:
                        return self.answer(423, held)
                    outer.locks[path] = body
                    return self.answer(200)
                if self.command == "UNLOCK":
                    outer.locks.pop(path, None)
                    return self.answer(200)
                return self.answer(405)

            do_GET = do_POST = do_PUT = do_DELETE = do_LOCK = do_UNLOCK = serve

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.port = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def state(self, path):
        text = self.states.get(path)
        return json.loads(text) if text else None

    def methods(self, path):
        return [method for method, target, _, _ in self.seen if target.split("?")[0] == path]

    def stop(self):
        self.server.shutdown()
        self.server.server_close()


def state(serial, tracked, lineage="c9d4d8a6-343d-e9aa-0e22-b064af4ebdda"):
    """A state as Terraform writes it. `tracked`: {"aws_db_instance.orders": "id"}."""
    resources = [{"mode": "managed", "type": address.split(".")[0], "name": address.split(".")[1],
                  "provider": 'provider["terraform.io/builtin/terraform"]',
                  "instances": [{"schema_version": 0, "attributes": {"id": identifier, "password": SECRET}}]}
                 for address, identifier in tracked.items()]
    return json.dumps({"version": 4, "terraform_version": "1.11.4", "serial": serial, "lineage": lineage, "outputs": {},
                       "resources": resources, "check_results": None}).encode()


def lock(identifier=None, operation="OperationTypeApply"):
    identifier = identifier or str(uuid.uuid4())
    info = {"ID": identifier, "Operation": operation, "Info": "", "Who": "root@vm", "Version": "1.11.4",
            "Created": "2026-11-22T02:13:12.742169542Z", "Path": ""}
    return identifier, json.dumps(info).encode()


class World:
    """The gateway before two folders of one server: tfstate is production, tfsandbox is not."""

    def __init__(self):
        self._temporary = tempfile.TemporaryDirectory(prefix="countersign-")
        self.folder = pathlib.Path(self._temporary.name)
        os.chmod(self.folder, 0o755)
        self.server = StateServer()
        shutil.copytree(ROOT / "policies" / "default", self.folder / "policies")
        agents, admin = free_port(), free_port()
        upstream = "\n  - { name: %s, protocol: terraform, url: \"http://127.0.0.1:%d/%s\",\n" \
                   "      credential: { basic: { user: ci, password: { env: STATE_PASSWORD } } },\n" \
                   "      labels: { environment: %s, tier: 2, owner: platform } }"
        (self.folder / "countersign.yaml").write_text(
            f"state: ./state\nlisten: {{ agents: 127.0.0.1:{agents}, admin: 127.0.0.1:{admin} }}\npolicies: ./policies\nupstreams:"
            + upstream % ("tfstate", self.server.port, "prod", "production")
            + upstream % ("tfsandbox", self.server.port, "sand", "sandbox") + "\n")
        self.gateway = Gateway(self.folder, agents, admin, STATE_PASSWORD=PASSWORD)
        self.sam = self.gateway.person("sam")
        self.token = self.gateway.agent_token(upstreams="tfstate,tfsandbox")[1]

    def ask(self, method, path, body=None, token=None, wait="0", headers=None):
        """(status, answer as JSON or bytes)"""
        status, _, answer = self.gateway.http(method, path, token or self.token, body=body,
                                              headers={"Prefer": f"wait={wait}", **(headers or {})})
        try:
            return status, json.loads(answer)
        except ValueError:
            return status, answer

    def approve(self, request):
        self.gateway.cli("approve", request, "--reason", "agreed", token=self.sam, check=0)

    def request(self, request):
        return self.gateway.json("request", "show", request, token=self.sam)

    def held(self):
        rows = self.gateway.json("requests", "--state", "held", token=self.sam)
        return rows["requests"] if isinstance(rows, dict) else rows

    def close(self):
        if self.gateway.process.running():
            self.gateway.stop()
        self.server.stop()
        self._temporary.cleanup()


class Terraform:
    """An unmodified Terraform whose state is behind the gateway. `terraform_data` is built in, so it needs no provider."""

    TERRAFORM = shutil.which("terraform")

    def __init__(self, folder, world, path, token=None):
        self.folder = pathlib.Path(folder)
        self.folder.mkdir()
        (self.folder / "rc").write_text("disable_checkpoint = true\n")
        address = f"http://127.0.0.1:{world.gateway.agents_port}{path}"
        (self.folder / "backend.tf").write_text(
            f'terraform {{\n  backend "http" {{\n    address        = "{address}"\n    lock_address   = "{address}"\n'
            f'    unlock_address = "{address}"\n    username       = "agent"\n  }}\n}}\n')
        self.environment = {"PATH": os.environ["PATH"], "HOME": "/nonexistent", "TF_CLI_CONFIG_FILE": str(self.folder / "rc"),
                            "TF_IN_AUTOMATION": "1", "TF_HTTP_PASSWORD": token or world.token}

    def write(self, count):
        (self.folder / "main.tf").write_text(
            f'resource "terraform_data" "site" {{\n  count = {count}\n  input = "{SECRET}-${{count.index}}"\n}}\n')

    def __call__(self, *arguments, check=0):
        """(exit code, everything it said)"""
        done = subprocess.run([self.TERRAFORM, *arguments, "-no-color"], cwd=self.folder, env=self.environment,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=180)
        if check is not None and done.returncode != check:
            raise AssertionError(f"terraform {' '.join(arguments)} ended with {done.returncode}, not {check}\n{done.stdout}")
        return done.returncode, done.stdout

    def begin(self, *arguments):
        return Process([self.TERRAFORM, *arguments, "-no-color"], self.folder / "terraform.log", cwd=self.folder, env=self.environment)
