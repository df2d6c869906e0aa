"""A git host that stores LFS files, for the tests: an LFS server written here (no package of a real one could be used), on disk, in front of
the real git host of git_server.py, behind one nginx.

It speaks the batch, verify and locking APIs of git-lfs (docs/api) and keeps files under their SHA-256. `storage` says how its batches
answer, and can be changed while it runs:
  own        files at this host, with the Authorization header that asked for them, as self-hosted servers send it
  public     the same, but the host goes by another name (`localhost`), as servers configured with a public address do
  elsewhere  files at another host (another port), under signed addresses that want no credential
"""
import base64
import hashlib
import hmac
import http.server
import json
import os
import pathlib
import re
import secrets
import shutil
import signal
import socket
import threading
import time
import urllib.parse

from git_server import GitServer
from harness import Process, free_port, wait_until

MEDIA_TYPE = "application/vnd.git-lfs+json"
API = re.compile(r"^/(?P<repository>.+?)(?:\.git)?/info/lfs/(?P<rest>.*)$")
OBJECT = re.compile(r"^store/(?P<oid>[0-9a-f]{64})$")


class LfsStore:
    """Files and locks on disk; any thread."""

    def __init__(self, folder):
        self.folder = pathlib.Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        self._lock = threading.Lock()

    def path(self, repository, oid):
        return self.folder / repository / "objects" / oid[:2] / oid

    def has(self, repository, oid, size=None):
        path = self.path(repository, oid)
        return path.is_file() and (size is None or path.stat().st_size == size)

    def put(self, repository, oid, source, length):
        """Keeps exactly `length` bytes of `source` when they hash to `oid`."""
        path = self.path(repository, oid)
        path.parent.mkdir(parents=True, exist_ok=True)
        draft = path.with_name(f"{oid}.{secrets.token_hex(4)}")
        digest = hashlib.sha256()
        with open(draft, "wb") as out:
            left = length
            while left > 0 and (piece := source.read(min(left, 1 << 16))):
                digest.update(piece)
                out.write(piece)
                left -= len(piece)
        if left == 0 and digest.hexdigest() == oid:
            os.replace(draft, path)
            return True
        draft.unlink()
        return False

    def locks(self, repository):
        path = self.folder / repository / "locks.json"
        return json.loads(path.read_text()) if path.exists() else []

    def change_locks(self, repository, change):
        """change(list of locks) -> (new list, result), as one step."""
        with self._lock:
            locks, result = change(self.locks(repository))
            path = self.folder / repository / "locks.json"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(json.dumps(locks))
            return result


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server_version = "lfs"

    def log_message(self, *_):
        pass

    def answer(self, status, body=None, headers=()):
        data = b"" if body is None else json.dumps(body).encode()
        self.send_response(status)
        if body is not None:
            self.send_header("Content-Type", MEDIA_TYPE)
        self.send_header("Content-Length", str(len(data)))
        for name, value in headers:
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(data)

    def handle_one(self):
        self.host.note(self.command, self.path, self.headers.get("Authorization", ""))
        url = urllib.parse.urlsplit(self.path)
        found = API.match(url.path)
        if not found:
            return self.answer(404, {"message": "not an LFS address"})
        self.repository, rest = found["repository"], found["rest"]
        stored = OBJECT.match(rest)
        if stored and "signature" in url.query:
            if not self.host.signed(self.command, self.path):
                return self.answer(403, {"message": "the signature does not fit"})
        elif not self.signed_in():
            self.rfile.read(int(self.headers.get("Content-Length") or 0))
            return self.answer(401, {"message": "who are you?"}, [("LFS-Authenticate", 'Basic realm="lfs"')])
        if stored and self.command in ("GET", "PUT"):
            return self.store(stored["oid"])
        routes = {("POST", "objects/batch"): self.batch, ("POST", "verify"): self.verify, ("GET", "locks"): self.list_locks,
                  ("POST", "locks"): self.lock, ("POST", "locks/verify"): self.verify_locks}
        body = json.loads(self.rfile.read(int(self.headers.get("Content-Length") or 0)) or b"{}")
        unlock = re.match(r"^locks/([0-9a-f]+)/unlock$", rest)
        if self.command == "POST" and unlock:
            return self.unlock(unlock[1], body)
        if (self.command, rest) not in routes:
            return self.answer(404, {"message": "not an LFS address"})
        return routes[self.command, rest](body)

    do_GET = do_POST = do_PUT = handle_one

    def signed_in(self):
        sent = self.headers.get("Authorization", "")
        return hmac.compare_digest(sent, self.host.authorization)

    def store(self, oid):
        if self.command == "PUT":
            kept = self.host.store.put(self.repository, oid, self.rfile, int(self.headers["Content-Length"]))
            return self.answer(200) if kept else self.answer(422, {"message": "the bytes are not the object"})
        path = self.host.store.path(self.repository, oid)
        if not path.is_file():
            return self.answer(404, {"message": "no such object"})
        self.send_response(200)
        self.send_header("Content-Type", "application/octet-stream")
        self.send_header("Content-Length", str(path.stat().st_size))
        self.end_headers()
        with open(path, "rb") as file:
            shutil.copyfileobj(file, self.wfile)

    def batch(self, body):
        assert "application/vnd.git-lfs+json" in self.headers.get("Accept", ""), self.headers
        objects = []
        for asked in body["objects"]:
            entry = {"oid": asked["oid"], "size": asked["size"]}
            there = self.host.store.has(self.repository, asked["oid"], asked["size"])
            if body["operation"] == "download":
                if there:
                    entry["actions"] = {"download": self.host.action("GET", self.repository, f"store/{asked['oid']}", self.headers)}
                else:
                    entry["error"] = {"code": 404, "message": "no such object"}
            elif not there:
                entry["actions"] = {"upload": self.host.action("PUT", self.repository, f"store/{asked['oid']}", self.headers),
                                    "verify": self.host.action("POST", self.repository, "verify", self.headers)}
            if self.host.storage == "elsewhere":
                entry["authenticated"] = True
            objects.append(entry)
        self.answer(200, {"transfer": "basic", "objects": objects, "hash_algo": "sha256"})

    def verify(self, body):
        there = self.host.store.has(self.repository, body["oid"], body["size"])
        self.answer(200 if there else 404, {"message": "stored" if there else "no such object"})

    def list_locks(self, _):
        wanted = urllib.parse.parse_qs(urllib.parse.urlsplit(self.path).query)
        locks = [lock for lock in self.host.store.locks(self.repository)
                 if all(lock[key] in wanted[key] for key in ("path", "id") if key in wanted)]
        self.answer(200, {"locks": locks})

    def verify_locks(self, _):
        locks = self.host.store.locks(self.repository)
        mine = [lock for lock in locks if lock["owner"]["name"] == self.host.user]
        self.answer(200, {"ours": mine, "theirs": [lock for lock in locks if lock not in mine]})

    def lock(self, body):
        def change(locks):
            for each in locks:
                if each["path"] == body["path"]:
                    return locks, (409, {"lock": each, "message": "already locked"})
            new = {"id": secrets.token_hex(4), "path": body["path"], "owner": {"name": self.host.user},
                   "locked_at": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())}
            return [*locks, new], (201, {"lock": new})
        self.answer(*self.host.store.change_locks(self.repository, change))

    def unlock(self, number, body):
        def change(locks):
            for each in locks:
                if each["id"] != number:
                    continue
                if each["owner"]["name"] != self.host.user and not body.get("force"):
                    return locks, (403, {"message": "not your lock"})
                return [other for other in locks if other is not each], (200, {"lock": each})
            return locks, (404, {"message": "no such lock"})
        self.answer(*self.host.store.change_locks(self.repository, change))


