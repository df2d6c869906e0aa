"""docs/policies.md, run: its files are written, its commands run, what they print is what the page says.

A fenced block with `file=NAME` is that file. A `console` block is commands behind `$ ` and the lines they print, in order; `…` alone stands
for any lines, within a line for any text. `<!-- folder: NAME -->` begins in a new empty folder.
"""
import os
import pathlib
import re
import subprocess
import tempfile
import unittest

BINARY = pathlib.Path(os.environ["COUNTERSIGN_BINARY"])
PAGE = pathlib.Path(__file__).resolve().parent.parent.parent / "docs" / "policies.md"


def steps(text):
    """(line number, kind, argument, body): kind is folder, file or console."""
    lines = text.split("\n")
    at = 0
    while at < len(lines):
        line = lines[at]
        if folder := re.match(r"<!-- folder: ([\w-]+) -->$", line):
            yield at + 1, "folder", folder.group(1), []
        if fence := re.match(r"```(\w*)(?: file=(\S+))?$", line):
            begin = at + 1
            at += 1
            while lines[at] != "```":
                at += 1
            body = lines[begin:at]
            if fence.group(2):
                yield begin, "file", fence.group(2), body
            elif fence.group(1) == "console":
                yield begin, "console", "", body
            else:
                raise AssertionError(f"{PAGE}:{begin}: a block that nobody runs")
        at += 1


def commands(body):
    """(command, expected lines) of a console block."""
    out = []
    for line in body:
        if line.startswith("$ "):
            out.append((line[2:], []))
        else:
            out[-1][1].append(line)
    return out


def matches(expected, printed):
    """Whether the printed lines are the expected ones, `…` being any lines or any text."""
    if not expected:
        return not printed
    if expected[0] == "…":
        return any(matches(expected[1:], printed[i:]) for i in range(len(printed) + 1))
    if not printed:
        return False
    pattern = ".*".join(re.escape(part) for part in expected[0].split("…"))
    return re.fullmatch(pattern, printed[0]) is not None and matches(expected[1:], printed[1:])


class Page(unittest.TestCase):
    maxDiff = None

    def test_every_example(self):
        ran = 0
        with tempfile.TemporaryDirectory() as root:
            folder = pathlib.Path(root)
            for line, kind, argument, body in steps(PAGE.read_text()):
                if kind == "folder":
                    folder = pathlib.Path(root) / argument
                    folder.mkdir()
                elif kind == "file":
                    path = folder / argument
                    path.parent.mkdir(parents=True, exist_ok=True)
                    path.write_text("\n".join(body) + "\n")
                else:
                    for command, expected in commands(body):
                        self.run_one(folder, line, command, expected)
                        ran += 1
        self.assertGreater(ran, 10)

    def run_one(self, folder, line, command, expected):
        environment = {name: value for name, value in os.environ.items() if not name.startswith("COUNTERSIGN_")}
        environment["PATH"] = f"{BINARY.parent}:{environment['PATH']}"
        done = subprocess.run(["bash", "-c", command], cwd=folder, env=environment, capture_output=True, text=True, timeout=60)
        printed = (done.stdout + done.stderr).rstrip("\n").split("\n")
        printed = [each.rstrip() for each in printed]
        while expected and expected[-1] == "":
            expected = expected[:-1]
        with self.subTest(line=line, command=command):
            self.assertTrue(matches(expected, printed),
                            f"{PAGE.name}:{line}: {command}\nexpected:\n" + "\n".join(expected) + "\nprinted:\n" + "\n".join(printed))


if __name__ == "__main__":
    unittest.main()
