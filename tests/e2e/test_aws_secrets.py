"""Secrets in AWS's answers, and keys for roles: the AWS CLI, boto3 and Terraform behind the gateway, moto as the account."""
import json
import os
import pathlib
import shutil
import subprocess
import tempfile
import time
import unittest
import urllib.error
import urllib.parse
import urllib.request

from aws_peers import KEY_FILES, Cli, Moto, Terraform, python_with, write_keys
from aws_sigv4 import Signer
from harness import Gateway, wait_until, write_quickstart

ACCOUNT = "123456789012"  # moto's
HIDDEN = "[redacted by countersign]"
POLICIES = """
@id("everything")
permit (principal is Agent, action, resource);

@id("revealed")
@secrets("reveal")
permit (principal is Agent, action == Action::"aws:secretsmanager:GetSecretValue", resource)
when { resource.name like "*:secret:revealed*" };

@id("held")
@approval("sensitive-change")
forbid (principal, action == Action::"aws:secretsmanager:GetSecretValue", resource)
when { resource.name like "*:secret:held-*" };

@id("no-sessions-for-outsiders")
forbid (principal == Agent::"outsider", action == Action::"aws:sts:AssumeRole", resource);
"""
APPROVALS = """
rules:
  sensitive-change: { description: secrets, stages: [ { name: somebody, count: 1, group: anyone } ] }
"""
ROLE = f"arn:aws:iam::{ACCOUNT}:role/deploy"


