// @ts-check
/** A drawing: its strokes, what was undone, and its form in an address. */

import { png, square } from './png.js';

/** @typedef {[number, number]} Point x and y, 0 to SIDE */
/** @typedef {readonly Point[]} Stroke */
/** @typedef {{file: Blob, name: string, kind: 'file' | 'sample'}} Cover a picture that lies over the strokes */
/** @typedef {{strokes: readonly Stroke[], cover: Cover | null}} Step what is to be seen, which undo and redo bring back */

export const SIDE = 280;
/** As wide as MNIST's strokes: 2 to 3 of the 20 pixels that a digit is high, where it fills two thirds of the pad. */
export const WIDTH = 20;
const LONGEST = 1350; // bytes of a drawing that an address may hold: 1,800 characters
const GRID = 255; // an address holds places of one byte
const NEAR = 0.6; // how far, in that grid, a left-out point may lie from the line between its neighbours

export class Drawing {
  /** @type {Step} */
  #now = { strokes: [], cover: null };
  /** @type {Step[]} */
  #past = [];
  /** @type {Step[]} */
  #future = [];

  get strokes() {
    return this.#now.strokes;
  }

  get cover() {
    return this.#now.cover;
  }

  get canUndo() {
    return this.#past.length > 0;
  }

  get canRedo() {
    return this.#future.length > 0;
  }

  /** @param {Stroke} stroke */
  add(stroke) {
    this.#become([...this.strokes, stroke]);
  }

  /** Lay a picture over the strokes: the next one takes it away. @param {Cover} cover */
  lay(cover) {
    this.#become(this.strokes, cover);
  }

  /** Take everything away; undo brings it back. */
  clear() {
    if (this.strokes.length || this.cover) this.#become([]);
  }

  undo() {
    this.#step(this.#past, this.#future);
  }

  redo() {
    this.#step(this.#future, this.#past);
  }

  /** Show other strokes; undo brings back those of before. @param {readonly Stroke[]} strokes */
  replace(strokes) {
    this.#become(strokes);
  }

  /** @param {readonly Stroke[]} strokes @param {Cover | null} cover */
  #become(strokes, cover = null) {
    this.#past.push(this.#now);
    this.#future = [];
    this.#now = { strokes, cover };
  }

  /** @param {Step[]} from @param {Step[]} to */
  #step(from, to) {
    const step = from.pop();
    if (!step) return;
    to.push(this.#now);
    this.#now = step;
  }
}

/** The strokes as text for an address; '' where there are none, null where they are too many. @param {readonly Stroke[]} strokes */
export function encode(strokes) {
  const each = strokes.map((stroke) => thinned(stroke.map(([x, y]) => [grid(x), grid(y)])));
  const bytes = each.flatMap((places) => [places.length, ...places.flat()]);
  if (bytes.length > LONGEST || each.some((places) => places.length > GRID)) return null;
  return btoa(String.fromCharCode(...bytes)).replaceAll('+', '-').replaceAll('/', '_').replace(/=+$/, '');
}

/** The strokes that a text of an address holds; none where it is no such text. @param {string} text @returns {Stroke[]} */
export function decode(text) {
  let bytes;
  try {
    bytes = [...atob(text.replaceAll('-', '+').replaceAll('_', '/'))].map((character) => character.charCodeAt(0));
  } catch {
    return [];
  }
  /** @type {Stroke[]} */
  const strokes = [];
  for (let at = 0; at < bytes.length; ) {
    const end = at + 1 + 2 * bytes[at];
    if (!bytes[at] || end > bytes.length) return [];
    /** @type {Point[]} */
    const stroke = [];
    for (at += 1; at < end; at += 2) stroke.push([(bytes[at] / GRID) * SIDE, (bytes[at + 1] / GRID) * SIDE]);
    strokes.push(stroke);
  }
  return strokes;
}

/** @param {number} place */
const grid = (place) => Math.max(0, Math.min(GRID, Math.round((place / SIDE) * GRID)));

/** Without the points that lie on the line between their neighbours (Ramer, 1972; Douglas and Peucker, 1973). @param {number[][]} points @returns {number[][]} */
function thinned(points) {
  if (points.length < 3) return points;
  const [first, last] = [points[0], points[points.length - 1]];
  let [far, place] = [0, 0];
  for (let at = 1; at < points.length - 1; at += 1) {
    const distance = fromLine(points[at], first, last);
    if (distance > far) [far, place] = [distance, at];
  }
  if (far <= NEAR) return [first, last];
  return [...thinned(points.slice(0, place + 1)).slice(0, -1), ...thinned(points.slice(place))];
}

/** @param {number[]} point @param {number[]} a @param {number[]} b */
function fromLine([x, y], [ax, ay], [bx, by]) {
  const length = Math.hypot(bx - ax, by - ay);
  if (!length) return Math.hypot(x - ax, y - ay);
  const along = Math.max(0, Math.min(1, ((x - ax) * (bx - ax) + (y - ay) * (by - ay)) / length ** 2));
  return Math.hypot(x - ax - along * (bx - ax), y - ay - along * (by - ay));
}

/**
 * Draw strokes SIDE units wide and high.
 * @param {CanvasRenderingContext2D} context @param {Iterable<Stroke>} strokes @param {string} colour
 */
export function paint(context, strokes, colour) {
  Object.assign(context, { strokeStyle: colour, lineWidth: WIDTH, lineCap: 'round', lineJoin: 'round' });
  for (const [[x, y], ...others] of strokes) {
    context.beginPath();
    context.moveTo(x, y);
    if (!others.length) context.lineTo(x + 0.01, y); // a dot
    for (const [nextX, nextY] of others) context.lineTo(nextX, nextY);
    context.stroke();
  }
}

/** The strokes as people send them: black on white, PNG of SIDE x SIDE. @param {readonly Stroke[]} strokes */
export function picture(strokes) {
  const context = square(SIDE);
  context.fillStyle = 'white';
  context.fillRect(0, 0, SIDE, SIDE);
  paint(context, strokes, 'black');
  return png(context.canvas);
}
