// Types for the checks of `tsc`; browsers never load this file. The interfaces of documents have the
// names and fields that /openapi.json gives them, and tests/web/test_modules.py compares the two.

export type Status = "queued" | "running" | "succeeded" | "failed" | "canceled";
export type Role = "read-own" | "read" | "submit" | "admin";

/** The component `Error` of /openapi.json; the global class has that name here. */
export interface JobError {
  type: string;
  message: string;
}

export interface UploadDocument {
  name: string;
  size: number;
  sha256: string;
}

/** A resumable upload. */
export interface UploadStateDocument {
  upload_id: string;
  name: string;
  size: number;
  offset: number;
  sha256: string | null;
  created_by: string | null;
  created_at: string;
  expires_at: string;
}

export interface AttemptDocument {
  attempt: number;
  runner: string;
  started_at: string;
  finished_at: string | null;
  seconds: number | null;
  outcome: string | null;
  error: JobError | null;
  cpu_seconds: number | null;
  peak_memory_bytes: number | null;
  pid: number | null;
  traceback: string | null;
  last_lines: string[];
}

export type Progress = Record<string, unknown>;

/** A job. Of the fields with a question mark, it has those that were set or have happened. */
export interface JobDocument {
  job_id: string;
  type: string;
  status: Status;
  payload: Record<string, unknown>;
  result: unknown;
  error: JobError | null;
  progress: Progress | null;
  attempt: number;
  retry_count?: number;
  max_retries?: number;
  loss_count?: number;
  max_losses?: number;
  client_retries?: number;
  priority?: number;
  queue?: string;
  tags?: string[];
  metadata?: Record<string, unknown> | null;
  after?: string[];
  on_failure?: "cancel" | "run" | null;
  input?: { from: string } | null;
  expires_at?: string | null;
  finish_by?: string | null;
  missed_at?: string | null;
  backoff?: unknown;
  unique_key?: string | null;
  unique?: "queued" | "running" | "final" | null;
  schedule?: string | null;
  nominal_at?: string | null;
  concurrency_key?: string | null;
  max_per_key?: number | null;
  memory_bytes?: number | null;
  cpu_seconds?: number | null;
  max_output_bytes?: number | null;
  nice?: number | null;
  keep_for?: number | null;
  callback_url?: string | null;
  batch_id?: string | null;
  submitted_by?: string | null;
  canceled_by?: string | null;
  timeout?: number | null;
  created_at: string;
  run_at: string;
  started_at: string | null;
  finished_at: string | null;
  cancel_requested_at?: string | null;
  runner?: string | null;
  upload?: UploadDocument | null;
  files?: number;
  attempts: AttemptDocument[];
  reused_from?: string;
  dry_run?: DryRunDocument;
  existing?: true;
}

export interface PageDocument {
  items: JobDocument[];
  limit: number;
  next: string | null;
  unknown?: string[];
}

export type AcceptedDocument = Pick<JobDocument, "job_id" | "status">;

export interface ChangedDocument {
  job_id: string;
  status: Status;
  message: string;
}

export interface BulkDocument {
  matched: number;
  changed: number;
  dry_run: boolean;
  next: string | null;
}

export interface FailureDocument {
  failure: string;
  type: string;
  error_type: string;
  message: string;
  latest_message: string;
  count: number;
  first_at: string;
  last_at: string;
  job_ids: string[];
}

export interface FailuresDocument {
  items: FailureDocument[];
  group_count: number;
  failed: number;
  looked_back_to: string | null;
  next: string | null;
}

export interface AuditEntryDocument {
  id: string;
  at: string;
  caller: string | null;
  address: string | null;
  action: string;
  kind: string;
  subject: string;
  detail: Record<string, unknown>;
}

export interface AuditDocument {
  items: AuditEntryDocument[];
  next: string | null;
}

export interface Reason {
  code: string;
  detail: string;
}

export interface DryRunDocument {
  reasons: Reason[];
  position: number | null;
  ahead: number | null;
  ahead_is_more: boolean;
  runners: number;
  slots: number;
  busy: number;
  estimated_start_at: string | null;
  estimated_seconds: number | null;
  estimated_duration: number | null;
  estimated_end_at: string | null;
}

export interface ExplainDocument {
  job_id: string;
  status: Status;
  run_at: string;
  expires_at: string | null;
  finish_by: string | null;
  reasons: Reason[];
  position: number | null;
  ahead: number | null;
  ahead_is_more: boolean;
  runners: number;
  slots: number;
  busy: number;
  estimated_start_at: string | null;
  estimated_seconds: number | null;
  estimated_duration: number | null;
  estimated_end_at: string | null;
}

