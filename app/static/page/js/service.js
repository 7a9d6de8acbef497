// @ts-check
/** What the page asks of the service. Every failure is a ServiceError, which `explain` puts into words. */

import { has, t } from './text.js';

/** @typedef {{label: string, index: number, probability: number}} Scored */
/** @typedef {{dataset: string, dataset_confidence: number | null, in_distribution: boolean | null, in_distribution_score: number | null, reason: string | null}} Judged */
/** @typedef {Judged & {model: string, label: string, index: number, confidence: number, predictions: Scored[], timing_ms: Record<string, number>}} Prediction */
/** @typedef {{code: string, message: string}} ErrorDetail */
/** @typedef {{label: string, index: number, votes: number, of: number, dissent: string[]}} Agreement */
/** @typedef {{state: string, reason: string | null, accuracy: number | null, n: number | null, digest: string | null}} Checkpoint */
/** @typedef {{name: string, title: string, year: number, paper: string, idea: string, input_size: number, parameters: number, macs: number, checkpoints: Record<string, Checkpoint>}} Network */

export class ServiceError extends Error {
  /** @param {string} code @param {string} message @param {number | null} retryAfter seconds */
  constructor(code, message, retryAfter = null) {
    super(message);
    this.code = code;
    this.retryAfter = retryAfter;
  }
}

const KEY = 'lineup-key';
const WAIT_MS = 60_000; // a browser waits for minutes on a connection that has stalled; the service answers within 10 s of the upload
const UPLOAD_MS = 60_000; // more for a large picture: as long as the service waits for one
const SLOWEST = 10; // bytes of it a millisecond

/** The browser's tab; where the browser forbids this site to store anything, the page alone. @type {Pick<Storage, 'getItem' | 'setItem' | 'removeItem'>} */
const store = (() => {
  try {
    sessionStorage.getItem(KEY);
    return sessionStorage;
  } catch {
    const kept = new Map();
    return { getItem: (name) => kept.get(name) ?? null, setItem: (name, value) => kept.set(name, value), removeItem: (name) => kept.delete(name) };
  }
})();

/** Use this key from now on, until the browser's tab is closed. @param {string} key */
export function useKey(key) {
  store.setItem(KEY, key);
}

/** Whether a key was entered. */
export const hasKey = () => store.getItem(KEY) !== null;

/** @param {Blob | undefined} body @param {string} accept */
function headersOf(body, accept) {
  const headers = new Headers({ Accept: accept });
  if (body) headers.set('Content-Type', body.type.startsWith('image/') ? body.type : 'application/octet-stream');
  const key = store.getItem(KEY);
  try {
    if (key) headers.set('X-API-Key', key);
  } catch {
    store.removeItem(KEY); // no header can hold it: every question would fail until the browser's tab is closed
    throw new ServiceError('unusable_key', '');
  }
  return headers;
}

/**
 * @param {string} path relative to the page @param {{body?: Blob, accept?: string, signal?: AbortSignal}} [options]
 * @returns {Promise<Response>}
 */
export async function ask(path, { body, accept = 'application/json', signal } = {}) {
  const headers = headersOf(body, accept);
  const late = AbortSignal.timeout(WAIT_MS + Math.min(UPLOAD_MS, (body?.size ?? 0) / SLOWEST)); // until the answer's end
  let response;
  try {
    response = await fetch(path, { method: body ? 'POST' : 'GET', body, headers, signal: signal ? AbortSignal.any([signal, late]) : late });
  } catch (error) {
    throw lost(error, signal);
  }
  if (!response.ok) throw await refusal(response);
  return response;
}

/** What it means that an answer did not come, or broke off; nothing new where who asked has given it up. @param {unknown} error @param {AbortSignal} [signal] */
const lost = (error, signal) => (signal?.aborted ? error : new ServiceError('unreachable', String(error)));

/** @param {Response} response */
async function refusal(response) {
  const seconds = Number.parseFloat(response.headers.get('Retry-After') ?? '');
  const told = await response.json().then((body) => body.error, () => null);
  const code = told?.code ?? 'internal';
  return new ServiceError(code, told?.message ?? `${response.status} ${response.statusText}`, Number.isNaN(seconds) ? null : seconds);
}

/** The answer as JSON. @param {string} path @param {Parameters<typeof ask>[1]} [options] */
export async function json(path, options) {
  const response = await ask(path, options);
  try {
    return await response.json();
  } catch (error) {
    throw lost(error, options?.signal);
  }
}

/** The lines of an answer in NDJSON, as they come. @param {string} path @param {Parameters<typeof ask>[1]} options */
export async function* lines(path, options) {
  const response = await ask(path, { ...options, accept: 'application/x-ndjson' });
  if (!response.body) return;
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = '';
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) break;
      const whole = (rest + value).split('\n');
      rest = whole.pop() ?? '';
      for (const line of whole) yield JSON.parse(line);
    }
  } catch (error) {
    throw lost(error, options?.signal);
  } finally {
    reader.cancel().catch(() => {});
  }
}

/** The query of an address, without what is empty. @param {Record<string, string | number | null | undefined>} values */
export function query(values) {
  const named = Object.entries(values).filter(([, value]) => value !== null && value !== undefined && value !== '');
  const told = new URLSearchParams(named.map(([name, value]) => [name, String(value)])).toString();
  return told ? `?${told}` : '';
}

/** An error in words: what happened, in the page's language, and what the service says of it. @param {unknown} error */
export function explain(error) {
  if (!(error instanceof ServiceError)) return { told: t('error.internal'), detail: String(error) };
  const name = `error.${error.code}`;
  return { told: t(has(name) ? name : 'error.internal'), detail: error.message };
}

/** Do something again once the service said that it may be asked; 0 where it said nothing. @param {unknown} error @param {() => void} again @returns {number} the timer */
export function whenTold(error, again) {
  return error instanceof ServiceError && error.retryAfter !== null ? setTimeout(again, error.retryAfter * 1000) : 0;
}

/** @type {Promise<Network[]> | null} */
let listed = null;

/** The networks, oldest first; asked for once. @returns {Promise<Network[]>} */
export function networks() {
  listed ??= json('models').then((body) => body.models, (error) => {
    listed = null;
    throw error;
  });
  return listed;
}
