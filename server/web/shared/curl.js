// Builds curl commands for calls of the API, and shows them with a button to copy each.

import { showMessage } from "../lib/dialog.js";
import { h } from "../lib/dom.js";
import { atRoot } from "../lib/root.js";
import { getSession } from "./session.js";

/**
 * Quote a text as one word of a POSIX shell.
 *
 * @param {string} text
 * @returns {string}
 */
export const shellQuote = (text) => `'${text.replaceAll("'", "'\\''")}'`;

/** The token stays a shell variable, because shells keep a history of commands. */
const curl = () => `curl -s${getSession().tokens ? ' -H "Authorization: Bearer $TOKEN"' : ""}`;

/**
 * Return the command that submits a job.
 *
 * @param {string} type
 * @param {Record<string, unknown>} payload
 * @param {Record<string, unknown>} options such as `priority` and `queue`
 * @param {string | null} fileName the file to upload, or null
 * @returns {string}
 */
export function submitCommand(type, payload, options, fileName) {
  const url = shellQuote(location.origin + atRoot("/jobs"));
  if (fileName === null) {
    const document = JSON.stringify({ type, payload, ...options });
    return `${curl()} -X POST ${url} -H 'Content-Type: application/json' -d ${shellQuote(document)}`;
  }
  const fields = Object.entries({ type, payload: JSON.stringify(payload), ...options });
  // --form-string sends a value unchanged; -F would read a file for a value that begins with @ or
  // <.
  const parts = fields.map(([name, value]) => `--form-string ${shellQuote(`${name}=${value}`)}`);
  return `${curl()} -X POST ${url} ${parts.join(" ")} -F ${shellQuote(`filename=@"${fileName}"`)}`;
}

/**
 * Return the command that makes a call without a body.
 *
 * @param {string} method
 * @param {string} path
 * @returns {string}
 */
export function callCommand(method, path) {
  const url = shellQuote(location.origin + atRoot(path));
  return `${curl()} ${method === "GET" ? "" : `-X ${method} `}${url}`;
}

/**
 * A list of commands, each with its name and a button that copies it.
 *
 * @param {[name: string, command: string][]} commands
 * @returns {HTMLElement}
 */
export function commandList(commands) {
  return h(
    "dl",
    { class: "commands" },
    commands.map(([name, command]) => [
      h("dt", {}, name),
      h("dd", {}, h("code", {}, command), copyButton(command)),
    ]),
  );
}

/** @param {string} text */
function copyButton(text) {
  if (!navigator.clipboard) return null; // exists on secure pages only
  const copy = () =>
    navigator.clipboard.writeText(text).then(
      () => showMessage("Copied."),
      () => {},
    );
  return h("button", { class: "plain", onclick: copy }, "Copy");
}
