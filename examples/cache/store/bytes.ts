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

/** Bytes as a text of as many characters, each of which is one byte. */
export function latin1(source: Buffer, start: number, length: number): string {
  return source.toString('latin1', start, start + length);
}
