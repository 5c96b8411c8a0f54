/** Plays a case: its call through a real node, its response from the other side, and everything seen, as sections. */
import { basename, dirname } from "node:path";
import type { Clock } from "../../src/core/clock.ts";
import { systemClock } from "../../src/core/clock.ts";
import type { CallRecord } from "../../src/log/call-record.ts";
import { findProvider } from "../../src/providers/registry.ts";
import { type Yard, testKey } from "../e2e/call-harness.ts";
import { type Behaviour, type FakeUpstream, json, reply } from "../fakes/upstream.ts";
import {
  type CaseChannel,
  type CaseFile,
  type CaseMessage,
  bytesOf,
  parseMessage,
  renderMessage,
  showBytes,
  shownText,
} from "./case-file.ts";
import { sampleBaseUrl, sampleCredential, sampleSecret, settingsFor } from "./sample-channel.ts";
import { exchangedToken } from "./scripted-vendor.ts";

/** Every case is played at this instant, so that replies say the same each time. */
export const caseClock: Clock = { ...systemClock, now: () => Date.UTC(2026, 9, 1, 12) };

/** What is left out of what a vendor received: the same in every request, or another one each time. */
const dullHeaders: readonly string[] = [
  "host",
  "connection",
  "content-length",
  "accept",
  "accept-encoding",
  "user-agent",
  "x-amz-date",
  "x-amz-content-sha256",
];

/** Headers of replies that mean something to callers. */
const tellingHeaders: readonly string[] = [
  "content-type",
  "retry-after",
  "x-should-retry",
  "x-switchyard-dropped",
  "x-upstream-request-id",
];

export interface Played {
  readonly request: string | undefined;
  /** Named `reply`, `events` or `error`. */
  readonly answer: { readonly name: "reply" | "events" | "error"; readonly text: string };
  readonly record: string;
}

/** The provider of a case: named by its channel, or by the folder it lies in. */
export function channelOf(file: CaseFile, path: string): CaseChannel & { provider: string } {
  const folder = basename(dirname(dirname(path)));
  const told = JSON.parse(file.sections["channel"] ?? "{}") as CaseChannel;
  const provider = told.provider ?? folder;
  if (findProvider(provider) === undefined)
    throw new Error(`${path}: --- channel must name a provider, such as {"provider":"…"}`);
  return { ...told, provider };
}

export function masked(text: string, secret: string): string {
  const hidden = secret === "" ? text : text.replaceAll(secret, "<credential>");
  return hidden
    .replaceAll(sampleSecret, "<credential>")
    .replaceAll(exchangedToken, "<token>")
    .replace(/^AWS4-HMAC-SHA256 .*$/m, "AWS4-HMAC-SHA256 <signature>");
}

export function showRequest(
  request: {
    readonly method: string;
    readonly url: string;
    readonly headers: Readonly<Record<string, unknown>>;
    readonly body: Buffer;
  },
  secret: string,
): string {
  const type = String(request.headers["content-type"] ?? "");
  const shown = showBytes(request.body, type);
  const headers = Object.entries(request.headers)
    .filter(([name]) => !dullHeaders.includes(name))
    .filter(([name, value]) => name !== "content-type" || value !== "application/json")
    .map(([name, value]): [string, string] => [name, masked(String(value), secret)])
    .toSorted(([left], [right]) => (left < right ? -1 : 1));
  return renderMessage({
    first: `${request.method} ${masked(request.url, secret)}`,
    headers: { ...Object.fromEntries(headers), ...shown.headers },
    body: shown.body,
  });
}

/** Ids that the gateway makes anew for each call, told apart and numbered. */
function steady(text: string, callId: string): string {
  const seen: string[] = [];
  const named = callId === "" ? text : text.replaceAll(callId, "<call-id>");
  return named.replaceAll(/\b(?:call|toolu|fc|ctc)_[0-9a-f]{24}\b/g, (id) => {
    if (!seen.includes(id)) seen.push(id);
    return `<minted-${seen.indexOf(id) + 1}>`;
  });
}

/** What the vendor itself told stands in the case already. */
function showRecord({ outcome, error, modelReported, usage }: CallRecord): string {
  const { raw: _raw, ...own } = usage;
  const counted = Object.entries(own).filter(([, value]) => value !== 0 && value !== false);
  const told = { outcome, error, modelReported, usage: Object.fromEntries(counted) };
  return `${JSON.stringify(told)}\n`;
}

/** Where a service account is exchanged for a token. */
const isTokenRequest = (path: string): boolean => path.endsWith("/token");

