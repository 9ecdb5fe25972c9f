/** What can be used is found by trying, said with the true reason, and switched off on demand. */
import { features, queryRing, requireIoUring } from 'nearmetal/features';
import { expect, test } from 'vitest';
import * as abi from '../lib/abi.js';
import { FEATURE_NAMES, parseDisabled } from '../lib/features/disabled.js';
import {
  opSupported,
  registerSupported,
  requireFeature,
  setupFlagSupported,
} from '../lib/features.js';
import { kernel } from '../lib/kernel.js';
import { native } from '../lib/native.js';
import { OWN_RINGS } from './support/needs.js';
import { type Circumstances, evaluate, IO_URING_CALLS, runNode } from './support/nouring.js';

const PERMITTED = features.ioUring.available;

/** What a child sees: availability, the error of requireIoUring, and that of Ring.open. */
function inChild(circumstances: Circumstances): Record<string, Record<string, unknown>> {
  const source = `
    import { features, requireIoUring } from 'nearmetal/features';
    import { Ring } from 'nearmetal/ring';
    const shown = (act) => {
      try { act(); return null; } catch (error) {
        return { name: error.name, code: error.code, message: error.message, hint: error.hint,
          cause: error.cause?.code };
      }
    };
    console.log(JSON.stringify({
      ring: features.ioUring, op: features.op.NOP, setup: features.setup.CLAMP,
      required: shown(requireIoUring), opened: shown(() => Ring.open()),
    }));`;
  return evaluate(source, circumstances) as Record<string, Record<string, unknown>>;
}

test.runIf(PERMITTED)('this kernel has rings, and the basic parts of them', () => {
  expect(() => requireIoUring()).not.toThrow();
  expect(opSupported(abi.IORING_OP_NOP)).toBe(true);
  expect(opSupported(255)).toBe(false);
  expect(registerSupported(abi.IORING_REGISTER_PROBE)).toBe(true);
  expect(registerSupported(1000)).toBe(false);
  expect(setupFlagSupported(0)).toBe(true);
  expect(setupFlagSupported(abi.IORING_SETUP_CLAMP | abi.IORING_SETUP_CQSIZE)).toBe(true);
  expect(setupFlagSupported(1 << 30)).toBe(false);
  expect(features.op['NOP']).toEqual({ supported: true, since: '5.1' });
});

test.runIf(PERMITTED)('what is missing says the kernel that has it', () => {
  for (const name of FEATURE_NAMES) {
    const entry = features.get(name);
    expect(entry, name).toBeDefined();
    if (entry === undefined || entry.supported) continue;
    expect(entry.reason, name).toBeDefined();
    expect(entry.detail, name).toBeTruthy();
    expect(() => requireFeature(name)).toThrow(/is not available here/);
  }
  expect(features.get('op:NONE')).toBeUndefined();
  expect(() => requireFeature('op:NONE')).toThrow(TypeError);
});

test.runIf(PERMITTED)('what the kernel says of itself is what is found by trying', (context) => {
  const told = queryRing();
  if (told === undefined) {
    expect(features.get('register:QUERY')?.supported).toBe(false);
    return context.skip('this kernel cannot be asked');
  }
  expect(features.get('register:QUERY')?.supported).toBe(true);
  const bits = (table: Readonly<Record<string, { supported: boolean }>>): bigint =>
    Object.values(table).reduce(
      (sum, { supported }, bit) => (supported ? sum | (1n << BigInt(bit)) : sum),
      0n,
    );
  expect(bits(features.ring) & ~told.features).toBe(0n);
  expect(bits(features.setup) & ~told.setupFlags).toBe(0n);
  const opcodes = Object.values(features.op).filter(({ supported }) => supported);
  expect(opcodes.length).toBeLessThanOrEqual(told.opcodeCount);
  expect(told.registrationCount).toBeGreaterThan(abi.IORING_REGISTER_QUERY);
  expect(told.enterFlags & BigInt(abi.IORING_ENTER_GETEVENTS)).not.toBe(0n);
  expect(told.sqeFlags & BigInt(abi.IOSQE_FIXED_FILE)).not.toBe(0n);
});

