/** Options of a ring, and their lowering to IORING_SETUP_* flags. */
import {
  IORING_SETUP_ATTACH_WQ,
  IORING_SETUP_CLAMP,
  IORING_SETUP_COOP_TASKRUN,
  IORING_SETUP_CQE_MIXED,
  IORING_SETUP_CQE32,
  IORING_SETUP_CQSIZE,
  IORING_SETUP_DEFER_TASKRUN,
  IORING_SETUP_HYBRID_IOPOLL,
  IORING_SETUP_IOPOLL,
  IORING_SETUP_NO_MMAP,
  IORING_SETUP_NO_SQARRAY,
  IORING_SETUP_R_DISABLED,
  IORING_SETUP_REGISTERED_FD_ONLY,
  IORING_SETUP_SINGLE_ISSUER,
  IORING_SETUP_SQ_AFF,
  IORING_SETUP_SQ_REWIND,
  IORING_SETUP_SQE_MIXED,
  IORING_SETUP_SQE128,
  IORING_SETUP_SQPOLL,
  IORING_SETUP_SUBMIT_ALL,
  IORING_SETUP_TASKRUN_FLAG,
} from '../abi.js';
import { UnsupportedError } from '../errors.js';
import { kernel } from '../kernel.js';
import { choosePages, type HugePage, type HugePageFallback } from '../memory/pages.js';
import { boolean, integer, invalidType, invalidValue, oneOf, onlyKeys } from '../validate.js';
import { defaultLoop } from '../watch.js';
import { BUFFERS_MAX } from './registrations/buffer-table.js';
import { FILES_MAX } from './registrations/file-table.js';

export interface RingOptions {
  /** Submission queue entries, rounded up to a power of two. Default 256. */
  entries?: number;
  /**
   * Completion queue entries, rounded up to a power of two, at least `entries`. Default 4096 or
   * `entries`.
   */
  completionEntries?: number;
  /**
   * What wakes JavaScript: Node's loop, a helper thread (the default off Node), or `runLoop` only.
   */
  loop?: 'uv' | 'thread' | 'own';
  /** Completions handled per turn of the loop before timers and others get theirs. Default 256. */
  budget?: number;
  /**
   * How long `close` waits for the kernel before it leaks what is left, on purpose. Default 5000.
   */
  closeTimeoutMs?: number;
  /**
   * Slots of the ring's table of files (`ring.files`), made when first used: half of them for the
   * kernel to choose from. At most RLIMIT_NOFILE. Default 1024.
   */
  fileSlots?: number;
  /** Slots of the ring's table of buffers, made when first used; 16384 at most. Default 1024. */
  bufferSlots?: number;
  /** False leaves the ring disabled until `ring.enable()`: what is started before waits. */
  enabled?: boolean;
  /** Remembers where each operation was started, and says so in its error. Default false. */
  debug?: boolean;

  // IORING_SETUP_* by their own names. Those without a default here are on wherever they work.
  clamp?: boolean;
  submitAll?: boolean;
  singleIssuer?: boolean;
  /** On Linux 6.2 to 6.15 only on when asked for, or with `loop: 'own'`: see docs/departures.md. */
  deferTaskrun?: boolean;
  taskrunFlag?: boolean;
  noSqarray?: boolean;
  rDisabled?: boolean;
  /** Default false, as are all that follow. */
  coopTaskrun?: boolean;
  iopoll?: boolean;
  hybridIopoll?: boolean;
  /** A kernel thread submits. It keeps the rights that the process had when the ring was made. */
  sqpoll?: boolean;
  sqThreadIdleMs?: number;
  /** Pins the kernel thread (IORING_SETUP_SQ_AFF). */
  sqThreadCpu?: number;
  sqe128?: boolean;
  cqe32?: boolean;
  /**
   * Completions of two sizes (6.18). Keep at most half of `completionEntries` in flight: when the
   * queue is full, kernel 6.18 shows completions out of order, and an old one once more, which
   * `Ring` tells by its generation and counts as `stale`.
   */
  cqeMixed?: boolean;
  /** Entries of two sizes (6.19); ours are of the small one. */
  sqeMixed?: boolean;
  /** Refused: our queue goes round. */
  sqRewind?: boolean;
  /**
   * The queues are in memory of the library, on hugepages if asked, which saves the processor
   * translations (6.5; before 6.10 what is larger than a page must be on one hugepage).
   */
  noMmap?: boolean | { readonly hugePage: HugePage; readonly orElse?: HugePageFallback };
  /**
   * Without a descriptor: the ring is an entry in the kernel's table of this thread, of 16 at most.
   * Needs `noMmap`.
   */
  registeredFdOnly?: boolean;
  /** Shares the worker threads of another ring (IORING_SETUP_ATTACH_WQ). */
  attachWq?: { readonly fd: number };
}

