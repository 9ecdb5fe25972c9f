/** Calls between descriptors that wait without the thread: begun again whenever that may help. */
import { EAGAIN, ECANCELED, EINTR } from '../abi.js';
import { abortError, check } from '../errors.js';
import { type FdLike, plainDescriptor } from '../fd/fd.js';
import type { Backend, BackendName, Pending } from '../loop/backend.js';
import { type SharedBackend, sharedBackend } from '../loop/shared-backend.js';
import { abortSignal, oneOf } from '../validate.js';

export interface MoveOptions {
  /**
   * Gives up, with an AbortError; nothing has been moved then. What a helper thread has begun is
   * not stopped: its result is the promise's.
   */
  signal?: AbortSignal;
  /** Who waits. Default: io_uring where it works. */
  backend?: BackendName;
}

export const MOVE_KEYS: readonly string[] = ['signal', 'backend'];

/** Between two descriptors, either of which may be what has to be waited for. */
export interface Move {
  readonly syscall: string;
  readonly source?: FdLike;
  readonly target?: FdLike;
  readonly signal: AbortSignal | undefined;
  readonly backend: BackendName | undefined;
}

export function moveOf(syscall: string, options: MoveOptions): Move {
  const { backend } = options;
  return {
    syscall,
    signal: abortSignal('signal', options.signal),
    backend: backend && oneOf('backend', backend, ['io_uring', 'epoll'] as const),
  };
}

export function openFd(name: string, fd: FdLike): FdLike {
  plainDescriptor(name, fd);
  return fd;
}

/** The backend that waits for it. */
export const backendOf = ({ backend }: Move): SharedBackend => sharedBackend(backend, false);

/** The result of `attempt`, once that is not EAGAIN. */
export async function whenPossible(
  move: Move,
  attempt: () => number | Promise<number>,
): Promise<number> {
  const { syscall, source, target, signal } = move;
  const isClosed = (): boolean => (source?.fd ?? 0) < 0 || (target?.fd ?? 0) < 0;
  for (;;) {
    if (signal?.aborted) throw abortError(signal);
    let result = isClosed() ? -ECANCELED : await attempt();
    if (result === -EAGAIN) {
      result = source === undefined ? 0 : await ready(move, source, 'in');
      if (result === 0 && target !== undefined && !isClosed()) {
        result = await ready(move, target, 'out');
      }
      if (result === 0) continue;
    }
    if (result === -EINTR) continue;
    if (result < 0 && signal?.aborted) throw abortError(signal);
    // In place of what was closed meanwhile there is something that refuses everything.
    return check(result < 0 && isClosed() ? -ECANCELED : result, syscall);
  }
}

const ready = (move: Move, fd: FdLike, direction: 'in' | 'out'): Promise<number> =>
  begun(move, (backend, done) => backend.ready(fd, direction, done));

/** What the backend tells; the process lives on meanwhile. */
export function begun(
  move: Move,
  begin: (backend: Backend, done: (result: number) => void) => Pending,
): Promise<number> {
  const { signal } = move;
  const shared = backendOf(move);
  return new Promise((resolve) => {
    const aborted = (): void => pending.cancel();
    const pending = begin(shared.backend, (result) => {
      signal?.removeEventListener('abort', aborted);
      shared.dereference();
      resolve(result);
    });
    shared.reference();
    if (signal?.aborted) aborted();
    else signal?.addEventListener('abort', aborted, { once: true });
  });
}
