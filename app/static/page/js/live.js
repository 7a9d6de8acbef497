// @ts-check
/**
 * Answers while somebody draws: asked at once, then at most every EVERY_MS, and always about the last stroke. An earlier
 * question is given up for a newer one, and what still comes of it is ignored.
 *
 * While the pen is down only the light networks are asked, and each question is let come to its answers: were it given
 * up at the next stroke, a slow service would show none until the pen is lifted.
 */

import { ServiceError } from './service.js';

/** @typedef {import('./picture.js').Picture} Picture */
/**
 * @typedef {object} Told what is done with the answers
 * @property {(picture: Picture, signal: AbortSignal) => AsyncIterable<Record<string, any>>} ask
 * @property {(picture: Picture) => void} asked
 * @property {(line: Record<string, any>, picture: Picture) => boolean} answered whether that is enough to ask anew
 * @property {(error: unknown, again: () => void) => void} failed
 */

const EVERY_MS = 80;

export class Live {
  #told;
  /** The newest picture, not asked about yet. @type {Picture | null} */
  #waiting = null;
  /** @type {{stop: AbortController, enough: boolean} | null} */
  #asking = null;
  #timer = 0;
  #last = -Infinity;

  /** @param {Told} told */
  constructor(told) {
    this.#told = told;
  }

  /** Another picture is shown; null: none. @param {Picture | null} picture */
  changed(picture) {
    this.#waiting = picture;
    if (!picture) this.#giveUp();
    else if (picture.settled) this.#ask();
    else this.#soon(this.#last + EVERY_MS - performance.now());
  }

  #giveUp() {
    clearTimeout(this.#timer);
    this.#timer = 0;
    this.#asking?.stop.abort();
    this.#asking = null;
  }

  /** @param {number} ms */
  #soon(ms) {
    this.#timer ||= setTimeout(() => {
      this.#timer = 0;
      if (!this.#asking || this.#asking.enough) this.#ask();
    }, Math.max(0, ms));
  }

  async #ask() {
    const picture = this.#waiting;
    if (!picture) return;
    this.#giveUp();
    this.#waiting = null;
    this.#last = performance.now();
    const mine = { stop: new AbortController(), enough: false };
    this.#asking = mine;
    this.#told.asked(picture);
    try {
      for await (const line of this.#told.ask(picture, mine.stop.signal)) {
        if (this.#asking !== mine) return;
        mine.enough = this.#told.answered(line, picture);
        if (mine.enough && this.#waiting) this.#soon(this.#last + EVERY_MS - performance.now());
      }
    } catch (error) {
      if (this.#asking === mine) this.#fail(error, picture);
    }
    if (this.#asking === mine) this.#asking = null;
    if (this.#waiting && !this.#asking) this.#soon(this.#last + EVERY_MS - performance.now());
  }

  /** Tell of an error; where the service said when to come again, come again. @param {unknown} error @param {Picture} picture */
  #fail(error, picture) {
    const again = () => {
      if (this.#asking) return;
      this.#waiting ??= picture;
      this.#ask();
    };
    this.#told.failed(error, again);
    if (error instanceof ServiceError && error.retryAfter !== null) {
      this.#asking = null;
      this.#soonAgain(again, error.retryAfter * 1000);
    }
  }

  /** @param {() => void} again @param {number} ms */
  #soonAgain(again, ms) {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      this.#timer = 0;
      again();
    }, ms);
  }
}
