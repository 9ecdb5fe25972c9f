/** Hints of scheduling and counting: whose thread it is, what is allowed, which limit binds. */
import { readCpuset } from '../proc/cpuset.js';
import {
  hasCapability,
  type Reader,
  readConfinement,
  readLimit,
  readLine,
  sysctl,
} from '../proc/read.js';
import { type Facts, number } from './rows.js';

/** PF_NO_SETAFFINITY, in the flags of /proc/PID/stat. */
const BOUND = 0x04000000;
const FLAGS_FIELD = 6;

function isBound(tid: number, reader: Reader): boolean {
  const stat = reader.text(`/proc/${tid}/stat`) ?? '';
  const flags = stat.slice(stat.lastIndexOf(') ') + 2).split(' ')[FLAGS_FIELD];
  return (Number(flags ?? 0) & BOUND) !== 0;
}

/** facts: tid; cpus, those that were refused, in list format; allowed, those that are not. */
function affinity(reader: Reader, facts: Facts): string {
  const tid = number(facts['tid']);
  if (tid !== undefined && isBound(tid, reader)) {
    const name = readLine(`/proc/${tid}/comm`, reader) ?? 'unnamed';
    return (
      `thread ${tid} (${name}) is a worker of the kernel, which refuses to move it: for ` +
      "io_uring's workers use IORING_REGISTER_IOWQ_AFF or `sqThreadCpu`"
    );
  }
  const allowed =
    facts['allowed'] ??
    readCpuset('cpus', reader, tid) ??
    readConfinement(reader).cpusAllowed ??
    'unknown';
  const online = readLine('/sys/devices/system/cpu/online', reader);
  const asked = facts['cpus'] === undefined ? 'none of the CPUs asked for' : `CPU ${facts['cpus']}`;
  const verb = facts['cpus'] === undefined ? 'is' : 'is not';
  if (online !== undefined && allowed === online) {
    return `${asked} ${verb} among the CPUs that are online, ${online}: choose from these`;
  }
  return (
    `${asked} ${verb} in this process's allowed set ${allowed} (cgroup cpuset or taskset): ` +
    'choose from it, or widen cpuset.cpus'
  );
}

/** facts: tid. */
function noThread(_reader: Reader, facts: Facts): string | undefined {
  const tid = number(facts['tid']);
  return tid === undefined
    ? undefined
    : `no thread has the id ${tid}: it has ended, or the number is from another PID namespace`;
}

/** True, false, or undefined where /proc does not say. facts: tid. */
function belongsToOther(reader: Reader, facts: Facts): boolean | undefined {
  const tid = number(facts['tid']);
  if (tid === undefined) return false;
  const user = (of: string) =>
    /^Uid:\s+\d+\s+(\d+)/m.exec(reader.text(`/proc/${of}/status`) ?? '')?.[1];
  const [theirs, ours] = [user(String(tid)), user('self')];
  return theirs === undefined || ours === undefined ? undefined : theirs !== ours;
}

const GRANT = '`docker run --cap-add SYS_NICE`, AmbientCapabilities=CAP_SYS_NICE in systemd';

/** Why a call about a thread is forbidden when no limit explains it. facts: tid. */
function othersThread(reader: Reader, facts: Facts, syscall: string): string {
  if (belongsToOther(reader, facts)) {
    return (
      `thread ${facts['tid']} belongs to another user, and this process lacks CAP_SYS_NICE: ` +
      `run as its user, or with the capability: ${GRANT}`
    );
  }
  if (readConfinement(reader).seccomp === 2) {
    return (
      `seccomp blocks ${syscall}: \`docker run --security-opt seccomp=profile.json\` with it ` +
      'allowed'
    );
  }
  return `${syscall} wants CAP_SYS_NICE: ${GRANT}`;
}

/** facts: tid, policy, priority. */
function scheduling(reader: Reader, facts: Facts, syscall: string): string {
  const capable = hasCapability('CAP_SYS_NICE', reader);
  if (belongsToOther(reader, facts) && !capable) return othersThread(reader, facts, syscall);
  if (facts['policy'] === 'deadline') {
    return capable
      ? 'a deadline thread must be free to run on every CPU of its root domain: give it the ' +
          'affinity of all CPUs first, outside of any cpuset'
      : `a deadline thread needs CAP_SYS_NICE, which no limit replaces: ${GRANT}`;
  }
  if (capable && readConfinement(reader).seccomp === 2) return othersThread(reader, {}, syscall);
  if (facts['policy'] === 'other' || facts['policy'] === 'batch') return niceness(reader, facts);
  return realtime(reader, facts);
}

/** facts: priority. */
function realtime(reader: Reader, facts: Facts): string {
  const priority = number(facts['priority']) ?? 1;
  const now = readLimit('rtprio', reader)?.soft ?? 0;
  if (hasCapability('CAP_SYS_NICE', reader)) {
    return (
      'this has CAP_SYS_NICE, so its cgroup has no real-time time to give: ' +
      '`echo 950000 > cpu.rt_runtime_us` in the cgroup (version 1)'
    );
  }
  return (
    `this needs CAP_SYS_NICE or RLIMIT_RTPRIO >= ${priority} (now ${now}): \`ulimit -r ` +
    `${priority}\`, \`docker run --cap-add SYS_NICE\``
  );
}

