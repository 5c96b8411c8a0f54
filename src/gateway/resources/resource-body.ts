/**
 * The bodies of requests on what outlives a call: JSON with its ids opened and its models mapped, forms as they come.
 * Promise kept here: no form names what lies at a vendor, since nobody could open an id in its midst.
 */
import { checkModelAllowed } from "../../auth/model-allowed.ts";
import type { GatewayError } from "../../core/errors.ts";
import { type ByteEdit, readString, scanMembers, splice } from "../../core/json.ts";
import { walkStrings } from "../../core/json-strings.ts";
import { MultipartScanner, boundaryOf, brokenForm } from "../../core/multipart.ts";
import { kindAt, resourceRulesOf } from "../../dialects/resource-ids.ts";
import { mappedModel } from "../../route/plan.ts";
import type { Channel } from "../../sync/entities.ts";
import type { StreamedBody } from "../../upstream/upstream.ts";
import type { CallRequest, Upload } from "../../wire/call.ts";
import type { Caller } from "../../wire/caller.ts";
import { type BodyOpener, nothingOpened, openIds } from "../ids/open-ids.ts";
import type { Pin } from "../ids/pin.ts";
import type { ResourceRoute } from "../accounts/resource-routes.ts";
import { UploadPieces } from "../exchange/upload-pieces.ts";

export interface ResourceBody {
  readonly pin: Pin | null;
  readonly unsealed: GatewayError | null;
  readonly opened: ReadonlyMap<string, string>;
  /** Models that it names, each once. */
  readonly models: readonly string[];
  /** As it is sent to a channel; null: there is none. */
  render(channel: Channel): Buffer | StreamedBody | null;
}

const none: ResourceBody = { ...nothingOpened, models: [], render: () => null };

/** Throws `invalid_request` naming the field, and `model_not_allowed`. */
export function readResourceBody(
  request: CallRequest,
  route: ResourceRoute,
  caller: Caller,
  opener: BodyOpener,
): ResourceBody {
  if (route.body === "none") return none;
  if (request.upload !== undefined) return readForm(request, request.upload, route);
  if (route.body === "form") {
    const message = "Send the file as multipart/form-data";
    throw brokenForm(message, "content-type");
  }
  // Some paths that only do something are called without a body.
  if (request.body.length === 0) return none;
  return readJson(request.body, route, caller, opener);
}

interface NamedModel {
  /** Gemini's names begin with `models/`. */
  readonly prefix: string;
  readonly model: string;
  readonly start: number;
  readonly end: number;
}

function modelsIn(body: Buffer, { models }: ResourceRoute): readonly NamedModel[] {
  const wanted = models === "body" ? "model" : models === "requests" ? "requests/params/model" : "";
  if (wanted === "") return [];
  const found: NamedModel[] = [];
  walkStrings(body, opaqueToModels, (path, value) => {
    if (path.join("/") !== wanted) return;
    const name = readString(body, value) ?? "";
    const prefix = name.startsWith("models/") ? "models/" : "";
    found.push({ ...value, prefix, model: name.slice(prefix.length) });
  });
  return found;
}

/** Members in which no model of a request stands. */
const opaqueToModels = ["messages", "system", "tools", "contents", "metadata"];

function readJson(
  body: Buffer,
  route: ResourceRoute,
  caller: Caller,
  opener: BodyOpener,
): ResourceBody {
  scanMembers(body, ["model", "requests"]);
  const ids = openIds(body, resourceRulesOf(route.dialect, undefined), opener);
  const named = modelsIn(body, route);
  const models = [...new Set(named.map(({ model }) => model))];
  for (const model of models) checkModelAllowed(caller, model);
  const render = (channel: Channel): Buffer => {
    const mapped = named.flatMap(({ start, end, prefix, model }): ByteEdit[] => {
      const target = mappedModel(channel, model);
      return target === model ? [] : [{ start, end, bytes: JSON.stringify(prefix + target) }];
    });
    return splice(body, [...ids.edits, ...mapped]);
  };
  return { ...ids, models, render };
}

function readForm(request: CallRequest, upload: Upload, route: ResourceRoute): ResourceBody {
  const rules = resourceRulesOf(route.dialect, undefined);
  const scanner = new MultipartScanner(boundaryOf(request.headers["content-type"] ?? ""), {
    onPart: ({ name }) => {
      const [member = ""] = name.toLowerCase().split("[");
      if (kindAt(rules, [member]) !== undefined)
        throw brokenForm(`Send \`${name}\` in a JSON body, not in a form`, name);
      return 0;
    },
    onPartEnd: () => undefined,
  });
  const pieces = new UploadPieces(upload, {
    onPiece: (piece) => scanner.push(piece),
    onEnd: () => scanner.end(),
  });
  const body: StreamedBody = {
    get length() {
      return pieces.length;
    },
    open: () => (pieces.replayable ? pieces.read([]) : undefined),
  };
  return { ...none, render: () => body };
}
