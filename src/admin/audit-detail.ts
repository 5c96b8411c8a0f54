/** What an audit row tells of a change: the fields concerned, before and after, never a secret. */
import type { Json, JsonObject } from "../core/json-value.ts";

const hidden = "[redacted]";

/** The changed members of an object, as JSON. Members named in `redact` show only that they changed. */
export function auditDetail(
  before: JsonObject | undefined,
  after: JsonObject,
  redact: readonly string[] = [],
): string {
  const deletion = Object.keys(after).length === 0;
  const names = deletion ? Object.keys(before ?? {}) : Object.keys(after);
  const show = (side: JsonObject): JsonObject =>
    Object.fromEntries(
      names
        .filter((name) => Object.hasOwn(side, name))
        .map((name): [string, Json] => [
          name,
          redact.includes(name) ? hidden : (side[name] ?? null),
        ]),
    );
  return JSON.stringify({
    ...(before !== undefined && { before: show(before) }),
    ...(!deletion && { after: show(after) }),
  });
}
