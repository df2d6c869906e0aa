"""Credentials of git on both sides of the gateway: the credential helper towards it, tokens of a GitHub App behind it.

The helper is run by stock git. The App's API is tests/e2e/github_api.py, a stand-in: GitHub itself is not part of these tests.
"""
import json
import os
import pathlib
import shutil
import signal
import subprocess
import tempfile
import unittest

from git_server import GitServer, git_environment
from github_api import Front, GithubApi
from harness import BINARY, ROOT, Gateway, free_port, wait_until

CONFIGURATION = """
state: ./state
listen: {{ agents: "127.0.0.1:{agents}", admin: "127.0.0.1:{admin}" }}
policies: ./policies
workers: 2
upstreams:
  - name: origin
    protocol: git
    url: "{git}"
    credential: {{ basic: {{ user: {user}, password: {{ file: git-password }} }} }}
    labels: {{ environment: staging, tier: 3 }}
  - name: forge
    protocol: git
    url: "{front}/"
    credential:
      github_app: {{ app_id: 12345, installation_id: 678, private_key: {{ file: app.pem }}, api: "{api}/api/v3",
                    permissions: {{ contents: write }} }}
    labels: {{ environment: staging, tier: 3 }}
  - name: mirror
    protocol: git
    url: "{front}/"
    credential:
      github_app: {{ app_id: 12345, installation_id: 678, private_key: {{ file: app.pem }}, api: "{api}/api/v3",
                    permissions: {{ contents: read }} }}
    labels: {{ environment: staging, tier: 3 }}
"""


class World:
    def __init__(self):
        self._temporary = tempfile.TemporaryDirectory(prefix="countersign-credentials-")
        self.folder = pathlib.Path(self._temporary.name)
        self.folder.chmod(0o755)
        self.home = self.folder / "home"
        self.home.mkdir()
        self.server = GitServer(self.folder / "server")
        for name in ("team/app", "team/Other", "Acme/App", "acme/second"):
            self.server.create(name)
            self.seed(name)
        self.api = GithubApi(self.folder, ["Acme/App", "acme/second"])
        self.front = Front(self.api, self.server)
        shutil.copytree(ROOT / "policies" / "default", self.folder / "policies")
        (self.folder / "git-password").write_text(self.server.password)
        (self.folder / "git-password").chmod(0o600)
        agents, admin = free_port(), free_port()
        (self.folder / "countersign.yaml").write_text(CONFIGURATION.format(
            agents=agents, admin=admin, git=self.server.url(), user=self.server.user, front=self.front.url, api=self.api.url))
        self.gateway = Gateway(self.folder, agents, admin)
        self.address = f"http://127.0.0.1:{agents}"
        self.delegable, self.sealed = self.gateway.agent_token(upstreams="origin,forge,mirror")
        self.count = 0

    def seed(self, name):
        with tempfile.TemporaryDirectory() as folder:
            self.run("git", "clone", "-q", self.server.url(name), folder, check=0)
            (pathlib.Path(folder) / "a.txt").write_text("a\n")
            self.run("git", "add", "-A", cwd=folder, check=0)
            self.run("git", "commit", "-q", "-m", "first", cwd=folder, check=0)
            self.run("git", "push", "-q", "origin", "HEAD:main", cwd=folder, check=0)

    def run(self, *argv, cwd=None, check=None, stdin=None, **variables):
        done = subprocess.run([str(a) for a in argv], cwd=cwd or self.folder, env=git_environment(self.home, **variables),
                              capture_output=True, text=True, input=stdin, timeout=120)
        if check is not None and done.returncode != check:
            raise AssertionError(f"{argv} ended with {done.returncode}\n{done.stdout}{done.stderr}")
        return done

    def git(self, *args, cwd=None, check=None, stdin=None, helper=(), path=True, token=None, **variables):
        """Stock git that knows no password but the helper's."""
        command = " ".join([f"!{BINARY} git-credential --gateway {self.address}", *helper])
        argv = ["git", "-c", "credential.helper=", "-c", f"credential.helper={command}"]
        if path:
            argv += ["-c", "credential.useHttpPath=true"]
        variables.setdefault("COUNTERSIGN_AGENT_TOKEN", token or self.delegable)
        return self.run(*argv, *args, cwd=cwd, check=check, stdin=stdin, **variables)

    def fill(self, path="origin/team/app.git", host=None, protocol="http", extra="", **options):
        """(process, what `git credential fill` says)."""
        question = f"protocol={protocol}\nhost={host or self.address[7:]}\n" + (f"path={path}\n" if path else "") + extra + "\n"
        done = self.git("credential", "fill", stdin=question, **options)
        return done, dict(line.split("=", 1) for line in done.stdout.splitlines())

    def helper(self, operation, question, *arguments, **variables):
        """The helper as newer git calls it."""
        variables.setdefault("COUNTERSIGN_AGENT_TOKEN", self.delegable)
        return self.run(BINARY, "git-credential", "--gateway", self.address, *arguments, operation, stdin=question, **variables)

    def inspect(self, token):
        return json.loads(self.gateway.cli("token", "inspect", token, "--output", "json", check=0)[1])

    def url(self, name):
        return f"{self.address}/{name}.git"

    def with_password(self, name, token):
        return f"http://x:{token}@{self.address[7:]}/{name}.git"

    def clone(self, name, **options):
        self.count += 1
        folder = self.folder / f"clone-{self.count}"
        self.git("clone", "-q", self.url(name), folder, check=0, **options)
        return folder

    def commit(self, folder, text):
        (folder / "a.txt").write_text(text)
        self.run("git", "commit", "-q", "-a", "-m", text, cwd=folder, check=0)

    def close(self):
        self.gateway.stop()
        self.front.close()
        self.api.close()
        self.server.close()
        self._temporary.cleanup()


