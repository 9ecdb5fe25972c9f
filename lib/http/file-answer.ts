/** How a request for a file is to be answered: a status, headers, and parts of the file. */
import { randomBytes } from 'node:crypto';
import type { Stats } from 'node:fs';
import type { IncomingHttpHeaders } from 'node:http';
import { boolean, invalidType, onlyKeys } from '../validate.js';
import { precondition, rangesApply, type Validators } from './conditions.js';
import { type ByteRange, parseRanges } from './ranges.js';

/** Of a request, what decides; an `IncomingMessage` is one. Names of headers in lower case. */
export interface FileRequest {
  readonly method?: string | undefined;
  readonly headers: IncomingHttpHeaders;
}

/** Of a file, what decides; `Stats` of node:fs are such. */
export type FileStats = Pick<Stats, 'ino' | 'size' | 'mtimeMs'>;

export interface FileAnswerOptions {
  /** The header Content-Type. Default `application/octet-stream`. */
  contentType?: string;
  /** The header Cache-Control. Default: none. */
  cacheControl?: string;
  /** Sends a tag made of size and time, for requests that ask for changes only. Default true. */
  etag?: boolean;
  /** Sends parts to who asks for them. Default true. */
  ranges?: boolean;
}

/** A piece of a body: bytes of a file from `start` to `end`, both included, behind a few words. */
export interface FilePart {
  readonly before: string;
  readonly start: number;
  readonly end: number;
}

/** An answer; with status 412 or 416 the words of its body are the caller's. */
export interface FileAnswer {
  readonly status: 200 | 206 | 304 | 412 | 416;
  readonly headers: Readonly<Record<string, string>>;
  /** What the body is made of: nothing for HEAD, and where it is no part of the file. */
  readonly parts: readonly FilePart[];
  /** What comes behind the last part. */
  readonly after: string;
}

/**
 * The ETag that `sendFile` gives a file, for who sends it another way. Strong: it changes whenever
 * the file does, as far as its time can tell.
 */
export function entityTag({ ino, size, mtimeMs }: FileStats): string {
  const hex = (value: number): string => Math.trunc(value).toString(16);
  return `"${hex(ino)}-${hex(size)}-${hex(mtimeMs * 1000)}"`;
}

/**
 * What `sendFile` would answer, for who sends it another way: ranges and conditions are looked at,
 * and nothing is sent.
 *
 * @see RFC 9110, 13 and 14
 */
export function fileAnswer(
  request: FileRequest,
  stats: FileStats,
  options: FileAnswerOptions = {},
): FileAnswer {
  onlyKeys('options', options, ['contentType', 'cacheControl', 'etag', 'ranges']);
  const { contentType = 'application/octet-stream', cacheControl } = options;
  for (const [key, value] of Object.entries({ contentType, cacheControl })) {
    if (value !== undefined && typeof value !== 'string') throw invalidType(key, 'a string', value);
  }
  const etag = boolean('etag', options.etag ?? true);
  const ranges = boolean('ranges', options.ranges ?? true);
  const validators = validatorsOf(stats);
  const headers: Record<string, string> = {
    'Last-Modified': new Date(validators.modifiedMs).toUTCString(),
    ...(etag ? { ETag: validators.etag } : {}),
    ...(cacheControl === undefined ? {} : { 'Cache-Control': cacheControl }),
    ...(ranges ? { 'Accept-Ranges': 'bytes' } : {}),
  };
  const failed = precondition(request.headers, validators);
  if (failed !== undefined) return { status: failed, headers, parts: [], after: '' };
  const asked = ranges ? rangesOf(request, validators, stats.size) : undefined;
  if (asked?.length === 0) {
    headers['Content-Range'] = `bytes */${stats.size}`;
    return { status: 416, headers, parts: [], after: '' };
  }
  return withBody(request, headers, asked, stats.size, contentType);
}

function validatorsOf(stats: FileStats): Validators {
  return { etag: entityTag(stats), modifiedMs: Math.floor(stats.mtimeMs / 1000) * 1000 };
}

/** Undefined where all of it is asked for. */
function rangesOf(
  { method, headers }: FileRequest,
  validators: Validators,
  size: number,
): ByteRange[] | undefined {
  if (method !== 'GET' || headers.range === undefined) return undefined;
  if (!rangesApply(headers['if-range'] as string | undefined, validators)) return undefined;
  return parseRanges(headers.range, size);
}

/** Several ranges are a body of parts, each with a header of its own. */
function withBody(
  request: FileRequest,
  headers: Record<string, string>,
  ranges: readonly ByteRange[] | undefined,
  size: number,
  contentType: string,
): FileAnswer {
  headers['Content-Type'] = contentType;
  let parts: FilePart[] = [{ before: '', start: 0, end: size - 1 }];
  let after = '';
  if (ranges !== undefined && ranges.length === 1) {
    const { start, end } = ranges[0] as ByteRange;
    headers['Content-Range'] = `bytes ${start}-${end}/${size}`;
    parts = [{ before: '', start, end }];
  } else if (ranges !== undefined) {
    const boundary = randomBytes(16).toString('hex');
    parts = ranges.map(({ start, end }) => ({
      before:
        `\r\n--${boundary}\r\nContent-Type: ${contentType}\r\n` +
        `Content-Range: bytes ${start}-${end}/${size}\r\n\r\n`,
      start,
      end,
    }));
    after = `\r\n--${boundary}--\r\n`;
    headers['Content-Type'] = `multipart/byteranges; boundary=${boundary}`;
  }
  headers['Content-Length'] = `${lengthOf(parts, after)}`;
  if (request.method === 'HEAD') ({ parts, after } = { parts: [], after: '' });
  return { status: ranges === undefined ? 200 : 206, headers, parts, after };
}

function lengthOf(parts: readonly FilePart[], after: string): number {
  return parts.reduce(
    (sum, { before, start, end }) => sum + Buffer.byteLength(before) + end - start + 1,
    Buffer.byteLength(after),
  );
}
