/** Registered buffers of another ring of this thread, without pinning them a second time. */
import {
  IORING_REGISTER_CLONE_BUFFERS,
  IORING_REGISTER_DST_REPLACE,
  IORING_REGISTER_SRC_REGISTERED,
} from '../../abi.js';
import { check } from '../../errors.js';
import { requireFeature } from '../../features.js';
import { native } from '../../native.js';
import { integer } from '../../validate.js';
import type { Engine } from '../engine.js';
import { descriptorOf } from '../setup.js';

/** Word of `struct io_uring_clone_buffers`. */
const WORDS = 8;
const SOURCE_FD = 0;
const FLAGS = 1;
const SOURCE_OFFSET = 2;
const TARGET_OFFSET = 3;
const COUNT = 4;

export interface CloneOptions {
  /** The first slot of the other ring. Default 0. */
  sourceOffset?: number;
  /** The first slot here; what stands there is replaced. Default 0. */
  offset?: number;
  /** How many slots. Default: all that there are from `sourceOffset` on. */
  count?: number;
}

/** io_uring_register(2) from table to table. */
export function cloneSlots(
  target: Engine,
  source: Engine,
  options: Required<CloneOptions>,
  replace: boolean,
): void {
  requireFeature('register:CLONE_BUFFERS');
  const words = new Uint32Array(WORDS);
  const fd = descriptorOf(source.fd);
  words[SOURCE_FD] = fd >= 0 ? fd : source.fd & ~(1 << 30);
  words[FLAGS] =
    (fd >= 0 ? 0 : IORING_REGISTER_SRC_REGISTERED) | (replace ? IORING_REGISTER_DST_REPLACE : 0);
  words[SOURCE_OFFSET] = integer('sourceOffset', options.sourceOffset, 0, 2 ** 31 - 1);
  words[TARGET_OFFSET] = integer('offset', options.offset, 0, 2 ** 31 - 1);
  words[COUNT] = integer('count', options.count, 0, 2 ** 31 - 1);
  const opcode = IORING_REGISTER_CLONE_BUFFERS;
  check(native.ioUringRegister(target.fd, opcode, words, 1), 'io_uring_register', {
    facts: { opcode },
  });
}
