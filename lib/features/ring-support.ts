/** What io_uring offers here, found with small rings on first use and remembered by this thread. */
import * as abi from '../abi.js';
import { systemError, UnsupportedError } from '../errors.js';
import { kernel } from '../kernel.js';
import { ioUringRefusal, type Reason } from '../refusals.js';
import { isDisabled } from './disabled.js';
import { queryRing, type RingQuery } from './query.js';
import { probeRing, type RingFacts, tryRegister, trySetup, withNeeded } from './rings.js';
import { OPCODES, REGISTRATIONS, SETUP_FLAGS } from './tables.js';

/** Whether rings can be made at all, and if not, why. */
export interface RingAvailability {
  readonly available: boolean;
  readonly reason?: Reason;
  readonly detail?: string;
  readonly hint?: string;
  /** Negative, of the call that failed. */
  readonly errno?: number;
  readonly syscall?: string;
}

export const DISABLED_HINT = 'take it out of NEARMETAL_DISABLE';

/**
 * Before its workers became threads of the process, an operation on a non-blocking descriptor did
 * not wait, a ring that began disabled could not be enabled (both seen on 5.10.46), and more.
 */
function tooOld(): RingAvailability {
  return {
    available: false,
    reason: 'kernel',
    detail: `io_uring of ${kernel.release} is older than that of Linux 5.12`,
    hint: 'update the kernel: 5.10.162 has that of 5.15',
  };
}

let ringFacts: RingFacts | undefined;
let ringAvailability: RingAvailability | undefined;

/** A refusal stays; being out of memory or descriptors passes, so that is asked again. */
export function availability(): RingAvailability {
  if (ringAvailability !== undefined) return ringAvailability;
  const found = findAvailability();
  if (found.reason !== 'limit') ringAvailability = found;
  return found;
}

function findAvailability(): RingAvailability {
  if (isDisabled('io_uring')) {
    return {
      available: false,
      reason: 'disabled',
      detail: 'NEARMETAL_DISABLE switches io_uring off',
      hint: DISABLED_HINT,
    };
  }
  const probed = probeRing();
  if ('features' in probed) {
    if ((probed.features & abi.IORING_FEAT_NATIVE_WORKERS) === 0) return tooOld();
    ringFacts = probed;
    return { available: true };
  }
  const { syscall, errno } = probed;
  const error = systemError(-errno, syscall);
  const refusal = ioUringRefusal(errno, syscall) ?? {
    reason: 'kernel' as const,
    detail: error.message,
  };
  return { available: false, ...refusal, errno: -errno, syscall };
}

/**
 * Throws when io_uring cannot be used, saying which of kernel, sysctl, seccomp, limit or
 * NEARMETAL_DISABLE
 * is why: UnsupportedError when it stays so, SystemError when a limit was hit that may pass.
 */
export function requireIoUring(): void {
  const found = availability();
  if (found.available) return;
  const cause =
    found.errno === undefined
      ? undefined
      : systemError(found.errno, found.syscall ?? 'io_uring_setup');
  if (found.reason === 'limit' && cause !== undefined) throw cause;
  throw new UnsupportedError({
    feature: 'io_uring',
    since: '5.1',
    kernel: kernel.release,
    reason: found.detail,
    hint: found.hint,
    cause,
  });
}

/**
 * Flags that a ring for one thread wants, tried together first: mostly one ring answers for all of
 * them.
 */
const USUAL_FLAGS =
  abi.IORING_SETUP_R_DISABLED |
  abi.IORING_SETUP_CLAMP |
  abi.IORING_SETUP_SUBMIT_ALL |
  abi.IORING_SETUP_SINGLE_ISSUER |
  abi.IORING_SETUP_DEFER_TASKRUN |
  abi.IORING_SETUP_NO_SQARRAY |
  abi.IORING_SETUP_CQSIZE;

/** Error number by flag, 0 where it works; a limit is not kept. */
const setupResults = new Map<number, number>();

let kernelSays: RingQuery | 'nothing' | undefined;

export function setupResult(flag: number): number {
  const known = setupResults.get(flag);
  if (known !== undefined) return known;
  if (flag & USUAL_FLAGS && !setupResults.has(-1)) {
    setupResults.set(-1, trySetup(USUAL_FLAGS));
    if (setupResults.get(-1) === 0) {
      for (let bit = 0; bit < SETUP_FLAGS.length; bit++) {
        if (USUAL_FLAGS & (1 << bit)) setupResults.set(1 << bit, 0);
      }
      return 0;
    }
  }
  // A kernel that can be asked (6.18) says at once what it does not know.
  kernelSays ??= queryRing() ?? 'nothing';
  const unknown = kernelSays !== 'nothing' && (kernelSays.setupFlags & BigInt(flag)) === 0n;
  const result = unknown ? abi.EINVAL : trySetup(withNeeded(flag));
  if (!isLimit(result)) setupResults.set(flag, result);
  return result;
}

export function isLimit(errno: number): boolean {
  return errno === abi.ENOMEM || errno === abi.EMFILE || errno === abi.ENFILE;
}

/**
 * True when every IORING_SETUP_* bit in `flags` works here; found with a ring once, then a look in
 * a table.
 */
export function setupFlagSupported(flags: number): boolean {
  if (!availability().available) return false;
  for (let bit = 0; bit < 32; bit++) {
    const flag = 1 << bit;
    if ((flags & flag) === 0) continue;
    const name = SETUP_FLAGS[bit]?.[0];
    if (name === undefined || isDisabled(`setup:${name}`) || setupResult(flag) !== 0) return false;
  }
  return true;
}

/** What the ring that was tried told, once `availability()` said yes. */
export function facts(): RingFacts | undefined {
  return ringFacts;
}

/** True when this kernel has the IORING_OP_* and nobody switched it off. */
export function opSupported(opcode: number): boolean {
  if (!availability().available || ringFacts?.opcodes[opcode] !== 1) return false;
  const name = OPCODES[opcode]?.[0];
  return name === undefined || !isDisabled(`op:${name}`);
}

const registerResults = new Map<number, number>();

export function registerResult(opcode: number): number {
  let result = registerResults.get(opcode);
  if (result === undefined) {
    result = tryRegister(opcode);
    if (!isLimit(result)) registerResults.set(opcode, result);
  }
  return result;
}

/** True when this kernel has the IORING_REGISTER_* and nobody switched it off. */
export function registerSupported(opcode: number): boolean {
  const name = REGISTRATIONS[opcode]?.name;
  if (!availability().available || name === undefined || isDisabled(`register:${name}`))
    return false;
  return registerResult(opcode) === 0;
}
