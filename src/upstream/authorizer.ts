/**
 * Puts a credential on a request: a header as it is, a signature, or a token exchanged for it and kept.
 * Promise kept here: a credential goes to the vendor's own token endpoint or one the operator set, never where a
 * credential's text or a caller says.
 */
import type { Clock } from "../core/clock.ts";
import type { HeaderMap } from "../wire/call.ts";
import { azureClientOf, fetchAzureToken } from "./credentials/azure-token.ts";
import { fetchGoogleToken, serviceAccountOf } from "./credentials/google-token.ts";
import { AwsSigner } from "./credentials/sign-aws.ts";
import { TokenCache } from "./credentials/token-cache.ts";
import type { Upstream, UpstreamRequest } from "./upstream.ts";

/** How a credential travels: the shape of providers' manifests. */
export type AuthScheme =
  | { readonly kind: "bearer" }
  | { readonly kind: "header"; readonly name: string }
  | { readonly kind: "authorization"; readonly word: string }
  | { readonly kind: "aws-sigv4"; readonly service: string }
  | { readonly kind: "google" }
  | { readonly kind: "azure"; readonly scope: string }
  | { readonly kind: "choice"; readonly setting: string };

/** Values of the provider's settings; read here: `region` (AWS), `tokenUrl` (Google), `authority`, `scope` (Azure). */
export type AuthSettings = Readonly<Record<string, string>>;

export interface Authorizer {
  /**
   * Headers to put on a request that is complete but for them; none for an empty credential. Answers at once unless a
   * signature or a token has to be made. Rejects with `upstream_auth` for a credential that is refused or cannot be
   * read, with the exchange's own kind where the token endpoint does not answer.
   */
  authorize(
    request: UpstreamRequest,
    auth: AuthScheme,
    secret: string,
    settings: AuthSettings,
  ): HeaderMap | Promise<HeaderMap>;
  /**
   * The upstream refused what `authorize` gave (401): the kept token is dropped. True: there was one, old enough that
   * a new one may fare better.
   */
  refused(auth: AuthScheme, secret: string, settings: AuthSettings): boolean;
}

export interface AuthorizerParts {
  /** Token exchanges go through it, and so past its address guard and through the channel's proxy. */
  readonly upstream: Upstream;
  readonly clock: Clock;
}

const none: HeaderMap = {};

const bearer = (token: string): HeaderMap => ({ authorization: `Bearer ${token}` });

export function makeAuthorizer(parts: AuthorizerParts): Authorizer {
  const tokens = new TokenCache(parts.clock);
  const signer = new AwsSigner(parts.clock);
  const withToken = (
    key: string,
    fetchToken: Parameters<TokenCache["get"]>[1],
  ): HeaderMap | Promise<HeaderMap> => {
    const token = tokens.get(key, fetchToken);
    return typeof token === "string" ? bearer(token) : token.then(bearer);
  };
  const authorize: Authorizer["authorize"] = (request, auth, secret, settings) => {
    if (secret === "") return none;
    switch (auth.kind) {
      case "bearer":
        return bearer(secret);
      case "header":
        return { [auth.name]: secret };
      case "authorization":
        return { authorization: `${auth.word} ${secret}` };
      case "choice": {
        const name = settings[auth.setting] ?? "authorization";
        return name === "authorization" ? bearer(secret) : { [name]: secret };
      }
      case "aws-sigv4":
        return secret.includes("|")
          ? signer.sign(request, secret, { service: auth.service, region: settings["region"] })
          : bearer(secret);
      case "google":
        if (!isServiceAccount(secret)) return { "x-goog-api-key": secret };
        return withToken(googleKey(secret, settings), () =>
          fetchGoogleToken(parts, request, serviceAccountOf(secret, settings["tokenUrl"])),
        );
      case "azure": {
        const client = azureClientOf(secret);
        if (client === undefined) return { "api-key": secret };
        const scope = settings["scope"] ?? auth.scope;
        return withToken(azureKey(scope, secret, settings), () =>
          fetchAzureToken(parts, request, {
            ...client,
            scope,
            authority: settings["authority"],
          }),
        );
      }
    }
  };
  return {
    authorize,
    refused: (auth, secret, settings) => {
      if (auth.kind === "google") return tokens.drop(googleKey(secret, settings));
      if (auth.kind === "azure")
        return tokens.drop(azureKey(settings["scope"] ?? auth.scope, secret, settings));
      return false;
    },
  };
}

/** A service account's JSON; anything else is an API key. */
function isServiceAccount(secret: string): boolean {
  return secret.trimStart().startsWith("{");
}

function googleKey(secret: string, settings: AuthSettings): string {
  return `${settings["tokenUrl"] ?? ""} ${secret}`;
}

function azureKey(scope: string, secret: string, settings: AuthSettings): string {
  return `${settings["authority"] ?? ""} ${scope} ${secret}`;
}
