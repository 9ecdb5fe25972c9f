/** What is left of a log after a write was cut off anywhere, and that no damage passes for good. */
import {
  cpSync,
  existsSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { AppendLog, LogCorruptError } from 'nearmetal/log';
import { expect, onTestFinished, test } from 'vitest';

/** Thousands of logs are opened here, each with its syncs: in memory, where there is any. */
const parent = existsSync('/dev/shm') ? '/dev/shm' : tmpdir();

function folder(): string {
  const path = mkdtempSync(join(parent, 'nearmetal-log-'));
  onTestFinished(() => rmSync(path, { recursive: true, force: true }));
  return path;
}

const SEGMENT = '00000000000000000001.log';
const record = (index: number): Buffer => Buffer.alloc((index * 7) % 30, index);

async function read(path: string): Promise<Buffer[]> {
  await using log = await AppendLog.open(path);
  const found: Buffer[] = [];
  for await (const { sequence, bytes } of log.records()) {
    expect(sequence).toBe(found.length + 1);
    found.push(Buffer.from(bytes));
  }
  expect(log.sequence).toBe(found.length);
  return found;
}

/** A log as a crash leaves it: `count` records, the files without the mark of a clean end. */
async function crashed(count: number): Promise<{ path: string; bytes: Buffer; ends: number[] }> {
  const path = folder();
  const log = await AppendLog.open(path);
  const ends = [log.bytes];
  for (let index = 1; index <= count; index++) {
    await log.append(record(index));
    ends.push(log.bytes);
  }
  const bytes = readFileSync(join(path, SEGMENT));
  await log.close();
  return { path, bytes, ends };
}

const recordsTo = (count: number): Buffer[] =>
  Array.from({ length: count }, (_, index) => record(index + 1));

test('a log cut off at any byte has all records before it, and goes on', async () => {
  const { path, bytes, ends } = await crashed(6);
  for (let size = ends[2] as number; size <= bytes.length; size++) {
    writeFileSync(join(path, SEGMENT), bytes.subarray(0, size));
    const whole = ends.filter((end) => end <= size).length - 1;
    expect(await read(path)).toEqual(recordsTo(whole));
    const log = await AppendLog.open(path);
    expect(await log.append(Buffer.from('next'))).toBe(whole + 1);
    await log.close();
    expect(await read(path)).toEqual([...recordsTo(whole), Buffer.from('next')]);
  }
});

test('zeros, or anything else, where the last write should be are cut off', async () => {
  const { path, bytes, ends } = await crashed(4);
  const last = ends[3] as number;
  for (const fill of [0, 255, 1]) {
    for (const extra of [1, 8, 100, 5000]) {
      const tail = Buffer.alloc(extra, fill);
      writeFileSync(join(path, SEGMENT), Buffer.concat([bytes.subarray(0, last), tail]));
      await using log = await AppendLog.open(path);
      expect([log.sequence, log.cutBytes]).toEqual([3, extra]);
    }
  }
});

test('any bit that is flipped is noticed, after a clean end and after a crash', async () => {
  const { path, bytes, ends } = await crashed(5);
  const clean = readFileSync(join(path, SEGMENT));
  const mark = clean.length - 24;
  for (const [whole, proven] of [
    [clean, mark],
    [bytes, ends[4] as number],
  ] as const) {
    for (let at = 0; at < whole.length; at++) {
      const damaged = Buffer.from(whole);
      damaged[at] = (damaged[at] as number) ^ (1 << (at % 8));
      writeFileSync(join(path, SEGMENT), damaged);
      if (at >= proven) {
        // The last frame: nothing tells that it had been whole.
        expect(await read(path)).toEqual(recordsTo(whole === clean ? 5 : 4));
        continue;
      }
      const refused = await AppendLog.open(path).catch((error: unknown) => error);
      expect(refused).toBeInstanceOf(LogCorruptError);
      const damage = Math.max(0, ends.filter((end) => end <= at).length - 1);
      const expected = at < 64 ? [0, 1] : [ends[damage], damage + 1];
      const { position, sequence } = refused as LogCorruptError;
      expect([position, sequence]).toEqual(expected);
      expect(readFileSync(join(path, SEGMENT)).equals(damaged)).toBe(true);
    }
  }
});

test('a copy of a log within a record is not taken for one', async () => {
  const path = folder();
  const log = await AppendLog.open(path);
  await log.append(Buffer.from('first'));
  const copy = readFileSync(join(path, SEGMENT));
  await log.append(copy);
  await log.append(Buffer.from('torn'));
  const whole = readFileSync(join(path, SEGMENT));
  await log.close();
  // The frame of the record that has the copy is torn: what the copy has in it must prove nothing.
  const torn = Buffer.from(whole.subarray(0, whole.length - 32));
  const start = copy.length + 24;
  torn[start] = (torn[start] as number) ^ 1;
  writeFileSync(join(path, SEGMENT), torn);
  expect(await read(path)).toEqual([Buffer.from('first')]);
});

test('segments that are damaged, cut off, missing or foreign are refused', async () => {
  const path = folder();
  {
    await using log = await AppendLog.open(path, { segmentBytes: 300 });
    for (let index = 1; index <= 20; index++) await log.append(Buffer.alloc(100, index));
  }
  const names = [
    '00000000000000000001.log',
    '00000000000000000003.log',
    '00000000000000000005.log',
  ];
  const damage: Record<string, (copy: string) => void> = {
    'cut off': (copy) => truncateSync(join(copy, names[1] as string), 128),
    longer: (copy) => writeFileSync(join(copy, names[1] as string), 'x', { flag: 'a' }),
    missing: (copy) => rmSync(join(copy, names[1] as string)),
    empty: (copy) => writeFileSync(join(copy, names[1] as string), ''),
    another: (copy) => cpSync(join(copy, names[2] as string), join(copy, names[1] as string)),
  };
  for (const [name, change] of Object.entries(damage)) {
    const copy = folder();
    cpSync(path, copy, { recursive: true });
    change(copy);
    const refused = await AppendLog.open(copy).catch((error: unknown) => error);
    expect(refused, name).toBeInstanceOf(LogCorruptError);
    // What needs no reading of records is noticed in any case.
    if (name === 'empty' || name === 'another') continue;
    // Where only the last one is read, who reads the others finds it.
    await using log = await AppendLog.open(copy, { verify: 'last' });
    const reading = (async () => {
      let count = 0;
      for await (const { sequence } of log.records()) expect(sequence).toBe(++count);
    })();
    await expect(reading, name).rejects.toMatchObject({ code: 'ERR_NEARMETAL_CORRUPT' });
  }
});

test('a segment whose making was cut off is forgotten', async () => {
  const path = folder();
  await (await AppendLog.open(path)).close();
  writeFileSync(join(path, 'unfinished'), 'NEAR');
  expect(await read(path)).toEqual([]);
});
