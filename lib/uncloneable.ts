/**
 * What makes `structuredClone` and `postMessage` refuse an object, instead of sending an empty one.
 *
 * Node has no public mark for it before 22.10, but refuses whatever has a function in a property of
 * its own, and quotes the function: its name is what the error says.
 */
export function itBelongsToItsThread(): void {}
