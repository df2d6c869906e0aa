"""Approval rules end to end: documentation, withdrawing, freeze windows and conflicts, against nginx."""
import datetime
import http.client
import json
import socket
import unittest

from harness import World, wait_until

RULES = """
rules:
  production-change:
    description: changes to production
    stages: [ { name: platform, group: "team:platform", min_level: senior } ]
    expires: 1h
  documented-change:
    stages: [ { name: platform, group: "team:platform", min_level: senior } ]
    documentation:
      - { field: intent, min_length: 10 }
      - { field: ticket, pattern: "[A-Z]+-[0-9]+" }
      - { field: references, max_age: 90d }
  release-captain:
    stages: [ { name: captain, group: "user:dana" } ]
  tier-0-change: { stages: [ { name: eyes, group: anyone, min_level: principal } ] }
  strict-change: { stages: [ { name: eyes, group: "team:platform" } ] }
  sensitive-change: { stages: [ { name: platform, count: 2, group: "team:platform", min_level: senior } ] }
freezes:
  - { name: frozen-folder, reason: the quarter closes, zone: Europe/Berlin, from: 2020-01-01T00:00, until: 2099-01-01T00:00, environments: [closing] }
  - { name: captain-only, zone: UTC, from: 2020-01-01T00:00, until: 2099-01-01T00:00, environments: [harbour], rule: release-captain, exempt_agents: [pilot] }
"""

INVENTORY = """  - { match: "web/closing/**", environment: closing, tier: 3, owner: platform }
  - { match: "web/harbour/**", environment: harbour, tier: 3, owner: platform }
"""

DOCUMENTED = """
@id("documented-folder")
@approval("documented-change")
forbid (principal, action in Action::"change", resource)
when { resource.name like "production/documented/*" };

@id("strict-folder")
@approval("strict-change")
forbid (principal, action in Action::"change", resource)
when { resource.name like "production/strict/*" };

@id("captains-folder")
@approval("production-change")
forbid (principal, action in Action::"change", resource)
when { resource.name like "production/captains/*" }
unless { context.approval.hasTag("production-change") && context.approval.getTag("production-change").rank >= 5 };
"""


