/**
 * Sends what is asked of an account. Promise kept here: the answer to what begins a batch, by which alone that is known,
 * is waited for although the caller left, and as long as a node can that must stop; a batch that may run unknown is told
 * of in the log.
 */
import { messageOf, toGatewayError } from "../../core/errors.ts";
import type { OverSignal } from "../../wire/call.ts";
import {
  type Handing,
  type VendorAnswer,
  type VendorRequest,
  askVendor,
} from "../accounts/ask-vendor.ts";
import { heardOutMs } from "../attempts/run-attempt.ts";
import type { Serving } from "./resource-call.ts";

const never: OverSignal = {
  aborted: false,
  addEventListener: () => undefined,
  removeEventListener: () => undefined,
};

export interface AskManner {
  /** Whether it begins a batch. */
  readonly begins: boolean;
  /** Where a reply goes that is not to be read whole, of one that begins none. */
  readonly handing?: Handing;
}

/**
 * Undefined: the reply was handed on. Rejects with the upstream's faults, and with `temporarily_unavailable` where this
 * node must stop.
 */
export async function sendAsk(
  serving: Serving,
  ask: VendorRequest,
  { begins, ...handed }: AskManner,
): Promise<VendorAnswer | undefined> {
  if (begins) return await hearOut(serving, ask);
  return await askVendor(ask, { ...serving.parts, caller: serving.request, ...handed });
}

async function hearOut(serving: Serving, ask: VendorRequest): Promise<VendorAnswer | undefined> {
  const { request, parts } = serving;
  const { drainSignal } = request;
  const stop = new AbortController();
  // What begins now could not be heard out any more.
  if (drainSignal.aborted) stop.abort();
  const onDrain = (): void => void parts.clock.after(heardOutMs, () => stop.abort());
  drainSignal.addEventListener("abort", onDrain);
  const caller = { ...request, signal: never, drainSignal: stop.signal };
  const begins = !drainSignal.aborted;
  try {
    return await askVendor(ask, { ...parts, caller });
  } catch (thrown) {
    if (begins && toGatewayError(thrown).kind !== "upstream_auth")
      tellUnheard(serving, ask, thrown);
    throw thrown;
  } finally {
    drainSignal.removeEventListener("abort", onDrain);
  }
}

function tellUnheard({ request, parts }: Serving, ask: VendorRequest, thrown: unknown): void {
  const { id: channelId } = ask.account.channel;
  parts.logger.error(
    { callId: request.id, channelId, reason: messageOf(thrown) },
    "a batch was begun, but its vendor's answer was not heard: it may run, and nobody is charged for it",
  );
}
