/**
 * Why the kernel refuses a whole system call: looks at sysctls, seccomp and capabilities, then
 * says what to type.
 */
import { EACCES, EMFILE, ENFILE, ENOMEM, ENOSYS, EPERM } from './abi.js';
import { kernel } from './kernel.js';
import {
  formatBytes,
  hasCapability,
  type Reader,
  readConfinement,
  readLimit,
  sysctl,
  system,
} from './proc/read.js';

/** Why something is off. */
export type Reason = 'kernel' | 'seccomp' | 'sysctl' | 'capability' | 'limit' | 'disabled';

/** One refusal: the kind, a sentence of what was found, and what to type. */
export interface Refusal {
  readonly reason: Reason;
  readonly detail: string;
  readonly hint: string;
}

const DOCKER_IO_URING =
  'allow io_uring_setup, io_uring_enter and io_uring_register in the seccomp profile: ' +
  '`docker run --security-opt seccomp=profile.json`, or `seccomp=unconfined` to try it';

/** Why io_uring_setup, _enter or _register answered `errno` (positive). */
export function ioUringRefusal(
  errno: number,
  syscall: string,
  reader: Reader = system,
): Refusal | undefined {
  if (errno === EPERM || errno === EACCES) return ioUringForbidden(syscall, reader);
  if (errno === ENOSYS) return ioUringMissing(syscall, reader);
  // Unprivileged rings count on kernels before 5.12, and again on newer ones (seen on 6.18).
  if (errno === ENOMEM) return memlockRefusal(reader, undefined, ', against which rings count');
  if (errno === EMFILE || errno === ENFILE) return descriptorRefusal(errno, reader);
  return undefined;
}

function ioUringForbidden(syscall: string, reader: Reader): Refusal {
  const confinement = readConfinement(reader);
  const disabled = syscall === 'io_uring_setup' ? sysctl('kernel.io_uring_disabled', reader) : 0;
  if (disabled === 2) {
    return {
      reason: 'sysctl',
      detail: 'kernel.io_uring_disabled is 2: nobody may create a ring',
      hint: '`sysctl -w kernel.io_uring_disabled=0` (as root, on the host)',
    };
  }
  if (disabled === 1 && !ioUringPermitted(reader)) {
    const group = sysctl('kernel.io_uring_group', reader) ?? -1;
    return {
      reason: 'sysctl',
      detail:
        'kernel.io_uring_disabled is 1: a ring needs CAP_SYS_ADMIN or the group in ' +
        `kernel.io_uring_group (now ${group})`,
      hint:
        '`sysctl -w kernel.io_uring_group=$(id -g)`, or `sysctl -w ' +
        'kernel.io_uring_disabled=0` (as root, on the host)',
    };
  }
  if (confinement.seccomp === 0) {
    return {
      reason: 'capability',
      detail:
        `${syscall} answered EPERM, though neither kernel.io_uring_disabled nor seccomp ` +
        'forbids it: a security module does',
      hint:
        'look for the denial with `journalctl -k | grep -iE "avc|apparmor"` (SELinux, ' +
        'AppArmor)',
    };
  }
  return {
    reason: 'seccomp',
    detail: `seccomp blocks ${syscall} (Docker's default profile has no io_uring)`,
    hint: DOCKER_IO_URING,
  };
}

/** With kernel.io_uring_disabled at 1. */
function ioUringPermitted(reader: Reader): boolean {
  const group = sysctl('kernel.io_uring_group', reader) ?? -1;
  return (
    hasCapability('CAP_SYS_ADMIN', reader) === true ||
    readConfinement(reader).groups.includes(group)
  );
}

function ioUringMissing(syscall: string, reader: Reader): Refusal {
  const filtered = readConfinement(reader).seccomp === 2;
  // The sysctl exists only where io_uring was compiled in (6.6 and later).
  const compiledIn =
    sysctl('kernel.io_uring_disabled', reader) !== undefined || syscall !== 'io_uring_setup';
  if (filtered && compiledIn) {
    return {
      reason: 'seccomp',
      detail: `seccomp answers ENOSYS to ${syscall}`,
      hint: DOCKER_IO_URING,
    };
  }
  const either = filtered ? ', or seccomp answers ENOSYS' : '';
  return {
    reason: filtered ? 'seccomp' : 'kernel',
    detail: `this kernel (${kernel.release}) was built without CONFIG_IO_URING${either}`,
    hint: filtered ? DOCKER_IO_URING : 'boot a kernel with CONFIG_IO_URING=y, 5.19 or newer',
  };
}

