// What a schedule does in special cases, and the options of its jobs: values and their texts.

/**
 * What happens to times at which no worker was running.
 *
 * @type {Record<string, string>}
 */
export const MISSED = {
  skip: "leave them out",
  once: "make up for the last one",
  all: "make up for each",
};
/**
 * What happens when a time has come while the last job is queued or running.
 *
 * @type {Record<string, string>}
 */
export const OVERLAP = {
  skip: "submit no job",
  queue: "let the next job wait for it",
  cancel_running: "cancel it",
};
/** The names of the options of its jobs that the form can show. */
export const OPTIONS = [
  "max_retries",
  "max_losses",
  "timeout",
  "priority",
  "delay",
  "expires_in",
  "keep_for",
  "memory_bytes",
  "cpu_seconds",
  "max_output_bytes",
  "nice",
  "tags",
  "metadata",
  "queue",
];
