// Following events: reconnects by itself, with replay, and says on the page how it stands.
//
//   open ──▶ live ──lost──▶ the browser reconnects, and sends Last-Event-ID
//                    └────▶ refused (503, say): a fresh start, in a while
//   hidden for long ──▶ paused ──seen again──▶ a fresh start: onFresh loads all anew
//
// A browser has six connections for a service, for all its tabs: so a page has one stream at most,
// and one that nobody looks at gives it back.

const RETRY_MS = 2000;
const HIDDEN_MS = 20000;
const LABELS = { live: "Live", lost: "Connection lost, reconnecting…", none: "" };

/** Follow `path`. `listeners` are called by the names of events, with their data; `onFresh` when
 *  there may be changes that no event tells of: at the start and after a pause; `onBack` when the
 *  connection was lost and is there again, with all events. */
export function follow(path, listeners, onFresh, onBack = () => {}) {
  const stream = new Stream(path, listeners, onFresh, onBack);
  stream.open();
  return () => stream.close();
}

/** Show how the connection stands: live, lost or none. */
export function setConnection(state) {
  const element = document.getElementById("connection");
  if (element.dataset.state === state) return;
  element.dataset.state = state;
  element.textContent = LABELS[state];
}

class Stream {
  constructor(path, listeners, onFresh, onBack) {
    Object.assign(this, { path, listeners, onFresh, onBack, isFresh: true, timer: 0 });
    this.onVisibility = () => this.seen(!document.hidden);
    document.addEventListener("visibilitychange", this.onVisibility);
  }

  open() {
    clearTimeout(this.timer);
    this.isFresh = true;
    const source = new EventSource(this.path);
    this.source = source;
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
    // A stream that has been told to its end is not to be opened again.
    source.addEventListener("end", () => this.close());
  }

  lost() {
    setConnection("lost");
    if (this.source.readyState !== EventSource.CLOSED) return;
    this.timer = setTimeout(() => this.open(), RETRY_MS);
  }

  seen(visible) {
    clearTimeout(this.timer);
    if (!visible) this.timer = setTimeout(() => this.source.close(), HIDDEN_MS);
    else if (this.source.readyState === EventSource.CLOSED) this.open();
  }

  close() {
    clearTimeout(this.timer);
    document.removeEventListener("visibilitychange", this.onVisibility);
    this.source.close();
    setConnection("none");
  }
}
