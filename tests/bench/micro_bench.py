"""Runs the Google Benchmark programs of a build and prints their figures under the stable names of the design.

    micro_bench.py build/release [--json] [PROGRAM…]     without a name: all of them

Each benchmark named like a figure ("token.verify", "audit.append") is one; medians of repetitions. No peer of their own: the number
to compare with stands in docs/performance.md beside the command that made it. Throughput of what waits for the disk is by the clock,
with the CPU time of one beside it; all else is CPU time.
"""
import json
import pathlib
import re
import subprocess
import sys

build = pathlib.Path(sys.argv[1])
as_json = "--json" in sys.argv
wanted = [name for name in sys.argv[2:] if not name.startswith("--")]


def tell(name, value, unit):
    if as_json:
        print(json.dumps({"suite": "micro", "name": name, "value": round(value, 1), "unit": unit, "peer": None, "peer_value": None,
                          "ratio": None}))
    else:
        print(f"{name:48}{value:>14.1f} {unit}")


for program in sorted((build / "tests" / "bench").glob("*_bench")):
    if program.name == "cedar_bench":
        continue  # has a peer: cedar_bench.py
    if wanted and program.name not in wanted:
        continue
    run = subprocess.run([str(program), "--benchmark_format=json", "--benchmark_repetitions=5",
                          "--benchmark_report_aggregates_only=true"], capture_output=True, text=True, check=True)
    for row in json.loads(run.stdout)["benchmarks"]:
        if row.get("aggregate_name") != "median":
            continue
        name = re.sub(r"/(real_time|process_time|iterations:\d+)", "", row["run_name"])
        if "items_per_second" in row:
            tell(name, row["items_per_second"], "1/s")
            tell(name + ".cpu", row["cpu_time"], row["time_unit"])
        else:
            tell(name, row["cpu_time"], row["time_unit"])
        if "bytes_per_request" in row:
            tell(name + ".bytes_per_request", row["bytes_per_request"], "B")
