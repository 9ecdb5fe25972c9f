/** The bytes of fanotify(7) in words: events that name files by handle. */
import {
  FAN_ACCESS,
  FAN_ATTRIB,
  FAN_CLOSE_NOWRITE,
  FAN_CLOSE_WRITE,
  FAN_CREATE,
  FAN_DELETE,
  FAN_DELETE_SELF,
  FAN_EVENT_INFO_TYPE_DFID,
  FAN_EVENT_INFO_TYPE_DFID_NAME,
  FAN_EVENT_INFO_TYPE_ERROR,
  FAN_EVENT_INFO_TYPE_FID,
  FAN_EVENT_INFO_TYPE_NEW_DFID_NAME,
  FAN_EVENT_INFO_TYPE_OLD_DFID_NAME,
  FAN_FS_ERROR,
  FAN_MODIFY,
  FAN_MOVE_SELF,
  FAN_MOVED_FROM,
  FAN_MOVED_TO,
  FAN_ONDIR,
  FAN_OPEN,
  FAN_OPEN_EXEC,
  FAN_Q_OVERFLOW,
  FAN_RENAME,
} from '../abi.js';
import { malformed } from '../errors/malformed.js';

/** What can be asked for. */
export const FANOTIFY_EVENTS = {
  access: FAN_ACCESS,
  modify: FAN_MODIFY,
  attrib: FAN_ATTRIB,
  closeWrite: FAN_CLOSE_WRITE,
  closeNowrite: FAN_CLOSE_NOWRITE,
  open: FAN_OPEN,
  openExec: FAN_OPEN_EXEC,
  movedFrom: FAN_MOVED_FROM,
  movedTo: FAN_MOVED_TO,
  rename: FAN_RENAME,
  create: FAN_CREATE,
  delete: FAN_DELETE,
  deleteSelf: FAN_DELETE_SELF,
  moveSelf: FAN_MOVE_SELF,
  fsError: FAN_FS_ERROR,
} as const;

export type FanotifyEventName = keyof typeof FANOTIFY_EVENTS;

/** A file as its file system knows it: it can be compared, and opened by `Fanotify.pathOf`. */
export interface FileHandle {
  /** Of the file system, in hexadecimal. */
  readonly fsid: string;
  readonly type: number;
  readonly bytes: Uint8Array;
}

/** A file, or the folder that it is in and its name there. */
export interface FanotifyPlace {
  readonly handle: FileHandle;
  /** Undefined when the handle is that of the file itself. */
  readonly name: string | undefined;
  readonly nameBytes: Uint8Array;
}

export interface FanotifyEvent {
  /** What has happened; the kernel merges events of one file. 'overflow': events were lost. */
  readonly events: readonly (FanotifyEventName | 'overflow')[];
  /** Who did it: a process, or a thread with `reportTid`; 0 when it is not to be known. */
  readonly pid: number;
  readonly directory: boolean;
  /** Where: the folder and the name in it, if the event is of a kind that has them. */
  readonly place: FanotifyPlace | undefined;
  /** The file itself, with `target`. */
  readonly target: FileHandle | undefined;
  /** Of a 'rename': where it was before; `place` is where it is now. */
  readonly from: FanotifyPlace | undefined;
  /** Of an 'fsError'. */
  readonly error: { readonly errno: number; readonly count: number } | undefined;
  /** An open file, in modes that we never ask for; -1. */
  readonly fd: number;
  readonly mask: number;
}

const METADATA_BYTES = 24;
const VERSION = 3;
const RECORD_BYTES = 4;
const FSID_BYTES = 8;
const HANDLE_HEADER_BYTES = 8;
const NAMES = Object.entries({ ...FANOTIFY_EVENTS, overflow: FAN_Q_OVERFLOW }) as [
  FanotifyEventName | 'overflow',
  number,
][];

/** The kernel's `struct file_handle`, to be opened again. */
export function handleBytes(handle: FileHandle): Uint8Array {
  const bytes = new Uint8Array(HANDLE_HEADER_BYTES + handle.bytes.length);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, handle.bytes.length, true);
  view.setInt32(4, handle.type, true);
  bytes.set(handle.bytes, HANDLE_HEADER_BYTES);
  return bytes;
}

