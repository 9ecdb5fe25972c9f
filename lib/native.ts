/**
 * The one door to the addon: loads it, and states what it exports. Every call answers a result or
 * `-errno`.
 */
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import { UnsupportedError } from './errors.js';
import type { DescriptorCalls } from './native/descriptors.js';
import type { PoolCalls } from './native/pool.js';
import type { SpliceCalls } from './native/splice.js';

/** Anything that a system call may read from or write to while it runs. */
export type Bytes = ArrayBufferView;

/** A page of memory, and functions that take their arguments there and leave their answers. */
export type CallPage<Names extends string> =
  | ({ readonly page: ArrayBuffer } & { readonly [Name in Names]: () => void })
  | number;

/** Native memory: an id in this thread's table, good until `regionRelease`. */
export type RegionId = number;

/**
 * One function, one system call, arguments in the order of the man page, unless a comment says
 * more.
 * A ring is named by its descriptor. 64-bit values that fit a double are passed as one.
 */
export interface Native extends DescriptorCalls, PoolCalls, SpliceCalls {
  // --- facts -----------------------------------------------------------------------------------
  /** Every kernel constant that `abi.ts` states, as the C compiler saw it. */
  readonly constants: Readonly<Record<string, number>>;
  /** True in the build whose system calls can be made to fail (see `native/seam.h`). */
  readonly hasSeam: boolean;
  /** Bytes of an ordinary page: 4096, or 16 or 64 KiB in some kernels for arm64. */
  readonly pageBytes: number;

  // --- descriptors -----------------------------------------------------------------------------
  /**
   * One bit per descriptor owned by this thread's JavaScript; what is set when the thread ends is
   * closed.
   */
  readonly ownedFds: Uint32Array;
  close(fd: number): number;
  eventfd2(initial: number, flags: number): number;
  /** read(2) and write(2) of the 8 bytes that are a count (`lib/fd/counter-page.ts`). */
  counterPage(): CallPage<'read' | 'write'>;
  read(fd: number, target: Bytes): number;
  write(fd: number, source: Bytes): number;
  fcntl(fd: number, command: number, argument: number): number;
  /** With an argument that the kernel reads or writes in place. */
  ioctl(fd: number, request: number, argument: Bytes): number;
  /**
   * A raw system call with integer arguments only: for probes that are answered before memory is
   * touched.
   */
  syscall(number: number, ...integers: number[]): number;

  // --- sockets ---------------------------------------------------------------------------------
  socket(domain: number, type: number, protocol: number): number;
  bind(fd: number, address: Bytes): number;
  listen(fd: number, backlog: number): number;
  setsockopt(fd: number, level: number, name: number, value: Bytes): number;
  /** As `setsockopt`, for options that take a program: instructions of 8 bytes (`sock_filter`). */
  attachFilter(fd: number, level: number, name: number, program: Bytes): number;
  /** Answers the length that the kernel wrote. */
  getsockopt(fd: number, level: number, name: number, value: Bytes): number;
  /** Answers the length that the kernel wrote. */
  getsockname(fd: number, address: Bytes): number;
  /** Answers the length that the kernel wrote. */
  getpeername(fd: number, address: Bytes): number;
  /** 1 when `text` is an address of `family`, 0 when it is not (inet_pton(3)). */
  inetPton(family: number, text: string, target: Bytes): number;
  inetNtop(family: number, source: Bytes): string | number;

  // --- sockets, moving bytes ---------------------------------------------------------------------
  accept4(listener: number, flags: number): number;
  connect(fd: number, address: Bytes): number;
  shutdown(fd: number, how: number): number;
  recv(fd: number, target: Bytes, flags: number): number;
  /** Part of `source`. */
  send(fd: number, source: Bytes, offset: number, length: number, flags: number): number;
  /** recv(2) and send(2) of memory named by address (`lib/loop/transfer-page.ts`). */
  transferPage(): CallPage<'recv' | 'send'>;
  /** recvmmsg(2) and sendmmsg(2) of memory named by address (`lib/loop/datagram-page.ts`). */
  datagramPage(): CallPage<'recvmmsg' | 'sendmmsg'>;

