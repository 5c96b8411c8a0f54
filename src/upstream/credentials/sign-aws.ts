/** AWS Signature 4 over host, date and session token, as the vendor's own clients compute it. */
import { AwsV4Signer } from "aws4fetch";
import type { Clock } from "../../core/clock.ts";
import { GatewayError } from "../../core/errors.ts";
import type { HeaderMap } from "../../wire/call.ts";
import type { UpstreamRequest } from "../upstream.ts";

export interface AwsTarget {
  readonly service: string;
  readonly region: string | undefined;
}

/** Derived keys kept at most; a day, region and credential each make one. */
const maxKeys = 1000;

export class AwsSigner {
  readonly #clock: Clock;
  readonly #keys = new Map<string, ArrayBuffer>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** `secret`: `access key ID|secret access key`, with `|session token` behind it for temporary ones. */
  async sign(
    request: Pick<UpstreamRequest, "method" | "url" | "body">,
    secret: string,
    target: AwsTarget,
    /** Further headers to sign. */
    headers: HeaderMap = {},
  ): Promise<HeaderMap> {
    const [accessKeyId = "", secretAccessKey = "", sessionToken = ""] = secret.split("|");
    const { service, region } = target;
    if (accessKeyId === "" || secretAccessKey === "" || region === undefined || region === "")
      throw new GatewayError(
        "upstream_auth",
        "signing needs `access key ID|secret access key` and the setting region",
      );
    if (this.#keys.size > maxKeys) this.#keys.clear();
    const signer = new AwsV4Signer({
      method: request.method,
      url: request.url,
      headers: { ...headers },
      ...(request.body !== null && { body: request.body as Buffer<ArrayBuffer> }),
      accessKeyId,
      secretAccessKey,
      ...(sessionToken !== "" && { sessionToken }),
      service,
      region,
      cache: this.#keys,
      datetime: new Date(this.#clock.now()).toISOString().replaceAll(/[:-]|\.\d{3}/g, ""),
    });
    return Object.fromEntries((await signer.sign()).headers);
  }
}
