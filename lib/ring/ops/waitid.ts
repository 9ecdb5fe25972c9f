/** Waits until a child changes: exits, stops or goes on. */
import {
  CLD_CONTINUED,
  CLD_DUMPED,
  CLD_EXITED,
  CLD_KILLED,
  CLD_STOPPED,
  CLD_TRAPPED,
  IORING_OP_WAITID,
  P_ALL,
  P_PGID,
  P_PID,
  P_PIDFD,
  WCONTINUED,
  WEXITED,
  WNOHANG,
  WNOWAIT,
  WSTOPPED,
} from '../../abi.js';
import { type FdLike, plainDescriptor } from '../../fd/fd.js';
import { boolean, integer, invalidType, invalidValue, onlyKeys } from '../../validate.js';
import { type CommonOptions, kind, Operation } from '../operation.js';
import type { Block } from '../staging.js';

const CODES = {
  [CLD_EXITED]: 'exited',
  [CLD_KILLED]: 'killed',
  [CLD_DUMPED]: 'dumped',
  [CLD_TRAPPED]: 'trapped',
  [CLD_STOPPED]: 'stopped',
  [CLD_CONTINUED]: 'continued',
} as const;

/** What happened to a child. */
export interface ChildStatus {
  readonly pid: number;
  /** Real user of the child. */
  readonly uid: number;
  /** 'dumped' is killed, with a core file. */
  readonly code: (typeof CODES)[keyof typeof CODES];
  /** The exit status when 'exited', the number of the signal otherwise. */
  readonly status: number;
}

/** `siginfo_t`. */
const SIGINFO_BYTES = 128;
const SIGINFO_CODE = 2;
const SIGINFO_PID = 4;
const SIGINFO_UID = 5;
const SIGINFO_STATUS = 6;

const WAITID = kind<ChildStatus | undefined>({
  name: 'waitid',
  code: IORING_OP_WAITID,
  since: '6.7',
  decode: (_result, _flags, _operation, block) => statusFrom(block as Block),
});

/** Which children. */
export type WaitTarget = 'all' | { pid: number } | { pgid: number } | { pidfd: FdLike };

export interface WaitidOptions extends CommonOptions {
  /** WEXITED: those that have ended. Default true. */
  exited?: boolean;
  /** WSTOPPED: those stopped by a signal. Default false. */
  stopped?: boolean;
  /** WCONTINUED: those that go on after SIGCONT. Default false. */
  continued?: boolean;
  /** WNOHANG: answers at once, with undefined when there is nothing to tell. Default false. */
  noHang?: boolean;
  /** WNOWAIT: leave the child to be waited for again. Default false. */
  noWait?: boolean;
}

const FLAGS = {
  exited: WEXITED,
  stopped: WSTOPPED,
  continued: WCONTINUED,
  noHang: WNOHANG,
  noWait: WNOWAIT,
} as const;

/**
 * Waits for a child to change state; gives what happened, and takes the child off the kernel's
 * list unless `noWait`.
 *
 * Node waits for the children that it started itself: to take their end away makes it miss it. This
 * is for children of other origin, for stops, and with `noWait`.
 *
 * @errno ECHILD there is no such child, or somebody else has waited for it
 * @kernel 6.7 IORING_OP_WAITID
 * @man waitid(2)
 */
export function waitid(
  target: WaitTarget,
  options: WaitidOptions = {},
): Operation<ChildStatus | undefined> {
  const { which, id, fd } = targetOf(target);
  const operation = new Operation(WAITID, fd);
  operation.common(options, ...Object.keys(FLAGS));
  let flags = 0;
  for (const [name, flag] of Object.entries(FLAGS) as [keyof typeof FLAGS, number][]) {
    if (boolean(name, options[name] ?? name === 'exited')) flags |= flag;
  }
  if ((flags & (WEXITED | WSTOPPED | WCONTINUED)) === 0) {
    throw invalidValue('exited', 'must be true where stopped and continued are not', false);
  }
  if (fd === undefined) operation.fd = id;
  operation.fileIndex = flags;
  return operation.arguments(SIGINFO_BYTES, (self, block) => {
    block.words.fill(0, 0, SIGINFO_BYTES / 4);
    self.offsetLow = block.addressLow;
    self.offsetHigh = block.addressHigh;
    self.length = which;
  });
}

function targetOf(target: WaitTarget) {
  if (target === 'all') return { which: P_ALL, id: 0, fd: undefined };
  if (typeof target !== 'object' || target === null) {
    throw invalidType('target', "'all', { pid }, { pgid } or { pidfd }", target);
  }
  const [key = ''] = Object.keys(target);
  onlyKeys('target', target, [key === 'pgid' || key === 'pidfd' ? key : 'pid']);
  if ('pidfd' in target) {
    return { which: P_PIDFD, id: 0, fd: plainDescriptor('target.pidfd', target.pidfd) };
  }
  if ('pgid' in target) {
    return {
      which: P_PGID,
      id: integer('target.pgid', target.pgid, 0, 2 ** 31 - 1),
      fd: undefined,
    };
  }
  return { which: P_PID, id: integer('target.pid', target.pid, 1, 2 ** 31 - 1), fd: undefined };
}

function statusFrom({ words }: Block): ChildStatus | undefined {
  const pid = words[SIGINFO_PID] as number;
  if (pid === 0) return undefined;
  return {
    pid,
    uid: words[SIGINFO_UID] as number,
    code: CODES[words[SIGINFO_CODE] as keyof typeof CODES],
    status: words[SIGINFO_STATUS] as number,
  };
}
