"""A passkey made of software, for tests that vote without a browser: WebAuthn ceremonies as an authenticator answers them. openssl signs."""
import base64
import hashlib
import json
import os
import pathlib
import subprocess


def b64(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def cbor(value):
    """As much of CBOR (RFC 8949) as an attestation needs."""
    def head(major, number):
        if number < 24:
            return bytes([major << 5 | number])
        return bytes([major << 5 | 24, number]) if number < 256 else bytes([major << 5 | 25]) + number.to_bytes(2, "big")
    if isinstance(value, int):
        return head(0, value) if value >= 0 else head(1, -1 - value)
    if isinstance(value, bytes):
        return head(2, len(value)) + value
    if isinstance(value, str):
        return head(3, len(value.encode())) + value.encode()
    return head(5, len(value)) + b"".join(cbor(k) + cbor(v) for k, v in value.items())


class SoftPasskey:
    def __init__(self, folder, name):
        self.key = pathlib.Path(folder) / f"passkey-{name}.pem"
        self._openssl("ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", str(self.key))
        point = self._openssl("ec", "-in", str(self.key), "-pubout", "-outform", "DER")[-64:]
        self.public = {1: 2, 3: -7, -1: 1, -2: point[:32], -3: point[32:]}
        self.id = os.urandom(32)

    @staticmethod
    def _openssl(*arguments, stdin=None):
        return subprocess.run(["openssl", *arguments], input=stdin, check=True, capture_output=True).stdout

    @staticmethod
    def _client_data(kind, challenge, origin):
        return json.dumps({"type": kind, "challenge": challenge, "origin": origin, "crossOrigin": False}, separators=(",", ":")).encode()

    def _authenticator_data(self, rp_id, flags):
        return hashlib.sha256(rp_id.encode()).digest() + bytes([flags]) + bytes(4)

    def create(self, asked, name):
        """The body that enrols it, for the answer of /api/v1/passkeys/challenge."""
        data = self._authenticator_data(asked["rp"]["id"], 0x45) + bytes(16) + len(self.id).to_bytes(2, "big") + self.id + cbor(self.public)
        return {"name": name, "client_data": b64(self._client_data("webauthn.create", asked["challenge"], asked["origin"])),
                "attestation_object": b64(cbor({"fmt": "none", "attStmt": {}, "authData": data}))}

    def sign(self, asked):
        """The `signature` of a vote, for the answer of /api/v1/votes/challenge."""
        client = self._client_data("webauthn.get", asked["challenge"], asked["origin"])
        data = self._authenticator_data(asked["rp_id"], 0x05)
        signature = self._openssl("dgst", "-sha256", "-sign", str(self.key), stdin=data + hashlib.sha256(client).digest())
        return {"statement": asked["statement"], "credential": b64(self.id), "authenticator_data": b64(data), "client_data": b64(client),
                "signature": b64(signature)}