function behaviourOf(file: CaseFile): Behaviour {
  const text = file.sections["response"] ?? file.sections["stream"];
  if (text === undefined) return reply("{}", {}, 500);
  const message = parseMessage(text);
  const { bytes, headers } = bytesOf(message);
  const token = json({ access_token: exchangedToken, expires_in: 3600 });
  const played = reply(bytes, headers, Number(message.first));
  return (request, response) => (isTokenRequest(request.path) ? token : played)(request, response);
}

async function showAnswer(response: Response): Promise<Played["answer"]> {
  const bytes = Buffer.from(await response.arrayBuffer());
  const type = response.headers.get("content-type") ?? "";
  const isStream = type.includes("event-stream");
  const shown = isStream
    ? { body: bytes.toString(), headers: {} }
    : showBytes(bytes, type.split(";")[0] ?? "");
  const headers = tellingHeaders.flatMap((name): [string, string][] => {
    const value = response.headers.get(name);
    return value === null || (name === "content-type" && !shown.headers["x-case-body"])
      ? []
      : [[name, value]];
  });
  const message: CaseMessage = {
    first: String(response.status),
    headers: { ...Object.fromEntries(headers), ...shown.headers },
    body: shown.body,
  };
  const name = response.status >= 400 ? "error" : isStream ? "events" : "reply";
  return { name, text: renderMessage(message) };
}

/** Where cases are played: a node whose every request goes to one upstream. */
export interface Stage {
  readonly yard: Yard;
  readonly upstream: FakeUpstream;
}

/** The call of a case as a request, and the name of the model that it asks for. */
export function readCall(file: CaseFile): { readonly call: CaseMessage; readonly model: string } {
  const call = parseMessage(file.sections["call"] ?? "");
  const named = /\/models\/([^/:]+)/.exec(call.first)?.[1];
  const inBody = (): unknown => (JSON.parse(call.body) as { model?: unknown }).model;
  return { call, model: named === undefined ? String(inBody()) : decodeURIComponent(named) };
}

export async function playCase(file: CaseFile, path: string, stage: Stage): Promise<Played> {
  const { yard, upstream } = stage;
  const channel = channelOf(file, path);
  const provider = findProvider(channel.provider)!;
  const { call, model } = readCall(file);
  const secret = sampleCredential(provider);
  await yard.use({
    settings: { retryTimes: 0, cooldownSeconds: 0 },
    channels: [
      {
        provider: provider.id,
        baseUrl: channel.baseUrl ?? sampleBaseUrl(provider),
        models: [model],
        modelMapping: channel.model === undefined ? {} : { [model]: channel.model },
        credentials: secret === "" ? [] : [secret],
        parameters: { ...channel.parameters },
        options: {
          settings: { ...settingsFor(provider), ...channel.settings },
          ...channel.options,
        },
      },
    ],
  });
  upstream.behave(behaviourOf(file));
  const before = { requests: upstream.requests.length, records: yard.records.length };
  const [method = "", target = ""] = call.first.split(" ");
  const response = await fetch(yard.url + target, {
    method,
    headers: {
      "content-type": "application/json",
      authorization: `Bearer ${testKey}`,
      ...call.headers,
    },
    body: call.body,
  });
  const answer = await showAnswer(response);
  const record = await yard.recorded(before.records + 1);
  const [request, ...more] = upstream.requests
    .slice(before.requests)
    .filter(({ path: url }) => !isTokenRequest(url));
  if (more.length > 0) throw new Error("the vendor was asked more than once");
  return {
    request:
      request === undefined
        ? undefined
        : showRequest({ ...request, url: request.path.slice(1) }, secret),
    answer: { name: answer.name, text: steady(answer.text, record.callId) },
    record: showRecord(record),
  };
}

/** The case with what was seen in place of what was expected. */
export function withPlayed(file: CaseFile, played: Played): CaseFile {
  const { channel, call, response, stream } = file.sections;
  const given = { channel, call, response, stream };
  const sections: Record<string, string> = {};
  for (const [name, text] of Object.entries(given)) if (text !== undefined) sections[name] = text;
  if (sections["call"] !== undefined) {
    const message = parseMessage(sections["call"]);
    sections["call"] = renderMessage({ ...message, body: shownText(message.body) });
  }
  if (played.request !== undefined) sections["request"] = played.request;
  sections[played.answer.name] = played.answer.text;
  sections["record"] = played.record;
  return { head: file.head, sections };
}
