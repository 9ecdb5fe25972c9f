/** The generated numbers are the C compiler's, and every table that counts on an order has it. */
import { constants as node } from 'node:os';
import { expect, test } from 'vitest';
import * as abi from '../lib/abi.js';
import { OPCODES, REGISTRATIONS, RING_FEATURES, SETUP_FLAGS } from '../lib/features/tables.js';
import { native } from '../lib/native.js';

const generated = Object.fromEntries(
  Object.entries(abi).filter(([, value]) => typeof value === 'number'),
) as Record<string, number>;

test('abi.ts is what the compiler sees on this machine', () => {
  expect(generated).toEqual({ ...native.constants });
});

test('each error number has a name and words, and Node agrees where it knows the name', () => {
  for (const [number, name] of Object.entries(abi.ERRNO_NAMES)) {
    expect(generated[name]).toBe(Number(number));
    expect(abi.ERRNO_MESSAGES[Number(number)]).toBeTruthy();
  }
  // EWOULDBLOCK and ENOTSUP are other names of numbers that have one.
  for (const [name, number] of Object.entries(node.errno)) {
    if (name in generated) expect([name, generated[name]]).toEqual([name, number]);
    else expect(abi.ERRNO_NAMES[number]).toBeTruthy();
  }
});

test('the tables of features are in the order of the numbers', () => {
  for (const [code, [name]] of OPCODES.entries()) {
    expect(generated[`IORING_OP_${name}`]).toBe(code);
  }
  for (const [bit, [name]] of SETUP_FLAGS.entries()) {
    expect(generated[`IORING_SETUP_${name}`]).toBe(2 ** bit);
  }
  for (const [bit, [name]] of RING_FEATURES.entries()) {
    expect(generated[`IORING_FEAT_${name}`]).toBe(2 ** bit);
  }
  for (const [code, { name }] of REGISTRATIONS.entries()) {
    const full = name.startsWith('UNREGISTER') ? name : `REGISTER_${name}`;
    expect(generated[`IORING_${full}`]).toBe(code);
  }
});

test('every opcode, flag and feature that abi.ts states is in a table', () => {
  const stated = (prefix: string) =>
    Object.keys(generated).filter((name) => name.startsWith(prefix));
  expect(stated('IORING_OP_')).toHaveLength(OPCODES.length);
  expect(stated('IORING_SETUP_')).toHaveLength(SETUP_FLAGS.length);
  expect(stated('IORING_FEAT_')).toHaveLength(RING_FEATURES.length);
});
