import { createHash } from "node:crypto";
import { readdirSync } from "node:fs";
import { resolve } from "node:path";
import type { Plugin } from "vite";
import { defineConfig } from "vitest/config";

const HERE = import.meta.dirname;

/** Writes the list of everything the shell needs, and a version made from it, into the service worker. */
function precache(): Plugin {
  return {
    name: "leadline-precache",
    apply: "build",
    generateBundle: {
      order: "post",
      handler(_options, bundle) {
        const worker = bundle["sw.js"];
        if (worker?.type !== "chunk") throw new Error("expected the service worker as sw.js");
        const built = Object.keys(bundle).filter((name) => name !== "sw.js" && name !== "index.html");
        const copied = readdirSync(resolve(HERE, "public"), { recursive: true, withFileTypes: true })
          .filter((entry) => entry.isFile())
          .map((entry) => resolve(entry.parentPath, entry.name).slice(resolve(HERE, "public").length + 1));
        const urls = ["/", ...[...built, ...copied].map((name) => `/${name}`)].sort();
        const page = bundle["index.html"];
        const version = createHash("sha256")
          .update(JSON.stringify([urls, page?.type === "asset" ? String(page.source) : ""]))
          .digest("hex")
          .slice(0, 12);
        worker.code = worker.code
          .replaceAll("__PRECACHE_URLS__", JSON.stringify(urls))
          .replaceAll("__PRECACHE_VERSION__", JSON.stringify(version));
      },
    },
  };
}

/** Gives the service worker its own copy of what it shares with the page: it is one file and imports nothing. */
function ownModules(): Plugin {
  const own = (importer: string) => importer.endsWith("/src/sw.ts") || importer.endsWith("?sw");
  return {
    name: "leadline-own-modules",
    enforce: "pre",
    async resolveId(source, importer, options) {
      if (!importer || !own(importer)) return null;
      const found = await this.resolve(source, importer.replace("?sw", ""), { ...options, skipSelf: true });
      return found ? `${found.id}?sw` : null;
    },
  };
}

export default defineConfig({
  plugins: [ownModules(), precache()],
  build: {
    outDir: resolve(HERE, "../server/leadline/static"),
    emptyOutDir: true,
    target: "es2022",
    // What the entry imports is fetched beside it, not after it; every browser that runs this knows how.
    modulePreload: { polyfill: false },
    // The policy of the page allows no data: fonts and few data: images; files are simpler.
    assetsInlineLimit: 0,
    rolldownOptions: {
      input: { app: resolve(HERE, "index.html"), sw: resolve(HERE, "src/sw.ts") },
      output: {
        entryFileNames: (chunk) => (chunk.name === "sw" ? "sw.js" : "assets/[name]-[hash].js"),
        chunkFileNames: "assets/[name]-[hash].js",
        assetFileNames: "assets/[name]-[hash][extname]",
      },
    },
  },
  test: { environment: "happy-dom", include: ["src/**/*.test.ts", "src/**/*.test.tsx"] },
});
