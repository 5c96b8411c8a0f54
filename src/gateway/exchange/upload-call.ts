/**
 * A call whose body is a form with files: read as far as it takes to know the model, then sent through as it comes.
 * Promises kept here: nothing but the model's name is changed in a form; what names the model is known before anything
 * is sent, and a form that names it twice never reaches its end. Parameters of channels are for JSON bodies alone.
 */
import { GatewayError } from "../../core/errors.ts";
import type { ByteEdit } from "../../core/json.ts";
import { MultipartScanner, type PartHead, boundaryOf, brokenForm } from "../../core/multipart.ts";
import type { CallFacts } from "../../dialects/contract.ts";
import { askedMediaModel } from "../../dialects/openai-media/parse.ts";
import { answersOf, checkModel, endUserOf } from "../../dialects/parse-members.ts";
import type { StreamedBody } from "../../upstream/upstream.ts";
import type { CallRequest, Upload } from "../../wire/call.ts";
import type { FormPart } from "../../wire/media.ts";
import { UploadPieces, maxUploadHeldBytes } from "./upload-pieces.ts";

/** Fields that are read here; a form may hold each once. */
const readNames: readonly string[] = ["model", "stream", "user", "n"];
const maxFieldBytes = 4096;

interface Field {
  readonly value: string;
  readonly start: number;
  readonly end: number;
}

/** Opens the upload of a call and reads until its model is known; null where the body was read whole. */
export function openUploadCall(request: CallRequest): Promise<UploadCall> | null {
  return request.upload === undefined ? null : openUpload(request, request.upload);
}

async function openUpload(request: CallRequest, upload: Upload): Promise<UploadCall> {
  const call = new UploadCall(request, upload);
  await call.readModel();
  return call;
}

export class UploadCall {
  readonly #request: CallRequest;
  readonly #boundary: string;
  readonly #pieces: UploadPieces;
  readonly #fields = new Map<string, Field>();
  readonly #scanner: MultipartScanner;
  #open: { readonly name: string; readonly start: number } | undefined;
  #fileBegan = false;
  #form: readonly FormPart[] | undefined;

