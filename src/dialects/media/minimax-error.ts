/** What MiniMax's `base_resp` tells under a status of success. */
import type { JsonObject } from "../../core/json-value.ts";
import type { ReplyError } from "../../wire/chat-reply.ts";
import { minimaxStatus } from "../minimax-status.ts";
import { objectIn } from "./cannot.ts";

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
    status: minimaxStatus(code),
  };
}
