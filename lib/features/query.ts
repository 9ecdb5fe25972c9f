/** What the kernel says of its own io_uring, without a ring (6.18). */
import {
  IORING_REGISTER_QUERY,
  MAP_ANONYMOUS,
  MAP_PRIVATE,
  PROT_READ,
  PROT_WRITE,
} from '../abi.js';
import { native } from '../native.js';

/** Every bit and number that this kernel knows, whether or not it may be used here. */
export interface RingQuery {
  /** How many IORING_OP_* there are. */
  readonly opcodeCount: number;
  /** How many IORING_REGISTER_* there are. */
  readonly registrationCount: number;
  /** IORING_FEAT_* bits. */
  readonly features: bigint;
  /** IORING_SETUP_* bits. */
  readonly setupFlags: bigint;
  /** IORING_ENTER_* bits. */
  readonly enterFlags: bigint;
  /** IOSQE_* bits. */
  readonly sqeFlags: bigint;
}

/** Words of `struct io_uring_query_hdr`, and of what it points to, at `ANSWER`. */
const ADDRESS = 2;
const QUERY = 4;
const SIZE = 5;
const RESULT = 6;
const ANSWER = 16;
const ANSWER_BYTES = 48;
const OPCODES = 0;
const PAGE_BYTES = 4096;

/** Undefined on kernels that cannot be asked. */
export function queryRing(): RingQuery | undefined {
  const protection = PROT_READ | PROT_WRITE;
  const region = native.regionMap(0, PAGE_BYTES, protection, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (region < 0) return undefined;
  try {
    const buffer = native.regionBuffer(region);
    if (typeof buffer === 'number') return undefined;
    const address = native.regionAddress(region) + ANSWER * 4;
    const words = new Uint32Array(buffer);
    words[ADDRESS] = address;
    words[ADDRESS + 1] = Math.floor(address / 2 ** 32);
    words[QUERY] = OPCODES;
    words[SIZE] = ANSWER_BYTES;
    const result = native.ioUringRegister(-1, IORING_REGISTER_QUERY, words, 0);
    if (result < 0 || ((words[RESULT] as number) | 0) < 0) return undefined;
    const long = (index: number): bigint =>
      (BigInt(words[ANSWER + index + 1] as number) << 32n) |
      BigInt(words[ANSWER + index] as number);
    return {
      opcodeCount: words[ANSWER] as number,
      registrationCount: words[ANSWER + 1] as number,
      features: long(2),
      setupFlags: long(4),
      enterFlags: long(6),
      sqeFlags: long(8),
    };
  } finally {
    native.regionRelease(region, false);
  }
}
