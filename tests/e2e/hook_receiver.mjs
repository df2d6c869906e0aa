// Receives notifications for the end-to-end tests: webhooks that are verified by the library of the Standard Webhooks
// project, and a chat's incoming webhook that takes what Slack documents that it takes. Says "listening" when it does.
//
//   node hook_receiver.mjs PORT STATE_FILE SECRET [CERTIFICATE KEY]      with the last two: https
//
//   POST /hook            answered as the script says, else 204 when the signature is right, 401 when it is not
//   POST /chat/…          the same, 400 with Slack's words when the message is none
//   POST /control [...]   the script: how the next messages are answered, one entry each:
//                         a status, "hang" (taken in, never answered), "huge" (200 and 8 MiB), "redirect"
//   GET  /elsewhere       where a redirect leads; nobody should come here
//
// What came in stands in STATE_FILE, a line of JSON each, before it is answered.
import { appendFileSync, readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { createServer as createSecureServer } from 'node:https';
import { Webhook } from 'standardwebhooks';

const [port, stateFile, secret, certificate, key] = process.argv.slice(2);
const webhook = secret.startsWith('whsec_') ? new Webhook(secret) : new Webhook(secret, { format: 'raw' });
const script = [];

function signed(headers, body) {
  try {
    webhook.verify(body, headers);
    return '';
  } catch (error) {
    return String(error);
  }
}

// https://api.slack.com/reference/block-kit: what the parts that are used here must look like.
function chatProblem(body) {
  let message;
  try {
    message = JSON.parse(body);
  } catch {
    return 'invalid_payload';
  }
  const isText = (text, most) => text !== null && typeof text === 'object' && ['plain_text', 'mrkdwn'].includes(text.type)
    && typeof text.text === 'string' && text.text.length >= 1 && text.text.length <= most
    && (text.emoji === undefined || (text.type === 'plain_text' && typeof text.emoji === 'boolean'));
  if (typeof message.text !== 'string' || message.text === '' || message.text.length > 40_000) return 'no_text';
  if (!Array.isArray(message.blocks) || message.blocks.length > 50) return 'invalid_blocks';
  for (const block of message.blocks) {
    if (block.type === 'section') {
      if (!isText(block.text, 3000)) return 'invalid_blocks';
    } else if (block.type === 'actions') {
      if (!Array.isArray(block.elements) || block.elements.length > 25) return 'invalid_blocks';
      for (const button of block.elements) {
        const sound = button.type === 'button' && button.text?.type === 'plain_text' && isText(button.text, 75)
          && typeof button.url === 'string' && button.url.length <= 3000 && /^https?:\/\//.test(button.url);
        if (!sound) return 'invalid_blocks';
      }
    } else {
      return 'invalid_blocks';
    }
  }
  return '';
}

async function answer(request, response) {
  const chunks = [];
  for await (const chunk of request) chunks.push(chunk);
  const body = Buffer.concat(chunks).toString();
  if (request.url === '/control') {
    script.push(...JSON.parse(body));
    return response.writeHead(204).end();
  }
  const chat = request.url.startsWith('/chat/');
  const problem = chat ? chatProblem(body) : request.url === '/hook' ? signed(request.headers, body) : 'nobody should come here';
  const how = script.length > 0 ? script.shift() : problem === '' ? (chat ? 200 : 204) : chat ? 400 : 401;
  const line = { at: Date.now(), method: request.method, path: request.url, headers: request.headers, body, problem, how };
  appendFileSync(stateFile, JSON.stringify(line) + '\n');
  if (how === 'hang') return undefined;
  if (how === 'redirect') return response.writeHead(307, { location: `http://127.0.0.1:${port}/elsewhere` }).end();
  if (how === 'huge') return response.writeHead(200).end(Buffer.alloc(8 << 20, 'x'));
  return response.writeHead(how).end(chat && how !== 204 ? problem || 'ok' : undefined);
}

const handle = (request, response) => answer(request, response).catch(() => response.destroy());
const server = certificate
  ? createSecureServer({ cert: readFileSync(certificate), key: readFileSync(key) }, handle)
  : createServer(handle);
server.listen(Number(port), '127.0.0.1', () => console.log('listening'));
