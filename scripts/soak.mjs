/**
 * Mixed traffic under faults: `--minutes N` (60), `--lanes A,B`, `--round SECONDS`, `--seed N`. A
 * run of all lanes that went well is kept in test/results/soak.json and docs/reliability.md.
 */
import { fileURLToPath } from 'node:url';
import { longRun } from './kernels/long-run.mjs';

process.chdir(fileURLToPath(new URL('..', import.meta.url)));

const words = process.argv.slice(2);
const minutes = words.indexOf('--minutes');
if (minutes >= 0) words.splice(minutes, 2, '--seconds', `${Number(words[minutes + 1]) * 60}`);
longRun('main', 'soak.json', words);
