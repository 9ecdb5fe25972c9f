/**
 * What the addon exports for timers, signals, processes, watched files, futexes and Unix sockets;
 * part of `Native`.
 */

/** Each is one system call with the arguments of its manual page, and answers it or `-errno`. */
export interface DescriptorCalls {
  // --- descriptors of any kind -----------------------------------------------------------------
  /** fcntl(2) with F_DUPFD_CLOEXEC. */
  dupAbove(fd: number, lowest: number): number;
  /** fcntl(2) with a `struct flock`, which the kernel may write to. */
  fcntlLock(fd: number, command: number, lock: ArrayBufferView): number;
  /** What is closed is not owned any more. */
  closeRange(first: number, last: number, flags: number): number;
  pread(fd: number, target: ArrayBufferView, offset: number): number;
  pwrite(fd: number, source: ArrayBufferView, offset: number): number;
  preadv2(fd: number, targets: readonly ArrayBufferView[], offset: number, flags: number): number;
  pwritev2(fd: number, sources: readonly ArrayBufferView[], offset: number, flags: number): number;
  pipe2(pair: Int32Array, flags: number): number;
  /** `path` ends with a zero byte. The descriptor is owned at once. */
  openat2(dirfd: number, path: Uint8Array, flags: number, mode: number, resolve: number): number;

  // --- timers ----------------------------------------------------------------------------------
  timerfdCreate(clock: number, flags: number): number;
  /** Both are `struct itimerspec`. */
  timerfdSettime(
    fd: number,
    flags: number,
    setting: ArrayBufferView,
    previous: ArrayBufferView,
  ): number;
  timerfdGettime(fd: number, setting: ArrayBufferView): number;
  clockGettime(clock: number, now: ArrayBufferView): number;

  // --- signals and processes -------------------------------------------------------------------
  /** `set` is the kernel's: 8 bytes. */
  signalfd4(fd: number, set: ArrayBufferView, flags: number): number;
  rtSigprocmask(how: number, set: ArrayBufferView, previous: ArrayBufferView): number;
  pidfdOpen(pid: number, flags: number): number;
  pidfdSendSignal(fd: number, signal: number, flags: number): number;
  pidfdGetfd(pidfd: number, fd: number, flags: number): number;
  /** Writes a `siginfo_t`. */
  waitid(which: number, id: number, result: ArrayBufferView, options: number): number;

  // --- watched files ---------------------------------------------------------------------------
  inotifyInit1(flags: number): number;
  /** `path` ends with a zero byte. */
  inotifyAddWatch(fd: number, path: Uint8Array, mask: number): number;
  inotifyRmWatch(fd: number, watch: number): number;
  fanotifyInit(flags: number, eventFlags: number): number;
  fanotifyMark(
    fd: number,
    flags: number,
    mask: number,
    folder: number,
    path: Uint8Array | null,
  ): number;
  /** `handle` is a `struct file_handle`. */
  openByHandleAt(mount: number, handle: ArrayBufferView, flags: number): number;
  fstatfs(fd: number, target: ArrayBufferView): number;

  // --- futexes ---------------------------------------------------------------------------------
  /**
   * A word is a view and an index in it. `timeout` is a `struct timespec`, or a count for the calls
   * that do not wait.
   */
  futex(
    words: ArrayBufferView,
    index: number,
    operation: number,
    value: number,
    timeout: ArrayBufferView | number | null,
    second: ArrayBufferView | null,
    secondIndex: number,
    last: number,
  ): number;
  /** `waiters` are `struct futex_waitv`, whose addresses the call fills in from `words`. */
  futexWaitv(
    waiters: ArrayBufferView,
    words: readonly ArrayBufferView[],
    timeout: ArrayBufferView | null,
    clock: number,
  ): number;

  // --- Unix sockets ----------------------------------------------------------------------------
  socketpair(domain: number, type: number, protocol: number, pair: Int32Array): number;
  /** `control` holds control messages as the kernel lays them out. */
  sendmsg(
    fd: number,
    source: ArrayBufferView,
    control: ArrayBufferView | null,
    flags: number,
  ): number;
  /**
   * Descriptors received are owned at once. Writes the length of `control` and the flags of the
   * message to `outcome`.
   */
  recvmsg(
    fd: number,
    target: ArrayBufferView,
    control: ArrayBufferView,
    flags: number,
    outcome: Uint32Array,
  ): number;
}
