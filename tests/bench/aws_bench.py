"""What the gateway costs requests to AWS, each against a peer in the same run.

aws.added_cpu        CPU microseconds (user + system, all threads) of the gateway a small signed request: verified, recognised, decided,
                     recorded, signed again, forwarded; beside nginx `proxy_pass` (a proxy that does none of it) and our own http protocol
                     (token, decision and record, but no signatures), all in turn in front of one nginx.
aws.put_64mib, aws.get_64mib, and aws.get_first_byte, the milliseconds until the head of that answer
                     MB/s of an object of 64 MiB with one client and one connection, through the gateway and direct: to nginx (`dav_methods
                     PUT`, which checks no signature: the fastest peer there is) and to s3rver, an S3 of JavaScript's.
"""
import argparse
import hashlib
import http.client
import json
import os
import pathlib
import re
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "e2e"))
from aws_sigv4 import EMPTY, Signer, signature, stamp  # noqa: E402
from harness import BINARY, NODE_BIN, Gateway, Process, free_port, wait_until, write_quickstart  # noqa: E402
from proxy_bench import LOAD_CPU, PROXY_CPU, cpu_seconds, nginx, tree, wrk  # noqa: E402

SIZE = 64 << 20
KEYS = {"AWS_ACCESS_KEY_ID": "S3RVER", "AWS_SECRET_ACCESS_KEY": "S3RVER"}  # s3rver knows this one; nginx asks nobody


def sign_direct(host, method, target, payload):
    date = stamp()
    scope = f"{date[:8]}/eu-central-1/s3/aws4_request"
    fields = {"host": host, "x-amz-date": date, "x-amz-content-sha256": payload}
    made = signature(KEYS["AWS_SECRET_ACCESS_KEY"], scope, date, method, target, fields, payload)
    return {**fields, "authorization": f"AWS4-HMAC-SHA256 Credential={KEYS['AWS_ACCESS_KEY_ID']}/{scope}, "
                                       f"SignedHeaders={';'.join(sorted(fields))}, Signature={made}"}