export interface Piece {
  position: number;
  text: string;
}

export interface LogEntryDocument {
  time: string | null;
  stream: "stdout" | "stderr" | "log" | null;
  level: "debug" | "info" | "warning" | "error" | "critical" | null;
  logger: string | null;
  message: string;
  fields: Record<string, unknown> | null;
  traceback: string | null;
  position: number;
}

export interface LogsDocument {
  job_id: string;
  attempt: number;
  bytes: number;
  pieces: Piece[];
  /** Missing in the answer of a listener of the release before. */
  entries?: LogEntryDocument[];
  version: number;
}

export interface FileDocument {
  name: string;
  size: number;
  media_type: string;
  sha256: string;
  url: string;
}

export interface FilesDocument {
  files: FileDocument[];
}

export interface LineDocument {
  line: number;
  time: string | null;
  text: string;
  matches: [number, number][];
  member?: string;
  member_line?: number;
  context?: boolean;
  continues?: boolean;
  truncated?: boolean;
}

export interface LinesDocument {
  lines: LineDocument[];
  next: string | null;
  total_lines: number | null;
  problem: string | null;
  failed_members?: { name: string; code: string; message: string }[];
}

export interface ComparedJobDocument {
  job_id: string;
  name: string | null;
  lines: number | null;
  bytes: number;
  hours: number | null;
}

export interface SignificanceDocument {
  test: string;
  per: string;
  correction: string;
  comparisons: number;
  alpha: number;
  min_ratio: number;
}

export interface ComparedCountDocument {
  kind: string;
  field: string | null;
  name: string;
  before: number;
  after: number;
  before_is_bound: boolean;
  after_is_bound: boolean;
  ratio: number | null;
  ratio_per_hour: number | null;
  p: number;
  change: string;
  significant: boolean;
}

export interface ChangesDocument {
  new: number;
  gone: number;
  more: number;
  less: number;
}

export interface ComparisonDocument {
  before: ComparedJobDocument;
  after: ComparedJobDocument;
  significance: SignificanceDocument;
  changes: ChangesDocument;
  counts: ComparedCountDocument[];
  not_compared: string[];
}

export interface RequestQuotaDocument {
  limit: number;
  burst: number;
  used: number;
}

export interface UseQuotaDocument {
  limit: number;
  used: number | null;
}

export interface QuotasDocument {
  queued: UseQuotaDocument | null;
  bytes: UseQuotaDocument | null;
  requests: RequestQuotaDocument | null;
}

export interface SessionDocument {
  tokens: boolean;
  name: string | null;
  role: Role;
  queues: string[] | null;
  method: "token" | "oidc" | "proxy" | null;
  expires_at: string | null;
  quotas: QuotasDocument;
}

export interface TypeDocument {
  upload: "none" | "required" | "optional";
  payload: Schema;
}

export interface JobTypeDocument {
  name: string;
  summary: string;
  version: string;
  origin: "built-in" | "package" | "folder" | "installed" | "commands";
  file: string | null;
  upload: "none" | "required" | "optional";
  payload_schema: Schema;
  defaults: Record<string, unknown>;
  isolation: "caller" | "shared" | "fresh";
  network: boolean;
}

export interface BrokenTypeDocument {
  origin: JobTypeDocument["origin"];
  file: string;
  line: number | null;
  reason: string;
  remedy: string;
}

export interface JobTypesDocument {
  types: JobTypeDocument[];
  broken: BrokenTypeDocument[];
}

export interface IndexDocument {
  service: string;
  jobs: string;
  openapi: string;
  job_types: Record<string, TypeDocument>;
}

export interface SumDocument {
  count: number;
  seconds: number;
}

export interface FiguresDocument {
  queued: number;
  running: number;
  oldest_due_seconds: number | null;
  submitted: number;
  finished: Record<string, number>;
  wait: SumDocument;
  run: SumDocument;
}

export interface QueueDocument {
  name: string;
  max_running: number | null;
  paused: boolean;
  paused_at: string | null;
  running: number;
  queued: number;
  queued_is_more: boolean;
  oldest_due_seconds: number | null;
}

export interface PatternSetHeadDocument {
  name: string;
  built_in: boolean;
  description: string;
  pattern_count: number;
  created_by: string | null;
  changed_by: string | null;
  created_at: string | null;
  changed_at: string | null;
  version: number;
}

