/** A load balancer for TCP and UDP on every CPU; the configuration is read anew on SIGHUP. */
import { optionsOf, USAGE } from './options.js';

const stop = new AbortController();
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => stop.abort());

try {
  const options = optionsOf(process.argv.slice(2));
  const config = options.read();
  if (options.check) console.log(`${options.path} is good`);
  else {
    // What a look at a configuration has no need of.
    const { Balancer } = await import('./balancer.js');
    const balancer = await Balancer.start(config, options.view);
    process.on('SIGHUP', () => {
      balancer.reload(options.read).catch((error: Error) => {
        console.error(`not reloaded: ${error.message}`);
      });
    });
    for (const line of balancer.lines()) console.log(line);
    const finish = async (): Promise<void> => {
      console.log(`${await balancer.stop()} connections`);
    };
    if (stop.signal.aborted) await finish();
    else stop.signal.addEventListener('abort', () => void finish());
  }
} catch (error) {
  console.error(`${(error as Error).message}\n${USAGE}`);
  process.exitCode = 2;
}
