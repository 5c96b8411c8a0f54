/**
 * The money side of realtime sessions: each response is a call of its own, and none begins that could not be paid.
 * Promise kept here: what was set aside for a response is settled with it, also where its refusal comes late.
 */
import type { Candidate } from "../../route/plan.ts";
import type { CallRequest } from "../../wire/call.ts";
import { type Pinned, bareFacts } from "./admit-socket.ts";
import { type OpenSpendingParts, openSpending } from "../money/open-spending.ts";
import type { GatewayParts } from "../serve-call.ts";
import type { Barred, Spending } from "../money/spending.ts";

/** Most output of one response (OpenAI's reference of session.update, 2026-11). */
const maxResponseTokens = 4096;

export type RealtimeMoneyParts = OpenSpendingParts & Pick<GatewayParts, "sync">;

export interface ResponseAt {
  readonly model: string;
  /** Left out: nobody is chosen yet. */
  readonly candidate?: Candidate;
  /** Business time at which it begins, ms UTC. */
  readonly admittedAtMs: number;
}

/** The money side of one response; undefined where nothing can be bounded. */
export function openResponse(
  parts: RealtimeMoneyParts,
  request: CallRequest,
  { caller, snapshot }: Pinned,
  { model, admittedAtMs }: Omit<ResponseAt, "candidate">,
): Spending | undefined {
  const spending = openSpending(parts, { request, caller, snapshot, admittedAtMs });
  spending?.asked({ ...bareFacts(model), maxOutputTokens: maxResponseTokens }, () => 0);
  return spending;
}

/** Sets aside what one response may cost. Rejects as the steps of any call do; what is held by then stays held. */
export async function reserveResponse(
  spending: Spending,
  { model, candidate }: Omit<ResponseAt, "admittedAtMs">,
): Promise<void> {
  await spending.admit(model, () => undefined);
  await spending.reserve();
  const barred = candidate && (await spending.beforeAttempt(candidate));
  if (barred !== undefined) throw barred.error;
}

/** Whether a response could be paid now. Rejects where it could not; nothing stays set aside. */
export async function checkPayable(
  parts: RealtimeMoneyParts,
  request: CallRequest,
  pinned: Pinned,
  at: Omit<ResponseAt, "admittedAtMs">,
): Promise<void> {
  const admittedAtMs = parts.sync.businessNowMs();
  const spending = openResponse(parts, request, pinned, { ...at, admittedAtMs });
  if (spending === undefined) return;
  try {
    await reserveResponse(spending, at);
  } finally {
    spending.settle(null, []);
  }
}

/** What bars a session at a candidate now; undefined: nothing. Nothing stays set aside. */
export async function barredNow(
  parts: RealtimeMoneyParts,
  request: CallRequest,
  pinned: Pinned,
  at: { readonly model: string; readonly candidate: Candidate },
): Promise<Barred | undefined> {
  const admittedAtMs = parts.sync.businessNowMs();
  const spending = openResponse(parts, request, pinned, { model: at.model, admittedAtMs });
  try {
    return await spending?.beforeAttempt(at.candidate);
  } finally {
    spending?.settle(null, []);
  }
}
