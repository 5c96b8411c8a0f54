/** Voices of vendors: those of OpenAI's names are told by the channel, all others go as they are. */

/**
 * The vendor's voice for the one asked. The channel's setting `voices` pairs names: `alloy=21m00Tcm4TlvDq8ikWAM, …`.
 */
export function voiceFor(
  asked: string,
  settings: Readonly<Record<string, string>>,
  usual: Readonly<Record<string, string>> = {},
): string {
  for (const pair of (settings["voices"] ?? "").split(",")) {
    const [name = "", voice = ""] = pair.split("=", 2);
    if (name.trim() === asked && voice.trim() !== "") return voice.trim();
  }
  return Object.hasOwn(usual, asked) ? (usual[asked] ?? asked) : asked;
}
