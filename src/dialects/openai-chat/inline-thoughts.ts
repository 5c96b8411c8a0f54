/**
 * Parts thoughts that come inline, `<think>…</think>` before the answer, from the answer (quirk `inline-thoughts`).
 * Promise kept here: where the stream is cut changes nothing, and text is held back no longer than it could be a tag.
 */

const opening = "<think>";
const closing = "</think>";

/** Takes text as it comes; tells what it is. */
export type TellText = (kind: "reasoning" | "text", text: string) => void;

export interface ThoughtSplitter {
  push(text: string): void;
  /** The text is over: what was held back is told. */
  end(): void;
}

/** Length of the longest end of `text` that begins the closing tag. */
function heldLength(text: string): number {
  let length = Math.min(text.length, closing.length - 1);
  while (length > 0 && !closing.startsWith(text.slice(-length))) length -= 1;
  return length;
}

class Splitter implements ThoughtSplitter {
  readonly #tell: TellText;
  /** `gap`: white space behind a tag, which belongs to neither side. */
  #place: "start" | "gap-thoughts" | "thoughts" | "gap-text" | "text" = "start";
  #held = "";

  constructor(tell: TellText) {
    this.#tell = tell;
  }

  push(text: string): void {
    if (text === "") return;
    if (this.#place === "text") {
      this.#tell("text", text);
      return;
    }
    this.#held += text;
    let went = "";
    while (went !== this.#place) {
      went = this.#place;
      this.#step();
    }
  }

  end(): void {
    const kind = this.#place === "thoughts" ? "reasoning" : "text";
    const isGap = this.#place === "gap-thoughts" || this.#place === "gap-text";
    if (this.#held !== "" && !isGap) this.#tell(kind, this.#held);
    this.#held = "";
  }

  #step(): void {
    if (this.#place === "start") this.#atStart();
    else if (this.#place === "thoughts") this.#inThoughts();
    else if (this.#place === "text") this.#flush();
    else this.#inGap();
  }

  #atStart(): void {
    const text = this.#held.trimStart();
    if (opening.startsWith(text) && text.length < opening.length) return;
    const opens = text.startsWith(opening);
    if (opens) this.#held = text.slice(opening.length);
    this.#place = opens ? "gap-thoughts" : "text";
  }

  #inGap(): void {
    this.#held = this.#held.trimStart();
    if (this.#held !== "") this.#place = this.#place === "gap-text" ? "text" : "thoughts";
  }

  #inThoughts(): void {
    const end = this.#held.indexOf(closing);
    const thought = end === -1 ? this.#held.length - heldLength(this.#held) : end;
    if (thought > 0) this.#tell("reasoning", this.#held.slice(0, thought));
    this.#held = this.#held.slice(end === -1 ? thought : end + closing.length);
    if (end !== -1) this.#place = "gap-text";
  }

  #flush(): void {
    if (this.#held !== "") this.#tell("text", this.#held);
    this.#held = "";
  }
}

/** A splitter for the text of one choice. */
export function makeThoughtSplitter(tell: TellText): ThoughtSplitter {
  return new Splitter(tell);
}
