/** Control messages of Unix sockets as bytes: descriptors and credentials. */
import { SCM_CREDENTIALS, SCM_PIDFD, SCM_RIGHTS, SOL_SOCKET } from '../abi.js';
import { malformed } from '../errors/malformed.js';

/** Who a process is, as the kernel checked it. */
export interface Credentials {
  readonly pid: number;
  readonly uid: number;
  readonly gid: number;
}

/** `struct cmsghdr`: length as 64 bits, level, type. */
const HEADER_BYTES = 16;
const ALIGNMENT = 8;
export const CREDENTIALS_BYTES = 12;
const FD_BYTES = 4;

const aligned = (bytes: number): number => Math.ceil(bytes / ALIGNMENT) * ALIGNMENT;

/** Room that a message with so many bytes takes. */
export const controlSpace = (bytes: number): number => HEADER_BYTES + aligned(bytes);

export interface ControlMessages {
  readonly fds: readonly number[];
  readonly pidfd: number | undefined;
  readonly credentials: Credentials | undefined;
}

/** Undefined when there is nothing to say. */
export function encodeControl(
  fds: readonly number[],
  credentials: Credentials | undefined,
): Uint8Array | undefined {
  const forFds = fds.length > 0 ? controlSpace(fds.length * FD_BYTES) : 0;
  const size = forFds + (credentials ? controlSpace(CREDENTIALS_BYTES) : 0);
  if (size === 0) return undefined;
  const bytes = new Uint8Array(size);
  const view = new DataView(bytes.buffer);
  if (fds.length > 0) {
    putHeader(view, 0, fds.length * FD_BYTES, SCM_RIGHTS);
    for (const [index, fd] of fds.entries()) {
      view.setInt32(HEADER_BYTES + index * FD_BYTES, fd, true);
    }
  }
  if (credentials !== undefined) {
    const { pid, uid, gid } = credentials;
    putHeader(view, forFds, CREDENTIALS_BYTES, SCM_CREDENTIALS);
    for (const [index, id] of [pid, uid, gid].entries()) {
      view.setUint32(forFds + HEADER_BYTES + index * FD_BYTES, id, true);
    }
  }
  return bytes;
}

function putHeader(view: DataView, at: number, bytes: number, type: number): void {
  view.setBigUint64(at, BigInt(HEADER_BYTES + bytes), true);
  view.setInt32(at + 8, SOL_SOCKET, true);
  view.setInt32(at + 12, type, true);
}

export function parseControl(bytes: Uint8Array): ControlMessages {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const fds: number[] = [];
  let pidfd: number | undefined;
  let credentials: Credentials | undefined;
  for (let at = 0; at < bytes.length; ) {
    if (bytes.length - at < HEADER_BYTES) throw malformed('control message');
    const length = Number(view.getBigUint64(at, true));
    if (length < HEADER_BYTES || length > bytes.length - at) throw malformed('control message');
    const start = at + HEADER_BYTES;
    const room = length - HEADER_BYTES;
    const type = view.getInt32(at + 8, true) === SOL_SOCKET ? view.getInt32(at + 12, true) : -1;
    if (type === SCM_RIGHTS) {
      for (let fd = 0; fd + FD_BYTES <= room; fd += FD_BYTES) {
        fds.push(view.getInt32(start + fd, true));
      }
    }
    if (type === SCM_PIDFD && room >= FD_BYTES) pidfd = view.getInt32(start, true);
    if (type === SCM_CREDENTIALS && room >= CREDENTIALS_BYTES) {
      const [pid = 0, uid = 0, gid = 0] = [0, 4, 8].map((id) => view.getUint32(start + id, true));
      credentials = { pid, uid, gid };
    }
    at += aligned(length);
  }
  return { fds, pidfd, credentials };
}
