"""What the end-to-end tests of git share: a gateway in front of a real git host, clones, and stock git.

Inventory: everything on the upstream is staging, but `main`, `release/*` and the whole of `ledger/` are production.
"""
import base64
import http.client
import json
import os
import pathlib
import re
import shutil
import signal
import subprocess
import tempfile
import unittest

from git_server import GitServer, git_environment
from harness import BINARY, ROOT, Gateway, free_port, wait_until

# By how much a test may make the gateway's memory grow, in bytes. A sanitizer is measured too, and keeps aside what was freed.
os.environ.setdefault("ASAN_OPTIONS", "quarantine_size_mb=4:thread_local_quarantine_size_kb=64")
GROWTH = (256 if b"__asan_init" in BINARY.read_bytes() else 64) << 20

ZERO = "0" * 40
MAIN = "refs/heads/main"
REQUEST = re.compile(r"refs/approvals/(req_[a-z0-9]+)")

INVENTORY = """
inventory:
  - { match: "origin/**/refs/heads/main", environment: production, tier: 1, owner: platform }
  - { match: "origin/**/refs/heads/release/**", environment: production, tier: 1, owner: platform }
  - { match: "origin/ledger/**", environment: production, tier: 1, owner: platform }
  - { match: "origin/**/refs/heads/keep/**", environment: staging, tier: 3, owner: platform, kept: "yes" }
"""

CONFIGURATION = """
state: ./state
listen: {{ agents: "127.0.0.1:{agents}", admin: "127.0.0.1:{admin}" }}
policies: ./policies
upstreams:
  - name: origin
    protocol: git
    url: "{url}"
    credential: {{ basic: {{ user: {user}, password: {{ file: {password} }} }} }}
    labels: {{ environment: staging, tier: 3, owner: platform }}
  - name: other
    protocol: git
    url: "{url}"
    credential: {{ basic: {{ user: {user}, password: {{ file: {password} }} }} }}
    labels: {{ environment: staging, tier: 3, owner: platform }}
"""

KEPT = """
@id("kept-branches-are-destroyed-once-approved")
@approval("production-change")
forbid (principal is Agent, action in Action::"destroy", resource)
when { resource.labels has kept };
"""


def add_policies(folder):
    (folder / "40-kept.cedar").write_text(KEPT)


def pkt(data):
    """One packet of git's wire format."""
    data = data.encode() if isinstance(data, str) else data
    return b"%04x" % (len(data) + 4) + data


FLUSH = b"0000"


class Done:
    """How a program ended: code, and what it printed."""

    def __init__(self, argv, code, out, err):
        self.argv, self.code, self.out, self.err = argv, code, out, err
        self.text = out + err

    def __repr__(self):
        return f"{' '.join(map(str, self.argv))} ended with {self.code}\n{self.out}{self.err}"


class Clone:
    """A working copy and the git that works in it."""

    def __init__(self, world, folder):
        self.world, self.folder = world, pathlib.Path(folder)

    def git(self, *args, check=0, env=None, timeout=180, stdin=None):
        return self.world.git(*args, cwd=self.folder, check=check, env=env, timeout=timeout, stdin=stdin)

    def write(self, name, data):
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data if isinstance(data, bytes) else data.encode())

    def commit(self, message, files=None):
        """Commits `files` ({name: content}); returns the commit's id."""
        for name, data in (files or {f"{message}.txt".replace(" ", "-"): message + "\n"}).items():
            self.write(name, data)
        self.git("add", "-A")
        self.git("commit", "-q", "--allow-empty", "-m", message)
        return self.rev()

    def rev(self, name="HEAD"):
        return self.git("rev-parse", name).out.strip()

    def push(self, *args, check=0, env=None, timeout=180):
        return self.git("push", *args, check=check, env=env, timeout=timeout)

    def begin_push(self, *args):
        """A push that runs beside the test; end it with world.end()."""
        process = subprocess.Popen(["git", "push", *args], cwd=self.folder, env=git_environment(self.world.home), stdout=subprocess.PIPE,
                                   stderr=subprocess.PIPE, text=True, start_new_session=True)
        self.world.processes.append(process)
        return process


