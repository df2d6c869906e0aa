"""Labels from tags: what an agent may do with a thing depends on how the account has tagged it. dynalite is the account for what
tables have, and moto, where there is one, for everything else."""
import json
import pathlib
import re
import tempfile
import unittest

from aws_peers import Cli, Moto
from aws_sdks import AwsError
from aws_world import World
from harness import Gateway, wait_until, write_quickstart

ACCOUNT = "123456789012"  # moto's
READS = ["ec2:DescribeTags", "s3:GetBucketTagging", "iam:ListRoleTags", "iam:ListUserTags", "dynamodb:ListTagsOfResource",
         "secretsmanager:DescribeSecret", "tag:GetResources",
         "tagging:GetResources"]  # as moto calls it


@unittest.skipUnless(Moto.PYTHON and Cli.AWS, "needs moto's server and the AWS CLI")
class Tags(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.temporary = tempfile.TemporaryDirectory(prefix="countersign-tags-")
        cls.folder = pathlib.Path(cls.temporary.name)
        cls.moto = Moto(cls.folder)
        cls.direct = Cli(cls.moto.keys, cls.moto.url)  # what nobody but the gateway can do: to prepare, and to look behind it
        agents, admin = write_quickstart(cls.folder)
        cls.write_keys("gateway", cls.moto.keys["AWS_ACCESS_KEY_ID"], cls.moto.keys["AWS_SECRET_ACCESS_KEY"])
        cls.make_user("tags", {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": READS, "Resource": "*"}]})
        cls.make_user("blind", None)
        configuration = cls.folder / "countersign.yaml"
        configuration.write_text(configuration.read_text() + "".join(f"""
  - name: {name}
    protocol: aws
    url: {cls.moto.url}
    aws:
      account: "{ACCOUNT}"
      wait: none
      tags:
        environment: [Environment, env]
        tier: [Tier]
        values: {{ p: production }}
        credential: {{ aws: {cls.keys_of(user)} }}
    credential: {{ aws: {cls.keys_of("gateway")} }}
""" for name, user in (("aws", "tags"), ("blind", "blind"))))
        with open(cls.folder / "policies" / "entities.yaml", "a") as entities:
            entities.write('\n  - { match: "aws/arn:aws:s3:::pinned", environment: production }\n')
            entities.write('  - { match: "aws/arn:aws:s3:::pinned/**", environment: production }\n')
        cls.gateway = Gateway(cls.folder, agents, admin)
        cls.sam = cls.gateway.person("sam")
        cls.url = f"http://127.0.0.1:{agents}"
        images = json.loads(cls.direct("ec2", "describe-images", "--owners", "amazon", "--max-items", "1")[1])
        cls.image = images["Images"][0]["ImageId"]

    def setUp(self):
        # A token each: what one test was refused is no history of the next one.
        delegable, _ = self.gateway.agent_token(upstreams="aws,blind")
        keys = self.gateway.aws_keys(delegable)
        self.aws, self.blind = (Cli(keys, f"{self.url}/{upstream}") for upstream in ("aws", "blind"))

    @classmethod
    def tearDownClass(cls):
        cls.gateway.stop()
        cls.moto.stop()
        cls.temporary.cleanup()

    @classmethod
    def write_keys(cls, name, key, secret):
        for what, text in (("id", key), ("secret", secret)):
            path = cls.folder / f"{name}-{what}"
            path.write_text(text + "\n")
            path.chmod(0o600)

    @staticmethod
    def keys_of(name):
        return f"{{ access_key: {{ file: ./{name}-id }}, secret_key: {{ file: ./{name}-secret }} }}"

    @classmethod
    def make_user(cls, name, policy):
        cls.direct("iam", "create-user", "--user-name", name)
        if policy:
            cls.direct("iam", "put-user-policy", "--user-name", name, "--policy-name", "p", "--policy-document", json.dumps(policy))
        key = json.loads(cls.direct("iam", "create-access-key", "--user-name", name)[1])["AccessKey"]
        cls.write_keys(name, key["AccessKeyId"], key["SecretAccessKey"])

    def instance(self, **tags):
        arguments = ["ec2", "run-instances", "--image-id", self.image, "--count", "1", "--instance-type", "t3.micro"]
        if tags:
            named = ",".join(f"{{Key={key},Value={value}}}" for key, value in tags.items())
            arguments += ["--tag-specifications", f"ResourceType=instance,Tags=[{named}]"]
        return json.loads(self.direct(*arguments)[1])["Instances"][0]["InstanceId"]

    def state(self, instance):
        found = json.loads(self.direct("ec2", "describe-instances", "--instance-ids", instance)[1])
        return found["Reservations"][0]["Instances"][0]["State"]["Name"]

    def tags(self, instance):
        found = json.loads(self.direct("ec2", "describe-tags", "--filters", f"Name=resource-id,Values={instance}")[1])
        return {tag["Key"]: tag["Value"] for tag in found["Tags"]}

    def refused(self, *command, code, aws=None):
        status, _, error = (aws or self.aws)(*command, check=None)
        self.assertNotEqual(status, 0, command)
        self.assertIn(f"[{code}]", error)
        return error

    def passes(self, *command):
        """At the first try, or when the account has found the time to answer for its tags."""
        wait_until(lambda: self.aws(*command, check=None)[0] == 0, f"{command} passes")

    def held(self, *command, aws=None):
        return re.search(r"req_[A-Za-z0-9_-]+", self.refused(*command, code="approval.pending", aws=aws)).group()

    @staticmethod
    def resize(instance):
        return "ec2", "modify-instance-attribute", "--instance-id", instance, "--ebs-optimized"

    # --- what tags say ---

    def test_what_is_tagged_as_a_sandbox_is_free_to_work_with(self):
        instance = self.instance(Environment="sandbox", Tier="3")
        self.passes(*self.resize(instance))
        self.passes("ec2", "terminate-instances", "--instance-ids", instance)
        self.assertIn(self.state(instance), ("shutting-down", "terminated"))

    def test_what_is_tagged_production_is_held_and_not_destroyed(self):
        for tags in ({"Environment": "production"}, {"env": "P"}, {"Environment": "prod-eu"}):
            instance = self.instance(**tags)
            self.held(*self.resize(instance))
            self.refused("ec2", "terminate-instances", "--instance-ids", instance, code="policy.floor")
            self.assertEqual(self.state(instance), "running")

    def test_what_is_not_tagged_is_production(self):
        for tags in ({}, {"Name": "sandbox"}, {"Environment": "sandbox", "environment": "staging"}):
            instance = self.instance(**tags)
            self.held(*self.resize(instance))
            self.refused("ec2", "terminate-instances", "--instance-ids", instance, code="policy.floor")
            self.assertEqual(self.state(instance), "running")

    def test_one_production_thing_among_many_stops_them_all(self):
        sandbox, prod = self.instance(Environment="sandbox"), self.instance(Environment="production")
        self.refused("ec2", "terminate-instances", "--instance-ids", sandbox, prod, code="policy.floor")
        self.held("ec2", "create-tags", "--resources", sandbox, prod, "--tags", "Key=Name,Value=x")
        self.assertEqual((self.state(sandbox), self.state(prod)), ("running", "running"))
        self.passes("ec2", "create-tags", "--resources", sandbox, "--tags", "Key=Name,Value=x")

    def test_every_kind_of_thing_has_its_own_way_to_be_asked(self):
        place = ("--create-bucket-configuration", "LocationConstraint=eu-central-1")
        tagging = ("--tagging", "TagSet=[{Key=env,Value=sandbox}]")
        for bucket in ("scratch", "untagged", "pinned"):
            self.direct("s3api", "create-bucket", "--bucket", bucket, *place)
        for bucket in ("scratch", "pinned"):
            self.direct("s3api", "put-bucket-tagging", "--bucket", bucket, *tagging)
        (self.folder / "body").write_text("hello")
        put = ("--key", "k", "--body", str(self.folder / "body"))
        self.passes("s3api", "put-object", "--bucket", "scratch", *put)
        self.passes("s3", "rm", "s3://scratch/k")
        self.held("s3api", "put-object", "--bucket", "untagged", *put)
        self.held("s3api", "put-object", "--bucket", "pinned", *put)  # the inventory's word is above the account's

        self.direct("dynamodb", "create-table", "--table-name", "scratch", "--attribute-definitions", "AttributeName=k,AttributeType=S",
                    "--key-schema", "AttributeName=k,KeyType=HASH", "--billing-mode", "PAY_PER_REQUEST", "--tags", "Key=env,Value=sandbox")
        self.passes("dynamodb", "delete-table", "--table-name", "scratch")

        trust = json.dumps({"Version": "2012-10-17", "Statement": []})
        self.direct("iam", "create-role", "--role-name", "scratch", "--assume-role-policy-document", trust, "--tags", "Key=env,Value=sandbox")
        self.direct("iam", "create-role", "--role-name", "admin", "--assume-role-policy-document", trust)
        self.passes("iam", "delete-role", "--role-name", "scratch")
        self.refused("iam", "delete-role", "--role-name", "admin", code="policy.floor")

        self.direct("secretsmanager", "create-secret", "--name", "scratch", "--secret-string", "x", "--tags", "Key=env,Value=sandbox")
        self.passes("secretsmanager", "delete-secret", "--secret-id", "scratch")

        for env in ("sandbox", "prod"):
            made = self.direct("kms", "create-key", "--tags", f"TagKey=env,TagValue={env}")
            key = json.loads(made[1])["KeyMetadata"]["KeyId"]
            deletion = ("kms", "schedule-key-deletion", "--key-id", key)
            if env == "sandbox":
                self.passes(*deletion)
            else:
                self.refused(*deletion, code="policy.floor")

    # --- what must never happen ---

    def test_relabelling_production_is_asked_for_and_changes_nothing_meanwhile(self):
        instance = self.instance(Environment="production")
        relabel = ("ec2", "create-tags", "--resources", instance, "--tags", "Key=Environment,Value=sandbox")
        request = self.gateway.json("request", "show", self.held(*relabel), token=self.sam)
        self.assertEqual(request["effect"], "administer")
        self.assertEqual(sorted(each["rule"] for each in request["approvals"]), ["production-change", "sensitive-change"])
        arn = f"arn:aws:ec2:eu-central-1:{ACCOUNT}:instance/{instance}"
        self.held("resourcegroupstaggingapi", "tag-resources", "--resource-arn-list", arn, "--tags", "env=sandbox")
        self.held("ec2", "delete-tags", "--resources", instance)
        self.held("ec2", "delete-tags", "--resources", instance, "--tags", "Key=Environment")
        self.assertEqual(self.tags(instance), {"Environment": "production"})
        self.refused("ec2", "terminate-instances", "--instance-ids", instance, code="policy.floor")
        self.assertEqual(self.state(instance), "running")

    def test_what_an_agent_relabels_stricter_is_stricter_at_once(self):
        instance = self.instance(Environment="sandbox")
        self.passes(*self.resize(instance))  # and so its labels are known
        self.passes("ec2", "create-tags", "--resources", instance, "--tags", "Key=Environment,Value=production")
        self.refused("ec2", "terminate-instances", "--instance-ids", instance, code="policy.floor")
        self.assertEqual(self.state(instance), "running")

    def test_a_new_thing_is_its_accounts_and_not_what_it_calls_itself(self):
        self.held("ec2", "create-vpc", "--cidr-block", "10.1.0.0/16", "--tag-specifications",
                  "ResourceType=vpc,Tags=[{Key=Environment,Value=sandbox}]")

    def test_tags_that_cannot_be_read_count_as_production(self):
        instance = self.instance(Environment="sandbox")
        self.held(*self.resize(instance), aws=self.blind)
        self.refused("ec2", "terminate-instances", "--instance-ids", instance, aws=self.blind, code="policy.floor")
        self.assertEqual(self.state(instance), "running")
        self.assertIn("tags could not be looked up", (self.folder / "gateway.log").read_text())
        self.passes("ec2", "terminate-instances", "--instance-ids", instance)


class TaggedWorld(World):
    """The example, with labels from tags; in its sandbox nobody can read them."""

    def _write_example(self):
        ports = super()._write_example()
        (self.folder / "wrong").write_text("WRONG\n")
        (self.folder / "wrong").chmod(0o600)
        configuration = self.folder / "countersign.yaml"
        text = configuration.read_text()
        wrong = "{ aws: { access_key: { file: ./wrong }, secret_key: { file: ./wrong } } }"
        for account, keys in (("111122223333", "{ aws: { profile: countersign } }"), ("444455556666", wrong)):
            assert f'account: "{account}", ' in text
            text = text.replace(f'account: "{account}", ', f'account: "{account}", tags: {{ environment: [Environment], credential: {keys} }}, ')
        configuration.write_text(text)
        return ports


class Tables(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.world = TaggedWorld()
        cls.account, cls.boto = cls.world.account, cls.world.boto

    @classmethod
    def tearDownClass(cls):
        cls.world.close()

    def setUp(self):
        self.world.boto.keys = self.world.keys_of(self.world.gateway.agent_token(upstreams="aws,sandbox")[0])

    def table(self, name, **tags):
        self.world.direct("dynamodb", "CreateTable", TableName=name, BillingMode="PAY_PER_REQUEST",
                          AttributeDefinitions=[{"AttributeName": "k", "AttributeType": "S"}], KeySchema=[{"AttributeName": "k", "KeyType": "HASH"}])
        if tags:
            self.world.direct("dynamodb", "TagResource", ResourceArn=self.arn(name), Tags=[{"Key": k, "Value": v} for k, v in tags.items()])
        return name

    @staticmethod
    def arn(name):
        return f"arn:aws:dynamodb:eu-central-1:111122223333:table/{name}"

    def refused(self, code, operation, **given):
        with self.assertRaises(AwsError) as caught:
            self.boto("dynamodb", operation, **given)
        self.assertIn(f"[{code}]", caught.exception.message)

    def put(self, table):
        return {"TableName": table, "Item": {"k": {"S": "1"}}}

    def looked_up(self):
        return [r for r in self.account.seen if r.fields.get("x-amz-target", "").endswith("ListTagsOfResource")]

    def test_a_sandbox_may_go_and_is_asked_for_once(self):
        table = self.table("mine", Environment="sandbox")
        before = len(self.looked_up())
        self.boto("dynamodb", "PutItem", **self.put(table))
        self.boto("dynamodb", "PutItem", **self.put(table))
        self.boto("dynamodb", "GetItem", TableName=table, Key={"k": {"S": "1"}})
        self.assertEqual(len(self.looked_up()), before + 1)
        self.boto("dynamodb", "DeleteTable", TableName=table)
        self.assertNotIn(table, self.world.direct("dynamodb", "ListTables")["TableNames"])

    def test_production_and_what_has_no_tags_may_not(self):
        for table in (self.table("theirs", Environment="production"), self.table("plain"), self.table("odd", environment="sandbox", Environment="test")):
            self.refused("approval.pending", "PutItem", **self.put(table))
            self.refused("policy.floor", "DeleteTable", TableName=table)
            self.assertIn(table, self.world.direct("dynamodb", "ListTables")["TableNames"])

    def test_patterns_of_the_inventory_outrank_tags(self):
        self.world.direct("dynamodb", "TagResource", ResourceArn=self.arn("staging"), Tags=[{"Key": "Environment", "Value": "production"}])
        self.boto("dynamodb", "PutItem", **self.put("staging"))

    def test_relabelling_is_held_and_opens_nothing(self):
        table = self.table("relabelled", Environment="production")
        dev = [{"Key": "Environment", "Value": "sandbox"}]
        self.refused("approval.pending", "TagResource", ResourceArn=self.arn(table), Tags=dev)
        self.refused("approval.pending", "UntagResource", ResourceArn=self.arn(table), TagKeys=["Environment"])
        self.refused("policy.floor", "DeleteTable", TableName=table)
        tags = self.world.direct("dynamodb", "ListTagsOfResource", ResourceArn=self.arn(table))["Tags"]
        self.assertEqual(tags, [{"Key": "Environment", "Value": "production"}])

    def test_what_became_production_is_so_at_once(self):
        table = self.table("promoted", Environment="sandbox")
        self.boto("dynamodb", "PutItem", **self.put(table))
        self.boto("dynamodb", "TagResource", ResourceArn=self.arn(table), Tags=[{"Key": "Environment", "Value": "production"}])
        self.refused("policy.floor", "DeleteTable", TableName=table)

    def test_where_tags_cannot_be_read_a_sandbox_counts_as_production(self):
        table = self.table("unread", Environment="sandbox")
        self.boto("dynamodb", "GetItem", TableName=table, Key={"k": {"S": "1"}}, endpoint=self.world.url.replace("/aws", "/sandbox"))
        self.refused("approval.pending", "PutItem", **self.put(table), endpoint=self.world.url.replace("/aws", "/sandbox"))
        self.assertIn("tags could not be looked up", (self.world.folder / "gateway.log").read_text())


if __name__ == "__main__":
    unittest.main()
