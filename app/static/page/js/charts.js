// @ts-check
/** The line-up's three kinds of charts, as SVG with real text. `width` is in the chart's own units: 16 to the rem. */

import { html, nothing, svg } from '../vendor/lit-html-3.3.3/lit-html.js';
import { below, beside, linear, logarithmic, titleBelow } from './axes.js';
import { percent, t } from './text.js';

/** @typedef {{kind: 'test' | 'sent' | 'real' | 'other', share: number, low?: number, high?: number, told: string}} Mark */
/** `told`: at the row's end; `none`: in place of marks. @typedef {{title: string, year: number | string, marks: Mark[], told?: string, none?: string}} Row */
/** @typedef {{title: string, x: number, y: number}} Point */

const ROW = 30;
const LETTER = 6.6; // width of a letter of the charts' text, about

/** The drawing itself. @param {number} width @param {number} height @param {string} name what is read out @param {unknown} content */
export function drawing(width, height, name, content) {
  return html`<svg viewBox="0 0 ${width} ${height}" role="img" aria-label=${name}>${content}</svg>`;
}

/** How many words of such a width fit below a plot. @param {import('./axes.js').Frame} frame @param {number} each */
const fitting = ({ left, right }, each) => Math.max(2, Math.min(6, Math.floor((right - left) / each)));

/** A percentage as short as its axis allows. @param {number} share */
export const round = (share) => percent(share).replace(/[.,]0(?=\D*$)/, '');

/**
 * A row a network, oldest first; its marks lie where its shares are.
 * @param {Row[]} rows @param {number} width @param {string} name @param {string} title of the axis
 */
export function dots(rows, width, name, title) {
  const frame = { left: 128, right: width - (rows.some(({ told }) => told) ? 56 : 20), top: 8, bottom: 8 + ROW * rows.length };
  const all = rows.flatMap(({ marks }) => marks.flatMap(({ share, low = share, high = share }) => [low, high]));
  const scale = linear(all.length ? all : [0, 1], frame.left, frame.right, { count: fitting(frame, 48), most: 1 });
  return drawing(width, frame.bottom + 44, name, [
    below(scale, frame, round),
    titleBelow(frame, title),
    rows.map((row, place) => rowOf(row, frame.top + ROW * (place + 0.5), scale, frame)),
  ]);
}

/** @param {Row} row @param {number} y @param {import('./axes.js').Scale} scale @param {import('./axes.js').Frame} frame */
function rowOf({ title, year, marks, told, none }, y, scale, frame) {
  return svg`<g>
    <text class="quiet" x="0" y=${y + 4}>${year}</text>
    <text class="strong" x="38" y=${y + 4}>${title}</text>
    ${marks.map((one) => mark(one, scale.of, y))}
    ${told ? svg`<text class="strong" x=${frame.right + 56} y=${y + 4} text-anchor="end">${told}</text>` : nothing}
    ${marks.length ? nothing : svg`<text class="quiet" x=${frame.left + 4} y=${y + 4}>${none ?? ''}</text>`}
  </g>`;
}

/** @param {Mark} mark @param {(share: number) => number} place @param {number} y */
function mark({ kind, share, low, high, told }, place, y) {
  const x = place(share);
  const line = low === undefined || high === undefined ? nothing : svg`<line class="range" x1=${place(low).toFixed(1)} x2=${place(high).toFixed(1)} y1=${y} y2=${y}></line>`;
  return svg`<g class="mark ${kind}">${line}${shape(kind, x, y)}<title>${told}</title></g>`;
}

/** Each kind has a shape of its own. @param {Mark['kind']} kind @param {number} x @param {number} y */
export function shape(kind, x, y) {
  if (kind === 'real' || kind === 'other') return svg`<path d="M${x.toFixed(1)} ${y - 6}l6 6-6 6-6-6z"></path>`;
  return svg`<circle cx=${x.toFixed(1)} cy=${y} r="5"></circle>`;
}

/**
 * Accuracy against what it costs, which is told tenfold by tenfold. A line joins those that nothing is both cheaper and
 * more accurate than.
 * @param {Point[]} points @param {number} width @param {string} name @param {string} title @param {(value: number) => string} told
 */
