/** One line of what `doctor` reports. */

export type FindingState = "ok" | "warning" | "wrong";

export interface Finding {
  readonly check: string;
  readonly state: FindingState;
  readonly detail: string;
  /** What to do about it. */
  readonly mend?: string;
}
