/**
 * A vendor that keeps what it is given, as OpenAI and Anthropic do: files, batches, jobs, stores, containers and
 * responses in one account, which opens every id of it to whoever holds the account's key.
 */
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

type Json = Record<string, unknown>;

export interface KeepingVendor {
  /** `http://127.0.0.1:port`, without a path. */
  readonly origin: string;
  /** Method, path and query of every request, oldest first. */
  readonly paths: readonly string[];
  /** Bodies of every request with one, oldest first. */
  readonly bodies: readonly string[];
  /** Every id that was ever given out. */
  readonly ids: readonly string[];
  close(): Promise<void>;
}

interface Kept {
  readonly kind: string;
  readonly document: Json;
  readonly content: Buffer;
}

interface Asked {
  readonly method: string;
  readonly path: string;
  readonly query: URLSearchParams;
  readonly headers: IncomingMessage["headers"];
  readonly raw: Buffer;
  readonly body: Json;
}

interface Told {
  readonly status: number;
  readonly body: Json | Buffer | readonly string[];
  readonly type?: string;
}

class Account {
  readonly kept = new Map<string, Kept>();
  readonly ids: string[] = [];

  id(prefix: string): string {
    // Long, and of a form that no test could guess.
    const id = `${prefix}raw${String(this.ids.length).padStart(3, "0")}${"0123456789abcdef".repeat(2)}`;
    this.ids.push(id);
    return id;
  }

  make(kind: string, prefix: string, document: Json, content: Buffer = Buffer.alloc(0)): Json {
    const id = this.id(prefix);
    const whole = { id, ...document };
    this.kept.set(id, { kind, document: whole, content });
    return whole;
  }

  get(kind: string, id: unknown): Kept {
    const found = typeof id === "string" ? this.kept.get(id) : undefined;
    if (found?.kind !== kind) throw new Missing(`No such ${kind}: ${String(id)}`);
    return found;
  }

  list(kind: string): Json[] {
    return [...this.kept.values()].filter((one) => one.kind === kind).map((one) => one.document);
  }
}

class Missing extends Error {}

const ok = (body: Told["body"], type?: string): Told => ({
  status: 200,
  body,
  ...(type === undefined ? {} : { type }),
});

function listOf(data: readonly Json[]): Told {
  return ok({
    object: "list",
    data,
    first_id: data[0]?.["id"] ?? null,
    last_id: data.at(-1)?.["id"] ?? null,
    has_more: false,
  });
}

/** The first file of a form, and its plain fields. */
function formOf({ headers, raw }: Asked): { readonly content: Buffer; readonly fields: Json } {
  const boundary = /boundary=(?:"([^"]+)"|([^;]+))/.exec(headers["content-type"] ?? "");
  const parts = raw
    .toString("latin1")
    .split(`--${boundary?.[1] ?? boundary?.[2]}`)
    .slice(1, -1);
  const fields: Json = {};
  let content: Buffer = Buffer.alloc(0);
  for (const part of parts) {
    const [head = "", ...rest] = part.split("\r\n\r\n");
    const value = rest.join("\r\n\r\n").replace(/\r\n$/, "");
    const name = /name="([^"]+)"/.exec(head)?.[1] ?? "";
    if (!head.includes("filename=")) fields[name] = value;
    else {
      content = Buffer.from(value, "latin1");
      fields["filename"] = /filename="([^"]+)"/.exec(head)?.[1];
    }
  }
  return { content, fields };
}

type Handle = (account: Account, asked: Asked, ids: readonly string[]) => Told;

function makeFile(account: Account, asked: Asked, extra: Json): Json {
  const { content, fields } = formOf(asked);
  return account.make("file", "file-", { ...extra, ...fields, bytes: content.length }, content);
}

const anthropicFile = { type: "file", mime_type: "text/plain", downloadable: true };

const isAnthropic = ({ headers }: Asked): boolean => headers["anthropic-version"] !== undefined;

function retrieve(kind: string): Handle {
  return (account, _asked, [id]) => ok(account.get(kind, id).document);
}

function remove(kind: string, told: (id: string) => Json): Handle {
  return (account, _asked, [id = ""]) => {
    account.get(kind, id);
    account.kept.delete(id);
    return ok(told(id));
  };
}

function patched(kind: string, change: Json): Handle {
  return (account, _asked, [id = ""]) => {
    const { document, content } = account.get(kind, id);
    const changed = { ...document, ...change };
    account.kept.set(id, { kind, document: changed, content });
    return ok(changed);
  };
}

