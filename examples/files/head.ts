/** The heads of answers, as text. */
import { STATUS_CODES } from 'node:http';
import type { Request } from './request.js';

let second = -1;
let date = '';
let ok = Buffer.alloc(0);

/** What is the same in all answers of one second. */
function renew(): void {
  const now = Math.trunc(Date.now() / 1000);
  if (now === second) return;
  second = now;
  date = `Date: ${new Date(now * 1000).toUTCString()}\r\n`;
  ok = Buffer.from(`HTTP/1.1 200 ${STATUS_CODES[200]}\r\n${date}`);
}

/** The beginning of an answer with status 200 to a client that may ask for more. */
export function beginningOfOk(): Buffer {
  renew();
  return ok;
}

/** The beginning of any other answer; `request` is undefined where there was none. */
export function beginning(status: number, request: Request | undefined, last: boolean): string {
  renew();
  let connection = '';
  if (last) connection = 'Connection: close\r\n';
  else if (request?.minor === 0) connection = 'Connection: keep-alive\r\n';
  return `HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\n${date}${connection}`;
}

/** Its other lines, with the empty one behind them. */
export function lines(headers: Readonly<Record<string, string>>): string {
  let text = '';
  for (const name in headers) text += `${name}: ${headers[name]}\r\n`;
  return `${text}\r\n`;
}
