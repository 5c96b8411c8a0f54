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

/** The vendor's id of the response that a whole reply tells of: one that still runs, or one that is over. */
export function backgroundResponse(
  body: Buffer,
): { readonly runsOn: string } | { readonly ranThere: string } | Record<never, never> {
  const told = parseDocument(body);
  const id = told?.["id"];
  if (told === undefined || typeof id !== "string") return {};
  return stillRuns(told) ? { runsOn: id } : { ranThere: id };
}

type ResponseParts = Omit<PricingParts, "channel" | "group">;

/** `resource`: the vendor's id. What is set aside for the call is the job's from now on. */
export function beginResponseJob(
  resource: string,
  candidate: Candidate,
  parts: ResponseParts & { readonly spending: Spending | undefined },
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

/** One that its call heard to the end, and is charged for: whoever asks for it again need not wait for its charge. */
export function endedResponseJob(
  resource: string,
  candidate: Candidate,
  parts: ResponseParts,
): JobBegun {
  return {
    ...beginResponseJob(resource, candidate, { ...parts, spending: undefined }),
    isOver: true,
  };
}
