/** NEARMETAL_DEBUG: what is collected without having been given back says where it was made. */

let debugging: boolean | undefined;

/** The stack of where something is made, when debugging. */
export function creationSite(): string | undefined {
  debugging ??= (process.env['NEARMETAL_DEBUG'] ?? '0') !== '0';
  if (!debugging) return undefined;
  const site = new Error();
  Error.captureStackTrace(site, creationSite);
  // As text: until it is read, a stack holds on to every `this` in it, what is made here included.
  return site.stack?.replace(/^Error/, 'Made');
}

/** As `warnOfLeak`, for one of many of its owner; without a site only the first is worth a word. */
export function warnOfLost(
  what: string,
  rest: string,
  site: string | undefined,
  count: number,
): void {
  if (site !== undefined) warnOfLeak(what, rest, site);
  else if (count === 1) {
    process.emitWarning(
      `${what} was collected without ${rest}: NEARMETAL_DEBUG=1 says where it came from`,
      { type: 'NearmetalWarning', code: 'NEARMETAL_LEAK' },
    );
  }
}

/** Says that `what` was forgotten; `rest` is what should have been called. */
export function warnOfLeak(what: string, rest: string, site: string): void {
  process.emitWarning(`${what} was collected without ${rest}`, {
    type: 'NearmetalWarning',
    code: 'NEARMETAL_LEAK',
    detail: site,
  });
}