class LfsHost:
    """Stands where a GitServer stands: git and LFS under one address."""

    def __init__(self, folder, storage="own"):
        self.folder = pathlib.Path(folder)
        self.git_server = GitServer(self.folder)
        self.storage = storage
        self.store = LfsStore(self.folder / "lfs")
        self.user, self.password = self.git_server.user, self.git_server.password
        self.authorization = "Basic " + base64.b64encode(f"{self.user}:{self.password}".encode()).decode()
        self._key, self._seen, self._lock = secrets.token_bytes(16), [], threading.Lock()
        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), type("BoundHandler", (Handler,), {"host": self}))
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()
        self.store_port = self._server.server_address[1]
        self.port = free_port()
        conf = self.folder / "front.conf"
        temporary = "".join(f"{kind}_temp_path {self.folder}/front-{kind}; " for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
        conf.write_text(f"""
daemon off; worker_processes 1; pid {self.folder}/front.pid; error_log {self.folder}/front-error.log;
{"user nobody nogroup;" if os.geteuid() == 0 else ""}
events {{ worker_connections 256; }}
http {{ access_log off; {temporary} client_max_body_size 0; proxy_http_version 1.1; proxy_request_buffering off; proxy_buffering off;
  proxy_set_header Host $http_host; proxy_set_header Connection "";
  server {{ listen 127.0.0.1:{self.port};
    location ~ /info/lfs/ {{ proxy_pass http://127.0.0.1:{self.store_port}; }}
    location / {{ proxy_pass http://127.0.0.1:{self.git_server.port}; }}
  }} }}
""")
        self._front = Process([shutil.which("nginx") or "/usr/sbin/nginx", "-p", str(self.folder), "-c", str(conf)], self.folder / "front.log")
        wait_until(self._listening, "the host listens")

    def _listening(self):
        with socket.socket() as s:
            return s.connect_ex(("127.0.0.1", self.port)) == 0

    def __getattr__(self, name):
        return getattr(self.git_server, name)  # repositories are the git host's business

    def url(self, name=None, credential=True):
        who = f"{self.user}:{self.password}@" if credential and name else ""
        return f"http://{who}127.0.0.1:{self.port}/" + (f"{name}.git" if name else "")

    def action(self, method, repository, rest, headers):
        path = f"/{repository}.git/info/lfs/{rest}"
        if self.storage == "elsewhere" and method != "POST":
            signature = hmac.new(self._key, f"{method} {path}".encode(), "sha256").hexdigest()
            return {"href": f"http://127.0.0.1:{self.store_port}{path}?signature={signature}", "expires_in": 600}
        host = "localhost" if self.storage == "public" else "127.0.0.1"
        return {"href": f"http://{host}:{self.port}{path}", "header": {"Authorization": headers["Authorization"]}, "expires_in": 600}

    def signed(self, method, target):
        path, _, query = target.partition("?")
        signature = hmac.new(self._key, f"{method} {path}".encode(), "sha256").hexdigest()
        return hmac.compare_digest(query, f"signature={signature}")

    def note(self, method, path, authorization):
        with self._lock:
            self._seen.append((method, path, authorization))

    def seen(self, part=""):
        """(method, path, Authorization) of every LFS request whose path has `part`, in order."""
        with self._lock:
            return [each for each in self._seen if part in each[1]]

    def close(self):
        self._front.stop(signal.SIGTERM)
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
        self.git_server.close()