class GitWorld:
    """A git host, a gateway in front of it, and people. `adjust(policies folder)` may edit the policies before the start."""

    def __init__(self, adjust=None, limits="", server=None):
        self._temporary = tempfile.TemporaryDirectory(prefix="countersign-e2e-git-")
        self.folder = pathlib.Path(self._temporary.name)
        self.home = self.folder / "home"
        self.home.mkdir()
        self.folder.chmod(0o755)
        self.server = server or GitServer(self.folder / "host")
        (self.folder / "git-password").touch(0o600)
        (self.folder / "git-password").write_text(self.server.password)
        shutil.copytree(ROOT / "policies" / "default", self.folder / "policies")
        entities = self.folder / "policies" / "entities.yaml"
        text = entities.read_text()
        text = text[:text.index("# Labels by pattern")] + INVENTORY
        text = text.replace("  - { name: jun,", "  - { name: pat, level: senior, teams: [platform] }\n  - { name: jun,")
        entities.write_text(text)
        if adjust:
            adjust(self.folder / "policies")
        agents, admin = free_port(), free_port()
        (self.folder / "countersign.yaml").write_text(CONFIGURATION.format(
            agents=agents, admin=admin, url=self.server.url(), user=self.server.user, password=self.folder / "git-password") + limits)
        try:
            self.gateway = Gateway(self.folder, agents, admin)
        except BaseException:
            self.server.close()
            raise
        self.sam, self.pat = self.gateway.person("sam"), self.gateway.person("pat")
        self.processes = []
        self._tokens, self._count = {}, 0

    def token(self, agent="builder", upstreams="origin", extra=()):
        """A sealed agent token; the same one for the same arguments."""
        key = (agent, upstreams, tuple(extra))
        if key not in self._tokens:
            self._tokens[key] = self.gateway.agent_token(agent=agent, upstreams=upstreams, extra=extra)[1]
        return self._tokens[key]

    def url(self, name, token=None, upstream="origin", suffix=".git"):
        """The repository's address for an agent, with its token as the password."""
        return f"http://agent:{token or self.token()}@127.0.0.1:{self.gateway.agents_port}/{upstream}/{name}{suffix}"

    def git(self, *args, cwd=None, check=0, env=None, timeout=180, stdin=None):
        """Runs stock git; `check` is the exit code it must end with, or None."""
        done = subprocess.run(["git", *args], cwd=cwd or self.folder, env=git_environment(self.home, **(env or {})), capture_output=True,
                              timeout=timeout, input=stdin)
        result = Done(["git", *args], done.returncode, done.stdout.decode(errors="replace"), done.stderr.decode(errors="replace"))
        if check is not None and result.code != check:
            raise AssertionError(repr(result))
        return result

    def end(self, process, check=0, timeout=120):
        out, err = process.communicate(timeout=timeout)
        result = Done(process.args, process.returncode, out, err)
        if check is not None and result.code != check:
            raise AssertionError(repr(result))
        return result

    def folder_for(self, word="work"):
        self._count += 1
        return self.folder / f"{word}-{self._count}"

    def clone(self, name, *args, token=None, direct=False, url=None):
        """A clone through the gateway, or straight from the host (`direct`)."""
        folder = self.folder_for(pathlib.Path(name).name)
        self.git("clone", "-q", *args, url or (self.server.url(name) if direct else self.url(name, token)), str(folder))
        return Clone(self, folder)

    def init(self, object_format="sha1"):
        folder = self.folder_for("new")
        self.git("init", "-q", "-b", "main", f"--object-format={object_format}", str(folder))
        return Clone(self, folder)

    def repository(self, name, object_format="sha1"):
        """A repository on the host whose main has two commits; everyone's is the same until it is changed."""
        self.server.create(name, object_format)
        seed = self.init(object_format)
        dates = {"GIT_AUTHOR_DATE": "2026-01-02T03:04:05Z", "GIT_COMMITTER_DATE": "2026-01-02T03:04:05Z"}
        seed.write("README.md", f"# A repository\n")
        seed.write("src/core/prices.txt", "espresso 3\n")
        seed.git("add", "-A")
        seed.git("commit", "-q", "-m", "begin", env=dates)
        seed.write("src/core/prices.txt", "espresso 3\ntea 2\n")
        seed.git("commit", "-q", "-a", "-m", "tea", env=dates)
        seed.git("push", "-q", self.server.url(name), "main")
        shutil.rmtree(seed.folder)
        return name

    # ── what is recorded

    def audit(self, *filters, limit=2000):
        rows = self.gateway.json("audit", "query", "--limit", str(limit), *filters, token=self.sam)
        return rows["records"] if isinstance(rows, dict) else rows

    def records(self, repository, **wanted):
        """Audit records about the repository or one of its refs, newest first, whose members are as wanted."""
        rows = self.audit()
        operations = {row.get("operation") for row in rows if names(row, repository)}
        return [row for row in rows if row.get("operation") in operations and all(row.get(k) == v for k, v in wanted.items())]

    def recorded(self, repository, **wanted):
        """Waits for such a record (those of reads may come after the answer); returns the newest."""
        return wait_until(lambda: self.records(repository, **wanted), f"{repository} has a record with {wanted}")[0]

    # ── held requests

    def held(self, repository=None):
        rows = self.gateway.json("requests", "--state", "held", token=self.sam)
        rows = rows["requests"] if isinstance(rows, dict) else rows
        return [row for row in rows if repository is None or f"/{repository}/" in json.dumps(row)]

    def show(self, request):
        return self.gateway.json("request", "show", request, token=self.sam)

    def state(self, request):
        return self.show(request)["state"]

    def approve(self, request, token=None, check=0):
        return self.gateway.cli("approve", request, "--reason", "reviewed", token=token or self.sam, check=check)

    def deny(self, request, reason):
        return self.gateway.cli("deny", request, "--reason", reason, token=self.sam, check=0)

    def finished(self, request, seconds=60):
        """Waits until the request is over; returns its state."""
        return wait_until(lambda: (state := self.state(request)) not in ("held", "approved", "executing") and state, "the request is over",
                          seconds)

    # ── requests byte by byte

    def authorization(self, token=None):
        return "Basic " + base64.b64encode(f"agent:{token or self.token()}".encode()).decode()

    def http(self, method, path, body=None, headers=None, token=None, authorize=True, timeout=60):
        """(status, headers, body) of one request to the agents listener."""
        connection = http.client.HTTPConnection("127.0.0.1", self.gateway.agents_port, timeout=timeout)
        all_headers = dict(headers or {})
        if authorize:
            all_headers.setdefault("Authorization", self.authorization(token))
        connection.request(method, path, body=body, headers=all_headers)
        response = connection.getresponse()
        data = response.read()
        connection.close()
        return response.status, {k.lower(): v for k, v in response.getheaders()}, data

    def receive_pack(self, name, body, token=None, headers=None, upstream="origin"):
        """POSTs a push's bytes as they are."""
        return self.http("POST", f"/{upstream}/{name}.git/git-receive-pack", body,
                         {"Content-Type": "application/x-git-receive-pack-request", **(headers or {})}, token)

    def close(self):
        for process in self.processes:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
                process.communicate()
        ended = self.gateway.stop() if self.gateway.process.running() else None
        self.server.close()
        log = (self.folder / "gateway.log").read_text()
        self._temporary.cleanup()
        if ended not in (None, 0) or "Sanitizer" in log:
            raise AssertionError(f"the gateway ended with {ended}\n{log[-20000:]}")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


