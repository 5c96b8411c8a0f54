/**
 * The money side of realtime sessions: each response is a call of its own, and none begins that could not be paid.
 * Promise kept here: what was set aside for a response is settled with it, also where its refusal comes late.
 */
import type { Candidate } from "../route/plan.ts";
import type { CallRequest } from "../wire/call.ts";
import { type Pinned, bareFacts } from "./admit-socket.ts";
import { type OpenSpendingParts, openSpending } from "./open-spending.ts";
import type { GatewayParts } from "./serve-call.ts";
import type { Spending } from "./spending.ts";

/** Most output of one response (OpenAI's reference of session.update, 2026-11). */
const maxResponseTokens = 4096;

export type RealtimeMoneyParts = OpenSpendingParts & Pick<GatewayParts, "sync">;

/** Sets aside what one response may cost. Rejects as the steps of any call do. */
export async function beginSpending(
  parts: RealtimeMoneyParts,
  request: CallRequest,
  { caller, snapshot }: Pinned,
  model: string,
): Promise<Spending | undefined> {
  const admittedAtMs = parts.sync.businessNowMs();
  const spending = openSpending(parts, { request, caller, snapshot, admittedAtMs });
  if (spending === undefined) return undefined;
  spending.asked({ ...bareFacts(model), maxOutputTokens: maxResponseTokens }, () => 0);
  try {
    await spending.admit(model, () => undefined);
    await spending.reserve();
    return spending;
  } catch (thrown) {
    spending.settle(null, []);
    throw thrown;
  }
}

/** Whether a response could be paid now. Rejects where it could not; nothing stays set aside. */
export async function checkPayable(
  parts: RealtimeMoneyParts,
  request: CallRequest,
  pinned: Pinned,
  at: { readonly model: string; readonly candidate?: Candidate },
): Promise<void> {
  const spending = await beginSpending(parts, request, pinned, at.model);
  if (spending === undefined) return;
  try {
    const barred = at.candidate && (await spending.beforeAttempt(at.candidate));
    if (barred !== undefined) throw barred;
  } finally {
    spending.settle(null, []);
  }
}