@unittest.skipUnless(Moto.PYTHON and Cli.AWS, "needs moto's server and the AWS CLI")
class Secrets(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.temporary = tempfile.TemporaryDirectory(prefix="countersign-secrets-")
        cls.folder = pathlib.Path(cls.temporary.name)
        cls.moto = Moto(cls.folder)
        agents, admin = write_quickstart(cls.folder)
        write_keys(cls.folder, cls.moto.keys)
        policies = cls.folder / "policies"
        for file in [*policies.glob("*.cedar"), policies / "inputs.cedarschema"]:
            file.unlink(missing_ok=True)
        shutil.rmtree(policies / "tests")
        (policies / "all.cedar").write_text(POLICIES)
        (policies / "approvals.yaml").write_text(APPROVALS)
        credential = f"credential: {{ aws: {{ {KEY_FILES} }} }}"
        configuration = cls.folder / "countersign.yaml"
        configuration.write_text(configuration.read_text() + f"""
  - name: aws
    protocol: aws
    url: {cls.moto.url}
    aws: {{ account: "{ACCOUNT}", wait: 1s }}
    {credential}
    labels: {{ environment: staging, tier: 3 }}
  - name: billing
    protocol: aws
    url: {cls.moto.url}
    aws: {{ account: "444455556666", wait: 1s }}
    {credential}
    labels: {{ environment: staging, tier: 3 }}
""")
        cls.gateway = Gateway(cls.folder, agents, admin)
        cls.delegable, _ = cls.gateway.agent_token(upstreams="aws,billing")
        cls.sam = cls.gateway.person("sam")
        cls.host = f"127.0.0.1:{agents}"
        cls.url = f"http://{cls.host}/aws"
        cls.aws = Cli(cls.keys(cls.delegable), cls.url)
        cls.direct = Cli(cls.moto.keys, cls.moto.url)

    @classmethod
    def tearDownClass(cls):
        cls.gateway.stop()
        cls.moto.stop()
        cls.temporary.cleanup()

    @classmethod
    def keys(cls, delegable):
        return cls.gateway.aws_keys(delegable)

    def said(self, *command, aws=None):
        return json.loads((aws or self.aws)(*command)[1])

    def refused(self, *command, aws=None, code):
        before = len(self.moto.requests())
        status, _, error = (aws or self.aws)(*command, check=None)
        self.assertNotEqual(status, 0, command)
        self.assertIn(f"[{code}]", error)
        self.assertEqual(len(self.moto.requests()), before, "something reached the account")
        return error

    def records(self, action):
        rows = self.gateway.json("audit", "query", "--limit", "200", "--upstream", "aws")
        rows = rows["records"] if isinstance(rows, dict) else rows
        return [row for row in rows if row.get("action") == action]


class Redaction(Secrets):
    def secret(self, name, value):
        self.direct("secretsmanager", "create-secret", "--name", name, "--secret-string", value)

    def test_a_secret_is_not_read_but_everything_around_it_is(self):
        self.secret("plain", "hush-1")
        out = self.said("secretsmanager", "get-secret-value", "--secret-id", "plain")
        self.assertEqual((out["Name"], out["SecretString"]), ("plain", HIDDEN))
        outcome = [row for row in self.records("aws:secretsmanager:GetSecretValue") if row["phase"] == "outcome"][0]
        self.assertEqual((outcome["outcome"], outcome["detail"]), ("ok", "1 secret redacted"))

    def test_a_policy_reveals_and_the_record_says_so(self):
        self.secret("revealed", "hush-2")
        out = self.said("secretsmanager", "get-secret-value", "--secret-id", "revealed")
        self.assertEqual(out["SecretString"], "hush-2")
        details = [row.get("detail") for row in self.records("aws:secretsmanager:GetSecretValue") if row["phase"] == "outcome"]
        self.assertIn("secrets revealed", details)

    def test_what_was_approved_is_redacted_too(self):
        self.secret("held-one", "hush-3")
        get = ("secretsmanager", "get-secret-value", "--secret-id", "held-one")
        error = self.refused(*get, code="approval.pending")
        request = error[error.index("req_"):].split(":")[0].split(" ")[0].rstrip(".")
        self.gateway.cli("approve", request, "--reason", "looked at it", token=self.sam, check=0)
        wait_until(lambda: self.gateway.json("request", "show", request, token=self.sam)["state"] == "done", "it has run")
        self.assertEqual(self.said(*get)["SecretString"], HIDDEN)

    def test_parameters_by_their_type(self):
        self.direct("ssm", "put-parameter", "--name", "/app/ami", "--type", "String", "--value", "ami-1")
        self.direct("ssm", "put-parameter", "--name", "/app/key", "--type", "SecureString", "--value", "hush-4")
        found = self.said("ssm", "get-parameters-by-path", "--path", "/app", "--with-decryption")["Parameters"]
        self.assertEqual({one["Name"]: one["Value"] for one in found}, {"/app/ami": "ami-1", "/app/key": HIDDEN})

    def test_other_forms(self):
        pair = self.said("ec2", "create-key-pair", "--key-name", "k1")  # XML
        self.assertEqual((pair["KeyName"], pair["KeyMaterial"]), ("k1", HIDDEN))
        key = self.said("kms", "create-key")["KeyMetadata"]["KeyId"]
        data = self.said("kms", "generate-data-key", "--key-id", key, "--key-spec", "AES_256")
        self.assertEqual(data["Plaintext"], "W3JlZGFjdGVkIGJ5IGNvdW50ZXJzaWduXQ==")
        self.assertNotEqual(data["CiphertextBlob"], data["Plaintext"])
        self.said("ecs", "register-task-definition", "--family", "app", "--container-definitions",
                  json.dumps([{"name": "c", "image": "i", "memory": 64, "environment": [{"name": "PASSWORD", "value": "hush-5"}]}]))
        shown = self.said("ecs", "describe-task-definition", "--task-definition", "app")["taskDefinition"]["containerDefinitions"][0]
        self.assertEqual(shown["environment"], [{"name": "PASSWORD", "value": HIDDEN}])
        token = self.said("ecr", "get-authorization-token")["authorizationData"][0]
        self.assertEqual(token["authorizationToken"], HIDDEN)

    def test_boto3_takes_it(self):
        self.secret("boto", "hush-6")
        script = ("import boto3,sys,json;c=boto3.client('secretsmanager',endpoint_url=sys.argv[1],region_name='eu-central-1');"
                  "r=c.get_secret_value(SecretId='boto');h=r['ResponseMetadata']['HTTPHeaders'];"
                  "print(json.dumps([r['SecretString'],h['x-countersign-redacted'],int(h['content-length'])]))")
        environment = {"PATH": os.environ["PATH"], "HOME": "/nonexistent", **self.keys(self.delegable)}
        done = subprocess.run([python_with("boto3"), "-W", "ignore", "-c", script, self.url], env=environment, check=True, capture_output=True, text=True)
        hidden, count, length = json.loads(done.stdout)
        self.assertEqual((hidden, count), (HIDDEN, "1"))
        self.assertGreater(length, 50)

    def test_nothing_of_a_secret_is_written_down(self):
        self.secret("written", "hush-never")
        self.said("secretsmanager", "get-secret-value", "--secret-id", "written")
        for file in self.folder.rglob("*"):
            if file.is_file() and "moto" not in file.name:
                self.assertNotIn(b"hush-never", file.read_bytes(), file)


class Sessions(Secrets):
    def assumed(self, *more, aws=None, role=ROLE, name="ci"):
        out = self.said("sts", "assume-role", "--role-arn", role, "--role-session-name", name, *more, aws=aws)
        keys = out["Credentials"]
        return out, {"AWS_ACCESS_KEY_ID": keys["AccessKeyId"], "AWS_SECRET_ACCESS_KEY": keys["SecretAccessKey"],
                     "AWS_SESSION_TOKEN": keys["SessionToken"]}

    def test_a_role_is_a_narrower_token(self):
        before = len(self.moto.requests())
        out, keys = self.assumed("--duration-seconds", "900")
        self.assertEqual(len(self.moto.requests()), before, "AWS is not asked")
        self.assertEqual(out["AssumedRoleUser"]["Arn"], f"arn:aws:sts::{ACCOUNT}:assumed-role/deploy/ci")
        self.assertTrue(out["AssumedRoleUser"]["AssumedRoleId"].endswith(":ci"))
        self.assertTrue(keys["AWS_ACCESS_KEY_ID"].startswith("CSK"))
        ends = time.mktime(time.strptime(out["Credentials"]["Expiration"][:19], "%Y-%m-%dT%H:%M:%S")) - time.timezone
        self.assertLess(abs(ends - time.time() - 900), 60)
        child = Cli(keys, self.url)
        self.assertIn("Buckets", self.said("s3api", "list-buckets", aws=child))
        # Of this upstream only; and to AWS itself it means nothing.
        self.refused("s3api", "list-buckets", aws=Cli(keys, f"http://{self.host}/billing"), code="scope.upstream")
        self.assertNotEqual(Cli(keys, self.moto.url)("s3api", "list-buckets", check=None)[0], 0)
        # The log knows who made which, and who acts.
        gave = [row for row in self.records("aws:sts:AssumeRole") if row["phase"] == "outcome"][0]
        self.assertRegex(gave["detail"], r"^gave keys of the token [0-9a-f]{32}, narrowed from [0-9a-f]{32}, until .*, as session/ci$")
        identity = gave["detail"].split("token ")[1][:32]
        acted = [row for row in self.records("aws:s3:ListBuckets") if row["phase"] == "intent" and identity in row["chain"]]
        self.assertEqual(len(acted[0]["chain"]), 2)
        # It is revoked like any other, and nobody else with it.
        self.gateway.cli("token", "revoke", identity, "--reason", "over", check=0)
        self.refused("s3api", "list-buckets", aws=child, code="token.revoked")
        self.said("s3api", "list-buckets")

    def test_a_child_is_never_more_than_its_parent(self):
        reader = self.gateway.cli("token", "narrow", self.delegable, "--effects", "read", "--ttl", "1000s", check=0)[1].strip()
        out, keys = self.assumed("--duration-seconds", "43200", aws=Cli(self.keys(reader), self.url))
        ends = time.mktime(time.strptime(out["Credentials"]["Expiration"][:19], "%Y-%m-%dT%H:%M:%S")) - time.timezone
        self.assertLess(ends, time.time() + 1000)
        self.refused("s3api", "create-bucket", "--bucket", "wider", aws=Cli(keys, self.url), code="scope.effect")
        _, keys = self.assumed(aws=Cli(keys, self.url), name="again")  # of a child, a grandchild
        self.refused("s3api", "create-bucket", "--bucket", "wider", aws=Cli(keys, self.url), code="scope.effect")

    def test_revoking_the_parent_ends_its_children(self):
        delegable, _ = self.gateway.agent_token(upstreams="aws")
        _, keys = self.assumed(aws=Cli(self.keys(delegable), self.url))
        self.said("s3api", "list-buckets", aws=Cli(keys, self.url))
        self.gateway.cli("token", "revoke", self.gateway.json("token", "inspect", delegable)["id"], "--reason", "lost", check=0)
        self.refused("s3api", "list-buckets", aws=Cli(keys, self.url), code="token.revoked")

    def test_a_session_policy_is_kept(self):
        policy = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": ["s3:ListAllMyBuckets", "sqs:*"], "Resource": "*"}]}
        _, keys = self.assumed("--policy", json.dumps(policy))
        child = Cli(keys, self.url)
        self.said("s3api", "list-buckets", aws=child)
        self.refused("s3api", "create-bucket", "--bucket", "more", aws=child, code="scope.action")
        self.refused("dynamodb", "list-tables", aws=child, code="scope.action")

    def test_what_cannot_be_kept_is_refused(self):
        ask = ("sts", "assume-role", "--role-arn", ROLE, "--role-session-name", "ci")
        deny = {"Version": "2012-10-17", "Statement": [{"Effect": "Deny", "Action": "s3:*", "Resource": "*"}]}
        self.refused(*ask, "--policy", json.dumps(deny), code="aws.session_policy")
        self.refused(*ask, "--policy-arns", "arn=arn:aws:iam::aws:policy/ReadOnlyAccess", code="aws.session_policy_arns")
        self.refused(*ask, "--duration-seconds", "43201", code="aws.session_duration")
        self.refused(*ask[:-1], "a:b", code="aws.session_name")
        error = self.refused(*ask[:3], "arn:aws:iam::444455556666:role/deploy", *ask[4:], code="aws.role_of_another_account")
        self.assertIn("served by the upstream billing", error)
        outsider, _ = self.gateway.agent_token(agent="outsider", upstreams="aws")
        self.refused(*ask, aws=Cli(self.keys(outsider), self.url), code="policy.forbidden")
        elsewhere, _ = self.gateway.agent_token(upstreams="billing")
        self.refused(*ask, aws=Cli(self.keys(elsewhere), self.url), code="scope.upstream")
        self.refused("iam", "create-access-key", "--user-name", "gateway", code="policy.floor")

    def test_a_chain_ends_cleanly(self):
        aws, made = self.aws, 0
        for number in range(20):
            status, out, error = aws("sts", "assume-role", "--role-arn", ROLE, "--role-session-name", f"s{number}", check=None)
            if status:
                self.assertIn("[aws.session_too_deep]", error)
                break
            made += 1
            keys = json.loads(out)["Credentials"]
            aws = Cli({"AWS_ACCESS_KEY_ID": keys["AccessKeyId"], "AWS_SECRET_ACCESS_KEY": keys["SecretAccessKey"],
                       "AWS_SESSION_TOKEN": keys["SessionToken"]}, self.url)
        self.assertEqual(made, 15)
        self.said("s3api", "list-buckets", aws=aws)

    def test_the_other_two(self):
        keys = self.said("sts", "get-session-token")["Credentials"]
        self.assertTrue(keys["AccessKeyId"].startswith("CSK"))
        user = self.said("sts", "get-federation-token", "--name", "ci")["FederatedUser"]
        self.assertEqual(user["Arn"], f"arn:aws:sts::{ACCOUNT}:federated-user/ci")

    def test_a_signature_gets_keys_once(self):
        body = urllib.parse.urlencode({"Action": "AssumeRole", "Version": "2011-06-15", "RoleArn": ROLE, "RoleSessionName": "ci"}).encode()
        signer = Signer(self.keys(self.delegable), self.host)
        fields = signer.sign("POST", "/aws/", body, service="sts", content_type="application/x-www-form-urlencoded; charset=utf-8")
        answers = []
        for _ in range(2):
            request = urllib.request.Request(f"http://{self.host}/aws/", data=body, headers=fields, method="POST")
            try:
                answers.append(urllib.request.urlopen(request).read())
            except urllib.error.HTTPError as error:
                answers.append(error.read())
        self.assertIn(b"<SecretAccessKey>", answers[0])
        self.assertIn(b"sigv4.replayed", answers[1])
        self.assertNotIn(b"SecretAccessKey", answers[1])

    @unittest.skipUnless(Terraform.TERRAFORM and Terraform.PLUGINS, "needs Terraform and its AWS provider")
    def test_terraform_assumes_a_role(self):
        terraform = Terraform(self.folder / "terraform", self.keys(self.delegable), self.url)
        provider = terraform.PROVIDER.replace("  max_retries       = 1\n", f"""  max_retries       = 1
  assume_role {{
    role_arn     = "{ROLE}"
    session_name = "terraform"
    duration     = "15m"
  }}
""")
        self.assertIn("assume_role", provider)
        (terraform.folder / "main.tf").write_text(provider + 'resource "aws_s3_bucket" "b" { bucket = "by-a-role" }\n')
        terraform("init")
        terraform("apply", "-auto-approve")
        self.direct("s3api", "head-bucket", "--bucket", "by-a-role")
        intents = [row for row in self.records("aws:s3:CreateBucket") if row["phase"] == "intent" and "by-a-role" in json.dumps(row)]
        self.assertEqual(len(intents[0]["chain"]), 2)
        self.assertIn("No changes", terraform("plan")[1])

    def test_keys_are_written_nowhere(self):
        _, keys = self.assumed(name="nowhere")
        for file in self.folder.rglob("*"):
            if file.is_file() and file.parent.name != "keys":
                self.assertNotIn(keys["AWS_SECRET_ACCESS_KEY"].encode(), file.read_bytes(), file)
        self.assertEqual(self.gateway.cli("audit", "verify")[0], 0)


if __name__ == "__main__":
    unittest.main()
