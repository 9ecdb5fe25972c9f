/** The access log: the common log format with ISO times; many lines are one write. */
import { type FileHandle, open } from 'node:fs/promises';
import type { Request } from './request.js';

const EVERY_MS = 100;
/** Of lines that the disk has not taken: what comes on top of it is counted, and dropped. */
const WAITING_MAX = 4 << 20;

const unsafe = /[^\x20-\x21\x23-\x5b\x5d-\x7e]/g;
const escaped = (text: string): string =>
  text.replace(unsafe, (letter) => `\\x${letter.charCodeAt(0).toString(16).padStart(2, '0')}`);

export class AccessLog {
  private readonly file: FileHandle;
  private lines = '';
  private dropped = 0;
  private writing: Promise<void> = Promise.resolve();
  private timer: NodeJS.Timeout | undefined;

  private constructor(file: FileHandle) {
    this.file = file;
  }

  /** All workers append to one file: each write is whole. */
  static async open(path: string): Promise<AccessLog> {
    return new AccessLog(await open(path, 'a'));
  }

  /** @param request undefined where what came is none */
  add(address: string, request: Request | undefined, status: number, bytes: number): void {
    if (this.lines.length > WAITING_MAX) {
      this.dropped++;
      return;
    }
    const time = new Date().toISOString();
    const asked =
      request === undefined
        ? '-'
        : `${escaped(request.method)} ${escaped(request.target)} HTTP/1.${request.minor}`;
    this.lines += `${address} - - [${time}] "${asked}" ${status} ${bytes}\n`;
    this.timer ??= setTimeout(() => this.flush(), EVERY_MS);
  }

  private flush(): void {
    this.timer = undefined;
    this.writing = this.writing.then(async () => {
      const { lines, dropped } = this;
      this.lines = '';
      this.dropped = 0;
      try {
        if (lines !== '') await this.file.appendFile(lines);
        if (dropped > 0) console.error(`access log: ${dropped} lines dropped`);
      } catch (error) {
        console.error('access log:', error);
      }
    });
  }

  async close(): Promise<void> {
    clearTimeout(this.timer);
    this.flush();
    await this.writing;
    await this.file.close();
  }
}
