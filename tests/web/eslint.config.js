// The rules for server/web and its tests. `make check` applies them, from the root of the repository.

import js from "@eslint/js";
import jsdoc from "eslint-plugin-jsdoc";
import globals from "globals";

/** Modules of a folder may not import modules whose path matches one of the patterns. */
const mayNotImport = (files, group, message) => ({
  files: [`server/web/${files}`],
  rules: { "no-restricted-imports": ["error", { patterns: [{ group, message }] }] },
});

export default [
  { ignores: ["**/node_modules/", "server/web/types.d.ts"] },
  js.configs.recommended,
  {
    linterOptions: { reportUnusedDisableDirectives: "error" },
    rules: {
      eqeqeq: "error",
      "no-unused-vars": [
        "error",
        { ignoreRestSiblings: true, varsIgnorePattern: "^_", argsIgnorePattern: "^_" },
      ],
      "no-var": "error",
      "prefer-const": "error",
    },
  },
  {
    files: ["server/web/**/*.js"],
    languageOptions: { globals: globals.browser },
    plugins: { jsdoc },
    settings: { jsdoc: { mode: "typescript" } },
    rules: {
      "jsdoc/require-jsdoc": [
        "error",
        { publicOnly: true, require: { ArrowFunctionExpression: true, ClassDeclaration: true } },
      ],
      "jsdoc/require-description": [
        "error",
        { checkConstructors: false, contexts: ["ExportNamedDeclaration"] },
      ],
      "jsdoc/check-param-names": "error",
      "jsdoc/check-tag-names": "error",
      "max-len": ["error", { code: 100, ignoreStrings: true, ignoreTemplateLiterals: true }],
      "no-restricted-properties": [
        "error",
        ...["innerHTML", "outerHTML", "insertAdjacentHTML"].map((property) => ({
          property,
          message: "Text becomes text nodes; no module parses HTML.",
        })),
      ],
    },
  },
  mayNotImport(
    "lib/*.js",
    ["../*"],
    "lib/ knows nothing of jobs: it imports only modules of lib/.",
  ),
  mayNotImport(
    "shared/*.js",
    ["../pages/**", "../app.js"],
    "shared/ imports only modules of lib/ and shared/.",
  ),
  mayNotImport(
    "pages/**/*.js",
    ["../!(..)/**", "../../pages/**", "../../app.js"],
    "A page imports no other page; shared/ is for both.",
  ),
  { files: ["tests/web/**/*.js"], languageOptions: { globals: globals.node } },
];
