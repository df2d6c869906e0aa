"""What the gateway signs with: sessions of STS for one operation or one agent, web identities, and nothing wider when there is none.

The account is aws_account.py, which verifies each signature and keeps each session to its policy; where moto is, its roles too.
"""
import concurrent.futures
import hashlib
import http.client
import json
import os
import pathlib
import re
import shutil
import tempfile
import time
import unittest

from aws_account import Account
from aws_peers import KEY_FILES, Cli, Moto, write_keys
from aws_sigv4 import Signer
from aws_sts import Sts
from harness import ROOT, Gateway, free_port, wait_until, write_quickstart

SENT_FOR = re.compile(r"(?:^|.* )countersign/1 agent/(\S+) op/([0-9a-f-]{36})$")
ROLE = "arn:aws:iam::111122223333:role/agents"
AGENTS = ("builder", "tester", "newcomer")
STAGING = "labels: { environment: staging, tier: 3, owner: platform }"
UPSTREAMS = {
    "plain": (f"{{ {KEY_FILES} }}", STAGING),
    "narrow": (f"{{ {KEY_FILES}, assume_role: {{ role: \"{ROLE}\", external_id: from-us }} }}", STAGING),
    "production": (f"{{ {KEY_FILES}, assume_role: {{ role: \"{ROLE}\" }} }}", "labels: { environment: production, tier: 1, owner: platform }"),
    "whole": (f"{{ {KEY_FILES}, assume_role: {{ role: \"{ROLE}\", session: whole, duration: 15m }} }}", STAGING),
    "web": ("{ web_identity: { role: \"arn:aws:iam::111122223333:role/web\", token_file: ./token } }", STAGING),
    "chain": (f"{{ web_identity: {{ role: \"arn:aws:iam::111122223333:role/web\", token_file: ./token }}, "
              f"assume_role: {{ role: \"{ROLE}\", duration: 12h }} }}", STAGING),
}


