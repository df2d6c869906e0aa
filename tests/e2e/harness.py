"""Starts the real things for the end-to-end tests and the demo: the gateway, nginx, and MCP clients. Python's library only.

Every process is started in its own group and ended by its own pid; every address is on loopback.
"""
import http.client
import json
import os
import pathlib
import queue
import random
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
E2E = ROOT / "tests" / "e2e"
BINARY = pathlib.Path(os.environ.get("COUNTERSIGN_BINARY", ROOT / "build" / "release" / "cli" / "countersign"))
NODE_BIN = E2E / "node_modules" / ".bin"
UPSTREAM_SECRET = "upstream-secret-the-agent-never-sees"


_claims = []  # of ports; they end with this process


def free_port():
    """A port of this process's own: tests run side by side. A name in the abstract namespace claims it (unix(7)); below 32768 no
    outgoing connection takes it before its server does."""
    for port in random.sample(range(20000, 32000), 2000):
        claim = socket.socket(socket.AF_UNIX)
        try:
            claim.bind(f"\0countersign-test-port-{port}")
            with socket.socket() as s:
                s.bind(("127.0.0.1", port))
        except OSError:
            claim.close()
            continue
        _claims.append(claim)
        return port
    raise AssertionError("no port is free")


def wait_until(check, what, seconds=30):
    """Polls `check` until it is true; an end-to-end test may wait, but never decides by how long something took."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        value = check()
        if value:
            return value
        time.sleep(0.05)
    raise AssertionError(f"gave up waiting until {what}")


class Process:
    def __init__(self, argv, log, **kwargs):
        self.log = pathlib.Path(log)
        self._file = open(self.log, "ab")
        self.popen = subprocess.Popen(argv, stdout=self._file, stderr=subprocess.STDOUT, start_new_session=True, **kwargs)

    @property
    def pid(self):
        return self.popen.pid

    def running(self):
        return self.popen.poll() is None

    def stop(self, how=signal.SIGTERM, seconds=20):
        if self.running():
            os.kill(self.pid, how)
            try:
                self.popen.wait(seconds)
            except subprocess.TimeoutExpired:
                os.kill(self.pid, signal.SIGKILL)
                self.popen.wait()
        self._file.close()
        return self.popen.returncode


class Nginx:
    """nginx with WebDAV on loopback, which accepts only the upstream's own bearer token."""

    def __init__(self, folder, port=None):
        self.folder = pathlib.Path(folder)
        self.port = port or free_port()
        self.root = self.folder / "web"
        for environment in ("staging", "production"):
            (self.root / environment).mkdir(parents=True, exist_ok=True)
        (self.root / "production" / "prices.json").write_text('{"espresso": 3}\n')
        if os.geteuid() == 0:  # nginx drops its workers to an ordinary account; let them write
            os.chmod(self.folder, 0o755)
            for path in [self.root, *self.root.rglob("*")]:
                os.chmod(path, 0o777 if path.is_dir() else 0o666)
        conf = self.folder / "nginx.conf"
        conf.write_text(f"""
daemon off; worker_processes 1; pid {self.folder}/nginx.pid; error_log {self.folder}/nginx-error.log;
{"user nobody nogroup;" if os.geteuid() == 0 else ""}
events {{ worker_connections 256; }}
http {{
  access_log {self.folder}/nginx-access.log;
  client_body_temp_path {self.folder}/nginx-body; proxy_temp_path {self.folder}/nginx-proxy;
  fastcgi_temp_path {self.folder}/nginx-fcgi; uwsgi_temp_path {self.folder}/nginx-uwsgi; scgi_temp_path {self.folder}/nginx-scgi;
  keepalive_requests 100000; client_max_body_size 0;
  server {{
    listen 127.0.0.1:{self.port};
    root {self.root};
    location / {{
      if ($http_authorization != "Bearer {UPSTREAM_SECRET}") {{ return 401; }}
      dav_methods PUT DELETE MKCOL COPY MOVE; create_full_put_path on; dav_access user:rw group:rw all:rw;
    }}
  }}
}}
""")
        self.process = Process(["nginx", "-p", str(self.folder), "-c", str(conf)], self.folder / "nginx.log")
        wait_until(self._listening, "nginx listens")

    def _listening(self):
        with socket.socket() as s:
            return s.connect_ex(("127.0.0.1", self.port)) == 0

    def requests(self):
        """(method, path, status) of every request nginx has answered."""
        log = self.folder / "nginx-access.log"
        if not log.exists():
            return []
        out = []
        for line in log.read_text().splitlines():
            parts = line.split('"')
            method, path, _ = parts[1].split(" ")
            out.append((method, path, int(parts[2].split()[0])))
        return out

    def stop(self):
        self.process.stop(signal.SIGQUIT)

    def settle(self, gateway, token):
        """nginx writes its log after it has answered; a request of our own behind the others makes sure that theirs are there."""
        marker = f"/staging/after-{time.monotonic_ns()}"
        gateway.http("GET", f"/web{marker}", token)
        wait_until(lambda: any(path == marker for _, path, _ in self.requests()), "nginx has written its log")


