// The requests of the first page that start at once, while the browser still loads its modules. It
// imports almost nothing, so that it runs first.

import { atRoot, belowRoot } from "../lib/root.js";

const HEADERS = { Accept: "application/json" };
const address = globalThis.location?.pathname; // unit tests have none
const [, job] = /^\/ui\/jobs\/([^/]+)\/?$/.exec(belowRoot(address ?? "") ?? "") ?? [];
const paths = address ? ["/session", ...(job ? [`/jobs/${job}`] : [])] : [];

/** @type {Map<string, Promise<Response | null>>} */
const started = new Map(
  paths.map((path) => [
    path,
    fetch(atRoot(path), { headers: HEADERS, cache: "no-store" }).catch(() => null),
  ]),
);

/**
 * Return the response to a GET of this path, if it was requested early and is no error; null
 * otherwise. A response is returned once.
 *
 * @param {string} path
 * @returns {Promise<Response | null>}
 */
export async function takeEarly(path) {
  const response = await started.get(path);
  started.delete(path);
  return response?.ok ? response : null;
}
