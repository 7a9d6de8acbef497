// @ts-check
/** What the seven say of the picture: draw.js asks and tells it, the cards show it, other parts compare with it. */

/** @typedef {import('./service.js').Prediction} Prediction */
/** @typedef {{prediction?: Prediction, error?: import('./service.js').ErrorDetail, old: boolean}} Answer `old`: it is of a picture before this one */
/** @typedef {{unavailable: string[], errors: Record<string, import('./service.js').ErrorDetail>, agreement: import('./service.js').Agreement | null, timing_ms: Record<string, number>}} Tail */
/**
 * @typedef {object} Answers
 * @property {import('./picture.js').Picture} picture what they are of
 * @property {string} dataset what it was taken for
 * @property {Map<string, Prediction>} of by network; who failed is missing
 * @property {Tail} tail the end of the service's answer
 */

/** @type {Answers | null} */
let current = null;
let refused = false;
/** @type {Set<(answers: Answers | null) => void>} */
const watchers = new Set();

/** All answers of the picture that is shown; null while some are still to come, or the pen is down. */
export function now() {
  return current;
}

/** Tell them: all of a picture, or null as soon as it is another. @param {Answers | null} answers */
export function tell(answers) {
  if (!answers && !current && !refused) return;
  current = answers;
  refused = false;
  for (const watcher of watchers) watcher(answers);
}

/** None will come of the picture that is shown, for what it is itself: nothing that was told of another may stand beside it. */
export function refuse() {
  current = null;
  refused = true;
  for (const watcher of watchers) watcher(null);
}

export const isRefused = () => refused;

/** Call `watcher` when all have answered, and with null when another picture is shown. @param {(answers: Answers | null) => void} watcher */
export function watch(watcher) {
  watchers.add(watcher);
}

/** Those that are of this picture. @param {Map<string, Answer>} answers @returns {Map<string, Prediction>} */
export function fresh(answers) {
  return new Map([...answers].flatMap(([name, { prediction, old }]) => (prediction && !old ? [[name, prediction]] : [])));
}
