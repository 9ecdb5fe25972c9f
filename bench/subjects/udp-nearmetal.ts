/** Datagrams sent and received through nearmetal: the twin of `reference/udp.c`. */
import { createInterface } from 'node:readline';
import { bind } from 'nearmetal/dgram';
import { deadline } from '../_lib/requests.js';
import { BUFFER_BYTES, roundOf } from '../_lib/udp-round.js';
import type { Work } from '../_lib/work.js';

const backend = process.argv[2] as 'io_uring' | 'epoll';
const payload = new Uint8Array(65_536);

function work(size: number, offload: boolean, seconds: string | undefined): Promise<Work> {
  const { each, sends } = roundOf(size, offload);
  const bytes = payload.subarray(0, each * size);
  const segments = offload ? { segmentSize: size } : undefined;
  return new Promise((resolve) => {
    const cpuBefore = process.cpuUsage();
    const startedAt = performance.now();
    const end = deadline(seconds);
    let operations = 0;
    let left = 0;
    const sender = bind({ backend });
    const receiver = bind({
      backend,
      offload,
      receiveBuffer: BUFFER_BYTES,
      messages(messages) {
        for (let index = 0; index < messages.length; index++) {
          left -= messages.at(index)?.length as number;
        }
        if (left <= 0) round();
      },
    });
    const target = sender.peerAt(receiver.address);

    function round(): void {
      if (performance.now() >= end) {
        finish();
        return;
      }
      left = sends * bytes.length;
      for (let index = 0; index < sends; index++) sender.send(bytes, target, segments);
      operations += sends * each;
    }

    function finish(): void {
      const ns = (performance.now() - startedAt) * 1e6;
      const { user, system } = process.cpuUsage(cpuBefore);
      void sender.close();
      void receiver.close();
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