export function fsidAt(view: DataView, offset: number): string {
  return view.getBigUint64(offset, true).toString(16).padStart(16, '0');
}

/** Cuts what one read(2) gave into events. */
export function parseFanotify(bytes: Uint8Array): FanotifyEvent[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const events: FanotifyEvent[] = [];
  for (let at = 0; at < bytes.length; ) {
    if (bytes.length - at < METADATA_BYTES) throw malformed('fanotify event');
    const length = view.getUint32(at, true);
    const header = view.getUint16(at + 6, true);
    const fits = length <= bytes.length - at && header >= METADATA_BYTES && header <= length;
    if (view.getUint8(at + 4) !== VERSION || !fits) throw malformed('fanotify event');
    events.push(eventAt(view, at, header, length));
    at += length;
  }
  return events;
}

interface Records {
  place: FanotifyPlace | undefined;
  target: FileHandle | undefined;
  from: FanotifyPlace | undefined;
  error: { errno: number; count: number } | undefined;
}

function eventAt(view: DataView, at: number, header: number, length: number): FanotifyEvent {
  const mask = Number(view.getBigUint64(at + 8, true));
  const records: Records = {
    place: undefined,
    target: undefined,
    from: undefined,
    error: undefined,
  };
  const end = at + length;
  for (let record = at + header; record < end; ) {
    if (end - record < RECORD_BYTES) throw malformed('fanotify record');
    const size = view.getUint16(record + 2, true);
    if (size < RECORD_BYTES || size > end - record) throw malformed('fanotify record');
    readRecord(view, record, size, records);
    record += size;
  }
  const bits = mask % 2 ** 32;
  return {
    events: NAMES.filter(([, bit]) => (bits & bit) !== 0).map(([name]) => name),
    pid: view.getInt32(at + 20, true),
    directory: (bits & FAN_ONDIR) !== 0,
    ...records,
    fd: view.getInt32(at + 16, true),
    mask,
  };
}

function readRecord(view: DataView, at: number, size: number, records: Records): void {
  switch (view.getUint8(at)) {
    case FAN_EVENT_INFO_TYPE_FID:
      records.target = placeAt(view, at, size).handle;
      break;
    case FAN_EVENT_INFO_TYPE_DFID:
    case FAN_EVENT_INFO_TYPE_DFID_NAME:
    case FAN_EVENT_INFO_TYPE_NEW_DFID_NAME:
      records.place = placeAt(view, at, size);
      break;
    case FAN_EVENT_INFO_TYPE_OLD_DFID_NAME:
      records.from = placeAt(view, at, size);
      break;
    case FAN_EVENT_INFO_TYPE_ERROR:
      if (size < 12) throw malformed('fanotify record');
      records.error = {
        errno: view.getInt32(at + 4, true),
        count: view.getUint32(at + 8, true),
      };
      break;
    default:
    // A kind that came after us says nothing that was asked for.
  }
}

/** A record's fsid, handle and, where there is one, name. */
function placeAt(view: DataView, at: number, size: number): FanotifyPlace {
  const handle = at + RECORD_BYTES + FSID_BYTES;
  const start = handle + HANDLE_HEADER_BYTES;
  const end = at + size;
  if (start > end) throw malformed('fanotify record');
  const length = view.getUint32(handle, true);
  if (length > end - start) throw malformed('fanotify record');
  const bytes = new Uint8Array(view.buffer, view.byteOffset, view.byteLength);
  const rest = bytes.subarray(start + length, end);
  const zero = rest.indexOf(0);
  // Handle and name are copied: the bytes are read into again.
  const nameBytes = rest.slice(0, zero < 0 ? rest.length : zero);
  const named = view.getUint8(at) !== FAN_EVENT_INFO_TYPE_FID && nameBytes.length > 0;
  // A folder itself is called '.' in it.
  const name = named ? Buffer.from(nameBytes).toString() : undefined;
  return {
    handle: {
      fsid: fsidAt(view, at + RECORD_BYTES),
      type: view.getInt32(handle + 4, true),
      bytes: bytes.slice(start, start + length),
    },
    name: name === '.' ? undefined : name,
    nameBytes,
  };
}
