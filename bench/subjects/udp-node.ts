/** Datagrams sent and received through node:dgram, which knows no batches and no offloads. */
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { deadline } from '../_lib/requests.js';
import { BUFFER_BYTES, roundOf } from '../_lib/udp-round.js';
import type { Work } from '../_lib/work.js';

async function work(size: number, offload: boolean, seconds: string | undefined): Promise<Work> {
  const { each, sends } = roundOf(size, offload);
  const bytes = new Uint8Array(size);
  const count = each * sends;
  const sender = createSocket('udp4').bind(0, '127.0.0.1');
  const receiver = createSocket({ type: 'udp4', recvBufferSize: BUFFER_BYTES }).bind(
    0,
    '127.0.0.1',
  );
  await Promise.all([once(sender, 'listening'), once(receiver, 'listening')]);
  const { port } = receiver.address();
  return new Promise((resolve) => {
    const cpuBefore = process.cpuUsage();
    const startedAt = performance.now();
    const end = deadline(seconds);
    let operations = 0;
    let left = 0;
    receiver.on('message', (message) => {
      left -= message.length;
      if (left <= 0) round();
    });

    function round(): void {
      if (performance.now() >= end) {
        finish();
        return;
      }
      left = count * size;
      for (let index = 0; index < count; index++) sender.send(bytes, port, '127.0.0.1');
      operations += count;
    }

    function finish(): void {
      const ns = (performance.now() - startedAt) * 1e6;
      const { user, system } = process.cpuUsage(cpuBefore);
      sender.close();
      receiver.close();
      resolve({ operations, ns, cpu_ns: (user + system) * 1000 });
    }
    round();
  });
}

for await (const line of createInterface({ input: process.stdin })) {
  const [size, offload, seconds] = line.split(' ');
  console.log(JSON.stringify(await work(Number(size), offload === '1', seconds)));
}
process.exit();
