/** Every thread of this process and what it is there for, so that each can be placed. */
import { native } from '../native.js';
import { type Reader, readLine, system } from '../proc/read.js';
import { integer, invalidValue, oneOf, onlyKeys } from '../validate.js';
import { setAffinity } from './affinity.js';
import { CpuSet, type CpuSetLike } from './set.js';

const ROLES = [
  'main',
  'worker',
  'libuv-pool',
  'v8-platform',
  'inspector',
  'io-wq',
  'sqpoll',
  'unknown',
] as const;

/**
 * main: runs the program. worker: a node Worker. libuv-pool: files, DNS, crypto. v8-platform:
 * collects garbage and compiles. inspector: waits for a debugger's signal. io-wq: the kernel's
 * own workers for io_uring. sqpoll: polls a ring's submission queue.
 */
export type ThreadRole = (typeof ROLES)[number];

/** How a role was found out, the surest first. */
export type Evidence = 'itself' | 'name' | 'order' | 'none';

export interface ThreadInfo {
  /** For the `tid` option of whatever takes one. */
  readonly tid: number;
  /** As the kernel has it: at most 15 letters. */
  readonly name: string;
  readonly role: ThreadRole;
  /**
   * 'itself': the thread told us. 'name': by its name. 'order': Node starts its own threads in one
   * order before any program runs. 'none': nobody knows.
   */
  readonly evidence: Evidence;
  /** The CPUs on which it may run. */
  readonly cpus: CpuSet;
  /** The CPU that ran it last. */
  readonly lastCpu: number;
  /** A kernel worker, which `setAffinity` cannot move. */
  readonly bound: boolean;
}

/** What the kernel, Node 24 and later and libuv 1.50 and later call their threads. */
const NAMES: readonly (readonly [pattern: RegExp, role: ThreadRole])[] = [
  [/^iou-wrk-/, 'io-wq'],
  [/^iou-sqp-/, 'sqpoll'],
  [/^libuv-worker$/, 'libuv-pool'],
  [/^(V8Worker|DelayedTaskSche)/, 'v8-platform'],
  [/^SignalInspector$/, 'inspector'],
  [/^WorkerThread$/, 'worker'],
];

const LAST_CPU_FIELD = 36;
const FLAGS_FIELD = 6;
/** PF_NO_SETAFFINITY. */
const BOUND = 0x04000000;

interface Found {
  tid: number;
  name: string;
  fields: string[];
  cpus: string;
}

function readThreads(reader: Reader): Found[] {
  const found: Found[] = [];
  for (const tid of reader.names('/proc/self/task').map(Number)) {
    const stat = reader.text(`/proc/self/task/${tid}/stat`);
    const status = reader.text(`/proc/self/task/${tid}/status`);
    // It may have ended since the folder was listed.
    if (stat === undefined || status === undefined) continue;
    found.push({
      tid,
      name: readLine(`/proc/self/task/${tid}/comm`, reader) ?? '',
      fields: stat.slice(stat.lastIndexOf(') ') + 2).split(' '),
      cpus: /^Cpus_allowed_list:\s*(.*)$/m.exec(status)?.[1] ?? '',
    });
  }
  return found.sort((a, b) => a.tid - b.tid);
}

/** --v8-pool-size, from wherever Node takes it. */
function v8PoolSize(): number {
  const words = [...process.execArgv, ...(process.env['NODE_OPTIONS'] ?? '').split(/\s+/)];
  const given = words
    .map((word) => /^--v8[-_]pool[-_]size=(\d+)$/.exec(word)?.[1])
    .findLast(Boolean);
  return given === undefined ? 4 : Number(given);
}

type Known = Pick<ThreadInfo, 'role' | 'evidence'>;

/**
 * Node 20 names nothing and Node 22 one of them, but it starts its own threads before it runs a
 * program, in this order.
 */
