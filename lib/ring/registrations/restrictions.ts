/** What a ring may be used for from the moment it is enabled. */
import {
  IORING_OP_ASYNC_CANCEL,
  IORING_REGISTER_RESTRICTIONS,
  IORING_REGISTER_SYNC_CANCEL,
  IORING_RESTRICTION_REGISTER_OP,
  IORING_RESTRICTION_SQE_FLAGS_ALLOWED,
  IORING_RESTRICTION_SQE_FLAGS_REQUIRED,
  IORING_RESTRICTION_SQE_OP,
  IORING_UNREGISTER_RING_FDS,
  IOSQE_ASYNC,
  IOSQE_BUFFER_SELECT,
  IOSQE_CQE_SKIP_SUCCESS,
  IOSQE_FIXED_FILE,
  IOSQE_IO_DRAIN,
  IOSQE_IO_HARDLINK,
  IOSQE_IO_LINK,
} from '../../abi.js';
import { check } from '../../errors.js';
import { OPCODES, REGISTRATIONS } from '../../features/tables.js';
import { opSupported, registerSupported } from '../../features.js';
import { native } from '../../native.js';
import { invalidType, invalidValue, nearest, onlyKeys } from '../../validate.js';
import type { Engine } from '../engine.js';

const FLAGS = {
  fixedFile: IOSQE_FIXED_FILE,
  ioDrain: IOSQE_IO_DRAIN,
  ioLink: IOSQE_IO_LINK,
  ioHardlink: IOSQE_IO_HARDLINK,
  async: IOSQE_ASYNC,
  bufferSelect: IOSQE_BUFFER_SELECT,
  cqeSkipSuccess: IOSQE_CQE_SKIP_SUCCESS,
} as const;

/** An IOSQE_* flag by its own name. */
export type SqeFlag = keyof typeof FLAGS;

/** What is left out is not restricted; an empty list allows nothing of its kind. */
export interface Restrictions {
  /**
   * Operations, by the kernel's names for them: 'read', 'send_zc'. Cancelling is always allowed,
   * since the ring needs it to be closed.
   */
  operations?: readonly string[];
  /** Registrations: 'buffers_update', 'pbuf_ring'. */
  registrations?: readonly string[];
  /** Flags that entries may have: 'fixedFile' for a `DirectFd`, 'bufferSelect' for a pool. */
  flagsAllowed?: readonly SqeFlag[];
  /** Flags that every entry must have. */
  flagsRequired?: readonly SqeFlag[];
}

/** `struct io_uring_restriction`: what (16 bits), which (8 bits), then nothing. */
const RESTRICTION_WORDS = 4;

export function registerRestrictions(engine: Engine, restrictions: Restrictions): void {
  onlyKeys('restrictions', restrictions, [
    'operations',
    'registrations',
    'flagsAllowed',
    'flagsRequired',
  ]);
  const opcodes = codes('operations', restrictions.operations, OPCODE_NAMES, opSupported);
  const registers = codes(
    'registrations',
    restrictions.registrations,
    REGISTRATION_NAMES,
    registerSupported,
  );
  const allowed = flags(
    'flagsAllowed',
    restrictions.flagsAllowed ?? (Object.keys(FLAGS) as SqeFlag[]),
  );
  const required = flags('flagsRequired', restrictions.flagsRequired ?? []);
  if (engine.enabled) {
    throw new TypeError('restrictions come before `enable`: open the ring with `enabled: false`');
  }
  const own = [IORING_REGISTER_SYNC_CANCEL, IORING_UNREGISTER_RING_FDS].filter(registerSupported);
  const rows = [
    ...[...new Set([...opcodes, IORING_OP_ASYNC_CANCEL])].map(
      (code) => IORING_RESTRICTION_SQE_OP | (code << 16),
    ),
    ...[...new Set([...registers, ...own])].map(
      (code) => IORING_RESTRICTION_REGISTER_OP | (code << 16),
    ),
    IORING_RESTRICTION_SQE_FLAGS_ALLOWED | (allowed << 16),
    IORING_RESTRICTION_SQE_FLAGS_REQUIRED | (required << 16),
  ];
  const words = new Int32Array(rows.length * RESTRICTION_WORDS);
  for (const [index, row] of rows.entries()) words[index * RESTRICTION_WORDS] = row;
  const opcode = IORING_REGISTER_RESTRICTIONS;
  const result = native.ioUringRegister(engine.fd, opcode, words, rows.length);
  check(result, 'io_uring_register', { facts: { opcode } });
}

const OPCODE_NAMES = OPCODES.map(([name]) => name.toLowerCase());
const REGISTRATION_NAMES = REGISTRATIONS.map(({ name }) => name.toLowerCase());

/** The numbers of the names; all that this kernel has where there is no list. */
function codes(
  option: string,
  names: readonly string[] | undefined,
  known: readonly string[],
  supported: (code: number) => boolean,
): number[] {
  if (names === undefined) return [...known.keys()].filter(supported);
  if (!Array.isArray(names)) throw invalidType(option, 'an array of names', names);
  return names.map((name) => {
    const code = known.indexOf(name);
    if (code >= 0) return code;
    const near = typeof name === 'string' ? nearest(name, known) : undefined;
    const guess = near === undefined ? '' : ` (did you mean '${near}'?)`;
    throw invalidValue(option, `must have the kernel's names only${guess}`, name);
  });
}

function flags(option: string, names: readonly SqeFlag[]): number {
  if (!Array.isArray(names)) throw invalidType(option, 'an array of flags', names);
  let bits = 0;
  for (const name of names as SqeFlag[]) {
    if (!Object.hasOwn(FLAGS, name)) {
      const accepted = Object.keys(FLAGS).join(', ');
      throw invalidValue(option, `must have only ${accepted}`, name);
    }
    bits |= FLAGS[name];
  }
  return bits;
}
