"""AWS-shaped upstreams that check signatures, and the real clients that speak with them."""
import json
import os
import pathlib
import shutil
import subprocess
import sys
import urllib.error
import urllib.request

from harness import Process, free_port, wait_until


def python_with(module):
    """A Python that has the module: this one, or Debian's; None where neither does."""
    for python in (sys.executable, "/usr/bin/python3"):
        if subprocess.run([python, "-c", f"import {module}"], capture_output=True).returncode == 0:
            return python
    return None


class Moto:
    """moto's server, which verifies SigV4 and IAM policies from its fifth request on: it then knows one user, ours."""

    PYTHON = python_with("moto.server")

    def __init__(self, folder):
        self.folder, self.port = pathlib.Path(folder), free_port()
        self.log = self.folder / "moto.log"
        self.process = Process([self.PYTHON, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(self.port)], self.log,
                               env={**os.environ, "INITIAL_NO_AUTH_ACTION_COUNT": "4"})
        self.url = f"http://127.0.0.1:{self.port}"
        wait_until(self._listening, "moto listens")
        iam = Cli({"AWS_ACCESS_KEY_ID": "first", "AWS_SECRET_ACCESS_KEY": "user"}, self.url)
        iam("iam", "create-user", "--user-name", "gateway")
        key = json.loads(iam("iam", "create-access-key", "--user-name", "gateway")[1])["AccessKey"]
        everything = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}
        policy = json.loads(iam("iam", "create-policy", "--policy-name", "all", "--policy-document", json.dumps(everything))[1])
        iam("iam", "attach-user-policy", "--user-name", "gateway", "--policy-arn", policy["Policy"]["Arn"])
        self.keys = {"AWS_ACCESS_KEY_ID": key["AccessKeyId"], "AWS_SECRET_ACCESS_KEY": key["SecretAccessKey"]}

    def _listening(self):
        try:
            urllib.request.urlopen(f"{self.url}/moto-api/", timeout=1)
            return True
        except urllib.error.HTTPError:
            return True
        except OSError:
            return False

    def requests(self):
        """The lines of its access log."""
        return [line for line in self.log.read_text().splitlines() if '"' in line and " - - [" in line]

    def stop(self):
        self.process.stop()


class Cli:
    """The AWS CLI with these credentials and nothing else of this machine's."""

    AWS = shutil.which("aws", path="/usr/bin") or shutil.which("aws")

    def __init__(self, credentials, endpoint, region="eu-central-1"):
        self.endpoint = endpoint
        self.environment = {"PATH": os.environ["PATH"], "HOME": "/nonexistent", "AWS_DEFAULT_REGION": region,
                            "AWS_EC2_METADATA_DISABLED": "true", "AWS_PAGER": "", **credentials}

    def __call__(self, *arguments, check=0, stdin=None):
        """(exit code, stdout, stderr)"""
        done = subprocess.run([self.AWS, "--endpoint-url", self.endpoint, "--output", "json", *arguments], env=self.environment,
                              capture_output=True, text=True, input=stdin, timeout=120)
        if check is not None and done.returncode != check:
            raise AssertionError(f"aws {' '.join(arguments)} ended with {done.returncode}, not {check}\n{done.stdout}{done.stderr}")
        return done.returncode, done.stdout, done.stderr