  // --- memory ----------------------------------------------------------------------------------
  /**
   * mmap(2), then MADV_DONTFORK. Answers a region id with one count, held by the caller. MAP_FIXED
   * is refused.
   */
  regionMap(
    address: number,
    length: number,
    protection: number,
    flags: number,
    fd: number,
    offset: number,
  ): RegionId;
  /** A new ArrayBuffer over the whole region; it holds a count of its own. */
  regionBuffer(region: RegionId): ArrayBuffer | number;
  regionAddress(region: RegionId): number;
  /** mremap(2); answers the new address. No view may show the region, no ring may know it. */
  regionRemap(region: RegionId, length: number, flags: number): number;
  regionAdvise(region: RegionId, offset: number, length: number, advice: number): number;
  regionProtect(region: RegionId, offset: number, length: number, protection: number): number;
  regionSync(region: RegionId, offset: number, length: number, flags: number): number;
  /** mlock2(2). */
  regionLock(region: RegionId, offset: number, length: number, flags: number): number;
  regionUnlock(region: RegionId, offset: number, length: number): number;
  /** mincore(2): a byte of `pages` for each page. */
  regionCore(region: RegionId, offset: number, length: number, pages: Bytes): number;
  /** PR_SET_VMA_ANON_NAME of prctl(2). */
  regionName(region: RegionId, name: string): number;
  /** process_vm_readv(2) of this process: EFAULT where a load would be a signal. */
  regionRead(region: RegionId, offset: number, target: Bytes): number;
  /** process_vm_writev(2) of this process: EFAULT where a store would be a signal. */
  regionWrite(region: RegionId, offset: number, source: Bytes): number;
  /**
   * process_vm_readv(2) of `count` (at most 1024) single bytes, `step` apart; with `write` each
   * onto itself. Answers how many.
   */
  regionTouch(
    region: RegionId,
    offset: number,
    step: number,
    count: number,
    write: boolean,
  ): number;
  /** PAGEMAP_SCAN of `fd`: triples (start, end, categories) into `found`; answers how many. */
  pagemapScan(
    region: RegionId,
    offset: number,
    length: number,
    fd: number,
    categories: number,
    found: Bytes,
  ): number;
  /** Answers a descriptor. */
  memfdCreate(name: string, flags: number): number;
  /** `struct rusage` into `usage`. */
  getrusage(who: number, usage: Bytes): number;
  /**
   * Drops the caller's count; the memory goes with the last one. With `emptied` the counts of its
   * ArrayBuffers do not matter any more: no view of them shows it.
   */
  regionRelease(region: RegionId, emptied: boolean): number;
  /**
   * Empties every view of `buffer`. Aborts the process on a buffer marked as untransferable: ask
   * first.
   */
  detach(buffer: ArrayBuffer): number;
  /** Bytes and regions mapped now by this process through us. */
  regionStats(): { regions: number; bytes: number };

  // --- nodes -----------------------------------------------------------------------------------
  // A set of nodes is one bit for each, 64 to a word.
  mbind(
    region: RegionId,
    offset: number,
    length: number,
    mode: number,
    nodes: Bytes | null,
    flags: number,
  ): number;
  setMempolicy(mode: number, nodes: Bytes | null): number;
  /** Answers the mode; the set goes into `nodes`. The address counts with MPOL_F_ADDR only. */
  getMempolicy(nodes: Bytes | null, region: RegionId, offset: number, flags: number): number;
  setMempolicyHomeNode(
    region: RegionId,
    offset: number,
    length: number,
    node: number,
    flags: number,
  ): number;
  /**
   * move_pages(2) of this process, for pages `step` apart: one 32-bit integer of `nodes` and of
   * `status` for each. Without `nodes` it only says where they are.
   */
  movePages(
    region: RegionId,
    offset: number,
    step: number,
    nodes: Bytes | null,
    status: Bytes,
    flags: number,
  ): number;
  migratePages(process: number, from: Bytes, to: Bytes): number;

