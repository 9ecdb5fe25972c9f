/**
 * Bytes that no kernel would write: parsers throw, and neither hang nor read beyond them. For
 * longer, `npm run fuzz:native -- parsers --minutes N`.
 */
import { expect, test } from 'vitest';
import { encodeControl, parseControl } from '../../lib/fd/control-messages.js';
import { handleBytes, parseFanotify } from '../../lib/fd/fanotify-events.js';
import { parseInotify, typeOf } from '../../lib/fd/inotify-events.js';
import { signalInfo } from '../../lib/fd/signal-info.js';
import { eachRecord } from '../../lib/fs/directory-records.js';
import { decodeControl, eachControlFd } from '../../lib/ring/ops/control-in.js';
import { addressIn } from '../../lib/ring/ops/message.js';
import { encodeAddress } from '../../lib/socket/address.js';

const SEED = Number(process.env['NEARMETAL_SEED'] ?? 20_261_125);
const ROUNDS = 20_000;
const MINUTES = Number(process.env['NEARMETAL_FUZZ_MINUTES'] ?? 0);
/** A number that no file of this process has: what is taken for one can be let go. */
const NO_FILE = 2 ** 20;

/** xorshift: the same seed gives the same bytes. */
function random(seed: number): () => number {
  let state = seed | 1;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return state >>> 0;
  };
}

/** A view in the middle of a buffer full of a mark, which no parser may see. */
function framed(bytes: Uint8Array): Uint8Array {
  const frame = new Uint8Array(bytes.length + 128).fill(0x5a);
  frame.set(bytes, 64);
  return frame.subarray(64, 64 + bytes.length);
}

/** As bytes, as text and as a number. */
const MARKS = ['5a5a5a5a', 'ZZZZ', '1515870810'];

function throwsOrAnswers(parse: () => unknown, what: string): 'threw' | 'answered' {
  try {
    const answer = JSON.stringify(parse(), (_, value) =>
      value instanceof Uint8Array ? Buffer.from(value).toString('hex') : value,
    );
    expect(
      MARKS.filter((mark) => answer?.includes(mark)),
      what,
    ).toEqual([]);
    return 'answered';
  } catch (error) {
    expect(error, what).toMatchObject({ code: 'ERR_NEARMETAL_UNEXPECTED' });
    return 'threw';
  }
}

/** Valid records, in which a few bytes are then changed. */
const INOTIFY = (() => {
  const bytes = new Uint8Array(64);
  const view = new DataView(bytes.buffer);
  view.setInt32(0, 1, true);
  view.setUint32(4, 0x100, true);
  view.setUint32(12, 16, true);
  bytes.set(Buffer.from('name'), 16);
  view.setInt32(32, 1, true);
  view.setUint32(36, 0x200, true);
  view.setUint32(44, 16, true);
  bytes.set(Buffer.from('0123456789abcdef'), 48);
  return bytes;
})();

const FANOTIFY = (() => {
  const bytes = new Uint8Array(24 + 40 + 24 + 12);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, 64, true);
  view.setUint8(4, 3);
  view.setUint16(6, 24, true);
  view.setUint32(8, 0x100, true);
  view.setInt32(16, -1, true);
  view.setUint8(24, 2);
  view.setUint16(26, 40, true);
  view.setUint32(36, 8, true);
  view.setInt32(40, 1, true);
  bytes.set(Buffer.from('handle78name\0'), 44);
  view.setUint32(64, 36, true);
  view.setUint8(68, 3);
  view.setUint16(70, 24, true);
  view.setUint32(72, 0x8000, true);
  view.setUint8(88, 5);
  view.setUint16(90, 12, true);
  view.setInt32(92, 117, true);
  view.setUint32(96, 1, true);
  return bytes;
})();

const DIRECTORY = (() => {
  const bytes = new Uint8Array(24 + 24 + 32);
  const view = new DataView(bytes.buffer);
  const record = (at: number, length: number, name: string): void => {
    view.setBigUint64(at, 7n, true);
    view.setUint16(at + 16, length, true);
    bytes[at + 18] = 8;
    bytes.set(Buffer.from(name), at + 19);
  };
  record(0, 24, '.');
  record(24, 24, 'name');
  record(48, 32, 'twelve bytes');
  return bytes;
})();

function directory(bytes: Uint8Array): string[] {
  const names: string[] = [];
  const records = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  eachRecord(records, records.length, (name, type, at) => names.push(`${name} ${type} ${at}`));
  return names;
}

