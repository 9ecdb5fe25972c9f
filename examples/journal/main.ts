/** Keeps lines durably: those of the standard input, or prints those that are kept. */
import { createInterface } from 'node:readline';
import { AppendLog, LogLockedError } from 'nearmetal/log';

const [command, folder] = process.argv.slice(2);
if (folder === undefined || (command !== 'keep' && command !== 'print')) {
  console.error('usage: npm run example -- journal keep|print FOLDER');
  process.exit(2);
}

/** Bytes that wait before the input is made to. */
const WAITING_MAX = 1 << 20;

async function keep(log: AppendLog): Promise<void> {
  let last: Promise<unknown> = Promise.resolve();
  for await (const line of createInterface({ input: process.stdin })) {
    // Not awaited one by one: lines that come together share a sync.
    last = log.append(Buffer.from(line));
    last.catch(() => undefined);
    if (log.pendingBytes > WAITING_MAX) await last;
  }
  await last;
  console.log(`${log.durableSequence} lines are durable, the last ${log.sequence}`);
}

async function print(log: AppendLog): Promise<void> {
  for await (const { sequence, bytes } of log.records()) {
    console.log(`${sequence} ${Buffer.from(bytes)}`);
  }
}

try {
  await using log = await AppendLog.open(folder);
  if (log.cutBytes > 0) console.error(`${log.cutBytes} bytes of a write cut off by a crash went`);
  await (command === 'keep' ? keep : print)(log);
} catch (error) {
  if (!(error instanceof LogLockedError)) throw error;
  console.error(error.message);
  process.exitCode = 1;
}
