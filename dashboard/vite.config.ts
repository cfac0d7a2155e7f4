import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { defineConfig, type Plugin } from "vite";
import { parseReference } from "./src/rule_language/reference.ts";

// `npm run dev` serves the sources; calls go to the worker of `cargo xtask dev`, or to what BLOBWATCH names.
const worker = process.env["BLOBWATCH"] ?? "http://127.0.0.1:8787";

/** The editor completes what the documentation of the rule language has, which tests compare with the code. */
const ruleLanguage: Plugin = {
  name: "rule-language",
  resolveId: (id) => (id === "virtual:rule-language" ? `\0${id}` : null),
  load(id) {
    if (id !== "\0virtual:rule-language") return null;
    const page = fileURLToPath(new URL("../docs/rules.md", import.meta.url));
    this.addWatchFile(page);
    return `export default ${JSON.stringify(parseReference(readFileSync(page, "utf8")))}`;
  },
};

/** What `GET openapi.json` answers: served from the same folder as the page. */
const openapi: Plugin = {
  name: "openapi",
  generateBundle() {
    const document = fileURLToPath(new URL("../docs/openapi.json", import.meta.url));
    this.emitFile({ type: "asset", fileName: "openapi.json", source: readFileSync(document) });
  },
};

export default defineConfig({
  base: "/_blobwatch/",
  plugins: [ruleLanguage, openapi],
  build: {
    outDir: "../build/dashboard",
    emptyOutDir: true,
    target: "es2022",
    // The content security policy allows files of ours only: no `data:` addresses, no inline script.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    reportCompressedSize: true,
  },
  server: {
    proxy: { "^/_blobwatch/(api|session|healthz)": worker },
  },
});
