/** Faults of a caller's body. Promise kept here: each is told with the path of its field, and with how to mend it. */
import { GatewayError } from "../core/errors.ts";

/** The error for a field at fault, told by a whole sentence. */
export function fieldFault(field: string, message: string): GatewayError {
  return new GatewayError("invalid_request", message, {
    fields: [{ field, message }],
    values: { detail: message },
  });
}

/** The error for a field at fault; `mend` goes on from its path: `must be a string`. */
export function refuse(field: string, mend: string): GatewayError {
  return fieldFault(field, `\`${field}\` ${mend}`);
}
