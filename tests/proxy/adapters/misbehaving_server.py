"""An MCP server over standard streams that does, tool by tool, what a broken one might do.

    misbehaving_server.py MODE JOURNAL      each call is appended to JOURNAL, so that a test can count what arrived
"""
import json
import os
import signal
import subprocess
import sys
import time

mode, journal = sys.argv[1], sys.argv[2]
tools = ["echo", "die", "never", "garbage", "huge", "twice", "flood", "progress", "ask", "grow", "who", "cancelled", "unreadable"]
cancelled = []
replies = []


def note(text):
    with open(journal, "a") as file:
        file.write(text + "\n")


def say(message):
    sys.stdout.write((message if isinstance(message, str) else json.dumps(message)) + "\n")
    sys.stdout.flush()


def answer(request, result):
    say({"jsonrpc": "2.0", "id": request["id"], "result": result})


def text(value):
    return {"content": [{"type": "text", "text": json.dumps(value)}]}


def read():
    line = sys.stdin.readline()
    if not line:
        note("end of input")
        if mode == "stubborn":
            time.sleep(1000)
        sys.exit(0)
    return json.loads(line)


def call(request):
    params = request["params"]
    name = params["name"]
    note("call " + name)
    if name == "echo":
        answer(request, text(params))
    elif name == "die":
        os._exit(3)
    elif name == "never":
        token = params.get("_meta", {}).get("progressToken")
        if token is not None:
            say({"jsonrpc": "2.0", "method": "notifications/progress", "params": {"progressToken": token, "progress": 1}})
    elif name == "garbage":
        say("this is not JSON")
        say("")
        say('{"jsonrpc":"2.0","id":999999,"result":{}}')
        say('{"jsonrpc":"2.0","id":"text","result":{}}')
        say('[{"jsonrpc":"2.0"}]')
        say('{"jsonrpc":"2.0","id":%d,"result":{"a":1,"a":2}}' % request["id"])
        sys.stdout.buffer.write(b"\xff\xfe\n")
        sys.stdout.buffer.flush()
        answer(request, text("after the garbage"))
    elif name == "huge":
        sys.stdout.write("x" * (1 << 20))
        sys.stdout.flush()
        time.sleep(1000)
    elif name == "twice":
        answer(request, text("first"))
        answer(request, text("second"))
    elif name == "flood":
        for _ in range(50000):
            sys.stderr.write("x" * 100 + "\n")
        sys.stderr.write("no end of line" * 10000)
        sys.stderr.flush()
        answer(request, text("flooded"))
    elif name == "progress":
        token = params.get("_meta", {}).get("progressToken")
        for step in (1, 2, 3):
            say({"jsonrpc": "2.0", "method": "notifications/progress", "params": {"progressToken": token, "progress": step, "message": "step"}})
        answer(request, text({"token": token is not None}))
    elif name == "ask":
        for number, method in enumerate(["ping", "sampling/createMessage", "elicitation/create", "roots/list"]):
            say({"jsonrpc": "2.0", "id": "q%d" % number, "method": method, "params": {}})
        got = [read() for _ in range(4)]
        answer(request, text(got))
    elif name == "grow":
        tools.append("grown")
        say({"jsonrpc": "2.0", "method": "notifications/tools/list_changed"})
        answer(request, text("grew"))
    elif name == "who":
        answer(request, text({"environment": sorted(os.environ), "directory": os.getcwd(), "leader": os.getpgrp() == os.getpid(),
                              "descriptors": sorted(int(fd) for fd in os.listdir("/proc/self/fd")),
                              "pipe": signal.getsignal(signal.SIGPIPE) is not None}))
    elif name == "cancelled":
        answer(request, text(cancelled))
    elif name == "unreadable":
        say('{"jsonrpc":"2.0","id":%d,"result":7}' % request["id"])
        answer(request, text("readable"))


if mode == "dead":
    note("started")
    sys.exit(7)
if mode == "stubborn":
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    grandchild = subprocess.Popen(["sleep", "1000"])
    note("pids %d %d" % (os.getpid(), grandchild.pid))
note("started")
while True:
    message = read()
    method = message.get("method")
    if method == "initialize":
        if mode == "silent":
            continue
        version = "1999-01-01" if mode == "ancient" else message["params"]["protocolVersion"]
        answer(message, {"protocolVersion": version, "capabilities": {"tools": {"listChanged": True}},
                         "serverInfo": {"name": "misbehaving", "version": "1"}, "instructions": "be careful"})
    elif method == "tools/list":
        cursor = message["params"].get("cursor")
        listed = [{"name": name, "inputSchema": {"type": "object"}, "annotations": {"readOnlyHint": name == "echo"}} for name in tools]
        if mode == "doubles":
            listed.append(listed[0])
        if mode == "endless":
            answer(message, {"tools": [], "nextCursor": "again"})
        elif cursor is None:
            answer(message, {"tools": listed[:5], "nextCursor": "5"})
        else:
            answer(message, {"tools": listed[5:]})
    elif method == "tools/call":
        call(message)
    elif method == "notifications/cancelled":
        cancelled.append(message["params"]["requestId"])
