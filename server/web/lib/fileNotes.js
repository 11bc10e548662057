// Remembers a text for a file in the browser's localStorage, also after a reload of the page. A
// page cannot keep the file itself; its name, size and time of change tell that it is the same.

import { ROOT } from "./root.js";

const PREFIX = `job-service file ${ROOT} `; // other services may share the host
const KEEP_MS = 7 * 24 * 3600 * 1000;

/** @typedef {Pick<File, "name" | "size" | "lastModified">} FileIdentity */
/**
 * A note, with its file and the time in milliseconds since 1970.
 *
 * @typedef {FileIdentity & { note: string, at: number }} FileNote
 */

/** @param {FileIdentity} file */
const keyOf = ({ name, size, lastModified }) => PREFIX + JSON.stringify([name, size, lastModified]);

/**
 * Remember a note for a file, and forget those that are older than a week. Without localStorage,
 * nothing is remembered.
 *
 * @param {FileIdentity} file
 * @param {string} note
 */
export function remember(file, note) {
  try {
    for (const { at, ...other } of allNotes())
      if (at < Date.now() - KEEP_MS) localStorage.removeItem(keyOf(other));
    localStorage.setItem(keyOf(file), JSON.stringify({ note, at: Date.now() }));
  } catch {
    // The browser is told to store nothing, or has no room.
  }
}

/**
 * Return the note of a file; null if there is none.
 *
 * @param {FileIdentity} file
 * @returns {string | null}
 */
export const recall = (file) =>
  allNotes().find((each) => keyOf(each) === keyOf(file))?.note ?? null;

/**
 * Forget the note of a file, unless it is another one by now.
 *
 * @param {FileIdentity} file
 * @param {string} note
 */
export function forget(file, note) {
  if (recall(file) === note) localStorage.removeItem(keyOf(file));
}

/** Forget all notes, such as when a person signs out: they have names of files. */
export function forgetAll() {
  for (const note of allNotes()) localStorage.removeItem(keyOf(note));
}

/**
 * Return all notes, the latest first.
 *
 * @returns {FileNote[]}
 */
export function allNotes() {
  /** @type {FileNote[]} */
  const found = [];
  try {
    for (let at = 0; at < localStorage.length; at += 1) {
      const key = localStorage.key(at) ?? "";
      const note = key.startsWith(PREFIX) && parse(key, localStorage.getItem(key) ?? "");
      if (note) found.push(note);
    }
  } catch {
    // The browser is told to store nothing.
  }
  return found.sort((a, b) => b.at - a.at);
}

/**
 * @param {string} key
 * @param {string} text
 * @returns {FileNote | null} null for what this module has not written
 */
function parse(key, text) {
  try {
    const [name, size, lastModified] = JSON.parse(key.slice(PREFIX.length));
    const { note, at } = JSON.parse(text);
    return { name, size, lastModified, note, at };
  } catch {
    return null;
  }
}
