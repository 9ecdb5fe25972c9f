/** The checks of arguments: each names the option and says what it accepts. */
import { expect, test } from 'vitest';
import * as validate from '../lib/validate.js';

function thrown(act: () => unknown): Error & { code?: string } {
  try {
    act();
  } catch (error) {
    return error as Error;
  }
  throw new Error('nothing was thrown');
}

test('an integer is answered, and anything else refused by type or by range', () => {
  expect(validate.integer('entries', 8, 1, 32768)).toBe(8);
  const wrongType = thrown(() => validate.integer('entries', '8', 1, 32768));
  expect(wrongType).toBeInstanceOf(TypeError);
  expect(wrongType).toMatchObject({
    code: 'ERR_INVALID_ARG_TYPE',
    message: `The "entries" argument must be an integer. Received type string ('8')`,
  });
  for (const value of [0, 32769, 1.5, Number.NaN, -0.1, Infinity]) {
    const error = thrown(() => validate.integer('entries', value, 1, 32768));
    expect(error).toBeInstanceOf(RangeError);
    expect(error).toMatchObject({ code: 'ERR_OUT_OF_RANGE' });
    expect(error.message).toContain('>= 1 && <= 32768');
  }
});

test('what was received is described without running its code', () => {
  const hostile = {
    get constructor(): never {
      throw new Error('ran');
    },
  };
  for (const value of [
    null,
    undefined,
    Symbol('x'),
    1n,
    () => 0,
    Object.create(null),
    [],
    hostile,
  ]) {
    expect(thrown(() => validate.boolean('clamp', value))).toMatchObject({
      code: 'ERR_INVALID_ARG_TYPE',
    });
  }
});

test('a choice lists the choices', () => {
  expect(validate.oneOf('mode', 'a', ['a', 'b'])).toBe('a');
  const error = thrown(() => validate.oneOf('options.mode', 'c', ['a', 'b']));
  expect(error).toMatchObject({
    code: 'ERR_INVALID_ARG_VALUE',
    message: `The "options.mode" property must be one of 'a', 'b'. Received 'c'`,
  });
});

test('bytes must be a view whose memory stays where it is', () => {
  const view = new Uint8Array(4);
  expect(validate.bytesView('target', view)).toBe(view);
  expect(validate.bytesView('target', new Uint8Array(0)).byteLength).toBe(0);
  expect(validate.bytesView('target', new DataView(new SharedArrayBuffer(4)))).toBeTruthy();
  expect(thrown(() => validate.bytesView('target', new ArrayBuffer(4)))).toMatchObject({
    code: 'ERR_INVALID_ARG_TYPE',
  });
  const gone = new Uint8Array(4);
  structuredClone(gone.buffer, { transfer: [gone.buffer] });
  expect(thrown(() => validate.bytesView('target', gone)).message).toContain('detached');
  const Resizable = ArrayBuffer as unknown as new (size: number, options: object) => ArrayBuffer;
  const resizable = new Uint8Array(new Resizable(4, { maxByteLength: 8 }));
  expect(thrown(() => validate.bytesView('target', resizable)).message).toContain('resizable');
});

test('a signal is an AbortSignal or nothing', () => {
  const { signal } = new AbortController();
  expect(validate.abortSignal('signal', signal)).toBe(signal);
  expect(validate.abortSignal('signal', undefined)).toBeUndefined();
  for (const value of [null, {}, 'now', 1]) {
    expect(thrown(() => validate.abortSignal('signal', value)).message).toContain('AbortSignal');
  }
});

test('an unknown option is an error that guesses and lists', () => {
  validate.onlyKeys('options', { entries: 1 }, ['entries', 'sqPoll']);
  const error = thrown(() => validate.onlyKeys('options', { sqpol: true }, ['entries', 'sqPoll']));
  expect(error).toBeInstanceOf(TypeError);
  expect(error).toMatchObject({
    code: 'ERR_INVALID_ARG_VALUE',
    message: `"options" has no option "sqpol". Did you mean "sqPoll"? Accepted: entries, sqPoll`,
  });
  for (const value of [null, 1, 'entries', []]) {
    expect(thrown(() => validate.onlyKeys('options', value, []))).toMatchObject({
      code: 'ERR_INVALID_ARG_TYPE',
    });
  }
});

test('a guess is made only when it is near', () => {
  expect(validate.nearest('op:SEND_CZ', ['op:SEND_ZC', 'op:RECV'])).toBe('op:SEND_ZC');
  expect(validate.nearest('banana', ['op:SEND_ZC', 'io_uring'])).toBeUndefined();
});
