/** How each API tells errors, and what it sends in streams that no client has heard of; from the vendors' documentation. */
import { awsFrame, invokeFrame } from "./aws-frame.ts";
import type { ScriptedApi } from "./turn.ts";

/** Whose shape an error has. */
export type ErrorShape =
  | "openai"
  | "anthropic"
  | "google"
  | "aws"
  | "cohere"
  | "ollama"
  | "azure"
  | "coze"
  | "replicate";

export interface ToldError {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

interface Words {
  readonly openai: readonly [type: string, code: string | null];
  readonly anthropic: string;
  readonly google: string;
  readonly aws: string;
  readonly coze: number;
}

const words: Readonly<Record<number, Words>> = {
  400: {
    openai: ["invalid_request_error", null],
    anthropic: "invalid_request_error",
    google: "INVALID_ARGUMENT",
    aws: "ValidationException",
    coze: 4000,
  },
  401: {
    openai: ["invalid_request_error", "invalid_api_key"],
    anthropic: "authentication_error",
    google: "UNAUTHENTICATED",
    aws: "UnrecognizedClientException",
    coze: 4100,
  },
  429: {
    openai: ["requests", "rate_limit_exceeded"],
    anthropic: "rate_limit_error",
    google: "RESOURCE_EXHAUSTED",
    aws: "ThrottlingException",
    coze: 4013,
  },
  500: {
    openai: ["server_error", null],
    anthropic: "api_error",
    google: "INTERNAL",
    aws: "InternalServerException",
    coze: 5000,
  },
};

function shaped(shape: ErrorShape, status: number, message: string): object {
  const known = words[status] ?? words[500]!;
  switch (shape) {
    case "openai": {
      const [type, code] = known.openai;
      return { error: { message, type, param: null, code } };
    }
    case "azure":
      return { error: { code: String(status), message } };
    case "anthropic":
      return {
        type: "error",
        error: { type: known.anthropic, message },
        request_id: "req_scripted",
      };
    case "google":
      return { error: { code: status, message, status: known.google } };
    case "aws":
    case "cohere":
      return { message };
    case "ollama":
      return { error: message };
    case "coze":
      return { code: known.coze, msg: message, detail: { logid: "2026" } };
    case "replicate":
      return { title: "That was not possible", detail: message, status };
  }
}

/** An error reply. AWS refuses unknown credentials with 403 and names the kind in a header. */
export function tellError(shape: ErrorShape, status: number, message: string): ToldError {
  const kind = words[status]?.aws ?? "InternalServerException";
  return {
    status: shape === "aws" && status === 401 ? 403 : status,
    headers: {
      "content-type": "application/json",
      ...(shape === "aws" ? { "x-amzn-errortype": kind } : {}),
      ...(status === 429 ? { "retry-after": "7" } : {}),
    },
    body: JSON.stringify(shaped(shape, status, message)),
  };
}

/** An event of a kind that this API may have tomorrow. */
export function strangePiece(api: ScriptedApi, invoked = false): string | Uint8Array {
  const note = { type: "vendor_note", note: "nobody has heard of this", extra: null };
  const json = JSON.stringify(note);
  switch (api) {
    case "chat":
      return `: a comment\n\ndata: ${JSON.stringify({ object: "vendor.note", ...note })}\n\n`;
    case "responses":
      return `event: response.vendor_note\ndata: ${JSON.stringify({ ...note, type: "response.vendor_note", sequence_number: 999 })}\n\n`;
    case "messages":
      return invoked ? invokeFrame(json) : `event: vendor_note\ndata: ${json}\n\n`;
    case "gemini":
      return `data: ${JSON.stringify({ vendorNote: note })}\r\n\r\n`;
    case "converse":
      return awsFrame("vendorNote", json);
    case "cohere":
      return `event: vendor-note\ndata: ${JSON.stringify({ ...note, type: "vendor-note" })}\n\n`;
    case "ollama":
      return `${json}\n`;
    case "coze":
      return `event:conversation.note\ndata:${json}\n\n`;
    case "replicate":
      return "";
  }
}
