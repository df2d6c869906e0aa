"""A git host for the tests: nginx, fcgiwrap and `git http-backend` as Debian ships them, on loopback.

    with GitServer() as server:
        server.create("team/app")
        subprocess.run(["git", "clone", server.url("team/app")])      # with the credential in it

Every process is started in a group of its own and ended by that group; nothing is left behind.
"""
import http.client
import json
import os
import pathlib
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
import time

from harness import Process, free_port, wait_until

BACKEND = pathlib.Path(subprocess.run(["git", "--exec-path"], capture_output=True, text=True, check=True).stdout.strip()) / "git-http-backend"
USER = "ci"


def git_environment(home, **extra):
    """The environment of a git that sees no configuration but its own and never asks anybody anything."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("GIT_", "COUNTERSIGN_")) and "proxy" not in k.lower()}
    return {**kept, "HOME": str(home), "XDG_CONFIG_HOME": str(home), "GIT_CONFIG_NOSYSTEM": "1", "GIT_TERMINAL_PROMPT": "0", "LC_ALL": "C",
            "GIT_AUTHOR_NAME": "Ada", "GIT_AUTHOR_EMAIL": "ada@example.com", "GIT_COMMITTER_NAME": "Ada",
            "GIT_COMMITTER_EMAIL": "ada@example.com", **extra}


class GitServer:
    """Repositories under http://127.0.0.1:PORT/NAME.git, open to user `ci` with a random password only.

    push_options and partial_clone say what new repositories offer; both can be changed later with git(name, "config", …).
    """

    def __init__(self, folder=None, port=None, push_options=True, partial_clone=True):
        self._temporary = None
        if folder is None:
            self._temporary = tempfile.TemporaryDirectory(prefix="countersign-git-")
            folder = self._temporary.name
        self.folder = pathlib.Path(folder)
        self.port = port or free_port()
        self.user, self.password = USER, secrets.token_hex(16)
        self.push_options, self.partial_clone = push_options, partial_clone
        self.root, self.home = self.folder / "repositories", self.folder / "home"
        for each in (self.folder, self.root, self.home):
            each.mkdir(parents=True, exist_ok=True)
            each.chmod(0o755)  # nginx gives up root's rights and has to reach the socket
        self._socket = self.folder / "fcgiwrap.sock"
        self._processes = []
        self._start()

    def _start(self):
        hashed = subprocess.run(["openssl", "passwd", "-apr1", "-stdin"], input=self.password, capture_output=True, text=True,
                                check=True).stdout.strip()
        (self.folder / "htpasswd").write_text(f"{self.user}:{hashed}\n")
        self._socket.unlink(missing_ok=True)
        self._processes.append(Process([shutil.which("fcgiwrap") or "/usr/sbin/fcgiwrap", "-c", "4", "-s", f"unix:{self._socket}"],
                                       self.folder / "fcgiwrap.log", env=git_environment(self.home), cwd=self.folder))
        wait_until(self._socket.exists, "fcgiwrap listens")
        self._socket.chmod(0o777)
        conf = self.folder / "nginx.conf"
        conf.write_text(self._configuration())
        self._processes.append(Process([shutil.which("nginx") or "/usr/sbin/nginx", "-p", str(self.folder), "-c", str(conf)],
                                       self.folder / "nginx.log"))
        wait_until(self._listening, "nginx listens")

    def _configuration(self):
        return f"""
