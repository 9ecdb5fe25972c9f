/**
 * Random 4 KiB reads or writes, as `reference/blocks.c`: FILE DEPTH cached|direct read|write
 * handlers|raw. By handlers with a registered file and registered memory, or over bare queues.
 */
import { closeSync, constants, fstatSync, openSync, readSync } from 'node:fs';
import { asFd, Mapping, type Operation, op, RawRing, Ring } from 'nearmetal/ring';
import { BLOCK, BlockOrder, LOOKED_AT } from '../_lib/blocks.js';
import { deadline, serveRequests } from '../_lib/requests.js';

const COMPLETIONS_PER_LOOK = 64;
const ENTRIES = 256;

const [path = '', depthText, mode, verb, door] = process.argv.slice(2);
const writing = verb === 'write';
const access = writing ? constants.O_RDWR : constants.O_RDONLY;
const depth = Number(depthText);
const fd = openSync(path, access | (mode === 'direct' ? constants.O_DIRECT : 0));
const order = new BlockOrder(fstatSync(fd).size / BLOCK);
const mapping = Mapping.anonymous({ size: depth * BLOCK });
const words = new Uint32Array(mapping.bytes.buffer);
const asked = new Uint32Array(depth);

const blockOf = (slot: number): Uint8Array =>
  mapping.bytes.subarray(slot * BLOCK, (slot + 1) * BLOCK);

/** Draws the next block for a slot, and points its operation there. */
function draw(operations: readonly Operation<number>[], slot: number): Operation<number> {
  const block = order.next();
  const operation = operations[slot] as Operation<number>;
  asked[slot] = block;
  if (writing) words[(slot * BLOCK) / 4] = block;
  operation.offset = block * BLOCK;
  return operation;
}

function check(slot: number, result: number): void {
  if (result !== BLOCK || words[(slot * BLOCK) / 4] !== asked[slot]) {
    throw new Error(`block ${asked[slot]} went wrong: ${result}`);
  }
}

/** Each slot asks again when its block has come, until the time is over. */
function handlers(): (seconds?: string) => Promise<number> {
  const ring = Ring.open({ entries: ENTRIES });
  ring.registerBuffers([mapping]);
  const [file] = ring.registerFiles([asFd(fd)]).files;
  if (!file) throw new Error('the file was not registered');
  const kind = writing ? op.writeFixed : op.readFixed;
  const operations = Array.from({ length: depth }, (_, slot) =>
    kind(file, blockOf(slot), { offset: 0 }),
  );
  let end = 0;
  let completed = 0;
  let inFlight = 0;
  let stopping = false;
  let finish: (operations: number) => void;
  const handler = ring.handler(
    (slot, result) => {
      check(slot, result);
      completed++;
      if (completed % COMPLETIONS_PER_LOOK === 0) stopping = performance.now() >= end;
      if (!stopping) ring.start(draw(operations, slot), handler, slot);
      else if (--inFlight === 0) finish(completed);
    },
    { batched: true },
  );
  return (seconds) =>
    new Promise((resolve) => {
      end = deadline(seconds);
      completed = 0;
      stopping = false;
      inFlight = depth;
      finish = resolve;
      for (let slot = 0; slot < depth; slot++) ring.start(draw(operations, slot), handler, slot);
    });
}

/** The bare queues: what C does, in TypeScript; the file by its descriptor. */
function raw(): (seconds?: string) => Promise<number> {
  const ring = RawRing.open({ entries: ENTRIES });
  const file = asFd(fd);
  const kind = writing ? op.write : op.read;
  const operations = Array.from({ length: depth }, (_, slot) =>
    kind(file, blockOf(slot), { offset: 0 }),
  );
  let completed = 0;
  let inFlight = 0;
  let stopping = false;
  const visit = (slot: number, result: number): void => {
    check(slot, result);
    completed++;
    if (stopping) inFlight--;
    else ring.push(draw(operations, slot), slot);
  };
  return async (seconds) => {
    const end = deadline(seconds);
    let nextLook = COMPLETIONS_PER_LOOK;
    completed = 0;
    stopping = false;
    inFlight = depth;
    for (let slot = 0; slot < depth; slot++) ring.push(draw(operations, slot), slot);
    while (inFlight > 0) {
      ring.submit(1);
      ring.reap(visit);
      if (completed < nextLook) continue;
      nextLook = completed + COMPLETIONS_PER_LOOK;
      stopping = performance.now() >= end;
    }
    return completed;
  };
}

/** What was written is read back in a few places. */
function look(): void {
  for (let count = 0; count < LOOKED_AT; count++) {
    const block = order.next();
    readSync(fd, mapping.bytes, 0, BLOCK, block * BLOCK);
    if (words[0] !== block) throw new Error(`block ${block} was written wrong`);
  }
}

const run = door === 'raw' ? raw() : handlers();
await serveRequests(async ([seconds]) => {
  const operations = await run(seconds);
  if (writing) look();
  return operations;
});
closeSync(fd);
