// The API for people: every call of /openapi.json, with the documents that go to and fro.

import { get } from "../../shared/api.js";
import { h, put } from "../../lib/dom.js";
import { failure, loading } from "../../lib/placeholders.js";
import { callCommand, commands, quoted } from "../../shared/curl.js";
import { fieldTable, schemaSection, typeOf } from "./schemaView.js";

const METHODS = ["get", "post", "put", "patch", "delete"];

/** Show the page. */
export function showDocs(root) {
  const body = put(h("div", {}), loading());
  put(root, h("h1", {}, "API"), body);
  const load = () => get("/openapi.json").then((api) => show(body, api), (error) => put(body, failure(error, load)));
  load();
}

function show(body, api) {
  const calls = Object.entries(api.paths).flatMap(([path, item]) => (
    METHODS.filter((method) => item[method]).map((method) => call(method, path, item))));
  put(body,
    h("p", {}, api.info.description, " This page is made from ", h("a", { href: "/openapi.json" }, "/openapi.json"),
      ", from which clients can be made as well."),
    h("section", {}, h("h2", {}, "Calls"), calls),
    h("section", {}, h("h2", {}, "Documents"),
      Object.entries(api.components.schemas).map(([name, schema]) => schemaSection(name, schema))));
  if (location.hash) document.getElementById(location.hash.slice(1))?.scrollIntoView();
}

function call(method, path, item) {
  const operation = item[method];
  const parameters = [...(item.parameters ?? []), ...operation.parameters];
  return h("details", { class: "call", id: operation.operationId },
    h("summary", {}, h("span", { class: `method ${method}` }, method.toUpperCase()), h("code", {}, path),
      h("span", { class: "quiet" }, operation.summary)),
    parameters.length > 0 && [h("h3", {}, "Parameters"), fieldTable("Parameters", parameters.map(parameter))],
    operation.requestBody && [h("h3", {}, "Body"), contents(operation.requestBody.content)],
    h("h3", {}, "Answers"), answers(operation.responses),
    h("h3", {}, "At a terminal"), commands([["", command(method, path, operation)]]));
}

const parameter = ({ name, in: place, schema, required, description }) => ({ name, schema, required, description, place });

function contents(content) {
  return h("ul", {}, Object.entries(content).map(([kind, { schema }]) => (
    h("li", {}, h("code", {}, kind), ": ", typeOf(schema)))));
}

function answers(responses) {
  return h("div", { class: "scroll", tabindex: 0, role: "group", "aria-label": "Answers" },
    h("table", { class: "figures reference" },
      h("thead", {}, h("tr", {}, ["Status", "When", "What"].map((head) => h("th", { scope: "col" }, head)))),
      h("tbody", {}, Object.entries(responses).map(([status, answer]) => h("tr", {},
        h("th", { scope: "row" }, status), h("td", {}, answer.description), h("td", {}, what(answer)))))));
}

function what(answer) {
  const headers = Object.keys(answer.headers ?? {});
  return [answer.content && contents(answer.content),
    headers.length > 0 && h("p", { class: "quiet" }, `Headers: ${headers.join(", ")}`)];
}

/** The call as a command; what has to be filled in is in capitals. */
function command(method, path, operation) {
  const address = path.replaceAll(/{(\w+)}/g, (_, name) => name.toUpperCase());
  const plain = callCommand(method.toUpperCase(), address);
  if (!operation.requestBody) return plain;
  return `${plain} -H 'Content-Type: application/json' -d ${quoted("{…}")}`;
}
