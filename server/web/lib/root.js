// Where the service is: below which path clients reach it. Addresses in the code begin with `/`,
// and the functions that use them put this path in front.

/**
 * The setting ROOT_PATH, such as `/jobs-api`; empty if the service has a host name of its own. The
 * address of this file contains it.
 */
export const ROOT = /^(.*)\/ui\/static\//.exec(new URL(import.meta.url).pathname)?.[1] ?? "";

/**
 * Return an address of the service as a browser needs it. Other addresses stay as they are.
 *
 * @param {string} address such as `/jobs`
 * @returns {string}
 */
export const atRoot = (address) => (address.startsWith("/") ? ROOT + address : address);

/**
 * Return the path of an address in the service; null if the address is outside of it.
 *
 * @param {string} path as in `location.pathname`
 * @returns {string | null}
 */
export function belowRoot(path) {
  if (path === ROOT) return "/";
  return path.startsWith(`${ROOT}/`) ? path.slice(ROOT.length) : null;
}
