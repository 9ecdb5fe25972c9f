/** Which worker a key belongs to: always the same one, and few keys move when there are more. */
import { integer, invalidType, invalidValue } from '../validate.js';

/** What a thing is found by. Numbers are whole and not negative. */
export type ShardKey = string | number | bigint | Uint8Array;

/** 64 bits in two halves. */
let high = 0;
let low = 0;

const HALF = 2 ** 32;
const COUNT_MAX = 2 ** 31 - 1;

/** Multiplies `high` and `low` by a constant of 64 bits, of which the lower 64 bits are kept. */
function multiply(byHigh: number, byLow: number): void {
  const lowHalf = low & 0xffff;
  const highHalf = low >>> 16;
  const byLowHalf = byLow & 0xffff;
  const byHighHalf = byLow >>> 16;
  const smallest = lowHalf * byLowHalf;
  const middle = highHalf * byLowHalf + (smallest >>> 16);
  const other = lowHalf * byHighHalf + (middle & 0xffff);
  const carried = highHalf * byHighHalf + Math.floor(middle / 65_536) + Math.floor(other / 65_536);
  high = (Math.imul(high, byLow) + Math.imul(low, byHigh) + carried) >>> 0;
  low = Math.imul(low, byLow) >>> 0;
}

function addOctet(octet: number): void {
  low = (low ^ octet) >>> 0;
  multiply(0x100, 0x1b3);
}

/** FNV-1a, of 64 bits. */
function hashBytes(bytes: Uint8Array): void {
  for (let index = 0; index < bytes.length; index++) addOctet(bytes[index] as number);
}

function hashText(text: string): void {
  for (let index = 0; index < text.length; index++) {
    const code = text.charCodeAt(index);
    if (code > 0x7f) {
      // The rest as the bytes of UTF-8, which the part before it is already.
      hashBytes(Buffer.from(text.slice(index)));
      return;
    }
    addOctet(code);
  }
}

function load(name: string, key: ShardKey): void {
  if (typeof key === 'number') {
    integer(name, key, 0, Number.MAX_SAFE_INTEGER);
    high = Math.floor(key / HALF);
    low = key >>> 0;
  } else if (typeof key === 'bigint') {
    high = Number(BigInt.asUintN(32, key >> 32n));
    low = Number(BigInt.asUintN(32, key));
  } else {
    high = 0xcbf2_9ce4;
    low = 0x8422_2325;
    if (typeof key === 'string') hashText(key);
    else if (key instanceof Uint8Array) hashBytes(key);
    else throw invalidType(name, 'a string, a whole number, a bigint or a Uint8Array', key);
  }
}

/**
 * The shard of `key`, from 0 to `count` - 1, by jump consistent hashing: of n + 1 shards instead of
 * n each gives up one key in n + 1, and no others move.
 *
 * Numbers and bigints (their lower 64 bits) are taken as they are, text (as UTF-8) and bytes by
 * FNV-1a, so that programs in other languages find the same shards.
 */
export function shardOf(key: ShardKey, count: number): number {
  integer('count', count, 1, COUNT_MAX);
  load('key', key);
  let shard = -1;
  let next = 0;
  while (next < count) {
    shard = next;
    multiply(0x27bb_2ee6, 0x87b0_b0fd);
    low += 1;
    if (low === HALF) {
      low = 0;
      high = (high + 1) >>> 0;
    }
    next = Math.floor((shard + 1) * (2 ** 31 / ((high >>> 1) + 1)));
  }
  return shard;
}

/** One of those that share the keys, in proportion to their weights. */
export interface RendezvousNode {
  readonly id: string;
  /** Default 1. */
  readonly weight?: number;
}

/** Spreads the bits of what FNV leaves similar, and answers a number between 0 and 1. */
function mixed(): number {
  for (const [byHigh, byLow] of MIXERS) {
    low = (low ^ (high >>> 1)) >>> 0;
    multiply(byHigh, byLow);
  }
  low = (low ^ (high >>> 1)) >>> 0;
  return (high * 2 ** 21 + (low >>> 11) + 0.5) / 2 ** 53;
}

/** Of MurmurHash3. */
const MIXERS = [
  [0xff51_afd7, 0xed55_8ccd],
  [0xc4ce_b9fe, 0x1a85_ec53],
] as const;

/**
 * The one of `nodes` that `key` belongs to, by rendezvous hashing: when one of them goes, only its
 * own keys move, and each of the others gets a part of them by its weight. Takes time in proportion
 * to their number.
 */
export function rendezvousOf<Node extends RendezvousNode>(
  key: ShardKey,
  nodes: readonly Node[],
): Node {
  if (!Array.isArray(nodes)) throw invalidType('nodes', 'an array', nodes);
  load('key', key);
  const [keyHigh, keyLow] = [high, low];
  let best: Node | undefined;
  let bestScore = 0;
  for (const [index, node] of nodes.entries()) {
    const weight = weightOf(`nodes[${index}]`, node);
    [high, low] = [keyHigh, keyLow];
    // What ends the key, so that its last letters are not the first ones of the id.
    addOctet(0xff);
    hashText(node.id);
    const score = weight / -Math.log(mixed());
    if (score <= bestScore) continue;
    best = node;
    bestScore = score;
  }
  if (best !== undefined) return best;
  throw invalidValue('nodes', 'must have a node whose weight is not 0', nodes);
}

function weightOf(name: string, node: RendezvousNode): number {
  if (typeof node !== 'object' || node === null) throw invalidType(name, 'an object', node);
  if (typeof node.id !== 'string') throw invalidType(`${name}.id`, 'a string', node.id);
  const { weight = 1 } = node;
  if (typeof weight !== 'number' || !(weight >= 0 && weight < Infinity)) {
    throw invalidValue(`${name}.weight`, 'must be a number that is not negative', weight);
  }
  return weight;
}