/** Of all kinds that are decoded: level, type, bytes. */
const RECEIVED = (() => {
  const kinds = [
    [1, 1, 8], // rights
    [1, 2, 12], // credentials
    [1, 4, 4], // pidfd
    [0, 8, 12], // pktinfo
    [41, 50, 20],
    [17, 104, 4], // segments
    [1, 35, 16], // timestamps
    [1, 29, 16],
    [1, 37, 48],
    [0, 2, 4], // time to live, traffic class
    [0, 1, 1],
    [1, 40, 4], // dropped
    [99, 7, 5],
  ] as const;
  const bytes = new Uint8Array(kinds.reduce((sum, [, , size]) => sum + 16 + ((size + 7) & ~7), 0));
  const view = new DataView(bytes.buffer);
  let at = 0;
  for (const [level, type, size] of kinds) {
    view.setBigUint64(at, BigInt(16 + size), true);
    view.setInt32(at + 8, level, true);
    view.setInt32(at + 12, type, true);
    bytes.fill(0x70, at + 16, at + 16 + size);
    at += 16 + ((size + 7) & ~7);
  }
  return bytes;
})();

function received(bytes: Uint8Array): unknown {
  // What lies around is in reach of the view, as it is of one into a buffer of a pool.
  const view = new DataView(bytes.buffer);
  const fds: number[] = [];
  eachControlFd(view, bytes.byteOffset, bytes.length, (fd) => fds.push(fd));
  if (fds.some((fd) => fd < NO_FILE)) return fds;
  const { rights, pidfd, ...rest } = decodeControl(view, bytes.byteOffset, bytes.length);
  return [...rights, ...(pidfd ? [pidfd] : [])].map((fd) => fd.release()).concat([rest] as never);
}

const ADDRESS = encodeAddress('address', { host: '2001:db8::7', port: 7000 }).bytes;

const CONTROL = encodeControl([3, 4, 5], { pid: 1, uid: 2, gid: 3 }) as Uint8Array;

test('the records that are changed below are valid', () => {
  expect(parseInotify(INOTIFY).map(({ name }) => Buffer.from(name).toString())).toEqual([
    'name',
    '0123456789abcdef',
  ]);
  const [first, second] = parseFanotify(FANOTIFY);
  expect(first).toMatchObject({ events: ['create'], place: { name: 'name' } });
  expect(second).toMatchObject({ events: ['fsError'], error: { errno: 117, count: 1 } });
  expect(parseControl(CONTROL)).toEqual({
    fds: [3, 4, 5],
    pidfd: undefined,
    credentials: { pid: 1, uid: 2, gid: 3 },
  });
});

const PARSERS = [
  ['inotify', INOTIFY, (bytes: Uint8Array) => parseInotify(bytes).map((event) => ({ ...event }))],
  ['fanotify', FANOTIFY, parseFanotify],
  ['control messages', CONTROL, parseControl],
  ['received control messages', RECEIVED, received],
  ['addresses', ADDRESS, addressIn],
  ['directories', DIRECTORY, directory],
] as const;

/** Each of the tests below has a part of the time, and rounds enough without any. */
const PART_MS = (MINUTES * 60_000) / (2 * PARSERS.length);
const LIMIT_MS = 60_000 + PART_MS;

function* rounds(): Generator<number> {
  const until = performance.now() + PART_MS;
  for (let round = 0; round < ROUNDS || performance.now() < until; round++) yield round;
}

test.each(PARSERS)(
  '%s: random bytes, of every length',
  { timeout: LIMIT_MS },
  (name, _valid, parse) => {
    const next = random(SEED);
    for (const round of rounds()) {
      const bytes = framed(Uint8Array.from({ length: next() % 96 }, () => next() & 0xff));
      throwsOrAnswers(() => parse(bytes), `${name}, seed ${SEED}, round ${round}`);
    }
  },
);

test.each(PARSERS)(
  '%s: cut short, and with bytes changed',
  { timeout: LIMIT_MS },
  (name, valid, parse) => {
    for (let length = 0; length < valid.length; length++) {
      throwsOrAnswers(() => parse(framed(valid.subarray(0, length))), `${name} of ${length} bytes`);
    }
    const next = random(SEED + 1);
    const seen = { threw: 0, answered: 0 };
    for (const round of rounds()) {
      const bytes = framed(valid);
      for (let change = next() % 4; change >= 0; change--) {
        // Lengths are what matters: small numbers, and all bits.
        bytes[next() % bytes.length] = [next() & 0xff, next() % 48, 0, 0xff][next() % 4] as number;
      }
      seen[throwsOrAnswers(() => parse(bytes), `${name}, seed ${SEED}, round ${round}`)]++;
    }
    expect(seen.answered).toBeGreaterThan(0);
    // What came beside a message is passed over where it makes no sense.
    expect(seen.threw > 0).toBe(!['received control messages', 'addresses'].includes(name));
  },
);

test('an event of no type is malformed; signals and handles are of one size', () => {
  expect(() => typeOf(0)).toThrow(/malformed/);
  const next = random(SEED + 2);
  const view = new DataView(framed(Uint8Array.from({ length: 128 }, () => next() & 0xff)).buffer);
  expect(signalInfo(view, 64).signal).toBe(view.getUint32(64, true));
  expect(() => signalInfo(view, 200)).toThrow(RangeError);
  expect(handleBytes({ fsid: '', type: 1, bytes: new Uint8Array(5) })).toHaveLength(13);
});
