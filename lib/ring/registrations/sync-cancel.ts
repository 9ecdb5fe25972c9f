/** Cancels, and waits until the kernel has let go: a call, and no operation. */
import { ENOENT, ETIME, ETIMEDOUT, IORING_REGISTER_SYNC_CANCEL } from '../../abi.js';
import { check, systemError } from '../../errors.js';
import type { DirectFd, FdLike } from '../../fd/fd.js';
import { requireFeature } from '../../features.js';
import { native } from '../../native.js';
import { integer, onlyKeys } from '../../validate.js';
import type { Engine } from '../engine.js';
import { asyncCancel, type CancelCriteria } from '../ops/async-cancel.js';

export interface SyncCancelOptions {
  /** All that are found, and not only the first one. Default true. */
  all?: boolean;
  /** How long to block for what does not end at once. Default 0: not at all. */
  timeoutMs?: number;
}

/** Words of `struct io_uring_sync_cancel_reg`. */
const WORDS = 16;
const FD = 2;
const FLAGS = 3;
const SECONDS = 4;
const NANOSECONDS = 6;
const OPCODE_BYTE = 32;
const TIMEOUT_MAX = 3_600_000;

/** True when something was found, and it has ended. */
export function syncCancel(
  engine: Engine,
  target: FdLike | DirectFd | CancelCriteria | 'any',
  options: SyncCancelOptions = {},
): boolean {
  onlyKeys('options', options, ['all', 'timeoutMs']);
  const timeoutMs = integer('timeoutMs', options.timeoutMs ?? 0, 0, TIMEOUT_MAX);
  const request = asyncCancel(target, options.all === undefined ? {} : { all: options.all });
  requireFeature('register:SYNC_CANCEL');
  engine.flush();
  const words = new Int32Array(WORDS);
  words[0] = request.addressLow;
  words[1] = request.addressHigh;
  words[FD] = request.fd;
  words[FLAGS] = request.operationFlags;
  words[SECONDS] = Math.floor(timeoutMs / 1000);
  words[NANOSECONDS] = (timeoutMs % 1000) * 1_000_000;
  new Uint8Array(words.buffer)[OPCODE_BYTE] = request.length;
  const opcode = IORING_REGISTER_SYNC_CANCEL;
  const result = native.ioUringRegister(engine.fd, opcode, words, 1);
  // Completions that it brought about have signalled nobody if a turn is on.
  engine.kick();
  if (result === -ENOENT) return false;
  if (result === -ETIME) throw systemError(-ETIMEDOUT, 'io_uring_register');
  check(result, 'io_uring_register', { facts: { opcode } });
  // Of all there are it tells how many.
  return options.all === false || result > 0;
}
