/** OpenAI's own OpenAPI document as the judge of what we tell OpenAI's callers; it lies beside the checkout, not in it. */
import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { Ajv2020, type ValidateFunction } from "ajv/dist/2020.js";

const file = fileURLToPath(
  new URL("../../../shared/fixtures/openai-openapi/openapi.json", import.meta.url),
);

/** For `skip`: why there is nothing to judge by; false: there is. */
export const lacking = existsSync(file)
  ? false
  : "OpenAI's OpenAPI document is not beside the checkout";

export interface Judge {
  /** Throws where the value is not of the named schema. */
  check(schema: string, value: unknown): void;
  /** Throws where it is no event of a Responses stream. */
  checkEvent(value: Readonly<Record<string, unknown>>): void;
  /** How many values have passed. */
  readonly passed: number;
}

interface Document {
  readonly components: {
    readonly schemas: Readonly<Record<string, { properties?: { type?: { enum?: string[] } } }>>;
  };
}

/** A property may be named like a keyword. */
const withMember = (schema: object, member: Readonly<Record<string, unknown>>): object =>
  Object.values(member)[0] === undefined ? schema : { ...schema, ...member };

/** `nullable` is OpenAPI 3.0's, and its `oneOf`s overlap (two forms of a message), so that they are taken for `anyOf`. */
function readDocument(): Document {
  return JSON.parse(readFileSync(file, "utf8"), (_name, value: unknown) => {
    if (typeof value !== "object" || value === null || Array.isArray(value)) return value;
    const { nullable, oneOf, ...rest } = value as Record<string, unknown>;
    const either = Array.isArray(oneOf) ? { ...rest, anyOf: oneOf } : withMember(rest, { oneOf });
    if (typeof nullable !== "boolean") return withMember(either, { nullable });
    return nullable ? { anyOf: [either, { type: "null" }] } : either;
  }) as Document;
}

function eventNames(document: Document): ReadonlyMap<string | undefined, string> {
  return new Map(
    Object.entries(document.components.schemas)
      .filter(([name]) => /^Response.*Event$/.test(name))
      .map(([name, schema]) => [schema.properties?.type?.enum?.[0], name]),
  );
}

export function openJudge(): Judge {
  const document = readDocument();
  const ajv = new Ajv2020({ strict: false, validateFormats: false });
  ajv.addSchema(document, "openai");
  const compiled: Record<string, ValidateFunction> = {};
  const events = eventNames(document);
  let passed = 0;
  const check = (schema: string, value: unknown): void => {
    const valid = (compiled[schema] ??= ajv.compile({
      $ref: `openai#/components/schemas/${schema}`,
    }));
    if (!valid(value)) {
      const faults = JSON.stringify(valid.errors?.slice(0, 3));
      assert.fail(`${schema}: ${faults} in ${JSON.stringify(value).slice(0, 800)}`);
    }
    passed += 1;
  };
  return {
    check,
    checkEvent: (value) => {
      const name = events.get(String(value["type"]));
      assert.ok(name !== undefined, `the document knows no event ${String(value["type"])}`);
      check(name, value);
    },
    get passed() {
      return passed;
    },
  };
}