/** The limit counts 20 less the nice value. facts: nice. */
function niceness(reader: Reader, facts: Facts): string {
  const nice = number(facts['nice']) ?? 0;
  const limit = readLimit('nice', reader)?.soft ?? 0;
  return (
    `a nice value of ${nice} needs CAP_SYS_NICE or RLIMIT_NICE >= ${20 - nice} (now ${limit}): ` +
    `\`ulimit -e ${20 - nice}\`, LimitNICE=${nice} in systemd`
  );
}

function deadlineBusy(reader: Reader, facts: Facts): string | undefined {
  if (facts['policy'] !== 'deadline') return undefined;
  const runtime = sysctl('kernel.sched_rt_runtime_us', reader) ?? 950_000;
  const period = sysctl('kernel.sched_rt_period_us', reader) ?? 1_000_000;
  return (
    'the shares of all deadline threads would pass what the CPUs may give, ' +
    `${runtime} of ${period} µs (kernel.sched_rt_runtime_us): ask for a smaller runtime`
  );
}

function deadlinePinned(): string {
  return (
    'a deadline thread keeps the CPUs on which its share is promised: set another policy before ' +
    'its affinity'
  );
}

/** facts: class. */
function ioClass(reader: Reader, facts: Facts, syscall: string): string {
  return facts['class'] === 'realtime' && !belongsToOther(reader, facts)
    ? `class 'realtime' needs CAP_SYS_ADMIN or CAP_SYS_NICE: 'best-effort' with level 0 does not`
    : othersThread(reader, facts, syscall);
}

/** facts: event, kernel (counting in it was asked for). */
function perfForbidden(reader: Reader, facts: Facts): string {
  const paranoid = sysctl('kernel.perf_event_paranoid', reader);
  if (paranoid !== undefined && hasCapability('CAP_PERFMON', reader) === false) {
    const way = `\`sysctl -w kernel.perf_event_paranoid=1\` (as root), or CAP_PERFMON`;
    if (paranoid >= 3) return `kernel.perf_event_paranoid is ${paranoid}, nobody may count: ${way}`;
    if (paranoid === 2 && facts['kernel']) {
      return (
        'kernel.perf_event_paranoid is 2, so the kernel itself must not be counted: ' +
        `\`kernel: false\`, or ${way}`
      );
    }
  }
  if (readConfinement(reader).seccomp === 2) {
    return (
      "seccomp blocks perf_event_open (Docker's default profile gates it on CAP_PERFMON): " +
      '`docker run --cap-add PERFMON`'
    );
  }
  return `perf_event_open is forbidden here: \`sysctl -w kernel.perf_event_paranoid=1\` (as root)`;
}

/** facts: event. */
function perfMissing(reader: Reader, facts: Facts): string {
  const guest = / hypervisor( |$)/m.test(reader.text('/proc/cpuinfo') ?? '');
  const event = facts['event'] ?? 'this event';
  return guest
    ? `this virtual machine's CPU cannot count ${event}: let the hypervisor pass its counters ` +
        'through (a vPMU), or count software events'
    : `this CPU, or its driver in this kernel, cannot count ${event}: count software events`;
}

/** facts: event. */
function perfGroup(_reader: Reader, facts: Facts): string {
  return (
    `the CPU cannot count ${facts['event'] ?? 'this event'} together with the others: ask for ` +
    'fewer events at once, or `grouped: false`'
  );
}

type Row = (reader: Reader, facts: Facts, syscall: string) => string | undefined;

/** Keys are 'syscall code'. */
export const CPU_HINTS: Readonly<Record<string, Row>> = {
  'sched_setaffinity EINVAL': affinity,
  'sched_setaffinity EPERM': othersThread,
  'sched_setaffinity EBUSY': deadlinePinned,
  'sched_setaffinity ESRCH': noThread,
  'sched_getaffinity EPERM': othersThread,
  'sched_getaffinity ESRCH': noThread,
  'sched_setscheduler EPERM': realtime,
  'sched_setattr EPERM': scheduling,
  'sched_setattr EBUSY': deadlineBusy,
  'sched_setattr ESRCH': noThread,
  'sched_getattr ESRCH': noThread,
  'getpriority ESRCH': noThread,
  'setpriority ESRCH': noThread,
  'setpriority EACCES': niceness,
  'setpriority EPERM': othersThread,
  'ioprio_set EPERM': ioClass,
  'ioprio_set ESRCH': noThread,
  'ioprio_get ESRCH': noThread,
  'perf_event_open EACCES': perfForbidden,
  'perf_event_open EPERM': perfForbidden,
  'perf_event_open ENOENT': perfMissing,
  'perf_event_open EOPNOTSUPP': perfMissing,
  'perf_event_open EINVAL': perfGroup,
  'perf_event_open ESRCH': noThread,
};
