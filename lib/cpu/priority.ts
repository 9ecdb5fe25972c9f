/** The softer priorities of a thread: nice, disk, autogroup, and how late a timer may be. */
import { readFileSync, writeFileSync } from 'node:fs';
import * as abi from '../abi.js';
import { check, systemError } from '../errors.js';
import { native } from '../native.js';
import { readLine, readNumber } from '../proc/read.js';
import { integer, oneOf, onlyKeys } from '../validate.js';
import { factsOf, type ThreadOptions, threadOf } from './thread-option.js';

const NICE_MIN = -20;
const NICE_MAX = 19;
/** The kernel answers 20 - nice, so that what it answers is never negative. */
const NICE_BASE = 20;
const LEVEL_MAX = 7;
const LEVEL_DEFAULT = 4;
const LEVEL_MASK = 0x1fff;
const SLACK_NS_MAX = 2 ** 52;

/**
 * The nice value of one thread, where `os.getPriority` asks for the process.
 *
 * @errno ESRCH no thread has that id
 * @man getpriority(2)
 */
export function getNice(options: ThreadOptions = {}): number {
  const tid = threadOf(options);
  const result = native.getpriority(abi.PRIO_PROCESS, tid);
  if (result < 0) throw systemError(result, 'getpriority', factsOf(tid));
  return NICE_BASE - result;
}

/**
 * Sets the nice value of one thread, -20 (most time) to 19 (least).
 *
 * @errno EACCES less than now, without CAP_SYS_NICE or RLIMIT_NICE
 * @errno EPERM another user's thread
 * @errno ESRCH no thread has that id
 * @man setpriority(2)
 */
export function setNice(nice: number, options: ThreadOptions = {}): void {
  integer('nice', nice, NICE_MIN, NICE_MAX);
  const tid = threadOf(options);
  const result = native.setpriority(abi.PRIO_PROCESS, tid, nice);
  if (result < 0) throw systemError(result, 'setpriority', factsOf(tid, { nice }));
}

const IO_CLASSES = ['none', 'realtime', 'best-effort', 'idle'] as const;
export type IoClass = (typeof IO_CLASSES)[number];

export interface IoPriority {
  /** 'none' follows the thread's nice value. */
  readonly class: IoClass;
  /** 0 (first) to 7; default 4. Of no meaning for 'none' and 'idle'. */
  readonly level?: number;
}

/**
 * The priority of the thread's reads and writes, for disks whose scheduler knows one.
 *
 * @errno ESRCH no thread has that id
 * @man ioprio_get(2)
 */
export function getIoPriority(options: ThreadOptions = {}): Required<IoPriority> {
  const tid = threadOf(options);
  const result = native.ioprioGet(abi.IOPRIO_WHO_PROCESS, tid);
  if (result < 0) throw systemError(result, 'ioprio_get', factsOf(tid));
  return {
    class: IO_CLASSES[result >> abi.IOPRIO_CLASS_SHIFT] ?? 'none',
    level: result & LEVEL_MASK,
  };
}

/**
 * Sets the priority of the thread's reads and writes.
 *
 * @errno EPERM 'realtime' without CAP_SYS_ADMIN or CAP_SYS_NICE; another user's thread
 * @errno ESRCH no thread has that id
 * @man ioprio_set(2)
 */
export function setIoPriority(priority: IoPriority, options: ThreadOptions = {}): void {
  onlyKeys('priority', priority, ['class', 'level']);
  const kind = IO_CLASSES.indexOf(oneOf('priority.class', priority.class, IO_CLASSES));
  const levelled = priority.class === 'realtime' || priority.class === 'best-effort';
  const level = integer(
    'priority.level',
    priority.level ?? (levelled ? LEVEL_DEFAULT : 0),
    0,
    levelled ? LEVEL_MAX : 0,
  );
  const tid = threadOf(options);
  const value = (kind << abi.IOPRIO_CLASS_SHIFT) | level;
  const result = native.ioprioSet(abi.IOPRIO_WHO_PROCESS, tid, value);
  if (result < 0) throw systemError(result, 'ioprio_set', factsOf(tid, { class: priority.class }));
}

/** The group that shares time as one: a session's, where the kernel groups by session. */
export interface Autogroup {
  readonly id: number;
  readonly nice: number;
  /** False where the kernel has the groups and does not use them. */
  readonly enabled: boolean;
}

const AUTOGROUP = '/proc/self/autogroup';

/**
 * The autogroup of this process; undefined on a kernel without them. While they are enabled, nice
 * values weigh within a group only.
 *
 * @man sched(7)
 */
export function getAutogroup(): Autogroup | undefined {
  const match = /^\/autogroup-(\d+) nice (-?\d+)$/.exec(readLine(AUTOGROUP) ?? '');
  if (match === null) return undefined;
  const enabled = readNumber('/proc/sys/kernel/sched_autogroup_enabled') === 1;
  return { id: Number(match[1]), nice: Number(match[2]), enabled };
}

/**
 * Sets the nice value of this process's autogroup: of the whole session.
 *
 * @errno ENOENT the kernel has no autogroups
 * @errno EPERM less than 0 without CAP_SYS_NICE
 * @errno EAGAIN without CAP_SYS_ADMIN, more than ten times a second
 * @man sched(7)
 */
export function setAutogroupNice(nice: number): void {
  writeNumber(AUTOGROUP, integer('nice', nice, NICE_MIN, NICE_MAX));
}

function writeNumber(path: string, value: number): void {
  try {
    writeFileSync(path, String(value));
  } catch (error) {
    const { errno = -abi.EIO, syscall = 'write' } = error as NodeJS.ErrnoException;
    throw systemError(errno, syscall, { path });
  }
}

/** In /proc every thread has a folder, though only processes are listed. */
const slackFile = (tid: number) => `/proc/${tid}/timerslack_ns`;

/**
 * How late the kernel may wake the thread so as to wake several at once, in nanoseconds. 50 µs
 * unless somebody changed it; 0 for a real-time thread.
 *
 * @man PR_GET_TIMERSLACK(2const)
 */
export function getTimerSlack(options: ThreadOptions = {}): number {
  const tid = threadOf(options);
  if (tid === 0) return check(native.getTimerslack(), 'prctl');
  try {
    return Number(readFileSync(slackFile(tid), 'utf8'));
  } catch (error) {
    const { errno = -abi.EIO, syscall = 'open' } = error as NodeJS.ErrnoException;
    throw systemError(errno, syscall, { path: slackFile(tid) });
  }
}

/**
 * Sets how late the kernel may wake the thread, in nanoseconds; 0: as it was started.
 *
 * @errno EPERM another thread, without CAP_SYS_NICE
 * @errno ENOENT no thread has that id
 * @man PR_SET_TIMERSLACK(2const)
 */
export function setTimerSlack(nanoseconds: number, options: ThreadOptions = {}): void {
  integer('nanoseconds', nanoseconds, 0, SLACK_NS_MAX);
  const tid = threadOf(options);
  if (tid === 0) check(native.setTimerslack(nanoseconds), 'prctl');
  else writeNumber(slackFile(tid), nanoseconds);
}
