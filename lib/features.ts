/** What this kernel, container and machine allow: found by trying, on first use, once per thread. */
import * as abi from './abi.js';
import { UnsupportedError } from './errors.js';
import { FEATURE_NAMES, isDisabled } from './features/disabled.js';
import {
  availability,
  DISABLED_HINT,
  facts,
  isLimit,
  type RingAvailability,
  registerResult,
  requireIoUring,
  setupResult,
} from './features/ring-support.js';
import { SYSTEM_CALLS, type SystemCallProbe } from './features/system-calls.js';
import { OPCODES, REGISTRATIONS, RING_FEATURES, SETUP_FLAGS } from './features/tables.js';
import { hintFor } from './hints.js';
import { kernel } from './kernel.js';
import { native } from './native.js';
import { type Reason, syscallRefusal } from './refusals.js';

export {
  opSupported,
  type RingAvailability,
  registerSupported,
  requireIoUring,
  setupFlagSupported,
} from './features/ring-support.js';
export type { Reason } from './refusals.js';

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

/** Throws UnsupportedError when the feature, such as 'op:SEND_ZC', cannot be used here. */
export function requireFeature(name: string): void {
  if (name === 'io_uring') return requireIoUring();
  const feature = features.get(name);
  if (feature === undefined) throw new TypeError(`no feature is called "${name}"`);
  if (feature.supported) return;
  throw new UnsupportedError({
    feature: name,
    since: feature.since,
    kernel: kernel.release,
    reason: feature.detail,
    hint: feature.hint,
  });
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
    return { supported: false, since, reason: 'capability', detail: 'it is not permitted to this process' };
  }
  if (isLimit(errno)) {
    return { supported: false, since, reason: 'limit', detail: 'a limit was hit while asking', ...(hint && { hint }) };
  }
  return tooOld(since);
}

function opFeature(name: string, since: string, opcode: number): Feature {
  return ringFeature(`op:${name}`, since, () =>
    facts()?.opcodes[opcode] === 1 ? { supported: true, since } : tooOld(since),
  );
}

function setupFeature(name: string, since: string, bit: number): Feature {
  return ringFeature(`setup:${name}`, since, () => {
    const errno = setupResult(1 << bit);
    return byErrno(errno, since, errno === abi.ENOMEM ? hintFor('io_uring_setup', 'ENOMEM') : undefined);
  });
}

function registerFeature(name: string, since: string, opcode: number): Feature {
  return ringFeature(`register:${name}`, since, () => byErrno(registerResult(opcode), since));
}

function bitFeature(name: string, since: string, bit: number): Feature {
  return ringFeature(`ring:${name}`, since, () =>
    ((facts()?.features ?? 0) & (1 << bit)) !== 0 ? { supported: true, since } : tooOld(since),
  );
}

function syscallFeature(row: SystemCallProbe): Feature {
  const { name, since } = row;
  if (isDisabled(`syscall:${name}`)) return disabled(`syscall:${name}`, since);
  const errno = -native.syscall(row.number, ...row.integers);
  if (row.missing !== undefined && errno === row.missing) return tooOld(since);
  if (errno !== abi.ENOSYS && errno !== abi.EPERM) return { supported: true, since };
  return { supported: false, since, ...syscallRefusal(name, errno, since) };
}

/** Finds each entry when it is first read, and shows them all to whoever lists them. */
function lazily(entries: readonly (readonly [name: string, find: () => Feature])[]): Readonly<Record<string, Feature>> {
  const table: Record<string, Feature> = {};
  for (const [name, find] of entries) {
    Object.defineProperty(table, name, {
      enumerable: true,
      configurable: true,
      get() {
        const value = Object.freeze(find());
        // A limit may pass: only what stays is kept.
        if (value.reason !== 'limit') Object.defineProperty(table, name, { value, enumerable: true });
        return value;
      },
    });
  }
  return table;
}

type Table = Readonly<Record<string, Feature>>;
let tables: Record<'op' | 'setup' | 'register' | 'ring' | 'syscall', Table> | undefined;

function allTables(): NonNullable<typeof tables> {
  tables ??= {
    op: lazily(OPCODES.map(([name, since], code) => [name, () => opFeature(name, since, code)])),
    setup: lazily(SETUP_FLAGS.map(([name, since], bit) => [name, () => setupFeature(name, since, bit)])),
    register: lazily(
      REGISTRATIONS.map(({ name, since }, code) => [name, () => registerFeature(name, since, code)]),
    ),
    ring: lazily(RING_FEATURES.map(([name, since], bit) => [name, () => bitFeature(name, since, bit)])),
    syscall: lazily(SYSTEM_CALLS.map((row) => [row.name, () => syscallFeature(row)])),
  };
  return tables;
}

/** Names are the kernel's without their prefix: `features.op.SEND_ZC`, `features.setup.DEFER_TASKRUN`. */
export const features = {
  /** The running kernel's release. */
  get kernel(): string {
    return kernel.release;
  },
  get ioUring(): RingAvailability {
    return availability();
  },
  /** By opcode: IORING_OP_*. */
  get op(): Table {
    return allTables().op;
  },
  /** By flag of io_uring_setup: IORING_SETUP_*. */
  get setup(): Table {
    return allTables().setup;
  },
  /** By registration: IORING_REGISTER_*, with UNREGISTER_* in full. */
  get register(): Table {
    return allTables().register;
  },
  /** By feature bit of a ring: IORING_FEAT_*. */
  get ring(): Table {
    return allTables().ring;
  },
  /** System calls outside io_uring, and some advice of madvise as `madvise_COLLAPSE`. */
  get syscall(): Table {
    return allTables().syscall;
  },
  /** One entry by its full name, such as 'op:SEND_ZC'; undefined when there is none of that name. */
  get(name: string): Feature | undefined {
    const { available, ...why } = availability();
    if (name === 'io_uring') return { supported: available, since: '5.1', ...why };
    const [kind, rest] = name.split(':', 2);
    if (rest === undefined || !FEATURE_NAMES.includes(name)) return undefined;
    return allTables()[kind as keyof NonNullable<typeof tables>][rest];
  },
  /** Every name that `get` and NEARMETAL_DISABLE accept. */
  names: FEATURE_NAMES,
} as const;
