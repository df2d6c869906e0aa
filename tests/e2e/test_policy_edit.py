"""Edits of policies end to end: recorded operations, replay, two people over the admin API, rollback, shadow, policies from git."""
import http.client
import json
import os
import pathlib
import subprocess
import tempfile
import unittest

from harness import Gateway, World, wait_until, write_quickstart

FORBID_STAGING = """
@id("no-more-staging")
forbid (principal, action in Action::"change", resource)
when { resource.name like "staging/closed/*" };
"""
SHADOW = """
@id("perhaps-one-day")
@shadow
forbid (principal, action in Action::"change", resource)
when { resource.name like "staging/closed/*" };
"""


class Api:
    """The admin API as a person with a token uses it."""

    def __init__(self, gateway, token):
        self.gateway, self.token = gateway, token

    def __call__(self, method, path, body=None):
        connection = http.client.HTTPConnection("127.0.0.1", self.gateway.admin_port, timeout=60)
        headers = {"Authorization": f"Bearer {self.token}"}
        if body is not None:
            headers["Content-Type"] = "application/json"
        connection.request(method, "/api/v1/policies" + path, body=None if body is None else json.dumps(body), headers=headers)
        response = connection.getresponse()
        data = json.loads(response.read() or b"null")
        connection.close()
        return response.status, data


