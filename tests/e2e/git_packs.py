"""Packs made by hand, sound and hostile. (gitformat-pack)"""
import hashlib
import struct
import zlib

COMMIT, TREE, BLOB, TAG, OFS_DELTA, REF_DELTA = 1, 2, 3, 4, 6, 7
NAMES = {COMMIT: b"commit", TREE: b"tree", BLOB: b"blob", TAG: b"tag"}


def object_id(kind, data):
    return hashlib.sha1(NAMES[kind] + b" %d\0" % len(data) + data).hexdigest()


def head(kind, size):
    """The header of an entry: type and inflated size."""
    out, byte = bytearray(), (kind << 4) | (size & 15)
    size >>= 4
    while size:
        out.append(byte | 0x80)
        byte, size = size & 0x7F, size >> 7
    out.append(byte)
    return bytes(out)


def entry(kind, data):
    return head(kind, len(data)) + zlib.compress(data)


def varint(value):
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def copies(base_size, chunk, times):
    """A delta that repeats the first `chunk` bytes of its base `times` times."""
    copy = bytes([0x80 | 0x70, chunk & 0xFF, chunk >> 8 & 0xFF, chunk >> 16 & 0xFF])
    return varint(base_size) + varint(chunk * times) + copy * times


def ended(base_size, keep, data):
    """A delta that keeps the first `keep` bytes of its base and ends with `data`."""
    return varint(base_size) + varint(keep + len(data)) + bytes([0x80 | 0x30, keep & 0xFF, keep >> 8]) + bytes([len(data)]) + data


def ref_delta(base, delta):
    return head(REF_DELTA, len(delta)) + bytes.fromhex(base) + zlib.compress(delta)


def ofs_delta(distance, delta):
    out = [distance & 0x7F]
    while distance := distance >> 7:
        distance -= 1
        out.append(distance & 0x7F | 0x80)
    return head(OFS_DELTA, len(delta)) + bytes(reversed(out)) + zlib.compress(delta)


def pack(entries, count=None, version=2):
    body = b"PACK" + struct.pack(">II", version, len(entries) if count is None else count) + b"".join(entries)
    return body + hashlib.sha1(body).digest()


def zeros(size):
    """An entry whose blob is `size` zero bytes, about a thousandth of it when packed; and the blob's id."""
    packer, name = zlib.compressobj(9), hashlib.sha1(b"blob %d\0" % size)
    piece, out = bytes(1 << 20), [head(BLOB, size)]
    for _ in range(size >> 20):
        out.append(packer.compress(piece))
        name.update(piece)
    out.append(packer.flush())
    return b"".join(out), name.hexdigest()


def tree(*files):
    """A tree's bytes from (mode, name, id)."""
    return b"".join(mode.encode() + b" " + name.encode() + b"\0" + bytes.fromhex(which) for mode, name, which in files)


def commit(tree_id, *parents, message="hostile\n"):
    lines = [f"tree {tree_id}", *(f"parent {p}" for p in parents), "author Ada <ada@example.com> 1767312000 +0000",
             "committer Ada <ada@example.com> 1767312000 +0000", "", message]
    return "\n".join(lines).encode()


def history(blob_entry, blob_id, *parents, name="file.bin", mode="100644"):
    """Entries of a commit with one file, and the commit's id; `blob_entry` may be None or a list when it comes otherwise."""
    tree_data = tree((mode, name, blob_id))
    data = commit(object_id(TREE, tree_data), *parents)
    blobs = blob_entry if isinstance(blob_entry, list) else [blob_entry] if blob_entry else []
    return [entry(COMMIT, data), entry(TREE, tree_data), *blobs], object_id(COMMIT, data)
