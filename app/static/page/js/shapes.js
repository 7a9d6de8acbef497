// @ts-check
/** How what flows through a network changes its shape: a box for every shape, as high as the maps, as thick as they are many. */

import { html, svg } from '../vendor/lit-html-3.3.3/lit-html.js';
import { shapeOf } from './stages.js';
import { t } from './text.js';

/** @typedef {import('./inside.js').Table} Table */
/** @typedef {import('./inside.js').Part} Part */
/** @typedef {{name: string, shape: number[]}} Box */

const STEP = 62; // from box to box, at least
const HIGH = 108; // of the picture; of maps as the roots of their sides are
const DEEP = 0.3; // how far the side that goes back leads to the right, of that
const TOP = 36;

/**
 * The shapes that follow each other, each once. Of a block with paths only what they are joined to.
 * @param {Table} it @returns {Box[]}
 */
export function boxesOf({ stages, input_size: side }) {
  const layers = stages.flatMap((stage) => stage.layers.filter((layer) => !stage.layers.some(({ name }) => layer.name.startsWith(`${name}.`))));
  const all = [{ name: '', shape: [1, side, side] }, ...layers];
  return all.filter((box, place) => !place || shapeOf(box.shape) !== shapeOf(all[place - 1].shape));
}

/** @param {Table} it @param {Part} part the one whose maps are shown @param {(name: string) => void} choose */
export function shapes(it, part, choose) {
  const boxes = boxesOf(it);
  const told = `${t('inside.shapes')} ${boxes.map(({ shape }) => shapeOf(shape)).join(', ')}`;
  let x = 4;
  const drawn = boxes.map((box) => {
    const high = HIGH * Math.sqrt((box.shape[1] ?? 1) / it.input_size);
    const { width, drawing } = boxAt(x, high, box, box.name === part.name, choose);
    x += width;
    return drawing;
  });
  return html`<div class="scroll shapes" tabindex="0" role="img" aria-label=${told}>
    <svg width=${x} height="180" viewBox="0 0 ${x} 180">${drawn}</svg>
  </div>`;
}

/** @param {number} x @param {number} high @param {Box} box @param {boolean} chosen @param {(name: string) => void} choose */
function boxAt(x, high, { name, shape }, chosen, choose) {
  const channels = shape[0];
  const thick = 2 + 3 * Math.log2(channels);
  const back = high * DEEP;
  const width = Math.max(STEP, thick + back + 14);
  const left = x + (width - thick - back) / 2;
  const y = TOP + HIGH - high; // all stand on one line
  const click = () => name && choose(name);
  return {
    width,
    drawing: svg`<g class="box ${chosen ? 'chosen' : ''} ${name ? '' : 'input'}" @click=${click}>
      <title>${name || t('inside.input')}: ${shapeOf(shape)}</title>
      <rect class="hit" x=${x} y="0" width=${width} height="180"></rect>
      <path class="top" d="M${left} ${y}l${back} ${-back}h${thick}l${-back} ${back}z"></path>
      <path class="side" d="M${left + thick} ${y}l${back} ${-back}v${high}l${-back} ${back}z"></path>
      <path class="front" d="M${left} ${y}h${thick}v${high}h${-thick}z"></path>
      <text x=${x + width / 2} y="162">${channels}</text>
      <text class="muted" x=${x + width / 2} y="176">${shape.length > 1 ? shapeOf(shape.slice(1)) : ''}</text>
    </g>`,
  };
}
