// `npm run record`: sends a case's call through a real gateway to the real vendor and writes down what the vendor said.
//   npm run record -- openai chat-hello                                   records src/providers/openai/cases/chat-hello.case anew
//   npm run record -- groq chat-hello --front chat --body hello.json --about "Groq says hello."    makes a new case
// The key is read from SWITCHYARD_RECORD_KEY or from --credential-file; it, account names and ids are never written.
import { readFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { readCredential } from "./record/credential.ts";
import { findCase, makeCase, writeCase } from "./record/case-place.ts";
import { recordCase } from "./record/record-case.ts";
import { RecordError } from "./record/record-error.ts";

const usage = `usage: npm run record -- <provider> <case> [flags]
  --credential-file FILE   the vendor's key; SWITCHYARD_RECORD_KEY where left out
  --setting KEY=VALUE      a setting of the provider (region, project); may be repeated
  --base-url URL           in place of the provider's own
  --dialect ID             the API to speak to the vendor, where it has several
  --front NAME             new case: chat, responses, messages or gemini
  --body FILE              new case: the caller's JSON
  --model NAME             new case: the model, where the body names none (gemini)
  --about SENTENCE         new case: what it shows
  --folder DIR             where the case lies, in place of the provider's cases`;

try {
  const path = await main();
  console.log(`wrote ${path}: review it, trim the recorded events by hand, then UPDATE_CASES=1`);
} catch (error) {
  if (!(error instanceof RecordError)) throw error;
  console.error(`record: ${error.message}`);
  process.exitCode = error.exitCode;
}

async function main(): Promise<string> {
  const { values, positionals } = parseFlags();
  const [provider, name, ...more] = positionals;
  if (provider === undefined || name === undefined || more.length > 0)
    throw new RecordError(usage, 2);
  const place = { provider, name, folder: values.folder };
  const { body, front } = values;
  const given =
    body === undefined
      ? findCase(place)
      : makeCase(place, {
          body: readFileSync(body, "utf8"),
          front: front ?? "chat",
          about: values.about,
          model: values.model,
        });
  const recorded = await recordCase(given.file, given.path, {
    provider,
    credential: readCredential(values["credential-file"], process.env["SWITCHYARD_RECORD_KEY"]),
    settings: settingsOf(values.setting),
    baseUrl: values["base-url"],
    dialect: values.dialect,
  });
  writeCase(given.path, recorded);
  return given.path;
}

function parseFlags() {
  const text = { type: "string" } as const;
  try {
    return parseArgs({
      allowPositionals: true,
      options: {
        "credential-file": text,
        setting: { type: "string", multiple: true, default: [] },
        "base-url": text,
        dialect: text,
        front: text,
        body: text,
        model: text,
        about: text,
        folder: text,
      },
    });
  } catch (error) {
    throw new RecordError(`${(error as Error).message}\n${usage}`, 2);
  }
}

function settingsOf(pairs: readonly string[]): Record<string, string> {
  return Object.fromEntries(
    pairs.map((pair) => {
      const equals = pair.indexOf("=");
      if (equals < 1) throw new RecordError(`--setting ${pair} is not KEY=VALUE`, 2);
      return [pair.slice(0, equals), pair.slice(equals + 1)];
    }),
  );
}