  // --- scheduling: thread 0 is the calling one --------------------------------------------------
  /** sched_setaffinity(2), sched_getaffinity(2), both (`lib/cpu/affinity-page.ts`). */
  openAffinity(): CallPage<'schedSetaffinity' | 'schedGetaffinity' | 'schedExchangeAffinity'>;
  /** `attributes` is `struct sched_attr`, which begins with its own size. */
  schedSetattr(tid: number, attributes: Bytes, flags: number): number;
  schedGetattr(tid: number, attributes: Bytes, flags: number): number;
  /** The node times 2^32, plus the CPU. */
  getcpu(): number;
  gettid(): number;
  setpriority(which: number, who: number, nice: number): number;
  /** 20 less the nice value, which is never negative. */
  getpriority(which: number, who: number): number;
  ioprioSet(which: number, who: number, priority: number): number;
  ioprioGet(which: number, who: number): number;
  /** prctl(2), for the calling thread only. */
  setTimerslack(nanoseconds: number): number;
  getTimerslack(): number;

  // --- threads and time ------------------------------------------------------------------------
  /** Ids of the threads that have loaded the addon. */
  scriptThreads(): number[];
  /** The affinity that this process had when it first loaded the addon, as sched_getaffinity(2). */
  firstAffinity(mask: Bytes): number;
  /** Has `count` threads of libuv's pool answer with their ids, each waiting for the others. */
  poolThreads(count: number, limitMs: number): Promise<number[]>;
  /**
   * `page` is two doubles: nanoseconds of CLOCK_MONOTONIC_RAW and ticks of the CPU's counter since
   * this call, each written by its function.
   */
  openClock(): CallPage<'readClock' | 'readCounter'>;
  /** Ticks a second where the CPU says it, or 0. */
  counterFrequency(): number;

  // --- performance counters --------------------------------------------------------------------
  /** `attributes` is `struct perf_event_attr`, 112 bytes of it. Answers a descriptor. */
  perfEventOpen(attributes: Bytes, tid: number, cpu: number, group: number, flags: number): number;
  perfEventIoctl(fd: number, request: number, argument: number): number;

  // --- rings -----------------------------------------------------------------------------------
  /**
   * `params` is `struct io_uring_params` as 30 words, written by the kernel. Answers a descriptor.
   */
  ioUringSetup(entries: number, params: Uint32Array): number;
  ioUringRegister(ring: number, opcode: number, argument: Bytes | null, count: number): number;
  /**
   * Maps the queues of a ring just set up and takes its descriptor over; the thread's end closes
   * it. `memory` is -1, or what was given to a ring with IORING_SETUP_NO_MMAP, which holds it then.
   *
   * A ring without a descriptor (IORING_SETUP_REGISTERED_FD_ONLY) goes by its number in the
   * thread's table with bit 30 set, here and below.
   */
  ringMap(ring: number, params: Uint32Array, memory: RegionId): 0 | number;
  /**
   * IORING_REGISTER_RESIZE_RINGS to the sizes in `params`, which then tells where everything is;
   * `ringBuffers` shows it.
   */
  ringResize(ring: number, params: Uint32Array): number;
  /** Lets the kernel read the arguments of waits from the control page (6.13). */
  ringRegisterWait(ring: number): number;
  /**
   * The queues; a page of counters and arguments (`lib/ring/control.ts`); and io_uring_enter
   * itself,
   * which takes its arguments from that page and leaves its answer there.
   */
  ringBuffers(ring: number):
    | {
        rings: ArrayBuffer;
        sqes: ArrayBuffer;
        control: ArrayBuffer;
        enter: () => void;
      }
    | number;
  /** From now on the ring keeps the region mapped, until `ringDrop` or the ring is gone. */
  ringHold(ring: number, region: RegionId): number;
  ringDrop(ring: number, region: RegionId): number;
  /**
   * From now on the ring looks for messages in flight in this region when the thread ends (see
   * `lib/ring/message-table.ts`). It holds the region, and drops the one before.
   */
  ringMessages(ring: number, region: RegionId): number;
  /** Unmaps the queues, then closes the descriptor. Nothing may be in flight. */
  ringClose(ring: number): number;
  /**
   * As `ringClose` with operations in flight: the descriptor is closed, every region they may touch
   * is leaked.
   */
  ringAbandon(ring: number): number;

