/** Google's demands (ai.google.dev: function calling, thought signatures). */
import { markOf, signatureOf } from "../fakes/scripted/turn.ts";
import { asObject } from "../fakes/scripted/turn.ts";
import { type DemandCase, type Fields, findIssued, objects, unlike } from "./demand-case.ts";

const sentinel = "skip_thought_signature_validator";

const callOf = (part: Fields): Fields => asObject(part["functionCall"]);
const isCall = (part: Fields): boolean => "functionCall" in part;
const isResponse = (part: Fields): boolean => "functionResponse" in part;

/** The answer as it was given, each signature where it stood. Thoughts need not come back. */
function verbatim(facts: DemandCase, parts: readonly Fields[], at: string): string[] {
  const issued = findIssued(facts, parts);
  if (issued === undefined) return [];
  const { said, model } = issued;
  const own = facts.complete && model === facts.heard.model;
  const calls = parts.filter(isCall);
  const text = parts
    .filter((part) => typeof part["text"] === "string" && part["thought"] !== true)
    .map((part) => part["text"])
    .join("");
  const signatures = parts.flatMap((part) => part["thoughtSignature"] ?? []);
  const told = (said.calls ?? []).map(({ name, arguments: args }) => ({ name, args }));
  const named = model.includes("gemini-3");
  return [
    ...unlike(`${at} text`, text, said.text ?? ""),
    ...unlike(
      `${at} calls`,
      calls.map(callOf).map(({ name, args }) => ({ name, args })),
      told,
    ),
    ...(own && named && facts.ids
      ? unlike(
          `${at} ids`,
          calls.map((part) => callOf(part)["id"]),
          told.map((_call, index) => `gem_${index}_${markOf(said)}`),
        )
      : []),
    ...(own && (calls.length > 0 || facts.texts)
      ? unlike(`${at} signatures`, signatures, [signatureOf(said)])
      : []),
    ...(own && calls.length > 0
      ? unlike(`${at} first call`, calls[0]?.["thoughtSignature"], signatureOf(said))
      : []),
  ];
}

/** As many responses as calls, right behind them, by the same names and in the same order. */
function pairing(before: readonly Fields[], after: readonly Fields[], at: string): string[] {
  const calls = before.filter(isCall).map(callOf);
  const results = after.filter(isResponse).map((part) => asObject(part["functionResponse"]));
  const first = after.slice(0, results.length);
  return [
    ...unlike(
      `${at}: responses`,
      results.map(({ name }) => name),
      calls.map(({ name }) => name),
    ),
    ...unlike(
      `${at}: response ids`,
      results.map(({ id }) => id),
      calls.map(({ id }) => id),
    ),
    ...(first.every(isResponse) ? [] : [`${at}: responses not first`]),
    ...results
      .filter(({ response }) => typeof response !== "object" || response === null)
      .map(() => `${at}: response is no object`),
  ];
}

function partFaults(parts: readonly Fields[], at: string, chunked: boolean): string[] {
  if (parts.length === 0) return [`${at}: no parts`];
  return parts.flatMap((part) => {
    const inline = asObject(part["inlineData"]);
    const empty = part["text"] === "" && part["thoughtSignature"] === undefined && !chunked;
    const data = typeof inline["data"] === "string" ? inline["data"] : "AA==";
    return [
      ...(empty ? [`${at}: empty text`] : []),
      ...(Object.keys(part).length === 0 ? [`${at}: empty part`] : []),
      ...(/^[A-Za-z0-9+/]+=*$/.test(data) ? [] : [`${at}: data is no base64`]),
    ];
  });
}

/** In the turn at hand the first call of each step must be signed; third generation only. */
function signatureFaults(facts: DemandCase, contents: readonly Fields[]): string[] {
  const { heard, issued } = facts;
  const question = contents.findLastIndex(
    ({ role, parts }) => role === "user" && objects(parts).some((part) => !isResponse(part)),
  );
  const steps = contents.slice(question + 1).filter(({ role }) => role === "model");
  const lacking = steps.filter(({ parts }) => {
    const first = objects(parts).find(isCall);
    return first !== undefined && first["thoughtSignature"] === undefined;
  });
  const known = [
    sentinel,
    ...issued.filter(({ model }) => model === heard.model).map(({ said }) => signatureOf(said)),
  ];
  const all = contents.flatMap(({ parts }) => objects(parts));
  return [
    ...(heard.model.includes("gemini-3") ? lacking : []).map(
      () => "Function call is missing a thought_signature",
    ),
    ...all
      .map((part) => part["thoughtSignature"])
      .filter((signature) => signature !== undefined && !known.includes(String(signature)))
      .map((signature) => `Corrupted thought signature ${String(signature)}`),
  ];
}

function joinedTurns(contents: readonly Fields[]): Fields[] {
  const all: Fields[] = [];
  for (const content of contents) {
    const last = all.at(-1);
    if (last === undefined || last["role"] !== content["role"]) all.push(content);
    else
      all[all.length - 1] = {
        ...last,
        parts: [...objects(last["parts"]), ...objects(content["parts"])],
      };
  }
  return all;
}

export function geminiFaults(facts: DemandCase): string[] {
  const given = objects(facts.heard.body["contents"]);
  const contents = facts.chunked ? joinedTurns(given) : given;
  const faults: string[] = [];
  let before: readonly Fields[] = [];
  let last = "model";
  for (const [index, content] of contents.entries()) {
    const at = `contents[${index}]`;
    const parts = objects(content["parts"]);
    const role = String(content["role"]);
    if (role === last) faults.push(`${at}: ${role} twice`);
    faults.push(...partFaults(parts, at, facts.chunked));
    if (role === "model") faults.push(...verbatim(facts, parts, at));
    else faults.push(...pairing(before, parts, at));
    before = role === "model" ? parts : [];
    last = role;
  }
  if (before.some(isCall)) faults.push("calls without responses");
  return [...faults, ...signatureFaults(facts, contents)];
}
