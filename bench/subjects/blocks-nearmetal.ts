/**
 * Random 4 KiB reads or writes of a registered file and registered memory, as `reference/blocks.c`:
 * FILE DEPTH cached|direct read|write.
 */
import { closeSync, constants, fstatSync, openSync, readSync } from 'node:fs';
import { asFd, Mapping, type Operation, op, Ring } from 'nearmetal/ring';
import { BLOCK, BlockOrder, LOOKED_AT } from '../_lib/blocks.js';
import { deadline, serveRequests } from '../_lib/requests.js';

const COMPLETIONS_PER_LOOK = 64;

const [path = '', depthText, mode, verb] = process.argv.slice(2);
const writing = verb === 'write';
const access = writing ? constants.O_RDWR : constants.O_RDONLY;
const depth = Number(depthText);
const fd = openSync(path, access | (mode === 'direct' ? constants.O_DIRECT : 0));
const order = new BlockOrder(fstatSync(fd).size / BLOCK);

await using ring = Ring.open({ entries: 256 });
const mapping = Mapping.anonymous({ size: depth * BLOCK });
ring.registerBuffers([mapping]);
const [file] = ring.registerFiles([asFd(fd)]).files;
if (!file) throw new Error('the file was not registered');

const words = new Uint32Array(mapping.bytes.buffer);
const asked = new Uint32Array(depth);
const slots = Array.from({ length: depth }, (_, slot): Operation<number> => {
  const bytes = mapping.bytes.subarray(slot * BLOCK, (slot + 1) * BLOCK);
  return (writing ? op.writeFixed : op.readFixed)(file, bytes, { offset: 0 });
});

let end = 0;
let completed = 0;
let inFlight = 0;
let stopping = false;
let finish: (operations: number) => void;

function begin(slot: number): void {
  const block = order.next();
  const operation = slots[slot] as Operation<number>;
  asked[slot] = block;
  if (writing) words[(slot * BLOCK) / 4] = block;
  operation.offset = block * BLOCK;
  ring.start(operation, onDone, slot);
}

/** Each slot asks again when its block has come, until the time is over. */
const onDone = ring.handler(
  (slot, result) => {
    if (result !== BLOCK || words[(slot * BLOCK) / 4] !== asked[slot]) {
      throw new Error(`block ${asked[slot]} went wrong: ${result}`);
    }
    completed++;
    if (completed % COMPLETIONS_PER_LOOK === 0) stopping = performance.now() >= end;
    if (!stopping) begin(slot);
    else if (--inFlight === 0) finish(completed);
  },
  { batched: true },
);

/** What was written is read back in a few places. */
function look(): void {
  for (let count = 0; count < LOOKED_AT; count++) {
    const block = order.next();
    readSync(fd, mapping.bytes, 0, BLOCK, block * BLOCK);
    if (words[0] !== block) throw new Error(`block ${block} was written wrong`);
  }
}

await serveRequests(async ([seconds]) => {
  const operations = await new Promise<number>((resolve) => {
    end = deadline(seconds);
    completed = 0;
    stopping = false;
    inFlight = depth;
    finish = resolve;
    for (let slot = 0; slot < depth; slot++) begin(slot);
  });
  if (writing) look();
  return operations;
});
closeSync(fd);
