// Types for the checks of `tsc`; browsers never load this file. tests/web/check makes documents.d.ts
// from /openapi.json. This file has what the front end knows better, and what the API leaves open.

import type * as api from "openapi";

export type * from "openapi";

export type Role = "read-own" | "read" | "submit" | "admin";
export type SessionDocument = Omit<api.SessionDocument, "role"> & { role: Role };

/** The component `Error` of /openapi.json; the global class has that name here. */
export type JobError = api.Error;
export type Progress = Record<string, unknown>;

/** A job as the pages ask for it: with all fields but those that were not set. */
export type JobDocument = api.JobDocument & Required<Pick<api.JobDocument, JobField>>;
type JobField = "payload" | "result" | "attempts" | "attempt" | "created_at" | "run_at" | "type";
export type PageDocument = Omit<api.PageDocument, "items"> & { items: JobDocument[] };
export type AcceptedDocument = Pick<JobDocument, "job_id" | "status">;

export type LineDocument = Omit<api.LineDocument, "matches"> & { matches: [number, number][] };
export type LinesDocument = Omit<api.LinesDocument, "lines"> & { lines: LineDocument[] };

/** An error of the API, or one that the page has found itself, which has no code. */
export type FieldDocument = Omit<api.FieldDocument, "code"> & { code?: string };

export type TypeDocument = Omit<api.TypeDocument, "payload"> & { payload: Schema };
export type JobTypeDocument = Omit<api.JobTypeDocument, "payload_schema"> & {
  payload_schema: Schema;
};

/** The data of `status` and `progress` events. */
export interface JobEvent {
  job_id: string;
  type: string;
  queue: string;
  tags: string[];
  status: api.Status;
  attempt: number;
  runner: string | null;
  progress: Progress | null;
  error: JobError | null;
  created_at: string;
  run_at: string;
  started_at: string | null;
  finished_at: string | null;
  cancel_requested_at: string | null;
  version: number;
}

/** The data of `log` events: a piece of the output of an attempt. `position` counts bytes. */
export interface OutputEvent {
  job_id: string;
  attempt: number;
  position: number;
  text: string;
  entries?: api.LogEntryDocument[];
}

/** The body of POST /jobs; the form of an upload has these fields, too. */
export interface JobRequest {
  type: string;
  payload: Record<string, unknown>;
  [option: string]: unknown;
}

/** The body of PUT /schedules/NAME. */
export interface ScheduleRequest {
  type: string;
  payload: Record<string, unknown>;
  options: Record<string, unknown>;
  [field: string]: unknown;
}

/** The query of GET /jobs, as far as the list of jobs uses it. */
export type Filters = Partial<Record<FilterName | "cursor", string>>;
export type FilterName =
  | "status"
  | "type"
  | "queue"
  | "schedule"
  | "tag"
  | "batch"
  | "after"
  | "text"
  | "submitted_by"
  | "failure"
  | TimeFilterName;
export type TimeFilterName =
  "created_after" | "created_before" | "finished_after" | "finished_before";

/** The parts of JSON Schema that the service uses. */
export interface Schema {
  $ref?: string;
  $defs?: Record<string, Schema>;
  type?: string | string[];
  title?: string;
  description?: string;
  format?: string;
  const?: unknown;
  default?: unknown;
  enum?: unknown[];
  anyOf?: Schema[];
  oneOf?: Schema[];
  items?: Schema;
  properties?: Record<string, Schema>;
  additionalProperties?: boolean | Schema;
  required?: string[];
  minimum?: number;
  exclusiveMinimum?: number;
  maximum?: number;
  minLength?: number;
  maxLength?: number;
  minItems?: number;
  maxItems?: number;
  pattern?: string;
}

/** The parts of an OpenAPI document that the page of the API shows. */
export interface OpenApi {
  info: { description: string };
  paths: Record<string, PathItem>;
  components: {
    schemas: Record<string, Schema>;
    responses: Record<string, OpenApiResponse>;
  };
}

export type Method = "get" | "post" | "put" | "patch" | "delete";
export type PathItem = { parameters?: Parameter[] } & Partial<Record<Method, Operation>>;

