// The same at a terminal.

import { h } from "../lib/dom.js";
import { tell } from "../lib/dialog.js";
import { who } from "./session.js";

/** A text as one word of a shell. */
export const quoted = (text) => `'${text.replaceAll("'", "'\\''")}'`;

/** The start of a command. The token is not written out, since commands are kept in histories. */
const curl = () => `curl -s${who().tokens ? ' -H "Authorization: Bearer $TOKEN"' : ""}`;

/** The command that submits such a job. */
export function submitCommand(type, payload, options, fileName) {
  const url = quoted(`${location.origin}/jobs`);
  if (fileName === null) {
    const document = JSON.stringify({ type, payload, ...options });
    return `${curl()} -X POST ${url} -H 'Content-Type: application/json' -d ${quoted(document)}`;
  }
  const fields = Object.entries({ type, payload: JSON.stringify(payload), ...options });
  // --form-string takes a value as it is: -F would read a file for one that begins with @ or <.
  const parts = fields.map(([name, value]) => `--form-string ${quoted(`${name}=${value}`)}`);
  return `${curl()} -X POST ${url} ${parts.join(" ")} -F ${quoted(`filename=@"${fileName}"`)}`;
}

/** The command that makes a call without a body. */
export function callCommand(method, path) {
  return `${curl()} ${method === "GET" ? "" : `-X ${method} `}${quoted(location.origin + path)}`;
}

/** Commands, each with a button that copies it. */
export function commands(pairs) {
  return h("dl", { class: "commands" }, pairs.map(([name, text]) => [
    h("dt", {}, name), h("dd", {}, h("code", {}, text), copyButton(text))]));
}

function copyButton(text) {
  // The clipboard is there on secure pages only.
  if (!navigator.clipboard) return null;
  const copy = () => navigator.clipboard.writeText(text).then(() => tell("Copied."), () => {});
  return h("button", { class: "plain", onclick: copy }, "Copy");
}