def names(record, repository):
    """Whether an audit record names the repository, one of its refs, or (when it was refused unread) its address."""
    known = f"origin/{repository}"
    ids = [resource.split("::", 1)[1] for resource in record.get("resources", [])]
    asked = record.get("detail", "") if record["phase"] == "refused" else ""
    return any(each == known or each.startswith(known + "/") for each in ids) or f"/{known}." in asked or f"/{known}/" in asked


def request_of(done):
    """The id of the held request that git's output names."""
    found = REQUEST.search(done.text)
    if not found:
        raise AssertionError(f"no held request is named\n{done!r}")
    return found.group(1)


def command(old, new, ref, capabilities="report-status side-band-64k object-format=sha1 agent=test"):
    """The first command of a push."""
    return pkt(f"{old} {new} {ref}\0 {capabilities}")


def packets(data):
    """The packets of an answer: bytes of each; None for a flush."""
    out, at = [], 0
    while at < len(data):
        size = int(data[at:at + 4], 16)
        if size == 0:
            out.append(None)
            at += 4
            continue
        out.append(data[at + 4:at + size])
        at += size
    return out


def report_of(data):
    """(report lines, progress text) of an answer with sideband."""
    report = progress = b""
    for packet in packets(data):
        if packet and packet[:1] == b"\x01":
            report += packet[1:]
        elif packet and packet[:1] in (b"\x02", b"\x03"):
            progress += packet[1:]
    lines = [line.decode().rstrip("\n") for line in packets(report) if line]
    return lines, progress.decode()


