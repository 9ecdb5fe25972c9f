/** Hints for descriptors: timers, watched files, processes, and what processes pass around. */
import { EMFILE } from '../abi.js';
import { kernel } from '../kernel.js';
import { type Capability, hasCapability, type Reader, readLimit, sysctl } from '../proc/read.js';
import { descriptorRefusal } from '../refusals.js';
import { type Facts, sentence } from './rows.js';

/** Whether this process has it, where /proc tells. */
function held(name: Capability, reader: Reader): string {
  const has = hasCapability(name, reader);
  return has === undefined ? '' : has ? ' (held)' : ' (not held)';
}

export function wakeAlarm(reader: Reader): string {
  return (
    `clocks that wake the machine need CAP_WAKE_ALARM${held('CAP_WAKE_ALARM', reader)}: ` +
    "`setcap cap_wake_alarm=+ep $(which node)`, or clock 'realtime' or 'boottime'"
  );
}

/** Two limits have one error: looks at which of them it can be. */
function instances(limit: string, reader: Reader): string | undefined {
  const open = reader.names('/proc/self/fd').length;
  const descriptors = readLimit('nofile', reader)?.soft;
  if (descriptors !== undefined && open >= descriptors - 1) {
    return sentence(descriptorRefusal(EMFILE, reader));
  }
  const most = sysctl(limit, reader) ?? 'unknown';
  return (
    `this user may have ${limit} = ${most} of them: share one, or \`sysctl -w ${limit}=\` more ` +
    '(as root)'
  );
}

export function inotifyInstances(reader: Reader): string | undefined {
  return instances('fs.inotify.max_user_instances', reader);
}

export function inotifyWatches(reader: Reader): string {
  const most = sysctl('fs.inotify.max_user_watches', reader) ?? 'unknown';
  return (
    `this user may have fs.inotify.max_user_watches = ${most}: watch fewer, or ` +
    '`sysctl -w fs.inotify.max_user_watches=` more (as root)'
  );
}

export function fanotifyForbidden(reader: Reader, facts: Facts): string {
  const { scope } = facts;
  const what = scope === undefined || scope === 'inode' ? 'this' : `a mark of a ${scope}`;
  return (
    `${what} needs CAP_SYS_ADMIN${held('CAP_SYS_ADMIN', reader)} in the initial user ` +
    'namespace: run as root, or use inotify'
  );
}

export function fanotifyGroups(reader: Reader): string | undefined {
  return instances('fs.fanotify.max_user_groups', reader);
}

export function fanotifyMarks(reader: Reader): string {
  const most = sysctl('fs.fanotify.max_user_marks', reader) ?? 'unknown';
  return (
    `this user may have fs.fanotify.max_user_marks = ${most}: mark the file system instead, or ` +
    '`sysctl -w fs.fanotify.max_user_marks=` more (as root)'
  );
}

export function tracing(reader: Reader): string {
  const scope = sysctl('kernel.yama.ptrace_scope', reader);
  const yama = scope === undefined ? '' : ` and kernel.yama.ptrace_scope is ${scope}`;
  return (
    `this takes the right to trace that process: the same user, or CAP_SYS_PTRACE` +
    `${held('CAP_SYS_PTRACE', reader)}${yama}: \`docker run --cap-add SYS_PTRACE\``
  );
}

export function fileHandles(reader: Reader): string {
  return (
    `this needs CAP_DAC_READ_SEARCH${held('CAP_DAC_READ_SEARCH', reader)} in the initial user ` +
    'namespace: run as root'
  );
}

export function fdsOnTheirWay(reader: Reader): string {
  const limit = readLimit('nofile', reader)?.soft ?? 'unknown';
  return (
    `as many descriptors are on their way as this process may have open (ulimit -n is ${limit}): ` +
    'let the other side receive them first'
  );
}

export function closingRanges(): string | undefined {
  if (kernel.atLeast('5.11')) return undefined;
  return `\`cloexec\` needs Linux 5.11, this is ${kernel.release}: set the flag on each descriptor`;
}
