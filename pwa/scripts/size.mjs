// Prints what a phone fetches before its first picture, and what it fetches later, in bytes of brotli.
import { readdirSync, readFileSync } from "node:fs";
import { extname, join, resolve } from "node:path";
import { brotliCompressSync, constants } from "node:zlib";

const folder = resolve(process.argv[2] ?? join(import.meta.dirname, "../../server/leadline/static"));
const options = { params: { [constants.BROTLI_PARAM_QUALITY]: constants.BROTLI_MAX_QUALITY } };
const sizeOf = (name) => brotliCompressSync(readFileSync(join(folder, name)), options).length;
const read = (name) => readFileSync(join(folder, name), "utf8");

const shell = new Set(["early.js", "index.html", "manifest.webmanifest", "ladder_painter.js", "sw.js"]);
const wanted = [...read("index.html").matchAll(/(?:src|href)="\/(assets\/[^"]+)"/g)].map(([, name]) => name);
for (const name of wanted) {
  if (shell.has(name)) continue;
  shell.add(name);
  if (extname(name) !== ".js") continue;
  // What it imports at once; `import()` fetches later.
  for (const [, found] of read(name).matchAll(/(?:from|import)\s*"\.\/([^"]+\.js)"/g)) {
    wanted.push(`assets/${found}`);
  }
}
const later = [
  ...readdirSync(join(folder, "assets")).map((name) => `assets/${name}`),
  "map_painter.js",
].filter((name) => /\.(js|css)$/.test(name) && !shell.has(name));
const sizes = (names) => Object.fromEntries([...names].sort().map((name) => [name, sizeOf(name)]));
const sum = (table) => Object.values(table).reduce((total, size) => total + size, 0);
const [first, rest] = [sizes(shell), sizes(later)];
console.log(JSON.stringify({ shell: sum(first), later: sum(rest), first, rest }, null, 1));
