/** Who manages: the user behind a management token. Unknown is 401; not to be asked now, or not set up yet, is 503. */
import { GatewayError } from "../core/errors.ts";
import type { UserRecord } from "../sync/entities.ts";

/** A user of the management API. */
export interface Manager {
  readonly userId: number;
  readonly username: string;
  readonly role: UserRecord["role"];
}

/** A management token with its owner, as the store finds them. */
export interface TokenOwner {
  readonly expiresAtMs: number | null;
  readonly user: Manager & { readonly enabled: boolean };
}

export interface ManagerAuthenticatorParts {
  /** The stored form of a management token (core/seal.ts hashToken); undefined until the cluster's pepper is known. */
  readonly hashToken: (token: string) => string | undefined;
  /** Answers undefined only when the database was asked and does not know it; rejects when it could not be asked. */
  readonly findTokenOwner: (hash: string) => Promise<TokenOwner | undefined>;
  /** Whether no account exists yet. Asked only when a token is missing or unknown; may reject when it cannot be known. */
  readonly sealed: () => boolean | Promise<boolean>;
  readonly businessNowMs: () => number;
}

/** Finds the manager of a token; throws GatewayError `unauthorized`, `setup_required` or `temporarily_unavailable`. */
export type AuthenticateManager = (token: string | undefined) => Promise<Manager>;

/** Makes the step that turns a management token into its user. */
export function makeManagerAuthenticator(parts: ManagerAuthenticatorParts): AuthenticateManager {
  return async (token) => {
    if (token === undefined || token === "")
      throw await unknown(parts, "Send a management token as `Authorization: Bearer …`");
    const hash = parts.hashToken(token);
    if (hash === undefined) throw unavailable(undefined);
    const owner = await findOwner(parts, hash);
    if (owner === undefined) throw await unknown(parts, "This management token is not known");
    if (owner.expiresAtMs !== null && owner.expiresAtMs <= parts.businessNowMs())
      throw refused("This management token has expired");
    if (!owner.user.enabled) throw refused("The owner of this management token is disabled");
    const { userId, username, role } = owner.user;
    return { userId, username, role };
  };
}

async function findOwner(
  parts: ManagerAuthenticatorParts,
  hash: string,
): Promise<TokenOwner | undefined> {
  try {
    return await parts.findTokenOwner(hash);
  } catch (cause) {
    throw unavailable(cause);
  }
}

/** While no account exists no token can be known, also not one that is about to be made: that is no fault of its sender. */
async function unknown(parts: ManagerAuthenticatorParts, message: string): Promise<GatewayError> {
  // What cannot be known now counts as set up, as it does for callers.
  const sealed = await Promise.resolve(parts.sealed()).catch(() => false);
  if (!sealed) return refused(message);
  return new GatewayError("setup_required", "This gateway has not been set up yet", {
    retryAfterS: 2,
  });
}

function unavailable(cause: unknown): GatewayError {
  const message = "The database cannot be asked at the moment";
  return new GatewayError("temporarily_unavailable", message, { cause, retryAfterS: 2 });
}

function refused(message: string): GatewayError {
  return new GatewayError("unauthorized", message);
}
