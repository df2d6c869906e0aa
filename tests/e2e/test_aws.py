"""AWS end to end: the AWS CLI and boto3, unmodified, behind the gateway; moto, which checks signatures, as the account."""
import hashlib
import json
import os
import pathlib
import re
import subprocess
import tempfile
import unittest
import urllib.error
import urllib.request

from aws_peers import KEY_FILES, Cli, Moto, Terraform, python_with, write_keys
from harness import Gateway, wait_until, write_quickstart

ACCOUNT = "123456789012"  # moto's
INVENTORY = f"""
  - {{ match: "aws/arn:aws:s3:::staging-*/**", environment: staging, tier: 3, owner: platform }}
  - {{ match: "aws/arn:aws:s3:::staging-*", environment: staging, tier: 3, owner: platform }}
  - {{ match: "aws/arn:aws:dynamodb:*:{ACCOUNT}:table/staging-*", environment: staging, tier: 3, owner: platform }}
  - {{ match: "aws/arn:aws:sqs:*:{ACCOUNT}:staging-*", environment: staging, tier: 3, owner: platform }}
  - {{ match: "aws/arn:aws:iam::{ACCOUNT}:user/staging-*", environment: staging, tier: 3, owner: platform }}
"""


@unittest.skipUnless(Moto.PYTHON and Cli.AWS, "needs moto's server and the AWS CLI")
class Aws(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.temporary = tempfile.TemporaryDirectory(prefix="countersign-aws-")
        cls.folder = pathlib.Path(cls.temporary.name)
        cls.moto = Moto(cls.folder)
        agents, admin = write_quickstart(cls.folder)
        write_keys(cls.folder, cls.moto.keys)
        configuration = cls.folder / "countersign.yaml"
        configuration.write_text(configuration.read_text() + f"""
  - name: aws
    protocol: aws
    url: {cls.moto.url}
    aws: {{ account: "{ACCOUNT}", wait: 1s }}
    credential: {{ aws: {{ {KEY_FILES} }} }}
""")
        with open(cls.folder / "policies" / "entities.yaml", "a") as entities:
            entities.write(INVENTORY)
        cls.gateway = Gateway(cls.folder, agents, admin)
        cls.delegable, _ = cls.gateway.agent_token(upstreams="aws")
        cls.sam = cls.gateway.person("sam")
        cls.url = f"http://127.0.0.1:{agents}/aws"
        cls.aws = Cli(cls.keys(cls.delegable), cls.url)
        cls.direct = Cli(cls.moto.keys, cls.moto.url)  # what nobody but the gateway can do: to look behind it

    @classmethod
    def tearDownClass(cls):
        cls.gateway.stop()
        cls.moto.stop()
        cls.temporary.cleanup()

    @classmethod
    def keys(cls, delegable):
        return cls.gateway.aws_keys(delegable)

    def refused(self, *command, aws=None, code):
        """The error of a command that is refused with this code of ours."""
        before = len(self.moto.requests())
        status, _, error = (aws or self.aws)(*command, check=None)
        self.assertNotEqual(status, 0, command)
        self.assertIn(f"[{code}]", error)
        self.assertEqual(len(self.moto.requests()), before, "something reached the account")
        return error

    def held(self, *command):
        error = self.refused(*command, code="approval.pending")
        return re.search(r"req_[A-Za-z0-9_-]+", error).group()

    def approve(self, request):
        self.gateway.cli("approve", request, "--reason", "looked at it", token=self.sam, check=0)

    # --- what passes ---

    def test_reads_pass(self):
        self.assertIn("Buckets", json.loads(self.aws("s3api", "list-buckets")[1]))
        self.assertTrue(json.loads(self.aws("ec2", "describe-vpcs")[1])["Vpcs"])
        self.assertIn("TableNames", json.loads(self.aws("dynamodb", "list-tables")[1]))
        self.assertIn("Users", json.loads(self.aws("iam", "list-users")[1]))

    def test_changes_where_nothing_breaks_pass(self):
        self.aws("s3api", "create-bucket", "--bucket", "staging-one", "--create-bucket-configuration",
                 "LocationConstraint=eu-central-1")
        body = self.folder / "body"
        body.write_bytes(os.urandom(9 << 20))  # several parts
        self.aws("s3", "cp", str(body), "s3://staging-one/a/b c/big")
        back = self.folder / "back"
        self.aws("s3", "cp", "s3://staging-one/a/b c/big", str(back))
        self.assertEqual(hashlib.sha256(back.read_bytes()).digest(), hashlib.sha256(body.read_bytes()).digest())
        self.aws("s3", "rm", "s3://staging-one/a/b c/big")
        self.assertEqual(self.direct("s3api", "list-objects-v2", "--bucket", "staging-one")[1].find("big"), -1)
        self.aws("dynamodb", "create-table", "--table-name", "staging-t", "--attribute-definitions",
                 "AttributeName=k,AttributeType=S", "--key-schema", "AttributeName=k,KeyType=HASH", "--billing-mode",
                 "PAY_PER_REQUEST")
        self.aws("dynamodb", "put-item", "--table-name", "staging-t", "--item", '{"k":{"S":"1"}}')
        self.assertEqual(json.loads(self.aws("dynamodb", "get-item", "--table-name", "staging-t", "--key",
                                             '{"k":{"S":"1"}}')[1])["Item"]["k"]["S"], "1")

    # --- what is held ---

    def test_a_change_of_production_is_held_and_runs_once(self):
        self.direct("s3api", "create-bucket", "--bucket", "orders", "--create-bucket-configuration",
                    "LocationConstraint=eu-central-1")
        (self.folder / "prices").write_text('{"espresso": 3}')
        put = ("s3api", "put-object", "--bucket", "orders", "--key", "prices.json", "--body", str(self.folder / "prices"))
        request = self.held(*put)
        self.assertEqual(self.held(*put), request, "the identical request is the same one")
        shown = self.gateway.json("request", "show", request, token=self.sam)
        self.assertEqual(shown["action"], "aws:s3:PutObject")
        self.assertEqual(shown["resources"], ["AwsResource::aws/arn:aws:s3:::orders/prices.json"])
        self.assertIn("arn:aws:s3:::orders/prices.json", shown["preview"]["sentence"])
        self.approve(request)
        wait_until(lambda: self.gateway.json("request", "show", request, token=self.sam)["state"] == "done", "it has run")
        # What was approved runs, whatever the file says by now.
        self.assertIn("ETag", json.loads(self.aws(*put)[1]), "the retry collects the result")
        puts = [line for line in self.moto.requests() if '"PUT /orders/prices.json' in line]
        self.assertEqual(len(puts), 1)
        (self.folder / "prices").write_text('{"espresso": 4}')
        self.assertNotEqual(self.held(*put), request, "other bytes are another request")

    def test_a_fresh_idempotency_token_is_the_same_request(self):
        run = ("ec2", "run-instances", "--image-id", "ami-12c6146b", "--count", "1", "--instance-type", "t3.micro")
        self.assertEqual(self.held(*run), self.held(*run))  # the CLI makes a ClientToken for each

    def test_a_denial_reaches_the_agent(self):
        self.direct("sqs", "create-queue", "--queue-name", "orders")
        url = json.loads(self.direct("sqs", "get-queue-url", "--queue-name", "orders")[1])["QueueUrl"]
        send = ("sqs", "send-message", "--queue-url", url, "--message-body", "hello")
        request = self.held(*send)
        self.gateway.cli("deny", request, "--reason", "not today", token=self.sam, check=0)
        self.assertIn("not today", self.refused(*send, code="approval.denied"))

    # --- what is refused ---

    def test_nothing_is_destroyed_on_production(self):
        self.direct("dynamodb", "create-table", "--table-name", "orders", "--attribute-definitions",
                    "AttributeName=k,AttributeType=S", "--key-schema", "AttributeName=k,KeyType=HASH", "--billing-mode",
                    "PAY_PER_REQUEST")
        self.refused("dynamodb", "delete-table", "--table-name", "orders", code="policy.floor")
        # The same effect by other routes.
        self.refused("dynamodb", "batch-write-item", "--request-items",
                     '{"orders":[{"DeleteRequest":{"Key":{"k":{"S":"1"}}}}]}', code="policy.floor")
        self.refused("dynamodb", "execute-statement", "--statement", 'DELETE FROM "orders" WHERE k=\'1\'', code="policy.floor")
        self.direct("s3api", "create-bucket", "--bucket", "ledger", "--create-bucket-configuration",
                    "LocationConstraint=eu-central-1")
        self.refused("s3api", "delete-bucket", "--bucket", "ledger", code="policy.floor")
        self.refused("s3api", "delete-objects", "--bucket", "ledger", "--delete", "Objects=[{Key=a},{Key=b}]",
                     code="policy.floor")
        self.refused("s3api", "put-bucket-lifecycle-configuration", "--bucket", "ledger", "--lifecycle-configuration",
                     '{"Rules":[{"ID":"x","Status":"Enabled","Filter":{"Prefix":""},"Expiration":{"Days":1}}]}',
                     code="policy.floor")

    def test_the_wiper(self):
        """Terminate instances, empty buckets, delete users."""
        image = json.loads(self.direct("ec2", "describe-images")[1])["Images"][0]["ImageId"]
        instance = json.loads(self.direct("ec2", "run-instances", "--image-id", image, "--count", "1")[1])["Instances"][0]["InstanceId"]
        self.assertIn(instance, self.aws("ec2", "describe-instances")[1], "looking is allowed")
        self.refused("ec2", "terminate-instances", "--instance-ids", instance, code="policy.floor")
        self.direct("iam", "create-user", "--user-name", "orders-service")
        self.refused("iam", "delete-user", "--user-name", "orders-service", code="policy.floor")
        self.direct("s3api", "create-bucket", "--bucket", "invoices", "--create-bucket-configuration",
                    "LocationConstraint=eu-central-1")
        self.direct("s3api", "put-object", "--bucket", "invoices", "--key", "1")
        status, _, error = self.aws("s3", "rm", "--recursive", "s3://invoices", check=None)  # lists, which is allowed, and then deletes
        self.assertNotEqual(status, 0)
        self.assertIn("[policy.floor]", error)
        self.assertEqual(len(json.loads(self.direct("s3api", "list-objects-v2", "--bucket", "invoices")[1])["Contents"]), 1)
        # Its benign twin: the same commands where nothing can break.
        self.direct("s3api", "create-bucket", "--bucket", "staging-invoices", "--create-bucket-configuration",
                    "LocationConstraint=eu-central-1")
        self.direct("s3api", "put-object", "--bucket", "staging-invoices", "--key", "1")
        self.aws("s3", "rm", "--recursive", "s3://staging-invoices")
        self.assertNotIn("Contents", self.direct("s3api", "list-objects-v2", "--bucket", "staging-invoices")[1])

    def test_credentials_are_not_minted(self):
        self.refused("iam", "create-access-key", "--user-name", "gateway", code="policy.floor")
        before = len(self.moto.requests())  # what the gateway answers itself: tests/e2e/test_aws_secrets.py
        keys = json.loads(self.aws("sts", "get-session-token")[1])["Credentials"]
        self.assertTrue(keys["AccessKeyId"].startswith("CSK"), "a narrower token, nothing of AWS's")
        self.assertEqual(len(self.moto.requests()), before)

    # --- who is asking ---

    def test_keys_are_good_for_the_gateway_alone(self):
        status, _, error = Cli(self.keys(self.delegable), self.moto.url)("s3api", "list-buckets", check=None)
        self.assertNotEqual(status, 0)
        self.assertNotIn(self.moto.keys["AWS_SECRET_ACCESS_KEY"], error)

    def test_forged_and_mixed_keys(self):
        good = self.keys(self.delegable)
        wrong = {**good, "AWS_SECRET_ACCESS_KEY": good["AWS_SECRET_ACCESS_KEY"][::-1]}
        self.refused("s3api", "list-buckets", aws=Cli(wrong, self.url), code="sigv4.bad_signature")
        self.refused("ec2", "describe-vpcs", aws=Cli(wrong, self.url), code="sigv4.bad_signature")
        no_token = {k: v for k, v in good.items() if k != "AWS_SESSION_TOKEN"}
        self.refused("s3api", "list-buckets", aws=Cli(no_token, self.url), code="sigv4.no_session_token")
        other = self.keys(self.gateway.agent_token(upstreams="aws")[0])
        self.refused("s3api", "list-buckets", aws=Cli({**good, "AWS_SESSION_TOKEN": other["AWS_SESSION_TOKEN"]}, self.url),
                     code="sigv4.unknown_key")

    def test_a_narrowed_token_has_keys_of_its_own(self):
        narrowed = self.gateway.cli("token", "narrow", self.delegable, "--effects", "read", check=0)[1].strip()
        reader = Cli(self.keys(narrowed), self.url)
        self.assertIn("Buckets", reader("s3api", "list-buckets")[1])
        self.refused("s3api", "create-bucket", "--bucket", "staging-two", aws=reader, code="scope.effect")

    def test_a_revoked_token(self):
        delegable, _ = self.gateway.agent_token(upstreams="aws")
        aws = Cli(self.keys(delegable), self.url)
        aws("s3api", "list-buckets")
        identity = self.gateway.json("token", "inspect", delegable)["id"]
        self.gateway.cli("token", "revoke", identity, "--reason", "lost", check=0)
        self.refused("s3api", "list-buckets", aws=aws, code="token.revoked")

    def test_bearer_tokens_are_no_signatures(self):
        status, _, body = self.gateway.http("GET", "/aws/", self.gateway.seal(self.delegable))
        self.assertEqual(status, 403)
        self.assertIn(b"aws.signature_required", body)

    # --- presigned URLs ---

    def presign(self, method, bucket, key):
        script = ("import boto3,sys,json;from botocore.config import Config;"
                  "c=boto3.client('s3',endpoint_url=sys.argv[1],region_name='eu-central-1',"
                  "config=Config(signature_version='s3v4',s3={'addressing_style':'path'}));"
                  "print(c.generate_presigned_url(sys.argv[2],Params={'Bucket':sys.argv[3],'Key':sys.argv[4]},ExpiresIn=60))")
        environment = {"PATH": os.environ["PATH"], "HOME": "/nonexistent", **self.keys(self.delegable)}
        return subprocess.run([python_with("boto3"), "-c", script, self.url, method, bucket, key], env=environment, check=True,
                              capture_output=True, text=True).stdout.strip()

    def test_presigned_urls(self):
        self.direct("s3api", "create-bucket", "--bucket", "staging-links", "--create-bucket-configuration",
                    "LocationConstraint=eu-central-1")
        put = urllib.request.Request(self.presign("put_object", "staging-links", "k"), data=b"hello", method="PUT",
                                     headers={"Content-Type": "application/octet-stream"})
        self.assertEqual(urllib.request.urlopen(put).status, 200)
        link = self.presign("get_object", "staging-links", "k")
        self.assertEqual(urllib.request.urlopen(link).read(), b"hello")
        for changed in (link.replace("/k?", "/l?"), link.replace("X-Amz-Expires=60", "X-Amz-Expires=61")):
            with self.assertRaises(urllib.error.HTTPError) as caught:
                urllib.request.urlopen(changed)
            self.assertEqual(caught.exception.code, 403)
            self.assertIn(b"sigv4.bad_signature", caught.exception.read())
        self.direct("s3api", "create-bucket", "--bucket", "contracts", "--create-bucket-configuration",
                    "LocationConstraint=eu-central-1")
        with self.assertRaises(urllib.error.HTTPError) as caught:
            urllib.request.urlopen(urllib.request.Request(self.presign("put_object", "contracts", "k"), data=b"x", method="PUT"))
        self.assertIn(b"approval.pending", caught.exception.read())

    # --- Terraform ---

    @unittest.skipUnless(Terraform.TERRAFORM and Terraform.PLUGINS, "needs Terraform and its AWS provider")
    def test_terraform(self):
        terraform = Terraform(self.folder / "terraform", self.keys(self.delegable), self.url)
        bucket = 'resource "aws_s3_bucket" "%s" { bucket = "%s" }\n'
        table = """
resource "aws_dynamodb_table" "t" {
  name         = "staging-terraform"
  billing_mode = "PAY_PER_REQUEST"
  hash_key     = "k"
  attribute {
    name = "k"
    type = "S"
  }
}
"""
        terraform.write(bucket % ("b", "staging-terraform") + table)
        terraform("init")
        self.assertIn("2 to add", terraform("plan")[1])
        terraform("apply", "-auto-approve")
        self.direct("s3api", "head-bucket", "--bucket", "staging-terraform")
        self.direct("dynamodb", "describe-table", "--table-name", "staging-terraform")
        self.assertIn("No changes", terraform("plan")[1])
        # Production: held, and what it makes of that is legible.
        terraform.write(bucket % ("b", "staging-terraform") + table + bucket % ("p", "terraform-production"))
        _, said = terraform("apply", "-auto-approve", check=1)
        self.assertRegex(said.replace("\n", " "), r"approval.pending")
        request = re.search(r"held for approval as\s+[│ ]*(req_[a-z0-9]+)", said)[1]
        self.approve(request)
        wait_until(lambda: self.gateway.json("request", "show", request, token=self.sam)["state"] == "done", "it has run")
        terraform("apply", "-auto-approve")  # the identical retry collects the result, and goes on
        self.direct("s3api", "head-bucket", "--bucket", "terraform-production")
        _, said = terraform("destroy", "-auto-approve", check=1)
        self.assertIn("policy.floor", said)
        self.direct("s3api", "head-bucket", "--bucket", "terraform-production")
        self.assertNotEqual(self.direct("s3api", "head-bucket", "--bucket", "staging-terraform", check=None)[0], 0, "staging is taken down")

    # --- records ---

    def test_every_request_is_on_record(self):
        self.aws("s3api", "list-buckets")
        rows = self.gateway.json("audit", "query", "--limit", "50", "--upstream", "aws")
        rows = rows["records"] if isinstance(rows, dict) else rows
        self.assertTrue(any(row.get("action") == "aws:s3:ListBuckets" for row in rows))
        everything = json.dumps(rows) + (self.folder / "gateway.log").read_text()
        self.assertNotIn(self.moto.keys["AWS_SECRET_ACCESS_KEY"], everything)
        self.assertNotIn(self.keys(self.delegable)["AWS_SECRET_ACCESS_KEY"], everything)
        self.assertEqual(self.gateway.cli("audit", "verify")[0], 0)


if __name__ == "__main__":
    unittest.main()
