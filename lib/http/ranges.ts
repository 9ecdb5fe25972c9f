/** The parts of a file that a request asks for: the header `Range`. */

/** From the first byte to the last one, both included. */
export interface ByteRange {
  readonly start: number;
  readonly end: number;
}

/** More than these, or more bytes than the file has, are an attack and not a request. */
const RANGES_MAX = 50;

/**
 * The ranges of a file of `size` bytes; none of them satisfiable: an empty array. Undefined where
 * the header is to be ignored: it is malformed, of another unit, or asks for too much.
 *
 * @see RFC 9110, 14.1.2
 */
export function parseRanges(header: string, size: number): ByteRange[] | undefined {
  const list = /^bytes=(.+)$/i.exec(header.trim())?.[1];
  if (list === undefined) return undefined;
  const specs = list.split(',', RANGES_MAX + 1);
  if (specs.length > RANGES_MAX) return undefined;
  const ranges: ByteRange[] = [];
  for (const spec of specs) {
    const found = /^\s*(\d*)-(\d*)\s*$/.exec(spec);
    if (found === null || found[0].trim() === '-') return undefined;
    const range = rangeOf(found[1] as string, found[2] as string, size);
    if (range === undefined) return undefined;
    if (range.start < size && range.start <= range.end) ranges.push(range);
  }
  const asked = ranges.reduce((sum, { start, end }) => sum + end - start + 1, 0);
  return ranges.length > 1 && asked > size ? undefined : ranges;
}

function rangeOf(first: string, last: string, size: number): ByteRange | undefined {
  if (first === '') {
    // The last so many bytes.
    const count = Math.min(Number(last), size);
    return { start: count === 0 ? size : size - count, end: size - 1 };
  }
  const start = Number(first);
  if (last === '') return { start, end: size - 1 };
  if (Number(last) < start) return undefined;
  return { start, end: Math.min(Number(last), size - 1) };
}
