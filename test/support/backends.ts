/** Both backends, each where this machine has it. */
import type { BackendName } from 'nearmetal/loop';
import { describe } from 'vitest';
import { needs } from './needs.js';

const BACKENDS: readonly BackendName[] = ['io_uring', 'epoll'];

/** Declares the tests of `body` for each backend; those of one that is refused here are skipped. */
export function onEachBackend(body: (backend: BackendName) => void): void {
  describe.each(BACKENDS)('%s', (backend) => {
    if (backend === 'io_uring') needs('io_uring', 'memlock');
    body(backend);
  });
}
