/** Wakes this thread's JavaScript whenever a descriptor becomes readable. */
import { EPOLL_CTL_MOD, EPOLLET, EPOLLIN } from './abi.js';
import { native } from './native.js';

const { readFileSync } = process.getBuiltinModule('node:fs');

/** What wakes JavaScript: Node's own loop, or a helper thread where libuv is not to be called. */
export type LoopKind = 'uv' | 'thread';

const KINDS = { uv: 0, thread: 1 } as const;

/** Bun and Deno abort the process when libuv is called. */
export function defaultLoop(): LoopKind {
  return process.versions.bun !== undefined || process.versions.deno !== undefined
    ? 'thread'
    : 'uv';
}

/**
 * Whether libuv named `fd` by its own number in its epoll, as it does: another registration must
 * say the same. False before it has registered it.
 */
function isNamedByNumber(epoll: number, fd: number): boolean {
  try {
    const rows = readFileSync(`/proc/self/fdinfo/${epoll}`, 'latin1');
    const [, data = ''] = new RegExp(`^tfd: +${fd} .*data: +([0-9a-f]+)`, 'm').exec(rows) ?? [];
    return Number.parseInt(data, 16) === fd;
  } catch {
    return false;
  }
}

/** Not referenced and active at first; to be closed before its descriptor is. */
export class Watch {
  readonly #id: number;
  #referenced = false;
  #active = true;

  private constructor(id: number) {
    this.#id = id;
  }

  /** Answers `-errno` when there can be none. */
  static open(fd: number, kind: LoopKind, callback: () => void): Watch | number {
    const id = native.watchOpen(fd, KINDS[kind], callback);
    return id < 0 ? id : new Watch(id);
  }

  /** Whether it keeps the process alive. */
  reference(wanted: boolean): void {
    if (wanted === this.#referenced) return;
    this.#referenced = wanted;
    native.watchRef(this.#id, wanted);
  }

  /** Whether it looks at its descriptor. */
  activate(wanted: boolean): void {
    if (wanted === this.#active) return;
    this.#active = wanted;
    native.watchActivate(this.#id, wanted);
  }

  /**
   * From now on each signal of `fd` is told once, and not again and again until somebody has read
   * it (EPOLLET). False where that cannot be had, or before the loop has looked at it once.
   *
   * Not for a watch that is deactivated: libuv registers it anew then.
   */
  toEdges(fd: number): boolean {
    const epoll = native.watchEpoll(this.#id);
    if (epoll < 0 || !isNamedByNumber(epoll, fd)) return false;
    return native.epollCtl(epoll, EPOLL_CTL_MOD, fd, EPOLLIN | EPOLLET, fd, 0) === 0;
  }

  /** No call of the callback after this one. */
  close(): void {
    native.watchClose(this.#id);
  }
}
