/** Zero-copy receive: gives a ring the receive queue of a network card. */
import { IORING_REGISTER_ZCRX_IFQ, IORING_SETUP_CQE_MIXED, IORING_SETUP_CQE32 } from '../../abi.js';
import { check } from '../../errors.js';
import { requireFeature } from '../../features.js';
import { Mapping } from '../../memory/mapping.js';
import { integer, invalidType, invalidValue, onlyKeys } from '../../validate.js';
import type { Engine } from '../engine.js';
import { registerWith } from './arguments.js';

export interface ZcrxOptions {
  /** The card, as if_nametoindex(3) numbers it. */
  interfaceIndex: number;
  /** Its receive queue, which must split headers from data and be steered to by flow rules. */
  queue: number;
  /** Entries of the ring by which buffers go back: a power of two. */
  refillEntries: number;
  /** Where the card puts what it receives: whole pages. */
  area: Mapping;
  /** Where the refill ring is: whole pages, enough for the entries and a page more. */
  refill: Mapping;
}

/** What the kernel tells of a queue: an id for receives, and where the refill ring's words are. */
export interface Zcrx {
  readonly id: number;
  /** Goes into the offset of each refilled buffer. */
  readonly areaToken: bigint;
  /** Bytes from the start of `refill`. */
  readonly head: number;
  readonly tail: number;
  readonly entries: number;
}

/** Bytes of `struct io_uring_zcrx_ifq_reg`, `_zcrx_area_reg` and `_region_desc`. */
const QUEUE_BYTES = 96;
const AREA_BYTES = 48;
const REGION_BYTES = 64;
const USER_MEMORY = 1;
const ENTRIES_MAX = 32_768;

/** The words of the three structures, one behind the other; `addressOf` says where each is. */
export function encodeZcrx(
  words: Int32Array,
  options: ZcrxOptions,
  addressOf: (offset: number) => readonly [low: number, high: number],
): void {
  words[0] = options.interfaceIndex;
  words[1] = options.queue;
  words[2] = options.refillEntries;
  words.set(addressOf(QUEUE_BYTES), 4);
  words.set(addressOf(QUEUE_BYTES + AREA_BYTES), 6);
  const area = QUEUE_BYTES / 4;
  putMemory(words, area, options.area);
  const region = (QUEUE_BYTES + AREA_BYTES) / 4;
  putMemory(words, region, options.refill);
  words[region + 4] = USER_MEMORY;
}

function putMemory(words: Int32Array, at: number, mapping: Mapping): void {
  words[at] = mapping.addressLow;
  words[at + 1] = mapping.addressHigh;
  words[at + 2] = mapping.size | 0;
  words[at + 3] = Math.floor(mapping.size / 2 ** 32);
}

export function registerZcrx(engine: Engine, options: ZcrxOptions): Zcrx {
  onlyKeys('options', options, ['interfaceIndex', 'queue', 'refillEntries', 'area', 'refill']);
  integer('interfaceIndex', options.interfaceIndex, 1, 2 ** 31 - 1);
  integer('queue', options.queue, 0, 2 ** 31 - 1);
  const entries = integer('refillEntries', options.refillEntries, 1, ENTRIES_MAX);
  if ((entries & (entries - 1)) !== 0) {
    throw invalidValue('refillEntries', 'must be a power of two', entries);
  }
  for (const name of ['area', 'refill'] as const) {
    const mapping = options[name];
    if (!(mapping instanceof Mapping) || mapping.disposed) {
      throw invalidType(name, 'a Mapping that is not disposed', mapping);
    }
  }
  if ((engine.flags & (IORING_SETUP_CQE32 | IORING_SETUP_CQE_MIXED)) === 0) {
    throw new TypeError('zero-copy receive needs large completions: cqe32 or cqeMixed');
  }
  requireFeature('register:ZCRX_IFQ');
  // The card writes there for as long as the ring lives.
  for (const mapping of [options.area, options.refill]) {
    if (!mapping.users.has(engine)) engine.hold(mapping);
  }
  const opcode = IORING_REGISTER_ZCRX_IFQ;
  const told = new Int32Array((QUEUE_BYTES + AREA_BYTES) / 4);
  const bytes = QUEUE_BYTES + AREA_BYTES + REGION_BYTES;
  let block: Int32Array | undefined;
  const result = registerWith(engine, opcode, bytes, 1, (argument) => {
    block = argument.words;
    encodeZcrx(argument.words, options, (offset) => {
      const low = (argument.addressLow >>> 0) + offset;
      return [low | 0, argument.addressHigh + (low >= 2 ** 32 ? 1 : 0)];
    });
  });
  if (block !== undefined) told.set(block.subarray(0, told.length));
  check(result, 'io_uring_register', { facts: { opcode } });
  const words = new Uint32Array(told.buffer);
  const token = QUEUE_BYTES / 4 + 4;
  return {
    id: words[16] as number,
    areaToken: (BigInt(words[token + 1] as number) << 32n) | BigInt(words[token] as number),
    head: words[8] as number,
    tail: words[9] as number,
    entries: words[10] as number,
  };
}
