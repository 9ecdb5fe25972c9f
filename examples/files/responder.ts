/** Answers requests: from memory what is small, by the kernel what is not. */
import { type IncomingMessage, type ServerResponse, STATUS_CODES } from 'node:http';
import { entityTag, mediaType, sendFile } from 'nearmetal/http';
import { type FoundFile, find } from './find.js';
import { listing } from './listing.js';
import type { AccessLog } from './log.js';
import { type Encoding, encodingsFor, isHidden, pathOf } from './names.js';
import type { Site } from './options.js';
import { SMALL_MAX, type SmallFile, SmallFiles } from './small-files.js';

const STATUS_OF: Readonly<Record<string, number>> = {
  EXDEV: 403,
  ELOOP: 403,
  EACCES: 403,
  EPERM: 403,
  EMFILE: 503,
  ENFILE: 503,
  EAGAIN: 503,
};

/** Headers that ask for a part, or for a change. */
const CONDITIONS = [
  'range',
  'if-match',
  'if-none-match',
  'if-modified-since',
  'if-unmodified-since',
];

export class Responder {
  requests = 0;
  /** True: each answer is the last of its connection. */
  draining = false;
  private readonly site: Site;
  private readonly log: AccessLog | undefined;
  private readonly small: SmallFiles;

  constructor(site: Site, log: AccessLog | undefined) {
    this.site = site;
    this.log = log;
    this.small = new SmallFiles(site.cacheMs);
  }

  readonly answer = (request: IncomingMessage, response: ServerResponse): void => {
    this.requests++;
    if (this.draining) response.setHeader('Connection', 'close');
    const { method, headers } = request;
    if (method !== 'GET' && method !== 'HEAD') {
      response.setHeader('Allow', 'GET, HEAD');
      this.refuse(request, response, 405);
      return;
    }
    const whole = !CONDITIONS.some((name) => headers[name] !== undefined);
    const key = `${headers['accept-encoding'] ?? ''} ${request.url}`;
    const small = whole ? this.small.get(key) : undefined;
    if (small !== undefined) this.sendSmall(request, response, small);
    else {
      this.search(request, response, whole ? key : undefined).catch((error) => {
        if (response.headersSent) response.destroy();
        else this.refuse(request, response, STATUS_OF[error.code] ?? 500);
      });
    }
  };

  /** @param key under which to remember the file, where all of it is asked for */
  private async search(
    request: IncomingMessage,
    response: ServerResponse,
    key: string | undefined,
  ): Promise<void> {
    const path = pathOf(request.url as string);
    if (path === undefined) return this.refuse(request, response, 400);
    if (isHidden(path)) return this.refuse(request, response, 404);
    const encodings = encodingsFor(request.headers['accept-encoding']);
    const found = await find(this.site.root, path, encodings);
    if (found === undefined) return this.refuse(request, response, 404);
    using file = found.file;
    if (found.what === 'file') return await this.send(request, response, found, key);
    if (!path.endsWith('/')) {
      // One slash: two would be the name of another host.
      response.setHeader('Location', encodeURI(`/${path.replace(/^\/+/, '')}/`));
      return this.refuse(request, response, 301);
    }
    if (!this.site.list) return this.refuse(request, response, 404);
    const page = Buffer.from(await listing(file, path));
    const headers = [
      'Content-Type',
      'text/html; charset=utf-8',
      'Content-Length',
      `${page.length}`,
    ];
    this.sendSmall(request, response, { bytes: page, headers });
  }

  private async send(
    request: IncomingMessage,
    response: ServerResponse,
    found: FoundFile,
    key: string | undefined,
  ): Promise<void> {
    const { root, cacheControl } = this.site;
    if (key !== undefined && found.stats.size <= SMALL_MAX) {
      const small = await this.load(found);
      if (small !== undefined) {
        this.small.set(key, small);
        return this.sendSmall(request, response, small);
      }
    }
    for (const [name, value] of codingHeaders(found.encoding)) response.setHeader(name, value);
    try {
      const { status, bytesSent } = await sendFile(request, response, found.path, {
        root,
        contentType: mediaType(found.name),
        ...(cacheControl === undefined ? {} : { cacheControl }),
      });
      this.log?.add(request, status, bytesSent);
    } catch (error) {
      this.log?.add(request, response.statusCode, 0);
      throw error;
    }
  }

  /** Undefined when it changes meanwhile. */
  private async load({ file, stats, name, encoding }: FoundFile): Promise<SmallFile | undefined> {
    const bytes = Buffer.allocUnsafe(stats.size);
    if (stats.size > 0 && (await file.read(bytes, { offset: 0 })) !== stats.size) return undefined;
    const { cacheControl } = this.site;
    const headers = [
      ...['Content-Type', mediaType(name), 'Content-Length', `${stats.size}`],
      ...['Last-Modified', new Date(stats.mtimeMs).toUTCString(), 'ETag', entityTag(stats)],
      ...['Accept-Ranges', 'bytes', ...codingHeaders(encoding).flat()],
      ...(cacheControl === undefined ? [] : ['Cache-Control', cacheControl]),
    ];
    return { bytes, headers };
  }

  private sendSmall(
    request: IncomingMessage,
    response: ServerResponse,
    { bytes, headers }: SmallFile,
  ): void {
    response.writeHead(200, headers);
    const length = request.method === 'HEAD' ? 0 : bytes.length;
    if (length === 0) response.end();
    else response.end(bytes);
    this.log?.add(request, 200, length);
  }

  private refuse(request: IncomingMessage, response: ServerResponse, status: number): void {
    const words = `${STATUS_CODES[status]}\n`;
    response.statusCode = status;
    response.setHeader('Content-Type', 'text/plain; charset=utf-8');
    response.setHeader('Content-Length', words.length);
    response.end(words);
    this.log?.add(request, status, request.method === 'HEAD' ? 0 : words.length);
  }
}

function codingHeaders(encoding: Encoding | undefined): [string, string][] {
  const vary: [string, string] = ['Vary', 'Accept-Encoding'];
  return encoding === undefined ? [vary] : [vary, ['Content-Encoding', encoding.name]];
}
