"""An account of AWS in this process and two more: s3rver and dynalite, behind a door that verifies every signature, since neither does."""
import hashlib
import hmac
import http.client
import http.server
import pathlib
import re
import socket
import threading

from aws_sigv4 import signature
from aws_sts import Sts
from harness import NODE_BIN, Process, free_port, wait_until

CREDENTIAL = re.compile(r"AWS4-HMAC-SHA256 Credential=([^/]+)/(\d{8}/[^/]+/([^/]+)/aws4_request), SignedHeaders=([^,]+), Signature=([0-9a-f]{64})")
HOP = {"connection", "transfer-encoding", "content-length", "keep-alive", "date"}


class Request:
    """What reached the account."""

    def __init__(self, service, method, target, fields, body):
        self.service, self.method, self.target, self.fields, self.body = service, method, target, fields, body

    def __repr__(self):
        return f"{self.service} {self.method} {self.target} {self.fields.get('x-amz-target', '')} {len(self.body)} bytes"


class Door(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def serve(self):
        account = self.server.account
        length = int(self.headers.get("Content-Length") or 0)
        account.begun.append(self.path)
        body = self.rfile.read(length)
        if len(body) < length:  # no request: AWS does nothing with it either
            account.cut.append((self.path, length, len(body)))
            self.close_connection = True
            return None
        fields = {}
        for name, value in self.headers.items():
            fields[name.lower()] = f"{fields[name.lower()]},{value}" if name.lower() in fields else value
        service, complaint = account.verify(self.command, self.path, fields, body)
        session = account.session_of(fields)
        request = Request(service, self.command, self.path, fields, body)
        (account.refused if complaint else account.seen).append(request)
        if complaint:
            return self.answer(403, [("x-complaint", complaint)], complaint.encode())
        if service == "sts":
            return self.answer(*account.sts.answer(body, account.key_of(fields), session))
        if session is not None:
            session.used.append(request)
            if service == "s3":  # knows one key; to dynalite all are the same
                fields = {name: value for name, value in fields.items() if name not in ("authorization", "x-amz-security-token")}
        inner = http.client.HTTPConnection("127.0.0.1", account.ports[service], timeout=60)
        inner.request(self.command, self.path, body, {**fields, "content-length": str(len(body))})
        response = inner.getresponse()
        data = response.read()
        inner.close()
        length = [("Content-Length", response.headers["Content-Length"])] if self.command == "HEAD" and "Content-Length" in response.headers else []
        self.answer(response.status, [(k, v) for k, v in response.getheaders() if k.lower() not in HOP] + length, data)

    def answer(self, status, fields, data):
        self.send_response(status)
        for name, value in fields:
            self.send_header(name, value)
        if self.command != "HEAD" and status not in (204, 304):
            self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(data)

    do_GET = do_HEAD = do_PUT = do_POST = do_DELETE = serve


class Account:
    KEYS = {"AWS_ACCESS_KEY_ID": "S3RVER", "AWS_SECRET_ACCESS_KEY": "S3RVER"}  # s3rver knows this one

    def __init__(self, folder):
        folder = pathlib.Path(folder)
        self.seen, self.refused, self.sts = [], [], Sts()
        self.begun, self.cut = [], []  # targets as they come in; (target, announced, came) of requests that broke off
        self.ports = {"s3": free_port(), "dynamodb": free_port()}
        node = str(NODE_BIN / "node")
        self._processes = [
            Process([node, str(NODE_BIN / "s3rver"), "-d", str(folder / "s3"), "-a", "127.0.0.1", "-p", str(self.ports["s3"]), "--no-vhost-buckets"],
                    folder / "s3rver.log"),
            Process([node, str(NODE_BIN / "dynalite"), "--host", "127.0.0.1", "--port", str(self.ports["dynamodb"]), "--createTableMs", "0",
                     "--deleteTableMs", "0"], folder / "dynalite.log"),
        ]
        self.port = free_port()
        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", self.port), Door)
        self._server.daemon_threads = True
        self._server.account = self
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()
        self.url = f"http://127.0.0.1:{self.port}"
        for name, port in self.ports.items():
            wait_until(lambda port=port: self._listens(port), f"the account's {name} listens")

    @staticmethod
    def _listens(port):
        with socket.socket() as s:
            return s.connect_ex(("127.0.0.1", port)) == 0

    def verify(self, method, target, fields, body):
        """(service, what is wrong or None)"""
        matched = CREDENTIAL.fullmatch(fields.get("authorization", ""))
        if not matched:
            web_identity = target == "/" and b"Action=AssumeRoleWithWebIdentity&" in body and "authorization" not in fields
            return ("sts", None) if web_identity else ("s3", "not signed")
        key, scope, service, names, given = matched.groups()
        session = self.session_of(fields)
        if session is None and (key != self.KEYS["AWS_ACCESS_KEY_ID"] or "x-amz-security-token" in fields):
            return service, "signed with another key"
        payload = fields.get("x-amz-content-sha256") or hashlib.sha256(body).hexdigest()
        if payload not in ("UNSIGNED-PAYLOAD", hashlib.sha256(body).hexdigest()):
            return service, "another body than the one that was signed"
        signed = {name: fields.get(name, "") for name in names.split(";")}
        secret = session.secret if session else self.KEYS["AWS_SECRET_ACCESS_KEY"]
        expected = signature(secret, scope, fields.get("x-amz-date", ""), method, target, signed, payload)
        if not hmac.compare_digest(expected, given):
            return service, "the signature is wrong"
        if session is not None and service != "sts":
            complaint = self.sts.complaint_about(session, service, method, target, fields, scope.split("/")[1])
            if complaint:
                return service, complaint
        return service, None if service in self.ports or service == "sts" else "no such service"

    @staticmethod
    def key_of(fields):
        matched = CREDENTIAL.fullmatch(fields.get("authorization", ""))
        return matched.group(1) if matched else ""

    def session_of(self, fields):
        """The session whose keys a request is signed with, if it has its token."""
        session = self.sts.sessions.get(self.key_of(fields))
        signed = "x-amz-security-token" in fields.get("authorization", "")
        return session if session and signed and fields.get("x-amz-security-token") == session.token else None

    def stop(self):
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
        for process in self._processes:
            process.stop()
