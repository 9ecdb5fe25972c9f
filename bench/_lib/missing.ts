/** A peer that this machine does not have: named in the report, neither failure nor silence. */
export class MissingPeer extends Error {
  override readonly name = 'MissingPeer';
}
