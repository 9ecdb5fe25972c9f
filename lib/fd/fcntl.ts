/** Copies and flags of descriptors: dup(2), fcntl(2). */
import {
  EINVAL,
  F_DUPFD_QUERY,
  F_GETFD,
  F_GETFL,
  F_SETFD,
  F_SETFL,
  FD_CLOEXEC,
  KCMP_FILE,
  O_ACCMODE,
  O_APPEND,
  O_CLOEXEC,
  O_DIRECT,
  O_NOATIME,
  O_NONBLOCK,
  O_PATH,
  O_RDONLY,
  O_SYNC,
  O_WRONLY,
  SYS_dup3,
  SYS_kcmp,
} from '../abi.js';
import { check } from '../errors.js';
import { native } from '../native.js';
import { boolean, integer, invalidType, onlyKeys } from '../validate.js';
import { type FdLike, OwnedFd, plainDescriptor } from './fd.js';
import { FD_MAX } from './owned-bits.js';

export interface DupOptions {
  /** The copy gets this number or a higher one. Default 0. */
  lowest?: number;
}

/**
 * A second descriptor of the same open file, closed on exec. Offset, status flags and locks are
 * common to both.
 *
 * @errno EMFILE the limit of descriptors is reached
 * @kernel 2.6.24 F_DUPFD_CLOEXEC
 * @man fcntl(2)
 */
export function dup(fd: FdLike, options: DupOptions = {}): OwnedFd {
  onlyKeys('options', options, ['lowest']);
  const lowest = integer('lowest', options.lowest ?? 0, 0, FD_MAX);
  const original = plainDescriptor('fd', fd);
  const result = native.dupAbove(original.fd, lowest);
  const copy = OwnedFd.adopt(check(result, 'fcntl', { fd: original.fd }));
  original.copied = true;
  copy.copied = true;
  return copy;
}

/**
 * Puts a copy of `source` in the place of `target`, whose own file is closed in the same step. Not
 * while operations on `target` are in flight.
 *
 * @kernel 2.6.27
 * @man dup3(2)
 */
export function dupOnto(source: FdLike, target: OwnedFd): void {
  const original = plainDescriptor('source', source);
  const from = original.fd;
  if (!(target instanceof OwnedFd)) throw invalidType('target', 'an OwnedFd', target);
  const onto = plainDescriptor('target', target).fd;
  if (target.inFlight > 0) throw new TypeError('operations are in flight on target');
  if (from === onto) return;
  target.tellUsers();
  check(native.syscall(SYS_dup3, from, onto, O_CLOEXEC), 'dup3', { fd: from });
  original.copied = true;
  target.copied = true;
}

/** What fcntl(2) says of a descriptor. */
export interface FdFlags {
  /** 'path': the descriptor only names its file (O_PATH). */
  readonly access: 'read' | 'write' | 'readWrite' | 'path';
  readonly append: boolean;
  readonly nonblock: boolean;
  readonly direct: boolean;
  readonly noatime: boolean;
  readonly sync: boolean;
  /** Of this descriptor; all others belong to the open file, and to every copy of it. */
  readonly cloexec: boolean;
}

/** Those that can be changed. */
export type FdFlagChanges = Partial<
  Pick<FdFlags, 'append' | 'nonblock' | 'direct' | 'noatime' | 'cloexec'>
>;

const STATUS = {
  append: O_APPEND,
  nonblock: O_NONBLOCK,
  direct: O_DIRECT,
  noatime: O_NOATIME,
} as const;

/** @internal In the words of `FdFlags`. */
export function flagsIn(status: number, cloexec: boolean): FdFlags {
  const mode = status & O_ACCMODE;
  const plain = mode === O_RDONLY ? 'read' : mode === O_WRONLY ? 'write' : 'readWrite';
  return {
    access: (status & O_PATH) !== 0 ? 'path' : plain,
    append: (status & O_APPEND) !== 0,
    nonblock: (status & O_NONBLOCK) !== 0,
    direct: (status & O_DIRECT) !== 0,
    noatime: (status & O_NOATIME) !== 0,
    sync: (status & O_SYNC) === O_SYNC,
    cloexec,
  };
}

/** @man fcntl(2) */
export function getFlags(fd: FdLike): FdFlags {
  const { fd: number } = plainDescriptor('fd', fd);
  const status = check(native.fcntl(number, F_GETFL, 0), 'fcntl', { fd: number });
  const own = check(native.fcntl(number, F_GETFD, 0), 'fcntl', { fd: number });
  return flagsIn(status, (own & FD_CLOEXEC) !== 0);
}

/**
 * Changes the flags that are named, and no others.
 *
 * @errno EINVAL the file system does not do direct I/O
 * @errno EPERM 'append' is for good on this file, or 'noatime' on a file of somebody else
 * @man fcntl(2)
 */
export function setFlags(fd: FdLike, changes: FdFlagChanges): void {
  onlyKeys('changes', changes, [...Object.keys(STATUS), 'cloexec']);
  const { fd: number } = plainDescriptor('fd', fd);
  const status = check(native.fcntl(number, F_GETFL, 0), 'fcntl', { fd: number });
  let wanted = status;
  for (const [name, bit] of Object.entries(STATUS)) {
    const change = changes[name as keyof typeof STATUS];
    if (change !== undefined) wanted = boolean(name, change) ? wanted | bit : wanted & ~bit;
  }
  const { cloexec } = changes;
  if (cloexec !== undefined) boolean('cloexec', cloexec);
  if (wanted !== status) check(native.fcntl(number, F_SETFL, wanted), 'fcntl', { fd: number });
  if (cloexec !== undefined) {
    const argument = cloexec ? FD_CLOEXEC : 0;
    check(native.fcntl(number, F_SETFD, argument), 'fcntl', { fd: number });
  }
}

/**
 * Whether both are descriptors of one open file: copies by `dup`, or passed between processes, and
 * not merely opened with the same path.
 *
 * @errno ENOSYS the kernel has neither F_DUPFD_QUERY (6.10) nor kcmp(2)
 * @kernel 6.10, or 3.5 with CONFIG_KCMP
 * @man fcntl(2), kcmp(2)
 */
export function sameFile(left: FdLike, right: FdLike): boolean {
  const first = plainDescriptor('left', left).fd;
  const second = plainDescriptor('right', right).fd;
  const answer = native.fcntl(first, F_DUPFD_QUERY, second);
  if (answer !== -EINVAL) return check(answer, 'fcntl', { fd: first }) === 1;
  const { pid } = process;
  return check(native.syscall(SYS_kcmp, pid, pid, KCMP_FILE, first, second), 'kcmp') === 0;
}
