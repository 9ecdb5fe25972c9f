/** What `launch` takes, checked. */
import { resolve } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import type { PinnedWorkerOptions } from '../cpu/worker.js';
import { systemError } from '../errors.js';
import type { AnonymousOptions } from '../memory/options.js';
import { planMapping } from '../memory/options.js';
import { planRing, type RingOptions } from '../ring/options.js';
import type { ListenOptions } from '../socket/listen.js';
import { MiB } from '../units.js';
import {
  abortSignal,
  boolean,
  integer,
  invalidType,
  invalidValue,
  milliseconds,
  oneOf,
  onlyKeys,
} from '../validate.js';
import { type Place, type PlaceOptions, planPlaces } from './places.js';
import type { ReadyWhen } from './protocol.js';

const { accessSync, constants } = process.getBuiltinModule('node:fs');

/** What becomes of a worker whose thread has failed. */
export interface RestartOptions {
  /** Before the first restart; twice as long before each that follows. Default 100. */
  minMs?: number;
  /** The longest wait. Default 10,000. */
  maxMs?: number;
  /** How many failures in a row are too many: the group then ends. Default 10. */
  limit?: number;
  /** A thread that was ready for so long had no part in the failures before it. Default 10,000. */
  stableMs?: number;
  /** Also when the thread ended by itself, with code 0. Default false: that worker has finished. */
  always?: boolean;
}

/** How each thread is made: options of `PinnedWorker.spawn`. */
export type WorkerThreadOptions = Pick<
  PinnedWorkerOptions,
  'argv' | 'env' | 'execArgv' | 'resourceLimits' | 'scheduler' | 'nice' | 'ioPriority' | 'memory'
>;

export interface LaunchOptions<Data = unknown> extends PlaceOptions {
  /** The module that each worker runs: a path, or a URL such as that of `import.meta.url`. */
  entry: string | URL;
  /** For every worker: a copy, as `structuredClone` makes it. Shared memory stays shared. */
  data?: Data;
  /**
   * Where to listen. Each worker has its own share of each port (SO_REUSEPORT), or a share in the
   * one Unix socket: `context.listener()`. The group keeps the sockets while threads change.
   */
  listen?: ListenOptions | readonly ListenOptions[];
  /** A connection goes to a worker that runs on the CPU on which it comes in. Default false. */
  steerByCpu?: boolean;
  /** Of `context.ring`. */
  ring?: RingOptions;
  /** Of `context.arena`. Default 16 MiB. */
  arena?: AnonymousOptions;
  /** 'called': a worker is ready when it calls `context.ready()`. Default 'evaluated'. */
  ready?: ReadyWhen;
  /** What is not ready by then has failed. Default 30,000. */
  readyTimeoutMs?: number;
  /** False: a failure ends the group. */
  restart?: RestartOptions | false;
  /** Between two signs of life. Default 250. */
  heartbeatMs?: number;
  /** Without a sign of life for so long a worker is blocked. Default 2,000. */
  blockedAfterMs?: number;
  /** A blocked worker is terminated, which is a failure. Default false. */
  terminateBlocked?: boolean;
  thread?: WorkerThreadOptions;
  /** Ends the launch, with an AbortError; or stops the group. */
  signal?: AbortSignal;
}

const KEYS = [
  ...['entry', 'workers', 'placement', 'oversubscribe', 'data', 'listen', 'steerByCpu', 'ring'],
  ...['arena', 'ready', 'readyTimeoutMs', 'restart', 'heartbeatMs', 'blockedAfterMs'],
  ...['terminateBlocked', 'thread', 'signal'],
];
const THREAD_KEYS = [
  ...['argv', 'env', 'execArgv', 'resourceLimits', 'scheduler', 'nice', 'ioPriority', 'memory'],
];

export interface RestartPlan {
  readonly minMs: number;
  readonly maxMs: number;
  readonly limit: number;
  readonly stableMs: number;
  readonly always: boolean;
}

