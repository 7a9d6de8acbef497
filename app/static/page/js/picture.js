// @ts-check
/** The picture that all parts of the page are about: what is on the pad, or what was chosen, dropped or pasted. */

/**
 * @typedef {object} Picture
 * @property {'drawing' | 'sample' | 'file'} kind
 * @property {string} name of the file or the sample; '' for a drawing
 * @property {boolean} settled false while the pen is down: more comes at once
 * @property {() => Promise<Blob>} blob its bytes
 */

/** @type {Picture | null} */
let current = null;
/** @type {Set<(picture: Picture | null) => void>} */
const watchers = new Set();

/** What is shown now; null: nothing. */
export function now() {
  return current;
}

/** Show another picture, or none, and tell those who watch. @param {Picture | null} picture */
export function show(picture) {
  current = picture;
  for (const watcher of watchers) watcher(picture);
}

/** Call `watcher` whenever another picture is shown, each stroke of a drawing too. @param {(picture: Picture | null) => void} watcher */
export function watch(watcher) {
  watchers.add(watcher);
}
