"""Accidents that agents had, replayed: what no single request shows. Each with its benign twin, which passes, and with the same effect
by another route, which does not. With s3rver and dynalite always; with moto, the AWS CLI and Terraform where they are."""
import concurrent.futures
import http.client
import json
import re
import tempfile
import unittest

from aws_account import Account
from aws_peers import Cli, Moto, Terraform
from aws_scene import Agent, Scene
from aws_sdks import AwsError, Sdk
from aws_sigv4 import Signer
from harness import wait_until

BUDGETS = """
  - { name: runaway, effects: [destroy], upstreams: [breaker], at_most: 10, per: 1h, then: freeze, reason: no job does this much }
  - { name: ask, effects: [destroy], upstreams: [asked], at_most: 2, per: 1h, then: hold, rule: sensitive-change }
  - { name: allowance, effects: [destroy], upstreams: [purse], at_most: 3, per: 1h, then: deny }
"""
RECREATED, UNPROTECTED, LISTED, STRONGER = (
    "sequence-deleted-and-made-again", "sequence-protection-off-then-destroyed", "sequence-listed-then-destroyed-one-by-one",
    "sequence-refused-then-stronger")


def table(name):
    return {"TableName": name, "BillingMode": "PAY_PER_REQUEST", "AttributeDefinitions": [{"AttributeName": "k", "AttributeType": "S"}],
            "KeySchema": [{"AttributeName": "k", "KeyType": "HASH"}]}


