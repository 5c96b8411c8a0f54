/** Reads requests for images, speech and transcription for translation: JSON bodies and forms alike, every field checked. */
import type { Json } from "../../core/json-value.ts";
import type {
  FormPart,
  ImageRequest,
  MediaFile,
  MediaRequest,
  SpeechRequest,
  TranscriptionRequest,
} from "../../wire/media.ts";
import type { MediaInput } from "../media-codec.ts";
import { refuse } from "../refuse.ts";

/** Fields of a request, whichever form it has. Throws `invalid_request` for values of another kind. */
interface Fields {
  text(name: string): string | null;
  number(name: string): number | null;
  /** Values of a list (`timestamp_granularities[]` in forms). */
  list(name: string): readonly string[];
  files(name: string): readonly MediaFile[];
}

const plainType = "application/octet-stream";

function jsonFields(body: Readonly<Record<string, Json>>): Fields {
  const read = (name: string): Json | undefined => body[name] ?? undefined;
  return {
    text: (name) => {
      const value = read(name);
      if (value === undefined || typeof value === "string") return value ?? null;
      throw refuse(name, "must be a string");
    },
    number: (name) => {
      const value = read(name);
      if (value === undefined || typeof value === "number") return value ?? null;
      throw refuse(name, "must be a number");
    },
    list: (name) => {
      const value = read(name);
      return Array.isArray(value) ? value.filter((item) => typeof item === "string") : [];
    },
    files: (name) => {
      const value = read(name === "image" ? "images" : name);
      const items = value === undefined ? [] : Array.isArray(value) ? value : [value];
      return items.map((item: Json, index) => dataFile(item, `${name}[${index}]`));
    },
  };
}

/** JSON bodies name images by URL; only those that hold their bytes can be handed to another vendor. */
function dataFile(item: Json, field: string): MediaFile {
  const fields = typeof item === "object" && item !== null && !Array.isArray(item) ? item : {};
  const url = (fields as Readonly<Record<string, Json>>)["image_url"] ?? item;
  const found =
    typeof url === "string" ? /^data:([\w.+-]+\/[\w.+-]+);base64,(.+)$/s.exec(url) : null;
  const [, mediaType, data] = found ?? [];
  if (mediaType === undefined || data === undefined)
    throw refuse(field, "must be an image as a data: URL; this model's channel takes no other");
  return { name: `image.${mediaType.slice(6)}`, mediaType, data: Buffer.from(data, "base64") };
}

function formFields(parts: readonly FormPart[]): Fields {
  const named = (name: string): readonly FormPart[] =>
    parts.filter((part) => part.name === name || part.name === `${name}[]`);
  const text = (name: string): string | null => {
    const [part, second] = named(name).filter(({ fileName }) => fileName === null);
    if (second !== undefined) throw refuse(name, "stands in the form more than once");
    const value = part?.value.toString();
    return value === undefined || value === "" ? null : value;
  };
  return {
    text,
    number: (name) => {
      const value = text(name);
      if (value === null) return null;
      const number = Number(value);
      if (Number.isFinite(number)) return number;
      throw refuse(name, "must be a number");
    },
    list: (name) => named(name).map(({ value }) => value.toString()),
    files: (name) =>
      named(name)
        .filter(({ fileName }) => fileName !== null)
        .map(({ fileName, mediaType, value }) => ({
          name: fileName ?? name,
          mediaType: mediaType ?? plainType,
          data: value,
        })),
  };
}

function oneOf<const Choice extends string>(
  fields: Fields,
  name: string,
  choices: readonly Choice[],
): Choice | null {
  const value = fields.text(name);
  if (value === null) return null;
  const found = choices.find((choice) => choice === value);
  if (found !== undefined) return found;
  throw refuse(name, `must be one of ${choices.join(", ")}`);
}

function required(fields: Fields, name: string): string {
  const value = fields.text(name);
  if (value !== null && value !== "") return value;
  throw refuse(name, "is missing");
}

