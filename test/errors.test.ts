/**
 * The errors: Node's own shape, names and words from the kernel, a hint that costs nothing unread.
 */
import { inspect } from 'node:util';
import { SystemError, UnsupportedError } from 'nearmetal/errors';
import { afterEach, expect, test } from 'vitest';
import * as errors from '../lib/errors.js';
import { hintFor } from '../lib/hints.js';
import { evaluate, runNode } from './support/nouring.js';

afterEach(() => {
  errors.setHintProvider((error, facts) => hintFor(error.syscall, error.code, facts));
});

function caught(act: () => unknown): unknown {
  try {
    act();
  } catch (error) {
    return error;
  }
  throw new Error('nothing was thrown');
}

test('an error looks like one of Node', () => {
  const error = errors.systemError(-2, 'open', { path: '/nope' });
  expect(error.message).toBe(`ENOENT: no such file or directory, open '/nope'`);
  expect(error).toMatchObject({ errno: -2, code: 'ENOENT', syscall: 'open', path: '/nope' });
  const asNode: NodeJS.ErrnoException = error;
  expect(asNode).toBeInstanceOf(Error);
  expect(error).toBeInstanceOf(SystemError);
  expect(Object.keys(errors.systemError(-2, 'open'))).toEqual(['code', 'errno', 'syscall']);
});

test('what it was about is in the message and on the error', () => {
  const renamed = errors.systemError(-18, 'rename', { path: '/a', ['dest']: '/b' });
  expect(renamed.message).toBe(`EXDEV: invalid cross-device link, rename '/a' -> '/b'`);
  const refused = errors.systemError(-111, 'connect', { address: '127.0.0.1', port: 1 });
  expect(refused.message).toBe('ECONNREFUSED: connection refused, connect 127.0.0.1:1');
  expect(refused).toMatchObject({ address: '127.0.0.1', port: 1 });
});

test('names that neither libuv nor Node know are there; an unknown number has one too', () => {
  expect(errors.systemError(-77, 'io_uring_enter').code).toBe('EBADFD');
  expect(errors.systemError(-62, 'io_uring:timeout').code).toBe('ETIME');
  expect(errors.systemError(-4000, 'x').code).toBe('ERRNO_4000');
});

test('check answers a result, or throws with the caller on top of the stack', () => {
  expect(errors.check(0, 'read')).toBe(0);
  expect(errors.check(7, 'read')).toBe(7);
  function theCaller(): void {
    errors.check(-9, 'read', { fd: 3 });
  }
  const error = caught(theCaller) as Error;
  expect(error).toMatchObject({ code: 'EBADF', fd: 3 });
  expect(error.stack?.split('\n')[1]).toContain('theCaller');
});

test('the error of a completion has no frames, and leaves the limit of others alone', () => {
  const limit = Error.stackTraceLimit;
  const error = errors.completionError(-125, 'io_uring:timeout', { fd: 3 });
  expect(error.stack).toBe(`${error}`);
  expect(error).toMatchObject({ code: 'ECANCELED', fd: 3 });
  expect(Error.stackTraceLimit).toBe(limit);
  expect(errors.systemError(-125, 'timeout').stack?.split('\n')[1]).toContain('errors.test.ts');
});

test('the hint is looked for once, when first read', () => {
  let asked = 0;
  errors.setHintProvider((_error, facts) => `${++asked}: ${facts?.['bytes']}`);
  const error = errors.systemError(-12, 'mlock', { facts: { bytes: 4096 } });
  expect(asked).toBe(0);
  expect(Object.keys(error)).not.toContain('hint');
  expect(error.hint).toBe('1: 4096');
  expect(error.hint).toBe('1: 4096');
  expect(Object.keys(error)).toContain('hint');
  expect(`${error}`).toContain('(1: 4096)');
});

test('printing shows the hint, and a hint that fails hides nothing', () => {
  errors.setHintProvider(() => 'type this');
  expect(inspect(errors.systemError(-1, 'io_uring_setup'))).toContain(`hint: 'type this'`);
  errors.setHintProvider(() => {
    throw new Error('the reader broke');
  });
  const error = errors.systemError(-1, 'io_uring_setup');
  expect(error.hint).toBeUndefined();
  expect(inspect(error)).toContain('EPERM');
});

test('is tells our errors by code', () => {
  const error: unknown = errors.systemError(-11, 'read');
  expect(SystemError.is(error)).toBe(true);
  expect(SystemError.is(error, 'EINTR', 'EAGAIN')).toBe(true);
  expect(SystemError.is(error, 'EINTR')).toBe(false);
  for (const other of [null, undefined, 1, 'EAGAIN', {}, new Error('EAGAIN')]) {
    expect(SystemError.is(other)).toBe(false);
    expect((other as unknown) instanceof SystemError).toBe(false);
  }
});

test('an error made by another copy of the package is an instance too', () => {
  const made = { [Symbol.for('nearmetal.SystemError')]: true, code: 'EIO' };
  expect(made).toBeInstanceOf(SystemError);
  expect(SystemError.is(made, 'EIO')).toBe(true);
  expect(made).not.toBeInstanceOf(UnsupportedError);
});

test('what is unsupported says since when, why and what to type', () => {
  const cause = new Error('before');
  const error = new UnsupportedError({ feature: 'op:X', since: '9.9', kernel: '6.1.0', cause });
  expect(error).toMatchObject({ code: 'ERR_NEARMETAL_UNSUPPORTED', feature: 'op:X', cause });
  expect(error.message).toBe('op:X is not available here: it needs Linux 9.9, this is 6.1.0');
  const told = new UnsupportedError({ feature: 'io_uring', reason: 'no', hint: 'type this' });
  expect(told.message).toBe('io_uring is not available here: no. Type this');
  expect(told).toMatchObject({ name: 'UnsupportedError', reason: 'no', hint: 'type this' });
});

test('an abort is the error that node:fs/promises makes', () => {
  const reason = new Error('enough');
  const error = errors.abortError(AbortSignal.abort(reason));
  expect(error).toMatchObject({ name: 'AbortError', code: 'ABORT_ERR', cause: reason });
});

test('an impossible result asks to be reported, in hex', () => {
  expect(() => errors.unexpected(-1000, 'nop')).toThrow(/-1000.*0xfffffc18.*nop.*report/);
});

test('an uncaught error prints its hint', () => {
  const { status, stderr } = runNode([
    '--input-type=module',
    '-e',
    `import { SystemError } from 'nearmetal/errors';
     import 'nearmetal/features';
     throw new SystemError(-24, 'openat', { path: '/x' });`,
  ]);
  expect(status).not.toBe(0);
  expect(stderr).toMatch(/EMFILE: too many open files, openat '\/x'/);
  expect(stderr).toMatch(/hint:.*ulimit -n/s);
});

test('both doors of the package give the same class', () => {
  const source = `
    import { createRequire } from 'node:module';
    import { SystemError } from 'nearmetal/errors';
    const required = createRequire(process.cwd() + '/x.js')('nearmetal/errors');
    console.log(JSON.stringify(required.SystemError === SystemError));`;
  expect(evaluate(source)).toBe(true);
});
