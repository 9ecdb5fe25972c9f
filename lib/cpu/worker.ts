/** A node Worker whose thread is placed before the first line of its module runs. */
import { resolve } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { MessageChannel, type MessagePort, Worker, type WorkerOptions } from 'node:worker_threads';
import { ESRCH } from '../abi.js';
import { SystemError, systemError } from '../errors.js';
import { integer, invalidType, invalidValue, onlyKeys } from '../validate.js';
import { allowedCpus, getAffinity } from './affinity.js';
import type { IoPriority } from './priority.js';
import { attributesOf, type SchedulerOptions } from './scheduler.js';
import { CpuSet, type CpuSetLike } from './set.js';

export interface PinnedWorkerOptions extends Omit<WorkerOptions, 'eval'> {
  /** Where it may run: `place()` gives one set for each of several. */
  cpus: CpuSetLike;
  scheduler?: SchedulerOptions;
  /** -20 to 19. */
  nice?: number;
  ioPriority?: IoPriority;
  /** On which NUMA nodes its memory goes: what `setPolicy` of `nearmetal/numa` takes. */
  memory?: { policy: string; nodes?: readonly number[]; [flag: string]: unknown };
}

const OURS = ['cpus', 'scheduler', 'nice', 'ioPriority', 'memory'];
const THEIRS = [
  ...['argv', 'env', 'execArgv', 'stdin', 'stdout', 'stderr', 'workerData', 'transferList'],
  ...['resourceLimits', 'trackUnmanagedFds', 'name'],
];

/** What the thread is told, as it goes through a message. */
interface Orders {
  readonly entry: string;
  readonly path: string | undefined;
  readonly faces: { readonly cpu: string; readonly numa: string };
  readonly cpus: string;
  readonly scheduler: SchedulerOptions | undefined;
  readonly nice: number | undefined;
  readonly ioPriority: IoPriority | undefined;
  readonly memory: object | undefined;
}

interface Failure {
  readonly name: string;
  readonly message: string;
  readonly code?: string;
  readonly errno?: number;
  readonly syscall?: string;
  readonly hint?: string;
}

/**
 * Runs in the thread, before the module: takes its orders out of workerData, follows them, reports,
 * and waits for a word until the caller has had its turn. Plain `import()`, since the text may be
 * run as a script or as a module.
 */
const BOOTSTRAP = `
import('node:worker_threads').then(async ({ default: threads }) => {
  const { orders, port, data } = threads.workerData;
  const { syncBuiltinESMExports } = await import('node:module');
  threads.workerData = data;
  syncBuiltinESMExports();
  if (orders.path !== undefined) process.argv[1] = orders.path;
  try {
    const cpu = await import(orders.faces.cpu);
    cpu.setAffinity(orders.cpus);
    if (orders.memory) (await import(orders.faces.numa)).setPolicy(orders.memory);
    if (orders.ioPriority) cpu.setIoPriority(orders.ioPriority);
    if (orders.nice !== undefined) cpu.setNice(orders.nice);
    if (orders.scheduler) cpu.setScheduler(orders.scheduler);
    port.postMessage({ tid: cpu.gettid() });
  } catch ({ name, message, code, errno, syscall, hint }) {
    port.postMessage({ failure: { name, message, code, errno, syscall, hint } });
    port.close();
    return;
  }
  await new Promise((resolve) => port.once('message', resolve));
  port.close();
  await import(orders.entry);
});
`;

function ordersOf(entry: string | URL, options: PinnedWorkerOptions): Orders {
  onlyKeys('options', options, [...OURS, ...THEIRS]);
  const cpus = CpuSet.from(options.cpus);
  if (cpus.isEmpty) throw invalidValue('options.cpus', 'must have at least one CPU', options.cpus);
  const { scheduler, nice, ioPriority, memory } = options;
  if (scheduler !== undefined) attributesOf(scheduler);
  if (nice !== undefined) integer('options.nice', nice, -20, 19);
  if (typeof entry !== 'string' && !(entry instanceof URL)) {
    throw invalidType('entry', 'a path or a URL', entry);
  }
  const url = typeof entry === 'string' ? pathToFileURL(resolve(entry)) : entry;
  return {
    entry: url.href,
    path: url.protocol === 'file:' ? fileURLToPath(url) : undefined,
    // All bundles lie in one folder.
    faces: {
      cpu: new URL('./cpu.js', import.meta.url).href,
      numa: new URL('./numa.js', import.meta.url).href,
    },
    cpus: `${cpus}`,
    scheduler,
    nice,
    ioPriority,
    memory,
  };
}

