/** The public paths on which callers connect by WebSocket, and how long their messages may be. */
import type { CallRequest } from "../wire/call.ts";

export interface WebSocketPath {
  readonly dialect: CallRequest["dialect"];
  readonly operation: CallRequest["operation"];
  /** A message of `response.create` is a whole request body: as long as those may be. */
  readonly messages: "events" | "bodies";
}

const realtime: WebSocketPath = {
  dialect: "openai-media",
  operation: "realtime",
  messages: "events",
};
const responses: WebSocketPath = {
  dialect: "openai-responses",
  operation: "chat",
  messages: "bodies",
};

/** `/openai/…` is Azure's clients', with the deployment in the query; `""` serves base URLs that lack the `/v1`. */
const prefixes = ["/v1", "", "/openai/v1", "/openai"] as const;

export const realtimePaths: readonly string[] = prefixes.map((prefix) => `${prefix}/realtime`);

const paths: Readonly<Record<string, WebSocketPath>> = Object.fromEntries(
  prefixes.flatMap((prefix) => [
    [`${prefix}/realtime`, realtime],
    [`${prefix}/responses`, responses],
  ]),
);

/** Undefined: nobody connects there. Slashes that are doubled or trailing count as elsewhere. */
export function findWebSocketPath(url: string): WebSocketPath | undefined {
  const [path = ""] = url.split("?", 1);
  const plain = path.replaceAll(/\/{2,}/g, "/").replace(/(?<=.)\/$/, "");
  return Object.hasOwn(paths, plain) ? paths[plain] : undefined;
}
