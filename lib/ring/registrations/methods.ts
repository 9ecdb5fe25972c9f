/** What is registered with a ring, as its methods: one line each. */

import { IORING_SETUP_DEFER_TASKRUN, IORING_SETUP_NO_MMAP } from '../../abi.js';
import type { DirectFd, FdLike } from '../../fd/fd.js';
import { requireFeature } from '../../features.js';
import type { Mapping } from '../../memory/mapping.js';
import { integer, invalidType, onlyKeys } from '../../validate.js';
import type { Engine } from '../engine.js';
import type { CancelCriteria } from '../ops/async-cancel.js';
import { ENTRIES_MAX, powerOfTwo } from '../options.js';
import { Verbs } from '../verbs.js';
import { type RingClock, registerClock } from './clock.js';
import type { CloneOptions } from './clone.js';
import { type EventfdOptions, registerEventfd } from './eventfd.js';
import type { FileTable, RegisteredFiles } from './file-table.js';
import { type NapiOptions, type NapiRegistration, registerNapi } from './napi.js';
import { type Personality, registerPersonality } from './personality.js';
import type { Registration } from './registration.js';
import { type Restrictions, registerRestrictions } from './restrictions.js';
import { type SyncCancelOptions, syncCancel } from './sync-cancel.js';
import { registerIowqAff, registerIowqMaxWorkers, type WorkerLimits } from './workers.js';
import { registerZcrx, type Zcrx, type ZcrxOptions } from './zcrx.js';

export interface ResizeOptions {
  /** Submission queue entries, rounded up to a power of two. */
  entries: number;
  /** Completion queue entries; twice `entries` if not given. */
  completionEntries?: number;
}

export abstract class Registrations extends Verbs {
  /** @internal Throws when the ring is closed. */
  protected abstract live(): Engine;

  /**
   * Registers memory for `readFixed` and `writeFixed`: pinned once, instead of at every operation.
   * Any number of times, in free slots of the ring's table (`bufferSlots`). What is in flight when
   * a registration is disposed still completes.
   *
   * @errno ENOMEM more than RLIMIT_MEMLOCK
   * @kernel 5.13 IORING_REGISTER_BUFFERS_UPDATE; one registration at a time on older kernels
   * @man io_uring_register(2), io_uring_registered_buffers(7)
   */
  registerBuffers(mappings: readonly Mapping[]): Registration {
    return this.live().buffers.register(mappings);
  }

  /**
   * Shares the registered buffers of another ring of this thread: nothing is pinned again.
   *
   * @errno ENXIO the other ring has none
   * @errno EOVERFLOW more than the table of either ring has
   * @kernel 6.12 IORING_REGISTER_CLONE_BUFFERS, 6.13 with offsets
   * @man io_uring_register(2)
   */
  cloneBuffers(source: Registrations, options: CloneOptions = {}): Registration {
    if (!(source instanceof Registrations)) throw invalidType('source', 'a Ring', source);
    return this.live().buffers.clone(source.live().buffers, options);
  }

  /** Slots for files without descriptors: where operations open a file `into`. */
  get files(): FileTable {
    return this.live().files;
  }

  /**
   * Registers files: operations take the `DirectFd`s given back without looking the file up. Any
   * number of times, in free slots of `files`.
   *
   * @errno EMFILE the table would have more slots than RLIMIT_NOFILE allows
   * @kernel 5.6 IORING_REGISTER_FILES_UPDATE
   * @man io_uring_register(2), io_uring_registered_files(7)
   */
  registerFiles(fds: readonly FdLike[]): RegisteredFiles {
    return this.live().files.register(fds);
  }

  /**
   * Keeps the rights that the process has now: operations with `personality` run with them.
   *
   * @kernel 5.6 IORING_REGISTER_PERSONALITY
   * @man io_uring_register(2)
   */
  registerPersonality(): Personality {
    return registerPersonality(this.live());
  }

  /**
   * Restricts a ring that was opened with `enabled: false`, for good from `enable` on. Operations
   * that are not allowed fail with EACCES.
   *
   * @errno EBUSY restrictions have been registered already
   * @kernel 5.10 IORING_REGISTER_RESTRICTIONS
   * @man io_uring_register(2)
   */
  registerRestrictions(restrictions: Restrictions): void {
    registerRestrictions(this.live(), restrictions);
  }

