// @ts-check
/** The searches of "make it a 9": each network's fewest dabs of ink, asked for one network after the other. */

import { SIDE, fromPng } from './grey.js';
import { ServiceError, explain, lines, query } from './service.js';

/** @typedef {import('./service.js').Network} Network */
/** @typedef {import('./grey.js').Pixels} Pixels */
/** @typedef {{x: number, y: number, ink: 'add' | 'erase'}} Dab */
/** @typedef {{label: string, index: number, confidence: number}} Said */
/**
 * @typedef {object} Flip how far one network's search has come
 * @property {'waits' | 'works' | 'done' | 'failed'} state
 * @property {Pixels | null} before
 * @property {Pixels | null} after with the dabs
 * @property {Dab[]} dabs
 * @property {Said | null} first what it says of the picture without a dab
 * @property {Said | null} said what it says now
 * @property {number} towards how probable the wanted class is to it now
 * @property {boolean} flipped
 * @property {boolean} late whether the search ended because its time was over
 * @property {{told: string, detail: string} | null} problem
 */
/**
 * @typedef {object} Task
 * @property {Blob} body
 * @property {string} dataset
 * @property {number} to the wanted class
 */

/** These are about one network; whatever else fails will fail with the next one, too. */
const ITS_OWN = ['model_unavailable', 'deadline_exceeded', 'not_available'];

/** Why a search ends that found nothing, time or no time (app/serving/flipping.py). */
const EXHAUSTED = 'no dab helps any more';

/** @returns {Flip} */
const unasked = () => ({ state: 'waits', before: null, after: null, dabs: [], first: null, said: null, towards: 0, flipped: false, late: false, problem: null });

export class Flips {
  /** By network. @type {Map<string, Flip>} */
  each = new Map();
  /** Who is at work. */
  now = '';
  #told;
  #stop = new AbortController();
  /** @type {number[][]} */
  #brush = [];

  /** @param {{changed: () => void, busy: (error: ServiceError | null) => void, failed: (error: unknown, again: () => void) => void}} told `busy`: asked again when the service said; null: it goes on */
  constructor(told) {
    this.#told = told;
  }

  get running() {
    return this.now !== '';
  }

  /** Ask them all, those with the least to compute first. @param {Network[]} networks @param {Task} task */
  async start(networks, task) {
    this.stop();
    const asked = [...networks].sort((a, b) => a.macs - b.macs);
    this.each = new Map(asked.map(({ name }) => [name, unasked()]));
    await this.#goOn(task);
  }

  /** What is at work is given up; what is done stays. */
  stop() {
    this.#stop.abort();
    if (this.now) this.each.set(this.now, unasked());
    this.now = '';
    this.#told.changed();
  }

  /** Forget everything. */
  clear() {
    this.each = new Map();
    this.stop();
  }

  /** Ask those that have not answered. @param {Task} task */
  async #goOn(task) {
    const { signal } = (this.#stop = new AbortController());
    try {
      for (const [name, { state }] of this.each) if (state === 'waits') await this.#ask(name, task, signal);
      this.now = '';
      this.#told.changed();
    } catch (error) {
      if (signal.aborted) return;
      this.stop();
      this.#told.failed(error, () => this.#goOn(task));
    }
  }

  /** @param {string} name @param {Task} task @param {AbortSignal} signal */
  async #ask(name, task, signal) {
    this.now = name;
    for (;;) {
      const flip = { ...unasked(), state: /** @type {Flip['state']} */ ('works') };
      this.each.set(name, flip);
      this.#told.changed();
      try {
        await this.#follow(flip, name, task, signal);
        return;
      } catch (error) {
        if (signal.aborted || !(error instanceof ServiceError)) throw error;
        if (error.retryAfter === null) return this.#fail(flip, error);
        this.#told.busy(error);
        await pause(error.retryAfter * 1000, signal);
      }
    }
  }

  /** @param {Flip} flip @param {string} model @param {Task} task @param {AbortSignal} signal */
  async #follow(flip, model, { body, dataset, to }, signal) {
    for await (const line of lines(`flip${query({ model, to, dataset })}`, { body, signal })) {
      signal.throwIfAborted();
      this.#told.busy(null);
      if (line.error) throw new ServiceError(line.error.code, line.error.message);
      await this.#take(flip, line);
      signal.throwIfAborted();
      this.#told.changed();
    }
    if (flip.state !== 'done') throw new ServiceError('unreachable', `${model}: the answer broke off`);
  }

  /** @param {Flip} flip @param {Record<string, any>} line */
  async #take(flip, line) {
    const { dabs, label, index, confidence } = line;
    flip.said = { label, index, confidence };
    if (line.brush) {
      this.#brush = line.brush;
      flip.first = flip.said;
      flip.before = flip.after = await fromPng(line.picture);
      flip.towards = line.to.probability;
      return;
    }
    flip.dabs = dabs;
    flip.towards = line.probability_to;
    if (flip.before) flip.after = dabbed(flip.before, dabs, this.#brush);
    if (line.flipped === undefined) return;
    flip.flipped = line.flipped;
    flip.late = !line.flipped && line.reason !== EXHAUSTED;
    flip.state = 'done';
  }

  /** @param {Flip} flip @param {ServiceError} error */
  #fail(flip, error) {
    if (!ITS_OWN.includes(error.code)) throw error;
    Object.assign(flip, { state: 'failed', problem: explain(error) });
    this.#told.changed();
  }
}

/**
 * A picture with dabs, one after the other: added ink is the maximum of picture and brush; erased, the minimum of the
 * picture and 255 less the brush (models/flip/brush.py).
 * @param {Pixels} picture @param {Dab[]} dabs @param {number[][]} brush
 */
export function dabbed(picture, dabs, brush) {
  const pixels = Uint8Array.from(picture);
  const reach = (brush.length - 1) / 2;
  for (const dab of dabs)
    brush.forEach((row, dy) =>
      row.forEach((ink, dx) => {
        const [x, y] = [dab.x + dx - reach, dab.y + dy - reach];
        if (x < 0 || y < 0 || x >= SIDE || y >= SIDE) return;
        const at = y * SIDE + x;
        pixels[at] = dab.ink === 'add' ? Math.max(pixels[at], ink) : Math.min(pixels[at], 255 - ink);
      }),
    );
  return pixels;
}

/** @param {number} ms @param {AbortSignal} signal @returns {Promise<void>} */
function pause(ms, signal) {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(resolve, ms);
    signal.addEventListener('abort', () => (clearTimeout(timer), reject(signal.reason)), { once: true });
  });
}
