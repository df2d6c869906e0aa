"""Attestations of approved pushes as docs/git-attestations.md describes them: a second implementation, with the openssl
command for Ed25519, that shares no code with the program.

    python3 attestations.py > ../cases/attestation/vector.json      makes the vector of the unit tests anew
"""
import base64
import hashlib
import json
import pathlib
import subprocess
import tempfile

PREDICATE_TYPE = "https://countersign.dev/attestation/approved-push/v1"
PAYLOAD_TYPE = "application/vnd.in-toto+json"


class Key:
    """A log's key: its vkey, and signatures by it."""

    def __init__(self, origin="gateway.example/log"):
        self.origin = origin
        self.folder = tempfile.TemporaryDirectory()
        self.pem = pathlib.Path(self.folder.name) / "key.pem"
        subprocess.run(["openssl", "genpkey", "-algorithm", "ed25519", "-out", self.pem], check=True, capture_output=True)
        der = subprocess.run(["openssl", "pkey", "-in", self.pem, "-pubout", "-outform", "DER"], check=True, capture_output=True)
        public = b"\x01" + der.stdout[-32:]
        digest = hashlib.sha256(origin.encode() + b"\n" + public).hexdigest()[:8]
        self.keyid = f"{origin}+{digest}"
        self.vkey = f"{self.keyid}+{base64.b64encode(public).decode()}"

    def sign(self, message):
        with tempfile.NamedTemporaryFile() as file:  # openssl wants the size of what Ed25519 signs beforehand
            file.write(message)
            file.flush()
            return subprocess.run(["openssl", "pkeyutl", "-sign", "-inkey", self.pem, "-rawin", "-in", file.name],
                                  check=True, capture_output=True).stdout


def statement(commits, request="req_1", ref="refs/heads/main", repository="team/app", upstream="origin",
              approvals=(("sam", "senior"),), origin="gateway.example/log"):
    return {
        "_type": "https://in-toto.io/Statement/v1",
        "subject": [{"name": f"git+{upstream}/{repository}@{ref}#{commit}", "digest": {"gitCommit": commit}}
                    for commit in commits],
        "predicateType": PREDICATE_TYPE,
        "predicate": {
            "request": request, "agent": "builder", "owner": "alice", "delegates": [],
            "upstream": upstream, "repository": repository,
            "refs": [{"ref": ref, "old": "", "new": commits[0], "ancestry": "fast_forward"}],
            "approvals": [{"rule": "production-change", "stage": "platform", "by": by, "level": level,
                           "at": "2026-11-21T09:30:00.000Z"} for by, level in approvals],
            "policies": {"digest": "ab" * 32}, "fingerprint": "cd" * 32, "body_sha256": "ef" * 32,
            "log": {"origin": origin, "operation": "0192f0c1-0000-7000-8000-000000000000", "seq": 4711, "leaf": "01" * 32},
            "executed_at": "2026-11-21T09:31:00.000Z",
        },
    }


def seal(value, key, payload_type=PAYLOAD_TYPE):
    """The envelope of a statement."""
    body = json.dumps(value, separators=(",", ":"), sort_keys=True).encode()
    encoding = b"DSSEv1 %d %s %d %s" % (len(payload_type), payload_type.encode(), len(body), body)
    return {"payload": base64.b64encode(body).decode(), "payloadType": payload_type,
            "signatures": [{"keyid": key.keyid, "sig": base64.b64encode(key.sign(encoding)).decode()}]}


def altered(envelope, change):
    """The envelope with its statement changed by `change` and the signature left as it was: a forgery."""
    value = json.loads(base64.b64decode(envelope["payload"]))
    change(value)
    body = json.dumps(value, separators=(",", ":"), sort_keys=True).encode()
    return {**envelope, "payload": base64.b64encode(body).decode()}


if __name__ == "__main__":
    maker = Key()
    print(json.dumps({"vkey": maker.vkey, "envelope": seal(statement(["a" * 40, "b" * 40], request="req_vector"), maker)},
                     indent=1))