daemon off; worker_processes 1; pid {self.folder}/nginx.pid; error_log {self.folder}/nginx-error.log;
{"user nobody nogroup;" if os.geteuid() == 0 else ""}
events {{ worker_connections 256; }}
http {{
  log_format facts escape=json '{{"method":"$request_method","path":"$uri","query":"$args","status":$status,'
    '"received":$request_length,"sent":$bytes_sent,"user":"$remote_user","authorization":"$http_authorization",'
    '"agent":"$http_user_agent","git_protocol":"$http_git_protocol","content_encoding":"$http_content_encoding",'
    '"transfer_encoding":"$http_transfer_encoding","content_length":"$http_content_length","expect":"$http_expect",'
    '"cookie":"$http_cookie","connection":$connection,"line":"$request"}}';
  access_log {self.folder}/access.log facts;
  client_body_temp_path {self.folder}/nginx-body; proxy_temp_path {self.folder}/nginx-proxy;
  fastcgi_temp_path {self.folder}/nginx-fcgi; uwsgi_temp_path {self.folder}/nginx-uwsgi; scgi_temp_path {self.folder}/nginx-scgi;
  keepalive_requests 100000; client_max_body_size 0;
  server {{
    listen 127.0.0.1:{self.port};
    location / {{
      auth_basic "git"; auth_basic_user_file {self.folder}/htpasswd;
      fastcgi_pass unix:{self._socket};
      fastcgi_request_buffering off; fastcgi_buffering off; fastcgi_read_timeout 600s; fastcgi_send_timeout 600s;
      fastcgi_param SCRIPT_FILENAME {BACKEND};
      fastcgi_param GIT_PROJECT_ROOT {self.root};
      fastcgi_param GIT_HTTP_EXPORT_ALL 1;
      fastcgi_param PATH_INFO $uri;
      fastcgi_param QUERY_STRING $query_string;
      fastcgi_param REQUEST_METHOD $request_method;
      fastcgi_param CONTENT_TYPE $content_type;
      fastcgi_param CONTENT_LENGTH $content_length;
      fastcgi_param REMOTE_USER $remote_user;
      fastcgi_param REMOTE_ADDR $remote_addr;
      fastcgi_param SERVER_PROTOCOL $server_protocol;
      fastcgi_param HTTP_GIT_PROTOCOL $http_git_protocol;
      fastcgi_param GIT_PROTOCOL $http_git_protocol;
    }}
  }}
}}
"""

    def _listening(self):
        with socket.socket() as s:
            return s.connect_ex(("127.0.0.1", self.port)) == 0

    def path(self, name):
        return self.root / f"{name}.git"

    def url(self, name=None, credential=True):
        """The address of a repository; without a name that of the host, for an upstream's `url`."""
        who = f"{self.user}:{self.password}@" if credential and name else ""
        return f"http://{who}127.0.0.1:{self.port}/" + (f"{name}.git" if name else "")

    def create(self, name, object_format="sha1", default_branch="main"):
        """An empty bare repository that can be pushed to."""
        path = self.path(name)
        path.parent.mkdir(parents=True, exist_ok=True)
        subprocess.run(["git", "init", "-q", "--bare", f"--object-format={object_format}", f"--initial-branch={default_branch}", str(path)],
                       env=git_environment(self.home), check=True)
        for key, value in (("http.receivepack", True), ("receive.advertisePushOptions", self.push_options),
                           ("uploadpack.allowFilter", self.partial_clone), ("uploadpack.allowAnySHA1InWant", self.partial_clone),
                           ("core.logAllRefUpdates", True), ("gc.auto", 0), ("receive.autogc", False)):
            self.git(name, "config", key, str(value).lower())
        return path

    def git(self, name, *args, stdin=None, check=True):
        """Runs git inside the repository, as its administrator would; returns what it printed."""
        done = subprocess.run(["git", "-C", str(self.path(name)), *args], env=git_environment(self.home), capture_output=True, text=True,
                              input=stdin, timeout=120)
        if check and done.returncode != 0:
            raise AssertionError(f"git {' '.join(args)} in {name}: {done.stderr}")
        return done.stdout.strip()

    def refs(self, name):
        """{name: object id} of every reference."""
        lines = self.git(name, "for-each-ref", "--format=%(refname) %(objectname)").splitlines()
        return dict(line.split(" ", 1) for line in lines)

    def reflog(self, name, ref):
        """(old, new) of every update that landed, oldest first."""
        log = self.path(name) / "logs" / ref
        return [tuple(line.split(" ", 2)[:2]) for line in log.read_text().splitlines()] if log.exists() else []

    def requests(self, path=None, method=None):
        """What nginx was asked, in order, as records of its access log; waits until the log holds everything answered so far."""
        marker = f"/settled-{time.monotonic_ns()}"
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        connection.request("GET", marker)
        connection.getresponse().read()
        connection.close()
        wait_until(lambda: marker in (self.folder / "access.log").read_text(), "nginx has written its log")
        rows = [json.loads(line) for line in (self.folder / "access.log").read_text().splitlines()]
        return [row for row in rows if not row["path"].startswith("/settled-") and (path is None or row["path"].startswith(path))
                and (method is None or row["method"] == method)]

    def pushes(self, name):
        """The requests that could have changed the repository, git's 4-byte probes left out."""
        return [row for row in self.requests(f"/{name}.git/git-receive-pack", "POST") if row["content_length"] != "4"]

    def watch(self, name):
        """Writes down from now on which refs every push asks to change; see attempts()."""
        hook = self.path(name) / "hooks" / "pre-receive"
        hook.write_text(f'#!/bin/sh\ncat >> "{self.path(name)}/attempts"\n')
        hook.chmod(0o755)

    def attempts(self, name, ref):
        """(old, new) of every change of `ref` that somebody sent since watch(), whether it landed or not."""
        file = self.path(name) / "attempts"
        rows = [line.split(" ") for line in file.read_text().splitlines()] if file.exists() else []
        return [(old, new) for old, new, which in rows if which == ref]

    def pause(self):
        """Connections are taken and nothing is answered, until resume()."""
        os.killpg(self._processes[1].pid, signal.SIGSTOP)

    def resume(self):
        os.killpg(self._processes[1].pid, signal.SIGCONT)

    def stop(self):
        for process in reversed(self._processes):
            if process.running():
                os.killpg(process.pid, signal.SIGTERM)  # fcgiwrap's children do not end with their parent
            process.stop(signal.SIGTERM)
        self._processes = []

    def close(self):
        self.stop()
        if self._temporary:
            self._temporary.cleanup()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()
