/** A WebSocket as the steps of a call see it, the caller's and the upstream's alike. No type of a library appears here. */
import type { CallRequest, OverSignal } from "./call.ts";

export interface SocketMessage {
  readonly data: Buffer;
  readonly isBinary: boolean;
}

/** This side of one connection. Behind `close` nothing is sent. */
export interface Socket {
  /** Sends one message; answers a promise where the other side reads too slowly (back-pressure). */
  send(message: SocketMessage): Promise<void> | undefined;
  /** No message is read until `resume`, but for those that were read already. */
  pause(): void;
  resume(): void;
  /**
   * Sends what is queued and then a close frame. Codes that no frame can carry (1005: none was told; 1006: the
   * connection broke) become what comes nearest.
   */
  close(code: number, reason: string): void;
}

/** Hears what the other side sends. */
export interface SocketListener {
  onMessage(message: SocketMessage): void;
  /** Once, and nothing after it. `code` as the other side told it, or 1006 where the connection broke. */
  onClose(code: number, reason: string): void;
}

/** A caller's wish for a socket: its upgrade has not been answered yet. */
export interface SocketCall {
  /** Without a body. Aborts by `signal` when the caller is gone before the upgrade. */
  readonly request: CallRequest;
  /** Aborts when the node is about to stop: idle sockets shall go, busy ones finish what they do. */
  readonly closing: OverSignal;
  /** Counts bytes as held in the process's total; false (and nothing counted) when they would be too many. */
  hold(bytes: number): boolean;
  release(bytes: number): void;
}

/** What was agreed to before the upgrade. Exactly one of its functions is called, once. */
export interface SocketSession {
  /** The caller's socket is open. */
  begin(caller: Socket): SocketListener;
  /** It never opened. */
  abandon(): void;
}

/** Serves sockets of callers. */
export interface SocketServer {
  /** All that decides whether there will be a socket. Rejects with GatewayError: the upgrade is refused with it. */
  accept(call: SocketCall): Promise<SocketSession>;
}
