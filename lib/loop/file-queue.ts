/** Files that were given to a stream, in their order, each with the bytes that come behind it. */
import { ECANCELED } from '../abi.js';
import type { OwnedFd } from '../fd/fd.js';
import type { FileSend, Fill, Step } from '../splice/file-send.js';
import type { FileDone, Pending } from './backend.js';
import type { BlockPool, Outgoing } from './outgoing.js';

/** The stream whose files they are. */
export interface FileHost {
  readonly socket: OwnedFd;
  /** The first file has ended: `next` takes it out. */
  fileEnded(): void;
  /** The first file has waited long enough. */
  sendNow(): void;
}

export class QueuedFile implements Pending {
  readonly send: FileSend;
  readonly after: Outgoing;
  readonly done: FileDone;
  private readonly queue: FileQueue;

  constructor(queue: FileQueue, send: FileSend, after: Outgoing, done: FileDone) {
    this.queue = queue;
    this.send = send;
    this.after = after;
    this.done = done;
  }

  /** Ends it where it is; what the socket has taken is told. */
  cancel(): void {
    this.send.end(-ECANCELED);
    process.nextTick(() => this.queue.cancelled(this));
  }
}

export class FileQueue {
  private readonly host: FileHost;
  private readonly fill: Fill;
  private readonly files: QueuedFile[] = [];
  private readonly goOn = (): void => this.host.sendNow();

  constructor(host: FileHost, fill: Fill) {
    this.host = host;
    this.fill = fill;
  }

  get empty(): boolean {
    return this.files.length === 0;
  }

  /** Where bytes are appended: behind the last file. */
  get tail(): Outgoing | undefined {
    return this.files.at(-1)?.after;
  }

  /** Bytes of a file follow at once on what is sent now. */
  get follows(): boolean {
    return this.files[0] !== undefined && this.files[0].send.left > 0;
  }

  /** Bytes of files, and of what is behind them. */
  get pending(): number {
    return this.files.reduce((sum, { send, after }) => sum + send.left + after.pending, 0);
  }

  add(send: FileSend, pool: BlockPool, done: FileDone): QueuedFile {
    const queued = new QueuedFile(this, send, pool.takeQueue(), done);
    this.files.push(queued);
    return queued;
  }

  /** Sends of the first file what can be sent. */
  step(): Step {
    const [first] = this.files;
    if (first === undefined) return 'ended';
    return first.send.step(this.host.socket, this.fill, this.goOn);
  }

  next(): QueuedFile {
    return this.files.shift() as QueuedFile;
  }

  cancelled(file: QueuedFile): void {
    if (this.files[0] !== file) return;
    this.host.fileEnded();
    this.host.sendNow();
  }

  /** The stream has been closed, by `result` or, if that is 0, by somebody. */
  clear(result: number): void {
    for (const { send, after, done } of this.files.splice(0)) {
      send.end(result || -ECANCELED);
      after.clear();
      done(send.result, send.sent);
    }
  }
}
