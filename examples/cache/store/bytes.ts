/** Short bytes copied and compared one by one, which costs less than a view of them. */

const FEW = 48;

export function copyBytes(
  source: Uint8Array,
  start: number,
  length: number,
  target: Uint8Array,
  at: number,
): void {
  if (length <= FEW) {
    for (let index = 0; index < length; index++) {
      target[at + index] = source[start + index] as number;
    }
  } else if (source === target) target.copyWithin(at, start, start + length);
  else target.set(source.subarray(start, start + length), at);
}

export function sameBytes(
  left: Uint8Array,
  leftStart: number,
  right: Uint8Array,
  rightStart: number,
  length: number,
): boolean {
  for (let index = 0; index < length; index++) {
    if (left[leftStart + index] !== right[rightStart + index]) return false;
  }
  return true;
}

/** What `toString('latin1')` calls when it has found out that this is what is wanted. */
interface Sliced {
  latin1Slice(start: number, end: number): string;
}

/** Bytes as a text of as many characters, each of which is one byte. */
export function latin1(source: Buffer, start: number, length: number): string {
  return (source as unknown as Sliced).latin1Slice(start, start + length);
}

/** Writes a text of which each character is one byte. */
export function writeLatin1(text: string, target: Buffer, at: number): void {
  const { length } = text;
  if (length > FEW) target.write(text, at, 'latin1');
  else for (let index = 0; index < length; index++) target[at + index] = text.charCodeAt(index);
}

/** Writes a whole number as text; answers where it ends. */
export function writeInteger(value: number, target: Buffer, at: number): number {
  if (value < 0 || value > 0x7fff_ffff) return at + target.write(String(value), at, 'latin1');
  let end = at + 1;
  for (let rest = value; rest >= 10; rest = (rest / 10) | 0) end++;
  let rest = value;
  for (let index = end - 1; index >= at; index--) {
    const next = (rest / 10) | 0;
    target[index] = 0x30 + rest - next * 10;
    rest = next;
  }
  return end;
}
