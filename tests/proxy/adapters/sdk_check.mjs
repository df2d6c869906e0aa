// Gives the official client the answers the gateway makes, and lets it check them against the listed output schemas.
//
//   node sdk_check.mjs < {"initialize":…,"tools":{"tools":[…]},"results":[{"tool":"…","result":…}]}
//   exit 0 when the client takes every result; otherwise 1 and what it complained about
import { createRequire } from "node:module";
import { readFileSync } from "node:fs";
import { pathToFileURL } from "node:url";
import { isDeepStrictEqual } from "node:util";

const require = createRequire(pathToFileURL(process.argv[2] + "/"));
const { Client } = await import(pathToFileURL(require.resolve("@modelcontextprotocol/sdk/client/index.js")));
const script = JSON.parse(readFileSync(0, "utf8"));
let next = 0;

const transport = {
  async start() {},
  async close() {},
  async send(message) {
    if (message.id === undefined) return;
    const result =
      message.method === "initialize" ? script.initialize : message.method === "tools/list" ? script.tools : script.results[next].result;
    queueMicrotask(() => this.onmessage({ jsonrpc: "2.0", id: message.id, result }));
  },
};

const client = new Client({ name: "check", version: "1" });
await client.connect(transport);
const { tools } = await client.listTools();
for (; next < script.results.length; ++next) {
  const { tool, result } = script.results[next];
  if (!tools.some((listed) => listed.name === tool)) throw new Error(`${tool} is not listed`);
  const taken = await client.callTool({ name: tool, arguments: {} });
  if (!isDeepStrictEqual(taken, result)) throw new Error(`${tool}: ${JSON.stringify(taken)}`);
}
let refused = false;
try {
  script.results.push({ tool: tools.find((tool) => tool.outputSchema).name, result: { content: [], structuredContent: { stranger: 1 } } });
  await client.callTool({ name: script.results[next].tool, arguments: {} });
} catch {
  refused = true;
}
if (!refused) throw new Error("the client does not check structured content, so this proves nothing");
process.exit(0);
