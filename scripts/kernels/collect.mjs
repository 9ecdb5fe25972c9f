/** What a run printed as one result: counts, reasons of skips, failures, and what it left out. */
import { existsSync, readFileSync } from 'node:fs';

/** `asked` are the files that were to run; `lines` what the guest printed. */
export function collect(lines, asked) {
  const result = {
    passed: 0,
    skipped: {},
    failed: [],
    promises: {},
    files: 0,
    notReached: [],
    facts: undefined,
    doctor: undefined,
    kernelSaid: [],
  };
  const reached = new Set();
  for (const line of lines) {
    const [, kind, text] = /^(FACTS|DOCTOR|RESULT|DMESG) (.*)/.exec(line) ?? [];
    if (kind === 'DMESG') result.kernelSaid.push(text);
    if (kind === undefined || kind === 'DMESG') continue;
    const value = parsed(text);
    if (value === undefined) continue;
    if (kind === 'FACTS') result.facts = value;
    else if (kind === 'DOCTOR') result.doctor = summary(value);
    else {
      reached.add(value.file);
      addFile(result, value);
    }
  }
  result.files = reached.size;
  result.notReached = asked.filter((file) => !reached.has(file));
  return result;
}

/** What `doctor` says of io_uring, without the long lists. */
const summary = ({ available, detail, hint }) => ({ available, detail, hint });

/** A guest that dies cuts a line short. */
function parsed(text) {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function addFile(result, { file, tests, errors }) {
  const ofFile = existsSync(file) ? promisesOf(readFileSync(file, 'utf8')) : [];
  const count = (promise, state) => {
    result.promises[promise] ??= { passed: 0, skipped: 0, failed: 0 };
    result.promises[promise][state]++;
  };
  for (const { name, state, reason, error } of tests) {
    if (state === 'passed') result.passed++;
    else if (state === 'skipped') result.skipped[reason] = (result.skipped[reason] ?? 0) + 1;
    else result.failed.push({ file, name, error: firstLine(error) });
    for (const promise of [...ofFile, ...promisesOf(name)]) count(promise, state);
  }
  // What belongs to no test: the process died, or an error had no one to catch it.
  for (const error of errors) {
    result.failed.push({ file, name: '', error: firstLine(error) });
    for (const promise of ofFile) count(promise, 'failed');
  }
}

const firstLine = (text) => `${text}`.split('\n')[0].slice(0, 200);

/**
 * A file of promises says in its first words which it holds, "Promises 6, 11, 20, 26: ..."; a test
 * elsewhere does in its name, "promise 24: ...".
 */
export function promisesOf(text) {
  const [, numbers = ''] =
    /^(?:\/\*\*\s+(?:\* )?P|p)romises? (\d+(?:(?:, | and )\d+)*):/.exec(text) ?? [];
  return numbers.match(/\d+/g) ?? [];
}
