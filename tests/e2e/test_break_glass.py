"""Breaking the glass without a browser: open pages are told of each step, and what is owed makes the next one dearer."""
import http.client
import json
import threading
import unittest

from harness import World, wait_until
from soft_passkey import SoftPasskey

RULES = """
rules:
  production-change:
    stages: [ { name: platform, group: "team:platform", min_level: senior } ]
  tier-0-change: { stages: [ { name: eyes, group: anyone, min_level: principal } ] }
  sensitive-change: { stages: [ { name: platform, group: "team:platform", min_level: senior } ] }
  break-glass:
    signature: required
    stages: [ { name: keys, group: "team:platform", min_level: senior } ]
  break-glass-in-debt:
    signature: required
    stages: [ { name: director, group: anyone, min_level: director } ]
break_glass:
  rule: break-glass
  in_debt: break-glass-in-debt
  longest: 30m
  review_within: 1s
  key_age: 0s
  reviewers: [ "team:platform" ]
"""


class Stream:
    """Server-sent events, as an open page of the console gets them."""

    def __init__(self, port, token):
        self.events = []
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=120)
        self._connection.request("GET", "/api/v1/events", headers={"Authorization": f"Bearer {token}"})
        self._response = self._connection.getresponse()
        assert self._response.status == 200, self._response.read()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self):
        name = None
        try:
            for line in self._response:
                text = line.decode().rstrip("\n")
                if text.startswith("event: "):
                    name = text[7:]
                elif text.startswith("data: "):
                    self.events.append((name, json.loads(text[6:])))
        except (OSError, ValueError, AttributeError):
            pass  # the stream ends with the test

    def emergencies(self, request):
        return [data["step"] for name, data in list(self.events) if name == "emergency" and data["request"] == request]