class WithWorld(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.world = World()

    @classmethod
    def tearDownClass(cls):
        cls.world.close()


class Helper(WithWorld):
    def test_git_gets_a_sealed_leaf_for_the_one_repository(self):
        done, answer = self.world.fill()
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(answer["username"], "countersign")
        self.assertTrue(answer["password"].startswith("csb1_"))
        leaf = self.world.inspect(answer["password"])
        self.assertEqual(leaf["form"], "bearer")
        rules = leaf["narrowed"][-1]["scope"]
        self.assertEqual([rule["upstreams"] for rule in rules], [["origin"], ["origin"]])
        self.assertEqual([rule["resources"] for rule in rules], [["origin/team/app"], ["origin/team/app/refs/*"]])
        self.assertNotIn(self.world.delegable, done.stdout + done.stderr)
        for repository, works in (("team/app", True), ("team/Other", False)):
            done = self.world.run("git", "ls-remote", self.world.with_password("origin/" + repository, answer["password"]))
            self.assertEqual(done.returncode == 0, works, done.stderr)

    def test_clone_fetch_and_push_know_no_other_password(self):
        for name in ("origin/team/app", "origin/team/Other"):
            folder = self.world.clone(name)
            self.world.commit(folder, "by the helper")
            self.world.git("push", "-q", "origin", "HEAD:refs/heads/topic", cwd=folder, check=0)
            self.assertIn("refs/heads/topic", self.world.git("ls-remote", "origin", cwd=folder, check=0).stdout)
        self.assertIn("refs/heads/topic", self.world.server.refs("team/Other"))

    def test_read_access_fetches_and_never_pushes(self):
        folder = self.world.clone("origin/team/app", helper=["--access", "read"])
        self.world.commit(folder, "not to land")
        done = self.world.git("push", "origin", "HEAD:refs/heads/never", cwd=folder, helper=["--access", "read"])
        self.assertNotEqual(done.returncode, 0)
        self.assertIn("scope.action", done.stdout + done.stderr)
        self.assertNotIn("refs/heads/never", self.world.server.refs("team/app"))

    def test_the_challenge_says_what_is_about_to_happen_and_the_leaf_follows_it(self):
        def challenge(method, rest):
            status, fields, _ = self.world.gateway.http(method, "/origin/team/app.git" + rest)
            self.assertEqual(status, 401)
            return fields["www-authenticate"]

        fetch, push = challenge("GET", "/info/refs?service=git-upload-pack"), challenge("GET", "/info/refs?service=git-receive-pack")
        self.assertEqual(push, 'Basic realm="countersign push", charset="UTF-8"')
        self.assertEqual(challenge("POST", "/git-receive-pack"), push)
        self.assertEqual(fetch, 'Basic realm="countersign fetch", charset="UTF-8"')
        self.assertEqual(challenge("POST", "/git-upload-pack"), fetch)
        self.assertEqual(challenge("POST", "/info/lfs/objects/batch"), 'Basic realm="countersign", charset="UTF-8"')
        self.assertEqual(challenge("GET", "/nonsense"), 'Basic realm="countersign", charset="UTF-8"')
        question = f"capability[]=authtype\nprotocol=http\nhost={self.world.address[7:]}\npath=origin/team/app.git\nwwwauth[]="

        def actions(asked, *arguments):
            done = self.world.helper("get", question + asked + "\n\n", *arguments)
            self.assertEqual(done.returncode, 0, done.stderr)
            self.assertTrue(done.stdout.startswith("capability[]=authtype\nephemeral=1\n"))
            password = dict(line.split("=", 1) for line in done.stdout.splitlines())["password"]
            return {a for rule in self.world.inspect(password)["narrowed"][-1]["scope"] for a in rule["actions"]}

        self.assertEqual(actions(fetch), {"git:fetch"})
        self.assertIn("git:push", actions(push))
        self.assertIn("git:push", actions('Basic realm="countersign"'))
        self.assertEqual(actions(push, "--access", "read"), {"git:fetch"})

    def test_other_hosts_get_nothing(self):
        for host, protocol in (("127.0.0.1:1", "http"), (self.world.address[7:] + ".evil.example", "http"),
                               (self.world.address[7:], "https"), ("localhost" + self.world.address[16:], "http")):
            done, answer = self.world.fill(host=host, protocol=protocol)
            self.assertNotEqual(done.returncode, 0)  # git would ask a person, and may not
            self.assertNotIn("password", answer)
            self.assertNotIn("countersign", done.stderr)  # nor does the helper say a word

    def test_what_cannot_be_answered_ends_git_with_a_reason_and_no_prompt(self):
        cases = [
            (dict(path=None), "useHttpPath"),
            (dict(path="origin"), "git_credential.path"),
            (dict(path="origin/te*m/app.git"), "git_credential.path"),
            (dict(token="csd1_nonsense"), "token.malformed"),
            (dict(token=" "), "cli.no_token"),
            (dict(token=self.world.gateway.person("olivia")), "git_credential.personal_token"),
            (dict(helper=["--ttl", "soon"]), "duration.malformed"),
            (dict(helper=["--token-file", "/nonexistent"]), "vault.missing"),
        ]
        for options, words in cases:
            path = options.pop("path", "origin/team/app.git")
            done, answer = self.world.fill(path=path, **options)
            self.assertNotEqual(done.returncode, 0, options)
            self.assertIn(words, done.stderr)
            self.assertIn("told us to quit", done.stderr)
            self.assertNotIn("password", answer)
            self.assertNotIn("csd1_", done.stderr)

    def test_the_token_is_found_in_a_file_or_either_variable(self):
        file = self.world.folder / "agent-token"
        file.write_text(self.world.delegable + "\n")
        file.chmod(0o600)
        done, answer = self.world.fill(helper=["--token-file", str(file)], COUNTERSIGN_AGENT_TOKEN="")
        self.assertIn("password", answer, done.stderr)
        done, answer = self.world.fill(COUNTERSIGN_AGENT_TOKEN="", COUNTERSIGN_TOKEN=self.world.delegable)
        self.assertIn("password", answer, done.stderr)
        file.chmod(0o644)
        done, answer = self.world.fill(helper=["--token-file", str(file)])
        self.assertIn("vault.permissions", done.stderr)
        self.assertNotIn("password", answer)

    def test_a_sealed_token_is_handed_on_with_a_word_about_it(self):
        done, answer = self.world.fill(token=self.world.sealed)
        self.assertEqual(answer["password"], self.world.sealed)
        self.assertIn("not narrowed", done.stderr)

    def test_nothing_is_stored_erased_or_said_for_other_operations(self):
        question = f"protocol=http\nhost={self.world.address[7:]}\nusername=x\npassword=y\n\n"
        for operation in ("store", "erase", "something-later"):
            done = self.world.helper(operation, question)
            self.assertEqual((done.returncode, done.stdout, done.stderr), (0, "", ""))
        done = self.world.helper("get", "host=a\nhost=b\n\n")
        self.assertEqual(done.returncode, 2)
        self.assertIn("git_credential.malformed", done.stderr)
        done = self.world.run(BINARY, "git-credential", "get", stdin=question)
        self.assertEqual(done.returncode, 2)
        self.assertIn("COUNTERSIGN_AGENTS_URL", done.stderr)
        done = self.world.run(BINARY, "git-credential", "get", stdin=question + "x" * (1 << 20), COUNTERSIGN_AGENTS_URL=self.world.address)
        self.assertEqual(done.returncode, 2)


class App(WithWorld):
    def setUp(self):
        self.api, self.front = self.world.api, self.world.front
        self.assertEqual(self.api.complaints, [])
        self.api.refuse_with = None
        self.api.minted.clear()
        self.front.seen.clear()

    def asked(self):
        return [(one["repositories"], one["permissions"]) for one in self.api.minted]

    def forget(self):
        """The gateway's tokens end here: the upstream takes none of them any more, and says so once for each."""
        self.api.revoke_all()

    def test_a_clone_reads_and_a_push_writes_with_one_token_each(self):
        self.forget()
        self.world.git("ls-remote", self.world.url("forge/Acme/App"), check=0)
        self.api.minted.clear()
        folder = self.world.clone("forge/Acme/App")
        self.world.git("ls-remote", "origin", cwd=folder, check=0)
        self.assertEqual(self.asked(), [])
        self.world.commit(folder, "written")
        self.world.git("push", "-q", "origin", "HEAD:refs/heads/one", cwd=folder, check=0)
        self.world.git("push", "-q", "origin", "HEAD:refs/heads/two", cwd=folder, check=0)
        self.assertEqual(self.asked(), [(["app"], {"contents": "write"})])
        self.assertIn("refs/heads/two", self.world.server.refs("Acme/App"))
        for _, path, contents in (one for one in self.front.seen if one[0] == 200):
            self.assertEqual(contents, "write" if "receive-pack" in path else "read", path)

    def test_everybody_waits_for_one_fetch(self):
        self.api.gate.clear()
        running = [subprocess.Popen(["git", "ls-remote", self.world.with_password("forge/acme/second", self.world.sealed)],
                                    env=git_environment(self.world.home), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
                   for _ in range(8)]
        self.api.gate.set()
        for each in running:
            out, err = each.communicate(timeout=120)
            self.assertEqual(each.returncode, 0, err)
            self.assertIn("refs/heads/main", out)
        self.assertEqual(self.asked(), [(["second"], {"contents": "read"})])

    def test_the_key_is_read_again_and_tokens_of_the_old_one_are_not_used_any_more(self):
        self.world.git("ls-remote", self.world.url("forge/Acme/App"), check=0)
        self.api.minted.clear()
        self.api.new_key()
        os.kill(self.world.gateway.process.pid, signal.SIGHUP)

        def fetched():
            self.world.git("ls-remote", self.world.url("forge/Acme/App"), check=0)
            return self.api.minted

        wait_until(fetched, "a token of the new key is fetched")
        self.assertEqual(self.api.complaints, [])

    def test_a_revoked_token_is_replaced_once(self):
        self.world.git("ls-remote", self.world.url("forge/Acme/App"), check=0)
        self.forget()
        self.api.minted.clear()
        self.front.seen.clear()
        self.world.git("ls-remote", self.world.url("forge/Acme/App"), check=0)
        self.assertEqual(self.asked(), [(["app"], {"contents": "read"})])
        self.assertEqual([status for status, _, _ in self.front.seen if status != 200], [401])

    def test_an_upstream_that_takes_no_token_is_not_asked_for_ever(self):
        self.world.git("ls-remote", self.world.url("forge/Acme/App"), check=0)
        self.forget()
        kept, self.api.tokens = self.api.tokens, Forgetful()
        try:
            self.api.minted.clear()
            done = self.world.git("ls-remote", self.world.url("forge/Acme/App"))
        finally:
            self.api.tokens = kept
        self.assertNotEqual(done.returncode, 0)
        self.assertIn("vault.github_app_rejected", done.stderr)
        self.assertEqual(len(self.api.minted), 1)

    def test_an_app_that_may_only_read_is_not_asked_to_push(self):
        folder = self.world.clone("mirror/Acme/App")
        self.world.commit(folder, "not to land")
        self.api.minted.clear()
        done = self.world.git("push", "origin", "HEAD:refs/heads/never", cwd=folder)
        self.assertNotEqual(done.returncode, 0)
        self.assertIn("vault.github_app_read_only", done.stdout + done.stderr)
        self.assertEqual(self.asked(), [])

    def test_repositories_without_the_app_and_names_that_are_none(self):
        done = self.world.git("ls-remote", self.world.url("forge/acme/unknown"))
        self.assertIn("vault.github_app_refused", done.stderr)
        self.assertIn("422", done.stderr)
        done = self.world.git("ls-remote", self.world.url("forge/evil/app"))
        self.assertIn("vault.github_app_repository", done.stderr)  # a token for Acme/App is not one for evil/app
        self.api.minted.clear()
        for name in ("forge/app", "forge/a/b/c"):
            done = self.world.git("ls-remote", self.world.url(name))
            self.assertIn("vault.github_app_repository", done.stderr)
        self.assertEqual(self.asked(), [])

    def test_no_secret_is_found_anywhere(self):
        folder = self.world.clone("forge/Acme/App")
        self.world.commit(folder, "x")
        done = self.world.git("push", "origin", "HEAD:refs/heads/three", cwd=folder, check=0, GIT_CURL_VERBOSE="1", GIT_TRACE_CURL="1")
        texts = [(self.world.folder / "gateway.log").read_text(errors="replace"), done.stdout + done.stderr,
                 self.world.gateway.cli("audit", "export", check=0)[1]]
        for file in (self.world.folder / "state").rglob("*"):
            if file.is_file() and not file.name.startswith("root-"):
                texts.append(file.read_bytes().decode(errors="replace"))
        self.assertTrue(self.api.secrets())
        for secret in self.api.secrets():
            for text in texts:
                self.assertNotIn(secret, text)


class Forgetful(dict):
    """Tokens that nobody remembers having given."""

    def __setitem__(self, *_):
        pass


class Outage(unittest.TestCase):
    def test_without_the_api_git_says_why_and_works_again_afterwards(self):
        world = World()
        try:
            world.api.refuse_with = 503
            done = world.git("ls-remote", world.url("forge/Acme/App"))
            self.assertIn("vault.github_app_refused", done.stderr)
            world.api.refuse_with = None
            world.git("ls-remote", world.url("forge/Acme/App"), check=0)
            world.api.server.shutdown()
            world.api.server.server_close()
            world.git("ls-remote", world.url("forge/Acme/App"), check=0)  # by the token that is kept
            done = world.git("ls-remote", world.url("forge/acme/second"))
            self.assertNotEqual(done.returncode, 0)
            self.assertIn("vault.github_app_unreachable", done.stderr)
            world.git("ls-remote", world.url("origin/team/app"), check=0)  # the others are not affected
        finally:
            world.close()

    def test_a_key_that_is_none_stops_the_start(self):
        with tempfile.TemporaryDirectory() as folder:
            folder = pathlib.Path(folder)
            shutil.copytree(ROOT / "policies" / "default", folder / "policies")
            for name in ("app.pem", "git-password"):
                (folder / name).write_text("hunter2\n")
                (folder / name).chmod(0o600)
            (folder / "countersign.yaml").write_text(CONFIGURATION.format(
                agents=free_port(), admin=free_port(), git="http://127.0.0.1:9/", user="ci", front="http://127.0.0.1:9", api="http://127.0.0.1:9"))
            done = subprocess.run([str(BINARY), "serve", "--config", "countersign.yaml"], cwd=folder, capture_output=True, text=True, timeout=60)
            self.assertNotEqual(done.returncode, 0)
            self.assertIn("vault.github_app_key", done.stderr)
            self.assertIn("forge", done.stderr)
            self.assertNotIn("hunter2", done.stdout + done.stderr)


if __name__ == "__main__":
    unittest.main(verbosity=2)
