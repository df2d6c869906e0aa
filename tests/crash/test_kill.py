"""kill -9 at random points under load: no change without a durable intent, none executed twice, no held request lost."""
import json
import os
import pathlib
import random
import sys
import threading
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "e2e"))
from harness import World, wait_until  # noqa: E402

SEED = int(os.environ.get("COUNTERSIGN_SEED", "20261121"))
ROUNDS = int(os.environ.get("COUNTERSIGN_KILLS", "16"))


class Kill(unittest.TestCase):
    def test_kill_at_random_points(self):
        print(f"seed {SEED}, {ROUNDS} kills")
        chance = random.Random(SEED)
        with World() as world:
            self.world, self.gateway = world, world.gateway
            _, self.token = self.gateway.agent_token()
            self.sam = self.gateway.person("sam")
            self.done, self.held = [], {}  # paths answered with success; request id -> path
            for round_number in range(ROUNDS):
                self.stop = threading.Event()
                threads = [threading.Thread(target=self.write, args=(round_number, n)) for n in range(4)]
                threads += [threading.Thread(target=self.approve)]
                for thread in threads:
                    thread.start()
                time.sleep(chance.uniform(0.05, 1.0))
                self.gateway.kill()
                self.stop.set()
                for thread in threads:
                    thread.join()
                self.gateway.start()
            self.assertGreater(len(self.done), 0, "the load did something")
            self.assertGreater(len(self.held), 0, "requests were held")
            self.settle()
            world.nginx.settle(self.gateway, self.token)
            self.check()

    def write(self, round_number, n):
        count = 0
        while not self.stop.is_set():
            count += 1
            environment = "production" if count % 3 == 0 else "staging"
            path = f"/web/{environment}/r{round_number}-{n}-{count}.txt"
            try:
                status, _, body = self.gateway.http("PUT", path, self.token, body=path.encode(), timeout=10)
            except OSError:
                continue
            except Exception:  # http.client's own errors when the connection dies in the middle of an answer
                continue
            if status in (201, 204):
                self.done.append(path)
            elif status == 202:
                self.held[json.loads(body)["request"]] = path

    def approve(self):
        seen = set()
        while not self.stop.is_set():
            for request in list(self.held):
                if request not in seen and not self.stop.is_set():
                    seen.add(request)
                    self.gateway.cli("approve", request, "--reason", "load", token=self.sam)
            time.sleep(0.01)

    def requests(self):
        shown = self.gateway.json("requests", "--state", "all", "--limit", "10000", token=self.sam)
        rows = shown["requests"] if isinstance(shown, dict) else shown
        return {row["id"]: row["state"] for row in rows}

    def settle(self):
        """What was approved before the last kill runs after the restart."""
        wait_until(lambda: not {"approved", "executing"} & set(self.requests().values()), "approved requests have run")

    def check(self):
        states = self.requests()
        lost = [request for request in self.held if request not in states]
        self.assertEqual(lost, [], "held requests that were acknowledged and are gone")

        records = []
        for segment in sorted((self.gateway.folder / "state" / "audit").glob("segment-*.jsonl")):
            records += [json.loads(line) for line in segment.read_text().splitlines()]
        intents, outcomes = {}, {}
        for record in records:
            if record["phase"] == "intent" and record.get("decision") == "allow" and record.get("action") == "http:PUT":
                for resource in record["resources"]:
                    intents.setdefault("/" + resource.split("::", 1)[1].strip('"'), []).append(record["operation"])
            if record["phase"] == "outcome":
                outcomes.setdefault(record["operation"], []).append(record)

        sent = {}
        for method, path, _ in self.world.nginx.requests():
            if method == "PUT":
                sent["/web" + path] = sent.get("/web" + path, 0) + 1
        without_intent = [path for path, count in sent.items() if len(intents.get(path, [])) < count]
        self.assertEqual(without_intent, [], "changes that reached nginx without a durable intent")
        twice = [path for path, count in sent.items() if count > 1]
        self.assertEqual(twice, [], "changes that ran twice")
        for path in self.done:
            operations = intents[path]
            self.assertTrue(any(r["outcome"] == "ok" for o in operations for r in outcomes.get(o, [])),
                            f"{path} was answered, but has no outcome")
        open_intents = [o for operations in intents.values() for o in operations if o not in outcomes]
        self.assertEqual(open_intents, [], "intents that nobody closed")
        ran = [path for request, path in self.held.items() if states[request] == "done"]
        self.assertEqual([path for path in ran if sent.get(path) != 1], [], "requests that are done ran exactly once")
        self.assertEqual([path for request, path in self.held.items() if states[request] == "held" and path in sent], [],
                         "requests still held never reached nginx")
        code, out, err = self.gateway.cli("audit", "verify")
        self.assertEqual(code, 0, out + err)
        print(f"{len(self.done)} changes answered, {len(self.held)} held, {len(ran)} executed, {len(records)} records")


if __name__ == "__main__":
    unittest.main(verbosity=1)
