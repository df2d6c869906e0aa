"""The command line as a process: exit codes, texts and everything that needs no server. COUNTERSIGN_BINARY names the binary."""
import http.server
import json
import os
import pathlib
import subprocess
import tempfile
import threading
import unittest

BINARY = os.environ["COUNTERSIGN_BINARY"]
# docs/token.md's vectors would do as well; this one only has to be well-formed, since nothing here checks a proof.
VECTORS = pathlib.Path(__file__).resolve().parent.parent / "cases" / "token" / "vectors.json"


def run(*arguments, stdin=None, cwd=None, **variables):
    environment = {name: value for name, value in os.environ.items() if not name.startswith("COUNTERSIGN_")}
    environment.update(variables)
    done = subprocess.run([BINARY, *arguments], input=stdin, cwd=cwd, env=environment, capture_output=True, text=True, timeout=60)
    return done.returncode, done.stdout, done.stderr


class Server:
    """A stand-in for the admin API on loopback: remembers what it was asked and answers what it was told to."""

    def __init__(self, answers):
        self.seen = []
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def answer(self):
                body = self.rfile.read(int(self.headers.get("content-length") or 0))
                outer.seen.append((self.command, self.path, dict(self.headers), body))
                status, value = answers(self.command, self.path)
                data = (value if isinstance(value, str) else json.dumps(value)).encode()
                self.send_response(status)
                self.send_header("content-type", "application/json")
                self.send_header("content-length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            do_GET = do_POST = answer

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.server.server_close()


class Usage(unittest.TestCase):
    def test_help_and_version_are_not_errors(self):
        for arguments in (["--help"], ["token", "--help"], ["audit", "query", "--help"], ["--version"]):
            code, out, _ = run(*arguments)
            self.assertEqual(code, 0, arguments)
            self.assertTrue(out.strip(), arguments)

    def test_every_leaf_command_has_an_example(self):
        for command in ("serve", "check", "token issue", "token narrow", "token seal", "token inspect", "token revoke", "token list", "git-credential", "requests",
                        "request show", "approve", "deny", "key enrol", "key list", "key remove", "audit query", "audit export", "audit show", "audit proof", "audit verify",
                        "policy check", "policy schema", "policy explain", "policy test", "policy format", "policy translate", "policy authorize", "policy diff", "policy replay",
                        "person list", "person invite"):
            code, out, _ = run(*command.split(), "--help")
            self.assertEqual(code, 0, command)
            self.assertIn(f"countersign {command}", out, command)

    def test_mistakes_end_with_two(self):
        for arguments in ([], ["nonsense"], ["token"], ["approve"], ["approve", "req_1"], ["approve", "req_1", "--reason", "  "],
                          ["key"], ["key", "enrol"], ["key", "remove"], ["approve", "req_1", "--sign"],
                          ["requests", "--state", "nonsense"], ["requests", "--output", "yaml"], ["requests", "--limit", "0"],
                          ["token", "issue"], ["token", "issue", "--agent", "a"], ["token", "issue", "--user", "u", "--agent", "a"],
                          ["token", "issue", "--agent", "a", "--owner", "o", "--ttl", "soon"],
                          ["token", "issue", "--agent", "a", "--owner", "o", "--effects", "fly"],
                          ["audit", "show", "x"], ["audit", "query", "--since", "yesterday"], ["requests", "--server", "nonsense"],
                          ["requests", "--server", "http://user:pass@host"], ["requests", "--config", "/nowhere/countersign.yaml"],
                          ["policy", "check", "/nowhere"], ["check", "--config", "/nowhere/countersign.yaml"]):
            code, out, err = run(*arguments)
            self.assertEqual(code, 2, (arguments, out, err))


class Reaching(unittest.TestCase):
    def test_no_server_is_three_and_says_what_to_do(self):
        with tempfile.TemporaryDirectory() as folder:
            code, out, err = run("requests", cwd=folder)
            self.assertEqual((code, out), (3, ""))
            self.assertIn("countersign serve", err)
            self.assertIn("admin.sock", err)
            code, _, err = run("requests", "--server", "http://127.0.0.1:1", COUNTERSIGN_TOKEN="csb1_secret.part")
            self.assertEqual(code, 3)
            self.assertNotIn("csb1_secret", err)

    def test_the_socket_is_looked_for_where_the_configuration_says(self):
        with tempfile.TemporaryDirectory() as folder:
            path = pathlib.Path(folder) / "countersign.yaml"
            path.write_text("state: ./elsewhere\nupstreams:\n  - { name: web, protocol: http, url: \"http://127.0.0.1:1\" }\n")
            for arguments in ([], ["--config", str(path)]):
                code, _, err = run("requests", *arguments, cwd=folder)
                self.assertEqual(code, 3, err)
                self.assertIn("elsewhere/admin.sock", err)

    def test_token_and_body_reach_the_server(self):
        with Server(lambda *_: (200, {"id": "req_1", "state": "held", "missing": ["production-change: 1 of 2"]})) as server:
            code, out, err = run("approve", "req_1", "--reason", "Grüße", COUNTERSIGN_SERVER=server.url, COUNTERSIGN_TOKEN="csb1_a.b")
            self.assertEqual(code, 0, err)
            self.assertIn("still held", out)
            self.assertIn("1 of 2", out)
            method, path, headers, body = server.seen[0]
            self.assertEqual((method, path), ("POST", "/api/v1/requests/req_1/approve"))
            self.assertEqual({k.lower(): v for k, v in headers.items()}["authorization"], "Bearer csb1_a.b")
            self.assertEqual(json.loads(body), {"reason": "Grüße"})

    def test_ids_cannot_leave_their_place_in_the_path(self):
        with Server(lambda *_: (404, {"code": "request.unknown", "detail": "no", "status": 404})) as server:
            code, _, err = run("request", "show", "../tokens?x=1#y", "--server", server.url)
            self.assertEqual(code, 1)
            self.assertIn("request.unknown", err)
            self.assertEqual(server.seen[0][1], "/api/v1/requests/..%2Ftokens%3Fx%3D1%23y")

    def test_exit_codes_follow_the_answer(self):
        for status, expected in ((400, 2), (401, 1), (403, 1), (404, 1), (409, 1), (413, 1), (500, 3), (503, 3)):
            with Server(lambda *_, s=status: (s, {"code": "some.code", "detail": "because \x1b[2J", "status": s})) as server:
                code, out, err = run("deny", "req_1", "--reason", "no", "--server", server.url)
                self.assertEqual((code, out), (expected, ""), status)
                self.assertIn("some.code", err)
                self.assertNotIn("\x1b", err)
        with Server(lambda *_: (200, "<html>not ours</html>")) as server:
            self.assertEqual(run("requests", "--server", server.url)[0], 3)

    def test_listings_are_json_documents_on_request(self):
        with Server(lambda *_: (200, {"requests": [{"id": "req_1", "state": "held"}], "before": None})) as server:
            code, out, _ = run("requests", "--output", "json", "--server", server.url)
            self.assertEqual((code, json.loads(out)), (0, [{"id": "req_1", "state": "held"}]))
            self.assertEqual(run("requests", "--state", "held", "--server", server.url)[0], 0)
            self.assertIn("state=held", server.seen[-1][1])

    def test_pages_are_followed_and_export_is_oldest_first(self):
        def answers(_, path):
            if "before=2" in path:
                return 200, {"records": [{"seq": 1, "z": 1, "a": "ä"}, {"seq": 0}], "before": None}
            return 200, {"records": [{"seq": 3}, {"seq": 2}], "before": 2}

        with Server(answers) as server:
            code, out, _ = run("audit", "export", "--server", server.url, "--agent", "a b&c")
            self.assertEqual(code, 0)
            self.assertEqual([json.loads(line)["seq"] for line in out.splitlines()], [0, 1, 2, 3])
            self.assertEqual(out.splitlines()[1], '{"a":"ä","seq":1,"z":1}')
            self.assertIn("agent=a%20b%26c", server.seen[0][1])
            code, out, _ = run("audit", "query", "--limit", "3", "--output", "json", "--server", server.url)
            self.assertEqual(len(json.loads(out)), 4)  # the stand-in ignores the limit of its last page


@unittest.skipUnless(VECTORS.exists(), "the token vectors are not here")
class Tokens(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.delegable = next(text for text in walk(json.loads(VECTORS.read_text())) if text.startswith("csd1_"))

    def test_seal_for_aws_tools(self):
        vector = json.loads(VECTORS.read_text())["offline"][1]
        delegable, expected = vector["delegable"], vector["aws"]
        code, out, _ = run("token", "seal", "--aws", delegable)
        self.assertEqual(code, 0)
        shell = subprocess.run(["sh", "-c", out + 'printf "%s %s %s" "$AWS_ACCESS_KEY_ID" "$AWS_SECRET_ACCESS_KEY" "$AWS_SESSION_TOKEN"'],
                               capture_output=True, text=True, check=True).stdout
        self.assertEqual(shell.split(" "), [expected["key_id"], expected["secret"], expected["session_token"]])
        self.assertEqual(run("token", "seal", "--aws", "--output", "env", delegable)[1], out)

        code, out, _ = run("token", "seal", "--aws", "--output", "credential-process", COUNTERSIGN_AGENT_TOKEN=delegable)
        self.assertEqual(code, 0)
        process = json.loads(out)
        self.assertEqual(set(process), {"Version", "AccessKeyId", "SecretAccessKey", "SessionToken", "Expiration"})
        self.assertEqual(process["Version"], 1)
        self.assertEqual(process["SecretAccessKey"], expected["secret"])
        self.assertRegex(process["Expiration"], r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$")
        # The earliest end along the chain, not the first block's.
        seen = json.loads(run("token", "inspect", "--output", "json", delegable)[1])
        expires = min([seen["expires"]] + [block["expires"] for block in seen["narrowed"] if "expires" in block])
        self.assertLess(expires, seen["expires"])
        self.assertEqual(process["Expiration"], expires[:19] + "Z")

        plain = json.loads(run("token", "seal", "--aws", "--output", "json", delegable)[1])
        self.assertEqual(plain["access_key_id"], expected["key_id"])
        self.assertEqual(plain["expires"], expires)

        # A narrowed token ends earlier, and so do its credentials; other ones they are in any case.
        narrowed = run("token", "narrow", delegable, "--ttl", "1m")[1]
        code, out, _ = run("token", "seal", "--aws", "--output", "json", "-", stdin=narrowed)
        self.assertEqual(code, 0)
        self.assertNotEqual(json.loads(out)["secret_access_key"], plain["secret_access_key"])

        sealed = run("token", "seal", delegable)[1].strip()
        code, out, err = run("token", "seal", "--aws", sealed)
        self.assertEqual((code, out), (2, ""))
        self.assertIn("token.sealed", err)
        self.assertNotIn(sealed[20:60], err)
        code, _, err = run("token", "seal", "--output", "json", delegable)
        self.assertEqual(code, 2)  # json is a form of --aws
        code, _, err = run("token", "seal", "--aws", "--output", "table", delegable)
        self.assertEqual(code, 2)

    def test_narrow_seal_inspect_offline(self):
        code, narrowed, err = run("token", "narrow", self.delegable, "--effects", "read", "--as", "reader", "--ttl", "10m")
        self.assertEqual(code, 0, err)
        self.assertTrue(narrowed.startswith("csd1_"))
        code, out, _ = run("token", "inspect", narrowed.strip())
        self.assertEqual(code, 0)
        self.assertIn("NOT VERIFIED HERE", out)
        self.assertIn("reader", out)
        seen = json.loads(run("token", "inspect", "-", "--output", "json", stdin=narrowed)[1])
        self.assertIs(seen["verified"], False)
        self.assertEqual(seen["narrowed"][-1]["as"], "reader")
        self.assertEqual(seen["narrowed"][-1]["scope"], [{"effects": ["read"]}])
        code, sealed, _ = run("token", "seal", "-", stdin=narrowed)
        self.assertEqual(code, 0)
        self.assertTrue(sealed.startswith("csb1_"))
        for command in (["token", "narrow", sealed.strip(), "--effects", "read"], ["token", "seal", sealed.strip()]):
            code, out, err = run(*command)
            self.assertEqual((code, out), (2, ""))
            self.assertIn("token.sealed", err)
            self.assertNotIn(sealed.strip()[20:60], err)

    def test_the_token_may_come_from_the_environment(self):
        code, out, _ = run("token", "seal", COUNTERSIGN_AGENT_TOKEN=self.delegable)
        self.assertEqual(code, 0)
        self.assertEqual(out, run("token", "seal", self.delegable)[1])

    def test_nonsense_is_refused_without_repeating_it(self):
        for text in ("csd1_AAAA.BBBB", "hello", "csb1_", "x" * 9000):
            code, out, err = run("token", "inspect", text)
            self.assertIn(code, (1, 2), text[:20])
            self.assertEqual(out, "")
            self.assertNotIn(text, err)
        self.assertEqual(run("token", "inspect")[0], 2)
        self.assertEqual(run("token", "narrow", self.delegable)[0], 2)


def walk(value):
    if isinstance(value, dict):
        for item in value.values():
            yield from walk(item)
    elif isinstance(value, list):
        for item in value:
            yield from walk(item)
    elif isinstance(value, str):
        yield value


class Policies(unittest.TestCase):
    def setUp(self):
        self.temporary = tempfile.TemporaryDirectory()
        self.addCleanup(self.temporary.cleanup)
        self.folder = pathlib.Path(self.temporary.name)
        policies = self.folder / "policies"
        policies.mkdir()
        (policies / "a.cedar").write_text('@id("all")\npermit (principal, action, resource);\n')
        (policies / "entities.yaml").write_text("users:\n  - { name: sam, level: senior }\n")
        self.config = self.folder / "countersign.yaml"
        self.config.write_text('policies: ./policies\nupstreams:\n  - { name: web, protocol: http, url: "http://127.0.0.1:1" }\n')

    def test_a_good_folder(self):
        code, out, err = run("policy", "check", str(self.folder / "policies"))
        self.assertEqual(code, 0, out + err)
        self.assertIn("1 policies", out)
        code, out, err = run("check", "--config", str(self.config))
        self.assertEqual(code, 0, out + err)

    def test_errors_are_printed_as_compilers_do(self):
        bad = self.folder / "policies" / "bad.cedar"
        bad.write_text("permit (principal, action, resource)\nwhen { principal == };\n")
        (self.folder / "policies" / "entities.yaml").write_text("users:\n  - { name: sam, levle: senior }\n")
        code, out, _ = run("policy", "check", str(self.folder / "policies"))
        self.assertEqual(code, 1)
        self.assertRegex(out, r"bad\.cedar:2:\d+: ")
        lines = out.splitlines()
        caret = next(number for number, line in enumerate(lines) if line.strip() == "^")
        self.assertEqual(lines[caret - 1].strip(), "when { principal == };")
        self.assertIn("levle", out)  # both files in one run

    def test_check_reports_configuration_and_policies_at_once(self):
        self.config.write_text(self.config.read_text() + "stroe: sqlite\n")
        (self.folder / "policies" / "bad.cedar").write_text("permit (\n")
        code, out, _ = run("check", "--config", str(self.config))
        self.assertEqual(code, 2)
        self.assertRegex(out, r"countersign\.yaml:4: .*stroe")
        self.assertRegex(out, r"bad\.cedar:\d+: ")

    def test_verify_of_something_that_is_no_log(self):
        code, _, err = run("audit", "verify", "--dir", str(self.folder))
        self.assertEqual(code, 1)
        self.assertIn("audit.not_a_log", err)
        self.assertEqual(run("audit", "verify", "--dir", str(self.folder), "--key", "nonsense")[0], 2)
        self.assertEqual(run("audit", "verify", "--dir", str(self.folder), "--since", "/nowhere")[0], 2)
        self.assertEqual(run("audit", "verify", "--receipt", "/nowhere", "--key", "nonsense")[0], 2)
        self.assertEqual(run("audit", "verify", "--receipt", "/nowhere")[0], 2)


class PolicyAuthorize(unittest.TestCase):
    GOOD = json.dumps({
        "policies": "permit (principal, action, resource);", "entities": [],
        "requests": [{"principal": {"type": "U", "id": "a"}, "action": {"type": "Action", "id": "x"}, "resource": {"type": "R", "id": "r"}, "context": {}}],
    })

    def test_answers_each_line_before_the_next_is_written(self):
        with subprocess.Popen([BINARY, "policy", "authorize", "--jsonl"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as door:
            for _ in range(3):
                door.stdin.write(self.GOOD + "\n")
                door.stdin.flush()
                self.assertEqual(json.loads(door.stdout.readline())["responses"][0]["decision"], "allow")
                door.stdin.write("nonsense\n")
                door.stdin.flush()
                self.assertIn("error", json.loads(door.stdout.readline()))
            door.stdin.close()
            self.assertEqual(door.wait(timeout=60), 0)

    def test_hostile_lines_cost_an_error_and_the_next_line_works(self):
        def nested(depth):
            return json.dumps({"policies": "permit (principal, action, resource) when { " + "(" * depth + "true" + ")" * depth + " };", "requests": []})

        code, out, _ = run("policy", "authorize", "--jsonl", stdin="\n".join([nested(150), nested(1_000_000), "[" * 1_000_000, self.GOOD]))
        answers = [json.loads(line) for line in out.splitlines()]
        self.assertEqual((code, len(answers)), (0, 4))
        self.assertTrue(answers[0]["valid"])
        self.assertIn("nested too deeply", answers[1]["error"])
        self.assertIn("error", answers[2])
        self.assertEqual(answers[3]["responses"][0]["reason"], ["policy0"])

    def test_reads_a_file_and_wants_the_format_named(self):
        with tempfile.TemporaryDirectory() as folder:
            path = pathlib.Path(folder, "cases.jsonl")
            path.write_text(self.GOOD + "\n")
            code, out, _ = run("policy", "authorize", "--jsonl", str(path))
            self.assertEqual((code, len(out.splitlines())), (0, 1))
            self.assertEqual(run("policy", "authorize", "--jsonl", str(path) + ".missing")[0], 2)
        self.assertEqual(run("policy", "authorize")[0], 2)


if __name__ == "__main__":
    unittest.main(verbosity=1)
