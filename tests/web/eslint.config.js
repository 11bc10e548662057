// The rules for server/web and its tests. `make check` applies them, from the root of the repository.

import js from "@eslint/js";
import jsdoc from "eslint-plugin-jsdoc";
import globals from "globals";

/** Modules whose path matches `files` may import only those whose path begins as `allowed` does. */
const mayOnlyImport = (files, allowed, message) => ({
  files: [`server/web/${files}`],
  rules: {
    "no-restricted-imports": ["error", { patterns: [{ regex: `^(?!${allowed})`, message }] }],
  },
});

export default [
  { ignores: ["**/node_modules/", "server/web/**/*.d.ts", "server/web/vendor/"] },
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
  mayOnlyImport(
    "lib/*.js",
    "\\./|\\.\\./vendor/",
    "lib/ knows nothing of jobs, and imports only lib/ and vendor/.",
  ),
  mayOnlyImport("shared/*.js", "\\./|\\.\\./lib/", "shared/ imports only lib/ and shared/."),
  mayOnlyImport(
    "forms/*.js",
    "\\./|\\.\\./(lib|shared)/",
    "forms/ imports only lib/, shared/ and forms/.",
  ),
  mayOnlyImport(
    "analysis/*.js",
    "\\./|\\.\\./(lib|shared)/",
    "analysis/ imports only lib/, shared/ and analysis/.",
  ),
  mayOnlyImport(
    "uploads/*.js",
    "\\./|\\.\\./(lib|shared)/",
    "uploads/ imports only lib/, shared/ and uploads/.",
  ),
  mayOnlyImport(
    "pages/*/*.js",
    "\\./|\\.\\./\\.\\./(analysis|forms|lib|shared|uploads)/",
    "A page imports no other page; what two pages need belongs to shared/ or forms/.",
  ),
  { files: ["tests/web/**/*.js"], languageOptions: { globals: globals.node } },
];
