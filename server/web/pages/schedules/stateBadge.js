// The state of a schedule as a badge.

import { h } from "../../lib/dom.js";

/**
 * The state: paused, active, or over if it will not fire again.
 *
 * @param {{ paused: boolean, next: string[] }} schedule
 * @returns {HTMLElement}
 */
export function stateBadge({ paused, next }) {
  const [state, color] = paused
    ? ["paused", "queued"]
    : next.length
      ? ["active", "succeeded"]
      : ["over", "canceled"];
  return h("span", { class: `badge ${color}` }, state);
}
