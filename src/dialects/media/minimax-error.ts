/** What MiniMax's `base_resp` tells under a status of success. */
import type { JsonObject } from "../../core/json-value.ts";
import type { ReplyError } from "../../wire/chat-reply.ts";
import { objectIn } from "./cannot.ts";

/** platform.minimax.io/docs/api-reference/errorcode */
const statusByCode: Readonly<Record<number, number>> = {
  1001: 504,
  1002: 429,
  1004: 401,
  1008: 402,
  1026: 400,
  1027: 400,
  1039: 429,
  1042: 400,
  2013: 400,
  2049: 401,
};

/** Undefined: no error is told. */
export function minimaxError(fields: JsonObject): ReplyError | undefined {
  const base = objectIn(fields["base_resp"]);
  const code = base["status_code"];
  if (typeof code !== "number" || code === 0) return undefined;
  const message = base["status_msg"];
  return {
    message: typeof message === "string" && message !== "" ? message : `error ${code}`,
    type: null,
    code: String(code),
    status: statusByCode[code] ?? 500,
  };
}
