/** Random 4 KiB reads from a registered file into registered memory: FILE DEPTH cached|direct. */
import { closeSync, constants, fstatSync, openSync } from 'node:fs';
import { asFd, Mapping, type Operation, op, Ring } from 'nearmetal/ring';
import { BLOCK, BlockOrder } from '../_lib/blocks.js';
import { deadline, serveRequests } from '../_lib/requests.js';

const COMPLETIONS_PER_LOOK = 64;

const [path = '', depthText, mode] = process.argv.slice(2);
const depth = Number(depthText);
const fd = openSync(path, constants.O_RDONLY | (mode === 'direct' ? constants.O_DIRECT : 0));
const order = new BlockOrder(fstatSync(fd).size / BLOCK);

await using ring = Ring.open({ entries: 256 });
const mapping = Mapping.anonymous({ size: depth * BLOCK });
ring.registerBuffers([mapping]);
const [file] = ring.registerFiles([asFd(fd)]).files;
if (!file) throw new Error('the file was not registered');

const words = new Uint32Array(mapping.bytes.buffer);
const asked = new Uint32Array(depth);
const reads = Array.from({ length: depth }, (_, slot): Operation<number> => {
  const target = mapping.bytes.subarray(slot * BLOCK, (slot + 1) * BLOCK);
  return op.readFixed(file, target, { offset: 0 });
});

let end = 0;
let completed = 0;
let inFlight = 0;
let stopping = false;
let onDone: (operations: number) => void;

function readInto(slot: number): void {
  const block = order.next();
  const read = reads[slot] as Operation<number>;
  asked[slot] = block;
  read.offset = block * BLOCK;
  ring.start(read, onRead, slot);
}

/** Each slot asks again when its block has come, until the time is over. */
const onRead = ring.handler(
  (slot, result) => {
    if (result !== BLOCK || words[(slot * BLOCK) / 4] !== asked[slot]) {
      throw new Error(`block ${asked[slot]} was read wrong: ${result}`);
    }
    completed++;
    if (completed % COMPLETIONS_PER_LOOK === 0) stopping = performance.now() >= end;
    if (!stopping) readInto(slot);
    else if (--inFlight === 0) onDone(completed);
  },
  { batched: true },
);

await serveRequests(
  ([seconds]) =>
    new Promise<number>((resolve) => {
      end = deadline(seconds);
      completed = 0;
      stopping = false;
      inFlight = depth;
      onDone = resolve;
      for (let slot = 0; slot < depth; slot++) readInto(slot);
    }),
);
closeSync(fd);