def write_quickstart(folder, nginx_port=None, agents_port=None, admin_port=None, extra=""):
    """examples/quickstart with the default policies, free ports and the installed MCP server: (agents_port, admin_port)."""
    folder = pathlib.Path(folder)
    shutil.copytree(ROOT / "policies" / "default", folder / "policies", dirs_exist_ok=True)
    for environment in ("staging", "production"):
        (folder / "data" / environment).mkdir(parents=True, exist_ok=True)
    (folder / "data" / "staging" / "readme.txt").write_text("hello from staging\n")
    (folder / "data" / "production" / "config.json").write_text('{"checkout": "on"}\n')
    agents_port, admin_port = agents_port or free_port(), admin_port or free_port()
    text = (ROOT / "examples" / "quickstart" / "countersign.yaml").read_text()
    text = text.replace("127.0.0.1:8700", f"127.0.0.1:{agents_port}").replace("127.0.0.1:8701", f"127.0.0.1:{admin_port}")
    text = text.replace("[npx, -y, \"@modelcontextprotocol/server-filesystem\", .]",
                        json.dumps([str(NODE_BIN / "node"), str(NODE_BIN / "mcp-server-filesystem"), "."]))
    text = text.replace("http://127.0.0.1:8080/", f"http://127.0.0.1:{nginx_port or 9}/")
    (folder / "countersign.yaml").write_text(text + extra)
    return agents_port, admin_port


class Gateway:
    def __init__(self, folder, agents_port, admin_port, binary=BINARY, **environment):
        self.folder, self.agents_port, self.admin_port, self.binary = pathlib.Path(folder), agents_port, admin_port, binary
        self.environment, self.process = environment, None
        self.start()

    def start(self):
        self.process = Process([str(self.binary), "serve", "--config", "countersign.yaml"], self.folder / "gateway.log",
                               cwd=self.folder, env={**os.environ, "WEB_TOKEN": UPSTREAM_SECRET, **self.environment})
        wait_until(self._ready, "the gateway is ready")

    def _ready(self):
        if not self.process.running():
            raise AssertionError("the gateway ended:\n" + (self.folder / "gateway.log").read_text())
        connection = http.client.HTTPConnection("127.0.0.1", self.admin_port, timeout=2)
        try:
            connection.request("GET", "/readyz")
            return connection.getresponse().status == 200
        except OSError:
            return False
        finally:
            connection.close()

    def kill(self):
        """SIGKILL: what a power cut looks like to the program. Its MCP children see their input end and go."""
        return self.process.stop(signal.SIGKILL)

    def stop(self):
        return self.process.stop(signal.SIGTERM)

    def cli(self, *arguments, token=None, check=None, stdin=None):
        """Runs a countersign command beside the gateway; returns (exit code, stdout, stderr)."""
        environment = {k: v for k, v in os.environ.items() if not k.startswith("COUNTERSIGN_")}
        environment["NO_COLOR"] = "1"
        if token:
            environment["COUNTERSIGN_TOKEN"] = token
        done = subprocess.run([str(self.binary), *arguments], cwd=self.folder, env=environment, capture_output=True, text=True,
                              input=stdin, timeout=60)
        if check is not None and done.returncode != check:
            raise AssertionError(f"countersign {' '.join(arguments)} ended with {done.returncode}, not {check}\n"
                                 f"{done.stdout}{done.stderr}")
        return done.returncode, done.stdout, done.stderr

    def json(self, *arguments, token=None):
        return json.loads(self.cli(*arguments, "--output", "json", token=token, check=0)[1])

    def agent_token(self, agent="builder", owner="olivia", upstreams="files,web", ttl="1h", extra=()):
        """(delegable, sealed) of a fresh agent token."""
        delegable = self.cli("token", "issue", "--agent", agent, "--owner", owner, "--upstreams", upstreams, "--ttl", ttl, *extra,
                             check=0)[1].strip()
        return delegable, self.seal(delegable)

    def seal(self, delegable):
        return self.cli("token", "seal", delegable, check=0)[1].strip()

    def aws_keys(self, delegable):
        """The AWS form of a token, by the names of environment variables."""
        sealed = self.json("token", "seal", "--aws", delegable)
        return {"AWS_" + name.upper(): sealed[name] for name in ("access_key_id", "secret_access_key", "session_token")}

    def person(self, name):
        return self.cli("token", "issue", "--user", name, "--ttl", "1h", check=0)[1].strip()

    def http(self, method, path, token=None, body=None, headers=None, timeout=60):
        """One request to the agents listener: (status, headers, body)."""
        connection = http.client.HTTPConnection("127.0.0.1", self.agents_port, timeout=timeout)
        all_headers = dict(headers or {})
        if token:
            all_headers["Authorization"] = f"Bearer {token}"
        connection.request(method, path, body=body, headers=all_headers)
        response = connection.getresponse()
        data = response.read()
        connection.close()
        return response.status, {k.lower(): v for k, v in response.getheaders()}, data

    def mcp(self, token, path="/files/mcp"):
        return McpClient(f"http://127.0.0.1:{self.agents_port}{path}", token, self.folder)


