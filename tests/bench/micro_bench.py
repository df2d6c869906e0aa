"""Runs the Google Benchmark programs of a build and prints their figures under the stable names of the design.

Each benchmark named like a figure ("token.verify", "audit.append") is one; medians of repetitions. No peer of their own: the number
to compare with stands in docs/performance.md beside the command that made it.
"""
import json
import pathlib
import subprocess
import sys

build = pathlib.Path(sys.argv[1])
as_json = "--json" in sys.argv
for program in sorted((build / "tests" / "bench").glob("*_bench")):
    if program.name == "cedar_bench":
        continue  # has a peer: cedar_bench.py
    run = subprocess.run([str(program), "--benchmark_format=json", "--benchmark_repetitions=5",
                          "--benchmark_report_aggregates_only=true"], capture_output=True, text=True, check=True)
    for row in json.loads(run.stdout)["benchmarks"]:
        if row.get("aggregate_name") != "median":
            continue
        name = row["run_name"].split("/")[0]
        rest = row["run_name"][len(name):]
        if "items_per_second" in row:
            value, unit = row["items_per_second"], "1/s"
        else:
            value, unit = row["real_time"], row["time_unit"]
        if as_json:
            print(json.dumps({"suite": "micro", "name": name + rest, "value": round(value, 1), "unit": unit, "peer": None,
                              "peer_value": None, "ratio": None}))
        else:
            print(f"{name + rest:48}{value:>14.1f} {unit}")
