"""Bursts end to end: what an agent asks for at once is one card, decided as the list that was seen, and collected by everybody who waits."""
import http.client
import json
import os
import pathlib
import re
import shutil
import subprocess
import tempfile
import threading
import unittest

from aws_account import Account
from aws_peers import Moto, Terraform
from aws_sdks import DEBIAN_PYTHON, Sdk
from harness import E2E, ROOT, Gateway, free_port, wait_until


class AwsGateway:
    """examples/aws with the default policies in front of an account; held calls keep their connections."""

    def __init__(self, folder, url, keys, wait):
        self.folder = pathlib.Path(folder)
        shutil.copytree(ROOT / "policies" / "default", self.folder / "policies")
        shutil.copy(ROOT / "examples" / "aws" / "entities.yaml", self.folder / "policies")
        agents, admin = free_port(), free_port()
        text = (ROOT / "examples" / "aws" / "countersign.yaml").read_text()
        for example, ours in (("127.0.0.1:8700, ", f"127.0.0.1:{agents}, "), ("127.0.0.1:8701 ", f"127.0.0.1:{admin} "), ("wait: 25s", f"wait: {wait}"),
                              ("    protocol: aws", f"    url: {url}\n    protocol: aws")):
            assert example in text, example
            text = text.replace(example, ours)
        (self.folder / "countersign.yaml").write_text(text)
        (self.folder / "credentials").write_text("".join(
            f"[{name}]\naws_access_key_id = {keys['AWS_ACCESS_KEY_ID']}\naws_secret_access_key = {keys['AWS_SECRET_ACCESS_KEY']}\n"
            for name in ("countersign", "sandbox")))
        (self.folder / "credentials").chmod(0o600)
        self.gateway = Gateway(self.folder, agents, admin, AWS_SHARED_CREDENTIALS_FILE=str(self.folder / "credentials"))
        self.url = f"http://127.0.0.1:{agents}/aws"
        self.sam = self.gateway.person("sam")

    def keys(self):
        """Of a token of its own: what is asked for with it has nothing to do with what was asked for before."""
        return self.gateway.aws_keys(self.gateway.agent_token(upstreams="aws")[0])

    def api(self, method, path, body=None):
        connection = http.client.HTTPConnection("127.0.0.1", self.gateway.admin_port, timeout=60)
        fields = {"Authorization": f"Bearer {self.sam}", **({"Content-Type": "application/json"} if body is not None else {})}
        connection.request(method, path, body=None if body is None else json.dumps(body), headers=fields)
        response = connection.getresponse()
        said = json.loads(response.read() or b"{}")
        connection.close()
        return response.status, said

    def held(self, count):
        """Waits until so many are held; the id of the burst that they are, in the one entry of the inbox."""
        wait_until(lambda: len(self.gateway.json("requests", "--state", "held")) == count, f"{count} requests are held", 60)
        status, inbox = self.api("GET", "/api/v1/requests?waiting_for=me")
        assert status == 200 and len(inbox["requests"]) == 1, inbox
        assert inbox["waiting"] == 1, inbox
        return inbox["requests"][0]["burst"]

    def stop(self):
        self.gateway.stop()


