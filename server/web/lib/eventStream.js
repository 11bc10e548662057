// Follows an event stream: reconnects by itself, with replay, and shows the state of the
// connection.
//
//   open ──▶ live ──lost──▶ the browser reconnects, and sends Last-Event-ID
//                    └────▶ refused (with 503, say): a new stream, two seconds later
//   hidden for 20 s ──▶ closed ──visible──▶ a new stream: onFresh loads everything again
//
// A browser opens at most six HTTP/1.1 connections to a service, for all its tabs together. So a
// page has at most one stream, and a hidden page closes it.

import { byId } from "./dom.js";
import { atRoot } from "./root.js";

const RETRY_MS = 2000;
const HIDDEN_MS = 20000;
const LABELS = { live: "Live", lost: "Connection lost, reconnecting…", none: "" };

/** @typedef {Record<string, (data: any) => void>} EventListeners by the names of events */

/**
 * Follow the event stream at `path`.
 *
 * @param {string} path
 * @param {EventListeners} listeners called with the parsed data of each event
 * @param {() => void} onFresh called when changes may have been missed: at the start, and after the
 *   page was hidden or the service refused the stream
 * @param {() => void} [onBack] called when a lost connection is back and all events were replayed
 * @returns {() => void} closes the stream
 */
export function follow(path, listeners, onFresh, onBack = () => {}) {
  const stream = new Stream(path, listeners, onFresh, onBack);
  return () => stream.close();
}

/**
 * Show the state of the connection in the header of the page.
 *
 * @param {keyof typeof LABELS} state
 */
export function setConnection(state) {
  const element = byId("connection");
  if (element.dataset.state === state) return;
  element.dataset.state = state;
  element.textContent = LABELS[state];
}

class Stream {
  /**
   * @param {string} path
   * @param {EventListeners} listeners
   * @param {() => void} onFresh
   * @param {() => void} onBack
   */
  constructor(path, listeners, onFresh, onBack) {
    this.path = path;
    this.listeners = listeners;
    this.onFresh = onFresh;
    this.onBack = onBack;
    this.isFresh = true;
    this.timer = 0;
    this.onVisibility = () => this.setVisible(!document.hidden);
    document.addEventListener("visibilitychange", this.onVisibility);
    this.source = this.open();
  }

  open() {
    clearTimeout(this.timer);
    this.isFresh = true;
    const source = new EventSource(atRoot(this.path));
    source.onopen = () => {
      setConnection("live");
      if (this.isFresh) this.onFresh();
      else this.onBack();
      this.isFresh = false;
    };
    source.onerror = () => this.lost();
    for (const [name, listener] of Object.entries(this.listeners)) {
      source.addEventListener(name, (event) => listener(JSON.parse(event.data)));
    }
    // The service ends the stream of a finished job; the browser would open it again.
    source.addEventListener("end", () => this.close());
    return source;
  }

  reopen() {
    this.source = this.open();
  }

  lost() {
    setConnection("lost");
    if (this.source.readyState !== EventSource.CLOSED) return;
    this.timer = setTimeout(() => this.reopen(), RETRY_MS);
  }

  /** @param {boolean} visible */
  setVisible(visible) {
    clearTimeout(this.timer);
    if (!visible) this.timer = setTimeout(() => this.source.close(), HIDDEN_MS);
    else if (this.source.readyState === EventSource.CLOSED) this.reopen();
  }

  close() {
    clearTimeout(this.timer);
    document.removeEventListener("visibilitychange", this.onVisibility);
    this.source.close();
    setConnection("none");
  }
}
