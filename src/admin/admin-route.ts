/** A management route as the HTTP room mounts it: no framework type, everything a list of plain values. */

/** Who may call a route: a role, or `anyone` (no token asked). Nobody who is not named. */
export type Allowed = "root" | "admin" | "member" | "anyone";

export type AdminMethod = "GET" | "POST" | "PATCH" | "DELETE";

export interface AdminRequest {
  readonly params: Readonly<Record<string, string>>;
  /** Decoded; of a repeated parameter the first. */
  readonly query: Readonly<Record<string, string>>;
  /** Lower-case names. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer;
  /** The caller's address, after TRUSTED_PROXIES. */
  readonly address: string;
  readonly requestId: string;
}

export interface AdminReply {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/** A mounted route: it answers always and never throws. */
export interface AdminRoute {
  readonly method: AdminMethod;
  /** With `:name` parameters: `/api/channels/:id`. */
  readonly path: string;
  readonly roles: readonly Allowed[];
  handle(request: AdminRequest): Promise<AdminReply>;
}