export interface LaunchPlan {
  readonly places: readonly Place[];
  /** A URL. */
  entry: string;
  data: unknown;
  readonly listen: readonly ListenOptions[];
  readonly steerByCpu: boolean;
  readonly ring: RingOptions;
  readonly arena: AnonymousOptions;
  readonly readyWhen: ReadyWhen;
  readonly readyTimeoutMs: number;
  readonly restart: RestartPlan;
  readonly heartbeatMs: number;
  /** Looks without a sign of life, `heartbeatMs` apart, after which a worker is blocked. */
  readonly silentLooks: number;
  readonly terminateBlocked: boolean;
  readonly thread: WorkerThreadOptions;
  readonly signal: AbortSignal | undefined;
}

const TIMER_MAX = 2 ** 31 - 1;

export function planLaunch(options: LaunchOptions<unknown>): LaunchPlan {
  onlyKeys('options', options, KEYS);
  const { ring = {}, arena = { size: 16 * MiB }, thread = {}, listen = [] } = options;
  const entry = entryOf(options.entry);
  planRing(ring);
  planMapping(arena, ['share']);
  onlyKeys('options.thread', thread, THREAD_KEYS);
  const heartbeatMs = integer('options.heartbeatMs', options.heartbeatMs ?? 250, 1, TIMER_MAX);
  const blockedAfterMs = integer(
    'options.blockedAfterMs',
    options.blockedAfterMs ?? Math.max(2000, heartbeatMs),
    heartbeatMs,
    TIMER_MAX,
  );
  return {
    entry,
    data: options.data,
    listen: Array.isArray(listen) ? listen : [listen],
    steerByCpu: boolean('options.steerByCpu', options.steerByCpu ?? false),
    ring,
    arena,
    readyWhen: oneOf('options.ready', options.ready ?? 'evaluated', ['evaluated', 'called']),
    readyTimeoutMs: timeout('options.readyTimeoutMs', options.readyTimeoutMs ?? 30_000),
    restart: planRestart(options.restart ?? {}),
    heartbeatMs,
    silentLooks: Math.ceil(blockedAfterMs / heartbeatMs),
    terminateBlocked: boolean('options.terminateBlocked', options.terminateBlocked ?? false),
    thread,
    signal: abortSignal('options.signal', options.signal),
    places: planPlaces(options),
  };
}

/** Milliseconds that a timer of Node's can take. */
export function timeout(name: string, value: number): number {
  if (value > TIMER_MAX) return integer(name, value, 0, TIMER_MAX);
  return milliseconds(name, value);
}

function planRestart(options: RestartOptions | false): RestartPlan {
  if (options === false) return { minMs: 0, maxMs: 0, limit: 0, stableMs: 0, always: false };
  onlyKeys('options.restart', options, ['minMs', 'maxMs', 'limit', 'stableMs', 'always']);
  const { minMs = 100, maxMs = 10_000, limit = 10, stableMs = 10_000, always = false } = options;
  if (limit !== Infinity) integer('options.restart.limit', limit, 0, TIMER_MAX);
  return {
    minMs: timeout('options.restart.minMs', minMs),
    maxMs: timeout('options.restart.maxMs', maxMs),
    limit,
    stableMs: milliseconds('options.restart.stableMs', stableMs),
    always: boolean('options.restart.always', always),
  };
}

/**
 * The URL of a module that is there, so that its lack is told before anything begins.
 *
 * @errno ENOENT no such file
 */
export function entryOf(entry: string | URL): string {
  if (typeof entry !== 'string' && !(entry instanceof URL)) {
    throw invalidType('options.entry', 'a path or a URL', entry);
  }
  if (entry === '') throw invalidValue('options.entry', 'must not be empty', entry);
  const url = typeof entry === 'string' ? pathToFileURL(resolve(entry)) : entry;
  if (url.protocol !== 'file:') return url.href;
  const path = fileURLToPath(url);
  try {
    accessSync(path, constants.R_OK);
  } catch (error) {
    const { errno } = error as NodeJS.ErrnoException;
    if (errno !== undefined) throw systemError(errno, 'access', { path });
    throw error;
  }
  return url.href;
}
