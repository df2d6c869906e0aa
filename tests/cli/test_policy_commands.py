"""policy explain and policy test as processes: exit codes, texts, JSON, and what a server recorded. COUNTERSIGN_BINARY names the binary."""
import json
import pathlib
import tempfile
import unittest

from test_offline import Server, run

DEFAULT = str(pathlib.Path(__file__).resolve().parent.parent.parent / "policies" / "default")
REQUEST = {"agent": "builder", "action": "mcp:call_tool", "effect": "write", "resource": "Tool::files/production/a"}
CEDAR = """@id("adults") permit (principal, action == Action::"view", resource) when { principal.age >= 18 };
forbid (principal, action, resource) when { resource.private };
"""
ENTITIES = [{"uid": {"type": "User", "id": "ann"}, "attrs": {"age": 17}, "parents": []},
            {"uid": {"type": "Photo", "id": "p"}, "attrs": {"private": False}, "parents": []}]
SCHEMA = """entity User { age: Long }; entity Photo { private: Bool };
action view appliesTo { principal: User, resource: Photo };"""


class Folder(unittest.TestCase):
    def setUp(self):
        self.temporary = tempfile.TemporaryDirectory()
        self.addCleanup(self.temporary.cleanup)
        self.folder = pathlib.Path(self.temporary.name)

    def write(self, name, content):
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content if isinstance(content, str) else json.dumps(content))
        return str(path)


class Explain(Folder):
    def test_a_request_in_the_gateways_words(self):
        code, out, err = run("policy", "explain", "--policies", DEFAULT, "--request", self.write("r.json", REQUEST))
        self.assertEqual((code, err), (0, ""))
        self.assertTrue(out.startswith("hold  policy.held\n"), out)
        self.assertIn("- approval production-change, which releases production-changes-need-approval", out)
        self.assertLessEqual(max(len(line) for line in out.split("\n")), 100)

    def test_json_and_all(self):
        path = self.write("r.json", REQUEST)
        _, some, _ = run("policy", "explain", "--policies", DEFAULT, "--request", path, "--output", "json")
        code, out, _ = run("policy", "explain", "--policies", DEFAULT, "--request", "-", "--all", "--output", "json", stdin=json.dumps(REQUEST))
        self.assertEqual(code, 0)
        access, fewer = json.loads(out)["accesses"][0], json.loads(some)["accesses"][0]
        self.assertEqual(len(access["policies"]), len(fewer["policies"]) + fewer["others"])
        standings = {policy["standing"] for policy in access["policies"]}
        self.assertEqual(standings, {"applies", "does_not_apply", "elsewhere"})

    def test_mistakes(self):
        for arguments, code, text in [
                (["--policies", DEFAULT], 2, "say what to explain"),
                (["--policies", str(self.folder / "none"), "--request", self.write("r.json", REQUEST)], 2, "is not a folder"),
                (["--policies", DEFAULT, "--request", self.write("bad.json", "{")], 2, "bad.json"),
                (["--policies", DEFAULT, "--request", str(self.folder / "absent.json")], 2, "absent.json"),
                (["--policies", DEFAULT, "--request", self.write("x.json", {**REQUEST, "efect": "read"})], 2, "did you mean `effect`?")]:
            got, _, err = run("policy", "explain", *arguments, cwd=self.folder)
            self.assertEqual(got, code, (arguments, err))
            self.assertIn(text, err)

    def test_hostile_text_is_shown_harmlessly(self):
        request = {**REQUEST, "resource": "Tool::files/production/\x1b[2J\u202e"}
        code, out, _ = run("policy", "explain", "--policies", DEFAULT, "--request", self.write("r.json", request))
        self.assertEqual(code, 0)
        self.assertNotIn("\x1b", out)
        self.assertNotIn("\u202e", out)

    def cedar(self, *more):
        return run("policy", "explain", "--cedar", self.write("p.cedar", CEDAR), "--entities", self.write("e.json", ENTITIES),
                   "--principal", 'User::"ann"', "--action", 'Action::"view"', "--resource", 'Photo::"p"', *more)

    def test_plain_cedar(self):
        code, out, err = self.cedar()
        self.assertEqual((code, err), (0, ""))
        self.assertTrue(out.startswith("deny\n"), out)
        self.assertIn("must be true: principal.age >= 18\n            principal.age = 17", out)
        code, out, _ = self.cedar("--schema", self.write("s.cedarschema", SCHEMA), "--output", "json")
        self.assertEqual((code, json.loads(out)["language"]), (0, "cedar"))

    def test_plain_cedar_against_a_schema(self):
        schema = self.write("s.cedarschema", SCHEMA.replace("principal: User", "principal: Photo"))
        code, out, err = self.cedar("--schema", schema)
        self.assertEqual((code, out), (2, ""), err)
        self.assertIn("request: ", err)

    def test_a_broken_policy_is_shown_with_its_place(self):
        code, _, err = run("policy", "explain", "--cedar", self.write("p.cedar", "permit (principal, action resource);"),
                           "--principal", 'User::"ann"', "--action", 'Action::"view"', "--resource", 'Photo::"p"')
        self.assertEqual(code, 2)
        self.assertIn("p.cedar:1:27", err)


