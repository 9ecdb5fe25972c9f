/** What readv and writev share: `struct iovec`s in front of the staged bytes. */
import type { Descriptor } from '../../fd/fd.js';
import { Mapping } from '../../memory/mapping.js';
import { bytesView, integer, invalidValue } from '../../validate.js';
import { asBytes, BYTES_MAX, Operation, type OperationKind } from '../operation.js';
import { highWord } from '../sqe.js';
import type { Block } from '../staging.js';

const IOVEC_BYTES = 16;
const IOVEC_WORDS = 4;
/** The kernel's UIO_MAXIOV. */
const IOVECS_MAX = 1024;

interface Part {
  readonly bytes: Uint8Array;
  readonly mapping: Mapping | undefined;
}

/** Several views as one: those of one mapping are used in place, all others are staged. */
export class Gathered {
  readonly parts: readonly Part[];
  /** An operation keeps one mapping alive; with several, their bytes are staged. */
  readonly inPlace: Mapping | undefined = undefined;
  /** Bytes of the iovecs that describe them. */
  readonly iovecBytes: number;

  constructor(name: string, views: readonly ArrayBufferView[]) {
    if (!Array.isArray(views) || views.length === 0 || views.length > IOVECS_MAX) {
      throw invalidValue(name, `must be an array of 1 to ${IOVECS_MAX} views`, views);
    }
    this.parts = views.map((view, index) => partOf(`${name}[${index}]`, view));
    const mapping = this.parts.find((part) => part.mapping !== undefined)?.mapping;
    this.inPlace = this.parts.every((part) => part.mapping === mapping) ? mapping : undefined;
    const total = this.parts.reduce((sum, { bytes }) => sum + bytes.byteLength, 0);
    if (this.inPlace === undefined) integer(`total length of ${name}`, total, 0, BYTES_MAX);
    this.iovecBytes = this.parts.length * IOVEC_BYTES;
  }

  /** Makes them the memory of `operation`. */
  give(operation: Operation<unknown>, direction: 'source' | 'target'): void {
    const { inPlace, parts } = this;
    operation.direction = inPlace === undefined ? direction : 'none';
    operation.mapping = inPlace;
    operation.staged = inPlace === undefined ? parts.map((part) => part.bytes) : [];
  }

  /** Writes the iovecs into the arguments, `offset` bytes from their start. */
  write(block: Block, offset: number): void {
    const { inPlace, parts } = this;
    let staged = block.payloadOffset;
    let word = offset >>> 2;
    for (const { bytes } of parts) {
      const base = inPlace ?? block;
      const at = inPlace === undefined ? staged : bytes.byteOffset;
      const low = (base.addressLow >>> 0) + at;
      block.words[word] = low | 0;
      block.words[word + 1] = base.addressHigh + highWord(low);
      block.words[word + 2] = bytes.byteLength | 0;
      block.words[word + 3] = highWord(bytes.byteLength);
      word += IOVEC_WORDS;
      staged += bytes.byteLength;
    }
    if (block.targets !== undefined) block.targetBytes = parts.map(({ bytes }) => bytes.byteLength);
  }
}

/** An operation whose address is that of its iovecs. */
export function vectored(
  of: OperationKind<number>,
  target: Descriptor,
  name: string,
  views: readonly ArrayBufferView[],
  direction: 'source' | 'target',
): Operation<number> {
  const gathered = new Gathered(name, views);
  if (of.fixedBuffer && gathered.inPlace === undefined) {
    throw invalidValue(name, 'must be views of one Mapping', views);
  }
  const operation = new Operation(of, target);
  gathered.give(operation, direction);
  operation.length = gathered.parts.length;
  return operation.arguments(gathered.iovecBytes, (self, block) => {
    gathered.write(block, 0);
    self.addressLow = block.addressLow;
    self.addressHigh = block.addressHigh;
    self.length = gathered.parts.length;
  });
}

function partOf(name: string, value: unknown): Part {
  const bytes = asBytes(bytesView(name, value));
  return { bytes, mapping: Mapping.of(bytes) };
}
