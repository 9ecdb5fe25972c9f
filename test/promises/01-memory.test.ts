/** Promise 1: memory given to an operation stays mapped and unshared until its last completion. */
import { describe, test } from 'vitest';
import { needs } from '../support/needs.js';
import { passes } from '../support/process.js';

needs('io_uring');

const hasTransfer = Reflect.has(ArrayBuffer.prototype, 'transfer');
const sorts = ['staged', 'mapping'];

describe.concurrent.each(sorts)('a read in flight into %s memory survives', (sort) => {
  const run = (...words: string[]) => passes('promises/memory', [...words, sort]);

  test('nothing at all: the data comes', () => run('fault', 'nothing'));
  test('dropping every reference', () => run('forget'));
  test('dropping the ring too', () => run('forget-ring'));
  test('structuredClone with transfer', () => run('fault', 'structured-clone'));
  test('postMessage with transfer', () => run('fault', 'post-message'));
  test.skipIf(!hasTransfer)('ArrayBuffer.transfer()', () => run('fault', 'transfer'));
  test.skipIf(!hasTransfer)('ArrayBuffer.transfer(4096)', () => run('fault', 'transfer-smaller'));
  test('closing its file', () => run('fault', 'close-file'));
  test('closing its ring', () => run('fault', 'close-ring'));
  test('the end of its worker', () => run('terminate'));
});

test.concurrent('a read in flight survives mapping.dispose()', () =>
  passes('promises/memory', ['fault', 'dispose', 'mapping']));
test.concurrent('a mapping marked as untransferable is kept, without an abort', () =>
  passes('promises/memory', ['marked']));
test.concurrent('promise 23: resizable memory is refused, shared memory is pinned or refused', () =>
  passes('promises/memory', ['shrink']));