function makeBatch(account: Account, { body }: Asked): Told {
  const input = account.get("file", body["input_file_id"]);
  const output = account.make(
    "file",
    "file-",
    { object: "file", purpose: "batch_output" },
    input.content,
  );
  return ok(
    account.make("batch", "batch_", {
      object: "batch",
      endpoint: body["endpoint"],
      input_file_id: body["input_file_id"],
      output_file_id: output["id"],
      error_file_id: null,
      status: "completed",
      metadata: body["metadata"] ?? null,
    }),
  );
}

function makeMessageBatch(account: Account, asked: Asked): Told {
  const requests = asked.body["requests"] as { custom_id: string; params: Json }[];
  const lines = requests.map(({ custom_id, params }) =>
    JSON.stringify({
      custom_id,
      result: { type: "succeeded", message: { model: params["model"], content: [] } },
    }),
  );
  const made = account.make(
    "message-batch",
    "msgbatch_",
    { type: "message_batch", processing_status: "ended" },
    Buffer.from(lines.join("\n")),
  );
  const results_url = `https://api.vendor.test/v1/messages/batches/${String(made["id"])}/results`;
  return patched("message-batch", { results_url })(account, asked, [String(made["id"])]);
}

interface Turn {
  readonly role: string;
  readonly text: string;
}

function turnsOf(account: Account, body: Json): Turn[] {
  const parent = body["previous_response_id"];
  const before =
    parent == null ? [] : (account.get("response", parent).document["turns"] as Turn[]);
  const { input } = body;
  const items = typeof input === "string" ? [{ role: "user", content: input }] : (input as Json[]);
  const own = items.flatMap((item): Turn[] => {
    if (item["type"] === "item_reference") {
      const found = account.get("item", item["id"]).document;
      return [{ role: "assistant", text: String(found["text"]) }];
    }
    for (const part of Array.isArray(item["content"]) ? (item["content"] as Json[]) : [])
      if (part["file_id"] !== undefined) account.get("file", part["file_id"]);
    const content = item["content"];
    const text = typeof content === "string" ? content : ((content as Json[])[0]?.["text"] ?? "");
    return [{ role: String(item["role"]), text: String(text) }];
  });
  return [...before, ...own];
}

/** Says how many turns it knows and what the first one was. */
function answerTo(turns: readonly Turn[]): string {
  return `${turns.length} turns, first: ${turns[0]?.text ?? ""}`;
}

function makeResponse(account: Account, { body }: Asked): Told {
  const turns = turnsOf(account, body);
  const text = answerTo(turns);
  const item = account.make("item", "msg_", { text });
  const message = {
    id: item["id"],
    type: "message",
    role: "assistant",
    status: "completed",
    content: [{ type: "output_text", text, annotations: [] }],
  };
  const kept = {
    object: "response",
    created_at: 1_790_000_000,
    status: body["background"] === true ? "queued" : "completed",
    model: body["model"],
    output: [message],
    previous_response_id: body["previous_response_id"] ?? null,
    store: body["store"] ?? true,
    metadata: body["metadata"] ?? {},
    usage: {
      input_tokens: 9,
      input_tokens_details: { cached_tokens: 0 },
      output_tokens: 3,
      output_tokens_details: { reasoning_tokens: 0 },
      total_tokens: 12,
    },
  };
  const whole = account.make("response", "resp_", {
    ...kept,
    turns: [...turns, { role: "assistant", text }],
  });
  if (body["store"] === false) account.kept.delete(String(whole["id"]));
  const { turns: _turns, ...shown } = whole;
  return body["stream"] === true ? ok(eventsOf(shown, message), "text/event-stream") : ok(shown);
}

function eventsOf(response: Json, message: Json): string[] {
  const content = message["content"] as Json[];
  const text = String(content[0]?.["text"]);
  const place = { item_id: message["id"], output_index: 0, content_index: 0 };
  const events: [string, Json][] = [
    ["response.created", { response: { ...response, status: "in_progress", output: [] } }],
    ["response.output_item.added", { output_index: 0, item: { ...message, content: [] } }],
    [
      "response.content_part.added",
      { ...place, part: { type: "output_text", text: "", annotations: [] } },
    ],
    ...text
      .split(" ")
      .map((word): [string, Json] => [
        "response.output_text.delta",
        { ...place, delta: `${word} ` },
      ]),
    ["response.output_text.done", { ...place, text }],
    ["response.output_item.done", { output_index: 0, item: message }],
    ["response.completed", { response }],
  ];
  return events.map(
    ([type, values], index) =>
      `event: ${type}\ndata: ${JSON.stringify({ type, sequence_number: index, ...values })}\n\n`,
  );
}

function getResponse(account: Account, { query }: Asked, [id]: readonly string[]): Told {
  const { turns: _turns, ...shown } = account.get("response", id).document;
  const [message] = shown["output"] as Json[];
  return query.get("stream") === "true" && message !== undefined
    ? ok(eventsOf(shown, message), "text/event-stream")
    : ok(shown);
}

