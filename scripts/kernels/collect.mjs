/** What a run printed as one result: counts, reasons of skips, failures, and what it left out. */
import { existsSync, readFileSync } from 'node:fs';

/**
 * `asked` are the files that were to run; `lines` what the guest printed; `before` what an earlier
 * run said, by file: what was not reached now counts as it did then.
 */
export function collect(lines, asked, before) {
  const byFile = { ...before };
  const result = { facts: undefined, doctor: undefined, kernelSaid: [] };
  let reached = 0;
  for (const line of lines) {
    const [, kind, text] = /^(FACTS|DOCTOR|RESULT|DMESG) (.*)/.exec(line) ?? [];
    if (kind === 'DMESG') result.kernelSaid.push(text);
    if (kind === undefined || kind === 'DMESG') continue;
    const value = parsed(text);
    if (value === undefined) continue;
    if (kind === 'FACTS') result.facts = value;
    else if (kind === 'DOCTOR') result.doctor = summary(value);
    else {
      reached++;
      byFile[value.file] = counted(value);
    }
  }
  const notReached = asked.filter((file) => byFile[file] === undefined);
  return { ...sum(Object.values(byFile)), reached, notReached, ...result, byFile };
}

/** By file, what the result at `path` has of files that there still are. */
export function knownIn(path) {
  if (!existsSync(path)) return {};
  const { byFile = {} } = JSON.parse(readFileSync(path, 'utf8'));
  return Object.fromEntries(Object.entries(byFile).filter(([file]) => existsSync(file)));
}

/** What is known of several files, each as `counted` has it, together. */
export function sum(counts) {
  const total = { passed: 0, skipped: {}, failed: [], promises: {}, files: counts.length };
  for (const { passed, skipped, failed, promises } of counts) {
    total.passed += passed;
    total.failed.push(...failed);
    add(total.skipped, skipped);
    for (const [promise, states] of Object.entries(promises)) {
      total.promises[promise] ??= { passed: 0, skipped: 0, failed: 0 };
      add(total.promises[promise], states);
    }
  }
  return total;
}

function add(total, counts) {
  for (const [name, count] of Object.entries(counts)) total[name] = (total[name] ?? 0) + count;
}

/** What `doctor` says of io_uring, without the long lists. */
const summary = ({ available, detail, hint, backend }) => ({ available, detail, hint, backend });

/** A guest that dies cuts a line short. */
function parsed(text) {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** `tests` of one file, with what is said of each that was not passed, as counts. */
export function counted({ file, tests, errors }) {
  const result = { passed: 0, skipped: {}, failed: [], promises: {} };
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
  return result;
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
