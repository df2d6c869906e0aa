"""The console in headless Chromium, against a real gateway with real held requests.

This prepares a world (nginx, an MCP server, a git host, people with invitations, requests with hostile text) and runs the Playwright
tests of console/ in it; afterwards the audit log is verified offline. With arguments, they are passed to Playwright, and
COUNTERSIGN_CONSOLE_SHOTS=folder makes it take the pictures of docs/console.md.
"""
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import unittest

from git_server import GitServer, git_environment
from harness import E2E, NODE_BIN, Gateway, Nginx, free_port, wait_until, write_quickstart

TESTS = E2E / "console"

POLICIES = """
// What lies below signed/ is changed only with signatures that anybody can verify.
@id("signed-changes-need-a-passkey")
@approval("signed-change")
@reason("what lies here is changed with signed approvals only")
forbid (principal is Agent, action in Action::"change", resource)
when { resource.name like "production/signed/*" };
"""

APPROVALS = """
rules:
  production-change:
    description: the team that runs production approves
    stages: [{ name: platform, count: 1, group: "team:platform", min_level: senior }]
    expires: 4h
  tier-0-change:
    description: tier 0 needs a second, more senior approval
    stages: [{ name: second pair of eyes, count: 1, group: anyone, min_level: principal }]
    expires: 4h
  sensitive-change:
    description: permissions, credentials and CI files
    stages: [{ name: platform, count: 2, group: "team:platform", min_level: senior }]
    expires: 2h
  signed-change:
    description: approvals here are signed with a passkey
    signature: required
    stages: [{ name: platform, count: 1, group: "team:platform", min_level: senior }]
    expires: 4h
  break-glass:
    description: two people of the platform sign
    signature: required
    stages: [{ name: keys, count: 2, group: "team:platform", min_level: senior }]
    expires: 15m
break_glass:
  rule: break-glass
  longest: 30m
  review_within: 72h
  key_age: 0s
  reviewers: ["team:platform"]
  environments: [production]
  effects: [write]
bursts: { window: 0s }
"""

HOSTILE = "<img src=x onerror=\"document.title='owned'\"><script>document.title='owned'</script>\u202egnp.exe\u202c\u200b"
HOSTILE_REF = "release/<svg/onload=alert(1)>"


