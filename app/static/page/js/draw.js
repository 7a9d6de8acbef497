// @ts-check
/** The first part: a picture from the pad, a file, the clipboard or the samples, and what the seven make of it. */

import { fresh, refuse, tell } from './answers.js';
import { showCards, showKind, showNone } from './cards.js';
import { Live } from './live.js';
import { complain, content, lasts } from './notice.js';
import { Pad } from './pad.js';
import * as picture from './picture.js';
import { ServiceError, lines, networks, query, whenTold } from './service.js';
import * as state from './state.js';
import { decode, encode } from './strokes.js';

/** @typedef {import('./service.js').Network} Network */
/** @typedef {import('./answers.js').Answer} Answer */

const EMPTY = 'data:image/svg+xml,<svg xmlns="http://www.w3.org/2000/svg"/>';
const LOADING_MS = 2000; // after which a network that was still loading is asked again
const LIGHT_MACS = 500e6; // networks above it are asked once the pen is lifted
const TYPED = 'input:not([type=file], [type=checkbox]), textarea'; // here Ctrl+Z takes back what was typed

const element = (/** @type {string} */ name) => /** @type {HTMLElement} */ (document.getElementById(name));
const button = (/** @type {string} */ name) => /** @type {HTMLButtonElement} */ (element(name));
const shown = /** @type {HTMLImageElement} */ (element('shown'));
const dataset = /** @type {HTMLSelectElement} */ (element('dataset'));

/** @type {Network[]} */
let known = [];
/** @type {Map<string, Answer>} */
let answers = new Map();
/** @type {import('./service.js').Agreement | null} */
let together = null; // what the service says of all answers of the last question
let asked = '';
let taken = '';
let sample = ''; // the one that is being put onto the pad

export const pad = new Pad(/** @type {HTMLCanvasElement} */ (element('pad')), onPad);
const live = new Live({ ask, asked: onAsked, answered: onLine, failed });

/** Show a file's picture. @param {Blob} file @param {string} name */
export function showFile(file, name, kind = /** @type {'file' | 'sample'} */ ('file')) {
  if (!file.size) return complain(new ServiceError('empty', ''));
  pad.edit((drawing) => drawing.lay({ file, name, kind }));
}

/** Show strokes that can be drawn on. @param {import('./strokes.js').Stroke[]} strokes @param {string} name of the sample that they are */
export function showStrokes(strokes, name) {
  sample = name;
  pad.edit((drawing) => drawing.replace(strokes));
  sample = '';
}

/** @param {Pad} it @param {boolean} settled */
function onPad(it, settled) {
  shown.hidden = !it.cover;
  buttons();
  if (it.cover) return showCover(it.cover);
  if (settled) state.set({ drawing: sample ? '' : encode(it.drawing.strokes) ?? '', sample });
  picture.show(it.isBlank ? null : { kind: 'drawing', name: '', settled, blob: it.snapshot() });
}

/** A picture was opened, or is back. @param {import('./strokes.js').Cover} cover */
function showCover({ file, name, kind }) {
  URL.revokeObjectURL(shown.src);
  shown.src = URL.createObjectURL(file);
  state.set({ drawing: '', sample: kind === 'sample' ? name : '' });
  picture.show({ kind, name, settled: true, blob: async () => file });
}

function buttons() {
  button('undo').disabled = !pad.drawing.canUndo;
  button('redo').disabled = !pad.drawing.canRedo;
  button('clear').disabled = pad.isBlank;
  element('invitation').hidden = !pad.isBlank;
}

/** @param {picture.Picture} it @param {AbortSignal} signal */
async function* ask(it, signal) {
  if (!known.length) known = await networks(); // they could not be had at the start: without a key, say
  asked = dataset.value;
  const light = known.filter((network) => network.macs < LIGHT_MACS).map((network) => network.name);
  const models = it.settled || !light.length ? '' : light.join(',');
  const body = await it.blob();
  signal.throwIfAborted();
  yield* lines(`compare${query({ dataset: asked, models })}`, { body, signal });
}

function onAsked() {
  together = null;
  for (const [name, answer] of answers) answers.set(name, { ...answer, old: true });
}

