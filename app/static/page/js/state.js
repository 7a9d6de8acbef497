// @ts-check
/**
 * What the page shows, held in the address: #tab=inside&network=vgg11. Every value is a string; one that is the default
 * is left out. Who opens or shares the address sees the same.
 */

/** Every part of the state, with its default. */
const DEFAULTS = Object.freeze({
  tab: 'draw',
  dataset: 'auto', // what the picture is said to show
  network: 'resnet18', // whose inside is shown
  stage: '', // the stage whose feature maps are shown; '': the first
  sample: '', // the sample picture that is shown
  drawing: '', // the strokes on the pad, see strokes.js
  measured: 'fashion-mnist', // the dataset that the line-up's charts are of
  cell: '', // the field of the confusion matrix that is open: what the pictures are, what the network says: 5-3
  theme: 'auto',
  controls: 'shown', // hidden: nothing but the part itself, for those who embed it
  projector: 'off', // on: everything larger
});

/** Parts with few values. Anything else in an address, which anybody may have written, is taken for the default. */
const VALUES = new Map(
  Object.entries({
    tab: ['draw', 'inside', 'lineup'],
    dataset: ['auto', 'mnist', 'fashion-mnist'],
    measured: ['mnist', 'fashion-mnist'],
    theme: ['auto', 'light', 'dark'],
    controls: ['shown', 'hidden'],
    projector: ['off', 'on'],
  }),
);

/** @typedef {keyof typeof DEFAULTS} Name */

/** @type {Map<string, string>} */
let state = read(location.hash);
/** @type {Set<(changed: Set<Name>) => void>} */
const watchers = new Set();

/** @param {string} hash */
function read(hash) {
  const told = [...new URLSearchParams(hash.replace(/^#/, ''))];
  return new Map(told.filter(([name, value]) => VALUES.get(name)?.includes(value) ?? true));
}

/** @param {Name} name @returns {string} */
export function get(name) {
  return state.get(name) ?? DEFAULTS[name];
}

/**
 * Change some of the state, the address with it, and tell those who watch. With `enter`, Back leads to what was before.
 * @param {Partial<Record<Name, string>>} values @param {{enter?: boolean}} [how]
 */
export function set(values, { enter = false } = {}) {
  const next = changedBy(values);
  const changed = different(state, next);
  if (!changed.size) return;
  state = next;
  const address = addressOf(next);
  if (enter) history.pushState(null, '', address);
  else history.replaceState(null, '', address);
  for (const watcher of watchers) watcher(changed);
}

/** The address of the page as it would be with some values changed. @param {Partial<Record<Name, string>>} [values] */
export function link(values = {}) {
  return addressOf(changedBy(values));
}

/** Call `watcher` with the names that changed, after each change. @param {(changed: Set<Name>) => void} watcher */
export function watch(watcher) {
  watchers.add(watcher);
}

/** @param {Partial<Record<Name, string>>} values */
function changedBy(values) {
  const next = new Map(state);
  for (const [name, value] of Object.entries(values)) {
    if (value === DEFAULTS[/** @type {Name} */ (name)]) next.delete(name);
    else next.set(name, value);
  }
  return next;
}

/** @param {Map<string, string>} values */
function addressOf(values) {
  const hash = new URLSearchParams([...values]).toString();
  return location.pathname + location.search + (hash ? `#${hash}` : '');
}

/** @param {Map<string, string>} before @param {Map<string, string>} after */
function different(before, after) {
  const names = /** @type {Set<Name>} */ (new Set([...before.keys(), ...after.keys()]));
  for (const name of names) if (before.get(name) === after.get(name)) names.delete(name);
  return names;
}

function addressChanged() {
  const next = read(location.hash);
  const changed = different(state, next);
  state = next;
  if (changed.size) for (const watcher of watchers) watcher(changed);
}

addEventListener('hashchange', addressChanged);
addEventListener('popstate', addressChanged);
