/** Turns what undici and sockets throw into our kinds. Promise kept here: an upstream's failure is never ours or the caller's. */
import { type ErrorKind, GatewayError, messageOf } from "../core/errors.ts";

/** How far an exchange had come when it failed. */
export type Stage = "before-head" | "in-body";

function codeOf(thrown: unknown): string {
  if (typeof thrown !== "object" || thrown === null || !("code" in thrown)) return "";
  return typeof thrown.code === "string" ? thrown.code : "";
}

function kindOf(thrown: unknown, code: string, stage: Stage): ErrorKind {
  // Not every parser error has a code.
  if (thrown instanceof Error && thrown.name === "HTTPParserError") return "upstream_invalid";
  if (code === "UND_ERR_HEADERS_TIMEOUT" || code === "UND_ERR_BODY_TIMEOUT")
    return "upstream_timeout";
  if (code === "UND_ERR_HEADERS_OVERFLOW") return "upstream_invalid";
  return stage === "before-head" ? "upstream_unreachable" : "upstream_truncated";
}

export function toUpstreamFault(thrown: unknown, stage: Stage): GatewayError {
  if (thrown instanceof GatewayError) return thrown;
  const code = codeOf(thrown);
  const message = [messageOf(thrown), code].filter((part) => part !== "").join(" ");
  return new GatewayError(kindOf(thrown, code, stage), message, { cause: thrown });
}

/** Codes with which a kept-alive connection ends that the other side had already closed. */
const deadConnectionCodes = ["UND_ERR_SOCKET", "ECONNRESET", "EPIPE"];

export function isDeadConnection(thrown: unknown): boolean {
  return deadConnectionCodes.includes(codeOf(thrown));
}
