/** The calls of splice/calls.ts as promises: nothing of this thread waits. */
import { SPLICE_F_NONBLOCK } from '../abi.js';
import type { FdLike } from '../fd/fd.js';
import { poolCopyFileRange, poolSendfile } from '../pool/calls.js';
import {
  byteCount,
  type CopyRangeOptions,
  copyPlan,
  isReadEnd,
  type SendfileOptions,
  type SpliceOptions,
  type SplicePlan,
  sendfileOffset,
  splicePlan,
} from '../splice/calls.js';
import { pagesNow, sendfileNow, spliceNow, teeNow } from '../splice/now.js';
import { sortOf } from '../splice/sort.js';
import { invalidValue, onlyKeys } from '../validate.js';
import {
  backendOf,
  begun,
  MOVE_KEYS,
  type MoveOptions,
  moveOf,
  openFd,
  whenPossible,
} from './moving.js';

/** To a socket in one call: what is sent at once keeps this thread that long. */
const SOCKET_BYTES = 2 << 20;
/** By a helper thread in one call: short enough to heed a signal soon. */
const THREAD_BYTES = 64 << 20;

export type SpliceMoveOptions = MoveOptions & Omit<SpliceOptions, 'nonblock'>;
export type SendfileMoveOptions = MoveOptions & SendfileOptions;
export type CopyRangeMoveOptions = Omit<MoveOptions, 'backend'> & CopyRangeOptions;

/**
 * Moves up to `length` bytes from `source` to `target`, one of which is a pipe, as soon as there is
 * something to move and room for it. Resolves with what was moved, 0 at the end of `source`.
 *
 * Between pipes and non-blocking sockets it is a call that does not wait, made when both are ready;
 * anything else is done by a worker of the kernel, or over epoll by a helper thread.
 *
 * @errno EINVAL neither is a pipe, or one of them cannot be spliced
 * @errno EPIPE nobody reads at the other end
 * @errno ECANCELED one of them was closed meanwhile
 * @kernel 2.6.17, 2.6.31 from pipe to pipe
 * @man splice(2)
 */
export async function splice(
  source: FdLike,
  target: FdLike,
  length: number,
  options: SpliceMoveOptions = {},
): Promise<number> {
  openFd('source', source);
  openFd('target', target);
  const plan = splicePlan(options, ...MOVE_KEYS);
  return spliced({ ...moveOf('splice', options), source, target }, byteCount(length), plan);
}

type Between = ReturnType<typeof moveOf> & { readonly source: FdLike; readonly target: FdLike };

async function spliced(move: Between, length: number, plan: SplicePlan): Promise<number> {
  const { source, target } = move;
  const sorts = [sortOf(source.fd), sortOf(target.fd)];
  if (!sorts.includes('file') && !sorts.includes('blocking socket')) {
    return whenPossible(move, () => spliceNow(source.fd, target.fd, length, plan));
  }
  // Helper threads are few, and wait for nobody's peer.
  const at = sorts.indexOf('blocking socket');
  if (at >= 0 && backendOf(move).backend.name === 'epoll') {
    throw mustNotBlock(at === 0 ? 'source' : 'target', at === 0 ? source : target);
  }
  const ofPipes = { ...plan, flags: plan.flags | SPLICE_F_NONBLOCK };
  return whenPossible(move, () =>
    begun(move, (backend, done) => backend.splice(source, target, length, ofPipes, done)),
  );
}

const mustNotBlock = (name: string, socket: FdLike): TypeError =>
  invalidValue(name, 'must be non-blocking (O_NONBLOCK)', socket);

/**
 * Copies up to `length` bytes from one pipe to another and leaves them in the first, as soon as
 * there are any and the other has room. Resolves with what was copied, 0 where nobody will write
 * any more.
 *
 * @errno EINVAL one of them is not a pipe, or both are the same
 * @errno EPIPE nobody reads the other one
 * @errno ECANCELED one of them was closed meanwhile
 * @kernel 2.6.17
 * @man tee(2)
 */
