"""The AWS SDKs behind one interface, each in one process that lives as long as the test: Debian's boto3, and npm's SDK v3."""
import base64
import json
import os
import pathlib
import subprocess

from harness import E2E, NODE_BIN

DEBIAN_PYTHON = "/usr/bin/python3"


class AwsError(Exception):
    """What the SDK made of an error; `code` is AWS's word, `message` has ours in front."""

    def __init__(self, error):
        super().__init__(f"{error['code']} ({error['status']}): {error['message']}")
        self.code, self.message, self.status, self.attempts = error["code"], error["message"], error["status"], error["attempts"]


def encoded(value):
    if isinstance(value, bytes):
        return {"$bytes": base64.b64encode(value).decode()}
    if isinstance(value, dict):
        return {k: encoded(v) for k, v in value.items()}
    return [encoded(v) for v in value] if isinstance(value, list) else value


def decoded(value):
    if isinstance(value, dict):
        return base64.b64decode(value["$bytes"]) if "$bytes" in value else {k: decoded(v) for k, v in value.items()}
    return [decoded(v) for v in value] if isinstance(value, list) else value


class Sdk:
    """One of the SDKs, at one endpoint with one set of keys (or a profile, boto3 only). Operations and parameters have AWS's names."""

    def __init__(self, name, argv, folder, **environment):
        self.name, self.endpoint, self.keys = name, None, None
        self._log = open(pathlib.Path(folder) / f"{name}.log", "ab")
        self._process = subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self._log, text=True, cwd=E2E,
                                         start_new_session=True,
                                         env={"PATH": os.environ["PATH"], "HOME": "/nonexistent", "AWS_EC2_METADATA_DISABLED": "true",
                                              **environment})

    @classmethod
    def boto3(cls, folder, **environment):
        return cls("boto3", [DEBIAN_PYTHON, "-W", "ignore", str(E2E / "aws_boto.py")], folder, **environment)

    @classmethod
    def javascript(cls, folder, **environment):
        return cls("javascript", [str(NODE_BIN / "node"), str(E2E / "aws_sdk.mjs")], folder, **environment)

    def __call__(self, service, operation, *, do="call", keys=None, endpoint=None, profile=None, expires=60, stream=False, **given):
        command = {"do": do, "service": service, "operation": operation, "input": encoded(given), "expires": expires, "stream": stream,
                   "keys": None if profile else keys or self.keys, "profile": profile, "endpoint": endpoint or self.endpoint}
        self._process.stdin.write(json.dumps(command) + "\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        if not line:
            raise AssertionError(f"{self.name} ended; its log is {self._log.name}")
        answer = json.loads(line)
        if "error" in answer:
            raise AwsError(answer["error"])
        return decoded(answer.get("output"))

    def close(self):
        self._process.stdin.close()
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process.stdout.close()
        self._log.close()
