/** The slot of a key, as Redis Cluster has it: CRC-16 of its bytes, or of those in braces. */

export const SLOTS = 16_384;

const POLYNOMIAL = 0x1021;
const TABLE = Uint16Array.from({ length: 256 }, (_, octet) => {
  let crc = octet << 8;
  for (let bit = 0; bit < 8; bit++) crc = (crc << 1) ^ (crc & 0x8000 ? POLYNOMIAL : 0);
  return crc;
});

const OPEN = 0x7b;
const CLOSE = 0x7d;

export function slotOf(source: Uint8Array, start: number, length: number): number {
  let from = start;
  let to = start + length;
  const open = source.indexOf(OPEN, start);
  if (open >= 0 && open < to) {
    const close = source.indexOf(CLOSE, open + 1);
    // Keys with the same word in braces are together; empty braces mean nothing.
    if (close > open + 1 && close < to) {
      from = open + 1;
      to = close;
    }
  }
  let crc = 0;
  for (let at = from; at < to; at++) {
    crc = ((crc << 8) ^ (TABLE[(crc >>> 8) ^ (source[at] as number)] as number)) & 0xffff;
  }
  return crc & (SLOTS - 1);
}
