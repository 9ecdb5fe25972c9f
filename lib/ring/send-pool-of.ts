/** What makes a SendPool: most programs need none, and load it when they do. */
import type { DirectFd, FdLike } from '../fd/fd.js';
import type { Engine } from './engine.js';
import { SendPool, type SendPoolOptions } from './send-pool.js';

/** A pool that ends with its ring. */
export function sendPoolOf(
  engine: Engine,
  socket: FdLike | DirectFd,
  options: SendPoolOptions,
): SendPool {
  const pool = new SendPool(engine, socket, options);
  engine.bufferRings.add(pool);
  return pool;
}