export function pareto(points, width, name, title, told) {
  const frame = { left: 48, right: width - 12, top: 14, bottom: 270 };
  const x = logarithmic(points.map((point) => point.x), frame.left, frame.right);
  const y = linear(points.map((point) => point.y), frame.bottom, frame.top, { count: 4, most: 1 });
  const best = front(points);
  const placed = points.map((point) => ({ ...point, left: x.of(point.x), top: y.of(point.y), best: best.includes(point) }));
  const path = best.map((point) => `${x.of(point.x).toFixed(1)} ${y.of(point.y).toFixed(1)}`).join('L');
  return drawing(width, frame.bottom + 44, name, [
    below(x, frame, told),
    beside(y, frame, round),
    titleBelow(frame, title),
    svg`<path class="front" d="M${path}"></path>`,
    labels(placed, frame),
    placed.map((point) => svg`<circle class="point ${point.best ? 'best' : ''}" cx=${point.left.toFixed(1)} cy=${point.top.toFixed(1)} r="5"></circle>`),
  ]);
}

/** Those that no other beats at both. @param {Point[]} points @returns {Point[]} */
export function front(points) {
  const ordered = [...points].sort((a, b) => a.x - b.x || b.y - a.y);
  let most = -Infinity;
  return ordered.filter(({ y }) => y > most && ((most = y), true));
}

// Where a name may stand, seen from its point: right, left, and how much of it lies to the left of there.
const PLACES = [[9, 4, 0], [-9, 4, 1], [0, -10, 0.5], [0, 19, 0.5], [7, -8, 0], [7, 17, 0], [-7, -8, 1], [-7, 17, 1]];
const ANCHORS = ['start', 'middle', 'end'];

/** @typedef {{x0: number, x1: number, y0: number, y1: number}} Box */

/** The points' names, each where it covers nothing. @param {(Point & {left: number, top: number, best: boolean})[]} points @param {import('./axes.js').Frame} frame */
function labels(points, frame) {
  /** @type {Box[]} */
  const taken = points.map(({ left, top }) => ({ x0: left - 6, x1: left + 6, y0: top - 6, y1: top + 6 }));
  return points.map(({ title, left, top, best }) => {
    const long = title.length * LETTER;
    const boxes = PLACES.map(([dx, dy, share]) => {
      const x0 = left + dx - share * long;
      return { x0, x1: x0 + long, y0: top + dy - 11, y1: top + dy + 3, share };
    });
    const inside = (/** @type {Box} */ box) => box.x0 >= frame.left && box.x1 <= frame.right + 12 && box.y0 >= 0;
    const box = boxes.find((one) => inside(one) && !taken.some((other) => covers(one, other))) ?? boxes.find(inside) ?? boxes[0];
    taken.push(box);
    const x = box.x0 + box.share * long;
    return svg`<text class=${best ? 'strong' : ''} x=${x.toFixed(1)} y=${(box.y1 - 3).toFixed(1)} text-anchor=${ANCHORS[2 * box.share]}>${title}</text>`;
  });
}

/** @param {Box} a @param {Box} b */
const covers = (a, b) => a.x0 < b.x1 && b.x0 < a.x1 && a.y0 < b.y1 && b.y0 < a.y1;

/**
 * One figure of a training, epoch by epoch, against the pictures seen; a line stands where a new phase begins.
 * @param {number[]} pictures @param {(number | null)[]} values @param {number[]} starts places at which a phase begins
 * @param {number} width @param {string} name @param {(value: number) => string} told @param {(value: number) => string} many
 */
export function curve(pictures, values, starts, width, name, told, many) {
  const frame = { left: 48, right: width - 16, top: 14, bottom: 220 };
  const known = values.flatMap((value, place) => (value === null ? [] : [{ value, seen: pictures[place] }]));
  const x = linear([0, ...pictures], frame.left, frame.right, { count: fitting(frame, 72) });
  const y = linear(known.map((one) => one.value), frame.bottom, frame.top, { count: 4 });
  const path = known.map(({ value, seen }) => `${x.of(seen).toFixed(1)} ${y.of(value).toFixed(1)}`).join('L');
  return drawing(width, frame.bottom + 44, name, [
    below(x, frame, many),
    beside(y, frame, told),
    titleBelow(frame, t('lineup.curve.axis')),
    starts.map((place) => svg`<line class="phase" x1=${x.of(pictures[place - 1]).toFixed(1)} x2=${x.of(pictures[place - 1]).toFixed(1)} y1=${frame.top} y2=${frame.bottom}></line>`),
    svg`<path class="curve" d="M${path}"></path>`,
    known.length < 40 ? known.map(({ value, seen }) => svg`<circle class="point best" cx=${x.of(seen).toFixed(1)} cy=${y.of(value).toFixed(1)} r="3"></circle>`) : nothing,
  ]);
}