/** The error of the thread, as if it had been thrown here. */
function errorOf({ name, message, code, errno, syscall, hint }: Failure): Error {
  if (errno !== undefined && syscall !== undefined) {
    const error = systemError(errno, syscall);
    Object.defineProperty(error, 'hint', { value: hint, enumerable: hint !== undefined });
    return error;
  }
  const kind = name === 'TypeError' ? TypeError : name === 'RangeError' ? RangeError : Error;
  return Object.assign(new kind(message), code === undefined ? {} : { code });
}

/** Resolves with the thread's id when it has done as it was told. */
function report(worker: Worker, port: MessagePort): Promise<number> {
  return new Promise((settle, reject) => {
    port.once('message', ({ tid, failure }: { tid: number; failure?: Failure }) => {
      worker.off('error', reject).off('exit', gone);
      if (failure === undefined) settle(tid);
      else reject(errorOf(failure));
    });
    const gone = (code: number) =>
      reject(new Error(`the worker ended with ${code} before its module was run`));
    worker.once('error', reject).once('exit', gone);
  });
}

/**
 * A worker thread on CPUs of its own, and with a policy, priorities and memory of its own, all set
 * before its module is evaluated. Where any of them is refused, nothing of the module runs.
 *
 * The thread alone is placed: V8's and libuv's helper threads serve all threads of the process
 * (see `threads`). Its JavaScript heap begins before it is placed.
 *
 * @man sched_setaffinity(2)
 */
export class PinnedWorker implements AsyncDisposable {
  readonly worker: Worker;
  /** As it was asked for; a cpuset that shrinks later takes from it: see `affinity`. */
  readonly cpus: CpuSet;
  /** For the `tid` option of whatever takes one. */
  readonly tid: number;
  #ended = false;

  private constructor(worker: Worker, cpus: CpuSet, tid: number) {
    this.worker = worker;
    this.cpus = cpus;
    this.tid = tid;
    worker.once('exit', () => {
      this.#ended = true;
    });
  }

  /**
   * Starts a worker with the module at `entry`. Its `message` events begin after the turn in which
   * this resolves, so none is lost to a listener that is added right away.
   *
   * @errno EINVAL a CPU is offline or outside the cpuset
   * @errno EPERM a policy or priority needs CAP_SYS_NICE or a limit
   */
  static async spawn(entry: string | URL, options: PinnedWorkerOptions): Promise<PinnedWorker> {
    const orders = ordersOf(entry, options);
    const { port1, port2 } = new MessageChannel();
    const theirs = Object.entries(options).filter(([key]) => !OURS.includes(key));
    const worker = new Worker(BOOTSTRAP, {
      ...Object.fromEntries(theirs),
      eval: true,
      workerData: { orders, port: port2, data: options.workerData },
      transferList: [...(options.transferList ?? []), port2],
    });
    try {
      const tid = await report(worker, port1);
      setImmediate(() => {
        port1.postMessage('go');
        port1.close();
      });
      return new PinnedWorker(worker, CpuSet.parse(orders.cpus), tid);
    } catch (error) {
      port1.close();
      await worker.terminate();
      throw error;
    }
  }

  /**
   * The CPUs on which it may run now.
   *
   * @errno ESRCH it has ended
   */
  affinity(): CpuSet {
    if (this.#ended) throw systemError(-ESRCH, 'sched_getaffinity', { facts: { tid: this.tid } });
    return getAffinity({ tid: this.tid });
  }

  /** False when a cpuset has taken CPUs from it, somebody has moved it, or it has ended. */
  get isPinned(): boolean {
    try {
      return this.affinity().equals(this.cpus) && this.cpus.isSubsetOf(allowedCpus());
    } catch (error) {
      if (SystemError.is(error, 'ESRCH')) return false;
      throw error;
    }
  }

  /** Ends the thread; resolves with its exit code. */
  terminate(): Promise<number> {
    return this.worker.terminate();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.terminate();
  }
}
