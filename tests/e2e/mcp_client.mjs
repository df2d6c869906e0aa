// The official MCP client (npm @modelcontextprotocol/sdk), driven by lines of JSON: what a real agent would send and accept.
//
//   node mcp_client.mjs URL            token in COUNTERSIGN_AGENT_TOKEN
//   in : {"id":1,"do":"list"} | {"id":2,"do":"call","name":"write_file","arguments":{…},"progress":true} | {"id":3,"do":"close"}
//   out: {"id":1,"result":…} | {"id":2,"error":{"code":…,"message":…}} | {"id":2,"progress":{…}}
import { createInterface } from "node:readline";
import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { StreamableHTTPClientTransport } from "@modelcontextprotocol/sdk/client/streamableHttp.js";

const say = (line) => process.stdout.write(JSON.stringify(line) + "\n");
const client = new Client({ name: "countersign-e2e", version: "1.0.0" });
const transport = new StreamableHTTPClientTransport(new URL(process.argv[2]), {
  requestInit: { headers: { authorization: `Bearer ${process.env.COUNTERSIGN_AGENT_TOKEN}` } },
});

try {
  await client.connect(transport);
  say({ id: 0, result: { server: client.getServerVersion(), capabilities: client.getServerCapabilities() } });
} catch (error) {
  say({ id: 0, error: { code: error.code ?? null, message: String(error.message ?? error) } });
  process.exit(1);
}

async function perform(command) {
  switch (command.do) {
    case "list":
      return await client.listTools(); // also makes the client check later results against each tool's outputSchema
    case "call": {
      const options = { timeout: command.timeout ?? 60000, resetTimeoutOnProgress: true };
      if (command.progress) options.onprogress = (progress) => say({ id: command.id, progress });
      return await client.callTool({ name: command.name, arguments: command.arguments }, undefined, options);
    }
    default:
      throw new Error(`unknown command ${command.do}`);
  }
}

for await (const line of createInterface({ input: process.stdin })) {
  const command = JSON.parse(line);
  if (command.do === "close") break;
  perform(command).then(
    (result) => say({ id: command.id, result }),
    (error) => say({ id: command.id, error: { code: error.code ?? null, message: String(error.message ?? error) } }),
  );
}
await client.close();
process.exit(0);
