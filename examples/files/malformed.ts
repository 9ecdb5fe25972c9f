/** The answer to what is no request, is too large, or does not end. */
import { STATUS_CODES } from 'node:http';
import type { Duplex } from 'node:stream';

const STATUS_OF: Readonly<Record<string, number>> = {
  HPE_HEADER_OVERFLOW: 431,
  ERR_HTTP_REQUEST_TIMEOUT: 408,
};

/** Listens to `clientError`. */
export function refuseMalformed({ code = '' }: NodeJS.ErrnoException, socket: Duplex): void {
  const { _httpMessage: answering } = socket as { _httpMessage?: { headersSent: boolean } };
  if (!socket.writable || answering?.headersSent) {
    socket.destroy();
    return;
  }
  const status = STATUS_OF[code] ?? 400;
  const head = `HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\nConnection: close\r\n\r\n`;
  socket.end(head, () => socket.destroy());
}