class BreakGlass(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.world = World()
        cls.gateway = cls.world.gateway
        cls.gateway.stop()
        (cls.world.folder / "policies" / "approvals.yaml").write_text(RULES)
        cls.gateway.start()
        cls.builder = cls.gateway.agent_token()[1]
        cls.tokens = {name: cls.gateway.person(name) for name in ("sam", "dana", "jun", "olivia")}
        cls.passkeys = {}
        for name in ("sam", "dana"):
            cls.passkeys[name] = SoftPasskey(cls.world.folder, name)
            _, asked = cls.api(name, "/api/v1/passkeys/challenge", {})
            status, answer = cls.api(name, "/api/v1/passkeys", cls.passkeys[name].create(asked, f"{name}'s key"))
            assert status == 201, answer

    @classmethod
    def tearDownClass(cls):
        cls.world.close()

    @classmethod
    def api(cls, person, path, body=None):
        connection = http.client.HTTPConnection("127.0.0.1", cls.gateway.admin_port, timeout=30)
        headers = {"Authorization": f"Bearer {cls.tokens[person]}"}
        if body is None:
            connection.request("GET", path, headers=headers)
        else:
            connection.request("POST", path, body=json.dumps(body), headers={**headers, "Content-Type": "application/json"})
        response = connection.getresponse()
        data = response.read()
        connection.close()
        return response.status, json.loads(data) if data else None

    def ask(self):
        status, answer = self.api("sam", "/api/v1/break-glass", {"agent": "builder", "upstreams": ["web"], "effects": ["write"],
                                                                 "environments": ["production"], "duration_ms": 600_000,
                                                                 "reason": "checkout sells at the wrong price"})
        self.assertEqual(status, 201, answer)
        return answer

    def sign(self, person, request):
        reason = "it burns, I have looked"
        status, asked = self.api(person, "/api/v1/votes/challenge", {"requests": [request], "decision": "approve", "reason": reason})
        self.assertEqual(status, 200, asked)
        status, answer = self.api(person, f"/api/v1/requests/{request}/approve", {"reason": reason, "signature": self.passkeys[person].sign(asked)})
        self.assertEqual(status, 200, answer)
        return answer

    def emergency(self, request):
        return next((one for one in self.api("sam", "/api/v1/break-glass")[1]["emergencies"] if one["request"] == request), None)

    def put(self, path):
        return self.gateway.http("PUT", f"/web/production/{path}", self.builder, body=b"x")[0]

    def records(self, action):
        return [row for row in self.gateway.json("audit", "query", "--limit", "500") if row.get("action") == action]

    def test_from_asking_to_the_review_and_what_is_owed(self):
        stream = Stream(self.gateway.admin_port, self.tokens["jun"])
        self.assertEqual(self.put("before.txt"), 202)
        asked = self.ask()
        request = asked["request"]
        self.assertEqual(asked["rules"], ["break-glass"], "nothing is owed yet")
        self.sign("sam", request)
        wait_until(lambda: stream.emergencies(request) == ["started"], "pages are told that it is open")
        self.assertEqual(self.emergency(request)["state"], "open")
        self.assertIn(self.put("at-once.txt"), (201, 204))
        wait_until(lambda: stream.emergencies(request) == ["started", "used"], "pages are told that it was used")
        self.assertEqual(self.emergency(request)["uses"], 1)
        self.assertEqual(self.api("jun", f"/api/v1/break-glass/{request}/review", {"comment": "it is not over yet"})[1]["code"], "break_glass.open")
        self.assertEqual(self.api("sam", f"/api/v1/break-glass/{request}/close", {"reason": "the price is right again"})[0], 200)
        wait_until(lambda: stream.emergencies(request)[-1] == "closed", "pages are told that it is closed")
        self.assertEqual(self.put("after.txt"), 202)

        # A second after its end a review is overdue here: the next one needs a director as well, until it is done.
        wait_until(lambda: self.api("sam", "/api/v1/break-glass")[1]["debt"] == 1, "the review is overdue")
        self.assertTrue(self.emergency(request)["review"]["overdue"])
        dearer = self.ask()
        self.assertEqual(dearer["rules"], ["break-glass", "break-glass-in-debt"])
        self.assertEqual(self.sign("sam", dearer["request"])["state"], "held", "one signature was enough before")
        self.assertEqual(self.put("not-yet.txt"), 202)
        self.assertEqual(self.api("sam", f"/api/v1/break-glass/{request}/review", {"comment": "I was right to do it"})[1]["code"], "break_glass.own")
        self.assertEqual(self.api("olivia", f"/api/v1/break-glass/{request}/review", {"comment": "my agent was right"})[1]["code"], "break_glass.own")
        self.assertEqual(self.records("break_glass:review"), [], "what is refused is no review")
        # A crash loses neither what is owed nor who has signed.
        self.gateway.kill()
        self.gateway.start()
        stream = Stream(self.gateway.admin_port, self.tokens["jun"])
        self.assertEqual(self.api("sam", "/api/v1/break-glass")[1]["debt"], 1)
        self.assertEqual(self.sign("dana", dearer["request"])["missing"], [])
        wait_until(lambda: stream.emergencies(dearer["request"]) == ["started"], "with the director it opens")
        self.assertIn(self.put("at-once-again.txt"), (201, 204))
        self.assertEqual(self.api("sam", f"/api/v1/break-glass/{dearer['request']}/close", {"reason": "done"})[0], 200)

        for one in (request, dearer["request"]):
            self.assertEqual(self.api("jun", f"/api/v1/break-glass/{one}/review", {"comment": "one price was put back; right"})[0], 200)
            wait_until(lambda: stream.emergencies(one)[-1] == "reviewed", "pages are told that it was reviewed")
        self.assertEqual({row["request"] for row in self.records("break_glass:review")}, {request, dearer["request"]})
        self.assertEqual(self.api("sam", "/api/v1/break-glass")[1]["debt"], 0)
        self.assertEqual(self.ask()["rules"], ["break-glass"], "paid")
        _, out, _ = self.gateway.cli("audit", "verify", check=0)
        self.assertTrue(out)

    def test_rules_that_know_of_no_glass_close_what_is_open(self):
        request = self.ask()["request"]
        self.sign("sam", request)
        wait_until(lambda: self.put("with-glass.txt") in (201, 204), "it is open")
        digest = lambda: self.api("sam", "/api/v1/policies")[1]["digest"]
        before = digest()
        approvals = self.world.folder / "policies" / "approvals.yaml"
        approvals.write_text(RULES[:RULES.index("break_glass:")])
        try:
            wait_until(lambda: digest() != before, "the new rules are in force")
            self.assertEqual(self.put("without-glass.txt"), 202)
        finally:
            approvals.write_text(RULES)


if __name__ == "__main__":
    unittest.main(verbosity=2)
