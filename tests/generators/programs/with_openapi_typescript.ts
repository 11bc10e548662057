// Uses the types of openapi-typescript with its small client, openapi-fetch.

import { readFileSync } from "node:fs";
import createClient from "openapi-fetch";
import type { components, paths } from "./schema";

function check(isRight: unknown, what: string): asserts isRight {
  if (!isRight) throw new Error(what);
}

const jobs = createClient<paths>({
  baseUrl: process.env.JOBS_URL,
  headers: { Authorization: `Bearer ${process.env.JOBS_TOKEN}` },
});

const sleep = (seconds: number): components["schemas"]["SleepJobRequest"] => ({
  type: "sleep",
  payload: { seconds },
  max_retries: 1,
  max_losses: 10,
  priority: 0,
  queue: "default",
});

async function upload(): Promise<unknown> {
  const payload = { patterns: ["ERROR", { pattern: "WARN", ignore_case: true }] };
  const form = new FormData();
  form.append("type", "analyze");
  form.append("payload", JSON.stringify(payload));
  form.append("filename", new File([new Uint8Array(readFileSync("app.log"))], "app.log"));
  const { data } = await jobs.POST("/jobs/upload", {
    params: { query: { wait: 30 } },
    body: form as never,
    bodySerializer: (body) => body,
  });
  check(data?.status === "succeeded", JSON.stringify(data));
  return (data.result as { counts: unknown }).counts;
}

async function main(): Promise<void> {
  const ended = await jobs.POST("/jobs", { params: { query: { wait: 30 } }, body: sleep(0) });
  check(ended.data?.status === "succeeded", JSON.stringify(ended.data));
  const waiting = await jobs.POST("/jobs", { body: sleep(600) });
  check(waiting.response.status === 202 && waiting.data, "the job is not queued");
  const counts = JSON.stringify(await upload());
  check(counts === '{"ERROR": 2, "WARN": 1}'.replaceAll(" ", ""), counts);

  const first = { status: ["succeeded" as const], limit: 1 };
  const page = await jobs.GET("/jobs", { params: { query: first } });
  check(page.data?.items.length === 1 && page.data.next, "the page has not one job");
  const unknown = crypto.randomUUID();
  const ids = { id: [ended.data.job_id, unknown], wait: 0 };
  const found = await jobs.GET("/jobs", { params: { query: ids } });
  check(found.data?.unknown?.[0] === unknown, "the list by ids is wrong");

  const path = { job_id: waiting.data.job_id };
  const changed = await jobs.POST("/jobs/{job_id}/cancel", { params: { path } });
  check(changed.data?.status === "canceled", "the job is not canceled");
  const job = await jobs.GET("/jobs/{job_id}", { params: { path } });
  check(job.data?.status === "canceled", "the job is not canceled");
  const none = await jobs.GET("/jobs/{job_id}", { params: { path: { job_id: unknown } } });
  check(none.error?.code === "job_not_found", JSON.stringify(none.error));
  console.log("done");
}

main();