/** Memory that may not be pinned, by RLIMIT_MEMLOCK. */
export function memlockRefusal(reader: Reader = system, bytes?: number, what = ''): Refusal {
  const limit = readLimit('memlock', reader);
  const found = limit === undefined ? 'cannot be read' : `is ${formatBytes(limit.soft)}`;
  const asked = bytes === undefined ? '' : `, and ${formatBytes(bytes)} were asked for`;
  if (limit?.soft === Infinity || hasCapability('CAP_IPC_LOCK', reader) === true) {
    return {
      reason: 'limit',
      detail:
        `the kernel has no memory left for this${asked}, or the cgroup does not; ` +
        'RLIMIT_MEMLOCK does not bind',
      hint: 'ask for fewer bytes, or raise memory.max of the cgroup',
    };
  }
  return {
    reason: 'limit',
    detail: `RLIMIT_MEMLOCK ${found}${what}${asked}`,
    hint:
      '`ulimit -l unlimited`, LimitMEMLOCK=infinity in systemd, `--ulimit memlock=-1` in ' +
      'Docker, or fewer bytes',
  };
}

export function descriptorRefusal(errno: number, reader: Reader = system): Refusal {
  if (errno === ENFILE) {
    const maximum = reader.text('/proc/sys/fs/file-max')?.trim() ?? 'unknown';
    return {
      reason: 'limit',
      detail: `the whole system is out of open files: fs.file-max is ${maximum}`,
      hint: '`sysctl -w fs.file-max=` a larger number (as root)',
    };
  }
  const limit = readLimit('nofile', reader);
  return {
    reason: 'limit',
    detail: `this process may have ${limit?.soft ?? 'only so many'} descriptors open (ulimit -n)`,
    hint:
      `\`ulimit -n ${limit?.hard === Infinity ? 1048576 : (limit?.hard ?? 65536)}\`, ` +
      'LimitNOFILE= in systemd, or close some',
  };
}

/** Why any other system call is refused as a whole; `since` is the kernel that brought it. */
export function syscallRefusal(
  name: string,
  errno: number,
  since: string,
  reader: Reader = system,
): Refusal {
  const filtered = readConfinement(reader).seccomp === 2;
  const numa = /mempolicy|mbind|move_pages|migrate_pages/.test(name);
  if (errno === ENOSYS && !(filtered && kernel.atLeast(since))) {
    const built = numa ? ' without CONFIG_NUMA' : '';
    return {
      reason: 'kernel',
      detail: kernel.atLeast(since)
        ? `this kernel (${kernel.release}) was built${built || ` without ${name}`}`
        : `${name} needs Linux ${since}, this is ${kernel.release}`,
      hint: numa ? 'boot a kernel with CONFIG_NUMA=y' : `boot Linux ${since} or newer`,
    };
  }
  if (numa && filtered) {
    const never = /move_pages|migrate_pages/.test(name);
    return {
      reason: 'seccomp',
      detail:
        `seccomp blocks ${name}: Docker's default profile ` +
        `${never ? 'never allows it' : 'gates it on CAP_SYS_NICE'}`,
      hint: never
        ? '`docker run --security-opt seccomp=profile.json` with it allowed'
        : '`docker run --cap-add SYS_NICE`',
    };
  }
  if (filtered) {
    return {
      reason: 'seccomp',
      detail: `seccomp blocks ${name}`,
      hint: '`docker run --security-opt seccomp=profile.json` with it allowed',
    };
  }
  return {
    reason: 'capability',
    detail: `${name} is not permitted to this process`,
    hint: numa ? 'run with CAP_SYS_NICE' : 'run with more capabilities (see capabilities(7))',
  };
}
