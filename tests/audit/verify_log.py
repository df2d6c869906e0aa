#!/usr/bin/env python3
"""A second, independent verifier of Countersign audit logs, written from docs/formats/audit-log.md and RFC 8032, 8785 and 9162.

Standard library only. It is a test oracle: slow, and not hardened against timing or resource attacks.

  verify_log.py [--vkey KEY] [--since CHECKPOINT] DIR      exit 0 when DIR verifies, 1 when it does not
  verify_log.py --mutations FILE DIR                       one verdict a line for DIR with one byte changed: "NAME OFFSET MASK" each
  verify_log.py --receipt FILE --vkey KEY                  exit 0 when the receipt proves its record
"""
import argparse
import base64
import binascii
import functools
import hashlib
import json
import os
import re
import sys

# --- Ed25519 verification (RFC 8032 section 5.1.7), extended coordinates -------------------------------------------------

P = 2**255 - 19
L = 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, P - 2, P) % P
SQRT_M1 = pow(2, (P - 1) // 4, P)


def point_add(a, b):
    A = (a[1] - a[0]) * (b[1] - b[0]) % P
    B = (a[1] + a[0]) * (b[1] + b[0]) % P
    C = 2 * a[3] * b[3] * D % P
    E = 2 * a[2] * b[2] % P
    e, f, g, h = B - A, E - C, E + C, B + A
    return (e * f % P, g * h % P, f * g % P, e * h % P)


def point_multiply(scalar, point):
    result = (0, 1, 1, 0)
    while scalar:
        if scalar & 1:
            result = point_add(result, point)
        point = point_add(point, point)
        scalar >>= 1
    return result


def point_equal(a, b):
    return (a[0] * b[2] - b[0] * a[2]) % P == 0 and (a[1] * b[2] - b[1] * a[2]) % P == 0


def recover_x(y, sign):
    if y >= P:
        return None
    x2 = (y * y - 1) * pow(D * y * y + 1, P - 2, P) % P
    if x2 == 0:
        return None if sign else 0
    x = pow(x2, (P + 3) // 8, P)
    if (x * x - x2) % P:
        x = x * SQRT_M1 % P
    if (x * x - x2) % P:
        return None
    return P - x if (x & 1) != sign else x


BASE_Y = 4 * pow(5, P - 2, P) % P
BASE_X = recover_x(BASE_Y, 0)
BASE = (BASE_X, BASE_Y, 1, BASE_X * BASE_Y % P)


def decompress(data):
    y = int.from_bytes(data, "little")
    sign = y >> 255
    y &= (1 << 255) - 1
    x = recover_x(y, sign)
    return None if x is None else (x, y, 1, x * y % P)


@functools.lru_cache(maxsize=4096)
def ed25519_verify(public, message, signature):
    if len(public) != 32 or len(signature) != 64:
        return False
    a, r = decompress(public), decompress(signature[:32])
    s = int.from_bytes(signature[32:], "little")
    if a is None or r is None or s >= L:
        return False
    h = int.from_bytes(hashlib.sha512(signature[:32] + public + message).digest(), "little") % L
    return point_equal(point_multiply(s, BASE), point_add(r, point_multiply(h, a)))


# --- Merkle tree ---------------------------------------------------------------------------------------------------------


def leaf_hash(data):
    return hashlib.sha256(b"\0" + data).digest()


def node_hash(left, right):
    return hashlib.sha256(b"\1" + left + right).digest()


def tree_root(hashes):
    """MTH of RFC 9162 section 2.1.1, as it is defined."""
    if not hashes:
        return hashlib.sha256(b"").digest()
    if len(hashes) == 1:
        return hashes[0]
    k = 1
    while k * 2 < len(hashes):
        k *= 2
    return node_hash(tree_root(hashes[:k]), tree_root(hashes[k:]))


def root_from_path(leaf, index, size, path):
    if size == 1:
        return leaf if not path else None
    if not path:
        return None
    k = 1
    while k * 2 < size:
        k *= 2
    if index < k:
        left = root_from_path(leaf, index, k, path[:-1])
        return left and node_hash(left, path[-1])
    right = root_from_path(leaf, index - k, size - k, path[:-1])
    return right and node_hash(path[-1], right)


# --- Notes ---------------------------------------------------------------------------------------------------------------


class Bad(Exception):
    def __init__(self, what, seq=None):
        super().__init__(what)
        self.seq = seq


def strict_base64(text):
    try:
        data = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise Bad("not base64")
    if base64.b64encode(data) != (text if isinstance(text, bytes) else text.encode()):
        raise Bad("not canonical base64")
    return data


def parse_vkey(text):
    parts = text.split("+", 2)
    if len(parts) != 3:
        raise Bad("vkey: not a verifier key")
    name, key_id, rest = parts
    data = strict_base64(rest)
    if not name or len(data) != 33 or data[0] != 1:
        raise Bad("vkey: not an Ed25519 verifier key")
    if hashlib.sha256(name.encode() + b"\n" + data).hexdigest()[:8] != key_id:
        raise Bad("vkey: the key id does not match")
    return name, bytes.fromhex(key_id), data[1:]


def open_note(note, vkey):
    name, key_id, public = vkey
    split = note.rfind(b"\n\n")
    if split < 0 or not note.endswith(b"\n") or split + 2 >= len(note):
        raise Bad("not a signed note")
    text, good = note[: split + 1], False
    for line in note[split + 2 : -1].split(b"\n"):
        if not line.startswith("\u2014 ".encode()) or line.count(b" ") < 2:
            raise Bad("not a signed note")
        who, signature = line[len("\u2014 ".encode()) :].split(b" ", 1)
        data = strict_base64(signature)
        if who != name.encode() or data[:4] != key_id:
            continue
        if not ed25519_verify(public, text, data[4:]):
            raise Bad("wrong signature")
        good = True
    if not good:
        raise Bad("not signed by this log")
    return text


def open_checkpoint(note, vkey):
    lines = open_note(note, vkey).split(b"\n")
    if len(lines) != 4 or lines[0] != vkey[0].encode() or not re.fullmatch(rb"0|[1-9][0-9]*", lines[1]):
        raise Bad("not a checkpoint of this log")
    root = strict_base64(lines[2])
    if len(root) != 32:
        raise Bad("not a checkpoint of this log")
    return int(lines[1]), root


# --- The log -------------------------------------------------------------------------------------------------------------


def no_duplicates(pairs):
    keys = [key for key, _ in pairs]
    if len(set(keys)) != len(keys):
        raise ValueError("duplicate key")
    return dict(pairs)


PHASES = {"intent", "outcome", "refused", "approval", "admin", "recovered", "heartbeat"}


def check_record(line, seq):
    try:
        record = json.loads(line.decode("utf-8"), object_pairs_hook=no_duplicates)
        canonical = json.dumps(record, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode("utf-8")
    except (ValueError, UnicodeError):
        raise Bad("not JSON", seq)
    if canonical != line or len(line) > 65535 or not isinstance(record, dict):
        raise Bad("not canonical", seq)
    if record.get("seq") != seq or record.get("v") != 1 or record.get("phase") not in PHASES:
        raise Bad("wrong seq, version or phase", seq)
    if not isinstance(record.get("signature", ""), str):
        raise Bad("a signature that is not text", seq)
    if not re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", record.get("ts", "")):
        raise Bad("no time", seq)
    return record


def split_notes(data):
    """The notes of `checkpoints`; what follows the last whole one is returned second."""
    notes, start = [], 0
    for end in re.finditer("(?m)^\u2014 [^\n]*\n\n".encode(), data):
        notes.append(data[start : end.end() - 1])
        start = end.end()
    return notes, data[start:]


def verify(files, vkey_text=None, since=None):
    """`files` maps names to bytes. Returns the number of records; raises Bad with the first thing found wrong."""
    own = files.get("vkey", b"")
    if not own.endswith(b"\n"):
        raise Bad("vkey is missing or damaged")
    try:
        own_text = own[:-1].decode("ascii")
    except UnicodeError:
        raise Bad("vkey is damaged")
    vkey = parse_vkey(vkey_text or own_text)
    if vkey_text and vkey_text != own_text:
        raise Bad("vkey is not the key that was asked for")

    stored = [files["hashes"][i : i + 32] for i in range(0, len(files.get("hashes", b"")) // 32 * 32, 32)]
    leaves, last_time = [], ""
    names = sorted(name for name in files if re.fullmatch(r"segment-\d{20}\.jsonl", name))
    for position, name in enumerate(names):
        if int(name[8:28]) != len(leaves):
            raise Bad("a segment does not follow", len(leaves))
        lines = files[name].split(b"\n")
        tail = lines.pop()
        for line in lines:
            seq = len(leaves)
            leaf = leaf_hash(line)
            if seq < len(stored) and stored[seq] != leaf:
                raise Bad("record and stored hash differ", seq)
            record = check_record(line, seq)
            if record["ts"] < last_time:
                raise Bad("time goes back", seq)
            last_time = record["ts"]
            leaves.append(leaf)
        if tail and (position + 1 < len(names) or len(leaves) < len(stored)):
            raise Bad("cut short", len(leaves))
    if len(leaves) < len(stored):
        raise Bad("missing", len(leaves))

    notes, _ = split_notes(files.get("checkpoints", b""))
    signed = -1
    for note in notes:
        size, root = open_checkpoint(note, vkey)
        if size < signed:
            raise Bad("checkpoints go back")
        if size > len(leaves):
            raise Bad("missing, but signed", len(leaves))
        if tree_root(leaves[:size]) != root:
            raise Bad("records do not match a checkpoint", max(signed, 0))
        signed = size
    if files.get("checkpoint") not in notes:
        raise Bad("checkpoint is not one of checkpoints")
    if len(stored) < signed:
        raise Bad("hash missing", len(stored))
    if "open-intents" in files and not open_note(files["open-intents"], vkey).startswith(b"countersign audit open-intents 1\n"):
        raise Bad("open-intents is damaged")
    if since is not None:
        size, root = open_checkpoint(since, vkey)
        if size > len(leaves):
            raise Bad("rolled back", len(leaves))
        if tree_root(leaves[:size]) != root:
            raise Bad("history was rewritten")
    return len(leaves)


def verify_receipt(data, vkey_text):
    vkey = parse_vkey(vkey_text)
    head, _, note = data.partition(b"\n\n")
    lines = head.split(b"\n")
    if len(lines) < 3 or lines[0] != b"c2sp.org/tlog-proof@v1" or not lines[1].startswith(b"extra ") or not lines[2].startswith(b"index "):
        raise Bad("not a receipt")
    record, index = strict_base64(lines[1][6:]), int(lines[2][6:])
    size, root = open_checkpoint(note, vkey)
    if index >= size or root_from_path(leaf_hash(record), index, size, [strict_base64(line) for line in lines[3:]]) != root:
        raise Bad("not included", index)
    check_record(record, index)
    return index


def load(folder):
    files = {}
    for name in os.listdir(folder):
        path = os.path.join(folder, name)
        if os.path.isfile(path) and not name.endswith(".tmp"):
            with open(path, "rb") as file:
                files[name] = file.read()
    return files


def verdict(check):
    try:
        return f"ok {check()}"
    except Bad as bad:
        return f"bad {'-' if bad.seq is None else bad.seq} {bad}"


def main():
    parser = argparse.ArgumentParser(description="verify a Countersign audit log")
    parser.add_argument("folder", nargs="?")
    parser.add_argument("--vkey")
    parser.add_argument("--since")
    parser.add_argument("--mutations")
    parser.add_argument("--receipt")
    options = parser.parse_args()
    if options.receipt:
        with open(options.receipt, "rb") as file:
            data = file.read()
        result = verdict(lambda: verify_receipt(data, options.vkey))
        print(result)
        return 0 if result.startswith("ok") else 1
    files = load(options.folder)
    if options.mutations:
        with open(options.mutations, encoding="ascii") as file:
            for line in file:
                name, offset, mask = line.split()
                changed = bytearray(files[name])
                changed[int(offset)] ^= int(mask)
                print(verdict(lambda: verify({**files, name: bytes(changed)})))
        return 0
    since = None
    if options.since:
        with open(options.since, "rb") as file:
            since = file.read()
    result = verdict(lambda: verify(files, options.vkey, since))
    print(result)
    return 0 if result.startswith("ok") else 1


if __name__ == "__main__":
    sys.exit(main())