export interface Operation {
  operationId: string;
  summary: string;
  description: string;
  parameters: Parameter[];
  requestBody?: { content: Content };
  responses: Record<string, OpenApiResponse | { $ref: string }>;
}

export interface Parameter {
  name: string;
  in: string;
  schema: Schema;
  required?: boolean;
  description?: string;
}

export type Content = Record<string, { schema: Schema }>;

export interface OpenApiResponse {
  description: string;
  headers?: Record<string, unknown>;
  content?: Content;
}

/** A pattern of an `analyze` job: a text or a regex, or a combination, which has no `pattern`. */
export interface Pattern {
  pattern?: string;
  regex?: boolean;
  ignore_case?: boolean;
  word?: boolean;
  name?: string;
  all?: (string | Pattern)[];
  any?: (string | Pattern)[];
  none?: (string | Pattern)[];
}

/** The result of an `analyze` job; the progress of a running one has `counts` alone. */
export interface Analysis {
  counts?: Record<string, number>;
  matching_lines?: Record<string, number>;
  first_line?: Record<string, number | null>;
  last_line?: Record<string, number | null>;
  lines?: number;
  /** Only if records of several lines are counted. */
  counted?: "records";
  records?: number;
  samples?: Record<string, (string | Sample)[]>;
  histogram?: Record<string, Histogram>;
  timeline?: TimelineFigures;
  overview?: LogOverview;
  fields?: Record<string, FieldFigures>;
  bytes?: number;
  file?: AnalyzedFile;
  selected?: { from: string | null; until: string | null; lines: number };
  archive?: { members: number; analyzed: number; failed: number };
  members?: Member[];
  warnings?: { code: string; message: string }[];
}

/** A file of an archive. Figures are null if it could not be read. */
export interface Member {
  name: string;
  bytes: number | null;
  lines?: number | null;
  counts: Record<string, number> | null;
  error: { code: string; message: string } | null;
}

export interface Sample {
  line: number;
  time: string | null;
  text: string;
  before: string[];
  after: string[];
}

/** Matching lines over time: pairs of the start of an interval and the count in it. */
export interface Histogram {
  unit: string;
  lines: [string, number][];
  undated_lines: number;
}

/** Lines over time on one axis: a count for each bin. `start` is null if no line has a time. */
export interface TimelineFigures {
  start: string | null;
  bin_seconds: number;
  bins: number;
  total: number[];
  patterns?: Record<string, number[]>;
  levels?: Record<string, number[]>;
  statuses?: Record<string, number[]>;
  templates?: Record<string, number[]>;
  undated: number;
  before?: number;
  after?: number;
}

export interface LogOverview {
  format?: { name: string; title: string; share: number };
  levels?: Record<string, number>;
  statuses?: Record<string, number>;
  templates?: Template[];
  templates_total: number;
  templates_approximate: boolean;
  bursts?: FoundBurst[];
  /** Only if the job was asked to explain. */
  explanations?: api.ExplanationDocument[];
  fields?: string[];
}

export interface Template {
  id: string;
  template: string;
  count: number;
  first_line: number;
  last_line: number;
  first_time: string | null;
  last_time: string | null;
  sample: string;
  level: string | null;
  state: string;
}

export interface FoundBurst {
  kind: string;
  key: string;
  from: string;
  until: string;
  count: number;
  expected: number;
}

export interface FieldFigures {
  count: number;
  distinct: number;
  distinct_error: number;
  top: { value: string; count: number; error: number }[];
  number: Record<"count" | "min" | "mean" | "max" | "p50" | "p95" | "p99", number> | null;
  over_time?: FieldOverTime;
}

/** Figures of a field, each with a number for each bin of the timeline. */
export interface FieldOverTime {
  count: number[];
  distinct: number[];
  p50: (number | null)[] | null;
  p95: (number | null)[] | null;
  p99: (number | null)[] | null;
  top: { value: string; counts: number[] }[];
}

export interface AnalyzedFile {
  format: string;
  seconds: number;
  bytes_per_second: number;
  time_span: [string, string] | null;
}
