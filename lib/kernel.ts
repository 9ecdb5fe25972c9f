/**
 * The version of the running kernel, for messages and tables; what works is probed, never
 * concluded from it.
 */
const { release } = process.getBuiltinModule('node:os');

/** The numbers of '6.1.0-18-amd64' are 6, 1 and 0. */
function numbers(version: string): [number, number, number] {
  const match = /^(\d+)\.(\d+)(?:\.(\d+))?/.exec(version);
  return match === null ? [0, 0, 0] : [Number(match[1]), Number(match[2]), Number(match[3] ?? 0)];
}

/** Negative, zero or positive, as `left` is older than, equal to or newer than `right`. */
export function compareVersions(left: string, right: string): number {
  const [a, b] = [numbers(left), numbers(right)];
  return a[0] - b[0] || a[1] - b[1] || a[2] - b[2];
}

export const kernel = {
  /** As uname(2) has it: '6.18.44'. */
  get release(): string {
    return release();
  },
  /** True when the running kernel is `version` ('5.19') or newer. */
  atLeast(version: string): boolean {
    return compareVersions(release(), version) >= 0;
  },
} as const;
