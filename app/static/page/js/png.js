// @ts-check
/**
 * Canvases and their PNG. Not convertToBlob nor toBlob: browsers do that when they have nothing else to do, which while
 * somebody draws may be late, and now and then was never.
 */

/** A square canvas to draw on; without alpha it is black at first. @param {number} side pixels @param {boolean} alpha @returns {CanvasRenderingContext2D} */
export function square(side, alpha = true) {
  const canvas = document.createElement('canvas');
  canvas.width = canvas.height = side;
  return /** @type {CanvasRenderingContext2D} */ (canvas.getContext('2d', { alpha, willReadFrequently: true }));
}

/** What a canvas shows. @param {HTMLCanvasElement} canvas */
export function png(canvas) {
  const [, base64] = canvas.toDataURL('image/png').split(',');
  return fromBase64(base64);
}

/** A PNG as JSON holds it. @param {string} base64 */
export function fromBase64(base64) {
  return new Blob([Uint8Array.from(atob(base64), (character) => character.charCodeAt(0))], { type: 'image/png' });
}