const container = "/v1/containers/:id/files";

/** By method and path; `:id` stands for an id. */
const handlers: Readonly<Record<string, Handle>> = {
  "POST /v1/files": (account, asked) =>
    ok(
      makeFile(
        account,
        asked,
        isAnthropic(asked) ? anthropicFile : { object: "file", status: "processed" },
      ),
    ),
  "GET /v1/files": (account) => listOf(account.list("file")),
  "GET /v1/files/:id": retrieve("file"),
  "DELETE /v1/files/:id": remove("file", (id) => ({ id, object: "file", deleted: true })),
  "GET /v1/files/:id/content": (account, _asked, [id]) =>
    ok(account.get("file", id).content, "application/octet-stream"),
  "POST /v1/uploads": (account, { body }) =>
    ok(account.make("upload", "upload_", { ...body, object: "upload", status: "pending" })),
  "POST /v1/uploads/:id/parts": (account, asked, [id]) =>
    ok(
      account.make(
        "part",
        "part_",
        { object: "upload.part", upload_id: id },
        formOf(asked).content,
      ),
    ),
  "POST /v1/uploads/:id/complete": (account, asked, [id = ""]) => {
    const parts = (asked.body["part_ids"] as string[]).map(
      (part) => account.get("part", part).content,
    );
    const { purpose, filename } = account.get("upload", id).document;
    const file = account.make(
      "file",
      "file-",
      { object: "file", purpose, filename },
      Buffer.concat(parts),
    );
    return patched("upload", { status: "completed", file })(account, asked, [id]);
  },
  "POST /v1/batches": makeBatch,
  "GET /v1/batches": (account) => listOf(account.list("batch")),
  "GET /v1/batches/:id": retrieve("batch"),
  "POST /v1/batches/:id/cancel": patched("batch", { status: "cancelling" }),
  "POST /v1/fine_tuning/jobs": (account, { body }) => {
    account.get("file", body["training_file"]);
    return ok(
      account.make("job", "ftjob-", {
        object: "fine_tuning.job",
        status: "queued",
        organization_id: "org-operator",
        result_files: [],
        ...body,
      }),
    );
  },
  "GET /v1/fine_tuning/jobs": (account) => listOf(account.list("job")),
  "GET /v1/fine_tuning/jobs/:id": retrieve("job"),
  "POST /v1/fine_tuning/jobs/:id/cancel": patched("job", { status: "cancelled" }),
  "GET /v1/fine_tuning/jobs/:id/events": (account, _asked, [id]) => {
    account.get("job", id);
    return listOf([{ id: "ftevent-1", object: "fine_tuning.job.event", message: "begun" }]);
  },
  "POST /v1/vector_stores": (account, { body }) => {
    for (const id of (body["file_ids"] as string[] | undefined) ?? []) account.get("file", id);
    return ok(
      account.make("vector_store", "vs_", {
        object: "vector_store",
        name: body["name"] ?? null,
        file_ids: body["file_ids"] ?? [],
      }),
    );
  },
  "GET /v1/vector_stores": (account) => listOf(account.list("vector_store")),
  "GET /v1/vector_stores/:id": retrieve("vector_store"),
  "DELETE /v1/vector_stores/:id": remove("vector_store", (id) => ({
    id,
    object: "vector_store.deleted",
    deleted: true,
  })),
  "GET /v1/vector_stores/:id/files": (account, _asked, [id]) => {
    const { document } = account.get("vector_store", id);
    return listOf(
      (document["file_ids"] as string[]).map((file) => ({
        id: file,
        object: "vector_store.file",
        vector_store_id: id,
      })),
    );
  },
  "POST /v1/containers": (account, { body }) =>
    ok(account.make("container", "cntr_", { object: "container", name: body["name"] })),
  "GET /v1/containers": (account) => listOf(account.list("container")),
  "GET /v1/containers/:id": retrieve("container"),
  [`POST ${container}`]: (account, { body }, [id]) => {
    account.get("container", id);
    const { content } = account.get("file", body["file_id"]);
    return ok(
      account.make("file", "cfile_", { object: "container.file", container_id: id }, content),
    );
  },
  [`GET ${container}/:id/content`]: (account, _asked, [id, file]) => {
    account.get("container", id);
    return ok(account.get("file", file).content, "application/octet-stream");
  },
  "POST /v1/responses": makeResponse,
  "GET /v1/responses/:id": getResponse,
  "DELETE /v1/responses/:id": remove("response", (id) => ({
    id,
    object: "response.deleted",
    deleted: true,
  })),
  "POST /v1/responses/:id/cancel": patched("response", { status: "cancelled" }),
  "GET /v1/responses/:id/input_items": (account, _asked, [id]) => {
    account.get("response", id);
    return listOf([account.make("item", "msg_", { type: "message", role: "user", content: [] })]);
  },
  "POST /v1/conversations": (account) =>
    ok(account.make("conversation", "conv_", { object: "conversation", metadata: {} })),
  "GET /v1/conversations/:id": retrieve("conversation"),
  "DELETE /v1/conversations/:id": remove("conversation", (id) => ({
    id,
    object: "conversation.deleted",
    deleted: true,
  })),
  "POST /v1/chat/completions": (account, { body }) => {
    for (const { content } of body["messages"] as Json[])
      for (const part of Array.isArray(content) ? (content as Json[]) : [])
        if (part["type"] === "file") account.get("file", (part["file"] as Json)["file_id"]);
    const message = { role: "assistant", content: "read" };
    return ok({
      id: "chatcmpl-1",
      object: "chat.completion",
      created: 1,
      model: body["model"],
      choices: [{ index: 0, message, finish_reason: "stop" }],
    });
  },
  "POST /v1/messages/batches": makeMessageBatch,
  "GET /v1/messages/batches": (account) =>
    ok({ data: account.list("message-batch"), has_more: false }),
  // One that was cancelled has ended by the time that anybody asks again.
  "GET /v1/messages/batches/:id": (account, asked, ids) => {
    const { document } = account.get("message-batch", ids[0] ?? "");
    const isOver = document["processing_status"] === "canceling";
    const handle = isOver
      ? patched("message-batch", { processing_status: "ended" })
      : retrieve("message-batch");
    return handle(account, asked, ids);
  },
  "POST /v1/messages/batches/:id/cancel": patched("message-batch", {
    processing_status: "canceling",
  }),
  "DELETE /v1/messages/batches/:id": remove("message-batch", (id) => ({
    id,
    type: "message_batch_deleted",
  })),
  "GET /v1/messages/batches/:id/results": (account, _asked, [id]) =>
    ok(account.get("message-batch", id).content, "application/x-jsonl"),
};