class PolicyEdits(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.world = World()
        cls.gateway = cls.world.gateway
        cls.builder = cls.gateway.agent_token()[1]
        cls.olivia = Api(cls.gateway, cls.gateway.person("olivia"))
        cls.sam = Api(cls.gateway, cls.gateway.person("sam"))

    @classmethod
    def tearDownClass(cls):
        cls.world.close()

    def write(self, path="/web/staging/closed/a.txt"):
        return self.gateway.http("PUT", path, self.builder, b"x")[0]

    def draft(self, name, text):
        files = self.olivia("GET", "/files")[1]["files"]
        return [f for f in files if f["path"] != name] + [{"path": name, "text": text}]

    def activate(self, files, description):
        status, proposal = self.olivia("POST", "/proposals", {
            "files": files, "base": self.olivia("GET", "/files")[1]["digest"], "description": description})
        self.assertEqual(status, 201, proposal)
        status, done = self.sam("POST", f"/proposals/{proposal['id']}/activate", {"reason": "agreed"})
        self.assertEqual(status, 200, done)
        return proposal

    def test_a_draft_is_replayed_activated_by_somebody_else_and_taken_back(self):
        self.assertIn(self.write(), (201, 204))
        before = self.olivia("GET", "/files")[1]["digest"]
        draft = self.draft("50-more.cedar", FORBID_STAGING)

        status, replayed = self.olivia("POST", "/replay", {"files": draft, "days": 1, "limit": 10000})
        self.assertEqual(status, 200, replayed)
        flips = [f for f in replayed["flips"] if f["resource"].endswith("staging/closed/a.txt")]
        self.assertEqual([(f["from"], f["to"], f["policies_after"]) for f in flips], [("allow", "deny", ["no-more-staging"])])

        # The command line says the same, with the server and without it.
        folder = self.world.folder / "draft"
        for file in draft:
            path = folder / file["path"]
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(file["text"])
        for where in ([], ["--journal", "state/operations"]):
            code, out, err = self.gateway.cli("policy", "replay", "draft", "--config", "countersign.yaml", *where)
            self.assertEqual(code, 1, out + err)
            self.assertIn("allow → deny: builder http:PUT", out)
        code, out, err = self.gateway.cli("policy", "diff", "policies", "draft")
        self.assertEqual(code, 1, err)
        self.assertIn("policy no-more-staging (50-more.cedar): added", out)
        self.gateway.cli("policy", "diff", "policies", "policies", check=0)
        self.gateway.cli("policy", "replay", "policies", "--config", "countersign.yaml", check=0)

        status, refused = self.olivia("POST", "/proposals", {"files": draft, "base": before, "description": "x"})
        self.assertEqual(status, 201, refused)
        status, refused = self.olivia("POST", f"/proposals/{refused['id']}/activate", {"reason": "mine"})
        self.assertEqual((status, refused["code"]), (403, "policies.self"))
        self.assertIn(self.write(), (201, 204))

        self.activate(draft, "staging is closed")
        self.assertEqual(self.write(), 403)
        self.assertTrue((self.world.folder / "policies" / "50-more.cedar").exists())
        after = self.olivia("GET", "/files")[1]["digest"]

        # Killed and started again, the new set runs, and the old one is still known.
        self.gateway.kill()
        self.gateway.start()
        self.assertEqual(self.write(), 403)
        history = self.olivia("GET", "/history")[1]["history"]
        self.assertEqual([(h["digest"], h["by"], h["proposed_by"]) for h in history[:2]],
                         [(after, "sam", "olivia"), (before, "", "")])
        status, back = self.sam("POST", f"/history/{before}/rollback", {"reason": "too strict"})
        self.assertEqual(status, 201, back)
        status, done = self.olivia("POST", f"/proposals/{back['id']}/activate", {"reason": "yes"})
        self.assertEqual(status, 200, done)
        self.assertIn(self.write(), (201, 204))

        records = self.gateway.json("audit", "query", "--limit", "200")
        records = records if isinstance(records, list) else records["records"]
        acts = [r for r in records if r.get("action") == "policies:activate" and r.get("code") == "policies.activated"]
        self.assertEqual({r["actor"] for r in acts}, {"sam", "olivia"})
        decided = [r for r in records if r.get("phase") == "intent"]
        self.assertTrue(decided and all(len(r["policy_digest"]) == 64 for r in decided))

    def test_shadow_is_recorded_and_does_not_count(self):
        self.activate(self.draft("60-shadow.cedar", SHADOW), "try it")
        self.assertIn(self.write("/web/staging/closed/shadow.txt"), (201, 204))
        records = self.gateway.json("audit", "query", "--limit", "50")
        records = records if isinstance(records, list) else records["records"]
        intents = [r for r in records if r.get("phase") == "intent" and any("shadow.txt" in x for x in r["resources"])]
        self.assertEqual([r.get("shadow") for r in intents], [["perhaps-one-day"]])


class PoliciesFromGit(unittest.TestCase):
    def git(self, *arguments, person=None):
        environment = {"PATH": os.environ["PATH"], "HOME": "/nonexistent", "GIT_CONFIG_NOSYSTEM": "1", "GIT_CONFIG_GLOBAL": "/dev/null"}
        name = person or "nobody"
        for who in ("AUTHOR", "COMMITTER"):
            environment[f"GIT_{who}_NAME"], environment[f"GIT_{who}_EMAIL"] = name, f"{name}@example.com"
        sign = ["-c", "gpg.format=ssh", "-c", "commit.gpgSign=true", "-c", f"user.signingKey={self.folder / name}"] if person else []
        subprocess.run(["git", "-C", str(self.folder / "origin"), *sign, *arguments], check=True, env=environment, capture_output=True)

    def setUp(self):
        self.temporary = tempfile.TemporaryDirectory(prefix="countersign-")
        self.addCleanup(self.temporary.cleanup)
        self.folder = pathlib.Path(self.temporary.name)
        agents, admin = write_quickstart(self.folder)
        config = self.folder / "countersign.yaml"
        lines = [line for line in config.read_text().split("\n") if not line.startswith("policies:")]
        config.write_text("\n".join(lines) + "\npolicies: { git: { repository: ./origin, path: policies, allowed_signers: ./signers, every: 1s } }\n")
        subprocess.run(["git", "init", "-q", "-b", "main", str(self.folder / "origin")], check=True)
        (self.folder / "policies").rename(self.folder / "origin" / "policies")
        signers = []
        for name in ("alice", "bob"):
            subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(self.folder / name)], check=True)
            signers.append(f'{name}@example.com namespaces="git" ' + (self.folder / f"{name}.pub").read_text())
        (self.folder / "signers").write_text("".join(signers))
        self.git("add", "-A", person="alice")
        self.git("commit", "-q", "-m", "first", person="alice")
        self.gateway = Gateway(self.folder, agents, admin)
        self.addCleanup(self.gateway.stop)

    def edit(self, author, merger, text):
        self.git("checkout", "-q", "-b", "edit")
        (self.folder / "origin" / "policies" / "99-edit.cedar").write_text(text)
        self.git("add", "-A", person=author)
        self.git("commit", "-q", "-m", "edit", person=author)
        self.git("checkout", "-q", "main")
        self.git("merge", "-q", "--no-ff", "-m", "merge", "edit", person=merger)
        self.git("branch", "-D", "edit")

    def records(self):
        records = self.gateway.json("audit", "query", "--limit", "100")
        records = records if isinstance(records, list) else records["records"]
        return [(r["code"], json.loads(r["detail"])) for r in records if r.get("action") == "policies:follow"]

    def test_signed_merges_go_into_force_and_others_do_not(self):
        olivia = Api(self.gateway, self.gateway.person("olivia"))
        before = olivia("GET", "/files")[1]
        self.assertIn("branch main", before["read_only"])
        self.assertEqual([code for code, _ in self.records()], ["policies.activated"])
        self.edit("alice", "alice", FORBID_STAGING)
        wait_until(lambda: "policies.git_one_person" in [code for code, _ in self.records()], "one person is refused")
        self.assertEqual(olivia("GET", "/files")[1]["digest"], before["digest"])
        self.git("reset", "-q", "--hard", "HEAD~1")
        self.edit("alice", "bob", FORBID_STAGING)
        wait_until(lambda: olivia("GET", "/files")[1]["digest"] != before["digest"], "the merge is in force")
        wait_until(lambda: len([1 for code, _ in self.records() if code == "policies.activated"]) == 2, "it is on record")
        detail = [d for code, d in self.records() if code == "policies.activated" and not d.get("first")][0]
        self.assertEqual((detail["signer"], detail["proposed_by"]), ("bob@example.com", ["alice@example.com"]))
        wait_until(lambda: olivia("GET", "/history")[1]["history"][0]["by"].startswith("git: "), "the history says who")


if __name__ == "__main__":
    unittest.main()
