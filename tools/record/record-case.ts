/** Records one case: the call goes through a real gateway to the vendor; what the vendor said is then played once more. */
import type { Provider } from "../../src/providers/contract.ts";
import { getProvider } from "../../src/providers/registry.ts";
import { openYard, testKey } from "../../test/e2e/call-harness.ts";
import { openFakeUpstream, reply } from "../../test/fakes/upstream.ts";
import {
  type CaseChannel,
  type CaseFile,
  renderCase,
  renderMessage,
  showBytes,
} from "../../test/providers/case-file.ts";
import {
  caseClock,
  channelOf,
  playCase,
  readCall,
  withPlayed,
} from "../../test/providers/play-case.ts";
import { redirectTo } from "../../test/providers/redirect.ts";
import { sampleSettings } from "../../test/providers/sample-settings.ts";
import { RecordError } from "./record-error.ts";
import { type Replacement, demandClean, secretsOf, strip } from "./strip-secrets.ts";
import { type Exchange, openWireTap } from "./wire-tap.ts";

export interface Recorder {
  readonly provider: string;
  /** Empty: none. */
  readonly credential: string;
  readonly settings: Readonly<Record<string, string>>;
  readonly baseUrl: string | undefined;
  readonly dialect: string | undefined;
}

/** Headers of a reply that mean something to the gateway; no other is written. */
const keptHeaders = ["content-type", "retry-after", "retry-after-ms", "x-amzn-errortype"] as const;

/** The case with its recorded response and everything that follows from it. */
export async function recordCase(
  given: CaseFile,
  path: string,
  recorder: Recorder,
): Promise<CaseFile> {
  const provider = getProvider(recorder.provider);
  const secrets = secretsOf(recorder.credential);
  const channel = channelFor(given, path, recorder);
  const exchange = await ask(given, { provider, channel, recorder });
  const replacements = replacementsOf(provider, recorder, secrets);
  const section = showResponse(exchange, replacements);
  const { call = "" } = given.sections;
  const sections = {
    channel: `${JSON.stringify(shownChannel(channel, recorder))}\n`,
    call: strip(call, replacements),
    ...section,
  };
  const recorded: CaseFile = { head: headOf(given.head, exchange, recorder), sections };
  const played = await replay(recorded, path);
  demandClean(renderCase(played), secrets);
  return played;
}

function channelFor(given: CaseFile, path: string, recorder: Recorder): CaseChannel {
  const told: CaseChannel = given.sections["channel"] === undefined ? {} : channelOf(given, path);
  const { dialect } = recorder;
  return {
    ...told,
    provider: recorder.provider,
    ...(dialect === undefined ? {} : { options: { ...told.options, dialects: [dialect] } }),
  };
}

/** Settings that tell of no account. */
const shownSettings = ["region", "apiVersion", "keyHeader", "voices"];

/** A base URL of its own decides which endpoints there are, so a case keeps that there was one, and its path. */
function shownChannel(channel: CaseChannel, { baseUrl, settings }: Recorder): CaseChannel {
  const shown = Object.entries(settings).filter(([name]) => shownSettings.includes(name));
  const all = { ...channel.settings, ...Object.fromEntries(shown) };
  return {
    ...channel,
    ...(Object.keys(all).length === 0 ? {} : { settings: all }),
    ...(baseUrl === undefined ? {} : { baseUrl: `https://vendor.example${pathOf(baseUrl)}` }),
  };
}

const pathOf = (url: string): string => new URL(url).pathname.replace(/\/$/, "");

interface Asking {
  readonly provider: Provider;
  readonly channel: CaseChannel;
  readonly recorder: Recorder;
}

