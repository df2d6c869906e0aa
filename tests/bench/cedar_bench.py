"""Runs cedar_bench and its peer over the same questions and prints one table.

Ours, ours without the index (a scan), and @cedar-policy/cedar-wasm with policies parsed beforehand, which gets only the entities that a
request can reach and so less work than it would have otherwise. All figures are CPU time a decision, medians; the ratio is the peer's
time to ours.
"""
import json
import pathlib
import subprocess
import sys
import tempfile

here = pathlib.Path(__file__).resolve().parent
build = pathlib.Path(sys.argv[1])
as_json = "--json" in sys.argv
program = build / "tests" / "bench" / "cedar_bench"
node = here.parent / "e2e" / "node_modules" / ".bin" / "node"
TO_NS = {"ns": 1, "us": 1e3, "ms": 1e6}

run = subprocess.run([str(program), "--benchmark_format=json", "--benchmark_repetitions=3", "--benchmark_report_aggregates_only=true"],
                     capture_output=True, text=True, check=True)
ours = {}
for row in json.loads(run.stdout)["benchmarks"]:
    if row.get("aggregate_name") == "median":
        ours[row["run_name"].split("/")[0]] = row["cpu_time"] * TO_NS[row["time_unit"]]

with tempfile.TemporaryDirectory(prefix="countersign-cedar-") as folder:
    subprocess.run([str(program), "--export", folder], check=True)
    peer = {}
    for path in sorted(pathlib.Path(folder).glob("*.json")):
        # A process each: what one workload leaves behind must not slow the next.
        out = subprocess.run([str(node), str(here / "cedar_peer.mjs"), str(path)], capture_output=True, text=True, timeout=120)
        if out.returncode != 0:
            raise SystemExit(f"the peer failed on {path.name}:\n{out.stderr}")
        answer = json.loads(out.stdout)
        peer[answer["name"]] = answer

if not as_json:
    print(f"{'figure':32}{'ours':>12}{'scan':>12}{'cedar-wasm':>14}{'ratio':>9}{'to scan':>9}")


def line(name, value, scan, other, unit, scale):
    if as_json:
        for against, theirs in (("cedar-wasm 4.12.0", other), ("scan", scan)):
            if theirs is not None:
                print(json.dumps({"suite": "cedar", "name": name, "value": round(value / scale, 1), "unit": unit, "peer": against,
                                  "peer_value": round(theirs / scale, 1), "ratio": round(theirs / value, 1)}))
        return
    cells = [f"{name:32}", f"{value / scale:>9,.0f} {unit}"]
    cells.append(f"{scan / scale:>9,.0f} {unit}" if scan else " " * 12)
    cells.append(f"{other / scale:>11,.0f} {unit}")
    cells.append(f"{other / value:>9,.0f}")
    cells.append(f"{scan / value:>9.1f}" if scan else "")
    print("".join(cells))


for name, value in ours.items():
    if name.startswith("cedar.scan."):
        continue
    if name == "cedar.load_10000":
        line(name, value, None, peer["cedar.decide_10000"]["parse_ms"] * 1e6, "ms", 1e6)
    else:
        line(name, value, ours["cedar.scan." + name.removeprefix("cedar.")], peer[name]["ns"], "ns", 1)