  constructor(request: CallRequest, upload: Upload) {
    this.#request = request;
    this.#boundary = boundaryOf(request.headers["content-type"] ?? "");
    this.#scanner = new MultipartScanner(this.#boundary, {
      onPart: (head, start) => this.#onPart(head, start),
      onPartEnd: (end, value) => this.#onPartEnd(end, value),
    });
    this.#pieces = new UploadPieces(upload, {
      onPiece: (piece) => this.#scanner.push(piece),
      onEnd: () => this.#scanner.end(),
    });
  }

  /** Reads until the model is known, and how many pictures are asked for where that stands before the file. */
  async readModel(): Promise<void> {
    if (this.#request.operation === "image-tool") return;
    while (!this.#isKnown && !this.#pieces.whole) {
      await this.#pieces.pull();
      if (this.#pieces.keeps) continue;
      if (!this.#fields.has("model")) throw this.#tooLate();
      return;
    }
  }

  get #isKnown(): boolean {
    const { operation } = this.#request;
    const counts = operation === "image-edit" || operation === "image-variation";
    return this.#fields.has("model") && (!counts || this.#fields.has("n") || this.#fileBegan);
  }

  /** What the steps need to know. `stream` may stand behind the file, so it is asked anew each time. */
  get facts(): CallFacts {
    const fields = this.#fields;
    const { operation, pathModel } = this.#request;
    const field = fields.get("model");
    const bodyModel = field === undefined ? null : checkModel(field.value);
    return {
      model: askedMediaModel(operation, pathModel, bodyModel),
      bodyModel,
      get stream() {
        return /^(?:true|1)$/i.test(fields.get("stream")?.value ?? "");
      },
      streamForm: "sse",
      usesTools: false,
      usageAsked: true,
      endUser: endUserOf(fields.get("user")?.value),
      maxOutputTokens: null,
      // One that stands behind the file is not known in time.
      ...answersOf(Number(fields.get("n")?.value ?? 1)),
      scan: { members: {}, inside: 0, empty: true },
    };
  }

  /** Whether another attempt can be made. */
  get replayable(): boolean {
    return this.#pieces.replayable;
  }

  /** The form as it is sent, under the model's name that is sent. */
  body(model: string): StreamedBody {
    const edits = this.#edits(model);
    const grows = edits.reduce(
      (sum, { start, end, bytes }) => sum + bytes.length - (end - start),
      0,
    );
    const { length } = this.#pieces;
    return {
      length: length === null ? null : length + grows,
      open: () => (this.#pieces.replayable ? this.#pieces.read(edits) : undefined),
    };
  }

  /** All parts, for upstreams that want them in another form. Throws `request_too_large` where they cannot be held. */
  async form(): Promise<readonly FormPart[]> {
    while (!this.#pieces.whole && this.#pieces.keeps) await this.#pieces.pull();
    const bytes = this.#pieces.join();
    if (bytes === undefined) {
      const message = `This model takes forms of at most ${maxUploadHeldBytes} bytes`;
      throw new GatewayError("request_too_large", message, { values: { detail: message } });
    }
    return (this.#form ??= parseForm(bytes, this.#boundary));
  }

  #edits(model: string): readonly ByteEdit[] {
    // A tool has no model but the one that its path stands for.
    if (this.#request.operation === "image-tool") return [];
    const told = this.#fields.get("model");
    if (told !== undefined)
      return told.value === model
        ? []
        : [{ start: told.start, end: told.end, bytes: Buffer.from(model) }];
    const head = 'Content-Disposition: form-data; name="model"';
    const part = `--${this.#boundary}\r\n${head}\r\n\r\n${model}\r\n`;
    return [{ start: 0, end: 0, bytes: Buffer.from(part) }];
  }

  #onPart({ name, fileName }: PartHead, start: number): number {
    const lower = name.toLowerCase();
    this.#open = undefined;
    this.#fileBegan ||= fileName !== null;
    if (!readNames.includes(lower)) return 0;
    if (this.#fields.has(lower))
      throw brokenForm(`The field \`${lower}\` stands in the form more than once`, lower);
    // Some servers do not mind the case of names: a `Model` beside `model` would be a second one.
    if (name !== lower || fileName !== null)
      throw brokenForm(`Send \`${lower}\` as a plain field of this very name`, lower);
    this.#open = { name, start };
    return maxFieldBytes;
  }

  #onPartEnd(end: number, value: Buffer | undefined): void {
    const open = this.#open;
    if (open === undefined) return;
    if (value === undefined) throw brokenForm(`\`${open.name}\` is too long`, open.name);
    this.#fields.set(open.name, { value: value.toString(), start: open.start, end });
  }

  #tooLate(): GatewayError {
    if (this.#pieces.length !== null && this.#pieces.length <= maxUploadHeldBytes)
      return new GatewayError("temporarily_unavailable", "Too many large uploads at once", {
        retryAfterS: 1,
      });
    return brokenForm(
      `Put the field \`model\` before the file: it must stand within the first ${maxUploadHeldBytes} bytes of the form`,
      "model",
    );
  }
}

/** The parts of a form that is whole. Throws `invalid_request`. */
function parseForm(bytes: Buffer, boundary: string): FormPart[] {
  const parts: FormPart[] = [];
  let open: { readonly head: PartHead; readonly start: number } | undefined;
  const scanner = new MultipartScanner(boundary, {
    onPart: (head, start) => {
      open = { head, start };
      return 0;
    },
    onPartEnd: (end) => {
      if (open !== undefined) parts.push({ ...open.head, value: bytes.subarray(open.start, end) });
    },
  });
  scanner.push(bytes);
  scanner.end();
  return parts;
}
