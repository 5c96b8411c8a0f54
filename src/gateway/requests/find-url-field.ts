/** Finds where a caller's body names a URL, to tell it in the caller's own words. */
import type { Json, JsonObject } from "../../core/json-value.ts";

/** Members that hold addresses; a text that is nothing but a URL may stand before them. */
const addressed = /ur[il]|image|file|data$/i;

/** The path of the string (`messages[2].content[0].image_url.url`); `url` where it stands nowhere as it is. */
export function findUrlField(body: JsonObject, url: string): string {
  const found: string[] = [];
  collect(body, "", (text, path) => text === url && found.push(path));
  return (
    found.find((path) => addressed.test(path.slice(path.lastIndexOf(".") + 1))) ?? found[0] ?? "url"
  );
}

function collect(value: Json, path: string, see: (text: string, path: string) => void): void {
  if (typeof value === "string") return see(value, path);
  if (typeof value !== "object" || value === null) return;
  if (Array.isArray(value)) {
    for (const [index, item] of (value as readonly Json[]).entries())
      collect(item, `${path}[${index}]`, see);
    return;
  }
  for (const [name, item] of Object.entries(value as JsonObject))
    collect(item, path === "" ? name : `${path}.${name}`, see);
}
