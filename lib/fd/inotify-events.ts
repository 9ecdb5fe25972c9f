/** What inotify(7) and fanotify(7) call their events, and the bytes of inotify's in words. */
import {
  IN_ACCESS,
  IN_ATTRIB,
  IN_CLOSE_NOWRITE,
  IN_CLOSE_WRITE,
  IN_CREATE,
  IN_DELETE,
  IN_DELETE_SELF,
  IN_IGNORED,
  IN_ISDIR,
  IN_MODIFY,
  IN_MOVE_SELF,
  IN_MOVED_FROM,
  IN_MOVED_TO,
  IN_OPEN,
  IN_Q_OVERFLOW,
  IN_UNMOUNT,
} from '../abi.js';
import { malformed } from '../errors/malformed.js';
import { invalidType, invalidValue, oneOf } from '../validate.js';

/** What can be asked for. */
export const INOTIFY_EVENTS = {
  access: IN_ACCESS,
  modify: IN_MODIFY,
  attrib: IN_ATTRIB,
  closeWrite: IN_CLOSE_WRITE,
  closeNowrite: IN_CLOSE_NOWRITE,
  open: IN_OPEN,
  movedFrom: IN_MOVED_FROM,
  movedTo: IN_MOVED_TO,
  create: IN_CREATE,
  delete: IN_DELETE,
  deleteSelf: IN_DELETE_SELF,
  moveSelf: IN_MOVE_SELF,
} as const;

export type InotifyEventName = keyof typeof INOTIFY_EVENTS;

/** What comes without being asked for. */
const UNASKED = { unmount: IN_UNMOUNT, overflow: IN_Q_OVERFLOW, ignored: IN_IGNORED } as const;

/**
 * 'overflow': events were lost, see fs.inotify.max_queued_events. 'ignored': the watch has ended.
 * 'rename': a 'movedFrom' and its 'movedTo' in one.
 */
export type InotifyEventType = InotifyEventName | keyof typeof UNASKED | 'rename';

const TYPES = Object.entries({ ...INOTIFY_EVENTS, ...UNASKED }) as [InotifyEventType, number][];
const HEADER_BYTES = 16;

/** One record of the kernel. */
export interface RawInotifyEvent {
  /** The number of the watch; -1 of an overflow. */
  readonly watch: number;
  readonly mask: number;
  /** Common to the two halves of a rename; otherwise 0. */
  readonly cookie: number;
  /** What it is about within the watched folder; empty when that is the folder itself. */
  readonly name: Uint8Array;
}

/** The bits of events that are asked for by name; at least one. */
export function eventMask(events: unknown, table: Readonly<Record<string, number>>): number {
  if (!Array.isArray(events)) throw invalidType('events', 'an array of events', events);
  const names = Object.keys(table);
  let mask = 0;
  for (const event of events) mask |= table[oneOf('events', event, names)] as number;
  if (mask === 0) throw invalidValue('events', 'must name at least one event', events);
  return mask;
}

/** Cuts what one read(2) gave into records. */
export function parseInotify(bytes: Uint8Array): RawInotifyEvent[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const events: RawInotifyEvent[] = [];
  for (let at = 0; at < bytes.length; ) {
    if (bytes.length - at < HEADER_BYTES) throw malformed('inotify event');
    const length = view.getUint32(at + 12, true);
    const start = at + HEADER_BYTES;
    if (length > bytes.length - start) throw malformed('inotify event');
    const name = bytes.subarray(start, start + length);
    const end = name.indexOf(0);
    events.push({
      watch: view.getInt32(at, true),
      mask: view.getUint32(at + 4, true),
      cookie: view.getUint32(at + 8, true),
      // The bytes are read into again: the name must be a copy.
      name: name.slice(0, end < 0 ? length : end),
    });
    at = start + length;
  }
  return events;
}

/** The event's one type; IN_ISDIR stands beside it. */
export function typeOf(mask: number): InotifyEventType {
  const found = TYPES.find(([, bit]) => (mask & bit) !== 0);
  if (found === undefined) throw malformed('inotify event');
  return found[0];
}

export const isFolder = (mask: number): boolean => (mask & IN_ISDIR) !== 0;
