/**
 * What this kernel, container and machine allow: found by trying, on first use, once per thread.
 */
import { UnsupportedError } from './errors.js';
import { FEATURE_NAMES } from './features/disabled.js';
import {
  bitFeature,
  type Feature,
  lazily,
  opFeature,
  registerFeature,
  setupFeature,
  syscallFeature,
} from './features/entries.js';
import { availability, type RingAvailability, requireIoUring } from './features/ring-support.js';
import { SYSTEM_CALLS } from './features/system-calls.js';
import { OPCODES, REGISTRATIONS, RING_FEATURES, SETUP_FLAGS } from './features/tables.js';
import { kernel } from './kernel.js';

export type { Feature } from './features/entries.js';
export { queryRing, type RingQuery } from './features/query.js';
export {
  opSupported,
  type RingAvailability,
  registerSupported,
  requireIoUring,
  setupFlagSupported,
} from './features/ring-support.js';
export type { Reason } from './refusals.js';

type Table = Readonly<Record<string, Feature>>;
let tables: Record<'op' | 'setup' | 'register' | 'ring' | 'syscall', Table> | undefined;

function allTables(): NonNullable<typeof tables> {
  tables ??= {
    op: lazily(OPCODES.map(([name, since], code) => [name, () => opFeature(name, since, code)])),
    setup: lazily(
      SETUP_FLAGS.map(([name, since], bit) => [name, () => setupFeature(name, since, bit)]),
    ),
    register: lazily(
      REGISTRATIONS.map(({ name, since }, code) => [
        name,
        () => registerFeature(name, since, code),
      ]),
    ),
    ring: lazily(
      RING_FEATURES.map(([name, since], bit) => [name, () => bitFeature(name, since, bit)]),
    ),
    syscall: lazily(SYSTEM_CALLS.map((row) => [row.name, () => syscallFeature(row)])),
  };
  return tables;
}

/**
 * Names are the kernel's without their prefix: `features.op.SEND_ZC`,
 * `features.setup.DEFER_TASKRUN`.
 */
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
  /**
   * One entry by its full name, such as 'op:SEND_ZC'; undefined when there is none of that name.
   */
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

/** Throws UnsupportedError before kernel `since`, for what cannot be asked for. */
export function requireKernel(feature: string, since: string): void {
  if (kernel.atLeast(since)) return;
  throw new UnsupportedError({ feature, since, kernel: kernel.release });
}

/** Throws UnsupportedError when the feature, such as 'op:SEND_ZC', cannot be used here. */
export function requireFeature(name: string): void {
  if (name === 'io_uring') {
    requireIoUring();
    return;
  }
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
