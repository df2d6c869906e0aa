"""Stock git fetching through the gateway, from a real git host."""
import http.client
import json
import os
import socket
import time
import unittest

from git_harness import FLUSH, GitTest, pkt, wait_until

LS_REFS = pkt("command=ls-refs\n") + pkt("object-format=sha1") + b"0001" + pkt("peel\n") + pkt("symrefs\n") + FLUSH


class Fetch(GitTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        world = cls.world
        cls.app = world.repository("team/app")
        work = world.clone(cls.app, direct=True)
        for number in range(30):
            work.commit(f"change {number}", {f"src/file{number % 7}.txt": f"{number}\n" * 50})
        work.git("tag", "light")
        work.git("tag", "-a", "-m", "a tag", "v1.0")
        work.git("checkout", "-q", "-b", "dev")
        work.commit("on dev")
        work.git("push", "-q", "origin", "main", "dev", "light", "v1.0")
        cls.all_refs = cls.server.refs(cls.app)

    def upstream_objects(self, name=None):
        return set(self.server.git(name or self.app, "rev-list", "--all", "--objects").split())

    def fetches(self, word=None, **wanted):
        rows = [r for r in self.server.requests("/" + (word or self.app)) if r["status"] == 200]
        return [r for r in rows if all(r[k] == v for k, v in wanted.items())]

    def test_a_clone_is_the_same_repository_and_is_recorded(self):
        work = self.world.clone(self.app)
        self.assertEqual(set(work.git("rev-list", "--all", "--objects").out.split()), self.upstream_objects())
        self.assertEqual(work.rev("origin/dev"), self.all_refs["refs/heads/dev"])
        work.git("fsck", "--strict")
        self.world.recorded(self.app, action="git:fetch", phase="outcome", outcome="ok")
        record = self.world.recorded(self.app, action="git:fetch", phase="intent", decision="allow")
        self.assertEqual(record["resources"], [f"Repository::origin/{self.app}"])
        self.assertEqual((record["agent"], record["owner"], record["effect"]), ("builder", "olivia", "read"))

    def test_ls_remote_lists_what_the_host_has(self):
        listed = dict(reversed(line.split("\t")) for line in self.world.git("ls-remote", self.world.url(self.app)).out.splitlines())
        for ref, commit in self.all_refs.items():
            self.assertEqual(listed[ref], commit)
        self.assertEqual(listed["HEAD"], self.all_refs["refs/heads/main"])
        self.assertIn("refs/tags/v1.0^{}", listed)

    def test_every_version_of_the_protocol(self):
        for version, header in ((0, ""), (1, "version=1"), (2, "version=2")):
            with self.subTest(version=version):
                before = len(self.fetches(method="POST", git_protocol=header))
                work = self.world.clone(self.app, "-c", f"protocol.version={version}")
                self.assertEqual(set(work.git("rev-list", "--all", "--objects").out.split()), self.upstream_objects())
                self.assertGreater(len(self.fetches(method="POST", git_protocol=header)), before, "the host was asked in this version")

    def test_shallow_clone_deepen_and_unshallow(self):
        work = self.world.clone(self.app, "--depth", "1")
        count = lambda: int(work.git("rev-list", "--count", "HEAD").out)
        self.assertEqual(count(), 1)
        work.git("fetch", "-q", "--deepen", "3")
        self.assertEqual(count(), 4)
        work.git("fetch", "-q", "--depth", "10")
        self.assertEqual(count(), 10)
        work.git("fetch", "-q", "--unshallow")
        self.assertEqual(count(), int(self.server.git(self.app, "rev-list", "--count", "main")))
        work.git("fsck")

    def test_partial_clones_fetch_what_they_lack_later(self):
        missing = lambda work: sum(line.startswith("?") for line in work.git("rev-list", "--objects", "--all", "--missing=print").out.splitlines())
        for spec in ("blob:none", "tree:0", "blob:limit=100"):
            with self.subTest(filter=spec):
                work = self.world.clone(self.app, f"--filter={spec}", "--no-checkout")
                self.assertGreater(missing(work), 0)
                posts = len(self.fetches(method="POST"))
                work.git("checkout", "-q", "main")
                self.assertEqual((work.folder / "src" / "file1.txt").read_text(), "29\n" * 50)
                self.assertGreater(len(self.fetches(method="POST")), posts, "the missing objects came from the host")

    def test_a_compressed_request_arrives(self):
        work = self.world.clone(self.app, "-c", "protocol.version=0")
        later = {"GIT_COMMITTER_DATE": f"@{int(time.time()) + 86400} +0000"}  # the newest is offered first: none the host has may come between
        for number in range(60):
            work.git("commit", "-q", "--allow-empty", "-m", f"mine {number}", env=later)
        other = self.world.clone(self.app, direct=True)
        moved = other.commit("the host is ahead")
        other.git("push", "-q", "origin", "HEAD:refs/heads/ahead")
        work.git("fetch", "-q", "origin")
        self.assertEqual(work.rev("origin/ahead"), moved)
        self.assertTrue(self.fetches(method="POST", content_encoding="gzip"), "git compressed its request and the host got it so")
        self.server.git(self.app, "update-ref", "-d", "refs/heads/ahead")

    def test_single_branch_and_tags(self):
        work = self.world.clone(self.app, "--single-branch", "--branch", "dev", "--no-tags")
        self.assertEqual(work.git("for-each-ref", "--format=%(refname)", "refs/remotes", "refs/tags").out.split(), ["refs/remotes/origin/dev"])
        work.git("fetch", "-q", "--tags")
        self.assertEqual(work.git("tag").out.split(), ["light", "v1.0"])
        self.assertEqual(work.rev("v1.0"), self.all_refs["refs/tags/v1.0"])
        work.git("fetch", "-q", "origin", self.all_refs["refs/heads/main"])  # by its name alone

    def test_a_mirror_has_every_ref(self):
        folder = self.world.folder_for("mirror")
        self.world.git("clone", "-q", "--mirror", self.world.url(self.app), str(folder))
        refs = dict(line.split() for line in self.world.git("for-each-ref", "--format=%(refname) %(objectname)", cwd=folder).out.splitlines())
        self.assertEqual(refs, self.server.refs(self.app))

    def test_a_sha256_repository(self):
        name = self.repository("sha256")
        work = self.world.clone(name)
        self.assertEqual(len(work.rev()), 64)
        self.assertEqual(work.rev(), self.refs(name)["refs/heads/main"])

    def test_an_empty_repository(self):
        self.server.create("team/empty")
        done = self.world.git("clone", self.world.url("team/empty"), str(self.world.folder_for()))
        self.assertIn("empty repository", done.text)

    def test_without_the_suffix_it_is_the_same_repository(self):
        before = len(self.world.records(self.app, action="git:fetch"))
        listed = self.world.git("ls-remote", self.world.url(self.app, suffix="")).out
        self.assertIn(self.all_refs["refs/heads/main"], listed)
        wait_until(lambda: len(self.world.records(self.app, action="git:fetch")) > before, "it is recorded under the same name")

    def test_a_client_that_asks_before_it_sends(self):
        head = (f"POST /origin/{self.app}.git/git-upload-pack HTTP/1.1\r\nHost: 127.0.0.1:{self.gateway.agents_port}\r\n"
                f"Authorization: {self.world.authorization()}\r\nContent-Type: application/x-git-upload-pack-request\r\n"
                f"Git-Protocol: version=2\r\nExpect: 100-continue\r\nContent-Length: {len(LS_REFS)}\r\nConnection: close\r\n\r\n")
        with socket.create_connection(("127.0.0.1", self.gateway.agents_port), timeout=30) as s:
            s.sendall(head.encode())
            first = s.recv(4096)
            self.assertTrue(first.startswith(b"HTTP/1.1 100 Continue\r\n\r\n"), first)
            s.sendall(LS_REFS)
            rest = first.removeprefix(b"HTTP/1.1 100 Continue\r\n\r\n")
            while piece := s.recv(65536):
                rest += piece
        self.assertTrue(rest.startswith(b"HTTP/1.1 200"), rest[:200])
        self.assertIn(self.all_refs["refs/heads/dev"].encode(), rest)

    def test_one_connection_serves_many_requests(self):
        connection = http.client.HTTPConnection("127.0.0.1", self.gateway.agents_port, timeout=30)
        headers = {"Authorization": self.world.authorization(), "Git-Protocol": "version=2"}
        connection.connect()
        mine = connection.sock.getsockname()
        for _ in range(3):
            connection.request("GET", f"/origin/{self.app}.git/info/refs?service=git-upload-pack", headers=headers)
            answer = connection.getresponse()
            self.assertEqual(answer.status, 200)
            self.assertEqual(answer.getheader("Content-Type"), "application/x-git-upload-pack-advertisement")
            answer.read()
            connection.request("POST", f"/origin/{self.app}.git/git-upload-pack", LS_REFS,
                               {**headers, "Content-Type": "application/x-git-upload-pack-request"})
            answer = connection.getresponse()
            self.assertIn(self.all_refs["refs/heads/dev"].encode(), answer.read())
            self.assertEqual(connection.sock.getsockname(), mine, "still the first connection")
        connection.close()

    # ── who may

    def test_without_a_token_git_is_asked_for_one(self):
        port = self.gateway.agents_port
        status, headers, _ = self.world.http("GET", f"/origin/{self.app}.git/info/refs?service=git-upload-pack", authorize=False)
        self.assertEqual(status, 401)
        self.assertTrue(headers["www-authenticate"].lower().startswith("basic realm="), headers["www-authenticate"])
        done = self.world.git("ls-remote", f"http://127.0.0.1:{port}/origin/{self.app}.git", check=128)
        self.assertIn("could not read Username", done.err)

    def test_a_wrong_token_fails_and_is_recorded(self):
        before = len(self.server.requests())
        delegable = self.gateway.agent_token(upstreams="origin")[0]
        for wrong in ("nonsense", "csb1_AAAA.BBBB", self.world.token()[:-4] + "AAAA", delegable, self.server.password):
            done = self.world.git("ls-remote", self.world.url(self.app, token=wrong), check=128)
            self.assertIn("Authentication failed", done.err)
        self.assertEqual(len(self.server.requests()), before, "the host was not asked")
        refused = self.world.audit("--phase", "refused")
        self.assertTrue([r for r in refused if self.app in json.dumps(r)], "it is recorded")

    def test_a_scope_without_the_upstream(self):
        done = self.world.git("ls-remote", self.world.url(self.app, token=self.world.token(upstreams="other")), check=128)
        self.assertIn("403", done.err)
        self.world.recorded(self.app, decision="deny", code="scope.upstream")

    def test_a_scope_without_the_repository(self):
        name = self.repository()
        token = self.world.token(extra=("--resources", f"origin/{self.app}"))
        self.world.git("ls-remote", self.world.url(self.app, token=token))
        before = len(self.server.requests(f"/{name}"))
        self.assertIn("403", self.world.git("ls-remote", self.world.url(name, token=token), check=128).err)
        self.assertEqual(len(self.server.requests(f"/{name}")), before, "the host was not asked")
        self.world.recorded(name, decision="deny", code="scope.resource")

    def test_a_repository_that_does_not_exist(self):
        done = self.world.git("ls-remote", self.world.url("team/nothing-here"), check=128)
        self.assertIn("not found", done.err)
        self.world.recorded("team/nothing-here", phase="outcome", outcome="client_error")

    # ── credentials

    def test_credentials_stay_on_their_side(self):
        token = self.world.token()
        done = self.world.git("-c", "http.extraHeader=Cookie: session=agent-cookie", "-c", "http.extraHeader=X-Api-Key: agent-key",
                              "ls-remote", self.world.url(self.app), env={"GIT_TRACE_CURL": "1", "GIT_TRACE_REDACT": "0", "GIT_TRACE_PACKET": "1"})
        self.assertNotIn(self.server.password, done.text, "the agent does not see the host's password")
        self.assertNotIn("Y2k6", done.text, "nor its Basic form")
        rows = self.server.requests()
        log = json.dumps(rows)
        for secret in (token, "agent-cookie", "agent-key"):
            self.assertNotIn(secret, log, "the host does not see what is the agent's")
        mine = [r["authorization"] for r in rows if r["status"] == 200]
        self.assertEqual(len(set(mine)), 1)
        self.assertTrue(mine[0].startswith("Basic Y2k6"), "it sees the configured user alone")
        for text in ((self.world.folder / "gateway.log").read_text(), self.gateway.cli("audit", "export", check=0)[1]):
            self.assertNotIn(self.server.password, text)
            self.assertNotIn(token, text)

    # ── other ways to read, and ways around

    def test_the_dumb_protocol_is_a_read(self):
        status, _, body = self.world.http("GET", f"/origin/{self.app}.git/HEAD")
        self.assertEqual((status, body), (200, b"ref: refs/heads/main\n"))
        self.assertEqual(self.world.http("GET", f"/origin/{self.app}.git/HEAD", token=self.world.token(upstreams="other"))[0], 403)
        self.assertEqual(self.world.http("GET", f"/origin/{self.app}.git/HEAD", authorize=False)[0], 401)

    def test_an_archive_is_a_read(self):
        # Only newer gits ask for archives over HTTP, and their servers; this one says so itself.
        for method, path in (("GET", "/info/refs?service=git-upload-archive"), ("POST", "/git-upload-archive")):
            target = f"/origin/{self.app}.git{path}"
            self.assertEqual(self.world.http(method, target, token=self.world.token(upstreams="other"))[0], 403)
            before = len(self.server.requests())
            self.world.http(method, target)
            self.assertEqual(len(self.server.requests()), before + 1, "the host was asked")

    def test_what_is_not_gits_does_not_pass(self):
        before = len(self.server.requests())
        for method, path in (("GET", ""), ("GET", "/"), ("GET", "/config"), ("GET", "/description"), ("GET", "/../../etc/passwd"),
                             ("GET", "/objects/../config"), ("GET", "/git-upload-archive"), ("GET", "/objects/info/secrets"),
                             ("GET", "/info/refs?service=git-upload-pack&x=1"), ("GET", "/info/refs?service=git-upload-pack&service=git-receive-pack"),
                             ("DELETE", "/HEAD"), ("PUT", "/HEAD"), ("HEAD", "/HEAD"), ("PROPFIND", "/")):
            status, _, body = self.world.http(method, f"/origin/{self.app}.git{path}", b"" if method in ("POST", "PUT") else None)
            self.assertIn(status, (400, 404, 405, 501), (method, path, body[:200]))
        self.assertEqual(len(self.server.requests()), before, "the host was asked none of it")

    def test_addresses_that_could_mean_another_repository_are_refused(self):
        before = len(self.server.requests())
        for name in ("team//app", "team/./app", "team/../team/app", "team/%2e/app", "team/%2e%2e/ledger/app", "team%2fapp", "team\\app", "/app",
                     "team/app%00", "team/app%0a", "../app", "team/app/", "team/app%2egit"):
            status, _, answer = self.world.http("GET", f"/origin/{name}.git/info/refs?service=git-upload-pack")
            self.assertIn(status, (400, 404), name)
            self.assertIn(b"git.bad_path", answer, name)
        self.assertEqual(len(self.server.requests()), before, "the host was asked none of it")
        refused = self.world.audit("--phase", "refused")
        self.assertTrue([r for r in refused if r["code"] == "git.bad_path"], "it is recorded")

    def test_large_answers_stream(self):
        name = self.repository()
        work = self.world.clone(name, direct=True)
        work.commit("large", {"large.bin": os.urandom(24 << 20)})
        work.git("push", "-q", "origin", "HEAD:large")
        copy = self.world.clone(name, "--branch", "large")
        self.assertEqual((copy.folder / "large.bin").read_bytes(), (work.folder / "large.bin").read_bytes())
        outcome = wait_until(lambda: [r for r in self.world.records(name, phase="outcome", action="git:fetch")
                                      if r.get("output_bytes", 0) > 24 << 20], "the outcome says how much it was")[0]
        self.assertEqual(outcome["outcome"], "ok")


if __name__ == "__main__":
    unittest.main(verbosity=1)
