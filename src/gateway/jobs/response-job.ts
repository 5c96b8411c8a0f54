/** A response that goes on at its vendor after its caller was answered, as the job that its call began. */
import { type JsonObject, isObject } from "../../core/json-value.ts";
import { eventData } from "../../core/sse.ts";
import type { JobBegun } from "../../log/call-record.ts";
import type { Candidate } from "../../route/plan.ts";
import { parseDocument } from "../accounts/parse-document.ts";
import { JobModels, type PricingParts } from "./job-pricing.ts";
import type { Spending } from "../money/spending.ts";

/** States of a response that still runs (developers.openai.com/api/docs/guides/background, 2026-11). */
const running: readonly unknown[] = ["queued", "in_progress"];

/** Whether a response object tells that it still runs. */
export function stillRuns(response: JsonObject): boolean {
  return running.includes(response["status"]);
}

/** The vendor's id of the response that an event of its stream tells of; undefined: it tells of none. */
export function responseIdOf(event: Buffer): string | undefined {
  const payload = eventData(event);
  const told = payload && parseDocument(payload)?.["response"];
  const id = isObject(told) ? told["id"] : undefined;
  return typeof id === "string" ? id : undefined;
}

/** The vendor's id of the response that a whole reply tells of, where it still runs. */
export function runningResponse(body: Buffer): string | undefined {
  const told = parseDocument(body);
  const id = told?.["id"];
  return told !== undefined && stillRuns(told) && typeof id === "string" ? id : undefined;
}

/** `resource`: the vendor's id. What is set aside for the call is the job's from now on. */
export function beginResponseJob(
  resource: string,
  candidate: Candidate,
  parts: Omit<PricingParts, "channel" | "group"> & { readonly spending: Spending | undefined },
): JobBegun {
  const { channel, credential, group, model, billedModel } = candidate;
  const models = new JobModels({ ...parts, channel, group });
  models.add(model, billedModel);
  return {
    kind: "response",
    resource,
    channelId: channel.id,
    credentialId: credential?.id ?? 0,
    shares: parts.spending?.leaveToJob({ group }) ?? [],
    pricing: models.render(),
  };
}
