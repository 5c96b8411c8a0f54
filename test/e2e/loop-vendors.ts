/**
 * Vendors that hold every request to their documentation (vendor-demands.ts) and answer by a script, each answer with
 * ids and a signature of its own. What they find is kept, and they answer on, so that a test sees all faults at once.
 */
import { type IncomingMessage, createServer } from "node:http";
import type { AddressInfo } from "node:net";
import type { TestContext } from "node:test";
import type { Heard, Said } from "../fakes/scripted/turn.ts";
import { asList, asObject, signatureOf } from "../fakes/scripted/turn.ts";
import { understand } from "../fakes/scripted/upstream.ts";
import type { ChannelSpec } from "./call-harness.ts";
import { openrouterPieces } from "./openrouter-words.ts";
import type { Issued, Role } from "./demand-case.ts";
import { demandsOf } from "./vendor-demands.ts";

export const roles = {
  anthropic: {
    key: "anthropic",
    provider: "custom",
    dialect: "anthropic-messages",
    model: "claude-sonnet-4-5",
  },
  fable: {
    key: "fable",
    provider: "custom",
    dialect: "anthropic-messages",
    model: "claude-opus-4-8",
  },
  gemini: {
    key: "gemini",
    provider: "custom",
    dialect: "gemini-content",
    model: "gemini-3-pro-preview",
  },
  flash: {
    key: "flash",
    provider: "custom",
    dialect: "gemini-content",
    model: "gemini-2.5-flash",
  },
  elsewhere: {
    key: "elsewhere",
    provider: "custom",
    dialect: "openai-responses",
    model: "gpt-5.2",
  },
  responses: {
    key: "responses",
    provider: "custom",
    dialect: "openai-responses",
    model: "gpt-5.2",
  },
  openai: {
    key: "openai",
    provider: "custom",
    dialect: "openai-chat",
    model: "gpt-4.1",
    silent: true,
  },
  deepseek: {
    key: "deepseek",
    provider: "deepseek",
    dialect: "openai-chat",
    model: "deepseek-chat",
    ways: ["replay-reasoning", "strings"],
    blind: true,
  },
  mistral: {
    key: "mistral",
    provider: "mistral",
    dialect: "openai-chat",
    model: "mistral-large-latest",
    ways: ["nine-character-ids", "no-user-after-tool"],
    silent: true,
  },
  openrouter: {
    key: "openrouter",
    provider: "openrouter",
    dialect: "openai-chat",
    model: "anthropic/claude-sonnet-4.5",
    ways: ["details"],
  },
  converse: {
    key: "converse",
    provider: "custom",
    dialect: "bedrock-converse",
    model: "us.anthropic.claude-sonnet-4-5-20250929-v1:0",
  },
  cohere: {
    key: "cohere",
    provider: "custom",
    dialect: "cohere-v2",
    model: "command-a-reasoning-08-2025",
    blind: false,
  },
  ollama: {
    key: "ollama",
    provider: "custom",
    dialect: "ollama-chat",
    model: "qwen3:8b",
    blind: false,
  },
} as const satisfies Readonly<Record<string, Role>>;

/** A vendor while a test runs. */
export interface LoopVendor {
  readonly role: Role;
  readonly channel: ChannelSpec;
  /** Bodies as they came, oldest first. */
  readonly bodies: readonly Heard["body"][];
  /** The same as bytes. */
  readonly raw: readonly string[];
  readonly faults: readonly string[];
  readonly issued: readonly Issued[];
  /** Refusals of signatures of its own API that another model or account made. */
  readonly refusals: readonly object[];
  /** What it says next; its mark is made here and answered. */
  willSay(said: Said): Said & { readonly mark: string };
}

/** All vendors of one test: what any of them signed, no other may see. */
export class LoopWorld {
  readonly #vendors: LoopVendor[] = [];
  /** Whether the clients bring back all that they were given. */
  complete = true;
  /** Whether they bring back ids of calls. */
  ids = true;
  chunked = false;
  texts = true;
  streamed = false;
  /** API of the clients. */
  front = "";

