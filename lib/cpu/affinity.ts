/** On which CPUs a thread may run: asked and set exactly, or not at all. */
import { EINVAL } from '../abi.js';
import { check, systemError } from '../errors.js';
import { native } from '../native.js';
import { readCpuset } from '../proc/cpuset.js';
import { readLine } from '../proc/read.js';
import { invalidValue } from '../validate.js';
import { exchangeAffinity, exchangeResult, readAffinity, writeAffinity } from './affinity-page.js';
import { CpuSet, type CpuSetLike } from './set.js';
import { factsOf, type ThreadOptions, threadOf } from './thread-option.js';

/** As many bits as a CpuSet may have: the kernel refuses a mask that is shorter than its own. */
const MASK_WORDS = 2048;
const WORD_BYTES = 4;

/** What the kernel answered for the thread: its CPUs, and no `-errno`. */
function known(answer: CpuSet | number, tid: number): CpuSet {
  if (typeof answer === 'number') throw systemError(answer, 'sched_getaffinity', factsOf(tid));
  return answer;
}

function affinityOf(tid: number): CpuSet {
  return known(readAffinity(tid), tid);
}

/**
 * The CPUs on which the thread may run now.
 *
 * @errno ESRCH no thread has that id
 * @man sched_getaffinity(2)
 */
export function getAffinity(options?: ThreadOptions): CpuSet {
  return affinityOf(threadOf(options));
}

/**
 * Lets the thread run on `cpus` only, and on each of them.
 *
 * The kernel takes a set of which it can give only a part, and gives that; here the thread then
 * keeps the CPUs that it had, and the call throws. That takes one system call for one CPU, two for
 * a part of what the thread has now, and three for more than that.
 *
 * Threads that it starts later inherit the set, so pinning the main thread first pins V8's and
 * libuv's helpers too.
 *
 * @errno EINVAL a CPU is offline or outside the cpuset; or a kernel worker, which nobody may move
 * @errno EPERM another user's thread, without CAP_SYS_NICE; or a seccomp filter
 * @errno ESRCH no thread has that id
 * @errno EBUSY a deadline thread, whose share of time is promised on all of its CPUs
 * @man sched_setaffinity(2)
 */
export function setAffinity(cpus: CpuSetLike, options?: ThreadOptions): void {
  const wanted = CpuSet.from(cpus);
  const tid = threadOf(options);
  if (wanted.isEmpty) throw invalidValue('cpus', 'must have at least one CPU', cpus);
  // Of one CPU there is no part: the kernel gives it, or refuses.
  if (wanted.size === 1) {
    const result = writeAffinity(tid, wanted);
    if (result < 0) throw refused(result, tid, wanted);
    return;
  }
  const earlier = known(exchangeAffinity(tid, wanted), tid);
  const result = exchangeResult();
  if (result < 0) throw refused(result, tid, wanted);
  // What the thread had was all within its cpuset, and so is each part of it.
  if (wanted.isSubsetOf(earlier) || affinityOf(tid).equals(wanted)) return;
  writeAffinity(tid, earlier);
  throw refused(-EINVAL, tid, wanted);
}

function refused(result: number, tid: number, wanted: CpuSet): Error {
  const allowed = CpuSet.parse(permitted(tid));
  const outside = wanted.difference(allowed);
  const facts = { cpus: `${outside.isEmpty ? wanted : outside}`, allowed: `${allowed}` };
  return systemError(result, 'sched_setaffinity', factsOf(tid, facts));
}

/** What the kernel would let the thread have: its cpuset, or every CPU that is online. */
function permitted(tid: number): string {
  return readCpuset('cpus', undefined, tid) ?? readLine('/sys/devices/system/cpu/online') ?? '';
}

/**
 * The CPUs that this process was started with (by taskset, a service manager or a cpuset), less
 * those that its cpuset has lost since. Narrowing the affinity of a thread does not change it.
 *
 * @man sched_getaffinity(2), cpuset(7)
 */
export function allowedCpus(): CpuSet {
  const first = new Uint32Array(MASK_WORDS);
  const bytes = check(native.firstAffinity(first), 'sched_getaffinity');
  const started = CpuSet.fromWords(first, bytes / WORD_BYTES);
  const now = CpuSet.parse(permitted(0));
  const left = now.isEmpty ? started : started.intersection(now);
  // A cpuset that shares nothing with what we began with has replaced it.
  return left.isEmpty ? now : left;
}

/** The CPU that runs this thread at this moment, and its NUMA node. */
export interface Whereabouts {
  readonly cpu: number;
  readonly node: number;
}

const HIGH = 2 ** 32;

/**
 * Where this thread runs. It may have moved by the time you look, unless it is pinned.
 *
 * @man getcpu(2)
 */
export function getcpu(): Whereabouts {
  const both = check(native.getcpu(), 'getcpu');
  return { cpu: both % HIGH, node: Math.floor(both / HIGH) };
}

/** The kernel's number of this thread, unlike Node's `threadId` known to every tool. */
export function gettid(): number {
  return native.gettid();
}
