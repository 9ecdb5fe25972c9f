/** An ordered index that is durable, for other programs: one line asks, lines answer. */
import { createInterface } from 'node:readline';
import { type Arguments, argumentsOf, USAGE } from './arguments.js';
import type { Loaded } from './load.js';
import { type OrderedIndex, open } from './ordered-index.js';
import { listenFor } from './server/server.js';
import { bytesOf } from './server/words.js';

const DRAIN_MS = 10_000;

/** What was found, and on which pages it lies. */
function greet(index: OrderedIndex): string {
  const { count, backing, fallback, recovered } = index;
  const log = `${recovered.replayed} records of the log`;
  const why = fallback === undefined ? '' : ` (${fallback})`;
  const from = `${recovered.entries} of a checkpoint and ${log}`;
  return `${count} entries, ${from}; pages: ${backing}${why}`;
}

async function serve({ listening }: Arguments, index: OrderedIndex): Promise<void> {
  const server = listenFor(index, listening);
  const stop = new Promise<void>((resolve) => {
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => resolve());
  });
  console.log(`listening on ${listening.host}:${server.port}`);
  console.log(greet(index));
  await stop;
  await server.drain({ timeoutMs: DRAIN_MS });
  console.log(`${server.stats.accepted} connections, ${index.count} entries`);
}

/** Lines with a key and a value each, in the order of the keys. */
async function* entriesOf(lines: AsyncIterable<string>): AsyncGenerator<Loaded> {
  let number = 0;
  for await (const line of lines) {
    number++;
    const [key, value, ...rest] = line.split(' ').map(bytesOf);
    if (key === undefined || value === undefined || rest.length > 0) {
      throw new Error(`line ${number} is no KEY VALUE`);
    }
    yield { key, value };
  }
}

async function load(index: OrderedIndex): Promise<void> {
  const input = process.stdin.setEncoding('latin1');
  const count = await index.bulkLoad(entriesOf(createInterface({ input })));
  console.log(`${count} entries are durable`);
}

async function run(words: readonly string[]): Promise<void> {
  let checked: Arguments;
  try {
    // What only measures is not loaded to serve.
    if (words[0] === 'bench') return await (await import('./bench/bench.js')).bench(words.slice(1));
    checked = argumentsOf(words);
  } catch (error) {
    console.error(`${(error as Error).message}\n${USAGE}`);
    process.exitCode = 2;
    return;
  }
  try {
    await using index = await open(checked.index);
    await (checked.command === 'load' ? load(index) : serve(checked, index));
  } catch (error) {
    console.error((error as Error).message);
    process.exitCode = 1;
  }
}

await run(process.argv.slice(2));
