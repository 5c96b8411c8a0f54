/** Errors of the management API: RFC 9457 problem details with our stable code and the fields at fault. */
import { STATUS_CODES } from "node:http";
import { z } from "zod";
import { toGatewayError } from "../core/errors.ts";

import type { AdminReply } from "./admin-route.ts";

/** The body of every refusal. */
export const problemSchema = z.object({
  type: z.string(),
  title: z.string(),
  status: z.int(),
  /** Stable name of the failure. */
  code: z.string(),
  detail: z.string(),
  errors: z.array(z.object({ field: z.string(), message: z.string() })).exactOptional(),
  requestId: z.string(),
});

/** Renders anything thrown; what is not ours is shown without its message. */
export function renderProblem(thrown: unknown, requestId: string): AdminReply {
  const error = toGatewayError(thrown);
  const problem: z.infer<typeof problemSchema> = {
    type: "about:blank",
    title: STATUS_CODES[error.status] ?? "Error",
    status: error.status,
    code: error.kind,
    detail: error.message,
    ...(error.fields.length > 0 && {
      errors: error.fields.map(({ field, message }) => ({ field, message })),
    }),
    requestId,
  };
  return {
    status: error.status,
    headers: {
      "content-type": "application/problem+json",
      ...(error.retryAfterS !== undefined && {
        "retry-after": String(Math.max(1, Math.ceil(error.retryAfterS))),
      }),
      ...(error.status === 401 && { "www-authenticate": 'Bearer realm="switchyard"' }),
    },
    body: `${JSON.stringify(problem)}\n`,
  };
}
