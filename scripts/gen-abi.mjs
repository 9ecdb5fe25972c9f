/** Writes lib/abi.ts from the addon's constants: node scripts/gen-abi.mjs */
import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const addon = process.env.NEARMETAL_ADDON ?? join(root, 'build/Release/nearmetal.node');
const { constants } = createRequire(import.meta.url)(addon);

/**
 * What differs between the two architectures, [x64, arm64], from the kernel's own headers of each.
 */
const DIFFERENT = {
  O_DIRECT: [0o40000, 0o200000],
  O_DIRECTORY: [0o200000, 0o40000],
  O_NOFOLLOW: [0o400000, 0o100000],
  O_LARGEFILE: [0o100000, 0o400000],
  O_TMPFILE: [0o20200000, 0o20040000],
  SYS_read: [0, 63],
  SYS_write: [1, 64],
  SYS_close: [3, 57],
  SYS_mmap: [9, 222],
  SYS_mprotect: [10, 226],
  SYS_munmap: [11, 215],
  SYS_ioctl: [16, 29],
  SYS_mremap: [25, 216],
  SYS_msync: [26, 227],
  SYS_mincore: [27, 232],
  SYS_madvise: [28, 233],
  SYS_sendfile: [40, 71],
  SYS_socket: [41, 198],
  SYS_connect: [42, 203],
  SYS_sendto: [44, 206],
  SYS_recvfrom: [45, 207],
  SYS_sendmsg: [46, 211],
  SYS_recvmsg: [47, 212],
  SYS_shutdown: [48, 210],
  SYS_bind: [49, 200],
  SYS_listen: [50, 201],
  SYS_getsockname: [51, 204],
  SYS_getpeername: [52, 205],
  SYS_setsockopt: [54, 208],
  SYS_getsockopt: [55, 209],
  SYS_fcntl: [72, 25],
  SYS_fsync: [74, 82],
  SYS_fdatasync: [75, 83],
  SYS_getrusage: [98, 165],
  SYS_getpriority: [140, 141],
  SYS_setpriority: [141, 140],
  SYS_sched_setscheduler: [144, 119],
  SYS_sched_getscheduler: [145, 120],
  SYS_mlock: [149, 228],
  SYS_munlock: [150, 229],
  SYS_mlockall: [151, 230],
  SYS_munlockall: [152, 231],
  SYS_prctl: [157, 167],
  SYS_gettid: [186, 178],
  SYS_futex: [202, 98],
  SYS_sched_setaffinity: [203, 122],
  SYS_sched_getaffinity: [204, 123],
  SYS_clock_gettime: [228, 113],
  SYS_epoll_ctl: [233, 21],
  SYS_mbind: [237, 235],
  SYS_set_mempolicy: [238, 237],
  SYS_get_mempolicy: [239, 236],
  SYS_ioprio_set: [251, 30],
  SYS_ioprio_get: [252, 31],
  SYS_migrate_pages: [256, 238],
  SYS_openat: [257, 56],
  SYS_pselect6: [270, 72],
  SYS_ppoll: [271, 73],
  SYS_splice: [275, 76],
  SYS_tee: [276, 77],
  SYS_vmsplice: [278, 75],
  SYS_move_pages: [279, 239],
  SYS_epoll_pwait: [281, 22],
  SYS_timerfd_create: [283, 85],
  SYS_fallocate: [285, 47],
  SYS_fchmod: [91, 52],
  SYS_timerfd_settime: [286, 86],
  SYS_accept4: [288, 242],
  SYS_signalfd4: [289, 74],
  SYS_eventfd2: [290, 19],
  SYS_rt_sigprocmask: [14, 135],
  SYS_pread64: [17, 67],
  SYS_pwrite64: [18, 68],
  SYS_socketpair: [53, 199],
  SYS_ftruncate: [77, 46],
  SYS_fstatfs: [138, 44],
  SYS_waitid: [247, 95],
  SYS_inotify_add_watch: [254, 27],
  SYS_inotify_rm_watch: [255, 28],
  SYS_timerfd_gettime: [287, 87],
  SYS_inotify_init1: [294, 26],
  SYS_fanotify_init: [300, 262],
  SYS_fanotify_mark: [301, 263],
  SYS_open_by_handle_at: [304, 265],
  SYS_kcmp: [312, 272],
  SYS_dup3: [292, 24],
  SYS_epoll_create1: [291, 20],
  SYS_pipe2: [293, 59],
  SYS_perf_event_open: [298, 241],
  SYS_recvmmsg: [299, 243],
  SYS_prlimit64: [302, 261],
  SYS_sendmmsg: [307, 269],
  SYS_geteuid: [107, 175],
  SYS_getegid: [108, 177],
  SYS_getgroups: [115, 158],
  SYS_setresuid: [117, 147],
  SYS_setresgid: [119, 149],
  SYS_getcpu: [309, 168],
  SYS_process_vm_readv: [310, 270],
  SYS_process_vm_writev: [311, 271],
  SYS_sched_setattr: [314, 274],
  SYS_sched_getattr: [315, 275],
  SYS_memfd_create: [319, 279],
  SYS_userfaultfd: [323, 282],
  SYS_membarrier: [324, 283],
  SYS_mlock2: [325, 284],
  SYS_copy_file_range: [326, 285],
  SYS_preadv2: [327, 286],
  SYS_pwritev2: [328, 287],
  SYS_statx: [332, 291],
  SYS_fadvise64: [221, 223],
};

