/** One path that callers ask: which operation of which dialect it is. */
import type { FrontId, Operation, ResourceMethod } from "../wire/call.ts";

export interface PublicPath {
  readonly method: ResourceMethod;
  /** Fastify pattern; a parameter `model` or the wildcard names the model. */
  readonly path: string;
  readonly dialect: FrontId;
  /** `by-action`: what stands behind the model's `:` decides (Gemini). */
  readonly operation: Operation | "by-action";
  /** Several vendors have this path: headers tell whose it is. */
  readonly shared?: true;
  /** Which form of the operation it is, where a dialect has several. */
  readonly action?: string;
  /** The model, where the path alone names it. */
  readonly model?: string;
  /** The path of the gateway's table of what outlives a call; its ids are the parameters `a` and `b`. */
  readonly resource?: string;
}
