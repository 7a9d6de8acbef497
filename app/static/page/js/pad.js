// @ts-check
/** The pad: drawing by mouse, pen, finger or keyboard. */

import { Drawing, SIDE, paint, picture } from './strokes.js';

/** @typedef {import('./strokes.js').Point} Point */

const STEP = 10; // how far an arrow key moves; with Shift: three times as far
/** @type {Record<string, Point>} */
const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

export class Pad {
  drawing = new Drawing();
  #canvas;
  #context;
  #changed;
  /** The stroke that is being drawn. @type {Point[] | null} */
  #stroke = null;
  #pointer = -1;
  /** Where the keyboard's pen is; null until a key moves it. @type {Point | null} */
  #cursor = null;
  #frame = 0;

  /** @param {HTMLCanvasElement} canvas @param {(pad: Pad, settled: boolean) => void} changed */
  constructor(canvas, changed) {
    this.#canvas = canvas;
    this.#context = /** @type {CanvasRenderingContext2D} */ (canvas.getContext('2d'));
    this.#context.scale(canvas.width / SIDE, canvas.height / SIDE);
    this.#changed = changed;
    canvas.addEventListener('pointerdown', (event) => this.#down(event));
    canvas.addEventListener('pointermove', (event) => this.#move(event));
    canvas.addEventListener('pointerup', (event) => this.#up(event));
    canvas.addEventListener('pointercancel', (event) => this.#cancel(event));
    canvas.addEventListener('keydown', (event) => this.#key(event));
    canvas.addEventListener('blur', () => this.#lift());
    matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => this.redraw());
    this.redraw();
  }

  /** All strokes, the one that is being drawn too. @returns {import('./strokes.js').Stroke[]} */
  get strokes() {
    return this.#stroke ? [...this.drawing.strokes, [...this.#stroke]] : [...this.drawing.strokes];
  }

  /** The picture over the strokes: the pen takes it away as it comes down, and it is back where that stroke was not meant. */
  get cover() {
    return this.#stroke ? null : this.drawing.cover;
  }

  get isBlank() {
    return !this.strokes.length && !this.cover;
  }

  /** As the service gets it. @returns {() => Promise<Blob>} */
  snapshot() {
    const strokes = this.strokes;
    return async () => picture(strokes);
  }

  /** Change the drawing as a whole: undo, redo, clear. @param {(drawing: Drawing) => void} change */
  edit(change) {
    this.#stroke = null;
    this.#pointer = -1;
    change(this.drawing);
    this.#tell(true);
  }

  redraw() {
    this.#frame ||= requestAnimationFrame(() => {
      this.#frame = 0;
      this.#context.clearRect(0, 0, SIDE, SIDE);
      paint(this.#context, this.strokes, getComputedStyle(this.#canvas).color);
      if (this.#cursor) this.#cross(this.#cursor);
    });
  }

  /** @param {Point} place */
  #cross([x, y]) {
    const context = this.#context;
    context.strokeStyle = getComputedStyle(this.#canvas).outlineColor;
    context.lineWidth = this.#stroke ? 4 : 2;
    context.beginPath();
    for (const [dx, dy] of Object.values(ARROWS)) {
      context.moveTo(x + 4 * dx, y + 4 * dy);
      context.lineTo(x + 14 * dx, y + 14 * dy);
    }
    context.stroke();
  }

  /** @param {PointerEvent} event @returns {Point} */
  #place(event) {
    const box = this.#canvas.getBoundingClientRect();
    return [((event.clientX - box.left) / box.width) * SIDE, ((event.clientY - box.top) / box.height) * SIDE];
  }

  /** @param {PointerEvent} event */
  #down(event) {
    if (event.button || this.#pointer >= 0) return;
    this.#pointer = event.pointerId;
    this.#canvas.setPointerCapture(event.pointerId);
    this.#cursor = null;
    this.#stroke = [this.#place(event)];
    this.#tell(false);
  }

  /** @param {PointerEvent} event */
  #move(event) {
    if (event.pointerId !== this.#pointer || !this.#stroke) return;
    const passed = event.getCoalescedEvents?.() ?? [];
    this.#stroke.push(...(passed.length ? passed : [event]).map((each) => this.#place(each)));
    this.#tell(false);
  }

  /** @param {PointerEvent} event */
  #up(event) {
    if (event.pointerId === this.#pointer) this.#end();
  }

  /** A second finger scrolls or zooms: what the first has drawn meanwhile was not meant. @param {PointerEvent} event */
  #cancel(event) {
    if (event.pointerId === this.#pointer) this.edit(() => {});
  }

  #end() {
    if (this.#stroke) this.drawing.add(this.#stroke);
    this.#stroke = null;
    this.#pointer = -1;
    this.#tell(true);
  }

  /** @param {KeyboardEvent} event */
  #key(event) {
    const arrow = ARROWS[event.key];
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (arrow) this.#steer(arrow, event.shiftKey ? 3 * STEP : STEP);
    else if (event.key === ' ') event.repeat || this.#press(); // a key that is held down would lift it again
    else if (event.key === 'Escape') this.#lift();
    else if (event.key === 'Delete' || event.key === 'Backspace') this.edit((drawing) => drawing.clear());
    else return;
    event.preventDefault();
  }

  /** @param {Point} direction @param {number} distance */
  #steer([dx, dy], distance) {
    const [x, y] = this.#cursor ?? [SIDE / 2, SIDE / 2];
    const within = (/** @type {number} */ place) => Math.max(STEP, Math.min(SIDE - STEP, place));
    this.#cursor = [within(x + dx * distance), within(y + dy * distance)];
    if (this.#stroke && this.#pointer < 0) {
      this.#stroke.push(this.#cursor);
      this.#tell(false);
    } else this.redraw();
  }

  /** Put the keyboard's pen down, or lift it. */
  #press() {
    if (this.#stroke) {
      this.#lift();
      return;
    }
    this.#cursor ??= [SIDE / 2, SIDE / 2];
    this.#stroke = [this.#cursor];
    this.#tell(false);
  }

  #lift() {
    if (this.#stroke && this.#pointer < 0) this.#end();
  }

  /** @param {boolean} settled */
  #tell(settled) {
    this.redraw();
    this.#changed(this, settled);
  }
}
