"""Signature Version 4 in Python's own library: for an upstream that verifies, and for requests that no SDK would send.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html
"""
import hashlib
import hmac
import time
import urllib.parse

EMPTY = hashlib.sha256(b"").hexdigest()


def stamp(at=None):
    return time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(at))


def mac(key, text):
    return hmac.new(key, text.encode(), hashlib.sha256).digest()


def signing_key(secret, scope):
    key = ("AWS4" + secret).encode()
    for part in scope.split("/"):
        key = mac(key, part)
    return key


def canonical_query(query):
    pairs = [pair.partition("=") for pair in query.split("&") if pair]
    quoted = [(urllib.parse.quote(urllib.parse.unquote(name), safe="-_.~"), urllib.parse.quote(urllib.parse.unquote(value), safe="-_.~"))
              for name, _, value in pairs]
    return "&".join(f"{name}={value}" for name, value in sorted(quoted))


def signature(secret, scope, date, method, target, fields, payload):
    """Of a request in the head's form; `fields` are the signed ones, in lower case. S3's path rules, which are others' too for a bare /."""
    path, _, query = target.partition("?")
    names = sorted(fields)
    lines = [method, path, canonical_query(query), *(f"{name}:{' '.join(fields[name].split())}" for name in names), "", ";".join(names),
             payload]
    request = hashlib.sha256("\n".join(lines).encode()).hexdigest()
    return mac(signing_key(secret, scope), "\n".join(["AWS4-HMAC-SHA256", date, scope, request])).hex()


class Signer:
    """Signs as an agent with the AWS form of a token."""

    def __init__(self, keys, host, region="eu-central-1"):
        self.id, self.secret, self.token = (keys["AWS_" + name] for name in ("ACCESS_KEY_ID", "SECRET_ACCESS_KEY", "SESSION_TOKEN"))
        self.host, self.region = host, region

    def sign(self, method, target, body=b"", service="s3", payload=None, at=None, **more):
        """The header fields of a request. `more`: fields to sign besides, with _ for -."""
        date = stamp(at)
        scope = f"{date[:8]}/{self.region}/{service}/aws4_request"
        payload = payload or hashlib.sha256(body).hexdigest()
        fields = {"host": self.host, "x-amz-date": date, "x-amz-content-sha256": payload, "x-amz-security-token": self.token,
                  **{name.replace("_", "-"): value for name, value in more.items()}}
        made = signature(self.secret, scope, date, method, target, fields, payload)
        authorization = f"AWS4-HMAC-SHA256 Credential={self.id}/{scope}, SignedHeaders={';'.join(sorted(fields))}, Signature={made}"
        return {**fields, "authorization": authorization}

    def chunks(self, target, pieces, at=None):
        """(fields, body) of a PUT in signed chunks."""
        body = b""
        fields = self.sign("PUT", target, payload="STREAMING-AWS4-HMAC-SHA256-PAYLOAD", at=at, content_encoding="aws-chunked",
                           x_amz_decoded_content_length=str(sum(map(len, pieces))))
        date, made = fields["x-amz-date"], fields["authorization"].rpartition("=")[2]
        scope = f"{date[:8]}/{self.region}/s3/aws4_request"
        for piece in [*pieces, b""]:
            text = "\n".join(["AWS4-HMAC-SHA256-PAYLOAD", date, scope, made, EMPTY, hashlib.sha256(piece).hexdigest()])
            made = mac(signing_key(self.secret, scope), text).hex()
            body += f"{len(piece):x};chunk-signature={made}\r\n".encode() + piece + b"\r\n"
        return fields, body
