// What the page of an analysis shows, kept in the query of its address: the range of time, the
// filter of lines, the zone of times, and colors. So a view can be reloaded and shared.

/** @typedef {import("../lib/timeZone.js").Zone} Zone */
/** @typedef {Record<string, string | null>} Changes null removes a value */

/** The state in the address of the current page. Call `stop` when the page is left. */
export class ViewState {
  constructor() {
    this.path = location.pathname;
    /** @type {((names: Set<string>) => void)[]} */
    this.listeners = [];
    this.values = new URLSearchParams(location.search);
    this.onAddress = (/** @type {Event} */ event) => this.follow(event);
    addEventListener("address", this.onAddress);
  }

  /** @returns {Zone} */
  get zone() {
    return this.get("zone") === "local" ? "local" : "utc";
  }

  /** The colors that the reader has chosen, by name. @returns {Map<string, string>} */
  get colors() {
    const pairs = this.values.getAll("color").map((each) => each.split(/:(.*)/s));
    return new Map(
      pairs.filter(([hex]) => /^[0-9a-f]{6}$/.test(hex)).map(([hex, name]) => [name, `#${hex}`]),
    );
  }

  /**
   * @param {string} name
   * @returns {string | null}
   */
  get(name) {
    return this.values.get(name);
  }

  /**
   * Change values, and tell all listeners. `isStep` makes a step of the history, so that the reader
   * can go back.
   *
   * @param {Changes} changes
   * @param {boolean} [isStep]
   */
  set(changes, isStep = false) {
    const next = new URLSearchParams(this.values);
    for (const [name, value] of Object.entries(changes)) {
      if (value === null || value === "") next.delete(name);
      else next.set(name, value);
    }
    this.change(next, isStep);
  }

  /**
   * @param {string} name
   * @param {string} color as in "#2f6fde"
   */
  setColor(name, color) {
    const next = new URLSearchParams(this.values);
    next.delete("color");
    for (const [each, hex] of new Map(this.colors).set(name, color))
      next.append("color", `${hex.slice(1)}:${each}`);
    this.change(next, false);
  }

  /**
   * Return the query with these changes, as in "?zone=local", or an empty string.
   *
   * @param {Changes} [changes]
   * @returns {string}
   */
  query(changes = {}) {
    const next = new URLSearchParams(this.values);
    for (const [name, value] of Object.entries(changes)) {
      if (value === null) next.delete(name);
      else next.set(name, value);
    }
    return next.size ? `?${next}` : "";
  }

  /**
   * Call `listener` after each change, with the names of the changed values.
   *
   * @param {(names: Set<string>) => void} listener
   */
  onChange(listener) {
    this.listeners.push(listener);
  }

  stop() {
    removeEventListener("address", this.onAddress);
  }

  /** Follow a step back or forward within this page. @param {Event} event */
  follow(event) {
    if (location.pathname !== this.path) return;
    event.preventDefault();
    this.tell(new URLSearchParams(location.search));
  }

  /**
   * @param {URLSearchParams} next
   * @param {boolean} isStep
   */
  change(next, isStep) {
    if (String(next) === String(this.values)) return;
    const address = `${this.path}${next.size ? `?${next}` : ""}`;
    if (isStep) history.pushState(null, "", address);
    else history.replaceState(history.state, "", address);
    this.tell(next);
  }

  /** @param {URLSearchParams} next */
  tell(next) {
    const before = this.values;
    this.values = next;
    const names = new Set(
      [...before.keys(), ...next.keys()].filter(
        (name) => String(before.getAll(name)) !== String(next.getAll(name)),
      ),
    );
    for (const listener of this.listeners) listener(names);
  }
}
