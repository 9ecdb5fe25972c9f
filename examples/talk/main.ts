/** Starts two workers that talk through a channel, and reads what they count in shared memory. */

import { parseArgs } from 'node:util';
import { Counters, SharedMemory } from 'nearmetal/shared';
import { launch } from 'nearmetal/workers';

const { values } = parseArgs({ options: { requests: { type: 'string', default: '10000' } } });
const requests = Number(values.requests);
if (!Number.isInteger(requests) || requests < 1) {
  console.error('usage: npm run example -- talk [--requests 10000]');
  process.exit(2);
}

using memory = SharedMemory.create({ size: 1024 * 1024 });
Counters.create(memory, 'counts', 2);
const counts = Counters.open(memory, 'counts');

const group = await launch({
  entry: new URL('./worker.js', import.meta.url),
  workers: 2,
  oversubscribe: true,
  data: { memory: memory.fd?.fd, requests },
});
const asking = await group.channelTo<number, string>(1);
const ms = await asking.request('begin');
const [asked, answered] = counts.values();
console.log(`${asked} asked, ${answered} answered, ${((ms * 1000) / requests).toFixed(1)} µs each`);
await group.stop();
