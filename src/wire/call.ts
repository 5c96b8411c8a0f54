/** A call as it moves through the steps, and the sink that its reply goes to. No framework type appears here. */

/**
 * Public API a caller speaks. `openai-chat`: OpenAI's chat, completions, embeddings and models; `openai-media`: its
 * images, audio and moderations; `jina-v1`: rerank, as most vendors shape it.
 */
export type FrontId =
  | "openai-chat"
  | "openai-media"
  | "openai-responses"
  | "anthropic-messages"
  | "gemini-content"
  | "cohere-v2"
  | "jina-v1";

/** APIs of vendors for one kind of media, for rerank or for embeddings; Replicate's holds conversations, too. */
export type MediaDialectId =
  | "azure-speech"
  | "bedrock-titan"
  | "cloudflare-images"
  | "dashscope-images"
  | "elevenlabs-speech"
  | "elevenlabs-transcription"
  | "gemini-predict"
  | "minimax-images"
  | "minimax-speech"
  | "replicate-predictions"
  | "stability-images"
  | "vertex-embed"
  | "voyage-rerank";

/** API an upstream speaks. */
export type DialectId = FrontId | "bedrock-converse" | "coze-v3" | "ollama-chat" | MediaDialectId;

/** What is asked for; `chat` is a turn of a conversation in whichever dialect. */
export type Operation =
  | "chat"
  | "count-tokens"
  /** A conversation made shorter (`POST /v1/responses/compact`). */
  | "compact"
  | "completions"
  | "embeddings"
  | "models"
  | "model"
  /** What the key's payer has and has spent; `pathAction` says which of the two. */
  | "billing"
  | "rerank"
  | "moderations"
  | "image-generation"
  | "image-edit"
  | "image-variation"
  | "speech"
  | "transcription"
  | "translation"
  /** A vendor's own operation on images, named by `pathAction` (Recraft's). */
  | "image-tool"
  /** A conversation by voice over a WebSocket; each of its responses is a call. */
  | "realtime"
  | ResourceOperation;

/** What outlives a call: each stands for all that its paths can do (make, list, ask, cancel, delete, read). */
export type ResourceOperation =
  | "responses"
  | "conversations"
  | "files"
  | "uploads"
  | "batches"
  | "fine-tuning"
  | "containers"
  | "vector-stores"
  | "cached-contents";

/** What an id that outlives a call stands for. */
export type ResourceKind =
  | "response"
  /** One item of a response or a conversation. */
  | "item"
  | "conversation"
  | "file"
  | "upload"
  | "upload-part"
  | "batch"
  | "fine-tuning-job"
  | "container"
  | "vector-store"
  | "vector-store-batch"
  | "cached-content";

/** A request on a path of something that outlives a call. */
export interface ResourceRequest {
  readonly method: ResourceMethod;
  /** Which row of the gateway's table of resource paths it is (its `path`). */
  readonly route: string;
  /** Ids that the path names, outermost first, as the caller wrote them. */
  readonly ids: readonly string[];
}

export type ResourceMethod = "GET" | "POST" | "PATCH" | "DELETE";

/** Tells once that something is over. An AbortSignal is one; the server makes lighter ones, as it needs one a call. */
export interface OverSignal {
  readonly aborted: boolean;
  addEventListener(type: "abort", listener: (event: unknown) => void): void;
  removeEventListener(type: "abort", listener: (event: unknown) => void): void;
}

/** Lower-case header names; repeated headers joined with ", ". */
export type HeaderMap = Readonly<Record<string, string>>;

/** A body too large to be held, read as it arrives. */
export interface Upload {
  /** As the caller's content-length says; null: it does not. */
  readonly length: number | null;
  /**
   * The next piece; undefined: the body is over. One call at a time. Rejects with GatewayError: `caller_gone`,
   * `request_timeout`, `request_too_large`.
   */
  next(): Promise<Buffer | undefined>;
  /** Counts bytes as held in the process's total; false (and nothing counted) when they would be too many. */
  hold(bytes: number): boolean;
  release(bytes: number): void;
}

/** One request of a caller, read whole but for an upload. */
export interface CallRequest {
  /** core/ids.ts makeCallId; sent as `x-request-id`. */
  readonly id: string;
  readonly dialect: FrontId;
  readonly operation: Operation;
  /** Model named by the path (`/v1/models/:id`, Gemini's and Azure's paths), where there is one. */
  readonly pathModel?: string;
  /** What Gemini's paths name behind the model (`streamGenerateContent`), or which form of an operation is asked. */
  readonly pathAction?: string;
  /** Where it is on something that outlives a call. */
  readonly resource?: ResourceRequest;
  readonly headers: HeaderMap;
  /** Decoded query parameters; of a repeated one the first value. */
  readonly query: HeaderMap;
  /** All values of the parameters that are repeated; left out: none is. */
  readonly repeated?: Readonly<Record<string, readonly string[]>>;
  /** The body's bytes exactly as received; empty where it is an upload. */
  readonly body: Buffer;
  /** A multipart form, which is not read yet. */
  readonly upload?: Upload;
  /** The caller's address, after TRUSTED_PROXIES. */
  readonly address: string;
  /** Aborts when the caller's connection is gone. */
  readonly signal: OverSignal;
  /** Aborts when the drain deadline has come: a running stream ends with an error event. */
  readonly drainSignal: OverSignal;
}

/** Where a reply goes. `head` once, then writes, then `end`; a write that waits answers a promise (back-pressure). */
export interface ReplySink {
  head(status: number, headers: Readonly<Record<string, string | readonly string[]>>): void;
  write(chunk: Uint8Array): Promise<void> | undefined;
  end(chunk?: Uint8Array): void;
  /** Tears the connection down so that the caller sees a broken reply, never a whole one. */
  destroy(): void;
  readonly headSent: boolean;
}
