"""s3rver and dynalite as an account, the gateway in front of it, and the SDKs behind a token: started once for many calls."""
import http.client
import pathlib
import tempfile

from aws_account import Account
from aws_sdks import Sdk
from aws_sigv4 import Signer
from harness import Gateway, wait_until, write_quickstart

ID = "111122223333"
INVENTORY = f"""
  - {{ match: "aws/arn:aws:s3:::staging*/**", environment: staging, tier: 3, owner: platform }}
  - {{ match: "aws/arn:aws:s3:::staging*", environment: staging, tier: 3, owner: platform }}
  - {{ match: "aws/arn:aws:dynamodb:*:{ID}:table/staging*", environment: staging, tier: 3, owner: platform }}
"""


class World:
    """The account, the gateway in front of it, and the clients, each started once for all tests."""

    def __init__(self):
        self.temporary = tempfile.TemporaryDirectory(prefix="countersign-s3-")
        self.folder = pathlib.Path(self.temporary.name)
        self.account = Account(self.folder)
        agents, admin = write_quickstart(self.folder)
        for name, key in (("key-id", "AWS_ACCESS_KEY_ID"), ("secret", "AWS_SECRET_ACCESS_KEY")):
            (self.folder / name).write_text(self.account.KEYS[key] + "\n")
            (self.folder / name).chmod(0o600)
        configuration = self.folder / "countersign.yaml"
        configuration.write_text(configuration.read_text() + f"""
  - name: aws
    protocol: aws
    url: {self.account.url}
    aws: {{ account: "{ID}", wait: 1s }}
    credential: {{ aws: {{ access_key: {{ file: ./key-id }}, secret_key: {{ file: ./secret }} }} }}
""")
        with open(self.folder / "policies" / "entities.yaml", "a") as entities:
            entities.write(INVENTORY)
        self.gateway = Gateway(self.folder, agents, admin)
        self.host = f"127.0.0.1:{agents}"
        self.url = f"http://{self.host}/aws"
        self.delegable, _ = self.gateway.agent_token(upstreams="aws")
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

    def keys_of(self, delegable):
        sealed = self.gateway.json("token", "seal", "--aws", delegable)
        return {"AWS_" + name.upper(): sealed[name] for name in ("access_key_id", "secret_access_key", "session_token")}

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
        self.gateway.stop()
        self.account.stop()
        self.temporary.cleanup()
