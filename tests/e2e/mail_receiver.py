"""A mail server for the end-to-end tests: aiosmtpd, as Debian packages it. Says "listening" when it does.

    /usr/bin/python3 mail_receiver.py PORT STATE_FILE MODE [CERTIFICATE KEY]      USER and PASSWORD in the environment

MODE is `open` (no TLS, no password), `clear` (a password is wanted, and there is no TLS), `starttls` or `implicit` (TLS and a
password). What happens stands in STATE_FILE, a line of JSON each: {"did": "auth"} and {"did": "mail"} with the whole message.
Nobody takes mail for gone@. The file STATE_FILE.refuse, while it is there, holds the answer every message gets: "451 4.3.0 try again".
"""
import base64
import json
import os
import pathlib
import signal
import ssl
import sys

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult, LoginPassword

port, state, mode, *files = sys.argv[1:]
user, password = os.environ.get("USER", ""), os.environ.get("PASSWORD", "")


def write(**line):
    with open(state, "a") as out:
        out.write(json.dumps(line) + "\n")


class Handler:
    async def handle_RCPT(self, server, session, envelope, address, options):
        if address.startswith("gone@"):
            return "550-5.1.1 nobody of this name\r\n550 5.1.1 lives here"
        envelope.rcpt_tos.append(address)
        return "250 2.1.5 welcome"

    async def handle_DATA(self, server, session, envelope):
        refuse = pathlib.Path(state + ".refuse")
        said = refuse.read_text().strip() if refuse.exists() else "250 2.0.0 taken"
        write(did="mail", sender=envelope.mail_from, to=envelope.rcpt_tos, answered=said, tls=mode == "implicit" or session.ssl is not None,
              authenticated=bool(session.authenticated), message=base64.b64encode(envelope.original_content).decode())
        return said


def authenticate(server, session, envelope, mechanism, data):
    good = isinstance(data, LoginPassword) and (data.login.decode(), data.password.decode()) == (user, password)
    write(did="auth", mechanism=mechanism, good=good)
    return AuthResult(success=good, handled=False)


options = {}
if mode in ("starttls", "implicit"):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*files)
    options = {"ssl_context": context} if mode == "implicit" else {"tls_context": context, "require_starttls": True}
if mode != "open":
    options |= {"authenticator": authenticate, "auth_required": True, "auth_require_tls": mode == "starttls"}
controller = Controller(Handler(), hostname="127.0.0.1", port=int(port), **options)
controller.start()
print("listening", flush=True)
signal.sigwait({signal.SIGTERM, signal.SIGINT})
controller.stop()
