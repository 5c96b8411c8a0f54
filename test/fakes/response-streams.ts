/**
 * Streams of a fake vendor's responses in the background: what was made so far at once, the end when the test ends the
 * response. They may be asked for again, from any event on.
 */
import type { ServerResponse } from "node:http";

type Json = Record<string, unknown>;

/**
 * How streams of responses go on: to their end, without one, broken off in the midst of it, or dropped behind their
 * first event.
 */
export type StreamManner = "whole" | "endless" | "broken" | "dropped";

const words = ["Wo", "rds"];

function eventsOf(told: Json, manner: StreamManner): readonly Json[] {
  const { wished: _wished, ...response } = told;
  const started = { ...response, status: "queued", usage: null };
  const deltas = words.map((delta) => ({
    type: "response.output_text.delta",
    item_id: "msg_1",
    delta,
  }));
  const begun = [{ type: "response.created", response: started }, ...deltas];
  const status = String(response["status"]);
  const runs = status === "queued" || status === "in_progress";
  const end = runs || manner !== "whole" ? [] : [{ type: `response.${status}`, response }];
  return [...begun, ...end].map((event, index) => ({ ...event, sequence_number: index }));
}

export class ResponseStreams {
  manner: StreamManner = "whole";
  readonly #open: { readonly told: Json; readonly go: () => void }[] = [];

  /** Answers with the events behind `after`; those that are not there yet follow. */
  play(reply: ServerResponse, told: Json, after: number): void {
    reply.writeHead(200, { "content-type": "text/event-stream" });
    let next = after + 1;
    const go = (): void => {
      const all = eventsOf(told, this.manner);
      const events = this.manner === "dropped" ? all.slice(0, 1) : all;
      for (const event of events.slice(next))
        reply.write(`event: ${String(event["type"])}\ndata: ${JSON.stringify(event)}\n\n`);
      next = Math.max(next, events.length);
      if (this.manner === "dropped") return void setTimeout(() => reply.destroy(), 50);
      if (told["status"] === "queued" || told["status"] === "in_progress") return;
      if (this.manner === "broken") reply.write(`event: response.completed\ndata: {"type":"resp`);
      reply.end();
    };
    this.#open.push({ told, go });
    go();
  }

  /** A response has ended: whoever hears its stream is told. */
  ended(response: Json): void {
    for (const { told, go } of this.#open) if (told === response) go();
  }
}