/** Options after checking, with every default in place. */
export interface RingPlan {
  entries: number;
  completionEntries: number;
  budget: number;
  closeTimeoutMs: number;
  debug: boolean;
  fileSlots: number;
  bufferSlots: number;
  loop: 'uv' | 'thread' | 'own';
  /** Asked for by name: refused with an error where the kernel lacks them. */
  required: number;
  /** On by default: left out where the kernel lacks them. */
  wished: number;
  sqThreadIdleMs: number;
  sqThreadCpu: number;
  attachWqFd: number;
  /** Where the queues are, when the library makes their memory. */
  memory: { readonly hugePage?: HugePage; readonly orElse?: HugePageFallback } | undefined;
  enabled: boolean;
}

export const FLAG_OF = {
  clamp: IORING_SETUP_CLAMP,
  submitAll: IORING_SETUP_SUBMIT_ALL,
  singleIssuer: IORING_SETUP_SINGLE_ISSUER,
  deferTaskrun: IORING_SETUP_DEFER_TASKRUN,
  taskrunFlag: IORING_SETUP_TASKRUN_FLAG,
  noSqarray: IORING_SETUP_NO_SQARRAY,
  rDisabled: IORING_SETUP_R_DISABLED,
  coopTaskrun: IORING_SETUP_COOP_TASKRUN,
  iopoll: IORING_SETUP_IOPOLL,
  hybridIopoll: IORING_SETUP_HYBRID_IOPOLL,
  sqpoll: IORING_SETUP_SQPOLL,
  sqe128: IORING_SETUP_SQE128,
  cqe32: IORING_SETUP_CQE32,
  cqeMixed: IORING_SETUP_CQE_MIXED,
  sqeMixed: IORING_SETUP_SQE_MIXED,
  sqRewind: IORING_SETUP_SQ_REWIND,
  registeredFdOnly: IORING_SETUP_REGISTERED_FD_ONLY,
} as const;

type FlagName = keyof typeof FLAG_OF;

const DEFAULTS: readonly FlagName[] = [
  'clamp',
  'submitAll',
  'singleIssuer',
  'deferTaskrun',
  'taskrunFlag',
  'noSqarray',
  'rDisabled',
];

const VALUES = [
  'entries',
  'completionEntries',
  'loop',
  'budget',
  'closeTimeoutMs',
  'debug',
  'fileSlots',
  'bufferSlots',
  'sqThreadIdleMs',
  'sqThreadCpu',
  'attachWq',
  'noMmap',
  'enabled',
] as const;

/** The kernel's own limit; twice as many completions. */
export const ENTRIES_MAX = 32_768;
const DEFAULT_COMPLETIONS = 4096;

export function planRing(options: RingOptions): RingPlan {
  onlyKeys('options', options, [...VALUES, ...Object.keys(FLAG_OF)]);
  const entries = integer('entries', options.entries ?? 256, 1, ENTRIES_MAX);
  const completionEntries = integer(
    'completionEntries',
    options.completionEntries ?? Math.max(DEFAULT_COMPLETIONS, powerOfTwo(entries) * 2),
    entries,
    ENTRIES_MAX * 2,
  );
  const plan: RingPlan = {
    entries,
    completionEntries: powerOfTwo(completionEntries),
    budget: integer('budget', options.budget ?? 256, 1, 65_536),
    closeTimeoutMs: integer('closeTimeoutMs', options.closeTimeoutMs ?? 5000, 0, 2 ** 31 - 1),
    debug: boolean('debug', options.debug ?? false),
    fileSlots: integer('fileSlots', options.fileSlots ?? 1024, 2, FILES_MAX),
    bufferSlots: integer('bufferSlots', options.bufferSlots ?? 1024, 1, BUFFERS_MAX),
    loop: oneOf('loop', options.loop ?? defaultLoop(), ['uv', 'thread', 'own'] as const),
    required: IORING_SETUP_CQSIZE,
    wished: 0,
    sqThreadIdleMs: integer('sqThreadIdleMs', options.sqThreadIdleMs ?? 1, 0, 2 ** 31 - 1),
    sqThreadCpu: integer('sqThreadCpu', options.sqThreadCpu ?? 0, 0, 8191),
    attachWqFd: attachedRing(options.attachWq),
    memory: memoryOf(options.noMmap),
    enabled: boolean('enabled', options.enabled ?? true),
  };
  for (const [name, flag] of Object.entries(FLAG_OF) as [FlagName, number][]) {
    const chosen = options[name];
    if (chosen === undefined) {
      if (DEFAULTS.includes(name)) plan.wished |= flag;
    } else if (boolean(name, chosen)) plan.required |= flag;
  }
  if (options.sqThreadCpu !== undefined) plan.required |= IORING_SETUP_SQ_AFF;
  if (plan.attachWqFd >= 0) plan.required |= IORING_SETUP_ATTACH_WQ;
  if (plan.memory !== undefined) plan.required |= IORING_SETUP_NO_MMAP;
  if (!plan.enabled) plan.required |= IORING_SETUP_R_DISABLED;
  if (plan.required & IORING_SETUP_SQ_REWIND) {
    throw new UnsupportedError({
      feature: 'setup:SQ_REWIND',
      since: '7.0',
      kernel: kernel.release,
      reason: 'the submission queue of this library goes round, and is not rewound',
    });
  }
  if (plan.loop !== 'own' && options.coopTaskrun !== false && sleepsThroughDeferredWork()) {
    deferNothing(plan);
  }
  return dropConflicts(plan, options);
}