/** @param {Record<string, any>} line @param {picture.Picture} it */
function onLine(line, it) {
  content();
  if (line.models) {
    taken = line.dataset;
    showKind(/** @type {any} */ (line), asked !== 'auto');
  } else if (line.error) answers.set(line.model, { error: line.error, old: false });
  else if (line.model) answers.set(line.model, { prediction: /** @type {any} */ (line), old: false });
  const last = !line.model && !line.models;
  if (last) together = line.agreement;
  showCards(known, answers, together, last && it.settled);
  if (last && it.settled && it === picture.now()) {
    tell({ picture: it, dataset: taken, of: fresh(answers), tail: /** @type {any} */ (line) });
    const loading = [...answers.values()].some((answer) => answer.error?.code === 'not_ready');
    if (loading) setTimeout(() => it === picture.now() && live.changed(it), LOADING_MS);
  }
  return known.every((network) => network.macs >= LIGHT_MACS || answers.get(network.name)?.old === false);
}

/** That there is nothing to see yet is no news while the pen is down. @param {unknown} error @param {() => void} again */
function failed(error, again) {
  const begun = picture.now()?.settled === false && error instanceof ServiceError && error.code === 'nothing_found';
  if (begun) return;
  if (lasts(error)) {
    answers = new Map();
    refuse();
  }
  if (fresh(answers).size) showCards(known, answers, together, true); // the answer broke off
  else showNone(known, answers, ''); // or what was said of the picture before would stand beside this one
  complain(error, again);
}

/** @param {picture.Picture | null} it */
function onPicture(it) {
  tell(null);
  if (!it) {
    answers = new Map();
    content();
    showNone(known);
  }
  live.changed(it);
}

/** The picture again: with another dataset, say. */
function again() {
  picture.show(picture.now());
}

function listen() {
  shown.onerror = () => {
    URL.revokeObjectURL(shown.src);
    shown.src = EMPTY; // rather nothing than the sign of a broken picture
  };
  button('undo').onclick = () => pad.edit((drawing) => drawing.undo());
  button('redo').onclick = () => pad.edit((drawing) => drawing.redo());
  button('clear').onclick = () => pad.edit((drawing) => drawing.clear());
  dataset.onchange = () => state.set({ dataset: dataset.value });
  for (const name of ['file', 'camera']) {
    const input = /** @type {HTMLInputElement} */ (element(name));
    input.onchange = () => {
      if (input.files?.[0]) showFile(input.files[0], input.files[0].name);
      input.value = '';
    };
  }
  addEventListener('keydown', onKey);
  addEventListener('paste', (event) => take(event.clipboardData, event));
  addEventListener('dragover', (event) => {
    event.preventDefault();
    element('paper').classList.add('over');
  });
  addEventListener('dragleave', () => element('paper').classList.remove('over'));
  addEventListener('drop', (event) => {
    element('paper').classList.remove('over');
    take(event.dataTransfer, event);
  });
}

/** @param {DataTransfer | null} data @param {Event} event */
function take(data, event) {
  const file = data?.files[0];
  if (event.type === 'drop') event.preventDefault(); // or the browser leaves the page for the file
  if (!file) return;
  event.preventDefault();
  state.set({ tab: 'draw' });
  showFile(file, file.name);
}

/** @param {KeyboardEvent} event */
function onKey(event) {
  const isTyped = event.target instanceof Element && event.target.matches(TYPED);
  if (!(event.ctrlKey || event.metaKey) || event.key.toLowerCase() !== 'z' || isTyped || state.get('tab') !== 'draw') return;
  event.preventDefault();
  button(event.shiftKey ? 'redo' : 'undo').click();
}

/** Address and pad say the same again, as after a step back: what is drawn stays. */
function agree() {
  const drawn = (!pad.cover && encode(pad.drawing.strokes)) || ''; // a picture over the strokes is in no address
  if (state.get('drawing') === drawn) return;
  if (state.get('drawing')) restore();
  else if (!state.get('sample')) state.set({ drawing: drawn });
}

/** What the address says that is drawn. */
function restore() {
  const strokes = decode(state.get('drawing'));
  if (strokes.length) pad.edit((drawing) => drawing.replace(strokes));
}

/** @param {Set<state.Name>} changed */
function onState(changed) {
  showCards(known, answers, together, false); // their links hold the whole state
  if (changed.has('dataset')) {
    dataset.value = state.get('dataset');
    again();
  }
  if (changed.has('theme')) pad.redraw();
  if (changed.has('drawing')) agree();
}

export function start() {
  dataset.value = state.get('dataset');
  listen();
  buttons();
  picture.watch(onPicture);
  state.watch(onState);
  load();
  restore();
}

async function load() {
  try {
    known = await networks();
  } catch (error) {
    complain(error, load);
    whenTold(error, () => (content(), load()));
    return;
  }
  if (picture.now()) showCards(known, answers, together, false);
  else showNone(known);
}
