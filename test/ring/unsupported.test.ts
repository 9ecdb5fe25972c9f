/** What a kernel does not have, or what was switched off, is told as such when it is asked for. */
import { execFileSync } from 'node:child_process';
import { expect, test } from 'vitest';
import { IORING_OP_NOP } from '../../lib/abi.js';
import { kind, Operation } from '../../lib/ring/operation.js';
import { operationError } from '../../lib/ring/sinks.js';

/** As a program that imports the package, with operations switched off. */
function failureOf(call: string, disable: string): Record<string, unknown> {
  const program = `
    import { Ring } from 'nearmetal/ring';
    const ring = Ring.open({ entries: 8 });
    const target = await ring.openat('/dev/null', { access: 'write' });
    // Neither of the two is a pipe, so that the kernel answers EINVAL.
    const error = await ring.${call}.then(() => ({}), (reason) => reason);
    const { name, code, feature, since, message } = error;
    console.log(JSON.stringify({ name, code, feature, since, message }));
    await ring.close();
  `;
  const env = { ...process.env, NEARMETAL_DISABLE: disable };
  const output = execFileSync(process.execPath, ['--input-type=module', '-e', program], { env });
  return JSON.parse(output.toString()) as Record<string, unknown>;
}

test('EINVAL of an operation that is not to be had says so', () => {
  const call = "splice(await ring.openat('/dev/zero'), target, 1)";
  expect(failureOf(call, 'op:SPLICE')).toMatchObject({
    name: 'UnsupportedError',
    feature: 'op:SPLICE',
    since: '5.7',
    message: expect.stringContaining('op:SPLICE'),
  });
  expect(failureOf(call, 'op:TEE')).toMatchObject({ name: 'SystemError', code: 'EINVAL' });
});

test('EINVAL for a form that is younger than this kernel says so', () => {
  const of = kind<void>({
    name: 'nop',
    code: IORING_OP_NOP,
    since: '99.1',
    decode: () => undefined,
  });
  expect(operationError(-22, new Operation(of))).toMatchObject({
    code: 'ERR_NEARMETAL_UNSUPPORTED',
    feature: 'op:NOP',
    since: '99.1',
    message: expect.stringContaining('this form of it needs Linux 99.1'),
  });
  expect(operationError(-9, new Operation(of))).toMatchObject({ code: 'EBADF' });
});