class GitTest(unittest.TestCase):
    """A test case whose class has one world; each test makes repositories of its own."""

    adjust = None
    limits = ""

    @classmethod
    def setUpClass(cls):
        cls.world = GitWorld(adjust=cls.adjust, limits=cls.limits)
        cls.server, cls.gateway = cls.world.server, cls.world.gateway

    @classmethod
    def tearDownClass(cls):
        code, out, err = cls.gateway.cli("audit", "verify")
        cls.world.close()
        if code != 0:
            raise AssertionError("the audit log does not verify: " + out + err)

    def repository(self, object_format="sha1"):
        """A seeded repository named after the test."""
        return self.world.repository("team/" + self._testMethodName.removeprefix("test_"), object_format)

    def refs(self, name):
        """The refs of the host, without the attestations that the gateway leaves there after an approved push."""
        return {ref: commit for ref, commit in self.server.refs(name).items() if not ref.startswith("refs/countersign/attestations/")}

    def assert_landed(self, name, ref, commit):
        self.assertEqual(self.refs(name).get(ref), commit, f"{ref} of {name} on the host")

    def assert_unchanged(self, name, before):
        self.assertEqual(self.refs(name), before, f"the refs of {name} on the host")

    def assert_allowed(self, name, action, ref, effect="write", outcome="ok"):
        """The push has an intent that allowed it and an outcome."""
        resource = f"Ref::origin/{name}/{ref}"
        intents = [r for r in self.world.records(name, phase="intent", action=action) if resource in r.get("resources", [])]
        self.assertTrue(intents, f"no intent of {action} on {resource} in {self.world.records(name)}")
        self.assertEqual((intents[0]["decision"], intents[0]["effect"]), ("allow", effect))
        outcomes = self.world.audit("--operation", intents[0]["operation"], "--phase", "outcome")
        self.assertEqual([r["outcome"] for r in outcomes], [outcome])
        return outcomes[0]

    def assert_denied(self, done, name, before, code):
        """git said so, nothing changed on the host, and it is recorded."""
        self.assertEqual(done.code, 1, done)
        self.assertIn("[remote rejected]", done.text)
        self.assertIn(code, done.text)
        self.assert_unchanged(name, before)
        denied = self.world.recorded(name, decision="deny", code=code)
        self.assertEqual(denied["phase"], "intent")
        return denied


class HoldTest(GitTest):
    """Adds a policy that holds rewriting and deleting of branches labelled `kept`."""

    adjust = staticmethod(add_policies)

    def change(self, name=None, message="cheaper tea"):
        """(name, clone with a commit on main that is not pushed, refs of the host)."""
        name = name or self.repository()
        work = self.world.clone(name)
        work.commit(message, {"src/core/prices.txt": "espresso 3\ntea 1\n"})
        return name, work, self.refs(name)

    def hold(self, name, work, *args):
        """Pushes and expects to be held; returns the request's id."""
        before = self.refs(name)
        done = work.push(*(args or ("origin", "main")))
        self.assert_unchanged(name, before)
        return request_of(done)
