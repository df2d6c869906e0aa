#!/usr/bin/python3
"""The signer of the AWS SDK for Python (Debian's python3-botocore) as the oracle of auth/sigv4.

  sigv4_oracle.py generate COUNT SEED   writes COUNT requests that botocore signed, as JSON, to standard output
  sigv4_oracle.py check FILE            signs the requests in FILE with botocore; prints those that differ
  sigv4_oracle.py chunked COUNT SEED    writes COUNT bodies as botocore uploads them, in aws-chunked form, as JSON
"""
import io
import json
import random
import sys
from urllib.parse import quote, urlsplit

from botocore import auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from botocore.httpchecksum import AwsChunkedWrapper, Crc32Checksum, Sha1Checksum, Sha256Checksum

TIMES = ["20130524T000000Z", "20240229T235959Z", "20261121T093000Z"]
SERVICES = ["s3", "s3", "s3", "ec2", "iam", "dynamodb", "lambda", "execute-api", "sts"]
REGIONS = ["us-east-1", "eu-west-1", "cn-north-1", "us-gov-west-1"]
# Characters as they stand on the wire, some of them encoded, some of them such as clients leave alone.
PATH_PIECES = list("abcXYZ019-._~!$&'()*+,;=:@") + ["%20", "%2F", "%25", "%C3%BC", "%E1%88%B4", "%2B", "%2e%2e"]
VALUE_CHARS = list("abcXYZ019 -._~!$&'()*+,;=:@/?%#\u00fc\u1234\"<>[]")
HEADER_CHARS = list("abcXYZ019-._~!$&'()*+,;=:@/?%#\"<>[]") + ["  ", " ", "\t"]


def some(chars, low, high):
    return "".join(random.choice(chars) for _ in range(random.randint(low, high)))


def random_path():
    segments = [random.choice(["", ".", "..", some(PATH_PIECES, 1, 8), some(PATH_PIECES, 1, 8)])
                for _ in range(random.randint(0, 6))]
    return "/" + "/".join(segments)


def random_query():
    pairs = []
    for _ in range(random.choice([0, 0, 1, 2, 5])):
        name = quote(some(VALUE_CHARS, 1, 6), safe="-_.~")
        if random.random() < 0.3 and pairs:
            name = pairs[0].split("=")[0]
        pairs.append(name + "=" + quote(some(VALUE_CHARS, 0, 6), safe="-_.~"))
    return "&".join(pairs)


def signer_of(service, presigned, credentials, region):
    if presigned:
        kind = auth.S3SigV4QueryAuth if service == "s3" else auth.SigV4QueryAuth
        return kind(credentials, service, region, expires=random.randint(1, 604800))
    kind = auth.S3SigV4Auth if service == "s3" else auth.SigV4Auth
    return kind(credentials, service, region)


def sign(signer, request, time):
    """What add_auth does, at a time of our choice."""
    request.context["timestamp"] = time
    signer._modify_request_before_signing(request)
    canonical = signer.canonical_request(request)
    signature = signer.signature(signer.string_to_sign(request, canonical), request)
    signer._inject_signature_to_request(request, signature)


def generate(count):
    out = []
    for _ in range(count):
        service, region, time = random.choice(SERVICES), random.choice(REGIONS), random.choice(TIMES)
        credentials = Credentials("AK" + some("ABCDEFGHIJ234567", 14, 18), some("abcXYZ019+/", 40, 40),
                                  random.choice([None, some("abcXYZ019+/=_-", 10, 300)]))
        host = some("abcdef", 3, 8) + random.choice([".example", ".example:8443"])
        query = random_query()
        request = AWSRequest(method=random.choice(["GET", "PUT", "POST", "DELETE", "HEAD", "PATCH"]),
                             url="https://" + host + random_path() + ("?" + query if query else ""))
        presigned = random.random() < 0.3
        body = some(VALUE_CHARS, 1, 40).encode() if not presigned and random.random() < 0.5 else b""
        request.data = body
        for _ in range(random.choice([0, 1, 3])):
            name = random.choice(["X-Amz-Meta-", "x-amz-acl-", "Content-", "Accept-", "X-"]) + some("abcXYZ019", 1, 5)
            for _ in range(random.choice([1, 1, 2])):
                request.headers.add_header(name, some(HEADER_CHARS, 0, 12).strip())
        request.headers["User-Agent"] = "not signed"
        if not presigned and service == "s3" and random.random() < 0.5:
            # How botocore streams an upload over TLS.
            request.headers["Content-MD5"] = "1B2M2Y8AsgTpgAmY7PhCfg=="
            request.context["has_streaming_input"] = True
        sign(signer_of(service, presigned, credentials, region), request, time)
        parts = urlsplit(request.url)
        headers = [[name, value] for name, value in request.headers.items()] + [["Host", parts.netloc]]
        out.append({
            "method": request.method, "target": parts.path + ("?" + parts.query if parts.query else ""),
            "headers": headers, "body": body.hex(), "secret": credentials.secret_key, "time": time,
            "key": credentials.access_key, "token": credentials.token or "", "service": service, "region": region,
        })
    json.dump(out, sys.stdout)


def chunked(count):
    out = []
    for _ in range(count):
        data = random.randbytes(random.choice([0, 1, random.randint(2, 200), random.randint(200, 5000)]))
        kind = random.choice([Crc32Checksum, Sha1Checksum, Sha256Checksum])
        name = "x-amz-checksum-" + kind.__name__.removesuffix("Checksum").lower()
        body = AwsChunkedWrapper(io.BytesIO(data), kind, name, random.randint(1, 1500))
        out.append({"data": data.hex(), "wire": body.read().hex(), "trailer": name})
    json.dump(out, sys.stdout)


def check(path):
    with open(path, encoding="utf-8") as file:
        cases = json.load(file)
    for index, case in enumerate(cases):
        credentials = Credentials(case["key"], case["secret"], case["token"] or None)
        host = next(value for name, value in case["headers"] if name.lower() == "host")
        request = AWSRequest(method=case["method"], url="https://" + host + case["target"])
        for name, value in case["headers"]:
            if name.lower() in case["signed"].split(";"):
                request.headers.add_header(name, value)
        request.context["timestamp"] = case["time"]
        signer = signer_of(case["service"], False, credentials, case["region"])
        canonical = signer.canonical_request(request)
        signature = signer.signature(signer.string_to_sign(request, canonical), request)
        if signature != case["signature"] or signer.signed_headers(signer.headers_to_sign(request)) != case["signed"]:
            print(index, canonical.replace("\n", "\\n"))
    print("checked", len(cases))


if __name__ == "__main__":
    if len(sys.argv) == 4 and sys.argv[1] == "generate":
        random.seed(int(sys.argv[3]))
        generate(int(sys.argv[2]))
    elif len(sys.argv) == 4 and sys.argv[1] == "chunked":
        random.seed(int(sys.argv[3]))
        chunked(int(sys.argv[2]))
    elif len(sys.argv) == 3 and sys.argv[1] == "check":
        check(sys.argv[2])
    else:
        sys.exit(__doc__)