class ConsoleWorld:
    def __init__(self, folder):
        self.folder = pathlib.Path(folder)
        os.chmod(self.folder, 0o755)
        self.home = self.folder / "home"
        self.home.mkdir()
        self.nginx = Nginx(self.folder)
        self.host = GitServer(self.folder / "host")
        (self.folder / "git-password").write_text(self.host.password)
        os.chmod(self.folder / "git-password", 0o600)
        agents, admin = free_port(), free_port()
        write_quickstart(self.folder, self.nginx.port, agents, admin, extra=f"""
  - name: origin
    protocol: git
    url: "{self.host.url()}"
    credential: {{ basic: {{ user: {self.host.user}, password: {{ file: {self.folder}/git-password }} }} }}
    labels: {{ environment: staging, tier: 3, owner: platform }}
""")
        configuration = self.folder / "countersign.yaml"
        configuration.write_text(configuration.read_text().replace("listen:\n", f"listen:\n  public_url: http://localhost:{admin}\n", 1))
        policies = self.folder / "policies"
        (policies / "50-signed.cedar").write_text(POLICIES)
        (policies / "approvals.yaml").write_text(APPROVALS)
        entities = policies / "entities.yaml"
        entities.write_text(entities.read_text()
                            .replace("  - { name: jun,", "  - { name: pat, level: senior, teams: [platform] }\n  - { name: jun,")
                            + '  - { match: "origin/**/refs/heads/release/**", environment: production, tier: 1, owner: platform }\n')
        try:
            self.gateway = Gateway(self.folder, agents, admin)
        except BaseException:
            self.host.close()
            self.nginx.stop()
            raise

    def git(self, *args, cwd):
        subprocess.run(["git", *args], cwd=cwd, env=git_environment(self.home), check=True, capture_output=True, timeout=120)

    def push_hostile(self, token):
        """A held push whose branch, commit message, file name and content are hostile."""
        self.host.create("team/checkout")
        seed = self.folder / "seed"
        self.git("init", "-q", "-b", "main", str(seed), cwd=self.folder)
        (seed / "README.md").write_text("# Checkout\n\nHow to run it.\n")
        (seed / "checkout.yaml").write_text("image: checkout:2.14.0\nmemory: 512Mi\nreplicas: 3\n")
        self.git("add", "-A", cwd=seed)
        self.git("commit", "-q", "-m", "begin", cwd=seed)
        self.git("push", "-q", self.host.url("team/checkout"), "main", cwd=seed)
        self.git("push", "-q", self.host.url("team/checkout"), f"main:refs/heads/{HOSTILE_REF}", cwd=seed)
        (seed / "checkout.yaml").write_text("image: checkout:2.15.0\nmemory: 768Mi\nreplicas: 3\nfeature_tax: on\n")
        (seed / "<img src=x onerror=alert(1)>.md").write_text(HOSTILE + "\n")
        self.git("add", "-A", cwd=seed)
        self.git("commit", "-q", "-m", f"checkout 2.15.0 {HOSTILE}", cwd=seed)
        url = f"http://agent:{token}@127.0.0.1:{self.gateway.agents_port}/origin/team/checkout.git"
        subprocess.run(["git", "push", url, f"HEAD:refs/heads/{HOSTILE_REF}"], cwd=seed, env=git_environment(self.home),
                       capture_output=True, timeout=120)

    def prepare(self):
        gateway = self.gateway
        delegable, token = gateway.agent_token(upstreams="files,web,origin")
        narrowed = gateway.cli("token", "narrow", delegable, "--effects", "read,write", "--as", "planner", check=0)[1].strip()
        planner = gateway.seal(narrowed)
        _, menu = gateway.agent_token(agent="menu-bot", upstreams="web")
        _, frozen = gateway.agent_token(agent="spare-bot", upstreams="web")
        gateway.http("GET", "/web/production/prices.json", token)
        gateway.http("GET", "/web/production/prices.json", planner)
        gateway.http("DELETE", "/web/production/prices.json", token)
        for name in ("plan.txt", "notes.txt"):
            gateway.http("PUT", f"/web/staging/{name}", token, body=b"step one\n")

        def held(path, by=token, body=b'{"espresso":3}'):
            status, _, answer = gateway.http("PUT", f"/web/production/{path}", by, body=body, headers={"Content-Type": "application/json"})
            assert status == 202, (status, answer)
            return json.loads(answer)["request"]

        sam = gateway.person("sam")
        client = gateway.mcp(token)
        client.call("write_file", {"path": "production/config.json", "content": HOSTILE})
        client.close()
        self.push_hostile(token)
        rows = lambda: gateway.json("requests", "--state", "held", token=sam)
        listed = rows()
        listed = listed["requests"] if isinstance(listed, dict) else listed
        by_protocol = {row["protocol"]: row["id"] for row in listed}
        done = held("done.json")
        gateway.cli("approve", done, "--reason", "tea is fine", token=sam, check=0)
        refused = held("refused.json")
        gateway.cli("deny", refused, "--reason", "no rollback plan yet", token=sam, check=0)
        wait_until(lambda: gateway.json("request", "show", done, token=sam)["state"] == "done", "it ran")
        requests = {"mcp": by_protocol["mcp"], "git": by_protocol["git"], "http": held("menu.json", planner),
                    "signed": held("signed/contract.json"), "tampered": held("signed/tampered.json"), "own": held("own.json"),
                    "stale": held("stale.json"), "done": done,
                    "batch": [held(f"batch-{i}.json", menu, b'{"n":%d}' % i) for i in range(4)]}
        invitations = {name: gateway.json("person", "invite", name)["link"] for name in ("sam", "pat", "olivia", "dana", "jun")}
        return {"base": f"http://localhost:{gateway.admin_port}", "agents": f"http://127.0.0.1:{gateway.agents_port}",
                "approvals": str(self.folder / "policies" / "approvals.yaml"),
                "tokens": {"builder": token, "menu": menu, "spare": frozen}, "requests": requests, "invitations": invitations}

    def close(self):
        if self.gateway.process.running():
            self.gateway.stop()
        self.host.close()
        self.nginx.stop()


def playwright(world, description, *arguments):
    path = world.folder / "world.json"
    path.write_text(json.dumps(description))
    node = NODE_BIN / "node"
    return subprocess.run([str(node), str(TESTS / "node_modules" / "@playwright" / "test" / "cli.js"), "test", *arguments], cwd=TESTS,
                          env={**os.environ, "COUNTERSIGN_WORLD": str(path), "PLAYWRIGHT_SKIP_BROWSER_DOWNLOAD": "1"}, timeout=540)


class Console(unittest.TestCase):
    def test_the_console_in_a_browser(self):
        with tempfile.TemporaryDirectory(prefix="countersign-console-") as folder:
            world = ConsoleWorld(folder)
            try:
                done = playwright(world, world.prepare(), *ARGUMENTS)
                self.assertEqual(done.returncode, 0, "Playwright says what failed above")
                self.assertEqual(world.gateway.stop(), 0, "the gateway ends cleanly")
                code, out, err = world.gateway.cli("audit", "verify")
                self.assertEqual(code, 0, out + err)
            finally:
                world.close()


ARGUMENTS = []
if __name__ == "__main__":
    ARGUMENTS, sys.argv[1:] = sys.argv[1:], []
    unittest.main(verbosity=1)
