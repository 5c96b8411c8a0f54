/** Asks an OAuth 2 token endpoint for a token: one form posted over the same proxy as the call that needs it. */
import { GatewayError } from "../../core/errors.ts";
import { type WholeAnswer, sendWhole } from "../send-whole.ts";
import type { Upstream, UpstreamRequest } from "../upstream.ts";
import type { IssuedToken } from "./token-cache.ts";

export interface TokenWish {
  readonly url: string;
  readonly form: Readonly<Record<string, string>>;
}

const waitMs = 15_000;
const maxReplyBytes = 65_536;
/** Where an endpoint does not say how long its token lives. */
const defaultLifetimeS = 3600;

/** Rejects with `upstream_auth` where the endpoint refuses, else with what went wrong on the way. */
export async function exchangeToken(
  upstream: Upstream,
  call: UpstreamRequest,
  wish: TokenWish,
): Promise<IssuedToken> {
  const { connectMs } = call.timeouts;
  const request: UpstreamRequest = {
    method: "POST",
    url: wish.url,
    headers: {
      "content-type": "application/x-www-form-urlencoded",
      accept: "application/json",
      "accept-encoding": "identity",
      "user-agent": "switchyard",
    },
    body: Buffer.from(new URLSearchParams(wish.form).toString()),
    proxy: call.proxy,
    timeouts: {
      ...(connectMs !== undefined && { connectMs }),
      firstByteMs: waitMs,
      idleMs: waitMs,
    },
  };
  const reply = await sendWhole(upstream, request, maxReplyBytes);
  return readToken(wish.url, reply);
}

function readToken(url: string, reply: WholeAnswer): IssuedToken {
  const told = parseObject(reply.body);
  const { host } = new URL(url);
  if (reply.status >= 500)
    throw new GatewayError("upstream_failed", `${host} answered ${reply.status} to our credential`);
  const token = told["access_token"];
  if (reply.status > 299 || typeof token !== "string" || token === "")
    throw new GatewayError(
      "upstream_auth",
      `${host} gave no token for the credential (${reply.status}): ${reasonOf(told)}`,
    );
  const lifetimeS = Number(told["expires_in"] ?? defaultLifetimeS);
  return { token, lifetimeS: lifetimeS > 0 ? lifetimeS : defaultLifetimeS };
}

/** RFC 6749 §5.2; the text is the endpoint's own and names no secret, yet it is kept short. */
function reasonOf(told: Readonly<Record<string, unknown>>): string {
  const parts = [told["error"], told["error_description"]].filter(
    (part) => typeof part === "string",
  );
  return parts.length === 0 ? "no reason told" : parts.join(": ").slice(0, 300);
}

function parseObject(body: Buffer): Readonly<Record<string, unknown>> {
  try {
    const value: unknown = JSON.parse(body.toString());
    if (typeof value === "object" && value !== null) return value as Record<string, unknown>;
  } catch {
    // A page of HTML, most often a proxy's.
  }
  return {};
}
