"""One account of AWS in four environments: a gateway with the default policies and an upstream for each, all leading to the same place."""
import pathlib
import re
import shutil
import tempfile

from aws_peers import KEY_FILES, write_keys
from aws_sdks import AwsError, Sdk
from harness import ROOT, Gateway, free_port, wait_until

UPSTREAMS = {"aws": None, "stage": "staging", "sandbox": "sandbox", "breaker": "staging", "purse": "staging", "asked": "staging"}


class Scene:
    """`keys` and `url`: what the gateway signs with, and where it goes."""

    def __init__(self, url, keys, budgets=""):
        self.url = url
        self.temporary = tempfile.TemporaryDirectory(prefix="countersign-incidents-")
        self.folder = pathlib.Path(self.temporary.name)
        shutil.copytree(ROOT / "policies" / "default", self.folder / "policies")
        shutil.copy(ROOT / "examples" / "aws" / "entities.yaml", self.folder / "policies")
        approvals = self.folder / "policies" / "approvals.yaml"
        text = approvals.read_text()
        # One approver is enough, so that what happens after an approval can be seen.
        text, changed = re.subn(r"(sensitive-change:.*?)count: 2", r"\1count: 1", text, flags=re.S)
        assert changed == 1 and "\nbudgets:\n" in text
        approvals.write_text(text.replace("\nbudgets:\n", "\nbudgets:\n" + budgets))
        write_keys(self.folder, keys)
        agents, admin = free_port(), free_port()
        lines = [f"state: ./state\nlisten: {{ agents: 127.0.0.1:{agents}, admin: 127.0.0.1:{admin} }}\npolicies: ./policies\nupstreams:"]
        for name, environment in UPSTREAMS.items():
            labels = f"\n    labels: {{ environment: {environment}, tier: 3, owner: platform }}" if environment else ""
            lines.append(f'  - name: {name}\n    protocol: aws\n    url: {url}\n    aws: {{ account: "123456789012", wait: 1s }}\n'
                         f"    credential: {{ aws: {{ {KEY_FILES} }} }}{labels}")
        (self.folder / "countersign.yaml").write_text("\n".join(lines) + "\n")
        self.gateway = Gateway(self.folder, agents, admin)
        self.host = f"127.0.0.1:{agents}"
        self.sam = self.gateway.person("sam")

    def at(self, upstream):
        return f"http://{self.host}/{upstream}"

    def token(self, agent="builder"):
        """A fresh lineage: nothing was done with it yet."""
        return self.gateway.agent_token(agent=agent, upstreams=",".join(UPSTREAMS))[0]

    def keys_of(self, delegable):
        return self.gateway.aws_keys(delegable)

    def narrowed(self, delegable, *how):
        return self.gateway.cli("token", "narrow", delegable, *how, check=0)[1].strip()

    def why(self, request):
        """The rules and policies that a request is held for."""
        shown = self.gateway.json("request", "show", request, token=self.sam)
        return {policy["id"] for policy in shown["policies"]}

    def approve(self, request):
        self.gateway.cli("approve", request, "--reason", "looked at it", token=self.sam, check=0)
        wait_until(lambda: self.gateway.json("request", "show", request, token=self.sam)["state"] == "done", f"{request} has run")

    def close(self):
        self.gateway.stop()
        self.temporary.cleanup()


class Agent:
    """boto3 with one token, at one upstream after the other."""

    def __init__(self, scene, delegable=None):
        self.scene, self.delegable = scene, delegable or scene.token()
        self.keys = scene.keys_of(self.delegable)
        self.boto = Sdk.boto3(scene.folder)

    def __call__(self, upstream, service, operation, **given):
        return self.boto(service, operation, keys=self.keys, endpoint=self.scene.at(upstream), **given)

    def refusal(self, *call, **given):
        """(our code, the id of the held request or None) of a call that does not pass."""
        try:
            answer = self(*call, **given)
        except AwsError as error:
            code = re.match(r"\[([a-z_.]+)\]", error.message)
            request = re.search(r"req_[A-Za-z0-9_-]+", error.message)
            if not code:
                raise
            return code[1], request and request[0]
        raise AssertionError(f"{call} passed: {answer}")

    def held(self, *call, **given):
        code, request = self.refusal(*call, **given)
        assert code == "approval.pending", (call, code)
        return request

    def close(self):
        self.boto.close()
