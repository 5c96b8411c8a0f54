/** Turning a code into money of one's own account. Promises: once; guesses are bounded over the whole cluster. */
import { GatewayError, messageOf } from "../../core/errors.ts";
import { formatDollars } from "../../core/money.ts";
import { findAccountEntry } from "../../store/account-entries.ts";
import { leftOf, readBalance } from "../../store/balances.ts";
import type { RedeemAnswer } from "../../store/redemption-codes.ts";
import { redeemCode, returnAttempt, takeAttempt } from "../../store/redemption-codes.ts";
import { findUser } from "../../store/users.ts";
import type { AdminParts } from "../admin-parts.ts";
import { askDatabase, changeDatabase } from "../ask-database.ts";
import { managerOf } from "../config-reads.ts";
import { presentEntry } from "../credits/present.ts";
import { promoteByCredit } from "../credits/promote.ts";
import { refusing } from "../credits/refuse.ts";
import { parseFields } from "../parse-fields.ts";
import type { ActReply, ActRequest, RouteSpec } from "../route-spec.ts";
import { hashCode } from "./code-text.ts";
import { redeemSchema, redeemedShown } from "./schema.ts";

export function redeemRoute(parts: AdminParts): RouteSpec {
  return {
    method: "POST",
    path: "/api/codes/redeem",
    roles: ["root", "admin", "member"],
    summary: "Put a code's amount into one's own balance",
    body: redeemSchema,
    result: redeemedShown,
    act: (request) => redeem(parts, request),
  };
}

async function redeem(parts: AdminParts, request: ActRequest): Promise<ActReply> {
  const { code } = parseFields(redeemSchema, request.body);
  const userId = BigInt(managerOf(request).userId);
  await checkPrepaid(parts, userId);
  const hash = hashCode(parts, code);
  const answer = await counted(parts, request, () =>
    changeDatabase(parts, (trx) => refusing(() => redeemCode(trx, { hash, userId }))),
  );
  if (!answer.redeemed) throw worthNothing(answer, userId);
  await promoteByCredit(parts, userId);
  return await askDatabase(parts, async (db) => {
    const entry = await findAccountEntry(db, `redemption:${answer.code.id}`);
    const balance = formatDollars(leftOf(await readBalance(db, userId)));
    return { status: 201, data: { ...(entry && presentEntry(entry)), balance } };
  });
}

/** The amount would lie where nothing is paid from. */
async function checkPrepaid(parts: AdminParts, userId: bigint): Promise<void> {
  const user = await askDatabase(parts, (db) => findUser(db, userId));
  if (user?.billing === "prepaid") return;
  throw new GatewayError(
    "conflict",
    "This account is postpaid: it has no balance to put money into",
  );
}

/** Attempts a minute that find nothing. */
const bounds = { account: 10, address: 60 } as const;
const minuteMs = 60_000;

/**
 * Counts the attempt before it is made, so that many at once are bounded too, and takes it back when the code was good.
 */
async function counted(
  parts: AdminParts,
  request: ActRequest,
  attempt: () => Promise<RedeemAnswer>,
): Promise<RedeemAnswer> {
  const nowMs = parts.sync.businessNowMs();
  const minute = BigInt(Math.floor(nowMs / minuteMs));
  const subjects = [
    [`user:${managerOf(request).userId}`, bounds.account],
    [`address:${request.author.address}`, bounds.address],
  ] as const;
  for (const [subject, limit] of subjects)
    if (!(await changeDatabase(parts, (db) => takeAttempt(db, subject, { minute, limit }))))
      throw new GatewayError("rate_limit_exceeded", "Too many codes were tried: wait a minute", {
        retryAfterS: Math.ceil((minuteMs - (nowMs % minuteMs)) / 1000),
      });
  const answer = await attempt();
  if (answer.redeemed) await giveBack(parts, { subjects: subjects.map(([one]) => one), minute });
  return answer;
}

/** The code is money by now: that is not told as a failure because of this. */
async function giveBack(
  { database, logger }: AdminParts,
  { subjects, minute }: { readonly subjects: readonly string[]; readonly minute: bigint },
): Promise<void> {
  try {
    for (const subject of subjects) await returnAttempt(database.writes, subject, minute);
  } catch (error) {
    logger.warn({ reason: messageOf(error) }, "an attempt to redeem a code stays counted");
  }
}

function worthNothing(
  answer: Extract<RedeemAnswer, { redeemed: false }>,
  userId: bigint,
): GatewayError {
  if (answer.why === "unknown") return new GatewayError("not_found", "There is no such code");
  const { code } = answer;
  const messages = {
    redeemed:
      code.redeemed_by === userId
        ? "You have redeemed this code already"
        : "This code has been redeemed already",
    disabled: "This code is disabled",
    expired: "This code has expired",
  } as const;
  return new GatewayError("conflict", messages[answer.why], {
    fields: [{ field: "code", message: `is ${answer.why}` }],
  });
}