class Outbound(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.temporary = tempfile.TemporaryDirectory(prefix="countersign-outbound-")
        cls.folder = pathlib.Path(cls.temporary.name)
        cls.account = Account(cls.folder)
        write_keys(cls.folder, Account.KEYS)
        (cls.folder / "token").write_text("first-token\n")
        (cls.folder / "token").chmod(0o600)
        shutil.copytree(ROOT / "policies" / "default", cls.folder / "policies")
        entities = (ROOT / "examples" / "aws" / "entities.yaml").read_text()
        before = "  - { name: builder, owner: olivia, purpose: delivery }\n"
        assert before in entities
        (cls.folder / "policies" / "entities.yaml").write_text(
            entities.replace(before, before + "".join(f"  - {{ name: {name}, owner: olivia, purpose: tests }}\n" for name in AGENTS[1:])))
        agents, admin = free_port(), free_port()
        (cls.folder / "countersign.yaml").write_text(
            f"state: ./state\nlisten: {{ agents: 127.0.0.1:{agents}, admin: 127.0.0.1:{admin} }}\npolicies: ./policies\nupstreams:\n" + "".join(
                f"  - name: {name}\n    protocol: aws\n    url: {cls.account.url}\n    aws: {{ account: \"111122223333\", wait: 0s }}\n"
                f"    credential: {{ aws: {credential} }}\n    {labels}\n" for name, (credential, labels) in UPSTREAMS.items())
            .replace("wait: 0s", "wait: none"))
        cls.gateway = Gateway(cls.folder, agents, admin)
        cls.host = f"127.0.0.1:{agents}"
        cls.signers = {agent: cls.signer(agent) for agent in AGENTS}
        cls.sam = cls.gateway.person("sam")
        cls.send("plain", "PUT", "/staging")

    @classmethod
    def tearDownClass(cls):
        cls.gateway.stop()
        cls.account.stop()
        cls.temporary.cleanup()

    def setUp(self):
        self.account.sts.refuse, self.account.sts.seconds = None, 3600
        self.account.sts.tokens = {"first-token"}
        (self.folder / "token").write_text("first-token\n")
        self.account.sts.calls.clear()
        self.account.seen.clear()
        self.account.refused.clear()

    @classmethod
    def signer(cls, agent):
        delegable, _ = cls.gateway.agent_token(agent=agent, upstreams=",".join(UPSTREAMS))
        return Signer(cls.gateway.aws_keys(delegable), cls.host)

    @classmethod
    def send(cls, upstream, method, target, body=b"", agent="builder", **more):
        """(status, code of ours, body)"""
        target = f"/{upstream}{target}"
        fields = {**cls.signers[agent].sign(method, target, body), **more}
        status, answered, data = cls.gateway.http(method, target, body=body, headers=fields)
        return status, answered.get("countersign-code", ""), data

    def session(self, number=-1):
        return list(self.account.sts.sessions.values())[number]

    def actions_and_resources(self, session):
        first = session.policy["Statement"][0]
        return first["Action"], first["Resource"]

    def sent_for(self, request):
        matched = SENT_FOR.fullmatch(request.fields["user-agent"])
        self.assertTrue(matched, request.fields["user-agent"])
        return matched.groups()

    def records(self, operation):
        lines = [line for file in (self.folder / "state" / "audit").glob("segment-*") for line in file.read_text().splitlines()]
        return [record for record in map(json.loads, lines) if record.get("operation") == operation]

    def test_a_session_is_narrowed_to_the_operation(self):
        self.assertEqual(self.send("narrow", "PUT", "/staging/a.txt", b"one")[0], 200)
        made = self.session()
        self.assertEqual(made.call, "AssumeRole")
        self.assertEqual(made.signer, Account.KEYS["AWS_ACCESS_KEY_ID"])
        self.assertEqual((made.asked["RoleArn"], made.asked["ExternalId"], made.asked["SourceIdentity"]), (ROLE, "from-us", "builder"))
        self.assertTrue(made.asked["RoleSessionName"].startswith("builder-"))
        actions, resources = self.actions_and_resources(made)
        self.assertEqual(actions, ["s3:PutObject"])
        self.assertEqual(resources, ["arn:aws:s3:::staging", "arn:aws:s3:::staging/a.txt"])
        self.assertEqual([r.method for r in made.used], ["PUT"])

        self.assertEqual(self.send("narrow", "GET", "/staging/a.txt")[::2], (200, b"one"))
        self.assertEqual(self.actions_and_resources(self.session())[0], ["s3:GetObject", "s3:GetObjectVersion", "s3:ListBucket"])
        calls = len(self.account.sts.calls)
        self.assertEqual(self.send("narrow", "GET", "/staging/a.txt")[0], 200)
        self.assertEqual(len(self.account.sts.calls), calls, "it is kept")

        # What the fence is worth: AWS would not let this session do anything else.
        keys = {"AWS_ACCESS_KEY_ID": list(self.account.sts.sessions)[-1], "AWS_SECRET_ACCESS_KEY": self.session().secret,
                "AWS_SESSION_TOKEN": self.session().token}
        stolen = Signer(keys, f"127.0.0.1:{self.account.port}")
        connection = http.client.HTTPConnection(stolen.host)
        connection.request("DELETE", "/staging/a.txt", headers=stolen.sign("DELETE", "/staging/a.txt"))
        answer = connection.getresponse()
        self.assertEqual((answer.status, answer.headers["x-complaint"]), (403, "the session may not s3:DeleteObject on arn:aws:s3:::staging/a.txt"))
        connection.close()

    def test_aws_can_be_reconciled_with_the_audit_log(self):
        self.assertEqual(self.send("narrow", "PUT", "/staging/who.txt", b"x", **{"User-Agent": "aws-cli/2"})[0], 200)
        self.assertTrue(self.account.seen[-1].fields["user-agent"].startswith("aws-cli/2 countersign/1 "))
        agent, operation = self.sent_for(self.account.seen[-1])
        self.assertEqual(agent, "builder")
        records = self.records(operation)
        self.assertEqual([r["phase"] for r in records], ["intent", "outcome"])
        self.assertEqual({r["agent"] for r in records}, {"builder"})
        self.assertTrue(self.session().asked["RoleSessionName"].endswith(operation.replace("-", "")[-12:]))
        # Whatever a client says of itself, the last words are the gateway's.
        for claimed in ("countersign/1 agent/root op/00000000-0000-0000-0000-000000000000", "x" * 4000):
            self.assertEqual(self.send("plain", "GET", "/staging/who.txt", **{"User-Agent": claimed})[0], 200)
            self.assertEqual(self.sent_for(self.account.seen[-1])[0], "builder")
            self.assertLess(len(self.account.seen[-1].fields["user-agent"]), 700)

    def test_without_a_session_nothing_leaves(self):
        for refusal in ((403, "AccessDenied"), (500, "InternalFailure"), (400, "PackedPolicyTooLarge")):
            self.account.sts.refuse = refusal
            for upstream in ("narrow", "whole", "chain"):
                target = f"/staging/refused-{upstream}-{refusal[0]}"
                status, code, body = self.send(upstream, "PUT", target, b"x", agent="newcomer")
                self.assertEqual((status, code), (503, "aws.credential_unavailable"), body)
                self.assertIn(refusal[1].encode(), body)
                self.assertIn(b"<Code>ServiceUnavailable</Code>", body)
        self.assertEqual([r for r in self.account.seen + self.account.refused if r.service != "sts"], [])
        self.account.sts.refuse = None
        self.assertEqual(self.send("narrow", "PUT", "/staging/refused-narrow-403", b"x", agent="newcomer")[0], 200)

    def test_without_a_session_the_outcome_is_known(self):
        self.account.sts.refuse = (403, "AccessDenied")
        self.send("narrow", "DELETE", "/staging/not-done")
        outcomes = [json.loads(line) for file in (self.folder / "state" / "audit").glob("segment-*") for line in file.read_text().splitlines()
                    if '"arn:aws:s3:::staging/not-done"' in line or "not_forwarded" in line]
        self.assertEqual(outcomes[-1]["outcome"], "not_forwarded")
        self.assertIn("AccessDenied", outcomes[-1]["detail"])

    def test_a_whole_session_is_one_for_each_agent(self):
        for agent in ("builder", "tester", "builder"):
            for target in ("/staging/one", "/staging/two"):
                self.assertEqual(self.send("whole", "PUT", target, b"x", agent=agent)[0], 200)
        self.assertEqual([call["SourceIdentity"] for call in self.account.sts.calls], ["builder", "tester"])
        self.assertTrue(all("Policy" not in call and call["DurationSeconds"] == "900" for call in self.account.sts.calls))

    def test_many_at_once_ask_for_one_session(self):
        self.send("plain", "PUT", "/staging/popular", b"x")
        with concurrent.futures.ThreadPoolExecutor(16) as pool:
            answers = list(pool.map(lambda _: self.send("narrow", "GET", "/staging/popular")[0], range(64)))
        self.assertEqual(answers, [200] * 64)
        self.assertEqual(len(self.account.sts.calls), 1)

    def test_a_web_identity_is_not_signed_and_reads_its_token_again(self):
        self.account.sts.seconds = 1
        self.assertEqual(self.send("web", "PUT", "/staging/web", b"x")[0], 200)
        made = self.session()
        self.assertEqual((made.call, made.signer, made.asked["RoleSessionName"]), ("AssumeRoleWithWebIdentity", "", "countersign"))
        self.assertEqual(self.sent_for(self.account.seen[-1])[0], "builder", "no SourceIdentity here, but the user agent")
        (self.folder / "token").write_text("second-token\n")
        self.account.sts.tokens = {"second-token"}
        self.account.sts.seconds = 3600
        wait_until(lambda: self.send("web", "GET", "/staging/web")[0] == 200 and self.session().asked.get("WebIdentityToken") == "second-token",
                   "the token was read again")

    def test_a_role_on_top_of_a_web_identity(self):
        self.assertEqual(self.send("chain", "PUT", "/staging/chain", b"x")[0], 200)
        role = self.session()
        self.assertEqual((role.call, role.asked["DurationSeconds"]), ("AssumeRole", "3600"))
        self.assertEqual(self.account.sts.sessions[role.signer].call, "AssumeRoleWithWebIdentity")
        self.assertEqual(role.asked["SourceIdentity"], "builder")

    def test_an_approved_change_runs_with_a_session_of_its_agent(self):
        status, code, body = self.send("production", "PUT", "/staging/approved", b"approved")
        self.assertEqual((status, code), (403, "approval.pending"), body)
        self.assertEqual(self.account.sts.calls, [])
        request = re.search(rb"req_[a-z0-9]+", body).group().decode()
        self.gateway.cli("approve", request, "--reason", "looks right", token=self.sam, check=0)
        wait_until(lambda: self.gateway.json("request", "show", request, token=self.sam)["state"] == "done", "it has run")
        self.assertEqual(self.session().asked["SourceIdentity"], "builder")
        self.assertEqual(self.actions_and_resources(self.session()), (["s3:PutObject"], ["arn:aws:s3:::staging", "arn:aws:s3:::staging/approved"]))
        self.assertEqual(self.sent_for(self.account.seen[-1])[0], "builder")

    def test_other_protocols_of_aws_have_their_sessions_too(self):
        body = json.dumps({"TableName": "staging"}).encode()
        target = "/narrow/"
        fields = self.signers["builder"].sign("POST", target, body, service="dynamodb", x_amz_target="DynamoDB_20120810.DescribeTable")
        status, _, data = self.gateway.http("POST", target, body=body, headers={**fields, "Content-Type": "application/x-amz-json-1.0"})
        self.assertEqual(status, 400, data)
        self.assertIn(b"ResourceNotFoundException", data, "dynalite answered: the session let it pass")
        self.assertEqual(self.actions_and_resources(self.session())[0], ["dynamodb:DescribeTable"])

    LONG = 3 << 20

    def begin(self, target, body, upstream="plain", promised=None):
        """A request whose head promises `promised` (or `body`), with nothing of its body sent yet."""
        connection = http.client.HTTPConnection(self.host, timeout=60)
        target = f"/{upstream}{target}"
        fields = self.signers["builder"].sign("PUT", target, promised or body)
        connection.putrequest("PUT", target, skip_host=True, skip_accept_encoding=True)
        for name, value in {**fields, "content-length": str(len(body))}.items():
            connection.putheader(name, value)
        connection.endheaders()
        return connection

    def records_about(self, target, phase):
        """Records of that phase about operations on the object."""
        lines = [json.loads(line) for file in (self.folder / "state" / "audit").glob("segment-*") for line in file.read_text().splitlines()]
        mine = {r["operation"] for r in lines if any(target in each for each in r.get("resources", []))}
        return [r for r in lines if r.get("operation") in mine and r["phase"] == phase]

    def test_a_promised_body_passes_while_it_arrives(self):
        body = os.urandom(self.LONG)
        connection = self.begin("/staging/passed", body)
        connection.send(body[: self.LONG // 2])
        wait_until(lambda: "/staging/passed" in self.account.begun, "the upload has begun at the account")
        self.assertEqual(self.records_about("staging/passed", "intent")[-1]["input_sha256"], hashlib.sha256(body).hexdigest())
        self.assertEqual(self.records_about("staging/passed", "outcome"), [])
        connection.send(body[self.LONG // 2:])
        self.assertEqual(connection.getresponse().status, 200)
        connection.close()
        self.assertEqual(self.send("plain", "GET", "/staging/passed")[2], body)
        self.assertEqual(self.records_about("staging/passed", "outcome")[0]["outcome"], "ok")

    def test_another_body_never_takes_effect(self):
        self.assertEqual(self.send("plain", "PUT", "/staging/kept", b"kept")[0], 200)
        body = os.urandom(self.LONG)
        connection = self.begin("/staging/kept", body, promised=b"x" + body[1:])
        connection.send(body)
        answer = connection.getresponse()
        self.assertEqual((answer.status, answer.headers["countersign-code"]), (403, "sigv4.payload_mismatch"))
        self.assertIn(b"<Code>XAmzContentSHA256Mismatch</Code>", answer.read())
        connection.close()
        wait_until(lambda: any(cut[0] == "/staging/kept" for cut in self.account.cut), "the account saw it break off")
        target, announced, came = next(cut for cut in self.account.cut if cut[0] == "/staging/kept")
        self.assertLess(came, announced)
        self.assertEqual(self.send("plain", "GET", "/staging/kept")[2], b"kept")
        outcomes = {r["outcome"]: r.get("detail", "") for r in self.records_about("staging/kept", "outcome")}
        self.assertIn("digest", outcomes["not_forwarded"])

    def test_a_body_that_breaks_off_never_takes_effect(self):
        body = os.urandom(self.LONG)
        connection = self.begin("/staging/broken", body)
        connection.send(body[:-1])
        wait_until(lambda: "/staging/broken" in self.account.begun, "the upload has begun at the account")
        connection.close()
        wait_until(lambda: self.records_about("staging/broken", "outcome"), "the outcome is recorded")
        self.assertEqual(self.records_about("staging/broken", "outcome")[-1]["outcome"], "not_forwarded")
        self.assertEqual(self.send("plain", "GET", "/staging/broken")[0], 404)

    def stopped_meanwhile(self, code, target, stop, **token):
        """An upload whose sender is stopped by `stop(token)` while it arrives."""
        delegable, _ = self.gateway.agent_token(upstreams="plain", **token)
        keys = self.gateway.aws_keys(delegable)
        mine, self.signers["builder"] = self.signers["builder"], Signer(keys, self.host)
        try:
            body = os.urandom(self.LONG)
            connection = self.begin(target, body)
            connection.send(body[: self.LONG // 2])
            wait_until(lambda: target in self.account.begun, "the upload has begun at the account")
            stop(delegable)
            connection.send(body[self.LONG // 2:])
            answer = connection.getresponse()
            self.assertEqual((answer.status, answer.headers["countersign-code"]), (403, code))
            connection.close()
            self.assertEqual(self.records_about(target[1:], "outcome")[-1]["outcome"], "not_forwarded")
        finally:
            self.signers["builder"] = mine
        self.assertEqual(self.send("plain", "GET", target)[0], 404)

    def test_who_is_revoked_meanwhile_does_not_end_an_upload(self):
        self.stopped_meanwhile("token.revoked", "/staging/revoked", lambda token: self.gateway.cli(
            "token", "revoke", self.gateway.json("token", "inspect", token)["id"], "--reason", "stop", check=0))

    def test_whose_token_ends_meanwhile_does_not_end_an_upload(self):
        def wait(token):
            end = self.gateway.json("token", "inspect", token)["expires"]
            wait_until(lambda: time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime()) > end[:19], "the token has ended")

        self.stopped_meanwhile("token.expired", "/staging/expired", wait, ttl="5s")

    def test_a_long_body_that_is_held_is_kept_whole(self):
        body = os.urandom(self.LONG)
        status, code, answer = self.send("production", "PUT", "/staging/held", body)
        self.assertEqual((status, code), (403, "approval.pending"), answer)
        self.assertNotIn("/staging/held", self.account.begun)
        request = re.search(rb"req_[a-z0-9]+", answer).group().decode()
        self.gateway.cli("approve", request, "--reason", "looks right", token=self.sam, check=0)
        wait_until(lambda: self.gateway.json("request", "show", request, token=self.sam)["state"] == "done", "it has run")
        self.assertEqual(self.send("plain", "GET", "/staging/held")[2], body)
        # The same again collects the result; and one that is not what its head promises is nobody's.
        connection = self.begin("/staging/held2", body, upstream="production", promised=b"x" + body[1:])
        connection.send(body)
        answer = connection.getresponse()
        self.assertEqual((answer.status, answer.headers["countersign-code"]), (403, "sigv4.payload_mismatch"))
        connection.close()

    def test_secrets_of_sessions_are_written_nowhere(self):
        self.assertEqual(self.send("narrow", "PUT", "/staging/quiet", b"x")[0], 200)
        self.assertEqual(self.send("chain", "PUT", "/staging/quiet", b"x")[0], 200)
        secrets = [text.encode() for s in self.account.sts.sessions.values() for text in (s.secret, s.token)] + [b"first-token"]
        for file in [self.folder / "gateway.log", *(self.folder / "state").rglob("*")]:
            if file.is_file():
                data = file.read_bytes()
                self.assertFalse([s for s in secrets if s in data], file)


@unittest.skipUnless(Moto.PYTHON and Cli.AWS, "needs moto's server and the AWS CLI")
class RolesInMoto(unittest.TestCase):
    """moto verifies the session's signature and token, and what the role may do."""

    def test_roles(self):
        with tempfile.TemporaryDirectory(prefix="countersign-moto-") as name:
            folder = pathlib.Path(name)
            moto = Moto(folder)
            try:
                self.with_roles(folder, moto)
            finally:
                moto.stop()

    def with_roles(self, folder, moto):
        direct = Cli(moto.keys, moto.url)
        trust = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": ["sts:AssumeRole", "sts:SetSourceIdentity"],
                                                         "Principal": {"AWS": "arn:aws:iam::123456789012:user/gateway"}}]}
        role = json.loads(direct("iam", "create-role", "--role-name", "agents", "--assume-role-policy-document", json.dumps(trust))[1])["Role"]["Arn"]
        trust["Statement"][0]["Principal"]["AWS"] = "arn:aws:iam::123456789012:user/somebody-else"
        closed = json.loads(direct("iam", "create-role", "--role-name", "closed", "--assume-role-policy-document", json.dumps(trust))[1])["Role"]["Arn"]
        s3 = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:*", "Resource": "*"}]}
        direct("iam", "put-role-policy", "--role-name", "agents", "--policy-name", "s3", "--policy-document", json.dumps(s3))
        write_keys(folder, moto.keys)
        agents, admin = write_quickstart(folder)
        configuration = folder / "countersign.yaml"
        configuration.write_text(configuration.read_text() + "".join(f"""
  - name: {upstream}
    protocol: aws
    url: {moto.url}
    aws: {{ account: "123456789012", wait: none }}
    credential: {{ aws: {{ {KEY_FILES}, assume_role: {{ role: "{arn}" }} }} }}
    {STAGING}
""" for upstream, arn in (("aws", role), ("closed", closed))))
        gateway = Gateway(folder, agents, admin)
        try:
            keys = gateway.aws_keys(gateway.agent_token(upstreams="aws,closed")[0])
            agent = Cli(keys, f"http://127.0.0.1:{agents}/aws")
            agent("s3", "mb", "s3://staging")
            agent("s3", "cp", "-", "s3://staging/a", stdin="hello")
            self.assertEqual(agent("s3", "cp", "s3://staging/a", "-")[1], "hello")
            # The role is the fence: the gateway's own user may do this, its agents' role may not.
            self.assertEqual(json.loads(direct("dynamodb", "list-tables")[1])["TableNames"], [])
            self.assertIn("AccessDenied", agent("dynamodb", "list-tables", check=None)[2])
            refused = Cli(keys, f"http://127.0.0.1:{agents}/closed")("s3", "ls", check=None)[2]
            self.assertIn("[aws.credential_unavailable] sts:AssumeRole was answered with status 403, AccessDenied", refused)
        finally:
            gateway.stop()


class TheAccountItself(unittest.TestCase):
    def test_sessions_are_kept_to_their_policy(self):
        sts = Sts()
        policy = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": ["s3:GetObject"], "Resource": ["arn:aws:s3:::a/*"]},
                                                         {"Effect": "Allow", "Action": "*", "Resource": "*", "Condition": {}}]}
        body = "&".join(("Action=AssumeRole", "RoleArn=r", "RoleSessionName=ab", "SourceIdentity=ab", "DurationSeconds=900",
                         "Policy=" + json.dumps(policy).replace(" ", "")))
        self.assertEqual(sts.answer(body.encode(), "AKIA", None)[0], 200)
        session = next(iter(sts.sessions.values()))
        self.assertIsNone(sts.complaint_about(session, "s3", "GET", "/a/b", {}, "x"))
        self.assertIsNotNone(sts.complaint_about(session, "s3", "PUT", "/a/b", {}, "x"))
        self.assertIsNotNone(sts.complaint_about(session, "s3", "GET", "/b/b", {}, "x"))


if __name__ == "__main__":
    unittest.main()
