"""Terraform plans: what a plan did not announce is refused. With a plan that Terraform wrote once and boto3 against s3rver and dynalite; and
with Terraform itself against moto, where both are."""
import json
import pathlib
import re
import tempfile
import unittest

from aws_peers import KEY_FILES, Cli, Moto, Terraform, write_keys
from aws_sdks import AwsError
from aws_world import World
from harness import ROOT, Gateway, wait_until, write_quickstart

PLAN = ROOT / "tests" / "cases" / "terraform" / "plan.json"  # deletes bucket logs, replaces moved-old by moved-new, creates brand-new, …
SECRETS = ("hunter2hunter2", "correcthorsebattery")          # the passwords in it


class FromAFile(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.world = World()
        cls.gateway = cls.world.gateway
        cls.agents = f"http://{cls.world.host}"
        cls.sandbox = cls.world.url.replace("/aws", "/sandbox")
        for bucket in ("logs", "logs-eu", "moved-old"):
            cls.world.direct("s3", "CreateBucket", Bucket=bucket)

    @classmethod
    def tearDownClass(cls):
        cls.world.close()

    def setUp(self):
        self.delegable, _ = self.gateway.agent_token(upstreams="aws,sandbox")
        self.keys = self.world.keys_of(self.delegable)

    def plan(self, *arguments, token=None, check=0, stdin=None):
        (self.world.folder / "token").write_text((token or self.delegable) + "\n")
        (self.world.folder / "token").chmod(0o600)
        return self.gateway.cli("plan", *arguments, "--gateway", self.agents, "--token-file", str(self.world.folder / "token"), check=check,
                                stdin=stdin)

    def submit(self, *arguments, upstream="sandbox", **more):
        return json.loads(self.plan("submit", str(PLAN), "--upstream", upstream, "--output", "json", *arguments, **more)[1])["plan"]

    def call(self, service, operation, keys=None, **given):
        return self.world.boto(service, operation, keys=keys or self.keys, endpoint=self.sandbox, **given)

    def refused(self, service, operation, keys=None, code="plan.unannounced", **given):
        before = len(self.world.account.seen)
        with self.assertRaises(AwsError) as caught:
            self.call(service, operation, keys=keys, **given)
        self.assertIn(f"[{code}]", caught.exception.message)
        self.assertEqual(self.world.account.seen[before:], [], "something reached the account")
        return caught.exception.message

    def test_what_the_plan_does_not_say_is_refused(self):
        said = self.plan("submit", str(PLAN), "--upstream", "sandbox")[1]
        self.assertRegex(said, r"^plan pln_\w+: 22 to add, 1 to change, 2 to destroy \(1 replaced\); changes of this token on sandbox outside of "
                               r"it are refused until \S+ \(plan withdraw ends it\)")
        message = self.refused("dynamodb", "DeleteTable", TableName="orders")
        self.assertIn("does not announce aws:dynamodb:DeleteTable on arn:aws:dynamodb:", message)
        self.assertIn("countersign plan withdraw pln_", message)
        for name in ("logs-eu", "moved-new", "staging"):  # names that begin alike, and the one that comes instead
            self.refused("s3", "DeleteBucket", Bucket=name)
        self.refused("s3", "DeleteObject", Bucket="logs", Key="a")  # no force_destroy
        self.refused("s3", "PutObject", Bucket="staging", Key="a", Body=b"x")
        self.refused("s3", "CreateBucket", Bucket="brand-new-too")
        self.call("s3", "ListBuckets")  # looking is no change
        # What it says.
        self.call("s3", "DeleteBucket", Bucket="logs")
        self.call("s3", "CreateBucket", Bucket="brand-new")
        self.call("s3", "PutObject", Bucket="brand-new", Key="a/b.json", Body=b"{}")
        self.refused("s3", "PutObject", Bucket="brand-new", Key="a/c.json", Body=b"{}")

    def test_whom_it_binds(self):
        identity = self.submit()
        narrowed = self.gateway.cli("token", "narrow", self.delegable, "--as", "helper", check=0)[1].strip()
        self.refused("s3", "DeleteBucket", keys=self.world.keys_of(narrowed), Bucket="logs-eu")
        other, _ = self.gateway.agent_token(upstreams="aws,sandbox")
        self.call("s3", "PutObject", keys=self.world.keys_of(other), Bucket="logs-eu", Key="k", Body=b"")
        self.world.boto("s3", "PutObject", keys=self.keys, endpoint=self.world.url, Bucket="staging", Key="k", Body=b"")  # another upstream
        # Nor is it anybody else's.
        for command in ("show", "withdraw"):
            self.assertIn("plan.unknown", self.plan(command, identity, token=other, check=1)[2])
        # A narrower token of the lineage may withdraw it.
        self.plan("withdraw", identity, token=narrowed)
        self.call("s3", "PutObject", Bucket="logs-eu", Key="k", Body=b"")
        self.assertIn("plan.over", self.plan("withdraw", identity, check=1)[2])

    def test_the_next_one_takes_its_place_and_a_restart_ends_none(self):
        first = self.submit()
        empty = {**json.loads(PLAN.read_text()), "resource_changes": []}
        (self.world.folder / "empty.json").write_text(json.dumps(empty))
        self.refused("s3", "DeleteBucket", Bucket="logs-eu")
        second = json.loads(self.plan("submit", "-", "--upstream", "sandbox", "--ttl", "30m", "--output", "json",
                                      stdin=json.dumps(empty))[1])
        self.assertEqual(second["summary"], "0 to add, 0 to change, 0 to destroy")
        self.refused("s3", "CreateBucket", Bucket="moved-new")  # the first one said so
        shown = json.loads(self.plan("show", first, "--output", "json")[1])
        self.assertEqual((shown["state"], shown["superseded_by"]), ("superseded", second["plan"]))
        self.gateway.stop()
        self.gateway.start()
        self.refused("s3", "CreateBucket", Bucket="moved-new")
        self.plan("withdraw", second["plan"])
        self.call("s3", "CreateBucket", Bucket="moved-new")

    def test_people_see_it(self):
        identity = self.submit(upstream="aws")
        with self.assertRaises(AwsError) as caught:
            self.world.boto("s3", "CreateBucket", keys=self.keys, endpoint=self.world.url, Bucket="moved-new")
        self.assertIn("[approval.pending]", caught.exception.message)
        request = re.search(r"req_\w+", caught.exception.message).group()
        shown = self.gateway.json("request", "show", request, token=self.world.sam)
        self.assertEqual(shown["plan"]["plan"], identity)
        self.assertEqual(shown["plan"]["announced_as"], ["aws_s3_bucket.moved (replace, replace_because_cannot_update)"])
        self.assertIn(f"{identity} as aws_s3_bucket.moved", self.gateway.cli("request", "show", request, token=self.world.sam, check=0)[1])
        plan = self.gateway.cli("plan", "show", identity, "--server", f"http://127.0.0.1:{self.gateway.admin_port}", token=self.world.sam,
                                check=0)[1]
        self.assertIn("aws_s3_bucket.logs", plan)
        self.assertLess(plan.index("aws_s3_bucket.logs"), plan.index("aws_vpc.net"), "what is destroyed comes first")
        rows = self.gateway.json("audit", "query", "--limit", "20", "--upstream", "aws")
        rows = rows["records"] if isinstance(rows, dict) else rows
        self.assertTrue(any(f"announced by {identity} as aws_s3_bucket.moved" in row.get("detail", "") for row in rows), rows)
        self.assertTrue(any(row.get("code") == "plan.submitted" and identity in row["detail"] for row in rows))
        # It was approved under this plan; under the next, which does not say so, it does not run.
        self.plan("submit", "-", "--upstream", "aws", stdin=json.dumps({**json.loads(PLAN.read_text()), "resource_changes": []}))
        self.gateway.cli("approve", request, "--reason", "fine", token=self.world.sam, check=0)
        wait_until(lambda: self.gateway.json("request", "show", request, token=self.world.sam)["state"] not in ("held", "approved", "executing"),
                   "it was tried")
        shown = self.gateway.json("request", "show", request, token=self.world.sam)
        self.assertNotEqual(shown["state"], "done")
        self.assertEqual(shown["code"], "plan.unannounced")

    def test_what_an_approved_request_made_is_known(self):
        """The bucket's name is in the plan; that the object's bucket is this one is known once it was made."""
        self.submit(upstream="aws")

        def ask(operation, **given):
            with self.assertRaises(AwsError) as caught:
                self.world.boto("s3", operation, keys=self.keys, endpoint=self.world.url, Bucket="brand-new", **given)
            return caught.exception.message

        self.assertIn("[plan.unannounced]", ask("PutObject", Key="a/b.json", Body=b"{}"))
        request = re.search(r"req_\w+", ask("CreateBucket")).group()
        self.gateway.cli("approve", request, "--reason", "fine", token=self.world.sam, check=0)
        wait_until(lambda: self.gateway.json("request", "show", request, token=self.world.sam)["state"] in ("done", "failed"), "it ran")
        self.world.boto("s3", "CreateBucket", keys=self.keys, endpoint=self.world.url, Bucket="brand-new")  # collects the result
        self.assertIn("[approval.pending]", ask("PutObject", Key="a/b.json", Body=b"{}"))
        self.assertIn("[plan.unannounced]", ask("PutObject", Key="a/c.json", Body=b"{}"))
        self.world.direct("s3", "DeleteBucket", Bucket="brand-new")  # both upstreams are one account here

    def test_what_is_no_plan_is_refused(self):
        def wrong(text, code, *arguments, upstream="sandbox", exit_code=None):
            status, _, error = self.plan("submit", "-", "--upstream", upstream, *arguments, check=None, stdin=text)
            self.assertNotEqual(status, 0)
            self.assertIn(code, error)
        plan = PLAN.read_text()
        wrong("{}", "plan.malformed")
        wrong(plan[:-2], "plan.malformed")
        wrong(plan.replace('"format_version":"1.2"', '"format_version":"2.0"', 1), "plan.format")
        wrong(plan.replace('"errored":false', '"errored":true', 1), "plan.errored")
        wrong(plan, "plan.ttl", "--ttl", "48h")
        wrong(plan, "scope.upstream", upstream="elsewhere")
        # Past our own command line, the gateway says the same.
        bearer = self.gateway.seal(self.delegable)
        for body, code in ((b"{}", b"plan.malformed"), (b"[" * 200, b"plan.malformed"), (b"", b"plan.malformed")):
            status, _, answer = self.gateway.http("POST", "/.countersign/plans?upstream=sandbox", bearer, body)
            self.assertGreaterEqual(status, 400)
            self.assertIn(code, answer)
        for target, code in (("/.countersign/plans", b"plan.query"), ("/.countersign/plans?upstream=sandbox&upstream=aws", b"plan.query"),
                             ("/.countersign/plans?upstream=sandbox&ttl=-1h", b"plan.ttl")):
            self.assertIn(code, self.gateway.http("POST", target, bearer, b"{}")[2])
        self.assertIn(b"plan.unknown", self.gateway.http("GET", "/.countersign/plans/pln_none", bearer)[2])
        self.assertEqual(self.gateway.http("GET", "/.countersign/plans/pln_none", None)[0], 401)

    def test_secrets_of_a_plan_stay_nowhere(self):
        identity = self.submit()
        self.assertEqual(json.loads(self.plan("show", identity, "--output", "json")[1])["counts"]["replace"], 1)
        for path in [p for p in self.world.folder.rglob("*") if p.is_file() and "e2e" not in str(p)]:
            content = path.read_bytes()
            for secret in SECRETS:
                self.assertNotIn(secret.encode(), content, path)


BASE = """
resource "aws_s3_bucket" "moved" { bucket = "%s" }
resource "aws_dynamodb_table" "orders" {
  name         = "orders"
  billing_mode = "PAY_PER_REQUEST"
  hash_key     = "k"
  attribute {
    name = "k"
    type = "S"
  }
}
"""
GONE = 'resource "aws_s3_bucket" "gone" { bucket = "gone" }\n'
NETWORK = """
resource "aws_vpc" "net" {
  cidr_block           = "10.0.0.0/16"
  enable_dns_hostnames = true
}
resource "aws_subnet" "a" {
  vpc_id                  = aws_vpc.net.id
  cidr_block              = "10.0.1.0/24"
  map_public_ip_on_launch = true
}
resource "aws_internet_gateway" "gw" { vpc_id = aws_vpc.net.id }
resource "aws_route_table" "r" {
  vpc_id = aws_vpc.net.id
  route {
    cidr_block = "0.0.0.0/0"
    gateway_id = aws_internet_gateway.gw.id
  }
}
resource "aws_route_table_association" "a" {
  route_table_id = aws_route_table.r.id
  subnet_id      = aws_subnet.a.id
}
resource "aws_security_group" "web" {
  name   = "web"
  vpc_id = aws_vpc.net.id
  ingress {
    from_port   = 443
    to_port     = 443
    protocol    = "tcp"
    cidr_blocks = ["10.0.0.0/8"]
  }
}
resource "aws_instance" "app" {
  count                  = 2
  ami                    = "ami-12c6146b"
  instance_type          = "t3.micro"
  subnet_id              = aws_subnet.a.id
  vpc_security_group_ids = [aws_security_group.web.id]
  tags                   = { Name = "app" }
}
resource "aws_iam_role" "r" {
  name               = "runner"
  assume_role_policy = jsonencode({ Version = "2012-10-17", Statement = [] })
}
resource "aws_iam_policy" "p" {
  name   = "reader"
  policy = jsonencode({ Version = "2012-10-17", Statement = [{ Effect = "Allow", Action = "s3:Get*", Resource = "*" }] })
}
resource "aws_iam_role_policy_attachment" "a" {
  role       = aws_iam_role.r.name
  policy_arn = aws_iam_policy.p.arn
}
resource "aws_sqs_queue" "q" { name = "jobs" }
resource "aws_s3_bucket_versioning" "moved" {
  bucket = aws_s3_bucket.moved.id
  versioning_configuration { status = "Enabled" }
}
resource "aws_s3_object" "o" {
  bucket  = aws_s3_bucket.moved.id
  key     = "a/b.json"
  content = "{}"
}
resource "aws_cloudwatch_log_group" "l" {
  name              = "/app/web"
  retention_in_days = 14
}
resource "aws_kms_key" "k" { description = "k" }
resource "aws_kms_alias" "k" {
  name          = "alias/k"
  target_key_id = aws_kms_key.k.key_id
}
resource "aws_ebs_volume" "v" {
  availability_zone = "eu-central-1a"
  size              = 1
}
resource "aws_eip" "e" { domain = "vpc" }
resource "aws_sns_topic" "t" { name = "alerts" }
resource "aws_sns_topic_subscription" "s" {
  topic_arn = aws_sns_topic.t.arn
  protocol  = "sqs"
  endpoint  = aws_sqs_queue.q.arn
}
"""


@unittest.skipUnless(Moto.PYTHON and Cli.AWS and Terraform.TERRAFORM and Terraform.PLUGINS, "needs moto, the AWS CLI, Terraform and its AWS provider")
class WithTerraform(unittest.TestCase):
    """A sandbox, where policies allow everything that a plan may announce, so that nothing but the plan stands in the way."""

    @classmethod
    def setUpClass(cls):
        cls.temporary = tempfile.TemporaryDirectory(prefix="countersign-plans-")
        cls.folder = pathlib.Path(cls.temporary.name)
        cls.moto = Moto(cls.folder)
        agents, admin = write_quickstart(cls.folder)
        write_keys(cls.folder, cls.moto.keys)
        configuration = cls.folder / "countersign.yaml"
        configuration.write_text(configuration.read_text() + f"""
  - name: aws
    protocol: aws
    url: {cls.moto.url}
    aws: {{ account: "123456789012", wait: 1s }}
    credential: {{ aws: {{ {KEY_FILES} }} }}
    labels: {{ environment: sandbox, tier: 3, owner: platform }}
""")
        (cls.folder / "policies" / "50-sequences.cedar").unlink()
        (cls.folder / "policies" / "20-outside-production.cedar").write_text(
            '@id("a-sandbox-may-break") permit (principal is Agent, action, resource) when { resource.environment == "sandbox" };\n')
        cls.gateway = Gateway(cls.folder, agents, admin)
        cls.delegable, _ = cls.gateway.agent_token(upstreams="aws")
        cls.keys = cls.gateway.aws_keys(cls.delegable)
        cls.url = f"http://127.0.0.1:{agents}/aws"
        cls.agents = f"http://127.0.0.1:{agents}"
        (cls.folder / "token").write_text(cls.delegable + "\n")
        (cls.folder / "token").chmod(0o600)
        cls.aws = Cli(cls.keys, cls.url)
        cls.direct = Cli(cls.moto.keys, cls.moto.url)

    @classmethod
    def tearDownClass(cls):
        cls.gateway.stop()
        cls.moto.stop()
        cls.temporary.cleanup()

    def refused(self, *command):
        status, _, error = self.aws(*command, check=None)
        self.assertNotEqual(status, 0, command)
        self.assertIn("[plan.unannounced]", error)

    def test_apply_does_what_the_plan_says_and_nothing_else_passes(self):
        terraform = Terraform(self.folder / "terraform", self.keys, self.url)
        terraform.write(BASE % "moved-old" + GONE)
        terraform("init")
        terraform("apply", "-auto-approve")
        terraform.write(BASE % "moved-new" + NETWORK)
        terraform("plan", "-out", "p.bin")
        (self.folder / "plan.json").write_text(terraform("show", "-json", "p.bin")[1])
        said = self.gateway.cli("plan", "submit", str(self.folder / "plan.json"), "--upstream", "aws", "--gateway", self.agents, "--token-file",
                                str(self.folder / "token"), check=0)[1]
        self.assertRegex(said, r"2 to destroy \(1 replaced\)")
        # An agent that goes on a little further than it said.
        self.refused("dynamodb", "delete-table", "--table-name", "orders")
        self.refused("s3api", "delete-bucket", "--bucket", "moved-new")
        self.refused("ec2", "run-instances", "--image-id", "ami-12c6146b", "--count", "5", "--instance-type", "t3.micro")
        self.refused("iam", "create-role", "--role-name", "runner-admin", "--assume-role-policy-document", "{}")
        terraform("apply", "p.bin")
        names = [bucket["Name"] for bucket in json.loads(self.direct("s3api", "list-buckets")[1])["Buckets"]]
        self.assertEqual(names, ["moved-new"])
        reservations = json.loads(self.direct("ec2", "describe-instances")[1])["Reservations"]
        self.assertEqual(sum(len(each["Instances"]) for each in reservations), 2)
        self.assertEqual(len(json.loads(self.direct("dynamodb", "list-tables")[1])["TableNames"]), 1)
        # It has been done: what the plan created is created, and a third instance is one too many.
        subnet = json.loads(self.direct("ec2", "describe-subnets", "--filters", "Name=cidr-block,Values=10.0.1.0/24")[1])["Subnets"][0]["SubnetId"]
        self.refused("ec2", "run-instances", "--image-id", "ami-12c6146b", "--count", "1", "--instance-type", "t3.micro", "--subnet-id", subnet)
        rows = self.gateway.json("audit", "query", "--limit", "500", "--upstream", "aws")
        rows = rows["records"] if isinstance(rows, dict) else rows
        self.assertTrue(any("as aws_instance.app[0]" in row.get("detail", "") for row in rows))


if __name__ == "__main__":
    unittest.main()
