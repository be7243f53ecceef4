import { createHash } from "node:crypto";
import { readdirSync, writeFileSync } from "node:fs";
import { basename, resolve } from "node:path";
import { brotliCompressSync } from "node:zlib";
import type { Plugin } from "vite";
import { defineConfig } from "vitest/config";

const HERE = import.meta.dirname;
/** Scripts of one file each, beside the app's modules, and their own copies of what they share with it. */
const ALONE = ["sw", "early", "ladder_painter", "map_painter"];
const IS_ALONE = /\/src\/(?:paint\/)?(?:sw|early|ladder_painter|map_painter)\.ts$|\?alone-/;

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

/** Writes what the server sends to browsers that take brotli, which it cannot make itself: a tenth less than gzip. */
function compressed(): Plugin {
  return {
    name: "leadline-compressed",
    apply: "build",
    writeBundle({ dir = "" }, bundle) {
      for (const [name, made] of Object.entries(bundle)) {
        const packed = brotliCompressSync(made.type === "chunk" ? made.code : made.source);
        writeFileSync(resolve(dir, `${name}.br`), packed);
      }
    },
  };
}

/** Has the page run its first script at once, beside the fetching of the app; nothing waits for it. */
function early(): Plugin {
  const script = {
    tag: "script",
    attrs: { async: true, src: "/early.js" },
    injectTo: "head-prepend",
  } as const;
  return { name: "leadline-early", apply: "build", transformIndexHtml: () => [script] };
}

/** Gives scripts of one file their own copy of what they share with the app: they import nothing. */
function ownModules(): Plugin {
  return {
    name: "leadline-own-modules",
    apply: "build",
    enforce: "pre",
    async resolveId(source, importer, options) {
      if (!importer || !IS_ALONE.test(importer)) return null;
      const [path = "", copy] = importer.split("?alone-");
      const script = copy?.replace(".json", "") ?? basename(path, ".ts");
      const found = await this.resolve(source, path, { ...options, skipSelf: true });
      if (!found) return null;
      // What a module is made of is told by how its name ends.
      return `${found.id}?alone-${script}${found.id.endsWith(".json") ? ".json" : ""}`;
    },
  };
}

export default defineConfig({
  plugins: [ownModules(), early(), precache(), compressed()],
  build: {
    outDir: resolve(HERE, "../server/leadline/static"),
    emptyOutDir: true,
    target: "es2022",
    // What the entry imports is fetched beside it, not after it; every browser that runs this knows how.
    modulePreload: { polyfill: false },
    // The policy of the page allows no data: fonts and few data: images; files are simpler.
    assetsInlineLimit: 0,
    rolldownOptions: {
      input: {
        app: resolve(HERE, "index.html"),
        sw: resolve(HERE, "src/sw.ts"),
        early: resolve(HERE, "src/early.ts"),
        ladder_painter: resolve(HERE, "src/paint/ladder_painter.ts"),
        map_painter: resolve(HERE, "src/paint/map_painter.ts"),
      },
      output: {
        entryFileNames: ({ name }) => (ALONE.includes(name) ? "[name].js" : "assets/[name]-[hash].js"),
        chunkFileNames: "assets/[name]-[hash].js",
        assetFileNames: "assets/[name]-[hash][extname]",
        // One file for the first picture: a browser asks for six at once and has the others wait a round trip.
        codeSplitting: { groups: [{ name: "shell", tags: ["$initial"], test: (id) => !IS_ALONE.test(id) }] },
      },
    },
  },
  test: { include: ["src/**/*.test.ts", "src/**/*.test.tsx"] },
});
