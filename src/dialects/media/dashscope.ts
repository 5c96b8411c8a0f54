/** DashScope's images: a task is made, and asked for until it is done. */
import { GatewayError } from "../../core/errors.ts";
import type { JsonObject } from "../../core/json-value.ts";
import type { ImageRequest } from "../../wire/media.ts";
import type { DecodedMedia, MediaCodec } from "../media-codec.ts";
import { parseObject } from "../parse-object.ts";
import { asKind, objectIn, objectsIn, onlyGenerates, onlyUrls } from "./cannot.ts";
import { imageReply } from "./image-results.ts";
import { decodeVendorError } from "./vendor-error.ts";

const askAgainMs = 2000;

function encode(request: ImageRequest, model: string): JsonObject {
  const { size } = request;
  return {
    model,
    input: {
      prompt: request.prompt,
      ...(request.negativePrompt === null ? {} : { negative_prompt: request.negativePrompt }),
    },
    parameters: {
      n: request.count,
      ...(size === null ? {} : { size: `${size.width}*${size.height}` }),
      ...(request.seed === null ? {} : { seed: request.seed }),
    },
  };
}

function decodeResults(output: JsonObject): DecodedMedia {
  const images = objectsIn(output["results"])
    .filter((result) => typeof result["url"] === "string")
    .map((result) => ({
      source: { kind: "url", url: String(result["url"]) } as const,
      revisedPrompt: typeof result["actual_prompt"] === "string" ? result["actual_prompt"] : null,
    }));
  return imageReply(images);
}

function decodeTask(fields: JsonObject): DecodedMedia {
  const output = objectIn(fields["output"]);
  const { task_status: status, task_id: id } = output;
  if (status === "SUCCEEDED") return decodeResults(output);
  if (status === "PENDING" || status === "RUNNING") {
    if (typeof id !== "string")
      throw new GatewayError("upstream_invalid", "the reply names no task");
    const url = `/api/v1/tasks/${encodeURIComponent(id)}`;
    return { kind: "pending", url, afterMs: askAgainMs };
  }
  const { message, code } = output;
  return {
    kind: "failed",
    error: {
      message: typeof message === "string" ? message : `the task ended as ${String(status)}`,
      type: null,
      code: typeof code === "string" ? code : null,
      status: code === "DataInspectionFailed" || code === "InvalidParameter" ? 400 : null,
    },
  };
}

export const dashscopeImages: MediaCodec = {
  serves: ["image"],
  encodeRequest: (request, { model }) => {
    const image = asKind(request, "image");
    onlyGenerates(image);
    onlyUrls(image);
    return {
      headers: { "x-dashscope-async": "enable" },
      body: { kind: "json", value: encode(image, model) },
    };
  },
  decodeReply: ({ body }) => decodeTask(parseObject(body)),
  decodeError: decodeVendorError,
};
