// The page of the API: every operation and every schema of /openapi.json.

import { h, replaceChildren, tableHead } from "../../lib/dom.js";
import { failure, loading } from "../../lib/placeholders.js";
import { get } from "../../shared/api.js";
import { callCommand, commandList, shellQuote } from "../../shared/curl.js";
import { fieldTable, schemaSection, typeOf } from "./schemaView.js";

/** @typedef {import("../../types.js").Content} Content */
/** @typedef {import("../../types.js").Method} Method */
/** @typedef {import("../../types.js").OpenApi} OpenApi */
/** @typedef {import("../../types.js").OpenApiResponse} OpenApiResponse */
/** @typedef {import("../../types.js").Operation} Operation */
/** @typedef {import("../../types.js").Parameter} Parameter */

/** @typedef {Record<string, OpenApiResponse>} Responses */
/** @typedef {Omit<Operation, "responses"> & { responses: Responses }} ShownOperation */

const RESPONSE_PREFIX = "#/components/responses/";
const FILE_TYPE = "application/octet-stream";
const FORM_TYPE = "multipart/form-data";
/** @type {Method[]} */
const METHODS = ["get", "post", "put", "patch", "delete"];

/**
 * Show the page.
 *
 * @type {import("../../app.js").Show}
 */
export function showDocs(root) {
  const body = replaceChildren(h("div", {}), loading());
  replaceChildren(root, h("h1", {}, "API"), body);
  const load = () =>
    get("/openapi.json").then(
      (api) => show(body, api),
      (error) => replaceChildren(body, failure(error, load)),
    );
  load();
}

/**
 * @param {HTMLElement} body
 * @param {OpenApi} api
 */
function show(body, api) {
  const operations = Object.entries(api.paths).flatMap(([path, item]) =>
    METHODS.flatMap((method) => {
      const operation = item[method];
      if (!operation) return [];
      return [operationDetails(method, path, resolved(operation, api), item.parameters ?? [])];
    }),
  );
  replaceChildren(
    body,
    h(
      "p",
      {},
      api.info.description,
      " This page is generated from ",
      h("a", { href: "/openapi.json" }, "/openapi.json"),
      ", which can also be used to generate clients. ",
      h("a", { href: "/docs/errors" }, "Errors"),
      " have a page of their own, and the ",
      h("a", { href: "/docs/guides" }, "guides"),
      " explain the rest.",
    ),
    h("section", {}, h("h2", {}, "Operations"), operations),
    h(
      "section",
      {},
      h("h2", {}, "Schemas"),
      Object.entries(api.components.schemas).map(([name, schema]) => schemaSection(name, schema)),
    ),
  );
  if (location.hash) document.getElementById(location.hash.slice(1))?.scrollIntoView();
}

/**
 * Return the operation with its responses in place of references to them.
 *
 * @param {Operation} operation
 * @param {OpenApi} api
 * @returns {ShownOperation}
 */
function resolved(operation, api) {
  const responses = Object.entries(operation.responses).map(([status, response]) => [
    status,
    "$ref" in response
      ? api.components.responses[response.$ref.slice(RESPONSE_PREFIX.length)]
      : response,
  ]);
  return { ...operation, responses: Object.fromEntries(responses) };
}

/**
 * @param {Method} method
 * @param {string} path
 * @param {ShownOperation} operation
 * @param {Parameter[]} shared the parameters of all operations of this path
 */
function operationDetails(method, path, operation, shared) {
  const parameters = [...shared, ...operation.parameters];
  return h(
    "details",
    { class: "call", id: operation.operationId },
    h(
      "summary",
      {},
      h("span", { class: `method ${method}` }, method.toUpperCase()),
      h("code", {}, path),
      h("span", { class: "quiet" }, operation.summary),
    ),
    h("p", {}, operation.description),
    parameters.length > 0 && [
      h("h3", {}, "Parameters"),
      fieldTable("Parameters", parameters.map(parameterField)),
    ],
    operation.requestBody && [
      h("h3", {}, "Request body"),
      contentList(operation.requestBody.content),
    ],
    h("h3", {}, "Responses"),
    responseTable(operation.responses),
    h("h3", {}, "Command"),
    commandList([["", commandOf(method, path, operation)]]),
  );
}

/** @param {Parameter} parameter */
const parameterField = ({ name, in: location, schema, required, description }) => ({
  name,
  schema,
  required,
  description,
  location,
});

/** @param {Content} content */
function contentList(content) {
  return h(
    "ul",
    {},
    Object.entries(content).map(([mediaType, { schema }]) =>
      h("li", {}, h("code", {}, mediaType), ": ", typeOf(schema)),
    ),
  );
}

/** @param {Record<string, OpenApiResponse>} responses */
function responseTable(responses) {
  return h(
    "div",
    { class: "scroll", tabindex: 0, role: "group", "aria-label": "Responses" },
    h(
      "table",
      { class: "figures reference" },
      tableHead(["Status", "Description", "Content"]),
      h(
        "tbody",
        {},
        Object.entries(responses).map(([status, response]) =>
          h(
            "tr",
            {},
            h("th", { scope: "row" }, status),
            h("td", {}, response.description),
            h("td", {}, responseContent(response)),
          ),
        ),
      ),
    ),
  );
}

/** @param {OpenApiResponse} response */
function responseContent(response) {
  const headers = Object.keys(response.headers ?? {});
  return [
    response.content && contentList(response.content),
    headers.length > 0 && h("p", { class: "quiet" }, `Headers: ${headers.join(", ")}`),
  ];
}

/**
 * Return the operation as a curl command. Path parameters are in capitals, for the reader to
 * replace.
 *
 * @param {Method} method
 * @param {string} path
 * @param {ShownOperation} operation
 */
function commandOf(method, path, operation) {
  const address = path.replaceAll(/{(\w+)}/g, (_, name) => name.toUpperCase());
  const content = operation.requestBody?.content;
  // The only calls whose body is a file count texts in it, and the query names these.
  if (content && FILE_TYPE in content) {
    return `${callCommand(method.toUpperCase(), `${address}?p=TEXT`)} --data-binary @FILE`;
  }
  const command = callCommand(method.toUpperCase(), address);
  if (!content) return command;
  if (FORM_TYPE in content) return `${command} -F type=… -F payload=… -F filename=@FILE`;
  return `${command} -H 'Content-Type: application/json' -d ${shellQuote("{…}")}`;
}
