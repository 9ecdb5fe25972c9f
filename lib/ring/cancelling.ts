/** Taking operations back by what a program knows of them, on every kernel alike. */
import { Descriptor } from '../fd/fd.js';
import { invalidType, onlyKeys } from '../validate.js';
import { IGNORE } from './cancels.js';
import { closedError } from './closed.js';
import type { Engine } from './engine.js';
import { cancelSlot } from './letting-go.js';
import type { Operation } from './operation.js';
import { opcodeOf } from './ops/async-cancel.js';
import { Handler } from './sinks.js';
import type { Sink } from './slots.js';

/** Operations on a file, of a kind, or started with a handler. */
export interface CancelTarget {
  /** All whose completions go to it, or with `tag` those that were started with that. */
  handler?: Handler;
  tag?: number;
  /** All that name it, also as their second file. */
  fd?: Descriptor;
  /** All of a kind, by its name in the kernel: 'recv', 'poll_add'. */
  opcode?: string;
}

type Wanted = (operation: Operation<unknown>, sink: Sink, tag: number) => boolean;

/** What is to be cancelled: all of what is given must be true. */
export function wantedBy(target: CancelTarget): Wanted {
  onlyKeys('target', target, ['handler', 'tag', 'fd', 'opcode']);
  const { handler, tag, fd, opcode } = target;
  if (handler === undefined && fd === undefined && opcode === undefined) {
    throw invalidType('target', 'an object with handler, fd or opcode', target);
  }
  if (handler !== undefined && !(handler instanceof Handler)) {
    throw invalidType('target.handler', 'made by `ring.handler`', handler);
  }
  if (fd !== undefined && !(fd instanceof Descriptor)) {
    throw invalidType('target.fd', 'an OwnedFd, a DirectFd or asFd(number)', fd);
  }
  if (tag !== undefined && (typeof tag !== 'number' || handler === undefined)) {
    throw invalidType('target.tag', 'a number, beside a handler', tag);
  }
  const code = opcode === undefined ? undefined : opcodeOf('target.opcode', opcode);
  return (operation, sink, started) =>
    (handler === undefined || sink === handler) &&
    (tag === undefined || started === tag) &&
    (code === undefined || operation.kind.code === code) &&
    (fd === undefined || names(operation, fd));
}

/** By number: a file that was borrowed twice is one file. */
function names(operation: Operation<unknown>, file: Descriptor): boolean {
  const same = (other: Descriptor): boolean =>
    other === file || (other.fd === file.fd && other.direct === file.direct);
  const { descriptor, others } = operation;
  return (descriptor !== undefined && same(descriptor)) || (others?.some(same) ?? false);
}

/** Asks for the end of each; answers how many there were when the kernel has heard of it. */
export function cancelWhere(engine: Engine, wanted: Wanted): Promise<number> {
  if (!engine.open || engine.closing) return Promise.reject(closedError());
  const { slots } = engine;
  const chosen = [...engine.pending()].filter((slot) => {
    const sink = slots.sinks[slot] as Sink;
    const operation = slots.operations[slot] as Operation<unknown>;
    return sink !== IGNORE && wanted(operation, sink, slots.tags[slot] as number);
  });
  let found = 0;
  for (const stream of [...engine.streams]) {
    if (stream.running || !wanted(stream.operation, stream, 0)) continue;
    stream.cancelPaused();
    found++;
  }
  if (chosen.length === 0) return Promise.resolve(found);
  return new Promise((resolve) => {
    let left = chosen.length;
    const told = (known: boolean): void => {
      if (known) found++;
      if (--left === 0) resolve(found);
    };
    for (const slot of chosen) {
      cancelSlot(engine, slot, slots.generations[slot] as number, told);
    }
  });
}
