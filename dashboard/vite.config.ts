import { defineConfig } from "vite";

// `npm run dev` serves the sources; calls go to the worker of `cargo xtask dev`, or to what BLOBWATCH names.
const worker = process.env["BLOBWATCH"] ?? "http://127.0.0.1:8787";

export default defineConfig({
  base: "/_blobwatch/",
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
