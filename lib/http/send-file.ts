/** `sendFile`: a file as the response to a request. */
import type { Stats } from 'node:fs';
import { type IncomingMessage, type ServerResponse, STATUS_CODES } from 'node:http';
import { openBeneath } from '../fs/beneath.js';
import { adopt, type File } from '../fs/file.js';
import { fstat } from '../fstat.js';
import { abortSignal, boolean, invalidType, onlyKeys } from '../validate.js';
import { type FilePart, fileAnswer } from './file-answer.js';
import { sendBody, smallBody } from './file-body.js';
import { mediaType } from './media-types.js';

export interface SendFileOptions {
  /**
   * The folder that `path` is relative to, and that it cannot leave, be it by '..' or by a symbolic
   * link (403). Without one `path` is taken as it is: never do that with a path of a client.
   */
  root?: string;
  /** Default: by the end of the name. */
  contentType?: string;
  /** The header Cache-Control. Default: none. */
  cacheControl?: string;
  /** Sends a tag made of size and time, for requests that ask for changes only. Default true. */
  etag?: boolean;
  /** Sends parts to who asks for them. Default true. */
  ranges?: boolean;
  /** Destroys the connection, unless all was sent. */
  signal?: AbortSignal;
}

/** How a request was answered. */
export interface SentFile {
  readonly status: number;
  /** Bytes of the file. */
  readonly bytesSent: number;
}

/**
 * Answers a request with a file: whole or in parts (206), or with why not (304, 403, 404, 405, 412,
 * 416, 500). Resolves when the socket has taken all of it.
 *
 * On sockets of this library the bytes of larger files never come to JavaScript; on others (TLS)
 * they go through a stream. Headers that are set already stay. Rejects when the response could not
 * be finished: the connection is destroyed then.
 *
 * @errno EPIPE the client is gone; ECONNRESET likewise
 * @kernel 5.6 for `root`
 * @man openat2(2), sendfile(2)
 */
export async function sendFile(
  request: IncomingMessage,
  response: ServerResponse,
  path: string,
  options: SendFileOptions = {},
): Promise<SentFile> {
  const plan = planOf(path, options);
  if (response.headersSent) throw headersSent();
  const { method } = request;
  if (method !== 'GET' && method !== 'HEAD') {
    response.setHeader('Allow', 'GET, HEAD');
    return refuse(response, 405);
  }
  let file: File;
  try {
    const name = plan.root === undefined ? path : path.replace(/^\/+/, '') || '.';
    file = adopt(await openBeneath(plan.root, name), path);
  } catch (error) {
    return refuse(response, statusOf(error));
  }
  try {
    // Of an open file it is in memory: there is no disk to wait for.
    const stats = fstat(file.fd.fd);
    if (!stats.isFile()) return refuse(response, 404);
    return await answer(request, response, file, stats, plan);
  } catch (error) {
    response.destroy(error as Error);
    throw error;
  } finally {
    file.close();
  }
}

interface Plan extends Pick<SendFileOptions, 'root' | 'cacheControl'> {
  readonly contentType: string;
  readonly etag: boolean;
  readonly ranges: boolean;
  readonly signal: AbortSignal | undefined;
}

const KEYS = ['root', 'contentType', 'cacheControl', 'etag', 'ranges', 'signal'];

function planOf(path: string, options: SendFileOptions): Plan {
  if (typeof path !== 'string') throw invalidType('path', 'a string', path);
  onlyKeys('options', options, KEYS);
  for (const key of ['root', 'contentType', 'cacheControl'] as const) {
    const value = options[key];
    if (value !== undefined && typeof value !== 'string') throw invalidType(key, 'a string', value);
  }
  const { root, cacheControl } = options;
  return {
    ...(root !== undefined && { root }),
    ...(cacheControl !== undefined && { cacheControl }),
    contentType: options.contentType ?? mediaType(path),
    etag: boolean('etag', options.etag ?? true),
    ranges: boolean('ranges', options.ranges ?? true),
    signal: abortSignal('signal', options.signal),
  };
}

function statusOf(error: unknown): number {
  const { code } = error as NodeJS.ErrnoException;
  switch (code) {
    case 'ENOENT':
    case 'ENOTDIR':
    case 'ENAMETOOLONG':
      return 404;
    case 'EXDEV':
    case 'ELOOP':
    case 'EACCES':
    case 'EPERM':
      return 403;
    case 'ERR_INVALID_ARG_VALUE':
      return 400;
    case 'EMFILE':
    case 'ENFILE':
    case 'EAGAIN':
      return 503;
    default:
      return 500;
  }
}

/** A few words in place of the file. */
async function refuse(response: ServerResponse, status: number): Promise<SentFile> {
  const words = `${STATUS_CODES[status]}\n`;
  response.statusCode = status;
  response.setHeader('Content-Type', 'text/plain; charset=utf-8');
  response.setHeader('Content-Length', Buffer.byteLength(words));
  response.end(words);
  return { status, bytesSent: 0 };
}

async function answer(
  request: IncomingMessage,
  response: ServerResponse,
  file: File,
  stats: Stats,
  plan: Plan,
): Promise<SentFile> {
  const given = response.getHeader('Content-Type');
  const { status, headers, parts, after } = fileAnswer(request, stats, {
    contentType: given === undefined ? plan.contentType : String(given),
    ...(plan.cacheControl !== undefined && { cacheControl: plan.cacheControl }),
    etag: plan.etag,
    ranges: plan.ranges,
  });
  for (const [name, value] of Object.entries(headers)) {
    if (name.startsWith('Content-') || !response.hasHeader(name)) response.setHeader(name, value);
  }
  if (status === 412 || status === 416) return refuse(response, status);
  response.statusCode = status;
  if (parts.length === 0) {
    response.end();
    return { status, bytesSent: 0 };
  }
  return { status, bytesSent: await send(response, file, parts, after, plan.signal) };
}

async function send(
  response: ServerResponse,
  file: File,
  parts: readonly FilePart[],
  after: string,
  signal: AbortSignal | undefined,
): Promise<number> {
  signal?.throwIfAborted();
  const [only] = parts;
  const small = parts.length === 1 ? smallBody(file, only as FilePart) : undefined;
  if (small !== undefined) {
    response.end(small);
    return small.length;
  }
  const sent = await sendBody(response, file, parts, after, signal);
  response.end();
  return sent;
}

function headersSent(): Error & { code: string } {
  const error = new Error('the header of this response has been sent already');
  return Object.assign(error, { code: 'ERR_HTTP_HEADERS_SENT' });
}
