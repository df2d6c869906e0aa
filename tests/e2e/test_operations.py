"""Running it: TLS, reload, drain, an MCP upstream over Streamable HTTP, and what agents see of each other."""
import base64
import json
import os
import pathlib
import subprocess
import tempfile
import threading
import unittest

from harness import E2E, NODE_BIN, Gateway, Process, World, countersign_of, free_port, text_of, wait_until


def edit_configuration(world, change):
    path = world.folder / "countersign.yaml"
    path.write_text(change(path.read_text()))
    world.gateway.stop()
    world.gateway.start()


class Operations(unittest.TestCase):
    def test_tls_on_the_agents_listener(self):
        with World() as world:
            subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2",
                            "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1",
                            "-keyout", "tls.key", "-out", "tls.pem"], cwd=world.folder, check=True, capture_output=True)
            os.chmod(world.folder / "tls.key", 0o600)
            edit_configuration(world, lambda text: text.replace(
                "listen:\n", "listen:\n  agents_tls: { certificate: tls.pem, key: tls.key }\n"))
            _, token = world.gateway.agent_token()
            url = f"https://localhost:{world.gateway.agents_port}/web/production/prices.json"
            curl = ["curl", "-sS", "--cacert", str(world.folder / "tls.pem"), "-H", f"Authorization: Bearer {token}"]
            done = subprocess.run([*curl, url], capture_output=True, text=True, timeout=30)
            self.assertIn("espresso", done.stdout, done.stderr)
            old = subprocess.run([*curl, "--tls-max", "1.1", url], capture_output=True, text=True, timeout=30)
            self.assertNotEqual(old.returncode, 0, "TLS 1.1 is not spoken")
            plain = subprocess.run(["curl", "-sS", url.replace("https", "http")], capture_output=True, text=True, timeout=30)
            self.assertNotIn("espresso", plain.stdout)

    def test_policies_reload_and_a_broken_set_never_replaces_the_running_one(self):
        with World() as world:
            gateway = world.gateway
            _, token = gateway.agent_token()
            put = lambda name: gateway.http("PUT", f"/web/staging/{name}", token, body=b"x")[0]
            digest = lambda: self.api(world, "/api/v1/policies")["digest"]
            self.assertIn(put("before"), (201, 204))
            first = digest()

            extra = world.folder / "policies" / "90-extra.cedar"
            extra.write_text("forbid (principal, action in Action::\"write\", resource")
            code, out, err = gateway.cli("policy", "check", str(world.folder / "policies"))
            self.assertNotEqual(code, 0)
            self.assertIn("90-extra.cedar:1", out + err)
            wait_until(lambda: "do not load" in (world.folder / "gateway.log").read_text(), "the gateway has looked")
            self.assertEqual(digest(), first)
            self.assertIn(put("while-broken"), (201, 204))

            extra.write_text('@id("quiet-day") forbid (principal, action in Action::"write", resource);')
            wait_until(lambda: digest() != first, "the mended set runs")
            status, _, body = gateway.http("PUT", "/web/staging/after", token, body=b"x")
            self.assertEqual((status, json.loads(body)["code"]), (403, "policy.forbidden"))
            self.assertIn("quiet-day", body.decode())
            extra.unlink()
            wait_until(lambda: digest() == first, "the first set is back")

    def api(self, world, path):
        done = subprocess.run(["curl", "-sS", "--unix-socket", str(world.folder / "state" / "admin.sock"), f"http://localhost{path}"],
                              capture_output=True, text=True, timeout=30, check=True)
        return json.loads(done.stdout)

    def test_sigterm_drains_and_ends_with_zero(self):
        with World(extra="limits: { drain: 1s }\n") as world:
            gateway = world.gateway
            _, token = gateway.agent_token()
            answers = []

            def patient():
                try:
                    answers.append(gateway.http("PUT", "/web/production/drained.txt", token, body=b"x", headers={"Prefer": "wait=60"}))
                except Exception as error:  # the connection ends with the drain; its request does not
                    answers.append(error)

            thread = threading.Thread(target=patient)
            thread.start()
            sam = gateway.person("sam")
            held = lambda: gateway.json("requests", "--state", "held", token=sam)
            wait_until(held, "it is held")
            self.assertEqual(gateway.stop(), 0)
            thread.join(30)
            gateway.start()
            self.assertEqual(len(held()), 1, "the held request outlives the connection and the process")
            code, out, err = gateway.cli("audit", "verify")
            self.assertEqual(code, 0, out + err)

    def test_a_receipt_is_checked_without_the_server_and_without_the_log(self):
        with World() as world, tempfile.TemporaryDirectory() as folder:
            gateway = world.gateway
            _, token = gateway.agent_token()
            gateway.http("GET", "/web/production/prices.json", token)
            gateway.http("DELETE", "/web/production/prices.json", token)
            seq = json.loads(gateway.cli("audit", "query", "--decision", "deny", "--output", "json", check=0)[1])[0]["seq"]
            receipt, early = (gateway.cli("audit", "proof", str(number), check=0)[1] for number in (seq, 0))
            key = (world.folder / "state" / "audit" / "vkey").read_text()
            self.api(world, "/api/v1/audit/key")  # a record more
            later = gateway.cli("audit", "proof", "0", check=0)[1]
            gateway.stop()

            def verify(text, *options, name="receipt"):
                path = pathlib.Path(folder) / name
                path.write_text(text)
                done = subprocess.run([gateway.binary, "audit", "verify", "--receipt", str(path), *options], cwd=folder,
                                      env={"PATH": os.environ["PATH"]}, capture_output=True, text=True, timeout=60)
                return done.returncode, done.stdout, done.stderr

            keys = pathlib.Path(folder) / "vkey"
            keys.write_text("# the log of the shop\n" + key)
            for given in (key.strip(), str(keys)):
                code, out, err = verify(receipt, "--key", given)
                self.assertEqual(code, 0, err)
                self.assertIn(f"this is record {seq} of the ", out)
                self.assertIn("policy.", out)
            answer = json.loads(verify(receipt, "--key", str(keys), "--output", "json")[1])
            self.assertEqual((answer["ok"], answer["seq"], answer["record"]["decision"]), (True, seq, "deny"))
            self.assertEqual(answer["origin"], key.split("+")[0])
            self.assertEqual(verify(later, "--key", str(keys))[0], 0, "an older record, a younger tree")

            lines = receipt.split("\n")
            record = base64.b64decode(lines[1].removeprefix("extra "))
            changed = base64.b64encode(record.replace(b'"deny"', b'"allow"')).decode()
            self.assertNotEqual(record.replace(b'"deny"', b'"allow"'), record)
            note = receipt.index("\n\n")
            size = receipt[note + 2:].split("\n")[1]
            bad = {
                "another record": (receipt.replace(lines[1], "extra " + changed), "audit.not_included"),
                "another place": (receipt.replace(lines[2], f"index {seq - 1}"), "audit.not_included"),
                "a shorter path": ("\n".join(lines[:3] + lines[4:]), "audit.not_included"),
                "another tree": (receipt.replace(f"\n{size}\n", f"\n{int(size) + 1}\n"), "audit.signature"),
                "a tree of before": (receipt[:note] + early[early.index("\n\n"):], "audit.not_included"),
                "no signature": (receipt[:receipt.index("\u2014")], "audit."),
                "cut short": (receipt[:60], "audit.receipt_malformed"),
                "no receipt": ("hello\n", "audit.receipt_malformed"),
                "nothing": ("", "audit.receipt_malformed"),
            }
            if early[early.index("\n\n"):] == receipt[note:]:
                del bad["a tree of before"]
            for what, (text, wanted) in bad.items():
                with self.subTest(what):
                    code, out, err = verify(text, "--key", str(keys))
                    self.assertEqual((code, out), (1, ""), err)
                    self.assertIn(wanted, err)
            other = "other.example/audit+" + key.split("+", 1)[1]
            with World() as stranger:
                foreign = (stranger.folder / "state" / "audit" / "vkey").read_text().strip()
            code, out, err = verify(receipt, "--key", foreign)
            self.assertEqual((code, out), (1, ""))
            self.assertIn("audit.signature", err)
            both = pathlib.Path(folder) / "both"
            both.write_text(foreign + "\n" + key)
            self.assertEqual(verify(receipt, "--key", str(both))[0], 0, "one of the keys is enough")
            for options in ((), ("--key", other), ("--key", str(keys), "--dir", folder), ("--key", str(keys), "--since", str(keys))):
                self.assertEqual(verify(receipt, *options)[0], 2, options)

    def test_an_mcp_upstream_over_http(self):
        with World() as world:
            port = free_port()
            server = Process([str(NODE_BIN / "node"), str(NODE_BIN / "mcp-server-everything"), "streamableHttp"],
                             world.folder / "everything.log", cwd=E2E, env={**os.environ, "PORT": str(port)})
            try:
                edit_configuration(world, lambda text: text + f"""
  - name: everything
    protocol: mcp
    url: http://127.0.0.1:{port}/mcp
    labels: {{ environment: staging }}
""")
                _, token = world.gateway.agent_token(upstreams="everything")
                wait_until(lambda: "listening" in (world.folder / "everything.log").read_text().lower(), "the server listens")
                client = world.mcp(token, "/everything/mcp")
                self.assertIn("echo", [tool["name"] for tool in client.tools()])
                result = client.call("echo", {"message": "through the gateway"})
                self.assertIn("through the gateway", text_of(result))
                self.assertIsNone(countersign_of(result))
            finally:
                server.stop()

    def test_a_token_for_one_upstream_is_nothing_at_another(self):
        with World() as world:
            _, token = world.gateway.agent_token(upstreams="web")
            status, _, body = world.gateway.http("POST", "/files/mcp", token, headers={
                "Content-Type": "application/json", "Accept": "application/json, text/event-stream"},
                body=json.dumps({"jsonrpc": "2.0", "id": 1, "method": "tools/call",
                                 "params": {"name": "read_text_file", "arguments": {"path": "staging/readme.txt"}}}))
            self.assertNotIn("hello", body.decode())
            self.assertIn("scope.", body.decode())

    def test_check_reports_everything_at_once(self):
        with World() as world:
            path = world.folder / "broken.yaml"
            path.write_text("stat: ./state\nlisten: { agents: nowhere }\npolicies: ./missing\nupstreams:\n"
                            "  - { name: a, protocol: http, url: 'ftp://x', credential: { bearer: { env: NOT_SET_ANYWHERE } } }\n"
                            "  - { name: a, protocol: gopher }\n")
            code, out, err = world.gateway.cli("check", "--config", "broken.yaml")
            self.assertEqual(code, 2)
            text = out + err
            for line, word in ((1, "stat"), (2, "agents"), (5, "NOT_SET_ANYWHERE"), (6, "gopher")):
                self.assertRegex(text, rf"broken.yaml:{line}:.*{word}")


if __name__ == "__main__":
    unittest.main(verbosity=1)
