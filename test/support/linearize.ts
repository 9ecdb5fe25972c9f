/**
 * Whether what threads did at the same time could have been done by one, call after call: the
 * search of Wing and Gong, which remembers what it has tried.
 */

/** One call, as a thread noted it by a clock that all threads share. */
export interface Call {
  readonly thread: number;
  readonly begin: number;
  readonly end: number;
  readonly what: string;
  /** What it was called with: another number for each call of a history. */
  readonly put: number;
  /** What it was answered. */
  readonly got: unknown;
}

/** What one thread alone would be answered. */
export interface Model {
  /** Anything that JSON can say. */
  readonly start: unknown;
  /**
   * The state behind a call, or undefined when it could not have been answered so. `others` are the
   * calls of other threads that were under way at the same time, for what is allowed to be weaker.
   */
  // biome-ignore lint/suspicious/noExplicitAny: each model knows its own state
  step(state: any, call: Call, others: readonly Call[]): unknown;
  /** A call that takes effect more than once: its parts, in their order. */
  parts?(call: Call): readonly Call[];
}

interface Part {
  readonly call: Call;
  readonly others: readonly Call[];
  /** The part that has to come before. */
  readonly after: number;
}

function partsOf(calls: readonly Call[], model: Model): Part[] {
  const list: Part[] = [];
  for (const call of calls) {
    const others = calls.filter(
      (other) => other.thread !== call.thread && other.begin < call.end && other.end > call.begin,
    );
    (model.parts?.(call) ?? [call]).forEach((part, index) => {
      list.push({ call: part, others, after: index === 0 ? -1 : list.length - 1 });
    });
  }
  // What has been done is a number whose bits say so.
  if (list.length > 52) throw new Error(`${list.length} calls are too many`);
  return list;
}

/** Looks for an order; calls that are over before another began come before it. */
export function isLinearizable(calls: readonly Call[], model: Model): boolean {
  const parts = partsOf(calls, model);
  const tried = new Set<string>();
  const search = (left: readonly number[], done: number, state: unknown): boolean => {
    if (left.length === 0) return true;
    const key = `${done}|${JSON.stringify(state)}`;
    if (tried.has(key)) return false;
    tried.add(key);
    const firstEnd = Math.min(...left.map((index) => (parts[index] as Part).call.end));
    for (const index of left) {
      const { call, others, after } = parts[index] as Part;
      if (call.begin > firstEnd || left.includes(after)) continue;
      const next = model.step(state, call, others);
      if (next === undefined) continue;
      const rest = left.filter((other) => other !== index);
      if (search(rest, done + 2 ** index, next)) return true;
    }
    return false;
  };
  return search([...parts.keys()], 0, model.start);
}

/** The history, a line for each call, in the order of their beginnings. */
export function history(calls: readonly Call[]): string {
  return [...calls]
    .sort((one, two) => one.begin - two.begin)
    .map(({ thread, begin, end, what, put, got }) => {
      return `${begin}-${end} thread ${thread}: ${what}(${put}) ${JSON.stringify(got)}`;
    })
    .join('\n');
}
