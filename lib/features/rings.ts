/** Asks the kernel what its io_uring can do, with small rings that are closed at once. */
import * as abi from '../abi.js';
import { native } from '../native.js';
import { readConfinement } from '../proc/read.js';
import { REGISTRATIONS, type RegistrationProbe } from './tables.js';

/** Indexes of 32-bit words in `struct io_uring_params`. */
const PARAMS_WORDS = 30;
const CQ_ENTRIES = 1;
const FLAGS = 2;
const SQ_THREAD_CPU = 3;
const FEATURES = 5;
const WQ_FD = 6;

/** What a working ring told about the kernel. */
export interface RingFacts {
  /** Bits of `params.features`. */
  readonly features: number;
  /** One byte for each opcode: 1 when the kernel has it. */
  readonly opcodes: Uint8Array;
}

/** The first of the three calls that failed, with its error number (positive). */
export interface RingFailure {
  readonly syscall: string;
  readonly errno: number;
}

/** Tries all three calls, for a filter can refuse any of them. */
export function probeRing(): RingFacts | RingFailure {
  const params = new Uint32Array(PARAMS_WORDS);
  const fd = native.ioUringSetup(2, params);
  if (fd < 0) return { syscall: 'io_uring_setup', errno: -fd };
  try {
    const opcodes = new Uint8Array(256);
    const asked = probeOpcodes(fd, opcodes);
    if (refused(asked)) return { syscall: 'io_uring_register', errno: -asked };
    const entered = native.syscall(
      abi.SYS_io_uring_enter,
      fd,
      0,
      0,
      abi.IORING_ENTER_GETEVENTS,
      0,
      0,
    );
    if (refused(entered)) return { syscall: 'io_uring_enter', errno: -entered };
    return { features: params[FEATURES] ?? 0, opcodes };
  } finally {
    native.close(fd);
  }
}

function refused(result: number): boolean {
  return result === -abi.EPERM || result === -abi.EACCES || result === -abi.ENOSYS;
}

/**
 * `struct io_uring_probe`: 16 bytes of head, then 8 bytes an opcode (number, reserved, 16 bits of
 * flags).
 */
function probeOpcodes(fd: number, opcodes: Uint8Array): number {
  const probe = new Uint8Array(16 + 256 * 8);
  const result = native.ioUringRegister(fd, abi.IORING_REGISTER_PROBE, probe, 256);
  if (result < 0) return result;
  const known = probe[1] ?? 0;
  for (let index = 0; index < known; index++) {
    const at = 16 + index * 8;
    opcodes[probe[at] ?? 0] = (probe[at + 2] ?? 0) & abi.IO_URING_OP_SUPPORTED;
  }
  return result;
}

/**
 * Answers 0 when the kernel makes a ring with these flags, or knows them; else the error number.
 */
export function trySetup(flags: number): number {
  const params = new Uint32Array(PARAMS_WORDS);
  params[FLAGS] = flags;
  if (flags & abi.IORING_SETUP_CQSIZE) params[CQ_ENTRIES] = 4;
  if (flags & abi.IORING_SETUP_SQ_AFF) {
    params[SQ_THREAD_CPU] = Number.parseInt(readConfinement().cpusAllowed ?? '0', 10);
  }
  const shared =
    flags & abi.IORING_SETUP_ATTACH_WQ ? native.ioUringSetup(1, new Uint32Array(PARAMS_WORDS)) : -1;
  if (shared >= 0) params[WQ_FD] = shared;
  const result = native.ioUringSetup(1, params);
  if (result >= 0) native.close(result);
  if (shared >= 0) native.close(shared);
  // Without memory of ours the kernel stops at the null address: that it got there is the answer.
  if (flags & abi.IORING_SETUP_NO_MMAP && result === -abi.EFAULT) return 0;
  return Math.max(0, -result);
}

/** The flags that `flag` cannot do without. */
export function withNeeded(flag: number): number {
  switch (flag) {
    case abi.IORING_SETUP_SQ_AFF:
      return flag | abi.IORING_SETUP_SQPOLL;
    case abi.IORING_SETUP_TASKRUN_FLAG:
      return flag | abi.IORING_SETUP_COOP_TASKRUN;
    case abi.IORING_SETUP_DEFER_TASKRUN:
      return flag | abi.IORING_SETUP_SINGLE_ISSUER;
    case abi.IORING_SETUP_REGISTERED_FD_ONLY:
      return flag | abi.IORING_SETUP_NO_MMAP;
    case abi.IORING_SETUP_HYBRID_IOPOLL:
      return flag | abi.IORING_SETUP_IOPOLL;
    case abi.IORING_SETUP_SQ_REWIND:
      return flag | abi.IORING_SETUP_NO_SQARRAY;
    default:
      return flag;
  }
}

/** Answers 0 when the kernel knows the registration, else the error number. */
export function tryRegister(opcode: number): number {
  const row = REGISTRATIONS[opcode];
  if (row === undefined) return abi.EINVAL;
  if (row.as !== undefined) {
    return tryRegister(REGISTRATIONS.findIndex(({ name }) => name === row.as));
  }
  const fd = openFor(row);
  if (fd < 0) return -fd;
  const result = native.ioUringRegister(fd, opcode, argumentOf(row), row.count ?? 0);
  native.close(fd);
  const unknown = [abi.EINVAL, abi.EOPNOTSUPP, abi.EPERM, abi.ENOSYS].includes(-result);
  return unknown ? -result : 0;
}

/** Some registrations want a ring of a certain kind before they look at what they are given. */
function openFor(row: RegistrationProbe): number {
  const params = new Uint32Array(PARAMS_WORDS);
  if (row.ring === 'deferred') {
    params[FLAGS] = abi.IORING_SETUP_DEFER_TASKRUN | abi.IORING_SETUP_SINGLE_ISSUER;
    if (row.name === 'ZCRX_IFQ') params[FLAGS] |= abi.IORING_SETUP_CQE32;
  }
  return native.ioUringSetup(2, params);
}

function argumentOf(row: RegistrationProbe): Uint32Array | null {
  if (row.bytes === undefined) return null;
  const words = new Uint32Array(row.bytes / 4);
  for (const [index, word] of Object.entries(row.words ?? {})) words[Number(index)] = word;
  return words;
}