export interface PatternSetDocument {
  name: string;
  built_in: boolean;
  description: string;
  pattern_count: number;
  created_by: string | null;
  changed_by: string | null;
  created_at: string | null;
  changed_at: string | null;
  version: number;
  patterns: (string | Record<string, unknown>)[];
}

export interface PatternSetsDocument {
  items: PatternSetHeadDocument[];
}

export interface QueuesDocument {
  items: QueueDocument[];
}

export interface FiringDocument {
  nominal_at: string;
  fired_at: string;
  job_id: string | null;
  outcome: "submitted" | "skipped" | "missed" | "refused";
  reason: string | null;
  status: Status | null;
}

/** A schedule in a list; `next` has at most one time. */
export interface ScheduleHeadDocument {
  name: string;
  type: string;
  cron: string | null;
  every: number | null;
  timezone: string;
  missed: string;
  overlap: string;
  paused: boolean;
  until: string | null;
  created_by: string | null;
  changed_by: string | null;
  created_at: string;
  updated_at: string;
  version: number;
  next: string[];
  last_job_id: string | null;
}

export interface ScheduleDocument {
  name: string;
  type: string;
  payload: Record<string, unknown>;
  cron: string | null;
  every: number | null;
  timezone: string;
  missed: string;
  overlap: string;
  paused: boolean;
  until: string | null;
  options: Record<string, unknown>;
  created_by: string | null;
  changed_by: string | null;
  created_at: string;
  updated_at: string;
  version: number;
  next: string[];
  recent: FiringDocument[];
  last_job_id: string | null;
}

export interface SchedulesDocument {
  schedules: ScheduleHeadDocument[];
  next: string | null;
}

export interface LimitsDocument {
  memory_bytes: number | null;
  cpu_seconds: number | null;
  max_output_bytes: number | null;
  nice: number | null;
}

export interface RunnerDocument {
  name: string;
  slots: number;
  busy: number;
  queues: string[] | null;
  started_at: string;
  cgroups: boolean | null;
  limits: LimitsDocument | null;
  heartbeat_age: number | null;
  stale: boolean;
}

export interface OverviewDocument {
  types: Record<string, FiguresDocument>;
  queues: QueueDocument[];
  runners: RunnerDocument[];
  slots: number;
  busy: number;
}

export interface MomentDocument {
  at: string;
  submitted: number;
  finished: number;
  wait: SumDocument;
}

export interface HistoryDocument {
  moments: MomentDocument[];
}

/** An error of the API, or one that the page has found itself, which has no code. */
export interface FieldDocument {
  field: string;
  detail: string;
  code?: string;
  line?: number;
  column?: number;
}

export interface ProblemDocument {
  type: string;
  title: string;
  status: number;
  code: string;
  detail: string;
  request_id: string;
  errors?: FieldDocument[];
  job_id?: string;
  estimated_start_at?: string;
  estimated_end_at?: string;
  quota?: "queued" | "bytes";
  limit?: number;
  used?: number;
  batch_id?: string;
}

/** How far a batch of jobs is. */
export interface BatchDocument {
  batch_id: string;
  created_at: string;
  submitted_by: string | null;
  size: number;
  queued: number;
  running: number;
  succeeded: number;
  failed: number;
  canceled: number;
  deleted: number;
  refused: number;
  then: string | null;
  finished: boolean;
  finished_at: string | null;
}

/** The data of `status` and `progress` events. */
export interface JobEvent {
  job_id: string;
  type: string;
  queue: string;
  tags: string[];
  status: Status;
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
  entries?: LogEntryDocument[];
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
  explanations?: ExplanationDocument[];
  fields?: string[];
}

/** What is different in a range of time. The first reasons are those of the causes, in their order. */
export interface ExplanationDocument {
  from: string;
  until: string;
  lines: number;
  causes: CauseDocument[];
  slow: SlowFieldDocument[];
  first: SeenTemplateDocument[];
  stopped: SeenTemplateDocument[];
  reasons: string[];
}

export interface CauseDocument {
  kind: "level" | "status" | "template" | "field";
  field: string | null;
  key: string;
  text: string;
  inside: number;
  outside: number;
  expected: number;
  share_inside: number;
  share_outside: number;
  ratio: number | null;
}

export interface SlowFieldDocument {
  field: string;
  p95: number;
  usual: number;
}

export interface SeenTemplateDocument {
  time: string;
  id: string;
  template: string;
  sample: string;
  level: string | null;
  count: number;
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
