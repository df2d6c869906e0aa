// What test_console.py has prepared, and the agents' side of it.
import { readFileSync } from "node:fs";

export const world = JSON.parse(readFileSync(process.env.COUNTERSIGN_WORLD, "utf8"));

/** An agent's PUT through the gateway: {status, body}. */
export async function put(path, text, token = world.tokens.builder) {
  const answer = await fetch(`${world.agents}/web/${path}`, {
    method: "PUT",
    headers: { Authorization: `Bearer ${token}`, "Content-Type": "application/json" },
    body: text,
  });
  const said = await answer.text();
  let body = {};
  try {
    body = JSON.parse(said);
  } catch {
    // the upstream's own answer
  }
  return { status: answer.status, body };
}

/** A PUT that is held; its request's id. */
export async function held(path, text = '{"espresso":3}', token = world.tokens.builder) {
  const { status, body } = await put(`production/${path}`, text, token);
  if (status !== 202) throw new Error(`${path} was answered ${status} ${JSON.stringify(body)}`);
  return body.request;
}