function answer(account: Account, asked: Asked): Told {
  const ids: string[] = [];
  const shape = asked.path.replaceAll(
    /\/((?:[a-z]+[-_])raw[^/]+|unknown[^/]*)/g,
    (_, id: string) => {
      ids.push(decodeURIComponent(id));
      return "/:id";
    },
  );
  const handle = handlers[`${asked.method} ${shape}`];
  try {
    if (handle === undefined) throw new Missing(`no such path: ${asked.method} ${asked.path}`);
    return handle(account, asked, ids);
  } catch (thrown) {
    if (!(thrown instanceof Missing)) throw thrown;
    const { message } = thrown;
    const error = isAnthropic(asked)
      ? { type: "error", error: { type: "not_found_error", message } }
      : { error: { message, type: "invalid_request_error", param: null, code: null } };
    return {
      status: asked.path.includes("/responses") && asked.method === "POST" ? 400 : 404,
      body: error,
    };
  }
}

function parse(raw: Buffer): Json {
  try {
    return JSON.parse(raw.toString()) as Json;
  } catch {
    return {};
  }
}

/** Opens it on a free port of loopback. */
export async function openKeepingVendor(): Promise<KeepingVendor> {
  const account = new Account();
  const paths: string[] = [];
  const bodies: string[] = [];
  const serve = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const pieces: Buffer[] = [];
    for await (const piece of request) pieces.push(piece as Buffer);
    const raw = Buffer.concat(pieces);
    const url = new URL(request.url ?? "/", "http://vendor");
    const { method = "" } = request;
    paths.push(`${method} ${url.pathname}${url.search}`);
    if (raw.length > 0) bodies.push(raw.toString());
    const { headers } = request;
    const asked = {
      method,
      path: url.pathname,
      query: url.searchParams,
      headers,
      raw,
      body: parse(raw),
    };
    const told = answer(account, asked);
    response.writeHead(told.status, { "content-type": told.type ?? "application/json" });
    if (Buffer.isBuffer(told.body)) response.end(told.body);
    else if (Array.isArray(told.body)) {
      for (const event of told.body as string[]) response.write(event);
      response.end();
    } else response.end(JSON.stringify(told.body));
  };
  const server = createServer(
    (request, response) => void serve(request, response).catch(() => response.destroy()),
  );
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  return {
    origin: `http://127.0.0.1:${port}`,
    paths,
    bodies,
    ids: account.ids,
    close: () =>
      new Promise((resolve) => {
        server.closeAllConnections();
        server.close(() => resolve());
      }),
  };
}
