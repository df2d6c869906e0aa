// A receipt (C2SP tlog-proof) checked in the browser: the record is in the tree (RFC 9162, section 2.1.3.2) whose root the
// checkpoint names (C2SP tlog-checkpoint), and the log's key has signed that (C2SP signed-note, Ed25519).

export interface Checked {
  record: string; // the bytes the receipt is about
  index: number;
  size: number;
  steps: { name: string; fits: boolean | undefined }[]; // undefined: this browser cannot check it
}

function from_base64(text: string): Uint8Array<ArrayBuffer> {
  const raw = atob(text);
  const out = new Uint8Array(new ArrayBuffer(raw.length));
  for (let i = 0; i < raw.length; i++) out[i] = raw.charCodeAt(i);
  return out;
}

async function sha256(...parts: (Uint8Array | number[])[]): Promise<Uint8Array<ArrayBuffer>> {
  const size = parts.reduce((sum, part) => sum + part.length, 0);
  const all = new Uint8Array(new ArrayBuffer(size));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return new Uint8Array(await crypto.subtle.digest("SHA-256", all));
}

const same = (a: Uint8Array, b: Uint8Array): boolean => a.length === b.length && a.every((byte, i) => byte === b[i]);

async function root_of(leaf: Uint8Array, index: number, size: number, path: Uint8Array[]): Promise<Uint8Array | undefined> {
  if (index >= size) return undefined;
  let fn = index;
  let sn = size - 1;
  let hash = leaf;
  for (const step of path) {
    if (sn === 0) return undefined;
    if (fn % 2 === 1 || fn === sn) {
      hash = await sha256([1], step, hash);
      while (fn % 2 === 0 && fn !== 0) {
        fn = Math.floor(fn / 2);
        sn = Math.floor(sn / 2);
      }
    } else {
      hash = await sha256([1], hash, step);
    }
    fn = Math.floor(fn / 2);
    sn = Math.floor(sn / 2);
  }
  return sn === 0 ? hash : undefined;
}

async function signed_by(note: string, vkey: string): Promise<boolean | undefined> {
  const cut = note.indexOf("\n\n");
  const text = note.slice(0, cut + 1);
  // name+key id+base64(type, public key); the name may hold a plus sign
  const found = vkey.trim().match(/^(.+)\+([0-9a-f]{8})\+([A-Za-z0-9+/=]+)$/);
  if (cut < 0 || !found) return false;
  const key = from_base64(found[3]!);
  if (key[0] !== 1 || key.length !== 33) return false;
  for (const line of note.slice(cut + 2).split("\n")) {
    const signature = line.match(/^— (\S+) (\S+)$/);
    if (!signature || signature[1] !== found[1]) continue;
    const bytes = from_base64(signature[2]!);
    const id = [...bytes.slice(0, 4)].map((byte) => byte.toString(16).padStart(2, "0")).join("");
    if (id !== found[2]) continue;
    let imported: CryptoKey;
    try {
      imported = await crypto.subtle.importKey("raw", key.slice(1), "Ed25519", false, ["verify"]);
    } catch {
      return undefined;
    }
    return crypto.subtle.verify("Ed25519", imported, bytes.slice(4), new TextEncoder().encode(text));
  }
  return false;
}

/** Throws when the text is no receipt; otherwise says of each step whether it fits. */
export async function check_receipt(receipt: string, vkey: string, shown: string, seq: number): Promise<Checked> {
  const cut = receipt.indexOf("\n\n");
  const head = receipt.slice(0, cut).split("\n");
  const note = receipt.slice(cut + 2);
  if (cut < 0 || head[0] !== "c2sp.org/tlog-proof@v1") throw new Error("this is no receipt");
  let extra: Uint8Array<ArrayBuffer> = new Uint8Array(new ArrayBuffer(0));
  let index = -1;
  const path: Uint8Array[] = [];
  for (const line of head.slice(1)) {
    if (line.startsWith("extra ")) extra = from_base64(line.slice(6));
    else if (line.startsWith("index ")) index = Number(line.slice(6));
    else path.push(from_base64(line));
  }
  const [, size_text, root_text] = note.split("\n");
  const size = Number(size_text);
  if (!Number.isSafeInteger(index) || !Number.isSafeInteger(size) || index < 0) throw new Error("this is no receipt");
  const record = new TextDecoder().decode(extra);
  const root = await root_of(await sha256([0], extra), index, size, path);
  return {
    record,
    index,
    size,
    steps: [
      { name: "it is about this record", fits: index === seq && record === shown.replace(/\n$/, "") },
      { name: `the record is number ${index} of the ${size} in the tree`, fits: root !== undefined && same(root, from_base64(root_text ?? "")) },
      { name: "the log's key has signed that tree", fits: await signed_by(note, vkey) },
    ],
  };
}
