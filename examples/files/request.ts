/** Requests of HTTP/1, read strictly: what is not exactly one is refused. */
import type { IncomingHttpHeaders } from 'node:http';

/** From the first byte of a request to the empty line. */
export const HEAD_MAX = 16_384;

export interface Request {
  readonly method: string;
  readonly target: string;
  /** 0 or 1, of HTTP/1. */
  readonly minor: number;
  /** Those that a server of files minds, by their names in lower case. */
  readonly headers: IncomingHttpHeaders;
  /** The client may ask for more on this connection. */
  readonly keepAlive: boolean;
  /** They make it ask for a part, or for a change only. */
  readonly conditional: boolean;
  /** More than a head: nobody reads that, and nothing comes behind it. */
  readonly body: boolean;
  /** Where in the text the next one begins. */
  readonly end: number;
}

/** The status of the answer to what is no request that is served here. */
export class Refusal {
  readonly status: number;

  constructor(status: number) {
    this.status = status;
  }
}
const MALFORMED = new Refusal(400);
const TOO_LARGE = new Refusal(431);
const EXPECTATION = new Refusal(417);
const VERSION = new Refusal(505);

const TARGET = String.raw`(\*|\/[\x21-\x7e]*|[Hh][Tt][Tt][Pp][Ss]?:\/\/[\x21-\x7e]+)`;
const TOKEN = String.raw`([!#$%&'*+\-.^\x60|~\w]+)`;
const LINE = new RegExp(String.raw`${TOKEN} ${TARGET} HTTP\/(\d\.\d)\r\n`, 'y');
// No quantifier follows another that takes the same: time grows with the length, and no faster.
const FIELD = new RegExp(String.raw`${TOKEN}:([\t\x20-\x7e\x80-\xff]*)\r\n`, 'y');

/** What several lines of one name are: one list, none of ours, or the first of them. */
type Repeated = 'list' | 'malformed' | 'first';
const MINDED: ReadonlyMap<string, Repeated> = new Map<string, Repeated>([
  ['accept-encoding', 'list'],
  ['connection', 'list'],
  ['content-length', 'malformed'],
  ['expect', 'list'],
  ['host', 'malformed'],
  ['if-match', 'list'],
  ['if-modified-since', 'first'],
  ['if-none-match', 'list'],
  ['if-range', 'first'],
  ['if-unmodified-since', 'first'],
  ['range', 'first'],
  ['transfer-encoding', 'list'],
]);

/** Undefined: it is not whole yet. */
export function readRequest(text: string, start: number): Request | Refusal | undefined {
  const blank = text.indexOf('\r\n\r\n', start);
  const known = (blank < 0 ? text.length : blank) - start;
  if (known > HEAD_MAX) return TOO_LARGE;
  // What does not begin as a request is not waited for.
  if (blank < 0 && text.indexOf('\n', start) < 0) return undefined;
  LINE.lastIndex = start;
  const line = LINE.exec(text);
  if (line === null) return MALFORMED;
  const [, method, target, version] = line as unknown as [string, string, string, string];
  if (version !== '1.1' && version !== '1.0') return VERSION;
  if (blank < 0) return undefined;
  const headers = readFields(text, LINE.lastIndex, blank + 2);
  if (headers === undefined) return MALFORMED;
  return checked(method, target, version === '1.0' ? 0 : 1, headers, blank + 4);
}

/** Undefined where a line is no header. */
function readFields(text: string, from: number, end: number): Record<string, string> | undefined {
  const headers: Record<string, string> = {};
  FIELD.lastIndex = from;
  while (FIELD.lastIndex < end) {
    const field = FIELD.exec(text);
    if (field === null) return undefined;
    const name = (field[1] as string).toLowerCase();
    const repeated = MINDED.get(name);
    if (repeated === undefined) continue;
    const value = (field[2] as string).trim();
    const before = headers[name];
    if (before === undefined) headers[name] = value;
    else if (repeated === 'malformed') return undefined;
    else if (repeated === 'list') headers[name] = `${before}, ${value}`;
  }
  return headers;
}

function checked(
  method: string,
  target: string,
  minor: number,
  headers: Record<string, string>,
  end: number,
): Request | Refusal {
  if (headers.host === undefined && minor === 1) return MALFORMED;
  const length = headers['content-length'];
  const coding = headers['transfer-encoding'];
  if (length !== undefined && !/^\d+$/.test(length)) return MALFORMED;
  // Who says both wants two servers to disagree; and who says the older version cannot know of one.
  if (coding !== undefined && (length !== undefined || minor === 0)) return MALFORMED;
  const body = coding !== undefined || Number(length ?? 0) > 0;
  if (headers.expect !== undefined) return EXPECTATION;
  const wishes = (headers.connection ?? '').toLowerCase().split(',');
  const says = (word: string): boolean => wishes.some((wish) => wish.trim() === word);
  return {
    method,
    target,
    minor,
    headers,
    keepAlive: !body && !says('close') && (minor === 1 || says('keep-alive')),
    body,
    conditional:
      headers.range !== undefined ||
      headers['if-none-match'] !== undefined ||
      headers['if-modified-since'] !== undefined ||
      headers['if-match'] !== undefined ||
      headers['if-unmodified-since'] !== undefined,
    end,
  };
}
