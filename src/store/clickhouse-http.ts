/**
 * One statement after another to a ClickHouse over HTTP (clickhouse.com/docs/interfaces/http, 2026-11-23). Promises: an
 * exchange ends within its time; no answer is read beyond a bound; no fault shows a secret.
 */
import { promisify } from "node:util";
import { gzip } from "node:zlib";
import { Agent, request } from "undici";
import type { LogStoreSettings } from "../config/config.ts";
import { messageOf } from "../core/errors.ts";

/** Why the log store did not do what it was asked; its message is for operators. */
export class LogStoreFault extends Error {
  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = "LogStoreFault";
  }
}

export interface Clickhouse {
  /** Answers the text of the reply. With `rows` these are the statement's data. Throws {@link LogStoreFault}. */
  run(statement: string, options?: RunOptions): Promise<string>;
  close(): Promise<void>;
}

export interface RunOptions {
  readonly rows?: string;
  readonly signal?: AbortSignal | undefined;
}

const connectMs = 5_000;
/** A day's sums over very many calls may take minutes. */
const answerMs = 300_000;
const mostAnswerBytes = 1024 ** 2;
const shownError = 300;
const zip = promisify(gzip);

export function openClickhouse(settings: LogStoreSettings): Clickhouse {
  const { origin, database, user, password } = settings;
  const agent = new Agent({
    connect: { timeout: connectMs },
    headersTimeout: answerMs,
    bodyTimeout: answerMs,
    maxResponseSize: mostAnswerBytes,
    keepAliveTimeout: 2_000,
  });
  const authorization = `Basic ${Buffer.from(`${user}:${password}`).toString("base64")}`;
  const shownHost = new URL(origin).host;

  const exchange = async (statement: string, options: RunOptions): Promise<Answer> => {
    // Without waiting for the end, an error would come within a reply that began well.
    const query = new URLSearchParams({ database, wait_end_of_query: "1" });
    const { rows, signal } = options;
    if (rows !== undefined) query.set("query", statement);
    const { statusCode, body } = await request(`${origin}/?${query}`, {
      method: "POST",
      dispatcher: agent,
      headers: {
        authorization,
        "content-type": "text/plain; charset=utf-8",
        ...(rows !== undefined && { "content-encoding": "gzip" }),
      },
      body: rows === undefined ? statement : await zip(rows, { level: 1 }),
      ...(signal !== undefined && { signal }),
    });
    return { status: statusCode, text: await body.text() };
  };
  return {
    run: async (statement, options = {}) => {
      let answer: Answer;
      try {
        answer = await exchange(statement, options);
      } catch (error) {
        const problem = `the log store at ${shownHost} cannot be reached: ${reasonOf(error)}`;
        throw new LogStoreFault(problem, { cause: error });
      }
      if (answer.status === 200) return answer.text;
      throw new LogStoreFault(explain(shownHost, answer));
    },
    close: () => agent.destroy(),
  };
}

interface Answer {
  readonly status: number;
  readonly text: string;
}

/** Wrong password, unknown user, required password, authentication failed: ClickHouse, ErrorCodes.cpp. */
const refusals = /^Code: (192|193|194|516)\b/;

function explain(host: string, { status, text }: Answer): string {
  if (status === 401 || refusals.test(text)) {
    const code = /^Code: \d+/.exec(text)?.[0] ?? `HTTP ${status}`;
    return `the log store at ${host} refuses the user or the password of LOG_STORE_URL (${code})`;
  }
  const told = text.replaceAll(/\s+/g, " ").trim();
  const shown = told.length > shownError ? `${told.slice(0, shownError)}…` : told;
  return `the log store at ${host} answers with HTTP ${status}: ${shown}`;
}

/** Of several addresses that were tried, the first one's. */
function reasonOf(error: unknown): string {
  const first: unknown = error instanceof AggregateError ? error.errors[0] : error;
  return messageOf(first);
}
