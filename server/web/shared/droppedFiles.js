// The files of a drop, also those in folders.

const MOST_FILES = 1000;

/**
 * Return the files that were dropped, with those of dropped folders. Call it during the event:
 * later, the browser has forgotten the drop.
 *
 * @param {DataTransfer} transfer
 * @returns {Promise<File[]>}
 */
export async function droppedFiles({ items, files }) {
  const entries = [...items].map((item) => item.webkitGetAsEntry?.() ?? null);
  if (!entries.some((entry) => entry?.isDirectory)) return [...files];
  /** @type {File[]} */
  const found = [];
  for (const entry of entries) if (entry) await addFiles(entry, found);
  return found;
}

/**
 * Add a file, or the files of a folder and of the folders in it, in the order of their names.
 * Hidden files and folders, such as .git, are left out.
 *
 * @param {FileSystemEntry} entry
 * @param {File[]} found
 */
async function addFiles(entry, found) {
  if (found.length >= MOST_FILES || entry.name.startsWith(".")) return;
  if (entry.isFile) {
    const file = await new Promise((resolve) =>
      /** @type {FileSystemFileEntry} */ (entry).file(resolve, () => resolve(null)),
    );
    if (file) found.push(file);
  } else {
    const reader = /** @type {FileSystemDirectoryEntry} */ (entry).createReader();
    const entries = await allEntries(reader);
    entries.sort((a, b) => a.name.localeCompare(b.name));
    for (const each of entries) await addFiles(each, found);
  }
}

/**
 * Read a folder, of which a browser returns 100 entries at a time.
 *
 * @param {FileSystemDirectoryReader} reader
 * @returns {Promise<FileSystemEntry[]>}
 */
async function allEntries(reader) {
  /** @type {FileSystemEntry[]} */
  const all = [];
  for (;;) {
    /** @type {FileSystemEntry[]} */
    const some = await new Promise((resolve) => reader.readEntries(resolve, () => resolve([])));
    if (!some.length) return all;
    all.push(...some);
  }
}