export async function tee(
  source: FdLike,
  target: FdLike,
  length: number,
  options: MoveOptions = {},
): Promise<number> {
  openFd('source', source);
  openFd('target', target);
  onlyKeys('options', options, MOVE_KEYS);
  const bytes = byteCount(length);
  const move = { ...moveOf('tee', options), source, target };
  return whenPossible(move, () => teeNow(source.fd, target.fd, bytes));
}

/**
 * Puts the pages of `views` into a pipe as soon as it has room, or with `views` of a pipe's read
 * end fills them as soon as there is something in it. Resolves with what was moved.
 *
 * Into a pipe the views must be of a `Mapping`: the pipe shows its pages, not a copy. They live
 * until they were read, whatever becomes of the mapping; disposed of before, it is refused.
 *
 * @errno EBADF `pipe` is not one
 * @errno EPIPE nobody reads it
 * @errno ECANCELED it was closed meanwhile
 * @kernel 2.6.17
 * @man vmsplice(2)
 */
export async function vmsplice(
  pipe: FdLike,
  views: readonly ArrayBufferView[],
  options: MoveOptions = {},
): Promise<number> {
  openFd('pipe', pipe);
  onlyKeys('options', options, MOVE_KEYS);
  const readEnd = isReadEnd(pipe.fd);
  const move = moveOf('vmsplice', options);
  const waiting = readEnd ? { ...move, source: pipe } : { ...move, target: pipe };
  return whenPossible(waiting, () => pagesNow(pipe.fd, readEnd, views));
}

/**
 * Moves up to `length` bytes of the file `source` to `target`, as soon as that has room. Resolves
 * with what was moved, which is at most 2 MiB to a socket and 64 MiB to a file, 0 at the end.
 *
 * A pipe is filled as `splice` does it. To a socket, which must be non-blocking, goes at once what
 * the page cache has; else, and to a file, a helper thread waits for the disk.
 *
 * @errno EINVAL `source` cannot be read through the page cache, or `target` is open to append
 * @errno EPIPE nobody reads at the other end
 * @errno ECANCELED one of them was closed meanwhile
 * @kernel 2.6.33 for targets other than sockets
 * @man sendfile(2)
 */
export async function sendfile(
  target: FdLike,
  source: FdLike,
  length: number,
  options: SendfileMoveOptions = {},
): Promise<number> {
  openFd('target', target);
  openFd('source', source);
  const offset = sendfileOffset(options, ...MOVE_KEYS);
  const bytes = byteCount(length);
  const move = { ...moveOf('sendfile', options), source, target };
  const sort = sortOf(target.fd);
  if (sort === 'pipe') {
    return spliced(move, bytes, { sourceOffset: offset, targetOffset: -1, flags: 0 });
  }
  if (sort === 'blocking socket') throw mustNotBlock('target', target);
  const most = Math.min(bytes, sort === 'socket' ? SOCKET_BYTES : THREAD_BYTES);
  return whenPossible(move, () => {
    const sent = sort === 'socket' ? sendfileNow(target.fd, source.fd, offset, most) : undefined;
    return sent ?? poolSendfile(target, source, offset, most);
  });
}

/**
 * Copies up to `length` bytes from file to file on a helper thread, by sharing blocks where the
 * file system can. Resolves with what was copied, at most 64 MiB in one call, 0 at the end.
 *
 * @errno EXDEV they are on two file systems, and the kernel is older than 5.3 or these two cannot
 * @errno EINVAL the ranges of one file overlap, or one of them is no file
 * @errno ECANCELED one of them was closed meanwhile
 * @kernel 4.5
 * @man copy_file_range(2)
 */
export async function copyFileRange(
  source: FdLike,
  target: FdLike,
  length: number,
  options: CopyRangeMoveOptions = {},
): Promise<number> {
  openFd('source', source);
  openFd('target', target);
  const { sourceOffset, targetOffset } = copyPlan(options, 'signal');
  const bytes = Math.min(byteCount(length), THREAD_BYTES);
  const move = { ...moveOf('copy_file_range', options), source, target };
  return whenPossible(move, () =>
    poolCopyFileRange(source, sourceOffset, target, targetOffset, bytes),
  );
}
