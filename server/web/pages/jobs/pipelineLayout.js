// Where the jobs of a pipeline are drawn: in layers from left to right, each behind what it waits
// for. Many jobs are drawn as groups of those in one layer with one type.

/** @typedef {import("../../types.js").PipelineDocument} PipelineDocument */
/** @typedef {import("../../types.js").PipelineJobDocument} PipelineJob */
/** @typedef {import("../../types.js").Status} Status */
/**
 * @typedef {object} Step a job, or a group of jobs
 * @property {string} key
 * @property {PipelineJob[]} jobs
 * @property {string} label
 * @property {number} layer from 0
 * @property {number} row from 0
 * @property {string[]} after the keys of the steps that it waits for
 * @property {boolean} isLast whether it runs when all others have ended
 */

export const MOST_STEPS = 200;

/**
 * Return the layer of each job: one more than the largest layer of the jobs that it waits for.
 *
 * @param {PipelineJob[]} jobs
 * @returns {Map<string, number>} by job id, from 0
 */
export function layersOf(jobs) {
  /** @type {Map<string, PipelineJob[]>} */
  const followers = new Map(jobs.map((job) => [job.job_id, []]));
  /** @type {Map<string, number>} */
  const open = new Map();
  for (const job of jobs) {
    const inside = job.after.filter((id) => followers.has(id));
    for (const id of inside) followers.get(id)?.push(job);
    open.set(job.job_id, inside.length);
  }
  const layers = new Map(jobs.map((job) => [job.job_id, 0]));
  const ready = jobs.filter((job) => !open.get(job.job_id));
  for (const job of ready) {
    const next = (layers.get(job.job_id) ?? 0) + 1;
    for (const follower of followers.get(job.job_id) ?? []) {
      const id = follower.job_id;
      layers.set(id, Math.max(next, layers.get(id) ?? 0));
      const left = (open.get(id) ?? 0) - 1;
      open.set(id, left);
      if (left === 0) ready.push(follower);
    }
  }
  return layers;
}

/**
 * Return the steps of a pipeline from left to right; none if no job waits for another.
 *
 * @param {PipelineDocument} pipeline
 * @param {number} [most] more jobs than these are grouped
 * @returns {Step[]}
 */
export function stepsOf({ jobs, then }, most = MOST_STEPS) {
  const layers = layersOf(jobs);
  const last = [...layers.values()].reduce((a, b) => Math.max(a, b), 0);
  if (!last && !then?.after.length) return [];
  const isGrouped = jobs.length > most;
  /** @type {Map<string, Step>} */
  const steps = new Map();
  /** @type {Map<string, string>} the key of the step of each job */
  const keys = new Map();
  for (const job of jobs) {
    const layer = layers.get(job.job_id) ?? 0;
    const key = isGrouped ? `${layer} ${job.type}` : job.job_id;
    const label = isGrouped ? job.type : (job.name ?? job.type);
    const step = {
      key,
      jobs: [],
      label,
      layer,
      row: 0,
      after: [],
      isLast: false,
    };
    if (!steps.has(key)) steps.set(key, step);
    steps.get(key)?.jobs.push(job);
    keys.set(job.job_id, key);
  }
  for (const step of steps.values()) step.after = keysOf(step.jobs, keys);
  const found = [...steps.values()];
  if (then) {
    const waited = new Set(found.flatMap((step) => step.after));
    const after = found.filter(({ key }) => !waited.has(key)).map(({ key }) => key);
    const step = {
      label: then.type,
      layer: last + 1,
      row: 0,
      after,
      isLast: true,
    };
    found.push({ key: then.job_id, jobs: [then], ...step });
  }
  return inRows(found);
}

/**
 * Return the keys of the steps that jobs wait for, each once.
 *
 * @param {PipelineJob[]} jobs
 * @param {Map<string, string>} keys
 */
function keysOf(jobs, keys) {
  const all = jobs.flatMap((job) => job.after.map((id) => keys.get(id)));
  return [...new Set(all.filter((key) => key !== undefined))];
}

/**
 * Give each step its row, and sort the steps by their places. A step stands near the steps that it
 * waits for, so that few lines cross.
 *
 * @param {Step[]} steps
 */
function inRows(steps) {
  /** @type {Map<string, number>} */
  const rows = new Map();
  /** @type {Step[][]} */
  const layers = [];
  for (const step of steps) (layers[step.layer] ??= []).push(step);
  for (const some of layers) {
    /** @param {Step} step */
    const mean = ({ after }) =>
      after.reduce((sum, key) => sum + (rows.get(key) ?? 0), 0) / Math.max(1, after.length);
    const ordered = some.map((step) => ({ step, at: mean(step) })).sort((a, b) => a.at - b.at);
    ordered.forEach(({ step }, row) => {
      step.row = row;
      rows.set(step.key, row);
    });
  }
  return steps.sort((a, b) => a.layer - b.layer || a.row - b.row);
}
