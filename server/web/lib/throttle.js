// Not too often, however much happens.

/** A call that runs at once, and then again at most each `ms`, and never twice at the same time. */
export function paced(ms, work) {
  let [timer, busy, again, stopped, last] = [0, false, false, false, -Infinity];
  async function run() {
    timer = 0;
    [busy, again, last] = [true, false, performance.now()];
    try {
      await work();
    } finally {
      busy = false;
      if (again) ask();
    }
  }
  function ask() {
    if (stopped) return;
    if (busy) again = true;
    else if (!timer) timer = setTimeout(run, Math.max(0, last + ms - performance.now()));
  }
  ask.stop = () => {
    clearTimeout(timer);
    stopped = true;
  };
  return ask;
}

/** A call that runs with the next frame, once for all that was asked until then. */
export function framed(work) {
  let asked = false;
  return () => {
    if (asked) return;
    asked = true;
    requestAnimationFrame(() => {
      asked = false;
      work();
    });
  };
}
