/** Who is calling, as the steps after authentication see it: plain values, already checked, no secret among them. */
import type { BudgetRule } from "../core/budget-rule.ts";
import type { LimitRule } from "../core/limit-rule.ts";
import type { Millionths } from "../core/money.ts";
import type { CallRequest } from "./call.ts";

/** What a key or an account may spend and ask, and what its charges are multiplied by. */
export interface CallerRules {
  readonly budget: BudgetRule | null;
  readonly limits: readonly LimitRule[];
  readonly ratio: Millionths;
}

export interface Caller {
  readonly keyId: number;
  readonly userId: number;
  readonly userRole: "root" | "admin" | "member";
  /** Group symbol that serves and prices this caller: the key's, else the owner's. */
  readonly group: string;
  /** Group symbol asked when the first one has no channel; null: none. */
  readonly fallbackGroup: string | null;
  /** Model names or `prefix*` that the key may call; null: all. */
  readonly models: readonly string[] | null;
  /** What followed the key's first `#` (`12`, `12#ignore`, `!12`), unchecked; null: nothing. */
  readonly suffix: string | null;
  readonly key: CallerRules;
  readonly user: CallerRules & {
    /** `prepaid`: pays from a balance. */
    readonly billing: "prepaid" | "postpaid";
  };
}

/** Finds out who calls. Throws GatewayError: `invalid_api_key`, `key_expired`, … or `temporarily_unavailable`. */
export type Authenticate = (request: CallRequest) => Caller | Promise<Caller>;
