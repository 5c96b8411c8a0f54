/**
 * Which headers cross the gateway: one allow-list a direction.
 * Promise kept here: credentials, cookies, forwarding and hop-by-hop headers of a caller never go up.
 */
import type { DialectId, HeaderMap } from "../wire/call.ts";

/** W3C's trace context goes up to every vendor. */
const traceNames = ["traceparent", "tracestate"] as const;

/** A caller's headers that go up, by the dialect of the endpoint; other dialects take the trace context alone. */
const upNames: Readonly<Partial<Record<DialectId, readonly string[]>>> = {
  "openai-chat": ["openai-beta", "idempotency-key", ...traceNames],
  "openai-responses": ["openai-beta", "idempotency-key", ...traceNames],
  "openai-media": ["openai-beta", "idempotency-key", ...traceNames],
  "anthropic-messages": ["anthropic-version", "anthropic-beta", "idempotency-key", ...traceNames],
};

/** Headers of a connection or of our own making: a channel cannot set them either. */
const ownNames: readonly string[] = [
  "connection",
  "content-length",
  "expect",
  "host",
  "keep-alive",
  "proxy-authorization",
  "proxy-connection",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade",
];

/** An upstream's headers that come down, as they are. */
const downNames: readonly string[] = [
  "content-type",
  "retry-after",
  "retry-after-ms",
  "openai-processing-ms",
  "openai-version",
  "x-envoy-upstream-service-time",
];

/** Where vendors put their own id of a request. */
const requestIdNames: readonly string[] = [
  "x-request-id",
  "request-id",
  "apim-request-id",
  "x-amzn-requestid",
];

export interface UpParts {
  readonly dialect: DialectId;
  readonly caller: HeaderMap;
  /** The provider's own headers, if any: the caller's win over them. */
  readonly provider: HeaderMap | undefined;
  /** The channel's own headers: they win over the caller's. */
  readonly channel: HeaderMap;
  /** `anthropic-beta` as it may be sent; undefined: the caller's own. */
  readonly betas?: string | undefined;
  /** What kind of reply is wanted. */
  readonly accept: string;
}

/** Headers of the request that is sent, but for its credential. */
export function upHeaders(parts: UpParts): Record<string, string> {
  const headers: Record<string, string> = {
    "content-type": "application/json",
    accept: parts.accept,
    "user-agent": "switchyard",
  };
  for (const name in parts.provider)
    // A vendor of several APIs is told the version of one only where that one is spoken.
    if (parts.dialect === "anthropic-messages" || !name.startsWith("anthropic-"))
      headers[name] = parts.provider[name] ?? "";
  for (const name of upNames[parts.dialect] ?? traceNames) {
    const value = parts.caller[name];
    if (value !== undefined) headers[name] = value;
  }
  if (parts.betas === "") delete headers["anthropic-beta"];
  else if (parts.betas !== undefined) headers["anthropic-beta"] = parts.betas;
  for (const [name, value] of Object.entries(parts.channel)) {
    const lower = name.toLowerCase();
    if (!ownNames.includes(lower)) headers[lower] = value;
  }
  headers["accept-encoding"] = "identity";
  return headers;
}

export type ReceivedHeaders = Readonly<Record<string, string | readonly string[] | undefined>>;

/** One value of a received header; undefined where it is missing. */
export function headerValue(headers: ReceivedHeaders, name: string): string | undefined {
  const value = headers[name];
  return typeof value === "string" ? value : value?.[0];
}

/** Headers of an upstream's reply that the caller sees. */
export function downHeaders(received: ReceivedHeaders): Record<string, string> {
  const headers: Record<string, string> = {};
  for (const name of downNames) {
    const value = headerValue(received, name);
    if (value !== undefined) headers[name] = value;
  }
  for (const name of requestIdNames) {
    const value = headerValue(received, name);
    if (value === undefined) continue;
    headers["x-upstream-request-id"] = value;
    break;
  }
  return headers;
}

/** Longest wait that an upstream can ask for and be believed. */
const maxRetryAfterS = 3600;

/** Seconds an upstream asks to wait (`retry-after-ms`, or `retry-after` as seconds or date); undefined: it does not. */
export function retryAfterS(received: ReceivedHeaders, nowMs: number): number | undefined {
  const milliseconds = Number(headerValue(received, "retry-after-ms") ?? Number.NaN);
  const text = headerValue(received, "retry-after") ?? "";
  const seconds = /^\d+(?:\.\d+)?$/.test(text) ? Number(text) : (Date.parse(text) - nowMs) / 1000;
  const wait = Number.isFinite(milliseconds) ? milliseconds / 1000 : seconds;
  return Number.isFinite(wait) && wait >= 0 ? Math.min(wait, maxRetryAfterS) : undefined;
}
