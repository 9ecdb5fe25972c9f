/** Asks the kernel to give up operations in flight. */
import {
  IORING_ASYNC_CANCEL_ALL,
  IORING_ASYNC_CANCEL_ANY,
  IORING_ASYNC_CANCEL_FD,
  IORING_ASYNC_CANCEL_FD_FIXED,
  IORING_ASYNC_CANCEL_OP,
  IORING_ASYNC_CANCEL_USERDATA,
  IORING_OP_ASYNC_CANCEL,
} from '../../abi.js';
import { UnsupportedError } from '../../errors.js';
import { type Descriptor, type DirectFd, descriptor, type FdLike } from '../../fd/fd.js';
import { OPCODES } from '../../features/tables.js';
import { features } from '../../features.js';
import { kernel } from '../../kernel.js';
import { boolean, invalidType, invalidValue, onlyKeys } from '../../validate.js';
import {
  type CommonOptions,
  byteCount as count,
  kind,
  Operation,
  type UserData,
  userDataWords,
} from '../operation.js';

const ASYNC_CANCEL = kind<number>({
  name: 'async_cancel',
  code: IORING_OP_ASYNC_CANCEL,
  since: '5.5',
  decode: count,
});

/**
 * By the user_data of one submission. What `signal` of `ring.run` uses.
 *
 * @kernel 5.5 IORING_OP_ASYNC_CANCEL
 * @man io_uring_enter(2)
 */
export function cancelUserData(low: number, high: number): Operation<number> {
  const operation = new Operation(ASYNC_CANCEL);
  operation.addressLow = low;
  operation.addressHigh = high;
  return operation;
}

/**
 * By IORING_ASYNC_CANCEL_* criteria.
 *
 * @kernel 5.19 IORING_ASYNC_CANCEL_ANY, IORING_ASYNC_CANCEL_FD
 * @man io_uring_enter(2)
 */
export function asyncCancelWhere(flags: number, target?: Descriptor): Operation<number> {
  // The request itself is not an operation on the file, and must not count as one; but a slot of
  // a ring's table has to be looked at as what it is.
  const operation = new Operation(ASYNC_CANCEL, target?.direct ? target : undefined);
  operation.operationFlags = target?.direct ? flags | IORING_ASYNC_CANCEL_FD_FIXED : flags;
  if (target !== undefined) operation.fd = target.fd;
  return operation;
}

/** Which operations to cancel: those for which everything given here is true. */
export interface CancelCriteria {
  /** Submitted under this name. */
  userData?: UserData;
  /** On this file (5.19); a `DirectFd` from 6.0. */
  fd?: FdLike | DirectFd;
  /** Of this kind (6.6), by its name in the kernel: 'recv', 'poll_add'. */
  opcode?: string;
}

export interface AsyncCancelOptions extends CommonOptions {
  /** All that are found, and not only the first one (5.19). Default true. */
  all?: boolean;
}

/**
 * Asks for the end of operations: of all on a descriptor, of those that meet some criteria, or of
 * 'any' on this ring. Gives how many were found, 0 when there was none. Each of them still
 * completes by itself, with ECANCELED or with what it had done.
 *
 * @errno ENOENT with `all: false`: none was found
 * @errno EALREADY with `all: false`: it is past the point where it could be cancelled
 * @kernel 5.5 IORING_OP_ASYNC_CANCEL; 5.19 by descriptor, all and any; 6.6 by opcode
 * @man io_uring_enter(2)
 */
export function asyncCancel(
  target: FdLike | DirectFd | CancelCriteria | 'any',
  options: AsyncCancelOptions = {},
): Operation<number> {
  const { fd, userData, opcode } = criteriaOf(target);
  let flags = target === 'any' ? IORING_ASYNC_CANCEL_ANY : 0;
  if (boolean('all', options?.all ?? true)) flags |= IORING_ASYNC_CANCEL_ALL;
  if (fd !== undefined) flags |= IORING_ASYNC_CANCEL_FD;
  // The name alone is the oldest form, and needs no flag; with others it has to be asked for.
  if (userData !== undefined && (fd !== undefined || opcode !== undefined)) {
    flags |= IORING_ASYNC_CANCEL_USERDATA;
  }
  if (opcode !== undefined) {
    requireOpcodes();
    flags |= IORING_ASYNC_CANCEL_OP;
  }
  const operation = asyncCancelWhere(flags, fd).common(options, 'all');
  operation.addressLow = userData?.low ?? 0;
  operation.addressHigh = userData?.high ?? 0;
  operation.length = opcode ?? 0;
  return operation;
}

/** An older kernel does not look at the flag, and would cancel operations of every kind. */
function requireOpcodes(): void {
  // Cannot be probed for; this came with the same kernel.
  if (features.setup['NO_SQARRAY']?.supported || kernel.atLeast('6.6')) return;
  throw new UnsupportedError({
    feature: 'op:ASYNC_CANCEL by opcode',
    since: '6.6',
    kernel: kernel.release,
    hint: 'use ring.cancel({ opcode }), which works everywhere',
  });
}

interface Criteria {
  readonly fd?: Descriptor;
  readonly userData?: UserData;
  readonly opcode?: number;
}

function criteriaOf(target: unknown): Criteria {
  if (target === 'any') return {};
  if (isCriteria(target)) {
    onlyKeys('target', target, ['userData', 'fd', 'opcode']);
    const { userData, fd, opcode } = target;
    if (userData === undefined && fd === undefined && opcode === undefined) {
      throw invalidValue('target', "must have userData, fd or opcode, or be 'any'", target);
    }
    return {
      ...(userData !== undefined && { userData: userDataWords('target.userData', userData) }),
      ...(fd !== undefined && { fd: descriptor('target.fd', fd) }),
      ...(opcode !== undefined && { opcode: opcodeOf('target.opcode', opcode) }),
    };
  }
  return { fd: descriptor('target', target) };
}

function isCriteria(target: unknown): target is CancelCriteria {
  if (typeof target !== 'object' || target === null) return false;
  return Object.getPrototypeOf(target) === Object.prototype;
}

/** @internal The opcode of a name such as 'recv'; `what` is the argument it came in. */
export function opcodeOf(what: string, name: unknown): number {
  if (typeof name !== 'string') throw invalidType(what, 'a string', name);
  const code = OPCODES.findIndex(([known]) => known.toLowerCase() === name);
  if (code < 0) {
    throw invalidValue(what, "must be an operation's name, such as 'recv'", name);
  }
  return code;
}