class Bursts(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.temporary = tempfile.TemporaryDirectory(prefix="countersign-bursts-")
        cls.folder = pathlib.Path(cls.temporary.name)
        cls.account = Account(cls.folder)
        cls.world = AwsGateway(cls.folder, cls.account.url, cls.account.KEYS, "60s")
        cls.gateway = cls.world.gateway
        cls.boto = Sdk.boto3(cls.folder)
        cls.direct("CreateBucket", Bucket="orders")

    @classmethod
    def tearDownClass(cls):
        cls.boto.close()
        cls.world.stop()
        cls.account.stop()
        cls.temporary.cleanup()

    @classmethod
    def direct(cls, operation, **given):
        return cls.boto("s3", operation, keys=cls.account.KEYS, endpoint=cls.account.url, **given)

    def stored(self):
        return sorted(each["Key"] for each in self.direct("ListObjectsV2", Bucket="orders").get("Contents", []))

    def begin(self, objects, keys=None):
        """The script of the agent's, which waits for its answers; a function that gives them."""
        script = subprocess.Popen([DEBIAN_PYTHON, "-W", "ignore", str(E2E / "aws_parallel.py")], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                  text=True, env={"PATH": os.environ["PATH"], "HOME": "/nonexistent", "AWS_EC2_METADATA_DISABLED": "true"})
        script.stdin.write(json.dumps({"endpoint": self.world.url, "keys": keys or self.world.keys(), "bucket": "orders", "objects": objects}))
        script.stdin.close()

        def end():
            said = script.stdout.read()
            script.stdout.close()
            self.assertEqual(script.wait(timeout=120), 0)
            return json.loads(said)
        return end

    def test_ten_calls_one_card_one_approval(self):
        objects = {f"ten/{i}": f"price {i}" for i in range(10)}
        end = self.begin(objects)
        burst = self.world.held(10)
        self.assertTrue(burst.startswith("bst_"), burst)

        _, table, _ = self.gateway.cli("requests", "--state", "held", check=0)
        self.assertEqual(table.count("bst_"), 1, table)
        self.assertRegex(table, "10 changes by agent")
        self.assertNotIn("req_", table)
        _, shown, _ = self.gateway.cli("request", "show", burst, token=self.world.sam, check=0)
        facts = self.gateway.json("request", "show", burst, token=self.world.sam)
        self.assertEqual((facts["members"], facts["held"], facts["effects"]), (10, 10, {"write": 10}))
        for member in facts["requests"]:
            self.assertIn(member["fingerprint"], shown)
            self.assertIn(member["id"], shown)
        for key in objects:
            self.assertIn(key, shown)
        self.assertEqual(self.stored(), [])

        _, said, _ = self.gateway.cli("approve", burst, "--reason", "the new price list", token=self.world.sam, check=0)
        self.assertIn("approving 10 of 10 changes by agent builder on aws (production): 10 write", said)
        for member in facts["requests"]:
            self.assertIn(member["fingerprint"], said, "what is approved is shown first")
        self.assertIn("10 requests are now approved", said)
        self.assertEqual(end(), {key: "stored" for key in objects}, "everybody who waited has the answer")
        self.assertEqual(self.stored(), sorted(objects))
        for key, text in objects.items():
            self.assertEqual(self.direct("GetObject", Bucket="orders", Key=key)["Body"], text.encode())

        votes = [row for row in self.gateway.json("audit", "query", "--limit", "200") if row.get("action") == "approval:approve"]
        mine = [row for row in votes if json.loads(row["detail"]).get("burst") == burst]
        self.assertEqual({row["request"] for row in mine}, {member["id"] for member in facts["requests"]}, "a record for each of them")
        self.assertEqual({row["fingerprint"] for row in mine}, {member["fingerprint"] for member in facts["requests"]})
        self.assertEqual(self.gateway.cli("audit", "verify")[0], 0)
        for name in objects:
            self.direct("DeleteObject", Bucket="orders", Key=name)

    def test_what_joins_later_is_not_covered(self):
        keys = self.world.keys()
        first = {f"early/{i}": "early" for i in range(3)}
        end = self.begin(first, keys)
        burst = self.world.held(3)
        seen = self.world.api("GET", f"/api/v1/bursts/{burst}")[1]
        end_of_late = self.begin({"late": "late"}, keys)
        self.assertEqual(self.world.held(4), burst)
        body = {"reason": "these three", "requests": [{"id": one["id"], "fingerprint": one["fingerprint"]} for one in seen["requests"]]}
        wrong = json.loads(json.dumps(body))
        wrong["requests"][1]["fingerprint"] = wrong["requests"][0]["fingerprint"]
        status, said = self.world.api("POST", f"/api/v1/bursts/{burst}/approve", wrong)
        self.assertEqual((status, said["code"]), (409, "approval.changed"))
        self.assertEqual(self.stored(), [], "nothing of it ran")
        status, said = self.world.api("POST", f"/api/v1/bursts/{burst}/approve", body)
        self.assertEqual((status, said["held"]), (200, 1), said)
        self.assertEqual(end(), {key: "stored" for key in first})
        self.assertEqual(self.stored(), sorted(first), "and nothing besides")
        rest = self.world.held(1)
        self.assertEqual(rest, burst, "the rest of the card")
        _, said, _ = self.gateway.cli("deny", burst, "--reason", "not this one", token=self.world.sam, check=0)
        self.assertIn("1 request is now denied", said)
        self.assertIn("not this one", end_of_late()["late"])
        self.assertEqual(self.stored(), sorted(first))
        code, _, error = self.gateway.cli("approve", burst, "--reason", "again", token=self.world.sam)
        self.assertEqual(code, 1, error)
        self.assertIn("burst.nothing_to_decide", error)
        for name in first:
            self.direct("DeleteObject", Bucket="orders", Key=name)

    def test_one_call_is_an_ordinary_request(self):
        end = self.begin({"one": "one"})
        wait_until(lambda: len(self.gateway.json("requests", "--state", "held")) == 1, "it is held")
        (request,) = self.gateway.json("requests", "--state", "held")
        self.assertEqual(request["burst"], "")
        self.assertIn(request["id"], self.gateway.cli("requests", "--state", "held", check=0)[1])
        self.gateway.cli("approve", request["id"], "--reason", "fine", token=self.world.sam, check=0)
        self.assertEqual(end(), {"one": "stored"})
        self.direct("DeleteObject", Bucket="orders", Key="one")


@unittest.skipUnless(Moto.PYTHON and Terraform.TERRAFORM and Terraform.PLUGINS, "needs moto's server, Terraform and its AWS provider")
class TerraformAsksOnce(unittest.TestCase):
    def test_an_apply_is_one_card(self):
        with tempfile.TemporaryDirectory(prefix="countersign-bursts-") as folder:
            moto = Moto(folder)
            try:
                world = AwsGateway(pathlib.Path(folder) / "gateway", moto.url, moto.keys, "120s")
                try:
                    self.apply(world, moto, pathlib.Path(folder))
                finally:
                    world.stop()
            finally:
                moto.stop()

    def apply(self, world, moto, folder):
        terraform = Terraform(folder / "terraform", world.keys(), world.url)
        terraform.write("".join(f'resource "aws_s3_bucket" "b{i}" {{ bucket = "orders-{i}" }}\n' for i in range(10)))
        terraform("init")
        said = []
        run = threading.Thread(target=lambda: said.append(terraform("apply", "-auto-approve", check=None)))
        run.start()
        try:
            burst = world.held(10)
        except AssertionError:
            run.join(timeout=180)
            raise AssertionError(re.findall("Error: .*", said[0][1])) from None
        world.gateway.cli("approve", burst, "--reason", "as planned", token=world.sam, check=0)
        run.join(timeout=180)
        self.assertTrue(said, "terraform has ended")
        self.assertEqual(said[0][0], 0, said[0][1])
        self.assertIn("10 added, 0 changed, 0 destroyed", said[0][1])


if __name__ == "__main__":
    unittest.main()
