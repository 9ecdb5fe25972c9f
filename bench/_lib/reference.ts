/** Compiles our C programs on demand, or says by name what is missing for it. */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, renameSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { MissingPeer } from './missing.js';
import { referencePrograms, referenceSources } from './paths.js';

let compiler: string | undefined;

function findCompiler(): string {
  const candidates = process.env['CC'] ? [process.env['CC']] : ['gcc', 'cc', 'clang'];
  compiler ??= candidates.find(
    (name) => !spawnSync(name, ['--version'], { stdio: 'ignore' }).error,
  );
  if (compiler === undefined) {
    throw new MissingPeer(
      `no C compiler (looked for ${candidates.join(', ')}; apt-get install gcc)`,
    );
  }
  return compiler;
}

/** True when there is something to compile the yardsticks with. */
export function hasCompiler(): boolean {
  try {
    return findCompiler() !== '';
  } catch {
    return false;
  }
}

function isFresh(program: string, source: string): boolean {
  if (!existsSync(program)) return false;
  const built = statSync(program).mtimeMs;
  const headers = readdirSync(referenceSources).filter((file) => file.endsWith('.h'));
  return [source, ...headers.map((file) => join(referenceSources, file))].every(
    (file) => statSync(file).mtimeMs < built,
  );
}

/**
 * Answers the path of the compiled `bench/reference/NAME.c`.
 *
 * @throws MissingPeer without a compiler
 */
export function reference(name: string): string {
  const source = join(referenceSources, `${name}.c`);
  const program = join(referencePrograms, name);
  if (isFresh(program, source)) return program;
  const command = findCompiler();
  mkdirSync(referencePrograms, { recursive: true });
  // Renamed when whole: two benchmarks may be started at the same time.
  const unfinished = `${program}.${process.pid}`;
  const result = spawnSync(command, ['-O2', '-pthread', '-o', unfinished, source], {
    encoding: 'utf8',
  });
  if (result.status !== 0) throw new Error(`${command} ${name}.c failed:\n${result.stderr}`);
  renameSync(unfinished, program);
  return program;
}
