// Calls of the HTTP API; each error is a Problem, as the service tells it.

/** An answer that is an error, or none at all: then its status is 0. */
export class Problem extends Error {
  constructor(status, detail, errors = []) {
    super(detail);
    this.status = status;
    this.errors = errors;
  }
}

let signIn = async () => {};

/** Tell how to have a person sign in; called where an answer is 401. */
export const signInWith = (ask) => { signIn = ask; };

/** Do something that throws Problem; once more after a sign-in, if it needs one. */
export async function signedIn(work) {
  try {
    return await work();
  } catch (error) {
    if (error.status !== 401) throw error;
    await signIn();
    return work();
  }
}

/** The document that a call is answered with; null if it has none. Throws Problem. */
export const call = (method, path, body) => signedIn(() => send(method, path, body));

/** The same without a sign-in. */
export async function send(method, path, body) {
  const headers = { Accept: "application/json" };
  if (body !== undefined) headers["Content-Type"] = "application/json";
  const options = { method, headers, body: body && JSON.stringify(body), cache: "no-store" };
  let response;
  try {
    response = await fetch(path, options);
  } catch {
    throw new Problem(0, "The service cannot be reached.");
  }
  return read(response.status, await response.text());
}

export const get = (path) => call("GET", path);

/** The document in an answer. Throws Problem. */
export function read(status, text) {
  let document = null;
  try {
    document = text ? JSON.parse(text) : null;
  } catch {
    throw new Problem(status, `The answer (${status}) is not JSON; is there a proxy in between?`);
  }
  if (status >= 400) throw new Problem(status, document?.detail ?? `Error ${status}`, document?.errors);
  return document;
}

/** The path of a job in the API, or of something of it. */
export const jobPath = (id, rest = "") => `/jobs/${encodeURIComponent(id)}${rest}`;

/** A new Idempotency-Key. randomUUID would be there on secure pages only. */
export function newKey() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** The queue of jobs that name none. */
export const DEFAULT_QUEUE = "default";

/** The queues as they are now, by name. */
export const queues = async () => (await get("/queues")).items;

let types;

/** The job types with the schemas of their payloads; asked for once. */
export async function jobTypes() {
  types ??= (await get("/")).job_types;
  return types;
}
