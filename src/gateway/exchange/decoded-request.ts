/**
 * A caller's body read for translation: parsed and decoded once a call, and only when somebody asks.
 * Promise kept here: calls that pass through never pay for it.
 */
import { GatewayError } from "../../core/errors.ts";
import type { JsonObject } from "../../core/json-value.ts";
import { carriedMarker } from "../../dialects/carried.ts";
import type { CallFacts, Dialect } from "../../dialects/contract.ts";
import type { CallRequest, FrontId } from "../../wire/call.ts";
import type { Conversation } from "../../wire/conversation.ts";

/** How a packed string begins, and a part of that whose first letter is rare in what callers send. */
interface Mark {
  readonly whole: string;
  readonly rare: string;
}

const plainMark: Mark = { whole: carriedMarker, rare: carriedMarker.slice(1) };

/** Google's signatures are base64. */
const base64Mark = Buffer.from(carriedMarker).toString("base64").slice(0, 5);
const foreignMarks: Readonly<Partial<Record<FrontId, Mark>>> = {
  "gemini-content": { whole: `"${base64Mark}`, rare: base64Mark.slice(1) },
};

/** Native code looks for the first letter alone: a frequent one makes it thirty times slower. */
function holds(body: Buffer, { whole, rare }: Mark): boolean {
  return body.includes(rare) && body.includes(whole);
}

export interface DecodedParts {
  readonly request: CallRequest;
  readonly dialect: Dialect;
  readonly facts: CallFacts;
  /** Puts what the request stands on in front of its input; left out: it stands on nothing. */
  readonly standAlone?: ((body: JsonObject) => JsonObject) | undefined;
}

export class DecodedRequest {
  readonly #parts: DecodedParts;
  #body: JsonObject | undefined;
  #conversation: Conversation | undefined;
  #textBytes: number | undefined;
  #holdsForeign: boolean | undefined;

  constructor(parts: DecodedParts) {
    this.#parts = parts;
  }

  /** Nesting is bounded: the scanner that found the members went through all of it. Throws `invalid_request`. */
  body(): JsonObject {
    this.#body ??= parseBody(this.#parts.request.body);
    return this.#body;
  }

  /** Throws `invalid_request` naming the field, and for dialects that know no conversations. */
  conversation(): Conversation {
    if (this.#conversation !== undefined) return this.#conversation;
    const { dialect, facts, request, standAlone } = this.#parts;
    if (dialect.front === null)
      throw new GatewayError("invalid_request", "This request cannot be translated");
    const { model, stream } = facts;
    const context = { model, stream, headers: request.headers };
    this.#conversation = dialect.front.decodeRequest(
      standAlone === undefined ? this.body() : standAlone(this.body()),
      context,
    );
    return this.#conversation;
  }

  /** Bytes of text, for estimates. */
  textBytes(): number {
    this.#textBytes ??= this.#parts.dialect.textBytes(this.#parts.request.body);
    return this.#textBytes;
  }

  /** Whether the body brings back what another vendor made and we packed: no vendor must see such a string. */
  holdsForeign(): boolean {
    this.#holdsForeign ??= this.#findForeign();
    return this.#holdsForeign;
  }

  #findForeign(): boolean {
    const { dialect, request } = this.#parts;
    if (!holds(request.body, foreignMarks[dialect.id] ?? plainMark)) return false;
    try {
      return carriesForeign(this.conversation(), dialect.id);
    } catch (thrown) {
      // The mark was a text of the caller's, and what cannot be read here is the vendor's to judge.
      if (thrown instanceof GatewayError && thrown.kind === "invalid_request") return false;
      throw thrown;
    }
  }
}

/** Whether any part of a history has something on it that another dialect's vendor made. */
function carriesForeign(conversation: Conversation, dialect: FrontId): boolean {
  const own = (issuer: string): boolean => issuer === dialect || issuer.startsWith(`${dialect}/`);
  return conversation.messages.some((message) =>
    message.parts.some(
      (part) => "carried" in part && part.carried !== undefined && !own(part.carried.issuer),
    ),
  );
}

function parseBody(body: Buffer): JsonObject {
  let parsed: unknown;
  try {
    parsed = JSON.parse(body.toString());
  } catch (cause) {
    const message = "The body is not valid JSON";
    throw new GatewayError("invalid_request", message, { cause, values: { detail: message } });
  }
  if (typeof parsed === "object" && parsed !== null && !Array.isArray(parsed))
    return parsed as JsonObject;
  const message = "The body must be a JSON object";
  throw new GatewayError("invalid_request", message, { values: { detail: message } });
}
