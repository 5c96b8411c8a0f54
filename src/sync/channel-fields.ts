/** Field rules of a channel: the management API and the row parser check by this one table. */
import { z } from "zod";
import type { JsonObject } from "../core/json-value.ts";
import { displayName, groupSymbol, modelName, modelPattern, statusField } from "./name-fields.ts";

/** Headers that belong to the connection, to the body's framing, or carry credentials, which have a place of their own. */
const forbiddenHeaders: readonly string[] = [
  "connection",
  "keep-alive",
  "proxy-authenticate",
  "proxy-authorization",
  "proxy-connection",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade",
  "expect",
  "host",
  "content-length",
  "content-encoding",
  "accept-encoding",
  "authorization",
  "api-key",
  "x-api-key",
  "x-goog-api-key",
  "xi-api-key",
  "ocp-apim-subscription-key",
  "x-amz-date",
  "x-amz-security-token",
  "x-amz-content-sha256",
  "cookie",
  "set-cookie",
];

function parsedUrl(text: string): URL | undefined {
  return URL.canParse(text) ? new URL(text) : undefined;
}

const baseUrl = z
  .string()
  .max(2048, "must have at most 2048 characters")
  .superRefine((text, context) => {
    const url = parsedUrl(text);
    if (url === undefined || (url.protocol !== "http:" && url.protocol !== "https:"))
      return context.addIssue("must be an http:// or https:// URL");
    if (url.username !== "" || url.password !== "")
      return context.addIssue("must not hold a user name or password: use credentials");
    if (url.hash !== "") context.addIssue("must not have a fragment");
  });

const proxyProtocols: readonly string[] = ["http:", "https:", "socks5:"];
const proxy = z
  .string()
  .max(2048, "must have at most 2048 characters")
  .refine((text) => {
    const url = parsedUrl(text);
    return url !== undefined && url.hostname !== "" && proxyProtocols.includes(url.protocol);
  }, "must be an http://, https:// or socks5:// URL");

const headerName = z
  .string()
  .regex(/^[!#$%&'*+.^_`|~0-9A-Za-z-]{1,128}$/, "is no valid header name")
  .refine((name) => !forbiddenHeaders.includes(name.toLowerCase()), "cannot be set here");
const headerValue = z
  .string()
  .max(8192, "must have at most 8192 characters")
  .regex(/^[\t\x20-\x7e\x80-\xff]*$/, "must have no line breaks and only Latin-1 characters");

/** `+name`: the asked name is charged whatever the channel says. `name#high`: with that effort, `#thinking`, `#search`. */
const mappingTarget = modelName.refine(
  (target) => /^\+?[^+#]/.test(target),
  "must name a model behind `+` and before `#`",
);

const jsonObject: z.ZodType<JsonObject> = z.record(z.string(), z.json());

const connectMs = z.int().min(100).max(120_000);
const waitMs = z.int().min(100).max(3_600_000);

export const timeoutFields = {
  connectMs: connectMs.exactOptional(),
  firstByteMs: waitMs.exactOptional(),
  idleMs: waitMs.exactOptional(),
};

export const channelFields = {
  name: displayName,
  provider: z
    .string()
    .regex(/^[a-z][a-z0-9-]{0,63}$/, "must be a provider's id: small letters, digits and hyphens"),
  baseUrl: baseUrl.nullable(),
  models: z.array(modelPattern).min(1, "must name at least one model").max(10_000),
  groups: z.array(groupSymbol).min(1, "must name at least one group").max(1000),
  priority: z.int().min(-1_000_000).max(1_000_000),
  weight: z.int().min(1).max(1_000_000),
  status: statusField,
  modelMapping: z.record(modelName, mappingTarget),
  headers: z.record(headerName, headerValue),
  parameters: jsonObject,
  proxy: proxy.nullable(),
  tag: z.string().min(1, "must not be empty").max(191).nullable(),
  timeouts: z.object(timeoutFields),
};

/** One upstream credential; empty where the upstream asks for none. */
export const credentialSecret = z.string().max(65_536, "must have at most 65536 characters");
