// @ts-check
/** Scales and axes of the charts. All lengths are in the chart's own units: 16 to the page's rem. */

import { svg } from '../vendor/lit-html-3.3.3/lit-html.js';

/**
 * @typedef {object} Scale
 * @property {(value: number) => number} of a value's place
 * @property {number[]} ticks values to be marked
 */

/** Where a chart's plot lies. @typedef {{left: number, right: number, top: number, bottom: number}} Frame */

/** Steps that are read easily: 1, 2 or 5 times a power of ten, such that `count` of them about cover a span. @param {number} span @param {number} count */
function niceStep(span, count) {
  const rough = span / count;
  const power = 10 ** Math.floor(Math.log10(rough));
  return power * ([1, 2, 5].find((step) => step * power >= rough) ?? 10);
}

/**
 * A scale that begins and ends at a tick; it holds all values, and nothing beyond `most`.
 * @param {number[]} values @param {number} from @param {number} to @param {{count?: number, most?: number, least?: number}} [options] @returns {Scale}
 */
export function linear(values, from, to, { count = 5, most = Infinity, least = -Infinity } = {}) {
  const low = Math.min(...values);
  const high = Math.max(...values);
  const step = niceStep(high - low || Math.abs(high) || 1, count);
  const first = Math.max(Math.floor(low / step), Math.ceil(least / step));
  const last = Math.max(first + 1, Math.min(Math.ceil(high / step), Math.floor(most / step + 1e-9)));
  const ticks = Array.from({ length: last - first + 1 }, (_, place) => Number(((first + place) * step).toPrecision(12)));
  const [begin, end] = [ticks[0], ticks[ticks.length - 1]];
  return { of: (value) => from + ((value - begin) / (end - begin)) * (to - from), ticks };
}

/** A scale on which every tenfold is as long; some room is left at both ends. @param {number[]} values all above 0 @param {number} from @param {number} to @returns {Scale} */
export function logarithmic(values, from, to) {
  const [low, high] = [Math.min(...values), Math.max(...values)].map(Math.log10);
  const room = 0.12 * (high - low || 1);
  const [begin, end] = [low - room, high + room];
  const steps = end - begin > 2.2 ? [1] : end - begin > 1.4 ? [1, 3] : [1, 2, 5];
  const ticks = [];
  for (let power = Math.floor(begin); power <= end; power += 1) {
    for (const step of steps) ticks.push(Number((step * 10 ** power).toPrecision(3)));
  }
  return {
    of: (value) => from + ((Math.log10(value) - begin) / (end - begin)) * (to - from),
    ticks: ticks.filter((tick) => Math.log10(tick) >= begin && Math.log10(tick) <= end),
  };
}

/** Lines and figures below a plot. @param {Scale} scale @param {Frame} frame @param {(value: number) => string} told */
export function below(scale, frame, told) {
  return scale.ticks.map((tick) => {
    const x = scale.of(tick).toFixed(1);
    return svg`<line class="grid" x1=${x} x2=${x} y1=${frame.top} y2=${frame.bottom}></line>
      <text x=${x} y=${frame.bottom + 17} text-anchor="middle">${told(tick)}</text>`;
  });
}

/** The same to its left. @param {Scale} scale @param {Frame} frame @param {(value: number) => string} told */
export function beside(scale, frame, told) {
  return scale.ticks.map((tick) => {
    const y = scale.of(tick);
    return svg`<line class="grid" x1=${frame.left} x2=${frame.right} y1=${y.toFixed(1)} y2=${y.toFixed(1)}></line>
      <text x=${frame.left - 8} y=${(y + 4).toFixed(1)} text-anchor="end">${told(tick)}</text>`;
  });
}

/** What an axis below shows. @param {Frame} frame @param {string} title */
export function titleBelow(frame, title) {
  return svg`<text class="title" x=${(frame.left + frame.right) / 2} y=${frame.bottom + 36} text-anchor="middle">${title}</text>`;
}

/**
 * The interval in which the true share lies, 19 times in 20, when `share` of `n` were right (Wilson, 1927).
 * @param {number} share @param {number} n @returns {[number, number]}
 */
export function interval(share, n) {
  const z2 = 1.96 ** 2;
  const middle = (share + z2 / (2 * n)) / (1 + z2 / n);
  const half = (1.96 / (1 + z2 / n)) * Math.sqrt((share * (1 - share)) / n + z2 / (4 * n * n));
  return [middle - half, middle + half];
}
