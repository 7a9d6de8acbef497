// @ts-check
/** What the line-up shows, asked for when it is first needed and kept. */

import { json, query, whenTold } from './service.js';

/** @typedef {{from_scratch: boolean, run: number[], phase: number[], epoch: number[], pictures: number[], seconds: number[], learning_rate: (number | null)[], loss: (number | null)[], held_out_accuracy: (number | null)[], held_out_n: number[]}} History */
/** @typedef {{accuracy: number, n: number}} Share */
/** `n`, `confidence` and `accuracy` of each bin of confidence. @typedef {{n: number[], confidence: (number | null)[], accuracy: (number | null)[]}} Reliability */
/** @typedef {{n: number, clean: number, corruptions: Record<string, {unit: string, strengths: number[], accuracy: number[]}>}} Robustness */
/** @typedef {{model: string, title: string, dataset: string, digest: string, classes: string[], accuracy: number | null, n: number | null, confusion: number[][] | null, ece: number | null, nll: number | null, sent: Share | null, reliability: Reliability | null, robustness: Robustness | null, history: History | null, mistakes: number | null, pictures: boolean, missing: Record<string, string>}} Report */
/** @typedef {{date: string, hardware: {processor: string, cores: number, flags: string[]}, versions: Record<string, string>, picture: string, networks: Record<string, {lone_ms: number, per_second: number, clients: number}>}} Speed */
/** @typedef {{date: string, sets: Record<string, {dataset: string, n: number, networks: Record<string, {accuracy: number, digest: string}>}>}} Pictures */
/** @typedef {{speed: Speed | null, pictures: Pictures | null}} Figures */

/** @type {import('./service.js').Network[] | null} */
export let known = null;
/** @type {Figures | null} */
export let figures = null;
/** By dataset and network: a report, or why there is none and how to ask again. @type {Map<string, Report | {error: unknown, again: () => void}>} */
const reports = new Map();
/** @type {Set<string>} */
const asked = new Set();

/** @param {string} dataset @param {string} network */
export const reportOf = (dataset, network) => reports.get(`${dataset} ${network}`);

/** The networks as they are now, and the recorded figures. ServiceError where they cannot be had. */
export async function begin() {
  const [told, found] = await Promise.all([json('models'), figures ?? json('static/page/figures.json')]);
  [known, figures] = [told.models, found];
}

/** Whether the service still loads some of the checkpoints. */
export const loading = () => (known ?? []).some(({ checkpoints }) => Object.values(checkpoints).some(({ state }) => state === 'loading'));

/** The reports of all networks for a dataset; `come` is called after each. @param {string} dataset @param {() => void} come */
export function ask(dataset, come) {
  for (const network of known ?? []) if (network.checkpoints[dataset].state === 'ready') askOf(network, dataset, come);
}

/** @param {import('./service.js').Network} network @param {string} dataset @param {() => void} come */
async function askOf(network, dataset, come) {
  const { name, title } = network;
  const key = `${dataset} ${name}`;
  if (asked.has(key)) return;
  asked.add(key);
  try {
    reports.set(key, { ...(await json(`models/${name}/report${query({ dataset })}`)), title });
  } catch (error) {
    asked.delete(key); // seven are asked for at once: one may be too many for the service, and be had a moment later
    const again = () => askOf(network, dataset, come);
    reports.set(key, { error, again });
    whenTold(error, again);
  }
  come();
}
