"""curl and raw sockets against nginx, through the gateway."""
import json
import os
import socket
import subprocess
import unittest

from harness import UPSTREAM_SECRET, World, wait_until


class Http(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.world = World(extra="limits: { body_bytes: 8MiB, memory_bytes: 64KiB, header_bytes: 16KiB }\n")
        cls.gateway = cls.world.gateway
        _, cls.sealed = cls.gateway.agent_token()
        cls.sam = cls.gateway.person("sam")
        cls.web = cls.world.nginx.root

    @classmethod
    def tearDownClass(cls):
        cls.world.close()

    def raw(self, data):
        """Sends bytes as they are; returns everything that comes back before the connection ends or goes quiet."""
        with socket.create_connection(("127.0.0.1", self.gateway.agents_port), timeout=10) as s:
            s.sendall(data)
            s.shutdown(socket.SHUT_WR)
            out = b""
            while piece := s.recv(65536):
                out += piece
            return out

    def never_reached_nginx(self, word):
        self.world.nginx.settle(self.gateway, self.sealed)
        self.assertEqual([r for r in self.world.nginx.requests() if word in r[1]], [])

    def audit(self, *filters):
        rows = self.gateway.json("audit", "query", "--limit", "50", *filters, token=self.sam)
        return rows["records"] if isinstance(rows, dict) else rows

    def test_curl_reads_through_the_proxy(self):
        done = subprocess.run(["curl", "-sS", "-i", "-H", f"Authorization: Bearer {self.sealed}",
                               f"http://127.0.0.1:{self.gateway.agents_port}/web/production/prices.json"],
                              capture_output=True, text=True, timeout=30, check=True)
        self.assertIn("200", done.stdout.split("\r\n")[0])
        self.assertIn("espresso", done.stdout)
        self.assertNotIn(UPSTREAM_SECRET, done.stdout)

    def test_without_a_token_nothing_passes_and_it_is_recorded(self):
        for headers in ({}, {"Authorization": f"Bearer {UPSTREAM_SECRET}"}, {"Authorization": "Bearer csb1_AAAA.BBBB"},
                        {"Authorization": "Basic eDp5"}):
            status, answer, body = self.gateway.http("GET", "/web/production/without-token", headers=headers)
            self.assertEqual(status, 401)
            self.assertEqual(answer["content-type"], "application/problem+json")
            self.assertIn("www-authenticate", answer)
        self.never_reached_nginx("without-token")
        wait_until(lambda: "without-token" in json.dumps(self.audit("--phase", "refused")), "it is recorded")

    def test_the_agents_own_credentials_are_stripped(self):
        status, _, body = self.gateway.http("GET", "/web/staging/", self.sealed, headers={"Cookie": "a=b", "X-Api-Key": "k"})
        self.assertIn(status, (200, 403))  # nginx lists no folders; what matters is that our 401 did not come

    def test_staging_is_writable_and_large_bodies_go_through_the_spool(self):
        body = os.urandom(3 << 20)
        status, _, answer = self.gateway.http("PUT", "/web/staging/large.bin", self.sealed, body=body)
        self.assertIn(status, (201, 204), answer)
        self.assertEqual((self.web / "staging" / "large.bin").read_bytes(), body)
        status, _, answer = self.gateway.http("GET", "/web/staging/large.bin", self.sealed)
        self.assertEqual(answer, body)

    def test_chunked_bodies_arrive_whole(self):
        done = subprocess.run(["curl", "-sS", "-o", "/dev/null", "-w", "%{http_code}", "-T", "-", "-H", "Expect: 100-continue",
                               "-H", f"Authorization: Bearer {self.sealed}",
                               f"http://127.0.0.1:{self.gateway.agents_port}/web/staging/chunked.txt"],
                              input=b"piece by piece\n" * 1000, capture_output=True, timeout=30, check=True)
        self.assertIn(done.stdout, (b"201", b"204"))
        self.assertEqual((self.web / "staging" / "chunked.txt").read_bytes(), b"piece by piece\n" * 1000)

    def test_a_body_over_the_limit_is_413(self):
        # curl reads the early answer while it is still sending
        done = subprocess.run(["curl", "-sS", "-X", "PUT", "--data-binary", "@-", "-w", "\n%{http_code}",
                               "-H", f"Authorization: Bearer {self.sealed}", "-H", "Expect:",
                               f"http://127.0.0.1:{self.gateway.agents_port}/web/staging/too-large.bin"],
                              input=b"x" * (9 << 20), capture_output=True, timeout=30)
        body, code = done.stdout.rsplit(b"\n", 1)
        self.assertEqual(code, b"413", done.stderr)
        self.assertEqual(json.loads(body)["code"], "http.body_too_large")
        self.assertFalse((self.web / "staging" / "too-large.bin").exists())

    def test_a_held_put_is_accepted_polled_approved_and_collected(self):
        target = self.web / "production" / "menu.json"
        headers = {"Content-Type": "application/json"}
        status, answer, body = self.gateway.http("PUT", "/web/production/menu.json", self.sealed, body=b'{"tea":2}', headers=headers)
        problem = json.loads(body)
        self.assertEqual((status, problem["code"]), (202, "approval.pending"), body)
        request = problem["request"]
        self.assertFalse(target.exists())
        status, _, body = self.gateway.http("GET", answer["location"], self.sealed)
        self.assertIn(b"held", body)
        wait_until(lambda: "approval.asked" in json.dumps(self.audit("--request", request)), "asking is recorded too")
        stranger = self.gateway.agent_token()[1]
        self.assertEqual(self.gateway.http("GET", answer["location"], stranger)[0], 404, "to others it does not exist")
        self.gateway.cli("approve", request, "--reason", "tea is fine", token=self.sam, check=0)
        wait_until(target.exists, "nginx has it")
        self.assertEqual(target.read_bytes(), b'{"tea":2}')
        wait_until(lambda: self.gateway.json("request", "show", request, token=self.sam)["state"] == "done", "it is done")
        status, _, body = self.gateway.http("PUT", "/web/production/menu.json", self.sealed, body=b'{"tea":2}', headers=headers)
        self.assertIn(status, (201, 204), body)
        self.world.nginx.settle(self.gateway, self.sealed)
        puts = [r for r in self.world.nginx.requests() if r[:2] == ("PUT", "/production/menu.json")]
        self.assertEqual(len(puts), 1, "executed exactly once")

    def test_prefer_wait_holds_the_connection(self):
        import threading
        answers = []
        thread = threading.Thread(target=lambda: answers.append(self.gateway.http(
            "PUT", "/web/production/patient.txt", self.sealed, body=b"patience", headers={"Prefer": "wait=60"})))
        thread.start()
        rows = wait_until(lambda: [r for r in self.held() if "patient.txt" in json.dumps(r)], "it is held")
        self.gateway.cli("approve", rows[0]["id"], "--reason", "yes", token=self.sam, check=0)
        thread.join(60)
        self.assertIn(answers[0][0], (201, 204))

    def held(self):
        rows = self.gateway.json("requests", "--state", "held", token=self.sam)
        return rows["requests"] if isinstance(rows, dict) else rows

    def test_delete_on_production_is_refused_by_the_floor(self):
        status, _, body = self.gateway.http("DELETE", "/web/production/prices.json", self.sealed)
        self.assertEqual((status, json.loads(body)["code"]), (403, "policy.floor"))
        self.assertTrue((self.web / "production" / "prices.json").exists())

    def test_moving_out_of_production_is_destroying_there(self):
        status, _, body = self.gateway.http("MOVE", "/web/production/prices.json", self.sealed,
                                            headers={"Destination": f"http://127.0.0.1:{self.gateway.agents_port}/web/staging/p.json"})
        self.assertGreaterEqual(status, 400)
        self.assertTrue((self.web / "production" / "prices.json").exists())

    def test_ambiguous_targets_and_overrides_are_refused(self):
        for path in ("/web/staging/../production/ambiguous", "/web/staging/%2e%2e/production/ambiguous", "/web//production/ambiguous",
                     "/web/staging%2f..%2fambiguous", "/web/staging/..%5cambiguous"):
            status, _, _ = self.gateway.http("PUT", path, self.sealed, body=b"x")
            self.assertEqual(status, 400, path)
        status, _, _ = self.gateway.http("POST", "/web/staging/ambiguous", self.sealed, body=b"x", headers={"X-HTTP-Method-Override": "DELETE"})
        self.assertEqual(status, 400)
        self.never_reached_nginx("ambiguous")

    def test_smuggling_is_refused_and_recorded(self):
        host = f"Host: 127.0.0.1:{self.gateway.agents_port}\r\nAuthorization: Bearer {self.sealed}\r\n"
        for headers in ("Content-Length: 4\r\nTransfer-Encoding: chunked\r\n", "Transfer-Encoding: xchunked\r\n", "Host: other\r\n",
                        "Content-Length: 4\r\nContent-Length: 5\r\n", "X: a\r\n folded\r\n"):
            out = self.raw(f"POST /web/staging/smuggled HTTP/1.1\r\n{host}{headers}\r\n0\r\n\r\n".encode())
            self.assertTrue(out.startswith(b"HTTP/1.1 400") or out.startswith(b"HTTP/1.1 501"), (headers, out[:80]))
        self.never_reached_nginx("smuggled")
        wait_until(lambda: any(row.get("code", "").startswith("http.") for row in self.audit("--phase", "refused")), "it is recorded")

    def test_a_huge_head_is_431(self):
        out = self.raw(b"GET /web/ HTTP/1.1\r\nHost: x\r\nX-Big: " + b"a" * 40000 + b"\r\n\r\n")
        self.assertTrue(out.startswith(b"HTTP/1.1 431"), out[:80])

    def test_unknown_upstreams_tell_nothing(self):
        status, _, _ = self.gateway.http("GET", "/nothing/here", self.sealed)
        self.assertEqual(status, 404)

    def test_an_upstream_that_is_down_is_told_apart(self):
        # nginx of this class stays up; an upstream that nobody listens on is a separate world
        with World(extra="") as other:
            other.nginx.stop()
            _, sealed = other.gateway.agent_token()
            status, _, body = other.gateway.http("PUT", "/web/staging/x", sealed, body=b"x")
            self.assertEqual(status, 502 if status == 502 else 503)
            rows = other.gateway.json("audit", "query", "--phase", "outcome", token=other.gateway.person("sam"))
            rows = rows["records"] if isinstance(rows, dict) else rows
            self.assertEqual(rows[0]["outcome"], "not_forwarded")


if __name__ == "__main__":
    unittest.main(verbosity=1)
