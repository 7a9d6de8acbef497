// @ts-check
/**
 * Sample pictures, drawn for this page: digits come onto the pad as strokes that can be drawn on, clothing as pictures.
 * The address names the one that is shown.
 */

import { html, render } from '../vendor/lit-html-3.3.3/lit-html.js';
import { pad, showFile, showStrokes } from './draw.js';
import { complain } from './notice.js';
import * as picture from './picture.js';
import { png, square } from './png.js';
import { ask } from './service.js';
import * as state from './state.js';
import { t } from './text.js';

/** @typedef {import('./strokes.js').Point} Point */

const DIGITS = ['zero', 'one', 'two', 'three', 'four', 'five', 'seven', 'nine'];
const CLOTHES = ['t-shirt', 'trouser', 'pullover', 'dress', 'shirt', 'sneaker', 'bag', 'ankle-boot'];
const SIDE = 400; // pixels of a garment's picture
const STEP = 5; // from point to point of a stroke, of the 280 that the pad is wide

/** The one that is shown, or about to be. */
let current = '';

/** Show the samples, and the one that the address names. @param {HTMLElement} place */
export function open(place) {
  const draw = () => render([...DIGITS, ...CLOTHES].map(thumbnail), place);
  state.watch((changed) => {
    if (!changed.has('sample')) return;
    const name = state.get('sample');
    if (pad.cover?.kind === 'sample' && pad.cover.name === name) current = name; // undo brought it back
    else if (name !== current) show(name);
    draw();
  });
  show(state.get('sample'));
  draw();
}

/** @param {string} name */
function thumbnail(name) {
  const told = t(`sample.${name}`);
  return html`<button class="sample" title=${told} aria-pressed=${String(name === current)} @click=${() => show(name)}>
    <img src=${pathOf(name)} alt=${told} width="40" height="40" />
  </button>`;
}

/** @param {string} name */
const pathOf = (name) => `static/page/samples/${name}.svg`;

/** @param {string} name one of the samples; any other shows nothing new */
async function show(name) {
  current = name;
  const before = picture.now();
  const isDigit = DIGITS.includes(name);
  if (!isDigit && !CLOTHES.includes(name)) return;
  try {
    const made = isDigit ? await strokesOf(name) : await pictureOf(name);
    if (current !== name) return; // another was chosen meanwhile
    if (picture.now() !== before) current = state.get('sample'); // or something was drawn or opened
    else if (made instanceof Blob) showFile(made, name, 'sample');
    else showStrokes(made, name);
  } catch (error) {
    complain(error, () => show(name));
  }
}

/** The paths of a digit's file, each as the points that a pen would have passed. @param {string} name */
async function strokesOf(name) {
  const text = await (await ask(pathOf(name), { accept: 'image/svg+xml' })).text();
  const paths = new DOMParser().parseFromString(text, 'image/svg+xml').querySelectorAll('path');
  return [...paths].map((path) => {
    const steps = Math.ceil(path.getTotalLength() / STEP);
    return Array.from({ length: steps + 1 }, (_, at) => {
      const { x, y } = path.getPointAtLength((at / steps) * path.getTotalLength());
      return /** @type {Point} */ ([x, y]);
    });
  });
}

/** @param {string} name */
async function pictureOf(name) {
  const image = new Image();
  image.src = pathOf(name);
  await image.decode();
  const context = square(SIDE);
  context.drawImage(image, 0, 0, SIDE, SIDE);
  return png(context.canvas);
}