  /** Vendors of chat completions bring each other's details along, which they pass over. */
  #takes(own: LoopVendor, other: LoopVendor): boolean {
    const both = own.role.dialect === "openai-chat" && other.role.dialect === "openai-chat";
    const strict = own.role.ways?.includes("nine-character-ids") === true;
    return both && this.front === "openai-chat" && !strict;
  }

  /** Every signature that was given out by others than the given vendor. */
  strangers(own: LoopVendor): string[] {
    return this.#vendors
      .filter((vendor) => vendor !== own && !this.#takes(own, vendor))
      .flatMap(({ issued }) =>
        issued.flatMap(({ said }) => [signatureOf(said), `REDACTED-${said.mark}`]),
      );
  }

  /** Signatures of others that speak its API and check them. */
  kin(own: LoopVendor): string[] {
    if (own.role.dialect === "openai-chat") return [];
    return this.#vendors
      .filter((vendor) => vendor !== own && vendor.role.dialect === own.role.dialect)
      .flatMap(({ issued }) => issued.map(({ said }) => signatureOf(said)));
  }

  async open(t: TestContext, role: Role): Promise<LoopVendor> {
    const next: Said[] = [];
    const bodies: Heard["body"][] = [];
    const raw: string[] = [];
    const faults: string[] = [];
    const issued: Issued[] = [];
    const refusals: object[] = [];
    let retried = false;
    const server = createServer((request, response) => {
      void (async () => {
        const text = await readText(request);
        const body = asObject(JSON.parse(text));
        const url = new URL(request.url ?? "/", "http://vendor");
        const spoken = understand(url, body, request.headers as Heard["headers"]);
        if (spoken === undefined) {
          faults.push(`no such path: ${url.pathname}`);
          response.writeHead(404).end("{}");
          return;
        }
        const details = role.ways?.includes("details") === true;
        const passes = role.dialect === this.front;
        bodies.push(body);
        raw.push(text);
        const found = demandsOf({
          role,
          heard: spoken.heard,
          issued,
          ids: this.ids,
          texts: this.texts,
          // OpenAI's Python client tears OpenRouter's own details, also without us.
          complete: this.complete && !(details && passes && this.streamed) && !retried,
          chunked: this.chunked && passes,
        });
        const seen = this.strangers(vendor).filter((signature) => text.includes(signature));
        // Only the vendor can tell its own models' signatures apart, and it says so.
        if (this.kin(vendor).some((signature) => text.includes(signature))) {
          retried = true;
          bodies.pop();
          raw.pop();
          refusals.push(refusalOf(role.dialect));
          response.writeHead(400, { "content-type": "application/json" });
          response.end(JSON.stringify(refusalOf(role.dialect)));
          return;
        }
        if (/sy1\.|c3kxL/.test(text)) seen.push("a packed signature");
        faults.push(
          ...[...found, ...seen.map((signature) => `foreign: ${signature}`)].map(
            (fault) => `${role.key} request ${bodies.length}: ${fault}`,
          ),
        );
        retried = false;
        const said = next.shift() ?? { text: "Nothing more." };
        if (said.mark !== undefined) issued.push({ said, model: spoken.heard.model });
        const turn = spoken.render(spoken.heard, said);
        const nine = role.ways?.includes("nine-character-ids") === true;
        const worded = details ? openrouterPieces(turn.pieces, said) : turn.pieces;
        const pieces = nine ? worded.map((piece) => shortIds(String(piece))) : worded;
        response.writeHead(200, { "content-type": turn.contentType });
        for (const piece of pieces) response.write(piece);
        response.end();
      })().catch((error: unknown) => {
        faults.push(`${role.key}: ${String(error)}`);
        response.destroy();
      });
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    t.after(() => {
      server.closeAllConnections();
      server.close();
    });
    const { port } = server.address() as AddressInfo;
    let said = 0;
    const vendor: LoopVendor = {
      role,
      channel: {
        baseUrl: `http://127.0.0.1:${port}${role.provider === "custom" ? "" : "/v1"}`,
        provider: role.provider,
        models: ["own-model"],
        modelMapping: { "own-model": role.model },
        options: { dialects: [role.dialect] },
      },
      bodies,
      raw,
      faults,
      issued,
      refusals,
      willSay: (what) => {
        said += 1;
        const mark = `${role.key}${said}x`;
        const marked = fill(what, mark);
        const told = { ...marked, mark };
        next.push(told);
        return told;
      },
    };
    this.#vendors.push(vendor);
    return vendor;
  }
}

/** Ids as Mistral makes them. */
function shortIds(text: string): string {
  return text.replaceAll(
    /call_(\d)_[a-z]+(\d)x/g,
    (_whole, index, step) => `mis${index}step${step}`,
  );
}

/** What vendors say to signatures that they cannot read. */
function refusalOf(dialect: string): object {
  if (dialect === "gemini-content") {
    const message = "Corrupted thought signature.";
    return { error: { code: 400, message, status: "INVALID_ARGUMENT" } };
  }
  if (dialect === "anthropic-messages") {
    const message = "messages.1.content.0: Invalid `signature` in `thinking` block";
    return { type: "error", error: { type: "invalid_request_error", message } };
  }
  const message =
    "The encrypted content for item rs_1 could not be verified. Reason: Encrypted content organization_id did not match the target organization.";
  return {
    error: {
      message,
      type: "invalid_request_error",
      param: null,
      code: "invalid_encrypted_content",
    },
  };
}

/** `#` in what is said stands for the mark. */
function fill(said: Said, mark: string): Said {
  return JSON.parse(JSON.stringify(said).replaceAll("#", mark)) as Said;
}

async function readText(request: IncomingMessage): Promise<string> {
  const pieces: Buffer[] = [];
  for await (const piece of request) pieces.push(piece as Buffer);
  return Buffer.concat(pieces).toString();
}

/** Lists of a body's turns, whatever they are called. */
export function turnsOf(body: Heard["body"]): readonly unknown[] {
  return asList(body["messages"] ?? body["contents"] ?? body["input"]);
}
