/** Finds the API key in a request, in every place where the vendors' clients and One Hub's users put it. */
import type { CallRequest } from "../wire/call.ts";

/** A key as given, without what followed its first `#`. */
export interface GivenKey {
  /** As the caller wrote it, with or without `sk-`. */
  readonly key: string;
  readonly suffix: string | null;
}

const subprotocolPrefix = "openai-insecure-api-key.";

/** The caller's key, or undefined when there is none. The first place that holds anything decides. */
export function findGivenKey(
  request: Pick<CallRequest, "headers" | "query">,
): GivenKey | undefined {
  const { headers, query } = request;
  const given =
    bearer(headers["authorization"]) ??
    filled(headers["x-api-key"]) ??
    filled(headers["x-goog-api-key"]) ??
    filled(headers["api-key"]) ??
    filled(query["key"]) ??
    subprotocolKey(headers["sec-websocket-protocol"]);
  if (given === undefined) return undefined;
  const [key = "", ...rest] = given.split("#");
  return { key, suffix: rest.length === 0 ? null : rest.join("#") };
}

function filled(text: string | undefined): string | undefined {
  const trimmed = text?.trim() ?? "";
  return trimmed === "" ? undefined : trimmed;
}

/** `Bearer <key>` in any case, or the bare key as One Hub accepts it; another scheme holds no key. */
function bearer(header: string | undefined): string | undefined {
  const text = filled(header);
  if (text === undefined) return undefined;
  const match = /^bearer(?:\s+(.*))?$/i.exec(text);
  if (match !== null) return filled(match[1]);
  return /\s/.test(text) ? undefined : text;
}

/** Realtime clients in browsers cannot set headers: the key travels as a sub-protocol. */
function subprotocolKey(header: string | undefined): string | undefined {
  const protocol = header
    ?.split(",")
    .map((part) => part.trim())
    .find((part) => part.startsWith(subprotocolPrefix));
  return filled(protocol?.slice(subprotocolPrefix.length));
}