function memoryOf(chosen: RingOptions['noMmap']): RingPlan['memory'] {
  if (chosen === undefined || chosen === false) return undefined;
  if (chosen === true) return {};
  if (typeof chosen !== 'object' || chosen === null) {
    throw invalidType('noMmap', 'true, false or { hugePage }', chosen);
  }
  onlyKeys('noMmap', chosen, ['hugePage', 'orElse']);
  choosePages(chosen.hugePage, chosen.orElse);
  return chosen;
}

/**
 * On 6.12 a registered eventfd is not signalled for every deferred completion: with 50 ms of delay
 * on loopback, half of the accepts stayed in the kernel with IORING_SQ_TASKRUN set and nobody told.
 * 6.1, 6.16, 6.18 and 7.3 signal each; what lies between has not been tried. No probe can tell
 * without the delay.
 */
function sleepsThroughDeferredWork(): boolean {
  return kernel.atLeast('6.2') && !kernel.atLeast('6.16');
}

/** Completions are posted as soon as the thread is in the kernel, with no interrupt for it. */
function deferNothing(plan: RingPlan): void {
  if ((plan.wished & IORING_SETUP_DEFER_TASKRUN) === 0) return;
  plan.wished = (plan.wished & ~IORING_SETUP_DEFER_TASKRUN) | IORING_SETUP_COOP_TASKRUN;
}

/**
 * Defaults give way to what was asked for by name; two such requests that exclude each other do
 * not.
 */
function dropConflicts(plan: RingPlan, options: RingOptions): RingPlan {
  const asked = plan.required;
  const task = IORING_SETUP_DEFER_TASKRUN | IORING_SETUP_COOP_TASKRUN | IORING_SETUP_TASKRUN_FLAG;
  if (asked & IORING_SETUP_SQPOLL) {
    if (asked & task)
      throw invalidValue('sqpoll', 'must be false together with task-run flags', true);
    plan.wished &= ~task;
  }
  if (asked & IORING_SETUP_COOP_TASKRUN) plan.wished &= ~IORING_SETUP_DEFER_TASKRUN;
  if (options.singleIssuer === false) {
    if (asked & IORING_SETUP_DEFER_TASKRUN) {
      throw invalidValue('deferTaskrun', 'must be false unless singleIssuer is true', true);
    }
    plan.wished &= ~IORING_SETUP_DEFER_TASKRUN;
  }
  if (asked & IORING_SETUP_REGISTERED_FD_ONLY && plan.memory === undefined) {
    throw invalidValue('registeredFdOnly', 'must be false unless noMmap is true', true);
  }
  if (!plan.enabled && options.rDisabled === false) {
    throw invalidValue('rDisabled', 'must be true when enabled is false', false);
  }
  if (asked & IORING_SETUP_CQE32 && asked & IORING_SETUP_CQE_MIXED) {
    throw invalidValue('cqeMixed', 'must be false when cqe32 is true', true);
  }
  const some = (plan.wished | asked) & (IORING_SETUP_DEFER_TASKRUN | IORING_SETUP_COOP_TASKRUN);
  if (some === 0) plan.wished &= ~IORING_SETUP_TASKRUN_FLAG;
  if (asked & IORING_SETUP_SQ_AFF && !(asked & IORING_SETUP_SQPOLL)) {
    throw invalidValue(
      'sqThreadCpu',
      'must be left out unless sqpoll is true',
      options.sqThreadCpu,
    );
  }
  if (asked & IORING_SETUP_HYBRID_IOPOLL && !(asked & IORING_SETUP_IOPOLL)) {
    throw invalidValue('hybridIopoll', 'must be false unless iopoll is true', true);
  }
  return plan;
}

function attachedRing(ring: unknown): number {
  if (ring === undefined) return -1;
  const fd = (ring as { fd?: unknown } | null)?.fd;
  return integer('attachWq.fd', fd, 0, 2 ** 31 - 1);
}

export function powerOfTwo(value: number): number {
  return 2 ** Math.ceil(Math.log2(value));
}
