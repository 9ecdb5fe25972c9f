/** What a kernel does not have, or what was switched off, is told as such when it is asked for. */
import { execFileSync } from 'node:child_process';
import { expect, test } from 'vitest';

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