/** From this number on every architecture has the same system calls. */
const FIRST_COMMON_SYSCALL = 424;

function expressionOf(name, value) {
  const pair = DIFFERENT[name];
  if (!pair) {
    if (name.startsWith('SYS_') && value < FIRST_COMMON_SYSCALL) {
      throw new Error(`${name} differs between x64 and arm64: add both numbers to DIFFERENT`);
    }
    return literal(name, value);
  }
  const here = pair[process.arch === 'arm64' ? 1 : 0];
  if (here !== value) throw new Error(`${name} is ${value} here, not ${here}`);
  const [x64, arm64] = pair.map((each) => literal(name, each));
  return `ARM64 ? ${arm64} : ${x64}`;
}

const IN_HEX = /^(IORING_(SETUP|FEAT|OFF)|O_(?!RD|WR)|MAP_|STATX_|MSG_|EPOLL(?!_CTL)|PR_|EPIOC)/;

function literal(name, value) {
  return IN_HEX.test(name) && value > 9 ? `0x${value.toString(16)}` : String(value);
}

/** Names that are error numbers and nothing else that begins with E. */
const isErrno = (name) => /^E(?!POLL|FD_|PIOC)[A-Z0-9]+$/.test(name);

/**
 * strerror's words with a small first letter, as Node prints them; C locale, from Python's
 * os.strerror.
 */
function messages(numbers) {
  const program =
    'import os,sys,json; print(json.dumps([os.strerror(int(n)) for n in sys.argv[1:]]))';
  const env = { ...process.env, LC_ALL: 'C' };
  const words = JSON.parse(
    execFileSync('python3', ['-c', program, ...numbers.map(String)], { env }),
  );
  return words.map((text) =>
    /^[A-Z][a-z]/.test(text) ? text[0].toLowerCase() + text.slice(1) : text,
  );
}

const names = Object.keys(constants);
const unknown = Object.keys(DIFFERENT).filter((name) => !(name in constants));
if (unknown.length > 0) throw new Error(`not in the addon: ${unknown.join(', ')}`);

const errnos = names.filter(isErrno);
const texts = messages(errnos.map((name) => constants[name]));
const quote = (text) => (text.includes("'") ? JSON.stringify(text) : `'${text}'`);

const lines = [
  '/** The numbers of the kernel, spelled as in C. */',
  '// Generated by scripts/gen-abi.mjs from native/uapi*.h: do not edit.',
  "const ARM64 = process.arch === 'arm64';",
  '',
  ...names.map((name) => `export const ${name} = ${expressionOf(name, constants[name])};`),
  '',
  '/** The name of each error number (positive). */',
  'export const ERRNO_NAMES: Readonly<Record<number, string>> = {',
  ...errnos.map((name) => `  ${constants[name]}: '${name}',`),
  '};',
  '',
  '/** What each error number (positive) means, in the words of strerror(3). */',
  'export const ERRNO_MESSAGES: Readonly<Record<number, string>> = {',
  ...errnos.map((name, index) => `  ${constants[name]}: ${quote(texts[index])},`),
  '};',
  '',
];
writeFileSync(join(root, 'lib/abi.ts'), lines.join('\n'));
console.log(`lib/abi.ts: ${names.length} constants, ${errnos.length} error numbers`);
