/**
 * The bytes of a file on their way into a response: by the socket itself where that is one of this
 * library, else through a stream.
 */
import type { ServerResponse } from 'node:http';
import { pipeline } from 'node:stream/promises';
import { abortError } from '../errors.js';
import { preadv2 } from '../fd/read-write.js';
import type { File } from '../fs/file.js';
import { createReadStream } from '../fs/streams.js';
import { Socket } from '../net/socket.js';
import { sendPart } from '../zerocopy/send-file.js';
import type { FilePart } from './file-answer.js';

/** From here on it pays not to bring the bytes here. */
const SMALL = 32_768;

/**
 * The bytes of a small part, where neither a disk nor a socket would have to wait for them;
 * undefined elsewhere.
 */
export function smallBody(file: File, { start, end }: FilePart): Uint8Array | undefined {
  const length = end - start + 1;
  if (length > SMALL) return undefined;
  if (length <= 0) return new Uint8Array(0);
  const bytes = Buffer.allocUnsafe(length);
  try {
    const count = preadv2(file.fd, [bytes], { offset: start, nowait: true });
    return count === length ? bytes : undefined;
  } catch {
    // Not every file system can say that it would have to wait.
    return undefined;
  }
}

/**
 * Sends the parts, then `after`, and resolves with the bytes of the file when the socket has taken
 * all. The header, with the length of it all, goes first.
 */
export async function sendBody(
  response: ServerResponse,
  file: File,
  parts: readonly FilePart[],
  after: string,
  signal: AbortSignal | undefined,
): Promise<number> {
  response.flushHeaders();
  // Others are answered first on this connection.
  if (response.socket === null) await turnOf(response);
  const { socket } = response as { socket: unknown };
  let sent = 0;
  for (const part of parts) {
    const { before, start, end } = part;
    if (socket instanceof Socket) {
      await written(socket, before);
      sent += await sendPart(socket, file.fd, start, end - start + 1, signal);
    } else {
      if (before !== '') response.write(before);
      sent += await streamed(response, file, part, signal);
    }
  }
  if (after !== '') {
    if (socket instanceof Socket) await written(socket, after);
    else response.write(after);
  }
  return sent;
}

/** Behind all that was written before, the header among it. */
function written(socket: Socket, words: string): Promise<void> {
  return new Promise((resolve, reject) => {
    socket.write(words, (error) => (error ? reject(error) : resolve()));
  });
}

function turnOf(response: ServerResponse): Promise<void> {
  return new Promise((resolve, reject) => {
    const closed = (): void => reject(closedEarly());
    response.once('close', closed);
    response.once('socket', () => {
      response.off('close', closed);
      // The header is written after this event.
      process.nextTick(resolve);
    });
  });
}

async function streamed(
  response: ServerResponse,
  file: File,
  { start, end }: FilePart,
  signal: AbortSignal | undefined,
): Promise<number> {
  if (end < start) return 0;
  const reading = createReadStream(file, { start, end });
  const aborted = (): void => void reading.destroy(abortError(signal as AbortSignal));
  signal?.addEventListener('abort', aborted, { once: true });
  try {
    await pipeline(reading, response, { end: false });
  } finally {
    signal?.removeEventListener('abort', aborted);
  }
  if (reading.bytesRead === end - start + 1) return reading.bytesRead;
  const error = new Error(`the file became shorter: ${reading.bytesRead} bytes were sent`);
  throw Object.assign(error, { code: 'ERR_NEARMETAL_SHORT', bytesSent: reading.bytesRead });
}

export function closedEarly(): Error & { code: string } {
  const error = new Error('the connection was closed before the response was sent');
  return Object.assign(error, { code: 'ECONNRESET' });
}