function byOrder(found: readonly Found[], pid: number): Map<number, Known> {
  const known = new Map<number, Known>();
  if (found.some(({ name }) => name.startsWith('V8Worker'))) return known;
  const started = found.filter(({ tid, name }) => tid !== pid && !/^iou-/.test(name));
  // A scheduler of delayed tasks, then the pool; they share one role. A pid that has wrapped
  // around could sort later, so only what directly follows main in time counts.
  const platform = 1 + v8PoolSize();
  for (const [index, { tid }] of started.entries()) {
    if (index < platform) known.set(tid, { role: 'v8-platform', evidence: 'order' });
    else if (index === platform) known.set(tid, { role: 'inspector', evidence: 'order' });
  }
  return known;
}

function describe(found: readonly Found[], told: ReadonlyMap<number, ThreadRole>): ThreadInfo[] {
  const order = byOrder(found, process.pid);
  return found.map(({ tid, name, fields, cpus }) => {
    const role = told.get(tid);
    const [, named] = NAMES.find(([pattern]) => pattern.test(name)) ?? [];
    const known: Known =
      role !== undefined
        ? { role, evidence: 'itself' }
        : named !== undefined
          ? { role: named, evidence: 'name' }
          : (order.get(tid) ?? { role: 'unknown', evidence: 'none' });
    return {
      tid,
      name,
      ...known,
      cpus: CpuSet.parse(cpus),
      lastCpu: Number(fields[LAST_CPU_FIELD]),
      bound: (Number(fields[FLAGS_FIELD]) & BOUND) !== 0,
    };
  });
}

/** Threads of libuv's pool that have said so; they stay what they are until the process ends. */
const pool = new Set<number>();

/**
 * The threads of this process. Workers that have loaded this package are known by themselves; on
 * Node 20, which names no threads, other workers and libuv's pool are 'unknown' until
 * `identifyThreads` has asked.
 *
 * @man proc_pid_task(5)
 */
export function threads(): ThreadInfo[] {
  const told = new Map<number, ThreadRole>();
  for (const tid of pool) told.set(tid, 'libuv-pool');
  for (const tid of native.scriptThreads()) told.set(tid, 'worker');
  told.set(process.pid, 'main');
  return describe(readThreads(system), told);
}

const POOL_DEFAULT = 4;
const POOL_MAX = 1024;

export interface IdentifyOptions {
  /** How long a thread of the pool that is at work is waited for. Default 100. */
  timeoutMs?: number;
}

/**
 * As `threads`, after libuv's pool was asked: each of its threads gets one piece of work, which
 * starts them if none had any before.
 *
 * Resolves when all have answered; one that is busy for longer than `timeoutMs` may be missed.
 */
export async function identifyThreads(options: IdentifyOptions = {}): Promise<ThreadInfo[]> {
  onlyKeys('options', options, ['timeoutMs']);
  const timeoutMs = integer('options.timeoutMs', options.timeoutMs ?? 100, 0, 60_000);
  const size = Number(process.env['UV_THREADPOOL_SIZE'] ?? POOL_DEFAULT) || 1;
  for (const tid of await native.poolThreads(Math.min(size, POOL_MAX), timeoutMs)) pool.add(tid);
  return threads();
}

/**
 * Lets every thread of that role run on `cpus` only; answers those that were placed. For io_uring's
 * own workers a ring has `IORING_REGISTER_IOWQ_AFF` and its `sqThreadCpu`.
 *
 * @errno EINVAL a CPU is offline or outside the cpuset; kernel workers, which nobody may move
 * @man sched_setaffinity(2)
 */
export function setRoleAffinity(
  role: Exclude<ThreadRole, 'unknown'>,
  cpus: CpuSetLike,
): ThreadInfo[] {
  oneOf('role', role, ROLES.slice(0, -1) as Exclude<ThreadRole, 'unknown'>[]);
  const wanted = CpuSet.from(cpus);
  if (wanted.isEmpty) throw invalidValue('cpus', 'must have at least one CPU', cpus);
  const chosen = threads().filter((thread) => thread.role === role);
  for (const { tid } of chosen) {
    try {
      setAffinity(wanted, { tid });
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
    }
  }
  return threads().filter((thread) => chosen.some(({ tid }) => tid === thread.tid));
}
