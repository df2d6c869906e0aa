"""The main job, step by step, on real systems: what scripts/demo runs. Every step checks what it shows; one wrong answer ends with 1."""
import argparse
import json
import pathlib
import shutil
import sys
import tempfile
import time

from demo_aws import tell_aws
from demo_git import tell_git
from demo_story import Story, paint, short
from harness import (ROOT, UPSTREAM_SECRET, McpError, World, countersign_of, text_of, wait_until)

def call(story, client, name, arguments, progress=False):
    story.agent(f"{name} {json.dumps(arguments)}")
    result = client.call(name, arguments, progress)
    story.answer(text_of(result).replace("\n", " "))
    return result


def status(result):
    return (countersign_of(result) or {}).get("status")


def request_of(result):
    return (countersign_of(result) or {}).get("request", "")


def tell(story, world):
    gateway = world.gateway
    production = world.folder / "data" / "production" / "config.json"
    staging = world.folder / "data" / "staging" / "plan.txt"

    story.step("A person issues a token for an agent: two upstreams, one hour. The agent narrows it for a sub-agent, offline")
    delegable, sealed = gateway.agent_token()
    story.human("token issue --agent builder --owner olivia --upstreams files,web --ttl 1h", short(delegable))
    narrowed = gateway.cli("token", "narrow", delegable, "--effects", "read", "--as", "reader", check=0)[1].strip()
    story.human("token narrow csd1_… --effects read --as reader      (no server, no key)", short(narrowed))
    reader = world.mcp(gateway.seal(narrowed))
    result = call(story, reader, "write_file", {"path": "staging/plan.txt", "content": "sub-agent was here"})
    story.check(status(result) == "denied" and not staging.exists(), "the sub-agent may read only: its write is refused, nothing written")

    story.step("The agent lists its tools and reads a file: allowed")
    agent = world.mcp(sealed)
    names = [tool["name"] for tool in agent.tools()]
    reader_names = [tool["name"] for tool in reader.tools()]
    story.agent("tools/list")
    story.answer(f"{len(names)} tools: {', '.join(names)}")
    story.check("write_file" in names and "write_file" not in reader_names,
                f"the agent sees write_file; the read-only sub-agent is shown {len(reader_names)} tools, write_file not among them")
    result = call(story, agent, "read_text_file", {"path": "production/config.json"})
    story.check("checkout" in text_of(result), "reading production is allowed")

    story.step("It writes under staging/: allowed, and the file is there")
    result = call(story, agent, "write_file", {"path": "staging/plan.txt", "content": "step one\n"})
    story.check(countersign_of(result) is None and staging.read_text() == "step one\n", "staging/plan.txt holds what the agent sent")

    story.step("It writes under production/: held, shown to a person, approved, executed exactly once")
    change = {"path": "production/config.json", "content": '{"checkout": "v2"}\n'}
    result = call(story, agent, "write_file", change)
    held = request_of(result)
    story.check(status(result) == "pending_approval" and held and "v2" not in production.read_text(),
                f"held as {held}; production is unchanged")
    sam = gateway.person("sam")
    story.human("requests", gateway.cli("requests", token=sam, check=0)[1])
    story.human(f"request show {held}", gateway.cli("request", "show", held, token=sam, check=0)[1])
    story.human(f'approve {held} --reason "checkout v2 was reviewed in CHG-417"',
                gateway.cli("approve", held, "--reason", "checkout v2 was reviewed in CHG-417", token=sam, check=0)[1])
    wait_until(lambda: gateway.json("request", "show", held, token=sam)["state"] == "done", "the stored copy has run")
    story.check("v2" in production.read_text(), "the proxy ran its stored copy: production/config.json has changed")
    production.write_text("changed by somebody else\n")
    result = call(story, agent, "write_file", change)
    story.check(countersign_of(result) is None and production.read_text() == "changed by somebody else\n",
                "the agent's identical retry receives the result; nothing ran twice")
    result = call(story, agent, "write_file", change)
    again = request_of(result)
    story.check(status(result) == "pending_approval" and again != held, f"a second retry is a new request: {again}")

    story.step("One byte changed is another request; the owner cannot approve; a denial reaches the agent with its reason")
    other = {"path": "production/config.json", "content": '{"checkout": "v3"}\n'}
    result = call(story, agent, "write_file", other)
    different = request_of(result)
    story.check(different not in ("", held, again), f"held as {different}")
    olivia = gateway.person("olivia")
    code, out, err = gateway.cli("approve", different, "--reason", "it is mine", token=olivia)
    story.human(f'approve {different} --reason "it is mine"        (as olivia, who owns the agent)', out + err)
    story.check(code == 1 and "approval.self" in out + err, "refused: nobody approves a request of their own agent")
    gateway.cli("deny", different, "--reason", "v3 has no rollback plan yet", token=sam, check=0)
    story.human(f'deny {different} --reason "v3 has no rollback plan yet"', "")
    result = call(story, agent, "write_file", other)
    story.check(status(result) == "denied" and "rollback plan" in text_of(result), "the agent's retry is told why")

    story.step("Destroying on production is refused by the floor, and no approval can release it")
    result = call(story, agent, "move_file", {"source": "production/config.json", "destination": "staging/config.json"})
    story.check(status(result) == "denied" and countersign_of(result).get("code") == "policy.floor" and production.exists(),
                "move_file out of production: refused, the file is still there")
    code, headers, body = gateway.http("DELETE", "/web/production/prices.json", sealed)
    story.agent("HTTP DELETE /web/production/prices.json")
    story.answer(f"{code} {body.decode()}")
    story.check(code == 403 and json.loads(body)["code"] == "policy.floor" and
                not any(method == "DELETE" for method, _, _ in world.nginx.requests()), "nginx never saw a DELETE")
    code, _, body = gateway.http("GET", "/web/production/prices.json", sealed)
    story.agent("HTTP GET /web/production/prices.json")
    story.answer(f"{code} {body.decode().strip()}")
    story.check(code == 200 and UPSTREAM_SECRET not in body.decode(),
                "reading passes, with nginx's own credential put in behind the agent's back")

    story.step("kill -9 while a request is held; after the restart it is still there, is approved, and runs once")
    gateway.kill()
    print("   the gateway is gone, in the middle of everything")
    gateway.start()
    shown = gateway.json("requests", "--state", "held", token=sam)
    ids = [row["id"] for row in (shown["requests"] if isinstance(shown, dict) else shown)]
    story.human("requests --state held", gateway.cli("requests", "--state", "held", token=sam, check=0)[1])
    story.check(again in ids, f"{again} survived")
    gateway.cli("approve", again, "--reason", "still wanted", token=sam, check=0)
    wait_until(lambda: gateway.json("request", "show", again, token=sam)["state"] == "done", "the stored copy has run")
    story.check("v2" in production.read_text(), "it ran after the restart")
    production.write_text("changed once more\n")
    result = call(story, agent, "write_file", change)  # the same client: the gateway keeps no session that a restart could lose
    story.check(countersign_of(result) is None and production.read_text() == "changed once more\n", "and it ran once")

    story.step("The log shows all of it, verifies, and names the record when one byte is flipped")
    story.human("audit query --limit 40", gateway.cli("audit", "query", "--limit", "40", token=sam, check=0)[1])
    code, out, _ = gateway.cli("audit", "verify")
    story.human("audit verify", out)
    story.check(code == 0, "the log verifies")
    copy = world.folder / "copy-of-the-log"
    time.sleep(1.5)  # let the checkpoint of the last second be signed, so that the copy is complete
    shutil.copytree(world.folder / "state" / "audit", copy)
    segment = sorted(copy.glob("segment-*.jsonl"))[0]
    data = bytearray(segment.read_bytes())
    at = data.find(b'"write_file') if b'"write_file' in data else data.find(b"mcp:call_tool")
    data[at + 3] ^= 1
    record = data[:at].count(b"\n")
    segment.write_bytes(data)
    code, out, err = gateway.cli("audit", "verify", "--dir", str(copy))
    story.human("audit verify --dir copy-of-the-log          (one byte flipped)", out + err)
    story.check(code == 1 and str(record) in out + err, f"it fails, and names record {record}")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--keep", action="store_true", help="leave everything running and print the addresses")
    arguments = parser.parse_args()
    folder = pathlib.Path(tempfile.mkdtemp(prefix="countersign-demo-"))
    print(paint("1", "Countersign between an agent and real systems: an MCP file server, nginx with WebDAV, a git host, and an account of AWS"))
    print(f"   everything happens in {folder}")
    story = Story()
    world = World(folder)
    try:
        tell(story, world)
        tell_git(story)
        tell_aws(story)
    except (AssertionError, McpError, KeyError, ValueError) as error:
        story.failures += 1
        print(f"   {paint('31', 'WRONG')}        {error}")
    print()
    if story.failures:
        print(paint("31", f"{story.failures} checks failed") + f"; logs are in {folder}")
        world.close()
        return 1
    print(paint("32", f"All {story.number} steps showed what they should."))
    if not arguments.keep:
        world.close()
        shutil.rmtree(folder)
        return 0
    keep(world)
    return 0


