"""A stand-in for the part of the GitHub API that makes installation tokens, and for a git host that takes nothing else. On loopback.

It is no GitHub: it knows the one endpoint, as docs.github.com describes it, and is strict where GitHub is. Signatures are checked with the
openssl command and the App's public key, so that the code under test is not its own judge.
"""
import base64
import http.client
import http.server
import json
import pathlib
import re
import secrets
import subprocess
import threading
import time


def unpadded(text):
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


class Quiet(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def answer(self, status, data=b"", fields=()):
        self.send_response(status)
        for name, value in fields:
            self.send_header(name, value)
        self.send_header("content-length", str(len(data)))
        if self.close_connection:
            self.send_header("connection", "close")
        self.end_headers()
        self.wfile.write(data)

    def body(self):
        return self.rfile.read(int(self.headers.get("content-length") or 0))


class Listening:
    def __init__(self, handler):
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self.server.daemon_threads = True
        self.port = self.server.server_address[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self._thread = threading.Thread(target=self.server.serve_forever, daemon=True)
        self._thread.start()

    def close(self):
        self.server.shutdown()
        self.server.server_close()
        self._thread.join()


class GithubApi(Listening):
    """Mints tokens for `repositories` ("owner/name") of installation 678 of App 12345. Problems with requests are kept in `complaints`."""

    APP, INSTALLATION = "12345", "678"

    def __init__(self, folder, repositories, life=3600):
        self.folder, self.repositories, self.life = pathlib.Path(folder), repositories, life
        self.key, self.public = self.folder / "app.pem", self.folder / "app.pub"
        self.new_key()
        self.tokens = {}       # token -> {"repository", "contents", "jwt"}
        self.minted = []       # the bodies that were asked for
        self.complaints = []
        self.refuse_with = None
        self.gate = threading.Event()  # answers wait for it
        self.gate.set()
        self.lock = threading.Lock()
        outer = self

        class Handler(Quiet):
            def do_POST(self):
                self.close_connection = True  # so that a server that was ended has ended for everybody
                outer.mint(self, self.body())

        super().__init__(Handler)

    def new_key(self):
        subprocess.run(["openssl", "genpkey", "-quiet", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048", "-out", str(self.key)],
                       check=True, stderr=subprocess.DEVNULL)
        self.key.chmod(0o600)
        subprocess.run(["openssl", "pkey", "-in", str(self.key), "-pubout", "-out", str(self.public)], check=True)

    def check_jwt(self, text):
        """What is wrong with it, or None."""
        parts = text.split(".")
        if len(parts) != 3:
            return "not a JWT"
        signed, signature = self.folder / "signed", self.folder / "signature"
        signed.write_text(".".join(parts[:2]))
        signature.write_bytes(unpadded(parts[2]))
        done = subprocess.run(["openssl", "dgst", "-sha256", "-verify", str(self.public), "-signature", str(signature), str(signed)],
                              capture_output=True)
        if done.returncode != 0:
            return "the signature does not verify"
        header, claims, now = json.loads(unpadded(parts[0])), json.loads(unpadded(parts[1])), time.time()
        if header.get("alg") != "RS256":
            return "alg is not RS256"
        if claims.get("iss") != self.APP:
            return f"iss is {claims.get('iss')!r}"
        if not now - 120 <= claims["iat"] <= now:
            return "iat is not shortly before now"
        if not now < claims["exp"] <= now + 600:
            return "exp is not within ten minutes"
        return None

    def mint(self, handler, body):
        self.gate.wait(60)
        with self.lock:
            authorization = handler.headers.get("authorization") or ""
            wrong = None
            if handler.path != f"/api/v3/app/installations/{self.INSTALLATION}/access_tokens":
                wrong = f"path {handler.path}"
            elif not authorization.startswith("Bearer "):
                wrong = "no Bearer"
            elif handler.headers.get("accept") != "application/vnd.github+json" or not handler.headers.get("user-agent"):
                wrong = "header fields"
            else:
                wrong = self.check_jwt(authorization[7:])
            if wrong:
                self.complaints.append(wrong)
                return handler.answer(401, b'{"message":"Bad credentials"}')
            asked = json.loads(body)
            self.minted.append(asked)
            if self.refuse_with:
                return handler.answer(self.refuse_with, b'{"message":"no"}')
            if set(asked) != {"permissions", "repositories"} or len(asked["repositories"]) != 1:
                self.complaints.append(f"body {asked}")
                return handler.answer(422, b"{}")
            found = [r for r in self.repositories if r.lower().split("/")[1] == asked["repositories"][0]]
            if not found:
                return handler.answer(422, b'{"message":"not accessible to the installation"}')
            token = "ghs_" + secrets.token_hex(20)
            self.tokens[token] = {"repository": found[0].lower(), "contents": asked["permissions"]["contents"], "jwt": authorization[7:]}
            answer = {"token": token, "expires_at": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + self.life)),
                      "permissions": {**asked["permissions"], "metadata": "read"}, "repository_selection": "selected",
                      "repositories": [{"id": 1, "name": found[0].split("/")[1], "full_name": found[0]}]}
            handler.answer(201, json.dumps(answer).encode(), [("content-type", "application/json")])

    def revoke_all(self):
        with self.lock:
            self.tokens.clear()

    def secrets(self):
        """Everything that must be found nowhere."""
        with self.lock:
            texts = [self.key.read_text().splitlines()[5]]
            for token, made in self.tokens.items():
                texts += [token, made["jwt"].split(".")[2], base64.b64encode(f"x-access-token:{token}".encode()).decode()]
            return texts


class Front(Listening):
    """In front of a GitServer: takes tokens of the API above, for their repository and what they may do there, and nothing else."""

    def __init__(self, api, git):
        self.seen = []  # (status, path, contents of the token)
        outer = self

        class Handler(Quiet):
            def relay(self):
                data = self.body()
                status, contents = outer.judge(api, self)
                outer.seen.append((status, self.path, contents))
                if status != 200:
                    fields = [("www-authenticate", 'Basic realm="forge"')] if status == 401 else []
                    return self.answer(status, b"", fields)
                inner = base64.b64encode(f"{git.user}:{git.password}".encode()).decode()
                kept = {k: v for k, v in self.headers.items() if k.lower() not in ("host", "authorization", "connection", "content-length")}
                connection = http.client.HTTPConnection("127.0.0.1", git.port, timeout=60)
                connection.request(self.command, self.path, body=data or None, headers={**kept, "authorization": "Basic " + inner})
                response = connection.getresponse()
                out = response.read()
                fields = [(k, v) for k, v in response.getheaders() if k.lower() in ("content-type", "cache-control", "expires", "pragma")]
                self.answer(response.status, out, fields)
                connection.close()

            do_GET = do_POST = relay

        super().__init__(Handler)

    @staticmethod
    def judge(api, handler):
        scheme, _, rest = (handler.headers.get("authorization") or "").partition(" ")
        if scheme != "Basic":
            return 401, None
        user, _, token = base64.b64decode(rest).decode().partition(":")
        with api.lock:
            made = api.tokens.get(token)
        if user != "x-access-token" or made is None:
            return 401, None
        repository = re.match(r"/([^/]+/[^/]+?)(?:\.git)?/(?:info/refs|git-)", handler.path)
        if not repository or repository[1].lower() != made["repository"]:
            return 404, made["contents"]
        if "git-receive-pack" in handler.path and made["contents"] != "write":
            return 403, made["contents"]
        return 200, made["contents"]
