// How fast bytes are sent.

const WINDOW_MS = 5000;

/** The rate of the last five seconds. */
export class TransferRate {
  constructor() {
    /** @type {{ bytes: number, at: number }[]} the first is the latest one before the window */
    this.marks = [];
  }

  /**
   * So many bytes have been sent in total. After a step back, the rate is measured anew.
   *
   * @param {number} bytes
   * @param {number} at in milliseconds
   */
  add(bytes, at = performance.now()) {
    if (this.marks.length && bytes < this.marks[this.marks.length - 1].bytes) this.marks = [];
    this.marks.push({ bytes, at });
    while (this.marks.length > 2 && this.marks[1].at <= at - WINDOW_MS) this.marks.shift();
  }

  /** Forget what was measured, since nothing was sent for a while. */
  reset() {
    this.marks = [];
  }

  /**
   * Return the bytes per second; null if that is not known yet.
   *
   * @returns {number | null}
   */
  perSecond() {
    if (this.marks.length < 2) return null;
    const [first, last] = [this.marks[0], this.marks[this.marks.length - 1]];
    return last.at > first.at ? (1000 * (last.bytes - first.bytes)) / (last.at - first.at) : null;
  }
}
