"""The git chapter of the demo: stock git, a real git host, and pushes that are judged by what they change."""
import os
import subprocess

from git_harness import GitWorld, request_of
from harness import wait_until

ASSISTED = "Cheaper tea\n\nCo-Authored-By: Claude <noreply@anthropic.com>"
FORGED = "Free tea\n\nAssisted-by: an agent that nobody countersigned"


def push(story, work, *args):
    story.agent("git push " + " ".join(args))
    done = work.push(*args, check=None)
    story.show("\n".join(line.rstrip() for line in done.text.splitlines()))
    return done


def verify(story, world, work, base, key):
    """What CI runs, in a clone of the host that knows nothing of the gateway."""
    work.git("fetch", "-q", "origin", "refs/countersign/attestations/*:refs/countersign/attestations/*")
    argv = ["verify-commits", f"{base}..HEAD", "--key", str(key)]
    done = subprocess.run([world.gateway.binary, *argv], cwd=work.folder, capture_output=True, text=True,
                          env={k: v for k, v in os.environ.items() if not k.startswith("COUNTERSIGN_")}, timeout=60)
    story.human(" ".join(argv[:-1]) + " countersign.vkey", done.stdout + done.stderr)
    return done.returncode, done.stdout + done.stderr


def tell_git(story):
    with GitWorld() as world:
        name = world.repository("team/shop")
        work = world.clone(name)
        base = world.server.refs(name)["refs/heads/main"]

        story.step("git: the agent clones with stock git and pushes a feature branch: allowed, and it has landed")
        work.git("checkout", "-q", "-b", "feature/tea")
        commit = work.commit(ASSISTED, {"src/core/prices.txt": "espresso 3\ntea 1\n"})
        done = push(story, work, "origin", "feature/tea")
        story.check(done.code == 0 and world.server.refs(name).get("refs/heads/feature/tea") == commit,
                    "the branch is on the host; the agent never saw the host's password")

        story.step("git: it rewrites main: refused by the floor, whoever would approve")
        work.git("checkout", "-q", "--orphan", "fresh")
        work.commit("a fresh start", {"src/core/prices.txt": "everything 0\n"})
        done = push(story, work, "--force", "origin", "fresh:main")
        story.check(done.code == 1 and "policy.floor" in done.text and world.server.refs(name)["refs/heads/main"] == base,
                    "force is what the history says, not what a flag says; main has not moved")

        story.step("git: it pushes to main: held; the command ends well, and visibly has not landed")
        work.git("checkout", "-q", "main")
        work.git("merge", "-q", "--ff-only", "feature/tea")
        done = push(story, work, "origin", "main")
        held = request_of(done)
        story.check(done.code == 0 and world.server.refs(name)["refs/heads/main"] == base, f"held as {held}; main is unchanged")
        shown = world.gateway.cli("request", "show", held, token=world.sam, check=0)[1]
        story.human(f"request show {held}", shown)
        story.check("tea 1" in shown, "the approver reads the change itself")
        reviewer = world.clone(name, direct=True)
        reviewer.git("fetch", "-q", world.url(name, world.token(agent="reviewer")), f"refs/approvals/{held}")
        story.check(reviewer.rev("FETCH_HEAD") == commit, f"a reviewer fetches refs/approvals/{held} and can build it before it lands")

        story.step("git: a person approves; the gateway lands the stored push, without a second one")
        story.human(f'approve {held} --reason "the price list was agreed"', world.approve(held)[1])
        story.check(world.finished(held) == "done" and world.server.refs(name)["refs/heads/main"] == commit, "main is the approved commit")

        story.step("git: CI checks that every AI-assisted commit has its approval, offline; a commit that went past everybody fails")
        attestation = f"refs/countersign/attestations/{held}"
        wait_until(lambda: attestation in world.server.refs(name), "the attestation is on the host")
        key = world.folder / "state" / "audit" / "vkey"
        clone = world.clone(name, direct=True)
        code, out = verify(story, world, clone, base, key)
        story.check(code == 0 and held in out, "the commit is covered by the approval")
        clone.commit(FORGED, {"src/core/prices.txt": "espresso 3\ntea 0\n"})
        code, out = verify(story, world, clone, base, key)
        story.check(code == 1 and clone.rev()[:12] in out, "the commit that nobody approved is named, and the check fails")
