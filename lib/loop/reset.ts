/** Makes the close of a connection a reset. */
import { SO_LINGER, SOL_SOCKET } from '../abi.js';
import type { OwnedFd } from '../fd/fd.js';
import { native } from '../native.js';

/** `struct linger`: on, and no time. */
const AT_ONCE = new Int32Array([1, 0]);

export function resetOnClose({ fd }: OwnedFd): void {
  native.setsockopt(fd, SOL_SOCKET, SO_LINGER, AT_ONCE);
}
