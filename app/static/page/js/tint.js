// @ts-check
/** Grey pictures in the page's colours. */

/** How many colours the scale has: sheet, and the five blues. */
export const STEPS = 6;

/**
 * A grey picture with black as the first of the scale's colours, white as the last.
 * @param {ImageBitmap} bitmap @param {Iterable<Element>} scale elements that have those colours as background
 */
export function inColours(bitmap, scale) {
  const colours = tableOf([...scale].map((each) => getComputedStyle(each).backgroundColor.match(/[\d.]+/g)?.map(Number) ?? []));
  const canvas = new OffscreenCanvas(bitmap.width, bitmap.height);
  const context = /** @type {OffscreenCanvasRenderingContext2D} */ (canvas.getContext('2d', { willReadFrequently: true }));
  context.drawImage(bitmap, 0, 0);
  const image = context.getImageData(0, 0, bitmap.width, bitmap.height);
  const pixels = new Uint32Array(image.data.buffer);
  for (let place = 0; place < pixels.length; place += 1) pixels[place] = colours[pixels[place] & 255];
  context.putImageData(image, 0, 0);
  return canvas;
}

/** A colour for each of the 256 greys, as little-endian RGBA. @param {number[][]} steps */
function tableOf(steps) {
  return Uint32Array.from({ length: 256 }, (_, grey) => {
    const place = (grey / 255) * (steps.length - 1);
    const before = Math.min(Math.floor(place), steps.length - 2);
    const [red, green, blue] = [0, 1, 2].map((part) => Math.round(steps[before][part] + (place - before) * (steps[before + 1][part] - steps[before][part])));
    return ((255 << 24) | (blue << 16) | (green << 8) | red) >>> 0;
  });
}
