/**
 * Speaks the management API of any node. Promise kept here: what the node said is what the user reads,
 * field by field, and a node that does not answer is told apart from one that refuses.
 */
import { isObject, type Json, type JsonObject } from "../core/json-value.ts";
import { messageOf } from "../core/errors.ts";
import type { FieldFault } from "../core/errors.ts";

export interface ApiRequest {
  readonly method: "GET" | "POST" | "PATCH" | "DELETE";
  /** From `/api` or any other path of the node, without query. */
  readonly path: string;
  readonly query?: Readonly<Record<string, string | undefined>>;
  readonly body?: JsonObject;
  /** An `ETag` or `rev` that must still be current. */
  readonly ifMatch?: string;
}

export interface ApiReply {
  readonly status: number;
  /** Parsed; `{}` where the body was empty. */
  readonly body: JsonObject;
}

export interface ApiClient {
  /** Resolves with a 2xx reply; rejects with {@link ApiProblem} or {@link NotReachable}. */
  call(request: ApiRequest): Promise<ApiReply>;
}

/** The node answered, and refused. */
export class ApiProblem extends Error {
  readonly status: number;
  /** Stable code of the error table; empty where the answer came from something else than a node. */
  readonly code: string;
  readonly fields: readonly FieldFault[];
  readonly requestId: string | undefined;

  constructor(status: number, body: JsonObject, requestId: string | undefined) {
    super(textOf(body["detail"]) ?? textOf(body["title"]) ?? `HTTP ${status}`);
    this.name = "ApiProblem";
    this.status = status;
    this.code = textOf(body["code"]) ?? "";
    this.fields = fieldsOf(body["errors"]);
    this.requestId = requestId ?? textOf(body["requestId"]);
  }
}

/** Nothing answered at the address, or not in time. */
export class NotReachable extends Error {
  readonly url: string;
  constructor(url: string, cause: unknown) {
    super(reasonOf(cause), { cause });
    this.name = "NotReachable";
    this.url = url;
  }
}

export interface ApiClientOptions {
  /** Address of a node, `https://gateway.example.com`; a trailing `/api` or slash is tolerated. */
  readonly url: string;
  /** Management token; undefined: none is sent. */
  readonly token: string | undefined;
  readonly timeoutMs: number;
}

/** A client for one node. */
export function makeApiClient(options: ApiClientOptions): ApiClient {
  const base = options.url.replace(/\/+$/, "").replace(/\/api$/, "");
  return {
    call: async (request) => {
      const url = new URL(base + request.path);
      for (const [name, value] of Object.entries(request.query ?? {}))
        if (value !== undefined) url.searchParams.set(name, value);
      const response = await send(url, request, options);
      const body = await readBody(response, base);
      if (response.ok) return { status: response.status, body };
      const requestId = response.headers.get("x-request-id") ?? undefined;
      throw new ApiProblem(response.status, body, requestId);
    },
  };
}

async function send(url: URL, request: ApiRequest, options: ApiClientOptions): Promise<Response> {
  const headers: Record<string, string> = { accept: "application/json" };
  if (options.token !== undefined) headers["authorization"] = `Bearer ${options.token}`;
  if (request.ifMatch !== undefined) headers["if-match"] = quoted(request.ifMatch);
  if (request.body !== undefined) headers["content-type"] = contentType(request.method);
  const init: RequestInit = {
    method: request.method,
    headers,
    // A redirect would carry the token to wherever it points.
    redirect: "manual",
    signal: AbortSignal.timeout(options.timeoutMs),
  };
  if (request.body !== undefined) init.body = JSON.stringify(request.body);
  try {
    return await fetch(url, init);
  } catch (error) {
    throw new NotReachable(url.origin, error);
  }
}

function contentType(method: string): string {
  return method === "PATCH" ? "application/merge-patch+json" : "application/json";
}

function quoted(tag: string): string {
  return tag.includes('"') || tag === "*" ? tag : `"${tag}"`;
}

async function readBody(response: Response, base: string): Promise<JsonObject> {
  const text = await response.text().catch((error: unknown) => {
    throw new NotReachable(base, error);
  });
  if (text === "") return {};
  try {
    const value: unknown = JSON.parse(text);
    if (isObject(value)) return value;
  } catch {
    // Falls through: a proxy's page is described by its status below.
  }
  if (!response.ok) return {};
  throw new ApiProblem(response.status, { detail: `not a Switchyard node: ${base}` }, undefined);
}

/** The objects of a list member (`data`); empty where it is none. */
export function objectsOf(value: Json | undefined): readonly JsonObject[] {
  return Array.isArray(value) ? value.filter(isObject) : [];
}

function textOf(value: Json | undefined): string | undefined {
  return typeof value === "string" && value !== "" ? value : undefined;
}

function fieldsOf(value: Json | undefined): readonly FieldFault[] {
  return objectsOf(value).map((entry) => ({
    field: textOf(entry["field"]) ?? textOf(entry["pointer"]) ?? "",
    message: textOf(entry["message"]) ?? textOf(entry["detail"]) ?? "",
  }));
}

/** fetch hides the true reason one level down (`fetch failed`). */
function reasonOf(thrown: unknown): string {
  if (thrown instanceof Error && thrown.cause !== undefined) return messageOf(thrown.cause);
  return messageOf(thrown);
}