class Approvals(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.world = World()
        cls.gateway = cls.world.gateway
        cls.gateway.stop()
        policies = cls.world.folder / "policies"
        (policies / "approvals.yaml").write_text(RULES)
        with open(policies / "entities.yaml", "a") as entities:
            entities.write(INVENTORY)
        (policies / "45-documented.cedar").write_text(DOCUMENTED)
        cls.gateway.start()
        cls.builder = cls.gateway.agent_token()[1]
        cls.sam = cls.gateway.person("sam")
        cls.dana = cls.gateway.person("dana")
        cls.web = cls.world.nginx.root

    @classmethod
    def tearDownClass(cls):
        cls.world.close()

    def put(self, path, token=None, body=b"x", headers=None, want=202):
        status, answer, text = self.gateway.http("PUT", f"/web/{path}", token or self.builder, body=body, headers=headers)
        self.assertEqual(status, want, text)
        return json.loads(text) if text.startswith(b"{") else {}

    def show(self, request):
        return self.gateway.json("request", "show", request, token=self.sam)

    def approve(self, request, token=None, check=0):
        return self.gateway.cli("approve", request, "--reason", "looked at it", token=token or self.sam, check=check)

    def audit(self, *filters):
        rows = self.gateway.json("audit", "query", "--limit", "100", *filters, token=self.sam)
        return rows["records"] if isinstance(rows, dict) else rows

    def admin(self, path, body=None, want=200):
        """As sam, to the admin API: GET, or POST where there is a body."""
        connection = http.client.HTTPConnection("127.0.0.1", self.gateway.admin_port, timeout=60)
        headers = {"Authorization": f"Bearer {self.sam}", "Content-Type": "application/json"}
        connection.request("GET" if body is None else "POST", path, body=None if body is None else json.dumps(body), headers=headers)
        response = connection.getresponse()
        text = response.read()
        connection.close()
        self.assertEqual(response.status, want, text)
        return json.loads(text)

    # ── documentation

    def test_nobody_is_asked_before_the_agent_has_said_why(self):
        problem = self.put("production/documented/a.txt")
        request = problem["request"]
        self.assertEqual(problem["code"], "approval.documentation_needed")
        self.assertEqual(len(problem["undocumented"]), 3, problem)
        code, out, err = self.approve(request, check=None)
        self.assertEqual(code, 1, "nobody can approve it yet")
        self.assertIn("approval.undocumented", out + err)

        path = f"/.countersign/requests/{request}"
        stale = {"intent": "raise the price of tea", "ticket": "OPS-7", "references": [{"url": "https://wiki/tea", "updated": "2020-01-01"}]}
        status, _, body = self.gateway.http("PUT", f"{path}/documentation", self.builder, body=json.dumps(stale))
        self.assertEqual((status, json.loads(body)["code"]), (400, "documentation.stale_reference"))

        today = datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%d")
        fresh = dict(stale, references=[{"url": "https://wiki/tea", "updated": today}])
        stranger = self.gateway.agent_token()[1]
        self.assertEqual(self.gateway.http("PUT", f"{path}/documentation", stranger, body=json.dumps(fresh))[0], 404)
        status, _, body = self.gateway.http("PUT", f"{path}/documentation", self.builder, body=json.dumps(fresh))
        self.assertEqual(status, 200, body)
        self.assertNotIn("undocumented", json.loads(body))
        status, _, body = self.gateway.http("PUT", f"{path}/documentation", self.builder, body=json.dumps(dict(fresh, ticket="OPS-8")))
        self.assertEqual(status, 409, "what approvers read does not change any more")
        self.assertEqual(self.show(request)["documentation"]["ticket"], "OPS-7")
        self.approve(request)
        self.approve(request, check=None)
        wait_until(lambda: self.show(request)["state"] == "done", "it runs")
        self.assertTrue(any(r.get("action") == "approval:document" for r in self.audit("--request", request)))

    def test_documentation_may_come_with_the_request(self):
        today = datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%d")
        headers = {"Countersign-Intent": "raise the price of milk", "Countersign-Ticket": "OPS-9",
                   "Countersign-Reference": f"https://wiki/milk; updated={today}"}
        problem = self.put("production/documented/b.txt", headers=headers)
        self.assertEqual(problem["code"], "approval.pending")
        self.assertEqual(self.show(problem["request"])["documentation"]["intent"], "raise the price of milk")

    # ── withdrawing

    def test_an_agent_withdraws_what_it_asked_for(self):
        request = self.put("production/withdrawn.txt")["request"]
        path = f"/.countersign/requests/{request}"
        stranger = self.gateway.agent_token()[1]
        self.assertEqual(self.gateway.http("DELETE", path, stranger)[0], 404)
        status, _, body = self.gateway.http("DELETE", path, self.builder, body=b'{"reason": "found a better way"}')
        self.assertEqual((status, json.loads(body)["state"]), (200, "withdrawn"), body)
        self.assertEqual(self.gateway.http("DELETE", path, self.builder)[0], 409)
        self.assertEqual(self.approve(request, check=None)[0], 1)
        shown = self.show(request)
        self.assertEqual((shown["state"], shown["reason"]), ("withdrawn", "found a better way"))
        self.assertFalse((self.web / "production" / "withdrawn.txt").exists())
        self.assertNotEqual(self.put("production/withdrawn.txt")["request"], request, "asking again is a new request")

    # ── freeze windows

    def test_a_freeze_refuses_changes_and_says_why(self):
        status, _, body = self.gateway.http("PUT", "/web/closing/frozen.txt", self.builder, body=b"x")
        problem = json.loads(body)
        self.assertEqual((status, problem["code"]), (403, "freeze.active"), body)
        self.assertIn("the quarter closes", problem["detail"])
        self.assertEqual(self.gateway.http("GET", "/web/closing/frozen.txt", self.builder)[0], 404, "reading goes on: nginx has no such file")

    def test_a_freeze_with_a_rule_asks_for_it_too(self):
        request = self.put("harbour/sailing.txt")["request"]
        self.assertEqual(self.show(request)["rules"], ["release-captain"], "policies alone would have allowed it")
        self.assertEqual(self.approve(request, check=None)[0], 1, "sam is not the captain")
        self.approve(request, self.dana)
        wait_until(lambda: (self.web / "harbour" / "sailing.txt").exists(), "it has run")

    def test_an_exempt_agent_is_not_stopped_by_a_freeze(self):
        pilot = self.gateway.agent_token("pilot")[1]
        self.assertIn(self.gateway.http("PUT", "/web/harbour/pilot.txt", pilot, body=b"x")[0], (201, 204))

    def test_what_is_edited_is_held_for_a_freeze_that_began_meanwhile(self):
        request = self.put("production/edited.txt")["request"]
        shown = self.show(request)
        self.assertEqual(shown["rules"], ["production-change"])
        edit = {"change": {"body": "y"}, "reason": "y is right", "fingerprint": shown["fingerprint"]}
        freeze = "  - { name: sudden, zone: UTC, from: 2020-01-01T00:00, until: 2099-01-01T00:00, environments: [production]%s }\n"
        try:
            self.run_rules(RULES + freeze % "")
            self.assertEqual(self.admin(f"/api/v1/requests/{request}/edit", edit, want=403)["code"], "freeze.active")
            self.assertEqual(self.show(request)["state"], "held")
            self.run_rules(RULES + freeze % ", rule: release-captain")
            edited = self.admin(f"/api/v1/requests/{request}/edit", edit, want=201)["id"]
            self.assertEqual(self.show(edited)["rules"], ["production-change", "release-captain"])
            self.gateway.cli("deny", edited, "--reason", "enough", token=self.dana, check=0)
        finally:
            self.run_rules(RULES)

    # ── conflicts

    def test_two_agents_on_one_resource_see_each_other(self):
        first = self.put("production/shared.txt")["request"]
        other = self.gateway.agent_token("mason")[1]
        second = self.put("production/shared.txt", other, body=b"y")["request"]
        self.assertIn(first, json.dumps(self.show(second)["conflicts"]))
        self.assertIn(second, json.dumps(self.show(first)["conflicts"]))
        self.gateway.cli("deny", first, "--reason", "one at a time", token=self.sam, check=0)
        self.gateway.cli("deny", second, "--reason", "one at a time", token=self.sam, check=0)

    def test_what_policies_allow_is_held_while_somebody_elses_change_waits(self):
        pilot = self.gateway.agent_token("pilot")[1]
        first = self.put("harbour/pier.txt")["request"]  # held by the freeze
        second = self.put("harbour/pier.txt", pilot, body=b"from the pilot")["request"]  # exempt from it
        shown = self.show(second)
        self.assertEqual((shown["rules"], shown["conflicts"][0]["id"]), (["release-captain"], first))
        self.assertEqual(self.gateway.http("DELETE", f"/.countersign/requests/{first}", self.builder)[0], 200)
        status, _, _ = self.gateway.http("PUT", "/web/harbour/pier.txt", pilot, body=b"from the pilot")
        self.assertEqual(status, 201, "nobody else's change waits any more")
        self.assertEqual(self.show(second)["state"], "superseded")

    # ── grants

    def granted(self, folder, agent="builder", then="done"):
        """A token whose agent may write files of this folder in production, five times."""
        token = self.gateway.agent_token(agent)[1]
        request = self.put(f"production/{folder}/first.txt", token)["request"]
        until = (datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(hours=1)).strftime("%Y-%m-%dT%H:%M:%S.000Z")
        grant = self.admin(f"/api/v1/requests/{request}/grants",
                           {"resources": [f"HttpEndpoint::web/production/{folder}/*"], "max_uses": 5, "until": until}, want=201)
        self.admin(f"/api/v1/requests/{request}/approve", {"reason": "five times", "grant": grant["digest"]})
        wait_until(lambda: self.show(request)["state"] == then, "it runs, or does not")
        return token, grant["id"]

    def run_rules(self, text):
        digest = lambda: self.admin("/api/v1/policies")["digest"]
        before = digest()
        (self.world.folder / "policies" / "approvals.yaml").write_text(text)
        wait_until(lambda: digest() != before, "the new rules are in force")

    def uses(self, grant):
        return self.admin(f"/api/v1/grants/{grant}")["uses"]

    def test_no_grant_releases_what_somebody_else_is_changing(self):
        builder, grant = self.granted("menu")
        self.put("production/menu/tea.txt", builder, want=201)
        self.assertEqual(self.uses(grant), 1)
        mason = self.gateway.agent_token("mason")[1]
        theirs = self.put("production/menu/milk.txt", mason)["request"]
        ours = self.put("production/menu/milk.txt", builder, body=b"ours")["request"]
        self.assertEqual((self.show(ours)["state"], self.uses(grant)), ("held", 1))
        self.gateway.http("DELETE", f"/.countersign/requests/{theirs}", mason)
        self.put("production/menu/water.txt", builder, want=201)

    def test_a_use_that_would_not_help_is_not_counted(self):
        # Approved by a senior, who is not enough of a captain for the policy: neither the request nor its grant opens anything.
        token, grant = self.granted("captains", then="denied")
        request = self.put("production/captains/log.txt", token)["request"]
        self.assertEqual((self.show(request)["state"], self.uses(grant)), ("held", 0))

    def test_a_grant_ends_where_its_votes_would_not_do_any_more(self):
        token, grant = self.granted("strict")
        self.put("production/strict/second.txt", token, want=201)
        self.run_rules(RULES.replace('{ name: eyes, group: "team:platform" }', '{ name: eyes, group: "team:platform", count: 2 }'))
        request = self.put("production/strict/third.txt", token)["request"]
        self.assertEqual((self.show(request)["state"], self.uses(grant)), ("held", 1))
        self.run_rules(RULES)
        self.put("production/strict/fourth.txt", token, want=201)

    # ── what changes while a request is on its way

    def begin(self, path, token):
        """A request whose body is awaited: the gateway knows who asks."""
        waiting = socket.create_connection(("127.0.0.1", self.gateway.agents_port), timeout=60)
        waiting.sendall((f"PUT /web/{path} HTTP/1.1\r\nHost: gateway\r\nAuthorization: Bearer {token}\r\n"
                         "Content-Length: 4\r\nExpect: 100-continue\r\nConnection: close\r\n\r\n").encode())
        self.assertIn(b"100 Continue", waiting.recv(1000))
        return waiting

    def end(self, waiting):
        waiting.sendall(b"late")
        text = b""
        while piece := waiting.recv(65536):
            text += piece
        waiting.close()
        return int(text.split(b" ")[1]), text

    def test_a_frozen_agent_does_not_end_what_it_began(self):
        token = self.gateway.agent_token("dawdler")[1]
        waiting = self.begin("staging/frozen.txt", token)
        self.admin("/api/v1/agents/dawdler/freeze", {"reason": "it does what it should not"})
        status, text = self.end(waiting)
        self.assertEqual(status, 403, text)
        self.assertIn(b"agent.frozen", text)
        self.assertFalse((self.web / "staging" / "frozen.txt").exists())

    def test_nor_does_one_whose_token_was_revoked(self):
        token = self.gateway.agent_token("loiterer")[1]
        waiting = self.begin("staging/revoked.txt", token)
        listed = next(each for each in self.gateway.json("token", "list") if each["agent"] == "loiterer")
        self.gateway.cli("token", "revoke", listed["id"], "--reason", "lost", check=0)
        status, text = self.end(waiting)
        self.assertEqual(status, 403, text)
        self.assertIn(b"token.revoked", text)

    def test_a_grant_revoked_meanwhile_lets_nothing_pass(self):
        token, grant = self.granted("late")
        waiting = self.begin("production/late/slow.txt", token)
        self.admin(f"/api/v1/grants/{grant}/revoke", {"reason": "enough"})
        self.assertEqual(self.end(waiting)[0], 202)


if __name__ == "__main__":
    unittest.main()
