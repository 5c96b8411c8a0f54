/** The columns of the tables around accounts (tables.ts tells the rules). All amounts are nano-dollars. */
import type { Generated } from "kysely";

/** A code that whoever has it turns into money once. */
export interface RedemptionCodeTable {
  id: Generated<bigint>;
  /** HMAC of the code, hex: the code itself lies nowhere. */
  hash: string;
  /** Last four characters, to tell codes apart. */
  hint: string;
  name: string;
  /** What was made together. */
  batch: string;
  amount: bigint;
  /** `enabled` or `disabled`. */
  status: string;
  /** Ms UTC from which it is worth nothing; null: never. */
  expires_at: bigint | null;
  created_by: bigint | null;
  created_at: bigint;
  redeemed_by: bigint | null;
  redeemed_at: bigint | null;
}

/** How often somebody tried codes in a minute. */
export interface RedeemAttemptTable {
  /** `user:12` or `address:192.0.2.1`. */
  subject: string;
  /** Minutes since 1970 UTC. */
  minute: bigint;
  attempts: number;
}
