/**
 * What prebuilt addons were built of. Beside each is a record with its SHA-256 and that of its
 * sources; `node scripts/provenance.mjs [FOLDER]` compares these with the addons and the sources
 * that are in the package, and ends with 1 where they differ.
 */
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';

const digest = (bytes) => createHash('sha256').update(bytes).digest('hex');

/** Of the native code and of how it is compiled: names and bytes, in order. */
function sourcesOf(folder) {
  const names = readdirSync(join(folder, 'native')).sort();
  const paths = ['binding.gyp', ...names.map((name) => `native/${name}`)];
  const lines = paths.map((path) => `${digest(readFileSync(join(folder, path)))}  ${path}\n`);
  return digest(lines.join(''));
}

const recordOf = (addon) => `${addon}.json`;

/** Below `prebuilds/` of a folder. */
export function addonsOf(folder) {
  const prebuilds = join(folder, 'prebuilds');
  if (!existsSync(prebuilds)) return [];
  return readdirSync(prebuilds, { recursive: true })
    .filter((name) => name.endsWith('.node'))
    .map((name) => join(prebuilds, name));
}

/** `made` is what made it: the compiler, the headers, the commit. */
export function writeRecord(folder, addon, made) {
  const record = { sha256: digest(readFileSync(addon)), sources: sourcesOf(folder), ...made };
  writeFileSync(recordOf(addon), `${JSON.stringify(record, null, 2)}\n`);
}

/** What is wrong with an addon of a folder; undefined where it is what its record says. */
export function wrongWith(folder, addon) {
  if (!existsSync(recordOf(addon))) return 'has no record';
  const { sha256, sources } = JSON.parse(readFileSync(recordOf(addon), 'utf8'));
  if (sha256 !== digest(readFileSync(addon))) return 'is not the one that was built';
  if (sources !== sourcesOf(folder)) return 'was built of other sources than these';
  return undefined;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const folder = process.argv[2] ?? fileURLToPath(new URL('..', import.meta.url));
  for (const addon of addonsOf(folder)) {
    const wrong = wrongWith(folder, addon);
    console.log(`${relative(folder, addon)} ${wrong ?? 'is as its record says'}`);
    if (wrong !== undefined) process.exitCode = 1;
  }
}
