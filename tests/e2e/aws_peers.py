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


# How a configuration names the keys that write_keys() writes into its folder.
KEY_FILES = "access_key: { file: ./key-id }, secret_key: { file: ./secret }"


def write_keys(folder, keys):
    for name, key in (("key-id", "AWS_ACCESS_KEY_ID"), ("secret", "AWS_SECRET_ACCESS_KEY")):
        (folder / name).write_text(keys[key] + "\n")
        (folder / name).chmod(0o600)


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


class Terraform:
    """Terraform with the AWS provider, from a mirror on this machine: TERRAFORM_PLUGINS, or where its documentation or /opt has one."""

    TERRAFORM = shutil.which("terraform")
    PLUGINS = next((str(place) for place in [*map(pathlib.Path, filter(None, [os.environ.get("TERRAFORM_PLUGINS")])),
                                             pathlib.Path("/usr/local/share/terraform/plugins"), *pathlib.Path("/opt").glob("*")]
                    if (place / "registry.terraform.io/hashicorp/aws").is_dir()), None)
    PROVIDER = """
terraform {
  required_providers {
    aws = { source = "hashicorp/aws" }
  }
}
provider "aws" {
  region            = "eu-central-1"
  s3_use_path_style = true
  max_retries       = 1
}
"""

    def __init__(self, folder, credentials, endpoint):
        self.folder = pathlib.Path(folder)
        self.folder.mkdir()
        (self.folder / "rc").write_text(f'disable_checkpoint = true\nprovider_installation {{ filesystem_mirror {{ path = "{self.PLUGINS}" }} }}\n')
        self.environment = {"PATH": os.environ["PATH"], "HOME": "/nonexistent", "TF_CLI_CONFIG_FILE": str(self.folder / "rc"),
                            "TF_IN_AUTOMATION": "1", "AWS_ENDPOINT_URL": endpoint, "AWS_EC2_METADATA_DISABLED": "true", **credentials}

    def write(self, resources):
        (self.folder / "main.tf").write_text(self.PROVIDER + resources)

    def __call__(self, *arguments, check=0):
        """(exit code, everything it said)"""
        done = subprocess.run([self.TERRAFORM, *arguments, "-no-color"], cwd=self.folder, env=self.environment, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True, timeout=300)
        if check is not None and done.returncode != check:
            raise AssertionError(f"terraform {' '.join(arguments)} ended with {done.returncode}, not {check}\n{done.stdout}")
        return done.returncode, done.stdout
