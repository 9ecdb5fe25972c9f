/** The backends that all faces share in a thread, and who keeps the process alive. */

import { oneOf } from '../validate.js';
import type { Backend, BackendName } from './backend.js';
import { openBackend } from './open.js';

/** A backend, and how many of those who use it want the process to live on for them. */
export class SharedBackend {
  readonly backend: Backend;
  #references = 0;

  constructor(backend: Backend) {
    this.backend = backend;
    backend.unref();
  }

  reference(): void {
    if (this.#references++ === 0) this.backend.ref();
  }

  dereference(): void {
    if (--this.#references === 0) this.backend.unref();
  }
}

const open = new Map<string, SharedBackend>();

/** Makes sure that what was written before `process.exit()` leaves the process. */
function flushAll(): void {
  for (const { backend } of open.values()) backend.flush();
}

/**
 * The backend of this thread; opened when it is first asked for, and closed with the thread.
 *
 * @param batched as `openBackend` has it: one for handlers, one that keeps Node's order of ticks
 */
export function sharedBackend(asked: BackendName | undefined, batched: boolean): SharedBackend {
  if (asked !== undefined) oneOf('backend', asked, ['io_uring', 'epoll'] as const);
  const key = `${asked} ${batched}`;
  const found = open.get(key);
  if (found !== undefined) return found;
  if (open.size === 0) process.on('exit', flushAll);
  const backend = openBackend({ batched, ...(asked === undefined ? {} : { backend: asked }) });
  // Who asks for what is chosen anyway gets the same one.
  const named = `${backend.name} ${batched}`;
  const shared = open.get(named) ?? new SharedBackend(backend);
  if (shared.backend !== backend) backend.close();
  open.set(key, shared);
  open.set(named, shared);
  return shared;
}
