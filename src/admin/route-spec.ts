/** How a noun states a route: who may call it, what goes in and out, and what it does. serve-route.ts does the rest. */
import type { z } from "zod";
import type { Manager } from "../auth/authenticate-manager.ts";
import type { JsonObject, Json } from "../core/json-value.ts";
import type { Author } from "../sync/sync.ts";
import type { AdminMethod, Allowed } from "./admin-route.ts";

/** A request whose sender is known and allowed, and whose query is checked. */
export interface ActRequest {
  readonly params: Readonly<Record<string, string>>;
  /** As the route's query schema gave it. */
  readonly query: Readonly<Record<string, unknown>>;
  readonly body: JsonObject;
  /** Undefined only on routes that `anyone` may call. */
  readonly manager: Manager | undefined;
  readonly author: Author;
  /** The `If-Match` header. */
  readonly ifMatch: string | undefined;
  /** The `Idempotency-Key` header. */
  readonly idempotencyKey: string | undefined;
}

export interface ActReply {
  /** 200 when left out. */
  readonly status?: number;
  readonly data: Json;
  /** Lists: where to go on; null: there is no more. */
  readonly nextCursor?: string | null;
  /** Writes: the revision that has it. */
  readonly revision?: number;
  /** Objects: their `rev`, for the ETag. */
  readonly rev?: number;
}

export interface RouteSpec {
  readonly method: AdminMethod;
  readonly path: string;
  readonly roles: readonly Allowed[];
  /** One line for the reference. */
  readonly summary: string;
  /** Allowed query parameters; none when left out. */
  readonly query?: z.ZodObject;
  /** For the reference; the route checks it itself. */
  readonly body?: z.ZodType;
  /** One object of `data`, for the reference. */
  readonly result?: z.ZodType;
  /** Whether `data` is a list. */
  readonly list?: true;
  act(request: ActRequest): Promise<ActReply>;
}
