/** Google counts text in bytes of UTF-8, JavaScript in UTF-16 code units: offsets from one into the other. */

/** The code unit at which the `bytes`th byte of a text stands; the text's end where it is shorter. */
export function unitAtByte(text: string, bytes: number): number {
  if (bytes <= 0) return 0;
  let seen = 0;
  for (let unit = 0; unit < text.length; unit += 1) {
    if (seen >= bytes) return unit;
    const code = text.charCodeAt(unit);
    if (code < 0x80) seen += 1;
    else if (code < 0x8_00) seen += 2;
    else if (code >= 0xd8_00 && code < 0xdc_00) {
      seen += 4;
      unit += 1;
    } else seen += 3;
  }
  return text.length;
}

/** The byte at which the `units`th code unit of a text stands. */
export function byteAtUnit(text: string, units: number): number {
  return Buffer.byteLength(text.slice(0, units));
}