class McpError(Exception):
    def __init__(self, code, message):
        super().__init__(message)
        self.code = code


class McpClient:
    """The npm SDK's client in a Node process."""

    def __init__(self, url, token, folder):
        self._log = open(pathlib.Path(folder) / "mcp-client.log", "ab")
        self._process = subprocess.Popen([str(NODE_BIN / "node"), str(E2E / "mcp_client.mjs"), url], stdin=subprocess.PIPE,
                                         stdout=subprocess.PIPE, stderr=self._log, text=True, cwd=E2E, start_new_session=True,
                                         env={**os.environ, "COUNTERSIGN_AGENT_TOKEN": token})
        self._answers, self._progress, self._next = {}, {}, 1
        self._arrived = threading.Condition()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        try:
            self.hello = self._wait(0)
        except McpError:
            self.close()
            raise

    def _read(self):
        for line in self._process.stdout:
            message = json.loads(line)
            with self._arrived:
                if "progress" in message:
                    self._progress.setdefault(message["id"], []).append(message["progress"])
                else:
                    self._answers[message["id"]] = message
                self._arrived.notify_all()

    def _wait(self, number, seconds=120):
        with self._arrived:
            if not self._arrived.wait_for(lambda: number in self._answers, seconds):
                raise AssertionError("the MCP client did not answer")
            message = self._answers.pop(number)
        if "error" in message:
            raise McpError(message["error"]["code"], message["error"]["message"])
        return message["result"]

    def _send(self, command):
        number, self._next = self._next, self._next + 1
        self._process.stdin.write(json.dumps({"id": number, **command}) + "\n")
        self._process.stdin.flush()
        return number

    def tools(self):
        return self._wait(self._send({"do": "list"}))["tools"]

    def call(self, name, arguments, progress=False):
        return self._wait(self.begin_call(name, arguments, progress))

    def begin_call(self, name, arguments, progress=False):
        return self._send({"do": "call", "name": name, "arguments": arguments, "progress": progress})

    def end_call(self, number):
        return self._wait(number)

    def progress_of(self, number):
        with self._arrived:
            return list(self._progress.get(number, []))

    def close(self):
        if self._process.poll() is None:
            try:
                self._process.stdin.write('{"do":"close"}\n')
                self._process.stdin.close()
                self._process.wait(10)
            except (OSError, subprocess.TimeoutExpired):
                self._process.kill()
                self._process.wait()
        self._process.stdin.close()
        self._reader.join()
        self._process.stdout.close()
        self._log.close()


def countersign_of(result):
    """The gateway's own answer inside a tool result, or None when the tool itself answered."""
    return (result.get("structuredContent") or {}).get("countersign")


def text_of(result):
    return "\n".join(part.get("text", "") for part in result.get("content", []))


class World:
    """A folder with nginx, the quickstart configuration and a running gateway; ends them all."""

    def __init__(self, folder=None, extra=""):
        self._temporary = None
        if folder is None:
            self._temporary = tempfile.TemporaryDirectory(prefix="countersign-")
            folder = self._temporary.name
        self.folder = pathlib.Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        os.chmod(self.folder, 0o755)
        self.nginx = Nginx(self.folder)
        agents, admin = write_quickstart(self.folder, self.nginx.port, extra=extra)
        self.gateway = Gateway(self.folder, agents, admin)
        self.clients = []

    def mcp(self, token, path="/files/mcp"):
        client = self.gateway.mcp(token, path)
        self.clients.append(client)
        return client

    def close(self):
        for client in self.clients:
            client.close()
        if self.gateway.process.running():
            self.gateway.stop()
        self.nginx.stop()
        if self._temporary:
            self._temporary.cleanup()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()
