/** The route behind the setup link. It is open to anyone, since nobody is known yet; the link's token is the proof. */
import { GatewayError } from "../../core/errors.ts";
import { isSetupToken, takeSetupToken } from "../../store/cluster.ts";
import { hasUsers } from "../../store/users.ts";
import type { AdminParts } from "../admin-parts.ts";
import { askDatabase, knownSecret } from "../ask-database.ts";
import { makeManagementToken } from "../make-secret.ts";
import { parseFields } from "../parse-fields.ts";
import { seedPrices } from "../price-book/seed.ts";
import type { ActReply, ActRequest, RouteSpec } from "../route-spec.ts";
import { makeFirstAccount } from "./first-account.ts";
import { setupMade, setupSchema } from "./schema.ts";

export function setupRoutes(parts: AdminParts): readonly RouteSpec[] {
  return [
    {
      method: "POST",
      path: "/api/setup",
      roles: ["anyone"],
      summary: "Make the first account with the token of the setup link",
      body: setupSchema,
      result: setupMade,
      act: (request) => setUp(parts, request),
    },
  ];
}

async function setUp(parts: AdminParts, request: ActRequest): Promise<ActReply> {
  const { token, username, seedPrices: wanted } = parseFields(setupSchema, request.body);
  const hash = knownSecret(parts.hashToken("setup", token));
  const valid = await askDatabase(parts, (db) => isSetupToken(db, hash));
  if (!valid) throw await refusal(parts);
  const managementToken = makeManagementToken(parts.random);
  const { id, revision } = await makeFirstAccount(parts, request.author, {
    username,
    managementToken,
  });
  // Used up after the commit: a refused attempt (a name that is not allowed) may be made again.
  await takeSetupToken(parts.database.writes, hash).catch((error: unknown) =>
    parts.logger.warn(
      { err: error },
      "the used setup token could not be removed; it opens nothing any more",
    ),
  );
  const seeds = wanted ?? parts.seedPrices ?? true;
  const prices = seeds ? await seedPrices(parts, request.author) : null;
  return { status: 201, data: { id, username, token: managementToken, prices }, revision };
}

async function refusal(parts: AdminParts): Promise<GatewayError> {
  if (await askDatabase(parts, hasUsers))
    return new GatewayError("conflict", "This gateway has been set up already");
  return new GatewayError(
    "forbidden",
    "This setup link is not valid or has expired; make a new one with: switchyard setup-link",
  );
}
