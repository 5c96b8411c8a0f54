/** Coze's errors: a code and a message, under whatever status, in events and in bodies alike. */
import type { ReplyError } from "../../wire/chat-reply.ts";
import { fieldsOf, findText } from "../loose-fields.ts";

/** Most characters of an error that is no JSON. */
const maxErrorLength = 500;

/** As the vendor's own client reads its codes (coze-dev/coze-js, error.ts); others by their thousand. */
const statusByCode: Readonly<Record<number, number>> = {
  4000: 400,
  4013: 429,
  4100: 401,
  4101: 403,
  4200: 404,
};

function statusOf(code: number): number | null {
  if (code === 0) return null;
  return statusByCode[code] ?? (code >= 4000 && code < 5000 ? 400 : 500);
}

/** An error told by `{code, msg}`; `text`: what is told where there is none. */
export function readError(value: unknown, text: string): ReplyError {
  const fields = fieldsOf(value);
  const { code } = fields;
  const told = typeof code === "number" && code !== 0;
  return {
    message: findText(fields["msg"]) ?? text.slice(0, maxErrorLength),
    type: null,
    code: told ? String(code) : null,
    status: told ? statusOf(code) : null,
  };
}
