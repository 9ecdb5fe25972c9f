/** Worker 0 owns the table and answers; worker 1 asks for it. */

import { asFd } from 'nearmetal/fd';
import { Counters, SharedMemory } from 'nearmetal/shared';
import { workerContext } from 'nearmetal/workers';

const context = workerContext<{ memory: number; requests: number }>();
const counts = Counters.open(SharedMemory.attach(asFd(context.data.memory)), 'counts');
context.onDrain(() => undefined);

if (context.index === 0) {
  const table = new Map(Array.from({ length: 1000 }, (_, key) => [key, `value ${key}`]));
  const channel = await context.channelTo<{ key: number }, string>(1);
  channel.respond(({ key }) => {
    counts.add(1, 1);
    return table.get(key);
  });
} else {
  const group = await context.channelTo<string, number>('group');
  const owner = await context.channelTo<string, { key: number }>(0);
  group.respond(async () => {
    const start = performance.now();
    for (let turn = 0; turn < context.data.requests; turn++) {
      const key = turn % 1000;
      counts.add(0, 1);
      const value = await owner.request({ key }, { timeoutMs: 5000 });
      if (value !== `value ${key}`) throw new Error(`${value} came for ${key}`);
    }
    return performance.now() - start;
  });
}
