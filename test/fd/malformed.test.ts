/** Bytes that no kernel would write: parsers throw, and neither hang nor read beyond them. */
import { expect, test } from 'vitest';
import { encodeControl, parseControl } from '../../lib/fd/control-messages.js';
import { handleBytes, parseFanotify } from '../../lib/fd/fanotify-events.js';
import { parseInotify, typeOf } from '../../lib/fd/inotify-events.js';
import { signalInfo } from '../../lib/fd/signal-info.js';

const SEED = Number(process.env['NEARMETAL_SEED'] ?? 20_261_125);
const ROUNDS = 20_000;

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

const MARK = '5a5a5a5a';

function throwsOrAnswers(parse: () => unknown, what: string): 'threw' | 'answered' {
  try {
    const answer = JSON.stringify(parse(), (_, value) =>
      value instanceof Uint8Array ? Buffer.from(value).toString('hex') : value,
    );
    expect(answer.includes(MARK), what).toBe(false);
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
] as const;

test.each(PARSERS)('%s: random bytes, of every length', (name, _valid, parse) => {
  const next = random(SEED);
  for (let round = 0; round < ROUNDS; round++) {
    const bytes = framed(Uint8Array.from({ length: next() % 96 }, () => next() & 0xff));
    throwsOrAnswers(() => parse(bytes), `${name}, seed ${SEED}, round ${round}`);
  }
});

test.each(PARSERS)('%s: valid bytes cut short, and with bytes changed', (name, valid, parse) => {
  for (let length = 0; length < valid.length; length++) {
    throwsOrAnswers(() => parse(framed(valid.subarray(0, length))), `${name} of ${length} bytes`);
  }
  const next = random(SEED + 1);
  const seen = { threw: 0, answered: 0 };
  for (let round = 0; round < ROUNDS; round++) {
    const bytes = framed(valid);
    for (let change = next() % 4; change >= 0; change--) {
      // Lengths are what matters: small numbers, and all bits.
      bytes[next() % bytes.length] = [next() & 0xff, next() % 48, 0, 0xff][next() % 4] as number;
    }
    seen[throwsOrAnswers(() => parse(bytes), `${name}, seed ${SEED}, round ${round}`)]++;
  }
  expect(Math.min(seen.threw, seen.answered)).toBeGreaterThan(0);
});

test('an event of no type is malformed; signals and handles are of one size', () => {
  expect(() => typeOf(0)).toThrow(/malformed/);
  const next = random(SEED + 2);
  const view = new DataView(framed(Uint8Array.from({ length: 128 }, () => next() & 0xff)).buffer);
  expect(signalInfo(view, 64).signal).toBe(view.getUint32(64, true));
  expect(() => signalInfo(view, 200)).toThrow(RangeError);
  expect(handleBytes({ fsid: '', type: 1, bytes: new Uint8Array(5) })).toHaveLength(13);
});
