/** NEARMETAL_DEBUG: what is collected without having been given back says where it was made. */

let debugging: boolean | undefined;

/** Where something is made, when debugging. */
export function creationSite(): Error | undefined {
  debugging ??= (process.env['NEARMETAL_DEBUG'] ?? '0') !== '0';
  if (!debugging) return undefined;
  const site = new Error();
  Error.captureStackTrace(site, creationSite);
  return site;
}

/** Says that it was forgotten; `rest` is what should have been called. */
export function warnOfLeak(what: string, rest: string, site: Error): void {
  process.emitWarning(`${what} was collected without ${rest}`, {
    type: 'NearmetalWarning',
    code: 'NEARMETAL_LEAK',
    detail: (site.stack ?? '').replace(/^Error/, 'Made'),
  });
}
