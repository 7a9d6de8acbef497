// @ts-check
/** Many small maps on a canvas, as many a row as there is room for, of which one is chosen and shown large on another. */

/** @typedef {{source: OffscreenCanvas, channels: number, height: number, width: number, columns: number}} Tiles maps in `source`, so many a row, a pixel between two */

const GAP = 2; // CSS pixels between two maps
const HIGH = 420; // that a mosaic takes about, where there is room
const [LEAST, MOST] = [28, 150]; // a map's side
const [LEAST_VALUE, MOST_VALUE] = [8, 40]; // the same where a map is a single value
const BESIDE = { ArrowLeft: -1, ArrowRight: 1 };

export class Mosaic {
  #canvas;
  #large;
  #changed;
  /** @type {Tiles | null} */
  #tiles = null;
  #side = LEAST;
  #columns = 1;
  chosen = 0;

  /** @param {HTMLCanvasElement} canvas @param {HTMLCanvasElement} large @param {() => void} changed another map is chosen */
  constructor(canvas, large, changed) {
    this.#canvas = canvas;
    this.#large = large;
    this.#changed = changed;
    for (const kind of /** @type {const} */ (['pointermove', 'pointerdown'])) canvas.addEventListener(kind, (event) => this.#point(event));
    canvas.addEventListener('keydown', (event) => this.#press(event));
    new ResizeObserver(() => this.#paint()).observe(/** @type {Element} */ (canvas.parentElement));
  }

  /** @param {Tiles} tiles */
  show(tiles) {
    this.#tiles = tiles;
    this.chosen = Math.min(this.chosen, tiles.channels - 1);
    this.#canvas.setAttribute('aria-valuemin', '1');
    this.#canvas.setAttribute('aria-valuemax', String(tiles.channels));
    this.#paint();
  }

  /** What is told of the chosen map, for those who cannot see it. @param {string} told */
  tell(told) {
    this.#canvas.setAttribute('aria-valuenow', String(this.chosen + 1));
    this.#canvas.setAttribute('aria-valuetext', told);
  }

  /** @param {number} index */
  #choose(index) {
    if (!this.#tiles || index === this.chosen || index < 0 || index >= this.#tiles.channels) return;
    this.chosen = index;
    this.#paint();
    this.#changed();
  }

  /** @param {PointerEvent} event */
  #point({ offsetX, offsetY }) {
    const pitch = this.#side + GAP;
    const column = Math.floor(offsetX / pitch);
    if (column < this.#columns) this.#choose(Math.floor(offsetY / pitch) * this.#columns + column);
  }

  /** Arrows lead to the maps beside, above and below (ARIA Authoring Practices, slider). @param {KeyboardEvent} event */
  #press(event) {
    const last = (this.#tiles?.channels ?? 1) - 1;
    /** @type {Record<string, number>} */
    const places = { Home: 0, End: last, ArrowUp: this.chosen - this.#columns, ArrowDown: this.chosen + this.#columns };
    for (const [key, step] of Object.entries(BESIDE)) places[key] = this.chosen + step;
    if (!(event.key in places)) return;
    event.preventDefault();
    this.#choose(places[event.key]);
  }

  #paint() {
    const tiles = this.#tiles;
    const room = this.#canvas.clientWidth;
    if (!tiles || !room) return;
    this.#measure(tiles, room);
    const sharp = devicePixelRatio;
    const pitch = this.#side + GAP;
    const high = Math.ceil(tiles.channels / this.#columns) * pitch;
    Object.assign(this.#canvas, { width: Math.round(room * sharp), height: Math.round(high * sharp) });
    const context = /** @type {CanvasRenderingContext2D} */ (this.#canvas.getContext('2d'));
    context.scale(sharp, sharp);
    context.imageSmoothingEnabled = tiles.width > this.#side * sharp;
    for (let index = 0; index < tiles.channels; index += 1) {
      const [left, top] = [(index % this.#columns) * pitch + 1, Math.floor(index / this.#columns) * pitch + 1];
      put(context, tiles, index, left, top, this.#side, this.#side);
    }
    this.#frame(context, pitch);
    this.#enlarge(tiles);
  }

  /** How large the maps are, and how many stand in a row. @param {Tiles} tiles @param {number} room */
  #measure({ channels, width }, room) {
    const [least, most] = width === 1 ? [LEAST_VALUE, MOST_VALUE] : [LEAST, MOST];
    const wanted = Math.max(least, Math.min(most, Math.sqrt((room * HIGH) / channels)));
    this.#columns = Math.min(channels, Math.max(1, Math.floor(room / (wanted + GAP))));
    this.#side = Math.min(most, Math.floor(room / this.#columns) - GAP);
  }

  /** @param {CanvasRenderingContext2D} context @param {number} pitch */
  #frame(context, pitch) {
    context.strokeStyle = getComputedStyle(this.#canvas).color;
    context.lineWidth = 2;
    context.strokeRect((this.chosen % this.#columns) * pitch + 1, Math.floor(this.chosen / this.#columns) * pitch + 1, this.#side, this.#side);
  }

  /** @param {Tiles} tiles */
  #enlarge(tiles) {
    Object.assign(this.#large, { width: tiles.width, height: tiles.height });
    put(/** @type {CanvasRenderingContext2D} */ (this.#large.getContext('2d')), tiles, this.chosen, 0, 0, tiles.width, tiles.height);
  }
}

/** Draw one map. @param {CanvasRenderingContext2D} context @param {Tiles} tiles @param {number} index @param {number[]} box left, top, width, height */
function put(context, { source, width, height, columns }, index, ...box) {
  const [left, top, wide, high] = box;
  const [column, row] = [index % columns, Math.floor(index / columns)];
  context.drawImage(source, column * (width + 1), row * (height + 1), width, height, left, top, wide, high);
}
