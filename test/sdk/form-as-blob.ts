/**
 * Loaded before llmprobe. It sends Node's FormData through its own copy of undici, which does not know that class and
 * sends the text `[object FormData]`; a form that is a Blob of its own bytes is known to every copy.
 */
const boundary = "----form-as-blob-0123456789";

type Entry = readonly [name: string, value: string | Blob, file?: string];

class BlobForm extends Blob {
  readonly #entries: Entry[] = [];

  append(...entry: Entry): void {
    this.#entries.push(entry);
  }

  #whole(): Blob {
    const parts = this.#entries.flatMap(([name, value, file]) => {
      const isFile = typeof value !== "string";
      const named = isFile ? `; filename="${file ?? "blob"}"\r\ncontent-type: ${value.type}` : "";
      return [
        `--${boundary}\r\ncontent-disposition: form-data; name="${name}"${named}\r\n\r\n`,
        value,
        "\r\n",
      ];
    });
    return new Blob([...parts, `--${boundary}--\r\n`]);
  }

  override get size(): number {
    return this.#whole().size;
  }

  override get type(): string {
    return `multipart/form-data; boundary=${boundary}`;
  }

  override stream(): ReturnType<Blob["stream"]> {
    return this.#whole().stream();
  }
}

Object.defineProperty(globalThis, "FormData", { value: BlobForm });
