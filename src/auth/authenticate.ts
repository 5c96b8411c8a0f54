/**
 * Who calls. Promise kept here: a caller is told 401 only when the database truly does not know the key;
 * whenever we cannot tell, the answer is a retryable 503.
 */
import { makeAddressMatcher } from "../config/address-range.ts";
import { GatewayError } from "../core/errors.ts";
import type { KeyRecord, Snapshot } from "../sync/entities.ts";
import type { Sync } from "../sync/sync.ts";
import type { CallRequest } from "../wire/call.ts";
import type { Authenticate, Caller } from "../wire/caller.ts";
import { findGivenKey } from "./find-key.ts";
import { KnownHashes } from "./known-hashes.ts";

export interface AuthenticatorParts {
  readonly sync: Pick<Sync, "current" | "findCaller" | "businessNowMs">;
  /** The stored form of a key (core/seal.ts hashApiKey with the cluster's pepper); undefined until the pepper is known. */
  readonly hashKey: (key: string) => string | undefined;
  /** Whether no account exists yet. Asked only when a key is missing or unknown; may reject when it cannot be known. */
  readonly sealed: () => boolean | Promise<boolean>;
}

const retryAfterS = 2;

/** Makes the step that turns a request into its caller. */
export function makeAuthenticator(parts: AuthenticatorParts): Authenticate {
  const allows = makeAddressCheck();
  const lookUpParts = { ...parts, hashes: new KnownHashes() };
  return async (request) => {
    const snapshot = parts.sync.current();
    if (snapshot === undefined)
      throw unavailable("The gateway has not loaded its configuration yet");
    const given = findGivenKey(request);
    const key = given === undefined ? undefined : await lookUp(lookUpParts, given.key);
    if (given === undefined || key === undefined)
      throw await unknownKey(parts, given !== undefined);
    checkUsable(key, parts.sync.businessNowMs());
    checkAddress(key, request, allows);
    return callerOf(key, snapshot, given.suffix);
  };
}

interface LookUpParts extends AuthenticatorParts {
  readonly hashes: KnownHashes;
}

async function lookUp(parts: LookUpParts, key: string): Promise<KeyRecord | undefined> {
  if (key === "") return undefined;
  const { hashes } = parts;
  const remembered = hashes.find(key);
  const known = remembered === undefined ? undefined : await findKey(parts, key, remembered);
  if (known !== undefined) return known;
  // The pepper may be another one since: a database can turn out to be another cluster than the copy was of.
  hashes.forget(key);
  const hash = parts.hashKey(key);
  if (hash === undefined) throw unavailable("The key cannot be looked up at the moment");
  return hash === remembered ? undefined : await findKey(parts, key, hash);
}

/** Remembers how it was found. */
async function findKey(
  parts: LookUpParts,
  key: string,
  hash: string,
): Promise<KeyRecord | undefined> {
  const found = parts.sync.findCaller(hash);
  const lookup = found instanceof Promise ? await found : found;
  if (lookup.found) {
    parts.hashes.used(key, hash);
    return lookup.key;
  }
  if (lookup.reason === "unavailable")
    throw unavailable("The key cannot be looked up at the moment");
  return undefined;
}

async function unknownKey(parts: AuthenticatorParts, given: boolean): Promise<GatewayError> {
  if (await isSealed(parts))
    return new GatewayError("setup_required", "This gateway has not been set up yet", {
      retryAfterS,
    });
  const message = given
    ? "Incorrect API key provided"
    : "No API key provided: send it as `Authorization: Bearer sk-…`";
  return new GatewayError("invalid_api_key", message);
}

/**
 * Where that cannot be known now it counts as set up: the key was looked up and is truly unknown (a revoked one, on a
 * node whose database is down), and a revocation must not turn into an invitation to try again.
 */
async function isSealed(parts: AuthenticatorParts): Promise<boolean> {
  try {
    return await parts.sealed();
  } catch {
    return false;
  }
}

function unavailable(message: string): GatewayError {
  return new GatewayError("temporarily_unavailable", message, { retryAfterS });
}

function checkUsable(key: KeyRecord, nowMs: number): void {
  if (!key.enabled) throw new GatewayError("key_disabled", "This API key is disabled");
  if (!key.owner.enabled)
    throw new GatewayError("key_disabled", "The owner of this API key is disabled");
  if (key.expiresAtMs !== null && key.expiresAtMs <= nowMs)
    throw new GatewayError("key_expired", "This API key has expired");
}

type AddressCheck = (key: KeyRecord, address: string) => boolean;

/** Compiled ranges live as long as the key record that they came from. */
function makeAddressCheck(): AddressCheck {
  const compiled = new WeakMap<KeyRecord, (address: string) => boolean>();
  return (key, address) => {
    if (key.ipRanges === null) return true;
    let matches = compiled.get(key);
    if (matches === undefined) compiled.set(key, (matches = makeAddressMatcher(key.ipRanges)));
    return matches(address);
  };
}

function checkAddress(key: KeyRecord, request: CallRequest, allows: AddressCheck): void {
  if (allows(key, request.address)) return;
  throw new GatewayError("ip_not_allowed", `This API key may not be used from ${request.address}`, {
    values: { address: request.address },
  });
}

function callerOf(key: KeyRecord, snapshot: Snapshot, suffix: string | null): Caller {
  const group = key.group ?? key.owner.group;
  if (!usableGroup(snapshot, group))
    throw new GatewayError("group_not_available", `Group ${group} is not available`, {
      values: { group },
    });
  const fallback = key.fallbackGroup;
  return {
    keyId: key.id,
    userId: key.owner.id,
    userRole: key.owner.role,
    group,
    // A fallback that is gone is no fallback: the first group goes on answering.
    fallbackGroup: fallback !== null && usableGroup(snapshot, fallback) ? fallback : null,
    models: key.models,
    suffix,
    key,
    user: key.owner,
  };
}

function usableGroup(snapshot: Snapshot, symbol: string): boolean {
  return snapshot.groups.get(symbol)?.enabled === true;
}