  /**
   * Lets a ring that was opened with `enabled: false` go: what was started so far is submitted.
   *
   * @kernel 5.10 IORING_REGISTER_ENABLE_RINGS
   * @man io_uring_register(2)
   */
  enable(): void {
    this.live().enable();
  }

  /**
   * Has the kernel signal an eventfd for completions; for rings with loop: 'own', since a ring has
   * one, and others need it to be woken.
   *
   * @errno EBUSY there is one already
   * @kernel 5.2 IORING_REGISTER_EVENTFD, 5.6 IORING_REGISTER_EVENTFD_ASYNC
   * @man io_uring_register(2), eventfd(2)
   */
  registerEventfd(fd: FdLike, options?: EventfdOptions): Registration {
    return registerEventfd(this.live(), fd, options);
  }

  /**
   * Says on which CPUs the kernel's worker threads of this ring run.
   *
   * @errno EINVAL none of them is online
   * @kernel 5.14 IORING_REGISTER_IOWQ_AFF
   * @man io_uring_register(2)
   */
  registerIowqAff(cpus: readonly number[]): Registration {
    return registerIowqAff(this.live(), cpus);
  }

  /**
   * Says how many worker threads the kernel may have for this ring on each NUMA node; answers what
   * was in force before. Without limits it only tells.
   *
   * @kernel 5.15 IORING_REGISTER_IOWQ_MAX_WORKERS
   * @man io_uring_register(2)
   */
  registerIowqMaxWorkers(limits: WorkerLimits = {}): Required<WorkerLimits> {
    return registerIowqMaxWorkers(this.live(), limits);
  }

  /**
   * Cancels, and blocks until what was found has ended; answers whether anything was. Their
   * promises settle in the next turn.
   *
   * @errno ETIMEDOUT something has not ended in `timeoutMs`
   * @errno EALREADY it is past the point where it could be cancelled, and there was no time to wait
   * @kernel 6.0 IORING_REGISTER_SYNC_CANCEL
   * @man io_uring_register(2)
   */
  syncCancel(
    target: FdLike | DirectFd | CancelCriteria | 'any',
    options?: SyncCancelOptions,
  ): boolean {
    return syncCancel(this.live(), target, options);
  }

  /**
   * Has a waiting ring poll the queues of network cards, instead of sleeping until an interrupt.
   *
   * @kernel 6.9 IORING_REGISTER_NAPI
   * @man io_uring_register(2)
   */
  registerNapi(options?: NapiOptions): NapiRegistration {
    return registerNapi(this.live(), options);
  }

  /**
   * Chooses the clock by which the ring waits.
   *
   * @kernel 6.12 IORING_REGISTER_CLOCK
   * @man io_uring_register(2)
   */
  registerClock(clock: RingClock): void {
    registerClock(this.live().fd, clock);
  }

  /**
   * Gives the queues other sizes, while in use: what is queued or in flight stays so.
   *
   * @errno EOVERFLOW more is in a queue than would fit
   * @errno ENOMEM no memory for the new queues
   * @kernel 6.13 IORING_REGISTER_RESIZE_RINGS, of rings with `deferTaskrun`
   * @man io_uring_register(2)
   */
  resizeRings(options: ResizeOptions): void {
    const engine = this.live();
    onlyKeys('options', options, ['entries', 'completionEntries']);
    const entries = integer('entries', options.entries, 1, ENTRIES_MAX);
    const completionEntries = integer(
      'completionEntries',
      options.completionEntries ?? powerOfTwo(entries) * 2,
      entries,
      ENTRIES_MAX * 2,
    );
    requireFeature('register:RESIZE_RINGS');
    if ((engine.flags & IORING_SETUP_DEFER_TASKRUN) === 0) {
      throw new TypeError('only rings with deferTaskrun can be resized');
    }
    if (engine.flags & IORING_SETUP_NO_MMAP) {
      throw new TypeError('queues in memory of the library (noMmap) cannot be resized');
    }
    engine.resize(entries, powerOfTwo(completionEntries));
  }

  /**
   * Gives the ring a receive queue of a network card, for receives without a copy.
   *
   * @errno EPERM without CAP_NET_ADMIN
   * @errno ENODEV no such card @errno EOPNOTSUPP its driver cannot
   * @kernel 6.15 IORING_REGISTER_ZCRX_IFQ
   * @man io_uring_register(2)
   */
  registerZcrxIfq(options: ZcrxOptions): Zcrx {
    return registerZcrx(this.live(), options);
  }
}