class Bench:
    def __init__(self, folder, arguments):
        self.folder, self.arguments, self.running, self.lines = folder, arguments, [], []
        os.chmod(folder, 0o755)

    def start(self):
        """nginx as an object store that believes everybody, s3rver, a plain proxy, and the gateway."""
        folder = self.folder
        store, self.plain = free_port(), free_port()
        data = folder / "objects"
        (data / "staging").mkdir(parents=True)
        for place in (data, data / "staging"):
            place.chmod(0o777)
        (data / "staging" / "item").write_text("x" * 1024)
        self.running.append(nginx(folder, "store", f"server {{ listen 127.0.0.1:{store} reuseport; root {data}; client_max_body_size 0; "
                                                   f"client_body_buffer_size 1m; dav_methods PUT DELETE; sendfile on; }}", LOAD_CPU))
        back = f"upstream back {{ server 127.0.0.1:{store}; keepalive 128; keepalive_requests 100000000; }}"
        self.running.append(nginx(folder, "plain", f"{back} server {{ listen 127.0.0.1:{self.plain}; location / {{ proxy_http_version 1.1; "
                                                   f"proxy_set_header Connection \"\"; proxy_pass http://back; }} }}", PROXY_CPU))
        self.ports = {"nginx": store}
        if (NODE_BIN / "s3rver").exists():
            self.ports["s3rver"] = free_port()
            self.running.append(Process([str(NODE_BIN / "node"), str(NODE_BIN / "s3rver"), "-d", str(folder / "s3"), "-a", "127.0.0.1", "-p",
                                         str(self.ports["s3rver"]), "--no-vhost-buckets", "--silent"], folder / "s3rver.log"))
        home = folder / "gateway"
        home.mkdir()
        for name, key in (("key-id", "AWS_ACCESS_KEY_ID"), ("secret", "AWS_SECRET_ACCESS_KEY")):
            (home / name).write_text(KEYS[key])
            (home / name).chmod(0o600)
        upstreams = "".join(f"""
  - name: {name}
    protocol: aws
    url: http://127.0.0.1:{port}
    aws: {{ account: "111122223333" }}
    credential: {{ aws: {{ access_key: {{ file: ./key-id }}, secret_key: {{ file: ./secret }} }} }}
    labels: {{ environment: staging, tier: 3, owner: platform }}
""" for name, port in self.ports.items())
        agents, admin = write_quickstart(home, store)
        configuration = home / "countersign.yaml"
        configuration.write_text("workers: 1\n" + configuration.read_text() + upstreams)
        self.gateway = Gateway(home, agents, admin, BINARY)
        self.running.append(self.gateway.process)
        self.host = f"127.0.0.1:{agents}"
        delegable, self.bearer = self.gateway.agent_token(upstreams=",".join(["web", *self.ports]), ttl="4h")
        sealed = self.gateway.json("token", "seal", "--aws", delegable)
        self.signer = Signer({"AWS_" + part.upper(): sealed[part] for part in ("access_key_id", "secret_access_key", "session_token")}, self.host)
        for port in self.ports.values():
            wait_until(lambda port=port: socket.socket().connect_ex(("127.0.0.1", port)) == 0, "the store listens")
        if "s3rver" in self.ports:
            self.call(f"127.0.0.1:{self.ports['s3rver']}", "PUT", "/staging", sign_direct(f"127.0.0.1:{self.ports['s3rver']}", "PUT", "/staging", EMPTY))

    def stop(self):
        for process in reversed(self.running):
            process.stop(signal.SIGTERM)

    @staticmethod
    def call(host, method, target, fields, body=b""):
        """One request: the seconds it took, the bytes of its answer, and the seconds to its answer's head."""
        connection = http.client.HTTPConnection(host, timeout=120)
        connection.connect()
        begin = time.perf_counter()
        connection.request(method, target, body, {"content-length": str(len(body)), **fields})
        response = connection.getresponse()
        head = time.perf_counter() - begin
        buffer, count = bytearray(1 << 20), 0
        while got := response.readinto(buffer):
            count += got
        took = time.perf_counter() - begin
        connection.close()
        if response.status >= 300:
            raise SystemExit(f"{method} {target} was answered with {response.status}: {bytes(buffer[:500])}")
        return took, count, head

    def report(self, name, value, unit, peer, peer_value, ratio):
        self.lines.append((name, value, unit, peer, peer_value, ratio))
        if self.arguments.json:
            print(json.dumps({"suite": "aws", "name": name, "value": round(value, 2), "unit": unit, "peer": peer,
                              "peer_value": round(peer_value, 2), "ratio": round(ratio, 3)}))
        else:
            print(f"{name:20}{value:10.1f} {unit:6}{peer:28}{peer_value:10.1f}   {ratio:.2f}", flush=True)

    def added_cpu(self):
        for pid in tree(self.gateway.process.pid):
            subprocess.run(["taskset", "-a", "-p", "-c", PROXY_CPU, str(pid)], capture_output=True, check=True)
        figures = {"nginx proxy_pass": [], "countersign, http": [], "aws": []}
        for _ in range(self.arguments.rounds + 1):
            fields = self.signer.sign("GET", "/nginx/staging/item")  # a read may be sent again, within five minutes
            del fields["host"]  # the load generator writes it
            runs = {"nginx proxy_pass": (self.running[1], f"http://127.0.0.1:{self.plain}/staging/item", {}),
                    "countersign, http": (self.gateway.process, f"http://{self.host}/web/staging/item", {"Authorization": f"Bearer {self.bearer}"}),
                    "aws": (self.gateway.process, f"http://{self.host}/nginx/staging/item", fields)}
            for name, (process, url, headers) in runs.items():
                before = cpu_seconds(process.pid)
                run = wrk(url, self.arguments.seconds, headers)
                figures[name].append((cpu_seconds(process.pid) - before) * 1e6 / run["requests"])
        median = {name: statistics.median(values[1:]) for name, values in figures.items()}  # the first warms up
        for peer in ("nginx proxy_pass", "countersign, http"):
            self.report("aws.added_cpu", median["aws"] - median[peer], "µs", peer, median[peer], median["aws"] / median[peer])
        for pid in tree(self.gateway.process.pid):
            subprocess.run(["taskset", "-a", "-p", "-c", f"{PROXY_CPU},{LOAD_CPU}", str(pid)], capture_output=True, check=True)

    def throughput(self, store):
        body = os.urandom(SIZE)
        digest = hashlib.sha256(body).hexdigest()
        direct = f"127.0.0.1:{self.ports[store]}"
        times, heads = {}, {}
        for round_ in range(self.arguments.rounds + 1):
            for way in ("direct", "through"):
                for method, payload, sent in (("PUT", digest, body), ("GET", EMPTY, b"")):
                    target = f"/staging/object-{way}"
                    if way == "direct":
                        took, got, head = self.call(direct, method, target, sign_direct(direct, method, target, payload), sent)
                    else:
                        target = f"/{store}{target}"
                        took, got, head = self.call(self.host, method, target, self.signer.sign(method, target, sent, payload=payload), sent)
                    assert method == "PUT" or got == SIZE, (method, got)
                    if round_:
                        times.setdefault((method, way), []).append(took)
                        heads.setdefault((method, way), []).append(head)
        for method in ("PUT", "GET"):
            through, straight = (SIZE / 1e6 / statistics.median(times[method, way]) for way in ("through", "direct"))
            self.report(f"aws.{method.lower()}_64mib", through, "MB/s", f"{store}, direct", straight, through / straight)
        through, straight = (1e3 * statistics.median(heads["GET", way]) for way in ("through", "direct"))
        self.report("aws.get_first_byte", through, "ms", f"{store}, direct", straight, through / straight)

    def memory(self):
        status = pathlib.Path(f"/proc/{self.gateway.process.pid}/status").read_text()
        return int(re.search(r"VmHWM:\s+(\d+) kB", status).group(1)) / 1024


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=int, default=4)
    parser.add_argument("--only", choices=("cpu", "objects"))
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="countersign-bench-") as name:
        bench = Bench(pathlib.Path(name), arguments)
        try:
            bench.start()
            idle = bench.memory()
            if arguments.only != "objects":
                bench.added_cpu()
            if arguments.only != "cpu":
                for store in bench.ports:
                    bench.throughput(store)
                bench.report("aws.memory", bench.memory(), "MB", "the gateway before its work", idle, bench.memory() / idle)
        finally:
            bench.stop()


if __name__ == "__main__":
    main()
