/** An application of Entra ID: `tenant|client|secret` exchanged for a token by the client credentials flow. */
import { GatewayError } from "../../core/errors.ts";
import type { Upstream, UpstreamRequest } from "../upstream.ts";
import { exchangeToken } from "./exchange-token.ts";
import type { IssuedToken } from "./token-cache.ts";

export interface AzureClient {
  readonly tenant: string;
  readonly clientId: string;
  readonly clientSecret: string;
}

const publicAuthority = "https://login.microsoftonline.com";

/** Undefined: the credential is an API key. */
export function azureClientOf(secret: string): AzureClient | undefined {
  const [tenant, clientId, ...rest] = secret.split("|");
  if (tenant === undefined || clientId === undefined || rest.length === 0) return undefined;
  return { tenant, clientId, clientSecret: rest.join("|") };
}

export async function fetchAzureToken(
  parts: { readonly upstream: Upstream },
  call: UpstreamRequest,
  wish: AzureClient & {
    readonly scope: string;
    /** The operator's, for sovereign clouds; undefined: the public one. */
    readonly authority: string | undefined;
  },
): Promise<IssuedToken> {
  return await exchangeToken(parts.upstream, call, {
    url: tokenUrlOf(wish, wish.authority),
    form: {
      grant_type: "client_credentials",
      client_id: wish.clientId,
      client_secret: wish.clientSecret,
      scope: wish.scope,
    },
  });
}

function tokenUrlOf(client: AzureClient, ordered: string | undefined): string {
  // It becomes part of a path: an id or a domain, nothing else.
  if (!/^[A-Za-z0-9.-]{1,253}$/.test(client.tenant))
    throw new GatewayError("upstream_auth", "the credential's first part is no tenant of Entra ID");
  const authority = (ordered ?? publicAuthority).replace(/\/+$/, "");
  return `${authority}/${client.tenant}/oauth2/v2.0/token`;
}
