// Limits how often a function runs.

/**
 * A throttled function: a call schedules a run, `stop` cancels a scheduled run and all later calls.
 *
 * @typedef {(() => void) & { stop: () => void }} Throttled
 */

/**
 * Wrap `work` so that it runs at most once in `ms` milliseconds and never twice at the same time.
 * A call while it runs, or too early, leads to one more run as soon as that is allowed.
 *
 * @param {number} ms
 * @param {() => unknown} work may return a promise
 * @returns {Throttled}
 */
export function throttle(ms, work) {
  let timer = 0;
  let isRunning = false;
  let isRequested = false;
  let isStopped = false;
  let startedAt = -Infinity;
  async function run() {
    timer = 0;
    isRunning = true;
    isRequested = false;
    startedAt = performance.now();
    try {
      await work();
    } finally {
      isRunning = false;
      if (isRequested) request();
    }
  }
  function request() {
    if (isStopped) return;
    if (isRunning) isRequested = true;
    else if (!timer) timer = setTimeout(run, Math.max(0, startedAt + ms - performance.now()));
  }
  const stop = () => {
    clearTimeout(timer);
    isStopped = true;
  };
  return Object.assign(request, { stop });
}

/**
 * Wrap `work` so that it runs in the next animation frame, once for all calls before that frame.
 *
 * @param {() => void} work
 * @returns {() => void}
 */
export function oncePerFrame(work) {
  let isRequested = false;
  return () => {
    if (isRequested) return;
    isRequested = true;
    requestAnimationFrame(() => {
      isRequested = false;
      work();
    });
  };
}
