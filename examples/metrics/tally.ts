/** Sums of metrics: lines such as `hits:1|c`, `users:7|g` and `took:12.5|ms|@0.1`. */

interface Times {
  count: number;
  sum: number;
  min: number;
  max: number;
}

const LINE = /^([^:|@\n]+):([+-]?\d+(?:\.\d+)?)\|(c|g|ms)(?:\|@(0?\.\d*[1-9]\d*|1))?(?:\|#.*)?$/;

/** Counters and times begin anew with each report, gauges stay. */
export class Tally {
  readonly #counts = new Map<string, number>();
  readonly #times = new Map<string, Times>();
  readonly #gauges = new Map<string, number>();
  #malformed = 0;

  /** The lines of one datagram. */
  take(text: string): void {
    for (const line of text.split('\n')) if (line !== '') this.#add(line);
  }

  #add(line: string): void {
    const found = LINE.exec(line);
    if (found === null) {
      this.#malformed++;
      return;
    }
    const [, name = '', digits = '', kind, rate = '1'] = found;
    const value = Number(digits);
    // One of so many was sent: it stands for all of them.
    const weight = 1 / Number(rate);
    if (kind === 'c') this.#counts.set(name, (this.#counts.get(name) ?? 0) + value * weight);
    else if (kind === 'ms') this.#time(name, value, weight);
    else if (/^[+-]/.test(digits)) this.#gauges.set(name, (this.#gauges.get(name) ?? 0) + value);
    else this.#gauges.set(name, value);
  }

  #time(name: string, value: number, weight: number): void {
    const times = this.#times.get(name);
    if (times === undefined) {
      this.#times.set(name, { count: weight, sum: value * weight, min: value, max: value });
      return;
    }
    times.count += weight;
    times.sum += value * weight;
    times.min = Math.min(times.min, value);
    times.max = Math.max(times.max, value);
  }

  /** What has come since the last time. */
  *lines(): Generator<string> {
    for (const [name, count] of this.#counts) yield `${name} ${round(count)}`;
    for (const [name, { count, sum, min, max }] of this.#times) {
      yield `${name} ${round(count)} times, ${min}..${max} ms, mean ${round(sum / count)} ms`;
    }
    for (const [name, value] of this.#gauges) yield `${name} = ${round(value)}`;
    if (this.#malformed > 0) yield `${this.#malformed} malformed lines`;
    this.#counts.clear();
    this.#times.clear();
    this.#malformed = 0;
  }
}

const round = (value: number): number => Math.round(value * 1000) / 1000;
