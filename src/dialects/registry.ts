/** The door of this room: every public API the gateway speaks, one line each. */
import type { DialectId } from "../wire/call.ts";
import type { Dialect } from "./contract.ts";
import { openaiChat } from "./openai-chat/dialect.ts";

const dialects: Readonly<Record<DialectId, Dialect>> = {
  "openai-chat": openaiChat,
};

/** The dialect of an id. */
export function getDialect(id: DialectId): Dialect {
  return dialects[id];
}
