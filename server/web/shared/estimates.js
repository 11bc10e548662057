// The reasons why a job waits, and when it is expected to start.

import { h } from "../lib/dom.js";
import * as format from "../lib/format.js";

/**
 * The reasons and the estimates of an explanation or of a dry run, as items of a list.
 *
 * @param {import("../types.js").DryRunDocument} explanation
 */
export function lines({ reasons, estimated_seconds: seconds, estimated_duration: duration }) {
  return [
    reasons.map(({ detail }) => h("li", {}, detail)),
    seconds !== null &&
      h("li", {}, `It is expected to start in about ${format.duration(seconds)}.`),
    duration !== null && h("li", {}, `Jobs of its type take about ${format.duration(duration)}.`),
  ];
}
