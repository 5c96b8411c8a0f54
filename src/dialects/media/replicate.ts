/** Replicate's predictions: asked to wait for the end, asked again where that was not enough. */
import { GatewayError } from "../../core/errors.ts";
import type { Json, JsonObject } from "../../core/json-value.ts";
import type { ImageRequest } from "../../wire/media.ts";
import { noUsage } from "../../wire/usage.ts";
import { unitUsage } from "../make-usage.ts";
import type { DecodedMedia, EncodedMedia, MediaCodec } from "../media-codec.ts";
import { parseObject } from "../parse-object.ts";
import { nearestRatio } from "./aspect-ratio.ts";
import { asKind, cannot, objectIn, onlyGenerates, onlyUrls } from "./cannot.ts";
import { imageReply, madeImages } from "./image-results.ts";
import { decodeVendorError } from "./vendor-error.ts";

/** What the image models hosted there commonly know. */
const ratios = ["1:1", "16:9", "9:16", "3:2", "2:3", "4:3", "3:4", "4:5", "5:4", "21:9"] as const;
const askAgainMs = 1500;
/** Stopped where it would be asked for no more (replicate.com/changelog/2025-10-16-prediction-deadlines). */
const waiting = { prefer: "wait", "cancel-after": "10m" };

function encodeInput(request: ImageRequest): JsonObject {
  const ratio = nearestRatio(request.size, ratios);
  return {
    prompt: request.prompt,
    ...(ratio === null ? {} : { aspect_ratio: ratio }),
    ...(request.count === 1 ? {} : { num_outputs: request.count }),
    ...(request.seed === null ? {} : { seed: request.seed }),
    ...(request.negativePrompt === null ? {} : { negative_prompt: request.negativePrompt }),
    ...(request.outputFormat === null
      ? {}
      : { output_format: request.outputFormat === "jpeg" ? "jpg" : request.outputFormat }),
  };
}

/** `owner/name` is a model of its own path; `owner/name:version` is asked by its version. */
function addressed(model: string, input: JsonObject): Pick<EncodedMedia, "path" | "body"> {
  const [name = "", version] = model.split(":", 2);
  if (version !== undefined)
    return { path: { target: "predictions" }, body: { kind: "json", value: { version, input } } };
  const segments = name.split("/");
  if (segments.length !== 2)
    throw cannot("model", "Models of this channel are called owner/name or owner/name:version");
  return {
    path: { target: ["models", ...segments, "predictions"] },
    body: { kind: "json", value: { input } },
  };
}

function decodeDone(fields: JsonObject): DecodedMedia {
  const output: Json = fields["output"] ?? null;
  const urls: readonly unknown[] = Array.isArray(output) ? output : [output];
  const seconds = objectIn(fields["metrics"])["predict_time"];
  const usage = typeof seconds === "number" ? unitUsage({ seconds }) : null;
  return imageReply(madeImages("url", urls), usage ?? noUsage);
}

function decodePrediction(fields: JsonObject): DecodedMedia {
  const { status } = fields;
  if (status === "succeeded") return decodeDone(fields);
  if (status === "failed" || status === "canceled" || status === "aborted") {
    const { error } = fields;
    const message = typeof error === "string" ? error : `the prediction was ${status}`;
    return { kind: "failed", error: { message, type: null, code: null, status: null } };
  }
  const url = objectIn(fields["urls"])["get"];
  if (typeof url !== "string")
    throw new GatewayError("upstream_invalid", "the reply does not tell where it will be finished");
  return { kind: "pending", url, afterMs: askAgainMs };
}

export const replicatePredictions: MediaCodec = {
  serves: ["image"],
  encodeRequest: (request, { model }) => {
    const image = asKind(request, "image");
    onlyGenerates(image);
    onlyUrls(image);
    return { ...addressed(model, encodeInput(image)), headers: waiting };
  },
  decodeReply: ({ body }) => decodePrediction(parseObject(body)),
  decodeError: decodeVendorError,
};
