/** One entry of `features`: asks, and says why something cannot be used. */
import * as abi from '../abi.js';
import { hintFor } from '../hints.js';
import '../hinting.js';
import { kernel } from '../kernel.js';
import { native } from '../native.js';
import { type Reason, syscallRefusal } from '../refusals.js';
import { isDisabled } from './disabled.js';
import {
  availability,
  DISABLED_HINT,
  facts,
  isLimit,
  registerResult,
  setupResult,
} from './ring-support.js';
import type { SystemCallProbe } from './system-calls.js';

/** Whether one thing can be used here, and if not, why. */
export interface Feature {
  readonly supported: boolean;
  /** The first kernel that has it. */
  readonly since: string;
  readonly reason?: Reason;
  /** What was found, in a sentence. */
  readonly detail?: string;
  /** What to type. */
  readonly hint?: string;
}

/** Everything but being known to the kernel: switched off, or no ring at all. */
function ringFeature(name: string, since: string, found: () => Feature): Feature {
  const { available, reason, detail, hint } = availability();
  if (!available) {
    const why = { ...(reason && { reason }), ...(detail && { detail }), ...(hint && { hint }) };
    return { supported: false, since, ...why };
  }
  return isDisabled(name) ? disabled(name, since) : found();
}

function disabled(name: string, since: string): Feature {
  const detail = `NEARMETAL_DISABLE switches ${name} off`;
  return { supported: false, since, reason: 'disabled', detail, hint: DISABLED_HINT };
}

function tooOld(since: string): Feature {
  const detail = kernel.atLeast(since)
    ? `this kernel (${kernel.release}) was built without it`
    : `it needs Linux ${since}, this is ${kernel.release}`;
  return { supported: false, since, reason: 'kernel', detail };
}

function byErrno(errno: number, since: string, hint?: string): Feature {
  if (errno === 0) return { supported: true, since };
  if (errno === abi.EPERM) {
    return {
      supported: false,
      since,
      reason: 'capability',
      detail: 'it is not permitted to this process',
    };
  }
  if (isLimit(errno)) {
    return {
      supported: false,
      since,
      reason: 'limit',
      detail: 'a limit was hit while asking',
      ...(hint && { hint }),
    };
  }
  return tooOld(since);
}

export function opFeature(name: string, since: string, opcode: number): Feature {
  return ringFeature(`op:${name}`, since, () =>
    facts()?.opcodes[opcode] === 1 ? { supported: true, since } : tooOld(since),
  );
}

export function setupFeature(name: string, since: string, bit: number): Feature {
  return ringFeature(`setup:${name}`, since, () => {
    const errno = setupResult(1 << bit);
    return byErrno(
      errno,
      since,
      errno === abi.ENOMEM ? hintFor('io_uring_setup', 'ENOMEM') : undefined,
    );
  });
}

export function registerFeature(name: string, since: string, opcode: number): Feature {
  return ringFeature(`register:${name}`, since, () => byErrno(registerResult(opcode), since));
}

export function bitFeature(name: string, since: string, bit: number): Feature {
  return ringFeature(`ring:${name}`, since, () =>
    ((facts()?.features ?? 0) & (1 << bit)) !== 0 ? { supported: true, since } : tooOld(since),
  );
}

export function syscallFeature(row: SystemCallProbe): Feature {
  const { name, since } = row;
  if (isDisabled(`syscall:${name}`)) return disabled(`syscall:${name}`, since);
  const errno = -native.syscall(row.number, ...row.integers);
  if (row.missing !== undefined && errno === row.missing) return tooOld(since);
  if (errno !== abi.ENOSYS && errno !== abi.EPERM) return { supported: true, since };
  return { supported: false, since, ...syscallRefusal(name, errno, since) };
}

/** Finds each entry when it is first read, and shows them all to whoever lists them. */
export function lazily(
  entries: readonly (readonly [name: string, find: () => Feature])[],
): Readonly<Record<string, Feature>> {
  const table: Record<string, Feature> = {};
  for (const [name, find] of entries) {
    Object.defineProperty(table, name, {
      enumerable: true,
      configurable: true,
      get() {
        const value = Object.freeze(find());
        // A limit may pass: only what stays is kept.
        if (value.reason !== 'limit')
          Object.defineProperty(table, name, { value, enumerable: true });
        return value;
      },
    });
  }
  return table;
}
