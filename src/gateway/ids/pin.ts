/** The upstream account that what a call names lies in. */
import { GatewayError } from "../../core/errors.ts";
import type { PinnedAccount } from "../../route/pinned-plan.ts";

export type Pin = PinnedAccount;

/** Throws `invalid_request` where two things of one request lie in different accounts: nobody could serve it. */
export function joinPins(pin: Pin | null, other: Pin, field: string): Pin {
  const { channelId, credentialId } = other;
  if (pin === null) return { channelId, credentialId };
  if (pin.channelId === channelId && pin.credentialId === credentialId) return pin;
  const message = `\`${field}\` lies in another upstream account than the other ids of this request`;
  throw new GatewayError("invalid_request", message, {
    fields: [{ field, message }],
    values: { detail: message },
  });
}
