"""Terraform's state behind the gateway: the protocol as Terraform speaks it, and Terraform itself where it is installed."""
import base64
import hashlib
import json
import re
import unittest

from harness import wait_until
from terraform_states import PASSWORD, SECRET, Terraform, World, lock, state

PROD, SAND = "/tfstate/prod/", "/tfsandbox/dev/"  # below /prod and /sand of the server


class Protocol(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.world = World()
        cls.gateway, cls.server, cls.ask = cls.world.gateway, cls.world.server, staticmethod(cls.world.ask)

    @classmethod
    def tearDownClass(cls):
        cls.world.close()

    def on_server(self, path):
        return path.replace("/tfstate/", "/prod/").replace("/tfsandbox/", "/sand/")

    def put(self, path, text):
        self.server.states[self.on_server(path)] = text

    def stored(self, path):
        return self.server.states.get(self.on_server(path))

    def locked_by_approval(self, path, operation="OperationTypeApply", token=None):
        """Takes the lock of a production state as a run would: held, approved, and collected while it waits."""
        identifier, body = lock(operation=operation)
        status, answer = self.ask("LOCK", path, body, token=token)
        self.assertEqual((status, answer["code"]), (423, "approval.pending"), answer)
        self.world.approve(answer["request"])
        status, answer = self.ask("LOCK", path, body, token=token, wait="30")
        self.assertEqual(status, 200, answer)
        return identifier, body

    def test_reading_is_a_read_and_the_credential_stays_here(self):
        self.put(PROD + "read", state(3, {"aws_db_instance.orders": "1"}))
        status, answer = self.ask("GET", PROD + "read")
        self.assertEqual((status, answer["serial"]), (200, 3))
        self.assertEqual(self.ask("GET", PROD + "nothing-there")[0], 404)
        self.assertEqual(self.gateway.http("GET", PROD + "read")[0], 401)
        basic = base64.b64encode(f"agent:{self.world.token}".encode()).decode()
        self.assertEqual(self.gateway.http("GET", PROD + "read", headers={"Authorization": "Basic " + basic})[0], 200)

    def test_other_tokens_and_other_spellings_get_nowhere(self):
        stranger = self.gateway.agent_token(upstreams="tfsandbox")[1]
        self.assertEqual(self.ask("GET", PROD + "read", token=stranger)[0], 403)
        for method, path in (("GET", "/tfstate/prod/a/"), ("GET", "/tfstate/prod//a"), ("GET", "/tfstate/prod/%2e%2e/a"),
                             ("POST", "/tfstate/prod/a?force=true"), ("POST", "/tfstate/prod/a?ID=x&ID=y"),
                             ("PATCH", "/tfstate/prod/a"), ("GET", "/tfstate/")):
            status, answer = self.ask(method, path, state(1, {}) if method == "POST" else None)
            self.assertIn(status, (400, 501), (method, path, answer))
            self.assertTrue(answer["code"].startswith("terraform."), answer)
        _, body = lock()
        for method in ("POST", "PUT", "DELETE"):
            self.assertEqual(self.ask(method, PROD + "a/lock", body)[1]["code"], "terraform.lock_method")
        self.assertNotIn(self.on_server(PROD + "a/lock"), self.server.states)

    def test_the_body_is_the_one_its_md5_is_of(self):
        text = state(1, {})
        right, wrong = (base64.b64encode(hashlib.md5(each).digest()).decode() for each in (text, b"something else"))
        self.assertEqual(self.ask("POST", SAND + "md5", text, headers={"Content-MD5": wrong})[1]["code"], "terraform.content_md5")
        self.assertIsNone(self.stored(SAND + "md5"))
        self.assertEqual(self.ask("POST", SAND + "md5", text, headers={"Content-MD5": right})[0], 200)
        self.assertEqual(self.stored(SAND + "md5"), text)

    def test_a_plan_takes_its_lock_and_cannot_write_under_it(self):
        path = PROD + "plan"
        self.put(path, state(3, {"aws_db_instance.orders": "1"}))
        identifier, body = lock(operation="OperationTypePlan")
        self.assertEqual(self.ask("LOCK", path, body)[0], 200)
        status, answer = self.ask("POST", f"{path}?ID={identifier}", state(4, {}))
        self.assertEqual((status, answer["code"]), (403, "policy.floor"))
        status, answer = self.ask("POST", f"{path}?ID={identifier}", state(4, {"aws_db_instance.orders": "1"}))
        self.assertEqual((status, answer["code"]), (423, "approval.pending"))
        self.assertEqual(self.ask("UNLOCK", path, body)[0], 200)
        self.assertEqual(json.loads(self.stored(path))["serial"], 3)

    def test_an_approved_lock_lets_the_run_write_whatever_it_destroyed(self):
        path = PROD + "apply"
        self.put(path, state(3, {"aws_db_instance.orders": "1", "aws_s3_bucket.logs": "2"}))
        identifier, body = self.locked_by_approval(path)
        self.assertEqual(self.ask("POST", f"{path}?ID={identifier}", state(4, {"aws_s3_bucket.logs": "2"}))[0], 200)
        self.assertEqual(self.ask("POST", f"{path}?ID={identifier}", state(5, {}))[0], 200)
        # but not what no apply does
        for text, why in ((state(2, {}), "older"), (state(9, {}, lineage="another"), "foreign"), (b"{}", "opaque")):
            status, answer = self.ask("POST", f"{path}?ID={identifier}", text)
            self.assertEqual((status, answer["code"]), (403, "policy.floor"), why)
        self.assertEqual(self.ask("UNLOCK", path, body)[0], 200)
        self.assertEqual(json.loads(self.stored(path))["serial"], 5)
        self.assertEqual(self.server.locks.get(self.on_server(path)), None)

    def test_losing_resources_without_the_lock_is_refused_in_production_only(self):
        for path, expected in ((PROD + "lost", 403), (SAND + "lost", 200)):
            self.put(path, state(3, {"aws_db_instance.orders": "1"}))
            self.assertEqual(self.ask("POST", path, state(4, {}))[0], expected)
        self.assertEqual(json.loads(self.stored(PROD + "lost"))["serial"], 3)

    def test_deleting_and_going_back_are_refused_in_production_only(self):
        for path, expected in ((PROD + "back", 403), (SAND + "back", 200)):
            self.put(path, state(7, {"aws_db_instance.orders": "1"}))
            self.assertEqual(self.ask("POST", path, state(3, {"aws_db_instance.orders": "1"}))[0], expected)
            self.assertEqual(self.ask("DELETE", path)[0], expected)
        self.assertIsNotNone(self.stored(PROD + "back"))
        self.assertIsNone(self.stored(SAND + "back"))

    def test_two_agents_and_one_lock(self):
        other = self.gateway.agent_token(agent="deployer", owner="jun", upstreams="tfstate,tfsandbox")[1]
        path = SAND + "conflict"
        identifier, body = lock()
        self.assertEqual(self.ask("LOCK", path, body)[0], 200)
        mine, second = lock()
        status, answer = self.ask("LOCK", path, second, token=other)
        self.assertEqual((status, answer["ID"]), (423, identifier), "the server's own answer")
        # Knowing the ID makes it nobody's: neither by asking for it, nor by releasing it.
        self.assertEqual(self.ask("LOCK", path, body, token=other)[1]["code"], "terraform.lock_id_taken")
        for unlock in (body, b"", json.dumps({"ID": identifier}).encode()):
            status, answer = self.ask("UNLOCK", path, unlock, token=other)
            self.assertEqual((status, answer["code"]), (423, "approval.pending"))
        self.assertIn(self.on_server(path), self.server.locks)
        self.assertEqual(self.ask("UNLOCK", path, body)[0], 200)
        self.assertEqual(self.ask("LOCK", path, second, token=other)[0], 200)
        self.assertEqual(self.ask("UNLOCK", path, second, token=other)[0], 200)

    def test_a_lock_of_production_is_broken_by_no_agent(self):
        path = PROD + "broken"
        identifier, body = lock()
        self.server.locks[self.on_server(path)] = body  # a colleague's, who does not come through here
        status, answer = self.ask("UNLOCK", path, body)
        self.assertEqual((status, answer["code"]), (403, "policy.floor"))
        self.assertIn(self.on_server(path), self.server.locks)

    def test_breaking_a_lock_elsewhere_takes_people(self):
        path = SAND + "broken"
        identifier, body = lock()
        self.server.locks[self.on_server(path)] = body
        status, answer = self.ask("UNLOCK", path, body)
        self.assertEqual(answer["code"], "approval.pending")
        shown = self.world.request(answer["request"])
        self.assertIn("Break somebody else's lock of dev/broken", json.dumps(shown))
        self.world.approve(answer["request"])  # one of two
        self.assertEqual(self.world.request(answer["request"])["state"], "held")
        self.assertIn(self.on_server(path), self.server.locks)

    def test_a_run_is_not_held_up_by_another_that_waits(self):
        path = PROD + "busy"
        self.put(path, state(3, {"aws_db_instance.orders": "1"}))
        identifier, body = self.locked_by_approval(path)
        other = self.gateway.agent_token(agent="deployer", owner="jun", upstreams="tfstate")[1]
        self.assertEqual(self.ask("LOCK", path, lock()[1], token=other)[1]["code"], "approval.pending")
        self.assertEqual(self.ask("POST", f"{path}?ID={identifier}", state(4, {}))[0], 200)
        self.assertEqual(self.ask("UNLOCK", path, body)[0], 200)
        plan = lock(operation="OperationTypePlan")[1]
        self.assertEqual(self.ask("LOCK", path, plan)[0], 200)
        self.assertEqual(self.ask("UNLOCK", path, plan)[0], 200)

    def test_a_restart_makes_nobody_a_stranger_to_their_lock(self):
        path = PROD + "restart"
        self.put(path, state(3, {"aws_db_instance.orders": "1"}))
        identifier, body = self.locked_by_approval(path)
        self.gateway.kill()
        self.gateway.start()
        self.assertEqual(self.ask("POST", f"{path}?ID={identifier}", state(4, {}))[0], 200)
        self.assertEqual(self.ask("UNLOCK", path, body)[0], 200)

    def test_an_approval_is_for_the_state_it_was_given_for(self):
        path = PROD + "stale"
        self.put(path, state(3, {"aws_db_instance.orders": "1"}))
        more = state(4, {"aws_db_instance.orders": "1", "aws_s3_bucket.logs": "2"})
        status, answer = self.ask("POST", path, more)
        self.assertEqual((status, answer["code"]), (423, "approval.pending"))
        self.put(path, state(4, {"aws_db_instance.orders": "1", "aws_s3_bucket.other": "9"}))
        self.world.approve(answer["request"])
        ended = wait_until(lambda: (now := self.world.request(answer["request"]))["state"] == "stale" and now, "it is stale")
        self.assertEqual(ended["code"], "request.stale")
        self.assertEqual(json.loads(self.stored(path))["resources"][1]["name"], "other")

    def test_an_approved_write_is_what_runs(self):
        path = PROD + "fresh"
        self.put(path, state(3, {"aws_db_instance.orders": "1"}))
        more = state(4, {"aws_db_instance.orders": "1", "aws_s3_bucket.logs": "2"})
        status, answer = self.ask("POST", path, more)
        self.world.approve(answer["request"])
        wait_until(lambda: self.stored(path) == more, "it is written")
        status, _ = self.ask("POST", path, more, wait="30")
        self.assertEqual(status, 200)
        self.assertEqual(self.server.methods(self.on_server(path)).count("POST"), 1)

    def test_an_approved_lock_waits_for_somebody_who_asks(self):
        path = PROD + "waits"
        _, first = lock()
        status, answer = self.ask("LOCK", path, first)
        self.world.approve(answer["request"])
        # The run that asked has ended: nothing is locked in its name.
        wait_until(lambda: self.world.request(answer["request"])["state"] == "approved", "it is approved")
        self.assertNotIn("LOCK", self.server.methods(self.on_server(path)))
        again, second = lock()
        self.assertEqual(self.ask("LOCK", path, second, wait="30")[0], 200)
        self.assertEqual(json.loads(self.server.locks[self.on_server(path)])["ID"], again)
        self.assertEqual(self.world.request(answer["request"])["state"], "done")
        self.assertEqual(self.ask("UNLOCK", path, second)[0], 200)
        # One approval is one run.
        self.assertEqual(self.ask("LOCK", path, lock()[1])[1]["code"], "approval.pending")

    def test_no_value_of_a_state_is_written_down_or_shown(self):
        path = PROD + "secret"
        self.put(path, state(3, {"aws_db_instance.orders": "1"}))
        status, answer = self.ask("POST", path, state(4, {"aws_db_instance.orders": "1", "aws_s3_bucket.logs": "2"}))
        shown = self.world.request(answer["request"])
        self.assertIn("serial 3 → 4", json.dumps(shown, ensure_ascii=False))
        texts = [json.dumps(shown), json.dumps(self.gateway.json("audit", "query", "--limit", "500", token=self.world.sam)),
                 (self.world.folder / "gateway.log").read_text()]
        kept = [file for file in (self.world.folder / "state").rglob("*") if file.is_file()]
        bodies = [file for file in kept if file.parent.name == "requests"]  # what will run: whoever reads it reads the disk
        self.assertEqual({file.stat().st_mode & 0o077 for file in bodies}, {0})
        texts += [file.read_bytes().decode(errors="replace") for file in kept if file not in bodies]
        for text in texts:
            self.assertNotIn(SECRET, text)
            self.assertNotIn(PASSWORD, text)


@unittest.skipUnless(Terraform.TERRAFORM, "Terraform is not installed")
class RealTerraform(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.world = World()

    @classmethod
    def tearDownClass(cls):
        cls.world.close()

    def terraform(self, name, path, count=2):
        out = Terraform(self.world.folder / name, self.world, path)
        out.write(count)
        out("init")
        return out

    def test_in_a_sandbox_it_works_as_ever(self):
        terraform = self.terraform("sand", SAND + "site")
        terraform("plan")
        terraform("apply", "-auto-approve")
        self.assertEqual(len(self.world.server.state("/sand/dev/site")["resources"][0]["instances"]), 2)
        terraform.write(1)
        terraform("apply", "-auto-approve")
        terraform("taint", "terraform_data.site[0]")
        terraform("state", "rm", "terraform_data.site[0]")
        terraform("apply", "-auto-approve")
        _, said = terraform("destroy", "-auto-approve")
        self.assertIn("Destroy complete", said)
        self.assertEqual(self.world.server.state("/sand/dev/site")["resources"], [])
        self.assertEqual(self.world.server.locks, {})

    def test_in_production_an_apply_is_asked_for_once(self):
        terraform = self.terraform("prod", PROD + "site")
        terraform("plan")
        _, said = terraform("apply", "-auto-approve", check=1)
        words = re.sub(r"\s+", " ", said)
        request = re.search(r"held by Countersign as (req_\w+)", words)
        self.assertTrue(request, said)
        self.assertIn("/requests/" + request[1], said)  # the link, in one piece
        self.assertIsNone(self.world.server.state("/prod/prod/site"))
        self.assertEqual(self.world.server.locks, {})
        self.world.approve(request[1])
        terraform("apply", "-auto-approve")
        self.assertEqual(len(self.world.server.state("/prod/prod/site")["resources"][0]["instances"]), 2)
        self.assertEqual(self.world.server.locks, {})
        # A destroy is another run: another approval. It waits for it by itself, when it is told to.
        run = terraform.begin("destroy", "-auto-approve", "-lock-timeout=5m")
        row = wait_until(lambda: [r for r in self.world.held() if "prod/site" in json.dumps(r)], "it is held")[0]
        self.world.approve(row["id"])
        self.assertEqual(run.popen.wait(120), 0, (terraform.folder / "terraform.log").read_text())
        run.stop()
        self.assertEqual(self.world.server.state("/prod/prod/site")["resources"], [])
        self.assertEqual(self.world.server.locks, {})

    def test_what_it_says_when_it_is_refused(self):
        self.world.server.states["/prod/prod/old"] = state(7, {"terraform_data.site": "1"})
        terraform = self.terraform("old", PROD + "old")
        (terraform.folder / "old.json").write_bytes(state(3, {"terraform_data.site": "1"}))
        terraform("state", "push", "-force", "-lock=false", "old.json", check=1)
        self.assertEqual(self.world.server.state("/prod/prod/old")["serial"], 7)
        _, body = lock()
        self.world.server.locks["/prod/prod/old"] = body
        _, said = terraform("force-unlock", "-force", json.loads(body)["ID"], check=1)
        self.assertIn("403", said)
        self.assertIn("/prod/prod/old", self.world.server.locks)


if __name__ == "__main__":
    unittest.main()