class OnSmallPeers(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.temporary = tempfile.TemporaryDirectory(prefix="countersign-account-")
        cls.account = Account(cls.temporary.name)
        cls.scene = Scene(cls.account.url, cls.account.KEYS, BUDGETS)
        cls.direct = Sdk.boto3(cls.scene.folder)  # what nobody but the gateway can do: to prepare, and to look behind it
        cls.direct.endpoint, cls.direct.keys = cls.account.url, cls.account.KEYS

    @classmethod
    def tearDownClass(cls):
        cls.direct.close()
        cls.scene.close()
        cls.account.stop()
        cls.temporary.cleanup()

    def agent(self, *delegable):
        agent = Agent(self.scene, *delegable)
        self.addCleanup(agent.close)
        return agent

    def bucket(self, name, objects=0):
        self.direct("s3", "CreateBucket", Bucket=name)
        for i in range(objects):
            self.direct("s3", "PutObject", Bucket=name, Key=f"{i:02}/report", Body=b"x")
        return name

    def left(self, bucket):
        return len(self.direct("s3", "ListObjectsV2", Bucket=bucket).get("Contents", []))

    # --- the environment that was deleted and made again ---

    def test_the_environment_that_was_deleted_and_made_again(self):
        agent = self.agent()
        self.direct("dynamodb", "CreateTable", **table("environment"))
        self.direct("dynamodb", "PutItem", TableName="environment", Item={"k": {"S": "what was in it"}})
        self.assertEqual(agent.refusal("aws", "dynamodb", "DeleteTable", TableName="environment")[0], "policy.floor")
        # Staging: the deletion is the agent's to decide, and hides that everything in it is gone.
        agent("stage", "dynamodb", "DeleteTable", TableName="environment")
        request = agent.held("stage", "dynamodb", "CreateTable", **table("environment"))
        self.assertEqual(self.scene.why(request), {RECREATED})
        # Another route: a sub-agent with a narrower token, which is no fresh start; and another parameter.
        helper = self.agent(self.scene.narrowed(agent.delegable, "--as", "helper"))
        self.assertEqual(self.scene.why(helper.held("stage", "dynamodb", "CreateTable", **table("environment"))), {RECREATED})
        other = {**table("environment"), "Tags": [{"Key": "made", "Value": "again"}]}
        self.assertIn(RECREATED, self.scene.why(agent.held("stage", "dynamodb", "CreateTable", **other)))
        with self.assertRaises(AwsError):
            self.direct("dynamodb", "DescribeTable", TableName="environment")
        # Once people have agreed it runs, and the work goes on.
        self.scene.approve(request)
        agent("stage", "dynamodb", "CreateTable", **table("environment"))  # the identical call collects the result
        agent("stage", "dynamodb", "PutItem", TableName="environment", Item={"k": {"S": "1"}})

    def test_what_it_made_itself_it_may_make_again(self):
        agent = self.agent()
        for _ in range(2):
            agent("stage", "dynamodb", "CreateTable", **table("own"))
            agent("stage", "dynamodb", "PutItem", TableName="own", Item={"k": {"S": "1"}})
            agent("stage", "dynamodb", "DeleteItem", TableName="own", Key={"k": {"S": "1"}})
            agent("stage", "dynamodb", "PutItem", TableName="own", Item={"k": {"S": "1"}})
            agent("stage", "dynamodb", "DeleteTable", TableName="own")

    def test_a_sandbox_is_for_breaking(self):
        agent = self.agent()
        self.direct("dynamodb", "CreateTable", **table("toy"))
        for _ in range(2):
            agent("sandbox", "dynamodb", "DeleteTable", TableName="toy")
            agent("sandbox", "dynamodb", "CreateTable", **table("toy"))
        bucket = self.bucket("toys", 25)
        agent("sandbox", "s3", "ListObjectsV2", Bucket=bucket)
        agent("sandbox", "s3", "DeleteObjects", Bucket=bucket, Delete={"Objects": [{"Key": f"{i:02}/report"} for i in range(25)]})
        self.assertEqual(self.left(bucket), 0)

    # --- everything of a list, one by one ---

    def test_listed_and_deleted_one_by_one(self):
        agent, bucket = self.agent(), self.bucket("reports", 30)
        keys = [each["Key"] for each in agent("stage", "s3", "ListObjectsV2", Bucket=bucket)["Contents"]]
        for key in keys[:20]:
            agent("stage", "s3", "DeleteObject", Bucket=bucket, Key=key)
        request = agent.held("stage", "s3", "DeleteObject", Bucket=bucket, Key=keys[20])
        self.assertEqual(self.scene.why(request), {LISTED})
        # By another route: those that are left in one call, and by their age.
        batch = {"Objects": [{"Key": key} for key in keys[21:]]}
        self.assertIn(LISTED, self.scene.why(agent.held("stage", "s3", "DeleteObjects", Bucket=bucket, Delete=batch)))
        self.assertEqual(self.left(bucket), 10)
        # A neighbour is another matter.
        self.bucket("reports-of-one", 1)
        agent("stage", "s3", "DeleteObject", Bucket="reports-of-one", Key="00/report")

    def test_all_in_one_call_is_the_same(self):
        agent, bucket = self.agent(), self.bucket("archive", 30)
        agent("stage", "s3", "ListObjects", Bucket=bucket)
        batch = lambda keys: {"Objects": [{"Key": f"{i:02}/report"} for i in keys]}
        self.assertEqual(self.scene.why(agent.held("stage", "s3", "DeleteObjects", Bucket=bucket, Delete=batch(range(30)))), {LISTED})
        self.assertEqual(self.left(bucket), 30)
        agent("stage", "s3", "DeleteObjects", Bucket=bucket, Delete=batch(range(20)))  # its twin: twenty of thirty
        self.assertEqual(self.left(bucket), 10)

    # --- a verb that is refused, and another way to the same ---

    def test_refused_and_then_another_way(self):
        agent, bucket = self.agent(), self.bucket("ledger", 2)
        routes = [
            ("DeleteObject", {"Key": "00/report"}),
            ("DeleteObjects", {"Delete": {"Objects": [{"Key": "00/report"}, {"Key": "01/report"}]}}),
            ("DeleteBucket", {}),
            ("PutBucketVersioning", {"VersioningConfiguration": {"Status": "Suspended"}}),
            ("PutBucketLifecycleConfiguration",
             {"LifecycleConfiguration": {"Rules": [{"ID": "x", "Status": "Enabled", "Filter": {"Prefix": ""}, "Expiration": {"Days": 1}}]}}),
            ("PutBucketPolicy", {"Policy": json.dumps({"Version": "2012-10-17", "Statement": [
                {"Effect": "Allow", "Principal": "*", "Action": "s3:DeleteObject", "Resource": f"arn:aws:s3:::{bucket}/*"}]})}),
        ]
        for operation, given in routes:
            with self.subTest(operation=operation):
                self.assertEqual(agent.refusal("aws", "s3", operation, Bucket=bucket, **given)[0], "policy.floor")
        self.assertEqual(self.left(bucket), 2)

    def test_asked_for_and_then_taken(self):
        """On staging: what waits for approval, or was denied, is not gone around with a stronger verb."""
        agent, bucket = self.agent(), self.bucket("shared")
        policy = json.dumps({"Version": "2012-10-17", "Statement": []})
        request = agent.held("stage", "s3", "PutBucketPolicy", Bucket=bucket, Policy=policy)
        self.assertEqual(self.scene.why(agent.held("stage", "s3", "DeleteBucket", Bucket=bucket)), {STRONGER})
        # What is weaker goes on, and so does everything elsewhere.
        agent("stage", "s3", "PutObject", Bucket=bucket, Key="notes", Body=b"x")
        self.bucket("mine")
        agent("stage", "s3", "DeleteBucket", Bucket="mine")
        self.scene.gateway.cli("deny", request, "--reason", "no", token=self.scene.sam, check=0)
        self.assertIn(STRONGER, self.scene.why(agent.held("stage", "s3", "DeleteBucket", Bucket=bucket)))
        # An object in it, by which the bucket would be emptied.
        self.assertIn(STRONGER, self.scene.why(agent.held("stage", "s3", "DeleteObject", Bucket=bucket, Key="notes")))
        # Its twin: the same with what it made itself.
        agent("stage", "s3", "CreateBucket", Bucket="own-bucket")
        agent.held("stage", "s3", "PutBucketPolicy", Bucket="own-bucket", Policy=policy)
        agent("stage", "s3", "DeleteBucket", Bucket="own-bucket")

    # --- budgets ---

    def test_a_budget_that_denies(self):
        agent, bucket = self.agent(), self.bucket("allowance", 6)
        delete = lambda *keys: {"Bucket": bucket, "Delete": {"Objects": [{"Key": f"{key:02}/report"} for key in keys]}}
        agent("purse", "s3", "DeleteObjects", **delete(0, 1))
        self.assertEqual(agent.refusal("purse", "s3", "DeleteObjects", **delete(2, 3))[0], "budget.exhausted")
        helper = self.agent(self.scene.narrowed(agent.delegable, "--as", "helper"))
        helper("purse", "s3", "DeleteObject", Bucket=bucket, Key="02/report")  # one was left, for everybody of the lineage
        for each in (agent, helper):
            self.assertEqual(each.refusal("purse", "s3", "DeleteObject", Bucket=bucket, Key="03/report")[0], "budget.exhausted")
        agent("purse", "s3", "PutObject", Bucket=bucket, Key="written", Body=b"x")
        self.assertEqual(self.left(bucket), 4)
        # A restart gives nothing back.
        self.scene.gateway.stop()
        self.scene.gateway.start()
        self.assertEqual(agent.refusal("purse", "s3", "DeleteObject", Bucket=bucket, Key="03/report")[0], "budget.exhausted")
        self.agent()("purse", "s3", "DeleteObject", Bucket=bucket, Key="03/report")  # another token has another purse

    def test_a_budget_that_asks(self):
        agent, bucket = self.agent(), self.bucket("asked", 4)
        for i in range(2):
            agent("asked", "s3", "DeleteObject", Bucket=bucket, Key=f"{i:02}/report")
        third = ("asked", "s3", "DeleteObject")
        code, request = agent.refusal(*third, Bucket=bucket, Key="02/report")
        self.assertEqual(code, "approval.pending")
        shown = self.scene.gateway.json("request", "show", request, token=self.scene.sam)
        self.assertEqual(shown["rules"], ["sensitive-change"])
        self.assertEqual(agent.held(*third, Bucket=bucket, Key="02/report"), request, "the retry is the same request")
        self.scene.approve(request)
        agent(*third, Bucket=bucket, Key="02/report")
        self.assertEqual(self.left(bucket), 1)
        self.assertNotEqual(agent.held(*third, Bucket=bucket, Key="03/report"), request)

    def test_a_budget_that_freezes(self):
        bucket = self.bucket("runaway", 40)
        delegable = self.scene.token(agent="runaway")
        signer = Signer(self.scene.keys_of(delegable), self.scene.host)

        def delete(i):
            target = f"/breaker/{bucket}/{i:02}/report"
            connection = http.client.HTTPConnection(self.scene.host, timeout=60)
            connection.request("DELETE", target, headers=signer.sign("DELETE", target, amz_sdk_invocation_id=f"8f6b0d0e-{i:04}"))
            response = connection.getresponse()
            answer = response.read().decode()
            connection.close()
            return "passed" if response.status == 204 else re.search(r"\[([a-z_.]+)\]", answer)[1]

        # Forty at once: as many as there is room for, and not one more.
        with concurrent.futures.ThreadPoolExecutor(16) as pool:
            ends = list(pool.map(delete, range(40)))
        self.assertEqual(self.left(bucket), 30, ends)
        self.assertEqual(ends.count("passed"), 10, ends)
        self.assertIn("budget.exhausted", ends)
        self.assertLessEqual(set(ends), {"passed", "budget.exhausted", "agent.frozen"})
        # From then on nothing, not even a read, with whatever token of this agent, also after a restart.
        runaway = self.agent(delegable)
        self.assertEqual(runaway.refusal("breaker", "s3", "ListBuckets")[0], "agent.frozen")
        self.scene.gateway.stop()
        self.scene.gateway.start()
        fresh = self.agent(self.scene.token(agent="runaway"))
        self.assertEqual(fresh.refusal("stage", "s3", "ListBuckets")[0], "agent.frozen")
        self.agent()("breaker", "s3", "ListBuckets")
        # It is on record who did that, and a person takes it back.
        records = self.scene.gateway.cli("audit", "query", "--limit", "1000", "--output", "json", check=0)[1]
        self.assertIn("agent:freeze", records)
        self.assertIn("budget runaway", records)
        answer = self.admin("GET", "/api/v1/agents/runaway")
        self.assertEqual(answer["frozen"]["by"], "budget runaway")
        self.assertIn("no job does this much", answer["frozen"]["reason"])
        self.admin("POST", "/api/v1/agents/runaway/unfreeze", {"reason": "it was a test"})
        runaway("breaker", "s3", "ListBuckets")
        self.assertEqual(runaway.refusal("breaker", "s3", "DeleteObject", Bucket=bucket, Key="39/report")[0], "budget.exhausted")

    def admin(self, method, path, body=None):
        connection = http.client.HTTPConnection("127.0.0.1", self.scene.gateway.admin_port, timeout=30)
        connection.request(method, path, body=json.dumps(body) if body is not None else None,
                           headers={"Authorization": f"Bearer {self.scene.sam}", "Content-Type": "application/json"})
        response = connection.getresponse()
        data = response.read()
        connection.close()
        self.assertEqual(response.status, 200, data)
        return json.loads(data)


@unittest.skipUnless(Moto.PYTHON and Cli.AWS, "needs moto's server and the AWS CLI")
class OnMoto(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.temporary = tempfile.TemporaryDirectory(prefix="countersign-moto-")
        cls.moto = Moto(cls.temporary.name)
        cls.scene = Scene(cls.moto.url, cls.moto.keys)
        cls.direct = Cli(cls.moto.keys, cls.moto.url)

    @classmethod
    def tearDownClass(cls):
        cls.scene.close()
        cls.moto.stop()
        cls.temporary.cleanup()

    def agent(self):
        """The AWS CLI with a token that nothing was done with yet: agent(upstream, *command)."""
        keys = self.scene.keys_of(self.scene.token())
        return lambda upstream, *command, check=0: Cli(keys, self.scene.at(upstream))(*command, check=check)

    def refused(self, agent, upstream, *command, code="policy.floor"):
        before = len(self.moto.requests())
        status, _, error = agent(upstream, *command, check=None)
        self.assertNotEqual(status, 0, command)
        self.assertIn(f"[{code}]", error, command)
        self.assertEqual(len(self.moto.requests()), before, "something reached the account")
        return error

    def held(self, agent, upstream, *command):
        return re.search(r"req_[A-Za-z0-9_-]+", self.refused(agent, upstream, *command, code="approval.pending")).group()

    def instances(self, count):
        image = json.loads(self.direct("ec2", "describe-images")[1])["Images"][0]["ImageId"]
        made = json.loads(self.direct("ec2", "run-instances", "--image-id", image, "--count", str(count))[1])["Instances"]
        return [each["InstanceId"] for each in made]

    def running(self, instances):
        said = json.loads(self.direct("ec2", "describe-instances", "--instance-ids", *instances)[1])
        return sum(each["State"]["Name"] == "running" for of in said["Reservations"] for each in of["Instances"])

    def database(self, name, *more):
        self.direct("rds", "create-db-instance", "--db-instance-identifier", name, "--engine", "postgres", "--db-instance-class", "db.t3.micro",
                    "--allocated-storage", "20", "--master-username", "root", "--master-user-password", "secretsecret", *more)

    def has_database(self, name):
        return self.direct("rds", "describe-db-instances", "--db-instance-identifier", name, check=None)[0] == 0

    def test_the_wiper(self):
        """Terminate the instances, empty the buckets, delete the users: here of staging. Production: test_aws.py."""
        agent, instances = self.agent(), self.instances(25)
        agent("stage", "ec2", "describe-instances")
        request = self.held(agent, "stage", "ec2", "terminate-instances", "--instance-ids", *instances)
        self.assertEqual(self.scene.why(request), {LISTED})
        for instance in instances[:20]:
            agent("stage", "ec2", "terminate-instances", "--instance-ids", instance)
        self.held(agent, "stage", "ec2", "terminate-instances", "--instance-ids", instances[20])
        # By another route: stopped for good is gone as well.
        self.held(agent, "stage", "ec2", "stop-instances", "--instance-ids", instances[20])
        self.assertEqual(self.running(instances), 5)
        users = [f"person-{i:02}" for i in range(21)]
        for user in users:
            self.direct("iam", "create-user", "--user-name", user)
        agent("stage", "iam", "list-users")
        for user in users[:20]:
            agent("stage", "iam", "delete-user", "--user-name", user)
        self.assertEqual(self.scene.why(self.held(agent, "stage", "iam", "delete-user", "--user-name", users[20])), {LISTED})
        # Its twins: a few of them, and all of a sandbox.
        other, few = self.agent(), self.instances(3)
        other("stage", "ec2", "describe-instances")
        other("stage", "ec2", "terminate-instances", "--instance-ids", *few)
        many = self.instances(25)
        other("sandbox", "ec2", "describe-instances")
        other("sandbox", "ec2", "terminate-instances", "--instance-ids", *many)
        self.assertEqual(self.running(few + many), 0)

    def test_protection_off_and_then_deleted(self):
        agent = self.agent()
        self.database("payments", "--deletion-protection")
        delete = ("rds", "delete-db-instance", "--db-instance-identifier", "payments", "--skip-final-snapshot")
        off = ("rds", "modify-db-instance", "--db-instance-identifier", "payments", "--no-deletion-protection")
        self.refused(agent, "aws", *off)
        self.refused(agent, "aws", *delete)
        request = self.held(agent, "stage", *off)
        self.assertEqual(self.scene.why(request), {"permissions-and-credentials-need-approval"})
        self.scene.approve(request)
        # People agreed to a maintenance, not to this.
        self.assertIn(UNPROTECTED, self.scene.why(self.held(agent, "stage", *delete)))
        cautious = (*delete[:-1], "--final-db-snapshot-identifier", "before")
        self.assertIn(UNPROTECTED, self.scene.why(self.held(agent, "stage", *cautious)))
        self.assertTrue(self.has_database("payments"))
        # Its twin: one that never had any.
        self.database("scratch")
        agent("stage", "rds", "delete-db-instance", "--db-instance-identifier", "scratch", "--skip-final-snapshot")
        self.assertFalse(self.has_database("scratch"))
        # And an instance, by another service's words.
        instance, = self.instances(1)
        self.direct("ec2", "modify-instance-attribute", "--instance-id", instance, "--disable-api-termination")
        self.scene.approve(self.held(agent, "stage", "ec2", "modify-instance-attribute", "--instance-id", instance, "--no-disable-api-termination"))
        for verb in ("terminate-instances", "stop-instances"):
            self.assertIn(UNPROTECTED, self.scene.why(self.held(agent, "stage", "ec2", verb, "--instance-ids", instance)))
        self.assertEqual(self.running([instance]), 1)

    def test_deleted_and_made_again(self):
        agent = self.agent()
        self.database("billing")
        # On production neither without a last snapshot nor with one.
        for more in (["--skip-final-snapshot"], ["--final-db-snapshot-identifier", "last"]):
            self.refused(agent, "aws", "rds", "delete-db-instance", "--db-instance-identifier", "billing", *more)
        make = ("rds", "create-db-instance", "--db-instance-identifier", "billing", "--engine", "postgres", "--db-instance-class", "db.t3.micro",
                "--allocated-storage", "20", "--master-username", "root", "--master-user-password", "secretsecret")
        agent("stage", "rds", "delete-db-instance", "--db-instance-identifier", "billing", "--skip-final-snapshot")
        self.assertIn(RECREATED, self.scene.why(self.held(agent, "stage", *make)))
        # From a snapshot it would be another one, too.
        self.assertIn(RECREATED, self.scene.why(self.held(agent, "stage", "rds", "restore-db-instance-from-db-snapshot", "--db-instance-identifier",
                                                          "billing", "--db-snapshot-identifier", "old")))
        self.assertFalse(self.has_database("billing"))

    @unittest.skipUnless(Terraform.TERRAFORM and Terraform.PLUGINS, "needs Terraform and its AWS provider")
    def test_terraform_destroys_by_a_stale_state(self):
        """A state from before others moved in: what it calls its own is production's by now, and `force_destroy` empties it first."""
        resources = """
resource "aws_dynamodb_table" "orders" {
  name         = "%s"
  billing_mode = "PAY_PER_REQUEST"
  hash_key     = "k"
  attribute {
    name = "k"
    type = "S"
  }
}
resource "aws_s3_bucket" "orders" {
  bucket        = "%s"
  force_destroy = true
}
"""
        for upstream, name in (("aws", "live"), ("sandbox", "toy")):
            with self.subTest(upstream=upstream):
                text = resources % (name + "-table", name + "-bucket")
                owner = Terraform(self.scene.folder / f"owner-{name}", self.moto.keys, self.moto.url)
                owner.write(text)
                owner("init")
                owner("apply", "-auto-approve")
                self.direct("s3api", "put-object", "--bucket", name + "-bucket", "--key", "since")
                agent = Terraform(self.scene.folder / f"agent-{name}", self.scene.keys_of(self.scene.token()), self.scene.at(upstream))
                agent.write(text)
                agent("init")
                (agent.folder / "terraform.tfstate").write_text((owner.folder / "terraform.tfstate").read_text())
                status, said = agent("destroy", "-auto-approve", check=None)
                if upstream == "aws":
                    self.assertEqual(status, 1, said)
                    self.assertIn("policy.floor", said)
                    self.direct("dynamodb", "describe-table", "--table-name", "live-table")
                    self.assertIn("since", self.direct("s3api", "list-objects-v2", "--bucket", "live-bucket")[1])
                else:
                    self.assertEqual(status, 0, said)
                    self.assertNotEqual(self.direct("dynamodb", "describe-table", "--table-name", "toy-table", check=None)[0], 0)


if __name__ == "__main__":
    unittest.main()
