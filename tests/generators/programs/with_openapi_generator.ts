// Uses the client of OpenAPI Generator in TypeScript.

import { readFileSync } from "node:fs";
import { Configuration, JobsApi, ResponseError, Status, type JobRequest } from "./client/index";

function check(isRight: unknown, what: string): asserts isRight {
  if (!isRight) throw new Error(what);
}

const sleep = (seconds: number): JobRequest => ({ type: "sleep", payload: { seconds } });

async function upload(jobs: JobsApi): Promise<unknown> {
  const patterns = ["ERROR", { pattern: "WARN", ignoreCase: true }];
  const filename = new File([new Uint8Array(readFileSync("app.log"))], "app.log");
  const job = await jobs.uploadJob({ type: "analyze", payload: { patterns }, filename, wait: 30 });
  check(job.status === Status.Succeeded && job.upload?.name === "app.log", JSON.stringify(job));
  return job.result.counts;
}

async function main(): Promise<void> {
  const settings = { basePath: process.env.JOBS_URL, accessToken: process.env.JOBS_TOKEN };
  const jobs = new JobsApi(new Configuration(settings));
  const ended = await jobs.submitJob({ jobRequest: sleep(0), wait: 30 });
  check(ended.status === Status.Succeeded, JSON.stringify(ended));
  const response = await jobs.submitJobRaw({ jobRequest: sleep(600) });
  check(response.raw.status === 202, `the status is ${response.raw.status}`);
  const { jobId } = await response.value();
  const counts = JSON.stringify(await upload(jobs));
  check(counts === '{"ERROR":2,"WARN":1}', counts);

  const page = await jobs.listJobs({ status: [Status.Succeeded], limit: 1 });
  check(page.items.length === 1 && page.next, "the page has not one job");
  const rest = await jobs.listJobs({ status: [Status.Succeeded], cursor: page.next });
  check(rest.items.length === 1 && rest.items[0].jobId === ended.jobId, "the rest is wrong");
  const unknown = crypto.randomUUID();
  const found = await jobs.listJobs({ id: [ended.jobId, unknown], wait: 0 });
  check(found.items.length === 1 && found.unknown?.[0] === unknown, "the list by ids is wrong");

  check((await jobs.cancelJob({ jobId })).status === Status.Canceled, "it is not canceled");
  check((await jobs.getJob({ jobId })).status === Status.Canceled, "it is not canceled");
  const status = await jobs.getJob({ jobId: unknown }).then(
    () => 200,
    (error) => (error instanceof ResponseError ? error.response.status : 0),
  );
  check(status === 404, `the status is ${status}`);
  console.log("done");
}

main().catch(async (error) => {
  console.error(error instanceof ResponseError ? await error.response.text() : error);
  process.exit(1);
});
