/** Messages through pipes as Node has them, "MODE WORK SECONDS" per line: there is one mode. */
import { writeSync } from 'node:fs';
import { Socket } from 'node:net';
import { Pipe } from 'nearmetal/fd';
import { deadline, serveRequests } from '../_lib/requests.js';

const PIPES = 16;
const BYTES = 8;
const pipes = Array.from({ length: PIPES }, () => Pipe.open());
const message = Buffer.alloc(BYTES);
let left = 0;
let onRound: () => void = () => {};

for (const [index, { readEnd }] of pipes.entries()) {
  const socket = new Socket({ fd: readEnd.fd, readable: true, writable: false });
  socket.on('data', (bytes) => {
    if (bytes.length !== BYTES || bytes.readDoubleLE(0) !== count - PIPES + 1 + index) {
      throw new Error('another message');
    }
    if (--left === 0) onRound();
  });
}

let count = 0;

function round(): void {
  left = PIPES;
  for (const { writeEnd } of pipes) {
    message.writeDoubleLE(++count);
    writeSync(writeEnd.fd, message);
  }
}

await serveRequests(
  ([, , seconds]) =>
    new Promise<number>((resolve) => {
      const end = deadline(seconds);
      let operations = 0;
      onRound = () => {
        operations += PIPES;
        if (performance.now() < end) round();
        else resolve(operations);
      };
      round();
    }),
);
process.exit();
