/** What is told of a provider, so that forms are drawn from data. */
import { z } from "zod";

const words = z.object({ en: z.string(), zh_CN: z.string() });

export const providerShown = z.object({
  id: z.string(),
  label: z.string(),
  /** The vendor's own documentation. */
  docs: z.string().nullable(),
  /** null: each channel names its own. */
  defaultBaseUrl: z.string().nullable(),
  credentialRequired: z.boolean(),
  /** What a credential looks like where it is not just a key. */
  credentialForm: z.string().nullable(),
  settings: z.array(
    z.object({
      key: z.string(),
      label: words,
      help: words.nullable(),
      kind: z.enum(["text", "choice"]),
      choices: z.array(z.string()).nullable(),
      required: z.boolean(),
      default: z.string().nullable(),
      /** Anchored regular expression. */
      pattern: z.string(),
      /** Whether it is wanted only where the channel names no base URL of its own. */
      forBaseUrl: z.boolean(),
    }),
  ),
  /** APIs that it speaks, and those that a channel on a base URL of its own may name. */
  dialects: z.array(z.string()),
  ownUrlDialects: z.array(z.string()),
  /** For each operation the APIs that serve it, in order of preference. */
  operations: z.record(z.string(), z.array(z.string())),
  /** Whether its list of models can be asked. */
  listsModels: z.boolean(),
  /** What its conversations cannot do. */
  lacks: z.array(z.string()),
});
