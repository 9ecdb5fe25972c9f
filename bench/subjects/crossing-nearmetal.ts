/** Calls one function of the addon's test build over and over. Argument: the shape. */
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { root } from '../_lib/paths.js';
import { deadline, serveRequests } from '../_lib/requests.js';

/** What `native/crossing.cc` exports. */
interface Crossing {
  empty(): void;
  sixIntegers(a: number, b: number, c: number, d: number, e: number, f: number): number;
  view(bytes: Uint8Array): number;
  string(text: string): number;
}

const CALLS_PER_LOOK = 10_000;

function loadCrossing(): Crossing {
  const addon = process.env['NEARMETAL_ADDON'] ?? join(root, 'build/seam/nearmetal_seam.node');
  if (!existsSync(addon)) throw new Error(`${addon} is not built (npm run build:native)`);
  const { crossing } = createRequire(import.meta.url)(addon) as { crossing?: Crossing };
  if (!crossing) throw new Error(`${addon} is not the test build: it has no crossing functions`);
  return crossing;
}

const crossing = loadCrossing();
const bytes = new Uint8Array(64);
const text = 'a name of 16 byte';

/** Each loop is its own function, so that each call site sees one callee. */
const loops: Record<string, () => void> = {
  empty() {
    for (let call = 0; call < CALLS_PER_LOOK; call++) crossing.empty();
  },
  'six integers'() {
    for (let call = 0; call < CALLS_PER_LOOK; call++) crossing.sixIntegers(1, 2, 3, 4, 5, call);
  },
  view() {
    for (let call = 0; call < CALLS_PER_LOOK; call++) crossing.view(bytes);
  },
  string() {
    for (let call = 0; call < CALLS_PER_LOOK; call++) crossing.string(text);
  },
  'node: performance.now'() {
    for (let call = 0; call < CALLS_PER_LOOK; call++) performance.now();
  },
};

const loop = loops[process.argv[2] ?? ''];
if (!loop) throw new Error(`no such shape; there are: ${Object.keys(loops).join(', ')}`);

await serveRequests(([seconds]) => {
  const end = deadline(seconds);
  let calls = 0;
  do {
    loop();
    calls += CALLS_PER_LOOK;
  } while (performance.now() < end);
  return calls;
});
