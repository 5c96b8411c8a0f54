/** Serves callers' sockets: what is asked for is judged before the upgrade, so that a refusal is an ordinary reply. */
import { GatewayError, toGatewayError } from "../../core/errors.ts";
import type { UpstreamSockets } from "../../upstream/websocket.ts";
import type { CallRequest } from "../../wire/call.ts";
import type { SocketCall, SocketServer, SocketSession } from "../../wire/socket.ts";
import { type Admitted, admitSocket, bareFacts, currentSnapshot } from "./admit-socket.ts";
import { type ConnectParts, connectRealtime } from "./connect-realtime.ts";
import { checkPayable } from "./realtime-spending.ts";
import { RealtimeSession } from "./realtime-session.ts";
import { ResponsesSession } from "./responses-session.ts";
import type { Gateway, GatewayParts } from "../serve-call.ts";
import { Tally } from "../money/tally.ts";

export interface SocketServerParts extends GatewayParts {
  readonly sockets: UpstreamSockets;
}

export function makeSocketServer(parts: SocketServerParts, gateway: Gateway): SocketServer {
  return {
    accept: (call) =>
      call.request.operation === "realtime"
        ? acceptRealtime(call, parts)
        : acceptResponses(call, parts, gateway),
  };
}

async function acceptRealtime(
  { request }: SocketCall,
  parts: ConnectParts,
): Promise<SocketSession> {
  let admitted: Admitted | undefined;
  try {
    admitted = await admitSocket(parts, request, modelOf(request));
    const asked = { model: admitted.model };
    await checkPayable(parts, request, admitted, asked);
    const { candidate, upstream } = await connectRealtime(request, admitted, parts);
    const { caller, snapshot, model } = admitted;
    const pinned = { caller, snapshot };
    const session = { request, pinned, model, candidate, upstream, gateway: parts };
    return {
      begin: (socket) => new RealtimeSession(session, socket).begin(),
      abandon: () => upstream.close(1001, ""),
    };
  } catch (thrown) {
    const error = toGatewayError(thrown);
    // Nobody was refused who left before anybody answered.
    if (admitted !== undefined && error.kind !== "caller_gone")
      recordRefused(request, admitted, { parts, error });
    throw error;
  }
}

/** What each frame asks for is judged when it comes; here only who may send any. */
async function acceptResponses(
  call: SocketCall,
  parts: GatewayParts,
  gateway: Gateway,
): Promise<SocketSession> {
  await parts.authenticate(call.request);
  currentSnapshot(parts);
  return {
    begin: (socket) => new ResponsesSession(call, socket, { parts, gateway }),
    abandon: () => undefined,
  };
}

/** Named by the query: `model`, or as Azure's clients do it. */
function modelOf({ query }: CallRequest): string {
  const model = query["model"] ?? query["deployment"] ?? "";
  if (model !== "" && model.length <= 256) return model;
  const message = "Name the model to connect to in the URL: `?model=…`";
  const fields = [{ field: "model", message: "is missing in the query" }];
  throw new GatewayError("invalid_request", message, { fields, values: { detail: message } });
}

/** A session that nobody could be found for is a call that failed; one that opens is none yet. */
function recordRefused(
  request: CallRequest,
  { caller, snapshot, model }: Admitted,
  { parts, error }: { readonly parts: GatewayParts; readonly error: GatewayError },
): void {
  const { clock, meters, callLog, sync } = parts;
  const admittedAtMs = sync.businessNowMs();
  const tally = new Tally({ request, clock, meters, callLog, admittedAtMs });
  tally.authenticated(caller, snapshot);
  tally.parsed(bareFacts(model));
  tally.failed(error);
  void tally.close(error.status);
}
