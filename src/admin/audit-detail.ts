/** What an audit row tells of a change: the fields concerned, before and after, never a secret. */
import type { Json, JsonObject } from "../core/json-value.ts";

const hidden = "[redacted]";

/** The changed members of an object, as JSON; `after` undefined: it was deleted. Members named in `redact` show only that they changed. */
export function auditDetail(
  before: JsonObject | undefined,
  after: JsonObject | undefined,
  redact: readonly string[] = [],
): string {
  const names = Object.keys(after ?? before ?? {});
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
    ...(after !== undefined && { after: show(after) }),
  });
}
