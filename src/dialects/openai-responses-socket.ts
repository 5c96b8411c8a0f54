/** Responses over a WebSocket, for those who serve them: the frames, both ways. */
export {
  type ClientFrame,
  type CreateFrame,
  type History,
  bodyOfFrame,
  inputElements,
  keptElements,
  namedResponse,
  parseCreate,
  parseFrame,
  renderPrepared,
} from "./openai-responses/socket-frames.ts";
export {
  errorEventFrame,
  errorReplyFrame,
  renderErrorFrame,
  renderSteerFailed,
} from "./openai-responses/socket-errors.ts";
