/**
 * A Google service account's key signs a claim that Google exchanges for a token (RFC 7523).
 * Promise kept here: the claim goes to Google, or where the operator's own setting says, whatever the JSON names.
 */
import { createPrivateKey, type KeyObject } from "node:crypto";
import { SignJWT } from "jose";
import type { Clock } from "../../core/clock.ts";
import { GatewayError } from "../../core/errors.ts";
import type { Upstream, UpstreamRequest } from "../upstream.ts";
import { exchangeToken } from "./exchange-token.ts";
import type { IssuedToken } from "./token-cache.ts";

export interface ServiceAccount {
  readonly email: string;
  readonly privateKey: string;
  readonly keyId: string | null;
  readonly tokenUrl: string;
}

const scope = "https://www.googleapis.com/auth/cloud-platform";
const claimLifetimeS = 3600;

/** Throws `upstream_auth` for JSON that is no service account, or that names a token endpoint that is not Google's. */
export function serviceAccountOf(secret: string, ordered: string | undefined): ServiceAccount {
  const value = parseObject(secret);
  const { client_email: email, private_key: privateKey, private_key_id: keyId } = value;
  if (typeof email !== "string" || typeof privateKey !== "string")
    throw refused(
      "the credential is JSON but no service account: client_email or private_key is missing",
    );
  const tokenUrl = ordered ?? value["token_uri"] ?? "https://oauth2.googleapis.com/token";
  if (typeof tokenUrl !== "string" || (ordered === undefined && !isGoogles(tokenUrl)))
    throw refused("the service account's token_uri is not Google's: set tokenUrl on the channel");
  return { email, privateKey, keyId: typeof keyId === "string" ? keyId : null, tokenUrl };
}

export async function fetchGoogleToken(
  parts: { readonly upstream: Upstream; readonly clock: Clock },
  call: UpstreamRequest,
  account: ServiceAccount,
): Promise<IssuedToken> {
  const { email, keyId, tokenUrl } = account;
  const nowS = Math.floor(parts.clock.now() / 1000);
  const assertion = await new SignJWT({ scope })
    .setProtectedHeader({ alg: "RS256", typ: "JWT", ...(keyId !== null && { kid: keyId }) })
    .setIssuer(email)
    .setAudience(tokenUrl)
    .setIssuedAt(nowS)
    .setExpirationTime(nowS + claimLifetimeS)
    .sign(readKey(account.privateKey));
  return await exchangeToken(parts.upstream, call, {
    url: tokenUrl,
    form: { grant_type: "urn:ietf:params:oauth:grant-type:jwt-bearer", assertion },
  });
}

function readKey(pem: string): KeyObject {
  try {
    return createPrivateKey(pem);
  } catch {
    // The cause is left out: it may quote the key.
    throw refused("the service account's private_key cannot be read");
  }
}

function isGoogles(text: string): boolean {
  if (!URL.canParse(text)) return false;
  const { protocol, hostname, port, username } = new URL(text);
  const known = hostname === "accounts.google.com" || hostname.endsWith(".googleapis.com");
  return protocol === "https:" && port === "" && username === "" && known;
}

function parseObject(secret: string): Readonly<Record<string, unknown>> {
  try {
    const value: unknown = JSON.parse(secret);
    if (typeof value === "object" && value !== null) return value as Record<string, unknown>;
  } catch {
    // Told below.
  }
  throw refused("the credential begins like JSON but is none");
}

function refused(message: string): GatewayError {
  return new GatewayError("upstream_auth", message);
}
