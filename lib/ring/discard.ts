/** What becomes of a result that nobody will receive. */
import { DirectFd, OwnedFd } from '../fd/fd.js';
import { Lease } from './lease.js';
import { Message } from './ops/message.js';

export function discard(value: unknown): void {
  if (value instanceof OwnedFd || value instanceof DirectFd) value.close();
  else if (value instanceof Lease) value.release();
  else if (value instanceof Message) value.dispose();
}