test('listing shows every entry, and asking twice gives the same', () => {
  expect(Object.keys(features.op)).toHaveLength(65);
  expect(features.op['NOP']).toBe(features.op['NOP']);
  expect(features.kernel).toBe(kernel.release);
});

test.runIf(native.hasSeam)(
  'importing probes nothing; the first question does, later ones do not',
  () => {
    const source = `
    import { createRequire } from 'node:module';
    const { seam } = createRequire(process.cwd() + '/x.js')(process.env.NEARMETAL_ADDON);
    const { requireIoUring, setupFlagSupported } = await import('nearmetal/features');
    await import('nearmetal');
    const counts = [seam.calls(425)];
    const flags = ${abi.IORING_SETUP_DEFER_TASKRUN | abi.IORING_SETUP_SINGLE_ISSUER};
    try { requireIoUring(); } catch {}
    setupFlagSupported(flags);
    counts.push(seam.calls(425));
    for (let i = 0; i < 100; i++) setupFlagSupported(flags);
    counts.push(seam.calls(425));
    console.log(JSON.stringify(counts));`;
    const [imported, asked, later] = evaluate(source) as number[];
    expect(imported).toBe(0);
    expect(asked).toBeGreaterThan(0);
    expect(later).toBe(asked);
  },
);

test('probing leaves no descriptor behind', () => {
  const source = `
    import { readdirSync } from 'node:fs';
    const { features } = await import('nearmetal/features');
    const before = readdirSync('/proc/self/fd').length;
    for (const name of features.names) features.get(name);
    console.log(JSON.stringify([before, readdirSync('/proc/self/fd').length]));`;
  const [before, after] = evaluate(source) as number[];
  expect(after).toBe(before);
});

for (const [code, errno] of [
  ['EPERM', abi.EPERM],
  ['ENOSYS', abi.ENOSYS],
] as const) {
  test(`all three calls refused by seccomp with ${code}: it says seccomp and what to do`, () => {
    const seen = inChild({ refuse: { calls: IO_URING_CALLS, errno } });
    expect(seen['ring']).toMatchObject({ available: false, reason: 'seccomp', errno: -errno });
    expect(seen['op']).toMatchObject({ supported: false, reason: 'seccomp' });
    expect(seen['setup']).toMatchObject({ supported: false, reason: 'seccomp' });
    for (const error of [seen['required'], seen['opened']]) {
      expect(error).toMatchObject({ name: 'UnsupportedError', cause: code });
      expect(error?.['message']).toMatch(/seccomp/);
      expect(error?.['hint']).toMatch(/--security-opt seccomp=/);
    }
  });
}

for (const [number, name] of [
  [426, 'io_uring_enter'],
  [427, 'io_uring_register'],
] as const) {
  test.runIf(PERMITTED)(`${name} alone refused is enough, and is named`, ({ skip }) => {
    skip(name === 'io_uring_enter' && OWN_RINGS, 'a Node without rings of its own');
    const seen = inChild({ refuse: { calls: [number], errno: abi.EPERM } });
    expect(seen['ring']).toMatchObject({ available: false, reason: 'seccomp', syscall: name });
    expect(seen['required']?.['message']).toContain(name);
  });
}

test('a passing limit is a SystemError, and is asked again', () => {
  const seen = inChild({ refuse: { calls: [425], errno: abi.EMFILE } });
  expect(seen['ring']).toMatchObject({ available: false, reason: 'limit' });
  expect(seen['required']).toMatchObject({ name: 'SystemError', code: 'EMFILE' });
  expect(seen['required']?.['hint']).toMatch(/ulimit -n/);
});

test('NEARMETAL_DISABLE=io_uring says so', () => {
  const seen = inChild({ env: { NEARMETAL_DISABLE: 'io_uring' } });
  expect(seen['ring']).toMatchObject({ available: false, reason: 'disabled' });
  expect(seen['op']).toMatchObject({ supported: false, reason: 'disabled' });
  expect(seen['opened']).toMatchObject({ code: 'ERR_NEARMETAL_UNSUPPORTED' });
  expect(seen['opened']?.['message']).toContain('NEARMETAL_DISABLE');
});

