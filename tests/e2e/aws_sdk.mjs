// Drives the AWS SDK for JavaScript for the tests: one JSON command a line on standard input, one answer a line on standard output.
// What it knows is the same as aws_boto.py: call, presign, upload (aws_sdks.py).
import { createInterface } from "node:readline";
import { Readable } from "node:stream";
import * as s3 from "@aws-sdk/client-s3";
import * as dynamodb from "@aws-sdk/client-dynamodb";
import { Upload } from "@aws-sdk/lib-storage";
import { getSignedUrl } from "@aws-sdk/s3-request-presigner";

const modules = { s3: [s3, s3.S3Client], dynamodb: [dynamodb, dynamodb.DynamoDBClient] };
const clients = new Map();

function client({ service, keys, endpoint }) {
  const what = JSON.stringify([service, keys, endpoint]);
  if (!clients.has(what)) {
    const credentials = {
      accessKeyId: keys.AWS_ACCESS_KEY_ID,
      secretAccessKey: keys.AWS_SECRET_ACCESS_KEY,
      sessionToken: keys.AWS_SESSION_TOKEN,
    };
    clients.set(what, new modules[service][1]({ region: "eu-central-1", endpoint, credentials, forcePathStyle: true }));
  }
  return clients.get(what);
}

function decoded(value) {
  if (Array.isArray(value)) return value.map(decoded);
  if (value === null || typeof value !== "object") return value;
  if ("$bytes" in value) return Buffer.from(value.$bytes, "base64");
  return Object.fromEntries(Object.entries(value).map(([name, inner]) => [name, decoded(inner)]));
}

async function encoded(value) {
  if (value instanceof Readable || typeof value?.transformToByteArray === "function") value = await value.transformToByteArray();
  if (value instanceof Uint8Array) return { $bytes: Buffer.from(value).toString("base64") };
  if (value instanceof Date) return value.toISOString();
  if (Array.isArray(value)) return Promise.all(value.map(encoded));
  if (value === null || typeof value !== "object") return value;
  const out = {};
  for (const [name, inner] of Object.entries(value)) if (name !== "$metadata") out[name] = await encoded(inner);
  return out;
}

function* pieces(bytes) {
  for (let at = 0; at < bytes.length; at += 10_000) yield bytes.subarray(at, at + 10_000);
}

async function run(command) {
  const to = client(command);
  const input = decoded(command.input);
  if (command.do === "upload") {
    await new Upload({ client: to, params: { ...input, Body: Readable.from(pieces(input.Body)) }, partSize: 6 << 20 }).done();
    return null;
  }
  if (command.stream) {
    input.ContentLength = input.Body.length;
    input.Body = Readable.from(pieces(input.Body));
  }
  const call = new modules[command.service][0][`${command.operation}Command`](input);
  if (command.do === "presign") return getSignedUrl(to, call, { expiresIn: command.expires });
  return encoded(await to.send(call));
}

for await (const line of createInterface({ input: process.stdin })) {
  let answer;
  try {
    answer = { output: await run(JSON.parse(line)) };
  } catch (error) {
    const { httpStatusCode = 0, attempts = 1 } = error.$metadata ?? {};
    answer = { error: { code: error.name, message: error.message, status: httpStatusCode, attempts } };
  }
  process.stdout.write(JSON.stringify(answer) + "\n");
}