def keep(world):
    gateway = world.gateway
    _, sealed = gateway.agent_token(ttl="12h")
    base = f"http://127.0.0.1:{gateway.agents_port}"
    snippet = {"mcpServers": {"files": {"type": "http", "url": f"{base}/files/mcp", "headers": {"Authorization": f"Bearer {sealed}"}}}}
    print(f"\nStill running. Agents: {base}   people: http://localhost:{gateway.admin_port}   configuration: {world.folder}")
    print("\nmcp.json for your agent (its token is good for 12 hours):\n")
    print(json.dumps(snippet, indent=2))
    # Something that waits, for whoever opens the console.
    gateway.http("PUT", "/web/production/menu.json", sealed, body=b'{"tea": 2, "espresso": 3}\n', headers={"Content-Type": "application/json"})
    gateway.http("PUT", "/web/production/prices.json", sealed, body=b'{"espresso": 4}\n', headers={"Content-Type": "application/json"})
    invitation = gateway.json("person", "invite", "sam")["link"]
    print(f"\nThe console, as sam (the link is good once, for 24 hours; two requests wait there):\n\n  {invitation}")
    print(f"\nOr on the command line, from {world.folder}:\n")
    print(f"  export COUNTERSIGN_TOKEN={gateway.person('sam')}")
    print(f"  cd {world.folder} && {gateway.binary} requests")
    print(f"\nEnd it with: kill {gateway.process.pid} {world.nginx.process.pid}")
    for client in world.clients:
        client.close()


sys.exit(main())
