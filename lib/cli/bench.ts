/** `nearmetal bench`: the benchmarks are programs of their own, and lie beside the command line. */
import { spawn } from 'node:child_process';
import { constants } from 'node:os';
import { fileURLToPath } from 'node:url';

/** Runs them in a process of their own: what the command line has loaded would be measured too. */
export async function run(words: readonly string[]): Promise<number> {
  const program = fileURLToPath(new URL('./bench/run.js', import.meta.url));
  const child = spawn(process.execPath, [program, ...words], { stdio: 'inherit' });
  // A terminal sends Ctrl-C to both of us: the one that measures ends first, and says what it has.
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.on(signal, () => child.kill(signal));
  }
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('exit', (code, signal) =>
      resolve(code ?? 128 + (signal === null ? 0 : constants.signals[signal])),
    );
  });
}
