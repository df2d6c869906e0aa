"""Git LFS through the gateway with the stock git-lfs client: files that the upstream keeps itself and files in another store, denials,
holds and locks."""
import hashlib
import json
import os
import pathlib
import shutil
import signal
import tempfile
import unittest

from git_harness import GitTest, GitWorld
from harness import wait_until
from lfs_server import MEDIA_TYPE, LfsHost

POLICIES = """
@id("no-uploads-for-frozen")
forbid (principal, action == Action::"git:lfs_upload", resource) when { resource.name like "*/refs/heads/frozen" };

@id("no-huge-uploads")
forbid (principal, action == Action::"git:lfs_upload", resource) when { context.input.bytes > 5000000 };

@id("nobody-breaks-locks")
forbid (principal, action == Action::"git:lfs_force_unlock", resource);
"""


def allow_uploads(folder):
    (pathlib.Path(folder) / "60-lfs.cedar").write_text(POLICIES)


class LfsTest(GitTest):
    @classmethod
    def setUpClass(cls):
        cls._host_folder = tempfile.TemporaryDirectory(prefix="countersign-e2e-lfs-")
        os.chmod(cls._host_folder.name, 0o755)
        cls.host = LfsHost(cls._host_folder.name)
        cls.world = GitWorld(adjust=allow_uploads, server=cls.host)
        cls.server, cls.gateway = cls.world.server, cls.world.gateway

    @classmethod
    def tearDownClass(cls):
        super().tearDownClass()
        cls._host_folder.cleanup()

    def setUp(self):
        self.host.storage = "own"

    def clone(self, name, token=None):
        """A clone through the gateway in which *.bin are LFS files."""
        clone = self.world.clone(name, token=token)
        clone.git("lfs", "install", "--local")
        clone.git("config", "lfs.locksverify", "false")
        clone.git("config", "lfs.concurrenttransfers", "2")
        clone.write(".gitattributes", "*.bin filter=lfs diff=lfs merge=lfs -text\n")
        return clone

    def add(self, clone, files, message="files"):
        oids = [hashlib.sha256(data).hexdigest() for data in files.values()]
        clone.commit(message, files)
        return oids

    def stored(self, name, oid):
        return self.host.store.has(name, oid)

    def batch(self, name, operation, oid, size, ref="refs/heads/work", **extra):
        body = {"operation": operation, "transfers": ["basic"], "objects": [{"oid": oid, "size": size}], "hash_algo": "sha256"}
        if ref:
            body["ref"] = {"name": ref}
        return self.world.http("POST", f"/origin/{name}.git/info/lfs/objects/batch", json.dumps(body),
                               {"Content-Type": MEDIA_TYPE, "Accept": MEDIA_TYPE}, **extra)

    def roundtrip(self, storage):
        self.host.storage = storage
        name = self.repository()
        clone = self.clone(name)
        clone.git("checkout", "-q", "-b", "work")
        data = {f"{i}.bin": os.urandom(1000 + i) for i in range(4)} | {"large.bin": os.urandom(3 << 20)}
        oids = self.add(clone, data)
        clone.push("origin", "work")
        for oid in oids:
            self.assertTrue(self.stored(name, oid), oid)
        other = self.clone(name)
        other.git("fetch", "-q", "origin", "work")
        other.git("checkout", "-q", "-f", "FETCH_HEAD")
        other.git("lfs", "pull")
        for path, content in data.items():
            self.assertEqual((other.folder / path).read_bytes(), content, path)
        return name, oids

    def test_files_that_the_upstream_keeps_go_through_the_gateway(self):
        name, oids = self.roundtrip("own")
        for method in ("PUT", "GET"):
            seen = [row for row in self.host.seen(f"/{name}.git/info/lfs/store/") if row[0] == method]
            self.assertGreaterEqual(len(seen), len(oids))
            self.assertEqual({row[2] for row in seen}, {self.host.authorization}, "with the upstream's credential")
        self.assertTrue(self.host.seen(f"/{name}.git/info/lfs/verify"))
        uploads = self.world.records(name, phase="intent", action="git:lfs_upload")
        self.assertTrue(all(r["decision"] == "allow" and r["effect"] == "write" for r in uploads), uploads)
        self.assertIn(f"origin/{name}/refs/heads/work", json.dumps(uploads[0]["resources"]))
        for intent in uploads:
            outcomes = self.world.audit("--operation", intent["operation"], "--phase", "outcome")
            self.assertEqual([r["outcome"] for r in outcomes], ["ok"])

    def test_an_upstream_that_goes_by_another_name_is_known_by_its_credential(self):
        name, oids = self.roundtrip("public")
        self.assertGreaterEqual(len(self.host.seen(f"/{name}.git/info/lfs/store/")), 2 * len(oids))

    def test_signed_addresses_of_another_store_are_used_directly(self):
        name, oids = self.roundtrip("elsewhere")
        direct = self.host.seen(f"/{name}.git/info/lfs/store/")
        self.assertGreaterEqual(len(direct), 2 * len(oids))
        self.assertEqual({row[2] for row in direct}, {""}, "without any credential")
        self.assertTrue(all("signature=" in row[1] for row in direct))

    def test_the_upstreams_credential_never_comes_back(self):
        name = self.repository()
        data = os.urandom(100)
        oid = hashlib.sha256(data).hexdigest()
        for storage in ("own", "public"):
            self.host.storage = storage
            status, headers, body = self.batch(name, "upload", oid, len(data))
            self.assertEqual(status, 200, body)
            self.assertEqual(headers["content-type"], MEDIA_TYPE)
            text = body.decode() + json.dumps(headers)
            self.assertNotIn(self.host.authorization.split()[1], text)
            self.assertNotIn(self.host.password, text)
            action = json.loads(body)["objects"][0]["actions"]["upload"]
            self.assertTrue(action["href"].startswith(f"http://127.0.0.1:{self.gateway.agents_port}/origin/{name}.git/info/lfs/"), action)
            self.assertNotIn("Authorization", action.get("header", {}))

    def test_an_address_of_a_file_is_no_credential_and_takes_only_its_file(self):
        name = self.repository()
        data = os.urandom(100)
        oid = hashlib.sha256(data).hexdigest()
        _, _, body = self.batch(name, "upload", oid, len(data))
        href = json.loads(body)["objects"][0]["actions"]["upload"]["href"]
        path = href[href.index("/origin/"):]
        self.assertEqual(self.world.http("PUT", path, data, authorize=False)[0], 401)
        before = len(self.host.seen(f"/{name}.git/info/lfs/store/"))
        for method, content in (("PUT", data[:-1] + b"x"), ("PUT", data[:-1]), ("PUT", b""), ("GET", None)):
            status, _, answer = self.world.http(method, path, content)
            self.assertIn(status, (400, 404), answer)
        for other in (path[:-1] + ("A" if path[-1] != "A" else "B"), path.replace(name, "team/other")):
            self.assertEqual(self.world.http("PUT", other, data)[0], 404)
        self.assertEqual(len(self.host.seen(f"/{name}.git/info/lfs/store/")), before, "nothing reached the host")
        self.assertEqual(self.world.http("PUT", path, data)[0], 200)
        self.assertTrue(self.stored(name, oid))

    def test_uploads_are_denied_by_ref_before_anything_is_pushed(self):
        name = self.repository()
        clone = self.clone(name)
        clone.git("checkout", "-q", "-b", "frozen")
        oid, = self.add(clone, {"a.bin": b"not today"})
        done = clone.push("origin", "frozen", check=None)
        self.assertNotEqual(done.code, 0)
        self.assertIn("no-uploads-for-frozen", done.text, "git-lfs shows the reason")
        self.assertFalse(self.stored(name, oid))
        self.assertNotIn("refs/heads/frozen", self.refs(name))
        self.assertEqual(self.host.seen(f"/{name}.git/info/lfs/objects/batch"), [])
        self.world.recorded(name, decision="deny", action="git:lfs_upload")
        status, _, body = self.batch(name, "upload", oid, 9, ref=None)
        self.assertEqual(status, 200, "naming no ref is judged as the repository's; the pointer's own push is judged by ref")

    def test_uploads_are_denied_by_size(self):
        name = self.repository()
        status, headers, body = self.batch(name, "upload", "a" * 64, 6_000_000)
        self.assertEqual((status, headers["content-type"]), (403, MEDIA_TYPE))
        self.assertIn("no-huge-uploads", json.loads(body)["message"])

    def test_a_read_only_token_may_download_only(self):
        name = self.repository()
        reader = self.world.token(agent="reader", extra=("--effects", "read"))
        self.assertEqual(self.batch(name, "download", "a" * 64, 1, token=reader)[0], 200)
        status, _, body = self.batch(name, "upload", "a" * 64, 1, token=reader)
        self.assertEqual(status, 403, body)

    def test_a_held_upload_lands_after_approval_with_the_same_command(self):
        name = self.repository()
        clone = self.clone(name)
        files = {"a.bin": os.urandom(2000), "b.bin": os.urandom(3000)}
        oids = self.add(clone, files)
        done = clone.git("lfs", "push", "origin", "main", check=None)
        self.assertNotEqual(done.code, 0)
        self.assertIn("held for approval", done.text)
        held = self.world.held(name)
        self.assertEqual(len(held), 1, held)
        request = held[0]["id"]
        again = clone.git("lfs", "push", "origin", "main", check=None)
        self.assertIn(request, again.text, "the same request")
        self.assertFalse(any(self.stored(name, oid) for oid in oids))
        self.world.approve(request)
        self.assertEqual(self.world.finished(request), "done")
        self.gateway.stop()
        self.gateway.start()  # what was approved outlasts a restart
        clone.git("lfs", "push", "origin", "main")
        for oid in oids:
            self.assertTrue(self.stored(name, oid))
        self.assertEqual(self.world.held(name), [], "files of an approved batch are not put to people again")
        uploads = [r for r in self.world.records(name, phase="intent", action="git:lfs_upload") if r["decision"] == "allow"]
        self.assertGreaterEqual(len(uploads), 1 + 2 * len(oids), "the batch, and each file's upload and verification")
        self.assertTrue(all(r["effect"] == "write" for r in uploads))

    def test_a_change_of_policy_counts_for_addresses_handed_out_before(self):
        name = self.repository()
        data = os.urandom(100)
        oid = hashlib.sha256(data).hexdigest()
        _, _, body = self.batch(name, "upload", oid, len(data))
        href = json.loads(body)["objects"][0]["actions"]["upload"]["href"]
        policy = self.world.folder / "policies" / "61-stop.cedar"
        policy.write_text('@id("uploads-stop")\nforbid (principal, action == Action::"git:lfs_upload", resource);\n')
        try:
            os.kill(self.gateway.process.pid, signal.SIGHUP)
            path = href[href.index("/origin/"):]
            wait_until(lambda: self.batch(name, "upload", "c" * 64, 1)[0] == 403, "the new policy counts")
            answer = self.world.http("PUT", path, data)
            self.assertEqual(answer[0], 403)
            self.assertFalse(self.stored(name, oid))
            self.assertIn("uploads-stop", json.loads(answer[2])["message"])
        finally:
            policy.unlink()
            os.kill(self.gateway.process.pid, signal.SIGHUP)
            wait_until(lambda: self.batch(name, "upload", "c" * 64, 1)[0] == 200, "the old policies count again")

    def test_a_detached_head_can_be_fetched_and_pushed(self):
        name = self.repository()
        clone = self.clone(name)
        clone.git("checkout", "-q", "--detach")
        oid, = self.add(clone, {"a.bin": b"detached"})
        clone.push("origin", "HEAD:refs/heads/work")
        self.assertTrue(self.stored(name, oid))
        other = self.clone(name)
        other.git("fetch", "-q", "origin", "work")
        other.git("checkout", "-q", "-f", "--detach", "FETCH_HEAD")
        other.git("lfs", "pull", "origin")
        self.assertEqual((other.folder / "a.bin").read_bytes(), b"detached")

    def test_locks(self):
        name = self.repository()
        clone = self.clone(name)
        clone.git("checkout", "-q", "-b", "work")
        clone.commit("a", {"a.bin": b"a"})
        clone.push("origin", "work")
        clone.git("lfs", "lock", "a.bin")
        self.assertEqual([lock["path"] for lock in self.host.store.locks(name)], ["a.bin"])
        self.assertIn("a.bin", clone.git("lfs", "locks").out)
        forced = clone.git("lfs", "unlock", "--force", "a.bin", check=None)
        self.assertNotEqual(forced.code, 0)
        self.assertIn("nobody-breaks-locks", forced.text)
        self.assertEqual(len(self.host.store.locks(name)), 1)
        denied = self.world.recorded(name, action="git:lfs_force_unlock", decision="deny")
        self.assertEqual(denied["effect"], "destroy")
        clone.git("lfs", "unlock", "a.bin")
        self.assertEqual(self.host.store.locks(name), [])
        clone.git("config", "lfs.locksverify", "true")
        clone.commit("b", {"b.bin": b"b"})
        clone.push("origin", "work")

    def test_limits_and_nonsense(self):
        name = self.repository()
        path = f"/origin/{name}.git/info/lfs/objects/batch"
        headers = {"Content-Type": MEDIA_TYPE, "Accept": MEDIA_TYPE}
        many = [{"oid": hashlib.sha256(str(i).encode()).hexdigest(), "size": 1} for i in range(1001)]
        cases = [(json.dumps({"operation": "upload", "objects": many}), 413), ('{"operation":"upload","operation":"download","objects":[]}', 400),
                 (json.dumps({"operation": "purge", "objects": []}), 400), ("{" + " " * (2 << 20) + "}", 413), ("{", 400)]
        for body, expected in cases:
            status, answered, answer = self.world.http("POST", path, body, headers)
            self.assertEqual(status, expected, answer)
            if not body.startswith("{  "):  # of a body that is not kept in memory nothing is known
                self.assertEqual(answered["content-type"], MEDIA_TYPE)
                self.assertIn("countersign: ", json.loads(answer)["message"])
        self.assertEqual(self.host.seen(f"/{name}.git/info/lfs/objects/batch"), [])


if __name__ == "__main__":
    if not shutil.which("git-lfs"):
        raise SystemExit("git-lfs is not installed: scripts/setup")
    unittest.main()
