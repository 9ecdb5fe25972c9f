/** Wakes this thread's JavaScript whenever a descriptor becomes readable. */
import { native } from './native.js';

/** What wakes JavaScript: Node's own loop, or a helper thread where libuv is not to be called. */
export type LoopKind = 'uv' | 'thread';

const KINDS = { uv: 0, thread: 1 } as const;

/** Bun and Deno abort the process when libuv is called. */
export function defaultLoop(): LoopKind {
  return process.versions.bun !== undefined || process.versions.deno !== undefined
    ? 'thread'
    : 'uv';
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

  /** No call of the callback after this one. */
  close(): void {
    native.watchClose(this.#id);
  }
}