function decodeSize(fields: Fields): ImageRequest["size"] {
  const size = fields.text("size");
  if (size === null || size === "auto") return null;
  const [, width, height] = /^(\d{2,5})x(\d{2,5})$/.exec(size) ?? [];
  if (width === undefined || height === undefined)
    throw refuse("size", "must look like 1024x1024, or be `auto`");
  return { width: Number(width), height: Number(height) };
}

function decodeCount(fields: Fields): number {
  const count = fields.number("n") ?? 1;
  if (Number.isInteger(count) && count >= 1 && count <= 10) return count;
  throw refuse("n", "must be a whole number from 1 to 10");
}

const actions = {
  "image-generation": "generate",
  "image-edit": "edit",
  "image-variation": "vary",
} as const;

function decodeImage(input: MediaInput, fields: Fields): ImageRequest {
  const action = actions[input.operation as keyof typeof actions];
  const images = action === "generate" ? [] : fields.files("image");
  if (action !== "generate" && images.length === 0) throw refuse("image", "is missing");
  const deliver = oneOf(fields, "response_format", ["url", "b64_json"]);
  return {
    kind: "image",
    model: input.model,
    action,
    prompt: action === "vary" ? "" : required(fields, "prompt"),
    negativePrompt: fields.text("negative_prompt"),
    count: decodeCount(fields),
    size: decodeSize(fields),
    quality: fields.text("quality"),
    style: fields.text("style"),
    background: fields.text("background"),
    outputFormat: oneOf(fields, "output_format", ["png", "jpeg", "webp"]),
    deliver: deliver === "b64_json" ? "base64" : deliver,
    seed: fields.number("seed"),
    images,
    mask: action === "edit" ? (fields.files("mask")[0] ?? null) : null,
    stream: input.stream,
  };
}

function decodeVoice(input: MediaInput, fields: Fields): string {
  const { body } = input;
  const voice = body.kind === "json" ? body.value["voice"] : undefined;
  // OpenAI's own voices of an account are told as `{id}`.
  if (
    typeof voice === "object" &&
    voice !== null &&
    "id" in voice &&
    typeof voice["id"] === "string"
  )
    return voice["id"];
  return required(fields, "voice");
}

function decodeSpeech(input: MediaInput, fields: Fields): SpeechRequest {
  const speed = fields.number("speed");
  if (speed !== null && (speed < 0.25 || speed > 4))
    throw refuse("speed", "must be between 0.25 and 4");
  const formats = ["mp3", "opus", "aac", "flac", "wav", "pcm"] as const;
  return {
    kind: "speech",
    model: input.model,
    input: required(fields, "input"),
    voice: decodeVoice(input, fields),
    instructions: fields.text("instructions"),
    format: oneOf(fields, "response_format", formats) ?? "mp3",
    speed,
    stream: input.stream,
  };
}

function decodeTranscription(input: MediaInput, fields: Fields): TranscriptionRequest {
  const [file] = fields.files("file");
  if (file === undefined) throw refuse("file", "is missing");
  const formats = ["json", "text", "srt", "vtt", "verbose_json"] as const;
  return {
    kind: "transcription",
    model: input.model,
    file,
    language: fields.text("language"),
    prompt: fields.text("prompt"),
    temperature: fields.number("temperature"),
    format: oneOf(fields, "response_format", formats) ?? "json",
    words: fields.list("timestamp_granularities").includes("word"),
    translate: input.operation === "translation",
    stream: input.stream,
  };
}

/** Throws `invalid_request` naming the field at fault. */
export function decodeRequest(input: MediaInput): MediaRequest {
  const fields =
    input.body.kind === "json" ? jsonFields(input.body.value) : formFields(input.body.parts);
  switch (input.operation) {
    case "speech":
      return decodeSpeech(input, fields);
    case "transcription":
    case "translation":
      return decodeTranscription(input, fields);
    default:
      return decodeImage(input, fields);
  }
}
