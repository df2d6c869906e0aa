"""An official MCP client against the official MCP file server, through the gateway."""
import json
import unittest

from harness import McpError, World, countersign_of, text_of, wait_until


class Mcp(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.world = World()
        cls.gateway = cls.world.gateway
        cls.delegable, cls.sealed = cls.gateway.agent_token()
        cls.agent = cls.world.mcp(cls.sealed)
        cls.agent.tools()  # from here on the SDK checks every result against the tool's outputSchema
        cls.sam = cls.gateway.person("sam")
        cls.data = cls.world.folder / "data"

    @classmethod
    def tearDownClass(cls):
        cls.world.close()

    def hold(self, path, content, client=None):
        result = (client or self.agent).call("write_file", {"path": path, "content": content})
        answer = countersign_of(result)
        self.assertEqual(answer["status"], "pending_approval", result)
        return answer["request"]

    def state(self, request):
        return self.gateway.json("request", "show", request, token=self.sam)["state"]

    def approve(self, request):
        self.gateway.cli("approve", request, "--reason", "looks right", token=self.sam, check=0)
        wait_until(lambda: self.state(request) not in ("approved", "executing"), "it has run")

    def test_handshake_says_who_answers(self):
        self.assertIn("tools", self.agent.hello["capabilities"])
        self.assertTrue(self.agent.hello["server"]["name"])

    def test_tools_keep_their_names_and_get_a_widened_output_schema(self):
        tools = {tool["name"]: tool for tool in self.agent.tools()}
        self.assertIn("write_file", tools)
        schema = tools["write_file"].get("outputSchema")
        if schema is not None:
            self.assertEqual(schema["type"], "object")
            self.assertEqual(len(schema["anyOf"]), 2)

    def test_the_aggregate_offers_prefixed_names(self):
        everything = self.world.mcp(self.sealed, "/mcp")
        names = [tool["name"] for tool in everything.tools()]
        self.assertIn("files__write_file", names)
        result = everything.call("files__read_text_file", {"path": "staging/readme.txt"})
        self.assertIn("hello from staging", text_of(result))

    def test_both_spellings_of_a_path_are_the_same_resource(self):
        absolute = str(self.data / "production" / "spelling.txt")
        for path in ("production/spelling.txt", absolute, "./production/spelling.txt"):
            with self.subTest(path=path):
                result = self.agent.call("write_file", {"path": path, "content": path})
                self.assertIn(countersign_of(result)["status"], ("pending_approval", "denied"), result)
        self.assertFalse((self.data / "production" / "spelling.txt").exists())

    def test_paths_that_can_be_read_twice_are_refused(self):
        for path in ("staging/../production/x", "staging//x", "staging/./../../x", "staging\\..\\production\\x", "~/x",
                     str(self.data / "staging" / ".." / "production" / "x")):
            with self.subTest(path=path):
                result = self.agent.call("write_file", {"path": path, "content": "x"})
                self.assertEqual(countersign_of(result)["status"], "denied", result)

    def test_a_call_with_progress_waits_and_gets_the_result_itself(self):
        number = self.agent.begin_call("write_file", {"path": "production/wait.txt", "content": "waited"}, progress=True)
        row = wait_until(lambda: [r for r in self.held() if "wait.txt" in json.dumps(r)], "the call is held")[0]
        wait_until(lambda: self.agent.progress_of(number), "progress arrives")
        self.approve(row["id"])
        result = self.agent.end_call(number)
        self.assertIsNone(countersign_of(result), result)
        self.assertEqual((self.data / "production" / "wait.txt").read_text(), "waited")

    def test_a_denial_ends_a_waiting_call(self):
        number = self.agent.begin_call("write_file", {"path": "production/no.txt", "content": "x"}, progress=True)
        row = wait_until(lambda: [r for r in self.held() if "no.txt" in json.dumps(r)], "the call is held")[0]
        self.gateway.cli("deny", row["id"], "--reason", "not on a Friday", token=self.sam, check=0)
        result = self.agent.end_call(number)
        self.assertEqual(countersign_of(result)["status"], "denied")
        self.assertIn("not on a Friday", text_of(result))

    def held(self):
        shown = self.gateway.json("requests", "--state", "held", token=self.sam)
        return shown["requests"] if isinstance(shown, dict) else shown

    def test_another_lineage_never_collects_the_result(self):
        request = self.hold("production/mine.txt", "mine")
        _, stranger_token = self.gateway.agent_token()  # same agent, same owner, another root
        stranger = self.world.mcp(stranger_token)
        stranger_request = self.hold("production/mine.txt", "mine", stranger)
        self.assertNotEqual(request, stranger_request)
        self.approve(request)
        answer = countersign_of(stranger.call("write_file", {"path": "production/mine.txt", "content": "mine"}))
        self.assertEqual((answer["status"], answer["request"]), ("pending_approval", stranger_request))
        fresh_leaf = self.world.mcp(self.gateway.seal(self.delegable))
        result = fresh_leaf.call("write_file", {"path": "production/mine.txt", "content": "mine"})
        self.assertIsNone(countersign_of(result), "a fresh leaf of the same root collects it")

    def test_a_held_retry_finds_its_request_again(self):
        first = self.hold("production/again.txt", "same")
        self.assertEqual(first, self.hold("production/again.txt", "same"))
        self.assertNotEqual(first, self.hold("production/again.txt", "samf"))

    def test_revocation_is_immediate_and_covers_children(self):
        delegable, sealed = self.gateway.agent_token(agent="passer-by")
        child = self.gateway.seal(self.gateway.cli("token", "narrow", delegable, "--effects", "read", check=0)[1].strip())
        self.world.mcp(sealed).call("read_text_file", {"path": "staging/readme.txt"})
        rows = self.gateway.json("token", "list")
        rows = rows["tokens"] if isinstance(rows, dict) else rows
        token = next(row for row in rows if row["agent"] == "passer-by")
        self.gateway.cli("token", "revoke", token["id"], "--reason", "left the company", check=0)
        for leaf in (sealed, child):
            with self.assertRaises(McpError):
                self.world.mcp(leaf)

    def test_an_approval_does_not_run_for_a_revoked_token(self):
        _, sealed = self.gateway.agent_token(agent="revoked-later")
        request = self.hold("production/revoked.txt", "x", self.world.mcp(sealed))
        rows = self.gateway.json("token", "list")
        rows = rows["tokens"] if isinstance(rows, dict) else rows
        token = next(row for row in rows if row["agent"] == "revoked-later")
        self.gateway.cli("token", "revoke", token["id"], "--reason", "gone", check=0)
        self.gateway.cli("approve", request, "--reason", "fine", token=self.sam)
        wait_until(lambda: self.state(request) not in ("held", "approved", "executing"), "it is settled")
        self.assertNotEqual(self.state(request), "done")
        self.assertFalse((self.data / "production" / "revoked.txt").exists())

    def test_approvers_must_be_entitled(self):
        request = self.hold("production/entitled.txt", "x")
        for name in ("olivia", "jun"):
            code, out, err = self.gateway.cli("approve", request, "--reason", "please", token=self.gateway.person(name))
            self.assertEqual(code, 1, out + err)
        code, out, err = self.gateway.cli("approve", request, "--reason", "as root over the socket")
        self.assertEqual(code, 1, "the local administrator is nobody in particular, and cannot approve")
        code, out, err = self.gateway.cli("approve", request, "--reason", "agent", token=self.sealed)
        self.assertEqual(code, 1, "an agent's token is not for the admin listener")
        self.assertEqual(self.state(request), "held")

    def test_a_second_message_inside_the_first_is_no_message(self):
        """stdio servers read a message a line; line ends inside an agent's JSON must not become a call that nobody decided about."""
        inner = json.dumps({"jsonrpc": "2.0", "id": 77, "method": "tools/call",
                            "params": {"name": "write_file", "arguments": {"path": "production/smuggled.txt", "content": "pwn"}}})
        for end in ("\n", "\r\n", "\r"):
            body = ('{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"list_allowed_directories","arguments":{"x":'
                    + end + inner + end + "}}}")
            status, _, answer = self.gateway.http("POST", "/files/mcp", self.sealed, body=body.encode(), headers={
                "Content-Type": "application/json", "Accept": "application/json, text/event-stream"})
            self.assertEqual((status, json.loads(answer)["id"]), (200, 1), answer)
        self.agent.call("read_text_file", {"path": "staging/readme.txt"})  # the child has read all of it by now
        self.assertFalse((self.data / "production" / "smuggled.txt").exists())

    def test_results_of_the_tool_pass_unchanged(self):
        result = self.agent.call("read_text_file", {"path": "staging/readme.txt"})
        self.assertEqual(result["structuredContent"], {"content": "hello from staging\n"})
        result = self.agent.call("read_text_file", {"path": "staging/missing.txt"})
        self.assertTrue(result["isError"])


if __name__ == "__main__":
    unittest.main(verbosity=1)
