#!/usr/bin/python3
"""Drives Debian's boto3 for the tests: one JSON command a line on standard input, one answer a line on standard output.

What it knows is the same as aws_sdk.mjs: call, presign, upload (aws_sdks.py).
"""
import base64
import datetime
import io
import json
import re
import sys

import boto3
import boto3.s3.transfer
import botocore.exceptions
from botocore.config import Config

CLIENTS = {}


def client(command):
    """One a service and set of keys, since making one takes longer than all it then does."""
    what = json.dumps([command["service"], command.get("keys"), command.get("profile"), command["endpoint"]])
    if what not in CLIENTS:
        keys = command.get("keys") or {}
        session = boto3.Session(region_name="eu-central-1", profile_name=command.get("profile"),
                                aws_access_key_id=keys.get("AWS_ACCESS_KEY_ID"),
                                aws_secret_access_key=keys.get("AWS_SECRET_ACCESS_KEY"),
                                aws_session_token=keys.get("AWS_SESSION_TOKEN"))
        CLIENTS[what] = session.client(command["service"], endpoint_url=command["endpoint"],
                                       config=Config(signature_version="s3v4" if command["service"] == "s3" else None,
                                                     s3={"addressing_style": "path"}, inject_host_prefix=False))
    return CLIENTS[what]


def method(operation):
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", operation).lower()


def decoded(value):
    if isinstance(value, dict):
        return base64.b64decode(value["$bytes"]) if "$bytes" in value else {k: decoded(v) for k, v in value.items()}
    return [decoded(v) for v in value] if isinstance(value, list) else value


def encoded(value):
    if hasattr(value, "read"):
        value = value.read()
    if isinstance(value, (bytes, bytearray)):
        return {"$bytes": base64.b64encode(value).decode()}
    if isinstance(value, dict):
        return {k: encoded(v) for k, v in value.items() if k != "ResponseMetadata"}
    if isinstance(value, (datetime.datetime, datetime.date)):
        return value.isoformat()
    return [encoded(v) for v in value] if isinstance(value, (list, tuple)) else value


def run(command):
    to, given = client(command), decoded(command["input"])
    if command["do"] == "presign":
        return to.generate_presigned_url(method(command["operation"]), Params=given, ExpiresIn=command["expires"])
    if command["do"] == "upload":
        parts = boto3.s3.transfer.TransferConfig(multipart_threshold=6 << 20, multipart_chunksize=6 << 20)
        return to.upload_fileobj(io.BytesIO(given["Body"]), given["Bucket"], given["Key"], Config=parts)
    return encoded(getattr(to, method(command["operation"]))(**given))


for line in sys.stdin:
    try:
        answer = {"output": run(json.loads(line))}
    except botocore.exceptions.ClientError as error:
        about = error.response["ResponseMetadata"]
        answer = {"error": {"code": error.response["Error"]["Code"], "message": error.response["Error"]["Message"],
                            "status": about["HTTPStatusCode"], "attempts": about["RetryAttempts"] + 1}}
    except (botocore.exceptions.BotoCoreError, boto3.exceptions.Boto3Error) as error:
        answer = {"error": {"code": type(error).__name__, "message": str(error), "status": 0, "attempts": 1}}
    print(json.dumps(answer), flush=True)
