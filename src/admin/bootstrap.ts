/** The first start, for main.ts: accounts from the environment, or the one setup link of the cluster. */
import type { Config } from "../config/config.ts";
import { GatewayError } from "../core/errors.ts";
import type { Logger } from "../core/logger.ts";
import { offerSetupToken, replaceSetupToken } from "../store/cluster.ts";
import { hasUsers } from "../store/users.ts";
import type { AdminParts } from "./admin-parts.ts";
import { knownSecret } from "./ask-database.ts";
import { makeSecret } from "./make-secret.ts";
import { seedPrices } from "./price-book/seed.ts";
import type { FirstAccountParts } from "./setup/first-account.ts";
import { makeFirstAccount } from "./setup/first-account.ts";

export interface BootstrapParts extends FirstAccountParts, Pick<AdminParts, "random"> {
  readonly config: Pick<Config, "initialRootAccessToken" | "initialRootToken" | "sqlDsn"> &
    Partial<Pick<Config, "seedPrices">>;
  readonly logger: Logger;
}

/** Setup links live for a day. */
export const setupTokenMs = 86_400_000;

/**
 * Makes the root account of `INITIAL_ROOT_ACCESS_TOKEN` / `INITIAL_ROOT_TOKEN` while no account exists; otherwise they
 * do nothing. Safe on any number of nodes at once. Rejects while the database cannot be asked: call it again then.
 */
export async function bootstrapAccounts(
  parts: BootstrapParts,
): Promise<"made" | "exists" | "not-configured"> {
  const { initialRootAccessToken: managementToken, initialRootToken: apiKey } = parts.config;
  if (await hasUsers(parts.database.reads)) return "exists";
  if (managementToken === undefined && apiKey === undefined) return "not-configured";
  const author = { name: "setup", userId: null, address: "", requestId: "" };
  try {
    await makeFirstAccount(parts, author, { username: "root", managementToken, apiKey });
  } catch (error) {
    // Another node was faster.
    if (error instanceof GatewayError && error.kind === "conflict") return "exists";
    throw error;
  }
  parts.logger.info({}, "root account made from the environment");
  // Scripts that set a gateway up bring their own prices, unless they say otherwise.
  if (parts.config.seedPrices === true) await seedPrices(parts, author);
  return "made";
}

/**
 * The token for `/setup#token` when there is no account yet: printed by exactly one node of a cluster, and anew at each
 * start of an embedded install. undefined: set up already, or another node has printed the link.
 */
export async function offerSetupLink(parts: BootstrapParts): Promise<string | undefined> {
  if (await hasUsers(parts.database.reads)) return undefined;
  const token = makeSecret(24, parts.random);
  const hash = knownSecret(parts.hashToken("setup", token));
  if (parts.config.sqlDsn === undefined) {
    await replaceSetupToken(parts.database.writes, hash, setupTokenMs);
    return token;
  }
  return (await offerSetupToken(parts.database.writes, hash, setupTokenMs)) ? token : undefined;
}
