// Draws the app icons: a lead line let down through rows of depth that grow hotter towards the ground.
// Run with `npm run icons`; the pictures are committed, so a build needs no drawing.
import { mkdirSync, writeFileSync } from "node:fs";
import { crc32, deflateSync } from "node:zlib";

const OUT = new URL("../public/icons/", import.meta.url);
const SAMPLES = 4; // per pixel and axis
const GROUND = [11, 14, 19];
const ICE = [230, 237, 247];
/** Rows of depth from the surface down: [y, half width, colour], in units of the drawing's own square. */
const ROWS = [
  [0.285, 0.13, [65, 13, 96]],
  [0.395, 0.2, [147, 35, 103]],
  [0.505, 0.28, [219, 80, 50]],
  [0.615, 0.22, [251, 163, 17]],
  [0.725, 0.15, [245, 216, 60]],
];
const ROW_HALF_HEIGHT = 0.034;
const LINE_HALF_WIDTH = 0.017;

const insideRound = (x, y, cx, cy, halfWidth, halfHeight, radius) => {
  const dx = Math.max(Math.abs(x - cx) - halfWidth + radius, 0);
  const dy = Math.max(Math.abs(y - cy) - halfHeight + radius, 0);
  return Math.hypot(dx, dy) <= radius;
};

/** Tells whether a point lies in the lead: a slim weight that widens towards its foot. */
const insideLead = (x, y) => {
  const along = (y - 0.7) / 0.15;
  return along >= 0 && along <= 1 && Math.abs(x - 0.5) <= 0.03 + 0.034 * along;
};

const colourAt = (x, y) => {
  const halo = insideRound(x, y, 0.5, 0.43, LINE_HALF_WIDTH + 0.022, 0.29, 0.02);
  const lead = insideLead(x, y);
  if (insideRound(x, y, 0.5, 0.43, LINE_HALF_WIDTH, 0.29, LINE_HALF_WIDTH) || lead) return ICE;
  if (halo || insideLead(0.5 + (x - 0.5) * 0.72, 0.7 + (y - 0.7) * 0.9)) return GROUND;
  for (const [cy, half, colour] of ROWS)
    if (insideRound(x, y, 0.5, cy, half, ROW_HALF_HEIGHT, 0.018)) return colour;
  return GROUND;
};

const chunk = (type, data) => {
  const body = Buffer.concat([Buffer.from(type, "ascii"), data]);
  const out = Buffer.alloc(body.length + 8);
  out.writeUInt32BE(data.length, 0);
  body.copy(out, 4);
  out.writeUInt32BE(crc32(body), body.length + 4);
  return out;
};

/** `zoom` below 1 shrinks the drawing into the safe middle of a maskable icon; `corner` rounds the tile. */
const icon = (name, size, { zoom, corner }) => {
  const rows = Buffer.alloc(size * (size * 4 + 1));
  for (let py = 0; py < size; py++) {
    for (let px = 0; px < size; px++) {
      const sum = [0, 0, 0, 0];
      for (let k = 0; k < SAMPLES * SAMPLES; k++) {
        const x = (px + ((k % SAMPLES) + 0.5) / SAMPLES) / size;
        const y = (py + (Math.floor(k / SAMPLES) + 0.5) / SAMPLES) / size;
        if (corner > 0 && !insideRound(x, y, 0.5, 0.5, 0.5, 0.5, corner)) continue;
        const colour = colourAt(0.5 + (x - 0.5) / zoom, 0.53 + (y - 0.5) / zoom);
        for (let c = 0; c < 3; c++) sum[c] += colour[c];
        sum[3] += 1;
      }
      const at = py * (size * 4 + 1) + 1 + px * 4;
      for (let c = 0; c < 3; c++) rows[at + c] = sum[3] ? Math.round(sum[c] / sum[3]) : 0;
      rows[at + 3] = Math.round((sum[3] / (SAMPLES * SAMPLES)) * 255);
    }
  }
  const header = Buffer.alloc(13);
  header.writeUInt32BE(size, 0);
  header.writeUInt32BE(size, 4);
  header.set([8, 6, 0, 0, 0], 8);
  const signature = Buffer.from([137, 80, 78, 71, 13, 10, 26, 10]);
  const parts = [
    chunk("IHDR", header),
    chunk("IDAT", deflateSync(rows, { level: 9 })),
    chunk("IEND", Buffer.alloc(0)),
  ];
  writeFileSync(new URL(name, OUT), Buffer.concat([signature, ...parts]));
};

mkdirSync(OUT, { recursive: true });
icon("icon-192.png", 192, { zoom: 1.12, corner: 0.2 });
icon("icon-512.png", 512, { zoom: 1.12, corner: 0.2 });
icon("maskable-512.png", 512, { zoom: 0.86, corner: 0 });
icon("apple-touch-180.png", 180, { zoom: 1, corner: 0 });
