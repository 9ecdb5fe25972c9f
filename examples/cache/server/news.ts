/** What is published in one worker is told in all of them. */
import { type Channel, SharedError } from 'nearmetal/shared';
import { type WorkerContext, WorkerError } from 'nearmetal/workers';
import type { PubSub } from './pubsub.js';

interface Message {
  readonly channel: string;
  readonly text: string;
}

type Line = Channel<Message, Message>;

/** Larger messages find no room in a line. */
const CAPACITY = 4 * 2 ** 20;

export function shareNews(context: WorkerContext, pubsub: PubSub): void {
  const lines = new Set<Line>();
  for (let peer = 0; peer < context.count; peer++) {
    if (peer !== context.index) void listenTo(context, peer, pubsub, lines);
  }
  pubsub.tellOthers = (channel, text) => {
    // A worker that does not keep up misses messages, as a slow listener would.
    for (const line of lines) if (!tell(line, { channel, text })) pubsub.missed++;
  };
}

function tell(line: Line, message: Message): boolean {
  try {
    return line.trySend(message);
  } catch (error) {
    // Too long, or the other end is gone and its successor has not come yet.
    if (error instanceof RangeError || error instanceof SharedError) return false;
    throw error;
  }
}

/** Also after the peer's thread has been restarted. */
async function listenTo(
  context: WorkerContext,
  peer: number,
  pubsub: PubSub,
  lines: Set<Line>,
): Promise<void> {
  for (;;) {
    let line: Line;
    try {
      line = await context.channelTo<Message, Message>(peer, { capacity: CAPACITY });
    } catch (error) {
      // No thread will come in its place, or this one is to finish.
      if (error instanceof WorkerError) return;
      throw error;
    }
    lines.add(line);
    try {
      for await (const { channel, text } of line) pubsub.publish(channel, text);
    } catch (error) {
      if (!(error instanceof SharedError)) throw error;
    } finally {
      lines.delete(line);
    }
  }
}