async function ask(file: CaseFile, { provider, channel, recorder }: Asking): Promise<Exchange> {
  const closes: (() => Promise<void>)[] = [];
  const tap = openWireTap();
  const { call, model } = readCall(file);
  if (provider.credentialRequired && recorder.credential === "")
    throw new RecordError(
      `${provider.id} wants a credential: SWITCHYARD_RECORD_KEY or --credential-file`,
      2,
    );
  try {
    const yard = await openYard(
      { after: (close) => void closes.push(close) },
      {
        settings: { retryTimes: 0 },
        channels: [
          {
            provider: provider.id,
            baseUrl: recorder.baseUrl ?? null,
            models: [model],
            modelMapping: channel.model === undefined ? {} : { [model]: channel.model },
            credentials: recorder.credential === "" ? [] : [recorder.credential],
            parameters: { ...channel.parameters },
            options: {
              settings: { ...channel.settings, ...recorder.settings },
              ...channel.options,
            },
          },
        ],
        upstream: tap.around,
      },
    );
    const [method = "POST", target = ""] = call.first.split(" ");
    const response = await fetch(yard.url + target, {
      method,
      headers: {
        "content-type": "application/json",
        authorization: `Bearer ${testKey}`,
        ...call.headers,
      },
      body: call.body,
    });
    const told = await response.text();
    const exchange = tap.exchanges.findLast(
      ({ request, status }) => status > 0 && !isToken(request),
    );
    if (exchange === undefined)
      throw new RecordError(`the vendor was not reached; the gateway said: ${told.slice(0, 500)}`);
    return exchange;
  } finally {
    for (const close of closes) await close();
  }
}

/** Credentials are exchanged for tokens by forms; conversations are never forms. */
const isToken = ({ headers }: Exchange["request"]): boolean =>
  headers["content-type"]?.includes("x-www-form-urlencoded") === true;

function replacementsOf(
  provider: Provider,
  { settings, baseUrl }: Recorder,
  secrets: readonly string[],
): Replacement[] {
  const named = Object.entries(settings).flatMap(([key, value]): Replacement[] => {
    const isNames = (provider.settings ?? []).some((one) => one.key === key && one.required);
    const by = sampleSettings[key];
    return isNames && key !== "region" && by !== undefined ? [{ secret: value, by }] : [];
  });
  const host =
    baseUrl === undefined ? [] : [{ secret: new URL(baseUrl).host, by: "vendor.example" }];
  return [...secrets.map((secret) => ({ secret, by: "<credential>" })), ...named, ...host];
}

function showResponse(
  { status, headers, pieces }: Exchange,
  replacements: readonly Replacement[],
): Record<string, string> {
  const kept = keptHeaders.flatMap((name): [string, string][] => {
    const value = headers[name];
    return typeof value === "string" ? [[name, value]] : [];
  });
  const type = Object.fromEntries(kept)["content-type"] ?? "";
  const shown = showBytes(Buffer.concat(pieces), type);
  const isStream = /event-stream|eventstream|ndjson/.test(type);
  const text = renderMessage({
    first: String(status),
    headers: { ...Object.fromEntries(kept), ...shown.headers },
    body: strip(shown.body, replacements),
  });
  return isStream ? { stream: text } : { response: text };
}

function headOf(head: string, { request }: Exchange, { baseUrl }: Recorder): string {
  const [sentence = "", ...comments] = head.split("\n");
  const host = baseUrl === undefined ? new URL(request.url).host : "a URL of its own";
  const day = new Date().toISOString().slice(0, 10);
  const kept = comments.filter((line) => !line.startsWith("# Recorded "));
  return [sentence, ...kept, `# Recorded ${day} from ${host}.`].join("\n");
}

/** Twice: a case that does not say the same each time would fail for whoever comes next. */
async function replay(file: CaseFile, path: string): Promise<CaseFile> {
  const closes: (() => Promise<void>)[] = [];
  const upstream = await openFakeUpstream(reply("{}"));
  try {
    const origin = `http://127.0.0.1:${upstream.port}`;
    const yard = await openYard(
      { after: (close) => void closes.push(close) },
      { channels: [], clock: caseClock, upstream: redirectTo(() => origin) },
    );
    const [first, second] = [
      await playCase(file, path, { yard, upstream }),
      await playCase(file, path, { yard, upstream }),
    ];
    if (JSON.stringify(first) !== JSON.stringify(second))
      throw new RecordError("the case does not play the same twice; nothing was written");
    return withPlayed(file, first);
  } finally {
    for (const close of closes) await close();
    await upstream.close();
  }
}
