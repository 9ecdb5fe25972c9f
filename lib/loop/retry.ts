/** Which failures of accept pass, and how long to leave it alone meanwhile. */
import { ECONNABORTED, EINTR, EMFILE, ENFILE, ENOBUFS, ENOMEM, EPROTO } from '../abi.js';

/** Connections wait in the backlog for as long. */
export const RETRY_MS = 20;

/** Out of descriptors or memory: trying at once would only fail again. */
export function isShortage(result: number): boolean {
  return [-EMFILE, -ENFILE, -ENOBUFS, -ENOMEM].includes(result);
}

/** That one connection is gone; there may be others. */
export function isOfOneConnection(result: number): boolean {
  return [-ECONNABORTED, -EPROTO, -EINTR].includes(result);
}
