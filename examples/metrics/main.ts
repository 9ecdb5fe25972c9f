/** Gathers metrics that programs send by UDP, as StatsD has them, and prints their sums. */
import { parseArgs } from 'node:util';
import { bind } from 'nearmetal/dgram';
import { Tally } from './tally.js';

const USAGE = 'usage: npm run example -- metrics [--port PORT] [--host ADDRESS] [--every-ms MS]';

function options(): { port: number; host: string; everyMs: number } {
  const { values } = parseArgs({
    options: {
      port: { type: 'string', default: '8125' },
      host: { type: 'string', default: '127.0.0.1' },
      'every-ms': { type: 'string', default: '10000' },
    },
  });
  const everyMs = Number(values['every-ms']);
  if (!(everyMs > 0)) throw new RangeError('--every-ms must be a number of milliseconds above 0');
  return { port: Number(values.port), host: values.host, everyMs };
}

try {
  const { port, host, everyMs } = options();
  const tally = new Tally();
  let dropped = 0;
  const socket = bind({
    port,
    host,
    // A burst waits here while this thread is busy; the kernel counts what does not fit.
    receiveBuffer: 4 * 1024 * 1024,
    dropped: true,
    // All that a wake-up brought: one call, however many programs have sent.
    messages: (messages) => {
      for (const message of messages) {
        tally.take(message.text());
        ({ dropped } = message);
      }
    },
  });
  const report = (): void => {
    for (const line of tally.lines()) console.log(line);
  };
  const clock = setInterval(report, everyMs);
  const end = async (): Promise<void> => {
    clearInterval(clock);
    await socket.close();
    report();
    const { received, receivedBytes } = socket.stats;
    console.log(`${received} datagrams, ${receivedBytes} bytes, ${dropped} dropped`);
  };
  let ending = false;
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    // Once: npm passes Ctrl-C on to what the terminal has told already.
    process.on(signal, () => {
      if (!ending) void end();
      ending = true;
    });
  }
  console.log(`listening on ${socket.port}`);
} catch (error) {
  console.error(`${error}\n${USAGE}`);
  process.exitCode = 2;
}
