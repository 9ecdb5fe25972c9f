/**
 * Where the kernel writes the two descriptors of a pipe: cells in pages of their own, which the
 * native side looks through when the thread ends, so that none is left open.
 */
import { markOwned } from '../fd/owned-bits.js';
import { Mapping } from '../memory/mapping.js';
import { native } from '../native.js';
import { Block, PAIR_SHIFT } from './block.js';
import type { Control } from './control.js';

/** `struct PairPage` in native/ring.h: the address of the page before it, then 511 cells. */
const PAGE_BYTES = 4096;
const CELL_BYTES = 8;
const NONE = -1;

export class Pairs {
  readonly #free: Block[] = [];
  readonly #adopt: (mapping: Mapping) => void;
  readonly #control: Control;
  readonly #pages: Mapping[] = [];

  constructor(adopt: (mapping: Mapping) => void, control: Control) {
    this.#adopt = adopt;
    this.#control = control;
  }

  take(): Block {
    if (this.#free.length === 0) this.#addPage();
    return this.#free.pop() as Block;
  }

  /** Descriptors that nobody took are closed; they stay owned until then. */
  give(block: Block): void {
    for (let index = 0; index < 2; index++) {
      const fd = block.words[index] as number;
      if (fd === NONE) continue;
      block.words[index] = NONE;
      native.close(fd);
    }
    this.#free.push(block);
  }

  dispose(): void {
    for (const page of this.#pages.splice(0)) page.dispose();
    this.#free.length = 0;
  }

  #addPage(): void {
    const mapping = Mapping.anonymous({ size: PAGE_BYTES });
    this.#adopt(mapping);
    const words = new Int32Array(mapping.bytes.buffer).fill(NONE);
    const before = this.#pages.at(-1);
    words[0] = before?.addressLow ?? 0;
    words[1] = before?.addressHigh ?? 0;
    for (let offset = CELL_BYTES; offset < PAGE_BYTES; offset += CELL_BYTES) {
      this.#free.push(new Block(mapping, offset, PAIR_SHIFT, CELL_BYTES));
    }
    this.#pages.push(mapping);
    this.#control.setPairs(mapping.addressLow, mapping.addressHigh);
  }
}

/** From here on the thread's end closes both. */
export function ownPair({ words }: Block): void {
  markOwned(words[0] as number);
  markOwned(words[1] as number);
}

/** Takes the two out of their cell, which is whoever calls to own now. */
export function takePair({ words }: Block): [number, number] {
  const pair: [number, number] = [words[0] as number, words[1] as number];
  words.fill(NONE);
  return pair;
}
