"""proxy.cpu_per_request: CPU microseconds (user + system, all processes of the proxy) per proxied 1 KiB GET.

Countersign with token, policy decision and durable audit on, against nginx plain `proxy_pass` and nginx with `auth_request`, in turn
in the same run. The proxy under test alone on one core; upstream (nginx) and load (wrk, 64 keep-alive connections) on the other.
Compare ratios within one run only: machines differ, and so do moments.
"""
import argparse
import json
import os
import pathlib
import re
import signal
import statistics
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "e2e"))
from harness import BINARY, UPSTREAM_SECRET, Gateway, Process, free_port, wait_until, write_quickstart  # noqa: E402

PROXY_CPU, LOAD_CPU = "1", "0"
TICK = os.sysconf("SC_CLK_TCK")


def tree(pid):
    """The process and its descendants."""
    out = [pid]
    for child in subprocess.run(["pgrep", "-P", str(pid)], capture_output=True, text=True).stdout.split():
        out += tree(int(child))
    return out


def cpu_seconds(pid):
    total = 0.0
    for one in tree(pid):
        try:
            fields = pathlib.Path(f"/proc/{one}/stat").read_text().rsplit(")", 1)[1].split()
            total += (int(fields[11]) + int(fields[12])) / TICK
        except OSError:
            pass
    return total


def nginx(folder, name, text, cpu):
    where = folder / name
    where.mkdir()
    os.chmod(folder, 0o755)
    temporary = "".join(f"{kind}_temp_path {where}/{kind}; " for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
    (where / "nginx.conf").write_text(f"""
daemon off; worker_processes 1; pid {where}/pid; error_log {where}/error.log crit;
events {{ worker_connections 1024; }}
http {{ access_log off; keepalive_requests 100000000; {temporary} {text} }}
""")
    return Process(["taskset", "-c", cpu, "nginx", "-p", str(where), "-c", str(where / "nginx.conf")], where / "log")


def wrk(url, seconds, fields):
    named = [part for name, value in fields.items() for part in ("-H", f"{name}: {value}")]
    command = ["taskset", "-c", LOAD_CPU, "wrk", *named, "-t1", "-c64", f"-d{seconds}s", "--latency", url]
    out = subprocess.run(command, capture_output=True, text=True, check=True, timeout=seconds + 60).stdout
    if "Non-2xx" in out or "Socket errors" in out:
        raise SystemExit(f"the load run was not clean:\n{out}")
    factor = {"us": 1, "ms": 1000, "s": 1_000_000}

    def latency(percent):
        number, unit = re.search(rf"{percent}%\s+([\d.]+)(us|ms|s)", out).groups()
        return float(number) * factor[unit]

    return {"requests": int(re.search(r"(\d+) requests in", out).group(1)),
            "per_second": float(re.search(r"Requests/sec:\s+([\d.]+)", out).group(1)), "p50": latency(50), "p99": latency(99)}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=int, default=4)
    arguments = parser.parse_args()

    running = []
    with tempfile.TemporaryDirectory(prefix="countersign-bench-") as name:
        folder = pathlib.Path(name)
        try:
            measure(folder, running, arguments)
        finally:
            for process in running:
                process.stop(signal.SIGTERM)


def measure(folder, running, arguments):
    upstream_port, plain_port, auth_port = free_port(), free_port(), free_port()
    body = json.dumps({"items": "x" * 1000})[:1024].ljust(1024)
    (folder / "body").mkdir(mode=0o755)
    (folder / "body" / "item").write_text(body)
    running.append(nginx(folder, "upstream", f"server {{ listen 127.0.0.1:{upstream_port} reuseport; root {folder}/body; "
                                             f"location = /auth {{ return 204; }} }}", LOAD_CPU))
    back = f"upstream back {{ server 127.0.0.1:{upstream_port}; keepalive 128; keepalive_requests 100000000; }}"
    keep = "proxy_http_version 1.1; proxy_set_header Connection \"\"; proxy_pass http://back"
    running.append(nginx(folder, "plain", f"{back} server {{ listen 127.0.0.1:{plain_port}; location / {{ {keep}; }} }}", PROXY_CPU))
    running.append(nginx(folder, "auth", f"{back} server {{ listen 127.0.0.1:{auth_port}; location = /check {{ internal; {keep}/auth; "
                                         f"proxy_pass_request_body off; proxy_set_header Content-Length \"\"; }} "
                                         f"location / {{ auth_request /check; {keep}; }} }}", PROXY_CPU))
    home = folder / "gateway"
    home.mkdir()
    agents, admin = write_quickstart(home, upstream_port, extra="workers: 1\n")
    gateway = Gateway(home, agents, admin, BINARY)
    running.append(gateway.process)
    for pid in tree(gateway.process.pid):
        subprocess.run(["taskset", "-a", "-p", "-c", PROXY_CPU, str(pid)], capture_output=True, check=True)
    _, token = gateway.agent_token(upstreams="web")

    peers = {"nginx": (running[1], f"http://127.0.0.1:{plain_port}/item", {}),
             "nginx+auth_request": (running[2], f"http://127.0.0.1:{auth_port}/item", {}),
             "countersign": (gateway.process, f"http://127.0.0.1:{agents}/web/item", {"Authorization": f"Bearer {token}"})}
    figures = {peer: [] for peer in peers}
    for process, url, fields in peers.values():
        wait_until(lambda: process.running(), "the peer runs")
        wrk(url, 1, fields)
    for _ in range(arguments.rounds):
        for peer, (process, url, fields) in peers.items():
            before = cpu_seconds(process.pid)
            run = wrk(url, arguments.seconds, fields)
            run["cpu"] = (cpu_seconds(process.pid) - before) * 1e6 / run["requests"]
            figures[peer].append(run)

    def median(peer, key):
        return statistics.median(run[key] for run in figures[peer])

    if arguments.json:
        for peer in ("nginx", "nginx+auth_request"):
            for name, key, unit in (("proxy.cpu_per_request", "cpu", "us"), ("proxy.requests_per_second", "per_second", "1/s"),
                                    ("proxy.p50", "p50", "us"), ("proxy.p99", "p99", "us")):
                value, other = median("countersign", key), median(peer, key)
                print(json.dumps({"suite": "proxy", "name": name, "value": round(value, 2), "unit": unit, "peer": peer,
                                  "peer_value": round(other, 2), "ratio": round(value / other, 3)}))
        return
    print(f"{'':22}{'CPU µs/request':>24}{'req/s':>10}{'p50 µs':>9}{'p99 µs':>9}   ratio to nginx")
    for peer in peers:
        cpu = [run["cpu"] for run in figures[peer]]
        spread = f"{median(peer, 'cpu'):.1f} ({min(cpu):.1f}–{max(cpu):.1f})"
        print(f"{peer:22}{spread:>24}{median(peer, 'per_second'):>10.0f}{median(peer, 'p50'):>9.0f}{median(peer, 'p99'):>9.0f}"
              f"   {median(peer, 'cpu') / median('nginx', 'cpu'):.2f}")
    records = sum(1 for segment in (home / "state" / "audit").glob("segment-*") for _ in open(segment, "rb"))
    print(f"{records} audit records were written; nothing was switched off.")


if __name__ == "__main__":
    main()