  // --- readiness -------------------------------------------------------------------------------
  epollCreate1(flags: number): number;
  /** `data` is what the events carry, as two halves. */
  epollCtl(
    epoll: number,
    operation: number,
    fd: number,
    events: number,
    dataLow: number,
    dataHigh: number,
  ): number;
  /**
   * Memory for `most` events, and epoll_pwait itself (or epoll_pwait2), which takes its arguments
   * from there and leaves its answer there (`lib/epoll/page.ts`).
   */
  epollPage(most: number): CallPage<'wait'>;
  /** `list` is an array of `struct pollfd`; a negative timeout means none. */
  ppoll(list: Bytes, timeoutNs: number, mask: Bytes | null): number;
  /** Sets are bits, in whole words of 64; the kernel writes the answer into them. */
  pselect6(
    count: number,
    read: Bytes | null,
    write: Bytes | null,
    except: Bytes | null,
    timeoutNs: number,
    mask: Bytes | null,
  ): number;

  // --- wake-ups --------------------------------------------------------------------------------
  /**
   * Calls `callback` on this thread's loop whenever `fd` is readable, also after it has thrown.
   * Kind 0 rides on uv_poll, kind 1 on a helper thread with a thread-safe function. Answers an id.
   */
  watchOpen(fd: number, kind: 0 | 1, callback: () => void): number;
  watchRef(watch: number, referenced: boolean): number;
  /** An inactive watch does not look at its descriptor; it is active at first. */
  watchActivate(watch: number, active: boolean): number;
  /** The epoll of Node's loop, or less than 0. */
  watchEpoll(watch: number): number;
  /** No call after this one. To be closed before its descriptor is. */
  watchClose(watch: number): number;
  /** An 'uncaughtException', from here; does not return where nobody handles it. */
  uncaught(error: unknown): void;

  /** Only where `hasSeam`. */
  readonly seam?: Seam;
}

/** The fault schedule of the test build; all of it belongs to the calling thread. */
export interface Seam {
  /**
   * The `nth` call from now (1 = the next) of system call `number`, and the `count - 1` after it,
   * answer `-errno`.
   */
  fail(number: number, nth: number, count: number, errno: number): void;
  /** As `fail`: they move at most so many bytes. Both hold for calls that helper threads make. */
  shorten(number: number, nth: number, count: number, bytes: number): void;
  /**
   * Random faults on rings from `seed`, each in thousandths: EAGAIN/EBUSY/EINTR, partial submits,
   * and per completion: held back, swapped, doubled.
   */
  chaos(
    seed: number,
    permille: {
      errno?: number;
      partial?: number;
      delay?: number;
      reorder?: number;
      duplicate?: number;
    },
  ): void;
  /**
   * Rings opened from now on show at most this many completions at once; the rest overflow. 0: as
   * the kernel has it.
   */
  limitCompletions(count: number): void;
  reset(): void;
  /** Calls seen of system call `number` since `reset`. */
  calls(number: number): number;
}

const require = createRequire(import.meta.url);
/** As in `proc/read.ts`: not imported, which would load all of Node's streams. */
const { existsSync } = process.getBuiltinModule('node:fs');

function load(): Native {
  if (process.platform !== 'linux') {
    throw new UnsupportedError({
      feature: 'platform',
      reason: `nearmetal needs Linux; this is ${process.platform}`,
    });
  }
  const root = fileURLToPath(new URL('..', import.meta.url));
  // An addon built on this machine is what node-gyp-build would choose, after 4 ms of looking.
  const built = `${root}build/Release/nearmetal.node`;
  const chosen = process.env.NEARMETAL_ADDON ?? (existsSync(built) ? built : undefined);
  try {
    return chosen ? require(chosen) : require('node-gyp-build')(root);
  } catch (cause) {
    const [first] = (cause as Error).message.split('\n');
    throw new UnsupportedError({
      feature: 'addon',
      reason: `no native addon for linux-${process.arch} could be loaded: ${first}`,
      hint: 'install g++, make and python3, then run `npm rebuild nearmetal`',
      cause,
    });
  }
}

export const native: Native = load();
