/** Answers requests: from memory what is small, by the kernel what is not. */
import { STATUS_CODES } from 'node:http';
import { fileAnswer } from 'nearmetal/http';
import { type FoundFile, find } from './find.js';
import { beginning, beginningOfOk, lines } from './head.js';
import { listing } from './listing.js';
import type { AccessLog } from './log.js';
import { EncodingChoice, isHidden, pathOf } from './names.js';
import { OpenFile, OpenFiles, SMALL_MAX } from './open-files.js';
import type { Site } from './options.js';
import type { Request } from './request.js';
import type { Answers, Session } from './session.js';

type Headers = Readonly<Record<string, string>>;

const STATUS_OF: Readonly<Record<string, number>> = {
  EXDEV: 403,
  ELOOP: 403,
  EACCES: 403,
  EPERM: 403,
  EMFILE: 503,
  ENFILE: 503,
  EAGAIN: 503,
};

const statusOf = (error: unknown): number =>
  STATUS_OF[(error as NodeJS.ErrnoException).code ?? ''] ?? 500;

export class Responder implements Answers {
  requests = 0;
  readonly files: OpenFiles;
  private readonly site: Site;
  private readonly log: AccessLog | undefined;
  private readonly choice = new EncodingChoice();

  constructor(site: Site, log: AccessLog | undefined) {
    this.site = site;
    this.log = log;
    this.files = new OpenFiles(site.cacheMs);
  }

  answer(session: Session, request: Request): Promise<void> | undefined {
    this.requests++;
    const { method, target, headers } = request;
    if (method !== 'GET' && method !== 'HEAD') {
      this.refuse(session, 405, request, { Allow: 'GET, HEAD' });
      return undefined;
    }
    const path = request.body ? undefined : pathOf(target);
    if (path === undefined || isHidden(path)) {
      this.refuse(session, path !== undefined ? 404 : request.body ? 413 : 400, request);
      return undefined;
    }
    const choice = this.choice.of(headers['accept-encoding'] as string | undefined);
    const open = this.files.get(`${choice.key} ${path}`);
    if (open === undefined) return this.search(session, request, path, choice);
    return this.send(session, request, open);
  }

  private async search(
    session: Session,
    request: Request,
    path: string,
    choice: ReturnType<EncodingChoice['of']>,
  ): Promise<void> {
    let open: OpenFile;
    try {
      const found = await find(this.site.root, path, choice.encodings);
      if (found === undefined) return this.refuse(session, 404, request);
      if (found.what === 'folder') {
        using folder = found.file;
        if (!path.endsWith('/')) {
          // One slash: two would be the name of another host.
          const Location = encodeURI(`/${path.replace(/^\/+/, '')}/`);
          return this.refuse(session, 301, request, { Location });
        }
        if (!this.site.list) return this.refuse(session, 404, request);
        const page = Buffer.from(await listing(folder, path));
        return this.sendPage(session, request, 200, 'text/html', page);
      }
      open = await this.opened(found);
    } catch (error) {
      return this.refuse(session, statusOf(error), request);
    }
    this.files.set(`${choice.key} ${path}`, open);
    try {
      await this.send(session, request, open);
    } finally {
      open.giveBack();
    }
  }

  /** Closes the file when that fails. */
  private async opened(found: FoundFile): Promise<OpenFile> {
    const { file, stats } = found;
    try {
      let bytes: Buffer | undefined;
      if (stats.size <= SMALL_MAX) {
        bytes = Buffer.allocUnsafe(stats.size);
        const count = stats.size > 0 ? await file.read(bytes, { offset: 0 }) : 0;
        // It changes meanwhile.
        if (count !== stats.size) bytes = undefined;
      }
      return new OpenFile(found, this.site.cacheControl, bytes);
    } catch (error) {
      file.close();
      throw error;
    }
  }

  private send(session: Session, request: Request, open: OpenFile): Promise<void> | undefined {
    const { whole, headLength } = open;
    if (whole === undefined || request.conditional) return this.sendParts(session, request, open);
    const usual = request.minor === 1 && !session.last;
    session.write(usual ? beginningOfOk() : beginning(200, request, session.last));
    const head = request.method === 'HEAD';
    session.write(head ? whole.subarray(0, headLength) : whole);
    this.log?.add(session.peer.address, request, 200, head ? 0 : whole.length - headLength);
    return undefined;
  }

  private async sendParts(session: Session, request: Request, open: OpenFile): Promise<void> {
    const { stats, contentType, whole, headLength, file } = open.take();
    const answer = fileAnswer(request, stats, { contentType });
    const { status, parts, after } = answer;
    const headers = { ...answer.headers, ...open.extra };
    let bytes = 0;
    try {
      if (status === 412 || status === 416) return this.refuse(session, status, request, headers);
      session.write(beginning(status, request, session.last) + lines(headers));
      for (const { before, start, end } of parts) {
        if (before !== '') session.write(before);
        const length = end - start + 1;
        if (whole !== undefined) {
          session.write(whole.subarray(headLength + start, headLength + end + 1));
        } else if (file !== undefined) await session.peer.sendFile(file, start, length);
        bytes += length;
      }
      if (after !== '') session.write(after);
    } finally {
      this.log?.add(session.peer.address, request, status, bytes);
      open.giveBack();
    }
  }

  refuse(session: Session, status: number, request?: Request, headers: Headers = {}): void {
    const words = Buffer.from(`${STATUS_CODES[status]}\n`);
    this.sendPage(session, request, status, 'text/plain', words, headers);
  }

  private sendPage(
    session: Session,
    request: Request | undefined,
    status: number,
    type: string,
    page: Buffer,
    headers: Headers = {},
  ): void {
    const all = {
      ...headers,
      'Content-Type': `${type}; charset=utf-8`,
      'Content-Length': `${page.length}`,
    };
    const head = request?.method === 'HEAD';
    session.write(beginning(status, request, session.last) + lines(all));
    if (!head) session.write(page);
    this.log?.add(session.peer.address, request, status, head ? 0 : page.length);
  }
}
