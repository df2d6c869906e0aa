"""When the audit log cannot be written, no change passes, and the answer says so."""
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "e2e"))
from harness import World, wait_until  # noqa: E402


class AuditFaults(unittest.TestCase):
    def put(self, world, token, name, size=10):
        status, _, body = world.gateway.http("PUT", f"/web/staging/{name}", token, body=b"x" * size)
        return status, body

    def refuses(self, world, token, why):
        """From some request on every change is refused, and none of the refused ones reached nginx."""
        refused = wait_until(lambda: next((n for n in (f"{why}-{i}" for i in range(200))
                                           if self.put(world, token, n)[0] == 503), None), f"changes are refused: {why}")
        status, body = self.put(world, token, f"{why}-after")
        self.assertEqual(status, 503)
        self.assertTrue(json.loads(body)["code"].startswith("audit."), body)
        for name in (refused, f"{why}-after"):
            self.assertNotIn(("PUT", f"/staging/{name}"), [r[:2] for r in world.nginx.requests()])

    def test_an_unlinked_log_stops_changes(self):
        with World() as world:
            _, token = world.gateway.agent_token()
            self.assertIn(self.put(world, token, "before")[0], (201, 204))
            for segment in (world.folder / "state" / "audit").glob("segment-*.jsonl"):
                segment.unlink()
            self.refuses(world, token, "unlinked")
            self.assertEqual(world.gateway.http("GET", "/web/staging/before", token)[0], 503, "no record, no reading either")

    @unittest.skipUnless(os.geteuid() == 0, "needs root to mount a small file system")
    def test_a_full_disk_stops_changes(self):
        with tempfile.TemporaryDirectory(prefix="countersign-full-") as folder:
            os.chmod(folder, 0o755)  # nginx's worker has to get through
            state = pathlib.Path(folder) / "world" / "state"
            state.mkdir(parents=True)
            if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=160m", "tmpfs", str(state)], capture_output=True).returncode:
                self.skipTest("mounting is not allowed here")
            try:
                with World(pathlib.Path(folder) / "world") as world:
                    _, token = world.gateway.agent_token()
                    self.assertIn(self.put(world, token, "before")[0], (201, 204))
                    filler = state / "filler"
                    with open(filler, "wb") as file:
                        try:
                            while True:
                                file.write(b"\0" * 65536)
                                file.flush()
                        except OSError:
                            pass
                    self.refuses(world, token, "full")
            finally:
                subprocess.run(["umount", "-l", str(state)], check=True)


if __name__ == "__main__":
    unittest.main(verbosity=1)
