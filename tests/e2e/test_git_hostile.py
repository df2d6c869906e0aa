"""What no git would send: refused in words git prints, recorded, in bounded memory; and the next push works."""
import hashlib
import os
import re
import socket
import threading
import unittest
import zlib

from git_harness import FLUSH, GROWTH, MAIN, ZERO, GitTest, command, packets, pkt, wait_until
from git_packs import BLOB, COMMIT, TREE, commit, copies, ended, entry, head, history, object_id, ofs_delta, pack, ref_delta, tree, zeros

FEATURE = "refs/heads/feature"
CAPABILITIES = "report-status side-band-64k delete-refs object-format=sha1 agent=test"


def high_water(pid):
    """The most memory the process ever had in use, in bytes."""
    with open(f"/proc/{pid}/status") as file:
        return int(re.search(r"VmHWM:\s+(\d+) kB", file.read()).group(1)) << 10


class Hostile(GitTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.name = cls.world.repository("team/target")
        cls.tip = cls.server.refs(cls.name)[MAIN]
        warm = cls.world.clone(cls.name)  # what a first push needs anyway is not counted
        warm.commit("warm", {"warm.bin": os.urandom(2 << 20)})
        warm.push("-q", "origin", "HEAD:warm")
        cls.before = cls.server.refs(cls.name)
        cls.water = high_water(cls.gateway.process.pid)

    @classmethod
    def tearDownClass(cls):
        grown = high_water(cls.gateway.process.pid) - cls.water if cls.gateway.process.running() else 0
        print(f"memory grew by {grown / (1 << 20):.1f} MiB")
        super().tearDownClass()

    def setUp(self):
        self.pushes = len(self.server.pushes(self.name))
        self.recorded = max((row["seq"] for row in self.world.audit(limit=1)), default=0)

    def news(self):
        """Records of this test about refusals and failures, oldest first."""
        rows = [r for r in reversed(self.world.audit(limit=500)) if r["seq"] > self.recorded]
        return [r for r in rows if r["phase"] == "refused" or r.get("decision") == "deny" or r.get("outcome") == "client_error"]

    def refused(self, body, code=None, headers=None):
        """The push is refused, with a reason git can print; nothing reached the host; it is recorded."""
        known = len(self.news())
        status, fields, answer = self.world.receive_pack(self.name, body, headers=headers)
        if status == 200:  # a report: the commands could be read
            text = b"".join(p for p in packets(answer) if p).decode(errors="replace")
            self.assertRegex(text, r"ng refs/|unpack (?!ok)")
        else:
            self.assertIn(status, (400, 403, 413, 415, 422, 501), answer[:300])
            self.assertTrue(fields["content-type"].startswith("text/plain"), "git prints plain text only")
            text = answer.decode()
        self.assertIn("countersign:", text)
        if code:
            self.assertIn(code, text)
        self.assertEqual(self.server.refs(self.name), self.before)
        self.assertEqual(len(self.server.pushes(self.name)), self.pushes, "the host was not asked")
        news = wait_until(lambda: self.news()[known:], "the refusal is recorded")
        if code:
            self.assertEqual(news[0].get("code"), code)
        return text

    def still_works(self):
        """An honest push passes, and the memory is what it was."""
        work = self.world.clone(self.name)
        work.commit(f"honest {self._testMethodName}")
        work.push("-q", "origin", "HEAD:honest")
        self.assertEqual(self.server.refs(self.name)["refs/heads/honest"], work.rev())
        self.server.git(self.name, "update-ref", "-d", "refs/heads/honest")
        self.assertLess(high_water(self.gateway.process.pid) - self.water, GROWTH)

    def create(self, new, packed):
        return command(ZERO, new, FEATURE, CAPABILITIES) + FLUSH + packed

    # ── packets and commands

    def test_bad_packets(self):
        rest = command(self.tip, ZERO, FEATURE, CAPABILITIES)[4:] + FLUSH
        for mark in (b"0001", b"0002"):  # delimiter and end of a response: packets, but none of a push
            self.refused(mark + rest, "git.bad_command")
        for length in (b"0003", b"ffff", b"fff1", b"zzzz", b"-001", b"+010", b" 010", b"0X10", b"00\x004"):
            with self.subTest(length=length):
                self.refused(length + rest, "git.bad_packet")
        self.still_works()

    def test_an_empty_packet_is_no_command(self):
        self.refused(b"0004" + command(self.tip, ZERO, FEATURE, CAPABILITIES) + FLUSH)
        self.still_works()

    def test_truncated_requests(self):
        whole = command(self.tip, ZERO, FEATURE, CAPABILITIES) + FLUSH
        for size in (1, 3, 5, 40, len(whole) - 5, len(whole) - 4, len(whole) - 1):
            with self.subTest(size=size):
                self.refused(whole[:size])
        self.refused(b"")
        self.still_works()

    def test_duplicate_refs(self):
        for second in ((self.tip, ZERO), (self.tip, self.tip), (ZERO, self.tip)):
            body = command(self.tip, ZERO, FEATURE, CAPABILITIES) + pkt(f"{second[0]} {second[1]} {FEATURE}") + FLUSH
            self.refused(body, "git.duplicate_ref")
        self.still_works()

    def test_names_of_refs(self):
        for ref in ("refs/heads/../x", "refs/heads/../../config", "refs/heads/a..b", "refs/heads/.hidden", "refs/heads/x.lock", "refs/heads/a b",
                    "refs/heads/a~1", "refs/heads/a^", "refs/heads/a:b", "refs/heads/a?", "refs/heads/a*", "refs/heads/a[", "refs/heads/a\\b",
                    "refs/heads/", "refs/heads/x/", "refs/heads//x", "/refs/heads/x", "refs/heads/x.", "refs/heads/a@{b", "refs/heads/a\x7fb",
                    "refs/heads/a\x01b", "refs/heads/a\nb", "refs//heads/x", "HEAD", "main", "heads/main", "refs", "refs/", "", "config", "../x",
                    "refs/heads/x\x00y z"):
            with self.subTest(ref=ref):
                self.refused(command(self.tip, ZERO, ref, CAPABILITIES) + FLUSH)
        self.still_works()

    def test_names_of_objects(self):
        for old, new in ((ZERO, ZERO), (self.tip[:-1], ZERO), (self.tip.upper(), ZERO), (self.tip + "0", ZERO), ("g" * 40, ZERO), (ZERO, "0" * 64),
                         (self.tip, "0" * 64), ("", ""), (self.tip, "")):
            with self.subTest(old=old, new=new):
                self.refused(command(old, new, FEATURE, CAPABILITIES) + FLUSH)
        self.still_works()

    def test_ten_thousand_commands(self):
        body = command(self.tip, ZERO, "refs/heads/n0", CAPABILITIES)
        body += b"".join(pkt(f"{self.tip} {ZERO} refs/heads/n{number}") for number in range(1, 10_000)) + FLUSH
        self.refused(body, "git.too_large")
        self.still_works()

    def test_an_endless_list_of_options(self):
        body = command(self.tip, ZERO, FEATURE, CAPABILITIES + " push-options") + FLUSH
        self.refused(body + b"".join(pkt(f"option{number}") for number in range(5_000)) + FLUSH)
        self.refused(body + pkt("x" * 60_000) + FLUSH)
        self.still_works()

    def test_certificates(self):
        body = pkt("push-cert\0 report-status side-band-64k agent=test") + pkt("certificate version 0.1\n") + pkt("push-cert-end\n") + FLUSH
        self.refused(body, "git.push_certificate")
        self.still_works()

    def test_capabilities(self):
        for wrong in ("report-status made-up", "report-status report-status", "object-format=sha256 report-status", "object-format=md5", "push-cert=abc"):
            with self.subTest(capabilities=wrong):
                self.refused(command(self.tip, ZERO, FEATURE, wrong) + FLUSH)
        self.still_works()

    def test_another_media_type_or_encoding(self):
        body = command(self.tip, ZERO, MAIN, CAPABILITIES) + FLUSH
        self.refused(body, "git.bad_content_type", {"Content-Type": "application/x-git-upload-pack-request"})
        self.refused(body, "git.bad_content_type", {"Content-Type": "text/plain"})
        packed = zlib.compressobj(9, zlib.DEFLATED, 31)
        self.refused(packed.compress(body) + packed.flush(), "git.encoded_push", {"Content-Encoding": "gzip"})
        self.still_works()

    def test_ambiguous_framing(self):
        body = command(self.tip, ZERO, MAIN, CAPABILITIES) + FLUSH
        head_ = (f"POST /origin/{self.name}.git/git-receive-pack HTTP/1.1\r\nHost: 127.0.0.1:{self.gateway.agents_port}\r\n"
                 f"Authorization: {self.world.authorization()}\r\nContent-Type: application/x-git-receive-pack-request\r\n")
        for fields, sent in ((f"Content-Length: {len(body)}\r\nTransfer-Encoding: chunked\r\n", b"%x\r\n%s\r\n0\r\n\r\n" % (len(body), body)),
                             (f"Content-Length: {len(body)}\r\nContent-Length: 4\r\n", body),
                             ("Transfer-Encoding: chunked, chunked\r\n", b"%x\r\n%s\r\n0\r\n\r\n" % (len(body), body)),
                             ("Transfer-Encoding: chunked\r\n", b"%xg\r\n%s\r\n0\r\n\r\n" % (len(body), body)),
                             ("Transfer-Encoding: chunked\r\n", b"%x\r\n%s" % (len(body) + 100, body)),
                             (f"Content-Length: {len(body) + 100}\r\n", body)):
            with self.subTest(fields=fields):
                with socket.create_connection(("127.0.0.1", self.gateway.agents_port), timeout=30) as s:
                    s.sendall(head_.encode() + fields.encode() + b"\r\n" + sent)
                    s.shutdown(socket.SHUT_WR)
                    answer = b""
                    while piece := s.recv(65536):
                        answer += piece
                self.assertFalse(answer.startswith(b"HTTP/1.1 2"), answer[:200])
        self.assertEqual(self.server.refs(self.name), self.before)
        self.assertEqual(len(self.server.pushes(self.name)), self.pushes)
        wait_until(self.news, "it is recorded")
        self.still_works()

    # ── packs

    def blob(self, data=None):
        data = os.urandom(16) if data is None else data  # one that the host cannot have from another test
        return entry(BLOB, data), object_id(BLOB, data)

    def test_a_pack_where_none_belongs_and_none_where_one_does(self):
        entries, new = history(*self.blob(), self.tip)
        self.refused(command(self.tip, ZERO, FEATURE, CAPABILITIES) + FLUSH + pack(entries), "git.bad_pack")
        self.refused(command(ZERO, new, FEATURE, CAPABILITIES) + FLUSH, "git.bad_pack")
        self.refused(self.create(new, b"PACKED"))
        self.still_works()

    def test_packs_that_are_not_sound(self):
        entries, new = history(*self.blob(), self.tip)
        good = pack(entries)
        spoilt = bytearray(good)
        spoilt[len(good) // 2] ^= 0x55
        resigned = bytes(spoilt[:-20]) + hashlib.sha1(bytes(spoilt[:-20])).digest()
        cases = {"trailer": good[:-1] + bytes([good[-1] ^ 1]), "one flipped bit": bytes(spoilt), "garbage inside": resigned, "truncated": good[:-30],
                 "no trailer": good[:-20], "more behind it": good + b"x", "two packs": good + good, "count too high": pack(entries, 4),
                 "count too low": pack(entries, 2), "count of four billion": pack(entries, 0xFFFFFFFF), "version": pack(entries, version=4),
                 "type 0": pack([head(0, 5) + zlib.compress(b"hello")], 1), "type 5": pack([head(5, 5) + zlib.compress(b"hello")], 1),
                 "size too small": pack([*entries[:2], head(BLOB, 3) + zlib.compress(bytes(6))]),
                 "size too large": pack([*entries[:2], head(BLOB, 1 << 40) + zlib.compress(bytes(6))]),
                 "endless size": pack([*entries[:2], b"\xb0" + b"\xff" * 40 + b"\x01"])}
        for what, body in cases.items():
            with self.subTest(pack=what):
                self.refused(self.create(new, body))
        self.still_works()

    def test_deltas_without_an_end(self):
        base = os.urandom(64)
        delta = copies(64, 64, 1)
        _, made = self.blob(base)
        entries, new = history(None, made, self.tip)
        before = 12 + sum(map(len, entries))
        cases = {"base not there": ref_delta("12" * 20, delta), "its own base": ref_delta(made, delta), "distance zero": ofs_delta(0, delta),
                 "before the pack": ofs_delta(before + 5, delta), "into another entry": ofs_delta(len(entries[1]) - 1, delta),
                 "far away": ofs_delta(1 << 62, delta)}
        for what, one in cases.items():
            with self.subTest(delta=what):
                self.refused(self.create(new, pack([*entries, one])))
        first, second = copies(64, 64, 1), copies(64, 64, 1)
        self.refused(self.create(new, pack([*entries, ref_delta("34" * 20, first), ref_delta("12" * 20, second)])))
        self.still_works()

    def test_deltas_that_lie(self):
        data = os.urandom(1000)
        blob, made = self.blob(data)
        entries, new = history(blob, made, self.tip)
        for what, delta in {"base size": varsize(999, 1000) + copies(1000, 1000, 1)[4:], "beyond the base": varsize(1000, 2000) + bytes([0xB0, 0xD0, 0x07]),
                            "reserved": varsize(1000, 5) + b"\0", "too short": varsize(1000, 10), "too long": varsize(1000, 1) + b"\x05hello",
                            "nothing": b""}.items():
            with self.subTest(delta=what):
                self.refused(self.create(new, pack([*entries, ref_delta(made, delta)])))
        self.still_works()

    def test_a_blob_that_grows_a_thousandfold(self):
        bomb, which = zeros(1 << 30)
        entries, new = history(bomb, which, self.tip)
        status, _, answer = self.world.receive_pack(self.name, self.create(new, pack(entries)))
        self.assertFalse(b"\nok " in answer or b"ok refs" in answer, answer[:300])
        self.assertEqual(self.server.refs(self.name), self.before)
        wait_until(self.news, "it is recorded")
        self.still_works()

    def test_deltas_that_grow_a_millionfold(self):
        size, chunk = 1 << 20, 1 << 20
        base = bytes(size)
        blob, name = self.blob(base)
        entries, _ = history(blob, name, self.tip)
        for _ in range(3):
            entries.append(ofs_delta(len(entries[-1]), copies(size, chunk, 40)))
            size = chunk * 40
        tall, new = history(None, "12" * 20, self.tip)
        status, _, answer = self.world.receive_pack(self.name, self.create(new, pack([*entries, *tall])))
        self.assertFalse(b"ok refs" in answer, answer[:300])
        self.assertEqual(self.server.refs(self.name), self.before)
        wait_until(self.news, "it is recorded")
        self.still_works()

    def test_a_chain_of_deltas_without_end(self):
        blob, name = self.blob(bytes(100))
        entries, _ = history(blob, name, self.tip)
        for number in range(20_000):
            entries.append(ofs_delta(len(entries[-1]), ended(100, 96, number.to_bytes(4, "big"))))
        _, new = history(None, "12" * 20, self.tip)
        status, _, answer = self.world.receive_pack(self.name, self.create(new, pack(entries)))
        self.assertFalse(b"ok refs" in answer, answer[:300])
        self.assertEqual(self.server.refs(self.name), self.before)
        self.still_works()

    def test_objects_that_are_not_there(self):
        blob, which = self.blob()
        entries, new = history(blob, which, self.tip)
        for what, some in {"the commit": entries[1:], "the tree": [entries[0], entries[2]], "the blob": entries[:2]}.items():
            with self.subTest(missing=what):
                status, _, answer = self.world.receive_pack(self.name, self.create(new, pack(some)))
                self.assertFalse(b"ok refs" in answer, answer[:300])
                self.assertEqual(self.server.refs(self.name), self.before)
        entries, new = history(blob, which, "12" * 20)
        status, _, answer = self.world.receive_pack(self.name, self.create(new, pack(entries)))
        self.assertFalse(b"ok refs" in answer, "a parent nobody has")
        wait_until(lambda: len(self.news()) >= 4, "they are recorded")
        self.still_works()

    def test_objects_that_are_not_what_they_say(self):
        blob, which = self.blob()
        for what, data in {"no tree": b"author x\n\nx\n", "empty": b"", "nul": commit(object_id(TREE, b"")) + b"\0",
                           "long line": commit(object_id(TREE, b""), message="x" * (1 << 20))}.items():
            with self.subTest(commit=what):
                self.world.receive_pack(self.name, self.create(object_id(COMMIT, data), pack([entry(COMMIT, data), entry(TREE, b"")])))
        for what, data in {"no end": b"100644 file", "short id": b"100644 file\0abc", "mode": b"9999999 x\0" + bytes.fromhex(which),
                           "slash": tree(("100644", "a/b", which)), "dots": tree(("40000", "..", which)), "git": tree(("40000", ".git", which)),
                           "twice": tree(("100644", "a", which), ("100644", "a", which))}.items():
            with self.subTest(tree=what):
                data_commit = commit(object_id(TREE, data), self.tip)
                self.world.receive_pack(self.name, self.create(object_id(COMMIT, data_commit),
                                                               pack([entry(COMMIT, data_commit), entry(TREE, data), blob])))
        self.assertTrue(self.gateway.process.running())
        refs = self.server.refs(self.name)
        for ref in set(refs) - set(self.before):
            self.server.git(self.name, "update-ref", "-d", ref)
        self.still_works()

    def test_a_blob_in_place_of_a_commit(self):
        blob, which = self.blob()
        status, _, answer = self.world.receive_pack(self.name, self.create(which, pack([blob])))
        self.assertFalse(b"ok refs" in answer, answer[:300])
        self.assertEqual(self.server.refs(self.name), self.before)
        self.still_works()

    def test_many_at_once(self):
        bomb, which = zeros(64 << 20)
        entries, new = history(bomb, which, self.tip)
        bodies = [self.create(new, pack(entries)), b"0001", self.create(new, pack(entries)[:-9]), command(self.tip, ZERO, MAIN, CAPABILITIES) + FLUSH]
        threads = [threading.Thread(target=lambda body=body: self.world.receive_pack(self.name, body)) for body in bodies * 3]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(self.server.refs(self.name)[MAIN], self.tip)
        self.server.git(self.name, "update-ref", "-d", FEATURE)
        self.still_works()

    # ── fetching

    def test_fetches_that_are_not_sound(self):
        for body in (b"0001", b"0003", b"ffff", b"zzzz", pkt("command=made-up\n") + FLUSH, pkt("command=fetch") + b"0001" + pkt("want x") + FLUSH,
                     pkt("command=ls-refs\n") + b"0001" + b"".join(pkt(f"ref-prefix refs/approvals/{n}\n") for n in range(70_000)) + FLUSH):
            status, _, answer = self.world.http("POST", f"/origin/{self.name}.git/git-upload-pack", body,
                                                {"Content-Type": "application/x-git-upload-pack-request", "Git-Protocol": "version=2"})
            self.assertNotIn(self.server.password.encode(), answer)
        self.still_works()

    def test_a_compressed_request_that_grows(self):
        packer = zlib.compressobj(9, zlib.DEFLATED, 31)
        want = pkt("want refs/approvals/req_x\n")
        body = packer.compress(pkt("command=fetch") + b"0001")
        for _ in range(256):
            body += packer.compress(want * ((1 << 20) // len(want)))
        body += packer.flush()
        self.world.http("POST", f"/origin/{self.name}.git/git-upload-pack", body, {
            "Content-Type": "application/x-git-upload-pack-request", "Git-Protocol": "version=2", "Content-Encoding": "gzip"}, timeout=120)
        self.still_works()


def varsize(base, result):
    out = b""
    for value in (base, result):
        while value > 0x7F:
            out += bytes([value & 0x7F | 0x80])
            value >>= 7
        out += bytes([value])
    return out


if __name__ == "__main__":
    unittest.main(verbosity=1)
