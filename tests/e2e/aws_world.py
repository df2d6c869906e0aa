"""s3rver and dynalite as an account, the gateway in front of it, and the SDKs behind a token: started once for many calls."""
import http.client
import pathlib
import shutil
import tempfile

from aws_account import Account
from aws_sdks import Sdk
from aws_sigv4 import Signer
from harness import ROOT, Gateway, free_port, wait_until


class World:
    """The account, the gateway in front of it, and the clients, each started once for all tests."""

    def __init__(self):
        self.temporary = tempfile.TemporaryDirectory(prefix="countersign-s3-")
        self.folder = pathlib.Path(self.temporary.name)
        self.gateway, self.sdks, self.account = None, [], Account(self.folder)
        try:
            self._start()
        except BaseException:
            self.close()
            raise

    def _start(self):
        agents, admin = self._write_example()
        keys = "".join(f"[{name}]\naws_access_key_id = {self.account.KEYS['AWS_ACCESS_KEY_ID']}\n"
                       f"aws_secret_access_key = {self.account.KEYS['AWS_SECRET_ACCESS_KEY']}\n" for name in ("countersign", "sandbox"))
        (self.folder / "credentials").write_text(keys)
        (self.folder / "credentials").chmod(0o600)
        self.gateway = Gateway(self.folder, agents, admin, AWS_SHARED_CREDENTIALS_FILE=str(self.folder / "credentials"))
        self.host = f"127.0.0.1:{agents}"
        self.url = f"http://{self.host}/aws"
        self.delegable, _ = self.gateway.agent_token(upstreams="aws,sandbox")
        self.keys = self.keys_of(self.delegable)
        self.sam = self.gateway.person("sam")
        config = self.folder / "aws-config"
        config.write_text(f"[profile agent]\ncredential_process = {self.gateway.binary} token seal --aws --output credential-process\n")
        self.boto = Sdk.boto3(self.folder, AWS_CONFIG_FILE=str(config), COUNTERSIGN_AGENT_TOKEN=self.delegable)
        self.javascript = Sdk.javascript(self.folder)
        self.sdks = [self.boto, self.javascript]
        for sdk in self.sdks:
            sdk.endpoint, sdk.keys = self.url, self.keys
        self.signer = Signer(self.keys, self.host)
        for bucket in ("staging", "staging-wiped", "orders"):
            self.direct("s3", "CreateBucket", Bucket=bucket)
        for table in ("staging", "orders"):
            self.direct("dynamodb", "CreateTable", TableName=table, BillingMode="PAY_PER_REQUEST",
                        AttributeDefinitions=[{"AttributeName": "k", "AttributeType": "S"}], KeySchema=[{"AttributeName": "k", "KeyType": "HASH"}])

    def _write_example(self):
        """examples/aws with the default policies, at free ports, the account in the place of AWS, and without much patience."""
        shutil.copytree(ROOT / "policies" / "default", self.folder / "policies")
        shutil.copy(ROOT / "examples" / "aws" / "entities.yaml", self.folder / "policies")
        agents, admin = free_port(), free_port()
        text = (ROOT / "examples" / "aws" / "countersign.yaml").read_text()
        for example, ours in (("127.0.0.1:8700, ", f"127.0.0.1:{agents}, "), ("127.0.0.1:8701 ", f"127.0.0.1:{admin} "), ("wait: 25s", "wait: 1s, host: aws.proxy.example"),
                              ("    protocol: aws", f"    url: {self.account.url}\n    protocol: aws")):
            assert example in text, example
            text = text.replace(example, ours)
        (self.folder / "countersign.yaml").write_text(text)
        return agents, admin

    def keys_of(self, delegable):
        return self.gateway.aws_keys(delegable)

    def direct(self, service, operation, **given):
        """What nobody but the gateway can do: to prepare, and to look behind it."""
        return self.boto(service, operation, keys=self.account.KEYS, endpoint=self.account.url, **given)

    def content(self, bucket, key):
        return self.direct("s3", "GetObject", Bucket=bucket, Key=key)["Body"]

    def finished(self, request):
        """Waits until an approved request has run."""
        wait_until(lambda: self.gateway.json("request", "show", request, token=self.sam)["state"] == "done", f"{request} has run")

    def send(self, method, target, fields, body=b""):
        """A request as it is: (status, body)."""
        connection = http.client.HTTPConnection(self.host, timeout=60)
        connection.request(method, target, body, {"content-length": str(len(body)), **fields})
        response = connection.getresponse()
        data = response.read()
        connection.close()
        return response.status, data

    def close(self):
        for sdk in self.sdks:
            sdk.close()
        if self.gateway:
            self.gateway.stop()
        self.account.stop()
        self.temporary.cleanup()