test.runIf(PERMITTED)('NEARMETAL_DISABLE switches single things off', () => {
  const source = `
    import { features, opSupported } from 'nearmetal/features';
    import { registerSupported, setupFlagSupported } from 'nearmetal/features';
    console.log(JSON.stringify({
      op: [opSupported(0), opSupported(1), features.op.NOP],
      setup: [setupFlagSupported(16), setupFlagSupported(8)],
      register: [registerSupported(8), registerSupported(0)],
      syscall: features.syscall.mbind,
      ring: features.ring.EXT_ARG,
    }));`;
  const env = {
    NEARMETAL_DISABLE: 'op:nop, setup:CLAMP,register:PROBE,syscall:mbind,ring:EXT_ARG',
  };
  const off = { supported: false, reason: 'disabled' };
  expect(evaluate(source, { env })).toMatchObject({
    op: [false, true, off],
    setup: [false, true],
    register: [false, true],
    syscall: off,
    ring: off,
  });
});

test('a name that means nothing is warned of once, with a guess', () => {
  const env = { NEARMETAL_DISABLE: 'op:SEND_CZ,op:NOP' };
  const source = `
    import { features } from 'nearmetal/features';
    features.ioUring; features.op.NOP; features.op.READ;`;
  const { stderr } = runNode(['--input-type=module', '-e', source], { env });
  expect(stderr.match(/names "op:SEND_CZ"/g)).toHaveLength(1);
  expect(stderr).toContain('Did you mean "op:SEND_ZC"?');
  expect([...parseDisabled('IO_URING op:nop')]).toEqual(['io_uring', 'op:NOP']);
  expect(parseDisabled(undefined).size).toBe(0);
});

test('a system call refused by seccomp says so', () => {
  const calls = [abi.SYS_mbind, abi.SYS_move_pages, abi.SYS_memfd_create];
  const source = `
    import { features } from 'nearmetal/features';
    const { mbind, move_pages, memfd_create } = features.syscall;
    console.log(JSON.stringify([mbind, move_pages, memfd_create]));`;
  const refused = { supported: false, reason: 'seccomp' };
  const seen = evaluate(source, { refuse: { calls, errno: abi.EPERM } }) as { hint: string }[];
  expect(seen).toMatchObject([refused, refused, refused]);
  expect(seen[0]?.hint).toContain('--cap-add SYS_NICE');
});

test.runIf(PERMITTED)('too little memlock: the error has the limit and what to type', () => {
  const source = `
    import { Mapping, Ring } from 'nearmetal/ring';
    const ring = Ring.open();
    let seen = null;
    try { ring.registerBuffers([Mapping.anonymous({ size: 1 << 24 })]); }
    catch (error) { seen = { code: error.code, hint: error.hint, name: error.name }; }
    await ring[Symbol.asyncDispose]();
    console.log(JSON.stringify(seen));`;
  const seen = evaluate(source, { memlock: 2 ** 22 }) as Record<string, string>;
  expect(seen).toMatchObject({ name: 'SystemError', code: 'ENOMEM' });
  expect(seen['hint']).toMatch(/RLIMIT_MEMLOCK is 4 MiB.*16 MiB.*`ulimit -l/);
});

test.runIf(PERMITTED)('no memlock at all: where rings count, their error says so', () => {
  const { ring, required } = inChild({ memlock: 0 });
  if (ring?.['available'] === true) {
    // Kernels from 5.12 on that do not charge rings: there is nothing to complain of.
    expect(required).toBeNull();
    return;
  }
  expect(ring).toMatchObject({ reason: 'limit', syscall: 'io_uring_setup' });
  expect(required).toMatchObject({ name: 'SystemError', code: 'ENOMEM' });
  expect(required?.['hint']).toMatch(/RLIMIT_MEMLOCK is 0 bytes.*rings count.*`ulimit -l/);
});
