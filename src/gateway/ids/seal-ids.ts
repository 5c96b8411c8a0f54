/**
 * Seals the ids in what an upstream tells, by splices.
 * Promise kept here: whoever gets an id gets it for its own account only; the same thing always has the same id.
 */
import { type ByteEdit, type ByteRange, readString } from "../../core/json.ts";
import { walkStrings } from "../../core/json-strings.ts";
import type { SealKey } from "../../core/seal.ts";
import { sealId, tagId } from "../../core/sealed-id.ts";
import { type IdRules, idIn, kindAt } from "../../dialects/resource-ids.ts";
import type { FrontId, ResourceKind } from "../../wire/call.ts";
import type { Pin } from "./pin.ts";

export interface SealerParts {
  readonly key: SealKey;
  readonly ownerId: number;
  readonly pin: Pin;
  readonly dialect: FrontId;
  readonly rules: IdRules;
  /** What the response is called here; left out: by its own id, sealed. */
  readonly ownResponse?: string;
}

export class IdSealer {
  readonly #parts: SealerParts;
  readonly #known = new Map<string, string>();
  /** Whether ids of items are sealed at all. */
  readonly sealsItems: boolean;

  constructor(parts: SealerParts) {
    this.#parts = parts;
    this.sealsItems = Object.values(parts.rules.members).includes("item");
  }

  seal(kind: ResourceKind, upstreamId: string): string {
    const { ownResponse } = this.#parts;
    if (kind === "response" && ownResponse !== undefined) return ownResponse;
    const name = `${kind} ${upstreamId}`;
    const known = this.#known.get(name);
    if (known !== undefined) return known;
    const { key, ownerId, pin } = this.#parts;
    const { channelId, credentialId } = pin;
    const resource = { channelId, credentialId, ownerId, kind, upstreamId };
    // Items are named in every event: their ids stay short.
    const sealed = kind === "item" ? tagId(key, resource) : sealId(key, resource);
    this.#known.set(name, sealed);
    return sealed;
  }

  /** Splices for the ids in a JSON text; none where it is no JSON. */
  edits(bytes: Buffer, within?: ByteRange): ByteEdit[] {
    const { rules, dialect } = this.#parts;
    const edits: ByteEdit[] = [];
    try {
      walkStrings(
        bytes,
        rules.opaque,
        (path, value) => {
          const kind = kindAt(rules, path);
          const placed = kind && idIn(dialect, path, readString(bytes, value) ?? "");
          if (kind === undefined || placed === undefined) return;
          const text = placed.before + this.seal(kind, placed.id) + placed.behind;
          edits.push({ ...value, bytes: JSON.stringify(text) });
        },
        within,
      );
    } catch {
      return [];
    }
    return edits;
  }
}

/** What a vendor says of ids that were opened for it, in the ids that its hearer knows. */
export function withSealed(body: Buffer, opened: ReadonlyMap<string, string> | undefined): Buffer {
  if (opened === undefined || opened.size === 0) return body;
  let text = body.toString();
  for (const [upstreamId, sealed] of opened) text = text.replaceAll(upstreamId, sealed);
  return Buffer.from(text);
}
