// What the editor offers to complete, gathered from GET /api/v1/policies/schema.
import type { PolicySchema } from "../api";
import type { Words } from "./cedar";

// A part of the answer may be a list of names, a list of things with a name, or an object whose keys are the names.
function names_of(value: unknown): string[] {
  if (Array.isArray(value)) {
    return value.map((one) => (typeof one === "string" ? one : String((one as { name?: unknown })?.name ?? ""))).filter((name) => name !== "");
  }
  return value !== null && typeof value === "object" ? Object.keys(value) : [];
}

function attributes_of(value: unknown): string[] {
  const inner = (value as { attributes?: unknown } | null)?.attributes;
  return names_of(inner ?? value);
}

// Attributes of a record within a record: `context.input`, `resource.labels`.
function deeper(out: Record<string, string[]>, prefix: string, value: unknown, depth: number): void {
  const list = (value as { attributes?: unknown } | null)?.attributes ?? value;
  if (depth > 4 || list === null || typeof list !== "object") return;
  const entries: [string, unknown][] = Array.isArray(list)
    ? list.filter((one) => one !== null && typeof one === "object").map((one) => [String((one as { name?: unknown }).name ?? ""), one])
    : Object.entries(list);
  for (const [name, inner] of entries) {
    if (name === "" || inner === null || typeof inner !== "object") continue;
    if ((inner as { attributes?: unknown }).attributes === undefined) continue;
    out[`${prefix}.${name}`] = attributes_of(inner);
    deeper(out, `${prefix}.${name}`, inner, depth + 1);
  }
}

export function words_of(schema: PolicySchema): Words {
  const entities = schema["entities"];
  const attributes: Record<string, string[]> = {};
  const every = new Set<string>();
  const entries: [string, unknown][] = Array.isArray(entities)
    ? entries_of(entities)
    : entities !== null && typeof entities === "object" ? Object.entries(entities) : [];
  for (const [name, entity] of entries) {
    const own = attributes_of(entity);
    if (name === "Agent") attributes["principal"] = own;
    else if (name !== "User" && name !== "Team") for (const attribute of own) every.add(attribute);
  }
  attributes["resource"] = [...every].sort();
  attributes["context"] = attributes_of(schema["context"]);
  deeper(attributes, "context", schema["context"], 0);
  const ids: Record<string, string[]> = {};
  for (const [name, entity] of entries) ids[name] = names_of((entity as { ids?: unknown } | null)?.ids ?? []);
  return { ids, rules: names_of(schema["rules"]), actions: names_of(schema["actions"]), entities: entries.map(([name]) => name), attributes };
}

function entries_of(list: unknown[]): [string, unknown][] {
  return list.map((one) => (typeof one === "string" ? [one, {}] : [String((one as { name?: unknown })?.name ?? ""), one]));
}
