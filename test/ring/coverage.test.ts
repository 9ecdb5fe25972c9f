/** Every opcode of the running kernel has a record, under the kernel's own name and version. */
import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { features } from 'nearmetal/features';
import { expect, test } from 'vitest';

const ops = fileURLToPath(new URL('../../lib/ring/ops/', import.meta.url));
const codes = readdirSync(ops).map((file) => readFileSync(`${ops}${file}`, 'utf8'));

/** What each record says: name, code and first kernel stand on lines of their own, or on one. */
const records = codes.flatMap((code) =>
  [
    ...code.matchAll(
      /kind<[^(]*\({\s*name: '(\w+)',\s*code: (?:abi\.)?IORING_OP_(\w+),\s*since: '([\d.]+)'/g,
    ),
  ].map(([, name = '', opcode = '', since = '']) => ({ name, opcode, since })),
);

/** Opcodes that nobody has made a record of yet. Shrink it; never add to it. */
const MISSING: readonly string[] = [];

test('every opcode of this kernel has a record', () => {
  const known = Object.keys(features.op).filter((name) => features.op[name]?.supported);
  expect(known.length).toBeGreaterThan(30);
  const made = new Set(records.map(({ opcode }) => opcode));
  expect(known.filter((name) => !made.has(name)).sort()).toEqual(MISSING);
});

test('records carry the name and the first kernel of their opcode', () => {
  expect(records.length).toBeGreaterThan(20);
  for (const { name, opcode, since } of records) {
    expect({ opcode, name }).toEqual({ opcode, name: opcode.toLowerCase() });
    expect([opcode, features.op[opcode]?.since].join(' ')).toMatch(/^\w+ \d/);
    // A form of an operation may be younger than its opcode, never older.
    const [major = 0, minor = 0] = since.split('.').map(Number);
    const [first = 0, second = 0] = (features.op[opcode]?.since ?? '').split('.').map(Number);
    expect(major > first || (major === first && minor >= second), `${opcode} ${since}`).toBe(true);
  }
});
