/**
 * Jobs whose cost is known only when they are over, long after the call that began them. Promise kept here: none of them
 * is begun for a payer whose budget it could overdraw unseen.
 */
import { GatewayError } from "../core/errors.ts";
import type { Call } from "./ending.ts";
import { upstreamRunsInBackground } from "./keep-there.ts";
import type { ResourceRoute } from "./resource-routes.ts";

function notMetered(what: string): GatewayError {
  const detail = `${what} cannot be metered yet, so a caller with a budget cannot begin them`;
  return new GatewayError("not_metered", detail, { values: { detail } });
}

/** Throws `not_metered` for jobs of payers with a budget. */
export function refuseUnmeteredJob(route: ResourceRoute, budgeted: boolean): void {
  const isJob = route.operation === "batches" || route.operation === "fine-tuning";
  if (budgeted && isJob && route.does === "make")
    throw notMetered(route.operation === "batches" ? "Batches" : "Fine-tuning jobs");
}

/** The same for responses that go on in the background. */
export function refuseUnmeteredCall(
  call: Pick<Call, "request" | "facts">,
  budgeted: boolean,
): void {
  if (budgeted && upstreamRunsInBackground(call)) throw notMetered("Responses in the background");
}
