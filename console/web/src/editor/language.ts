// Which language a file of a policy folder is in.
import { StreamLanguage } from "@codemirror/language";
import { json } from "@codemirror/legacy-modes/mode/javascript";
import { yaml } from "@codemirror/legacy-modes/mode/yaml";
import type { Extension } from "@codemirror/state";
import { cedar } from "./cedar";

export function language_of(path: string): Extension {
  if (path.endsWith(".cedar")) return cedar;
  if (path.endsWith(".json")) return StreamLanguage.define(json);
  if (path.endsWith(".yaml") || path.endsWith(".yml")) return StreamLanguage.define(yaml);
  return [];
}
