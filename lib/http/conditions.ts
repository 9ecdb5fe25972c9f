/** Whether a request still wants what there is: the headers `If-...`. */
import type { IncomingHttpHeaders } from 'node:http';

/** What a file is known by. */
export interface Validators {
  readonly etag: string;
  /** In whole seconds, as the header says it. */
  readonly modifiedMs: number;
}

const opaque = (etag: string): string => etag.trim().replace(/^W\//, '');

/** Whether a list of tags has this one. Strong tags only where bytes are to be the same. */
function hasTag(header: string, etag: string, strong: boolean): boolean {
  if (header.trim() === '*') return true;
  return (header.match(/(?:W\/)?"[^"]*"/g) ?? []).some((given) =>
    strong ? given === etag : opaque(given) === opaque(etag),
  );
}

/** Undefined where there is no such date, or it is none. */
function dateOf(header: string | undefined): number | undefined {
  const time = header === undefined ? Number.NaN : Date.parse(header);
  return Number.isNaN(time) ? undefined : time;
}

/**
 * 412 or 304 where that is the answer; in the order that the standard says.
 *
 * @see RFC 9110, 13.2.2
 */
export function precondition(
  headers: IncomingHttpHeaders,
  { etag, modifiedMs }: Validators,
): 304 | 412 | undefined {
  const match = headers['if-match'];
  const unmodifiedSince = dateOf(headers['if-unmodified-since']);
  if (match !== undefined) {
    if (!hasTag(match, etag, true)) return 412;
  } else if (unmodifiedSince !== undefined && modifiedMs > unmodifiedSince) return 412;
  const noneMatch = headers['if-none-match'];
  if (noneMatch !== undefined) return hasTag(noneMatch, etag, false) ? 304 : undefined;
  const modifiedSince = dateOf(headers['if-modified-since']);
  return modifiedSince !== undefined && modifiedMs <= modifiedSince ? 304 : undefined;
}

/** Whether ranges are of the file that the client has a part of: the header `If-Range`. */
export function rangesApply(header: string | undefined, { etag, modifiedMs }: Validators): boolean {
  if (header === undefined) return true;
  if (header.includes('"')) return header.trim() === etag;
  return dateOf(header) === modifiedMs;
}
