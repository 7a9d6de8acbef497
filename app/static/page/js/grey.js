// @ts-check
/** Pictures of 28x28 grey values, 0 to 255, row by row: what networks see. */

import { fromBase64, png, square } from './png.js';

export const SIDE = 28;

/** @typedef {ArrayLike<number>} Pixels 784 of them */

/** A canvas for one; its size on the page is the sheet's. Without a name it is for those alone who see it. @param {string} [name] */
export function canvas(name) {
  const it = Object.assign(document.createElement('canvas'), { width: SIDE, height: SIDE, className: 'grey' });
  if (name) call(it, name);
  else it.setAttribute('aria-hidden', 'true');
  return it;
}

/** Say what a canvas shows. @param {HTMLCanvasElement} canvas @param {string} name */
export function call(canvas, name) {
  canvas.setAttribute('role', 'img');
  canvas.setAttribute('aria-label', name);
}

/** @param {HTMLCanvasElement} canvas @param {Pixels | null} pixels null: none yet */
export function paint(canvas, pixels) {
  const context = /** @type {CanvasRenderingContext2D} */ (canvas.getContext('2d'));
  const data = new Uint32Array(Array.from({ length: SIDE * SIDE }, (_, at) => 0xff000000 + (pixels?.[at] ?? 0) * 0x010101));
  context.putImageData(new ImageData(new Uint8ClampedArray(data.buffer), SIDE), 0, 0);
}

/** Those of a PNG in base64. @param {string} base64 @returns {Promise<Pixels>} */
export async function fromPng(base64) {
  const context = scaled(await createImageBitmap(fromBase64(base64)));
  return greys(context.getImageData(0, 0, SIDE, SIDE));
}

/**
 * A picture as pages send it that take the networks' input size for all they want: scaled to 28x28, made grey, and nothing
 * else. What the picture does not fill is black, as where Pillow's ImageOps.pad is used.
 * @param {Blob} blob @returns {Promise<{pixels: Pixels, png: Blob}>} DOMException where the browser cannot open it
 */
export async function naive(blob) {
  const context = scaled(await createImageBitmap(blob));
  const data = context.getImageData(0, 0, SIDE, SIDE);
  const pixels = greys(data);
  data.data.set(pixels.flatMap((value) => [value, value, value, 255]));
  context.putImageData(data, 0, 0);
  return { pixels, png: png(context.canvas) };
}

/** @param {ImageBitmap} bitmap */
function scaled(bitmap) {
  const context = square(SIDE, false);
  const scale = SIDE / Math.max(bitmap.width, bitmap.height);
  const [width, height] = [Math.max(1, bitmap.width * scale), Math.max(1, bitmap.height * scale)];
  context.imageSmoothingQuality = 'high';
  context.drawImage(bitmap, (SIDE - width) / 2, (SIDE - height) / 2, width, height);
  bitmap.close();
  return context;
}

/** Luma, as Pillow's convert("L") takes it (ITU-R BT.601). @param {ImageData} image */
function greys({ data }) {
  return Array.from({ length: SIDE * SIDE }, (_, at) =>
    Math.round(0.299 * data[4 * at] + 0.587 * data[4 * at + 1] + 0.114 * data[4 * at + 2]),
  );
}
