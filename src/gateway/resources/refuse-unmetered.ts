/**
 * Jobs that nobody can charge at their end. Promise kept here: none of them is begun for a payer whose budget it could
 * overdraw unseen.
 */
import { GatewayError } from "../../core/errors.ts";
import type { Serving } from "./resource-call.ts";
import type { ResourceRoute } from "../accounts/resource-routes.ts";

/** `why`: behind a colon; left out: there is no way to. */
export function notMetered(what: string, why?: string): GatewayError {
  const detail = `${what} cannot be metered, so a caller with a budget cannot begin it${why === undefined ? "" : `: ${why}`}`;
  return new GatewayError("not_metered", detail, { values: { detail } });
}

/**
 * Throws `not_metered` for jobs of payers with a budget that are charged in no unit known here, and `forbidden` for
 * batches whose models nobody reads, of keys that are kept to certain models.
 */
export function refuseUnmeteredJob(
  { operation, does }: ResourceRoute,
  { spending, parts, dialect, caller }: Serving,
): void {
  if (does !== "make") return;
  const budgeted = spending?.budgeted === true;
  if (operation === "fine-tuning" && budgeted) throw notMetered("Fine-tuning");
  if (operation !== "batches") return;
  if (parts.jobs !== undefined && dialect.batches !== undefined) return;
  if (budgeted) throw notMetered("A batch");
  if (caller.models !== null) throw uncheckedModels("nobody reads its file here");
}

/** A key that is kept to certain models cannot begin what may be of any. */
export function uncheckedModels(why: string): GatewayError {
  const detail = `This key is kept to certain models, and the models of this batch's file cannot be checked: ${why}`;
  return new GatewayError("forbidden", detail, { values: { detail } });
}