class Recorded(Folder):
    RECORD = {"v": 1, "seq": 7, "ts": "2026-01-01T12:00:00.000Z", "phase": "intent", "agent": "builder", "owner": "olivia", "chain": ["aa"],
              "upstream": "files", "protocol": "mcp", "action": "mcp:call_tool", "effect": "destroy", "resources": ["Tool::files/production/a"],
              "decision": "deny", "code": "policy.floor", "policy_digest": "00"}
    HELD = {"id": "req_1", "state": "held", "fingerprint": "f", "created": "2026-01-01T12:00:00.000Z", "agent": "builder", "owner": "olivia",
            "delegates": [], "protocol": "mcp", "upstream": "files", "action": "mcp:call_tool", "effect": "write",
            "resources": ["Tool::files/production/a"], "input": {"tool": "t", "arguments": {}}, "code": "policy.held", "policy_digest": "00",
            "approvals": [], "votes": []}

    def ask(self, answer, *arguments):
        with Server(lambda method, path: (200, answer)) as server:
            done = run("policy", "explain", "--policies", DEFAULT, *arguments, "--server", server.url, COUNTERSIGN_TOKEN="csb1_x")
            return done, [path for _, path, _, _ in server.seen]

    def test_an_audit_record(self):
        (code, out, err), paths = self.ask(self.RECORD, "--record", "7")
        self.assertEqual((code, err, paths), (0, "", ["/api/v1/audit/7"]))
        self.assertIn("record 7 of the audit log was answered: deny  policy.floor", out)
        self.assertIn("not recorded: the parameters (the log holds their digest)", out)
        self.assertIn("decided then by another set of policies", out)
        self.assertIn("forbid floor-no-destroy-on-production must not apply; no approval releases it", out)
        (_, out, _), _ = self.ask(self.RECORD, "--record", "7", "--output", "json")
        self.assertNotIn("decision", json.loads(out))  # nobody can know it

    def test_a_held_request(self):
        (code, out, err), paths = self.ask(self.HELD, "--held", "req_1")
        self.assertEqual((code, err, paths), (0, "", ["/api/v1/requests/req_1"]))
        self.assertIn("request req_1 was answered: hold  policy.held", out)
        self.assertIn("- approval production-change", out)

    def test_what_is_not_recorded_is_said(self):
        for change, text in [({"resources": ["Tool::files/a", "Tool::files/b"]}, "which effect each one had is not recorded"),
                             ({"phase": "outcome"}, "holds no decision"), ({"request": "req_9"}, "--held req_9"),
                             ({"truncated": True}, "shortened"), ({"resources": []}, "names no resource")]:
            (code, out, err), _ = self.ask({**self.RECORD, **change}, "--record", "7")
            self.assertEqual((code, out), (1, ""), err)
            self.assertIn("[question.not_recorded]", err)
            self.assertIn(text, err)


class Test(Folder):
    def case(self, **members):
        return {"request": {"principal": 'User::"ann"', "action": 'Action::"view"', "resource": 'Photo::"p"', "context": {}},
                "entities": ENTITIES, "decision": "deny", "reason": [], "num_errors": 0, **members}

    def plain(self, cases, *more):
        return run("policy", "test", "--cedar", self.write("p.cedar", CEDAR), self.write("t.json", cases), *more)

    def test_the_shipped_tests(self):
        code, out, err = run("policy", "test", DEFAULT, "--coverage-min", "100")
        self.assertEqual((code, err), (0, ""), out)
        self.assertRegex(out, r"\n(\d+) passed, 0 failed\ncoverage: (\d+) of \2 outcomes, 100 %\n$")
        one = run("policy", "test", str(pathlib.Path(DEFAULT) / "tests" / "floor.json"))
        self.assertEqual(one[0], 0, one)

    def test_exit_codes(self):
        self.assertEqual(self.plain([self.case()])[0], 0)
        self.assertEqual(self.plain([self.case(decision="allow")])[0], 1)
        self.assertEqual(self.plain([self.case()], "--coverage-min", "100")[0], 1)
        self.assertEqual(self.plain([self.case(), self.case(decision="maybe")])[0], 2)
        self.assertEqual(self.plain([self.case(request={"principal": "ann"})])[0], 2)
        self.assertEqual(self.plain("[")[0], 2)
        self.assertEqual(run("policy", "test", "--cedar", self.write("p.cedar", "x"), self.write("t.json", []))[0], 2)
        self.assertEqual(run("policy", "test", str(self.folder))[0], 2)
        self.assertEqual(run("policy", "test", "--cedar", self.write("p.cedar", CEDAR))[0], 2)
        self.assertEqual(run("policy", "test", str(self.folder / "absent.json"), "--policies", DEFAULT)[0], 2)

    def test_a_failure_is_explained(self):
        code, out, _ = self.plain([self.case(name="mine", decision="allow", reason=["adults"])])
        self.assertEqual(code, 1)
        self.assertIn("FAIL  mine\n        expected allow, got deny\n        expected adults to decide, got none\n", out)
        self.assertIn("principal.age = 17", out)
        self.assertIn("0 passed, 1 failed", out)

    def test_json(self):
        code, out, _ = self.plain([self.case(name="a"), self.case(name="b", num_errors=1)], "--output", "json")
        self.assertEqual(code, 1)
        result = json.loads(out)
        self.assertEqual((result["passed"], result["failed"], result["unreadable"]), (1, 1, 0))
        self.assertEqual([case["passed"] for case in result["cases"]], [True, False])
        self.assertNotIn("explanation", result["cases"][0])
        self.assertEqual(result["cases"][1]["explanation"]["language"], "cedar")
        self.assertEqual(result["coverage"]["policies"][0]["parts"][1]["never"], ["true"])

    def test_a_schema_reads_the_cases(self):
        schema = self.write("s.cedarschema", SCHEMA)
        self.assertEqual(self.plain([self.case()], "--schema", schema)[0], 0)
        entities = [{**ENTITIES[0], "attrs": {"age": "old"}}, ENTITIES[1]]
        code, out, _ = self.plain([self.case(entities=entities)], "--schema", schema)
        self.assertEqual(code, 2, out)


if __name__ == "__main__":
    unittest.main()
