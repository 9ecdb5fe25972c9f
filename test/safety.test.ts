/** docs/safety.md: every test that it names is there, and is run. */
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';

const read = (path: string): string =>
  readFileSync(fileURLToPath(new URL(`../${path}`, import.meta.url)), 'utf8');

/** What is said of one fault. */
interface Proof {
  readonly fault: string;
  readonly file: string;
  readonly title: string;
}

const rows = read('docs/safety.md')
  .split('\n')
  .filter((line) => /^\| (?!Fault)/.test(line));

const proofs: Proof[] = rows.map((line) => {
  const [, fault = '', file = '', title = ''] =
    /^\| (.+?) \| .+ \| `(test\/\S+)`: "(.+)" \|$/.exec(line) ?? [];
  return { fault, file, title };
});

test('every fault names its test', () => {
  expect(rows.length).toBeGreaterThan(40);
  expect(rows.filter((_, index) => proofs[index]?.title === '')).toEqual([]);
  expect(new Set(proofs.map(({ fault }) => fault)).size).toBe(proofs.length);
});

test.each(proofs)('$fault: $title', ({ file, title }) => {
  const at = read(file)
    .split('\n')
    .map((line, index, all) => `${all[index - 1] ?? ''}\n${line}`)
    .filter((lines) => lines.includes(title) && /['"`]/.test(lines));
  expect(at, `${file} has no test named "${title}"`).not.toEqual([]);
  expect(at.filter((lines) => /\b(?:test|describe)\.(?:skip|todo)\(/.test(lines))).toEqual([]);
});
