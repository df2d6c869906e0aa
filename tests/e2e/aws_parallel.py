#!/usr/bin/python3
"""What a script of an agent's does: ten threads, one boto3 client. Reads {"endpoint", "keys", "bucket", "objects": {key: text}} and prints what
became of each object, {"key": "stored" or the error}."""
import concurrent.futures
import json
import sys

import boto3
import botocore.exceptions
from botocore.config import Config

given = json.load(sys.stdin)
session = boto3.Session(region_name="eu-central-1", aws_access_key_id=given["keys"]["AWS_ACCESS_KEY_ID"],
                        aws_secret_access_key=given["keys"]["AWS_SECRET_ACCESS_KEY"], aws_session_token=given["keys"]["AWS_SESSION_TOKEN"])
s3 = session.client("s3", endpoint_url=given["endpoint"],
                    config=Config(signature_version="s3v4", s3={"addressing_style": "path"}, max_pool_connections=20, read_timeout=120))


def put(item):
    key, text = item
    try:
        s3.put_object(Bucket=given["bucket"], Key=key, Body=text.encode())
        return key, "stored"
    except botocore.exceptions.ClientError as error:
        return key, error.response["Error"]["Message"]


with concurrent.futures.ThreadPoolExecutor(10) as threads:
    print(json.dumps(dict(threads.map(put, given["objects"].items()))))
