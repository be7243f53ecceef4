import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { expect, it } from "vitest";
import { patched } from "./patch.ts";

const golden = (name: string) =>
  JSON.parse(readFileSync(resolve(import.meta.dirname, `../../../shared/wire/golden/${name}.json`), "utf8"));

it("leads from the server's slow facts to its later ones", () => {
  const held = golden("state_clusters").facts;
  expect(patched(held, golden("state_changes").changes)).toEqual(golden("state_later").facts);
});

it("leaves what it was given as it was", () => {
  const held = { bands: { factor: 2 }, clusters: [{ id: 1, usd: 5 }] };
  const later = patched(held, { bands: { factor: 3 }, clusters: [{ id: 1, usd: 6 }] });
  expect(held).toEqual({ bands: { factor: 2 }, clusters: [{ id: 1, usd: 5 }] });
  expect(later).toEqual({ bands: { factor: 3 }, clusters: [{ id: 1, usd: 6 }] });
});

it("takes a first value, none, and lists without names whole", () => {
  const held: Record<string, unknown> = {
    bands: null,
    chain: { up: 1 },
    clusters: [{ id: 1 }],
    ticks: [1, 2],
  };
  const changes = { bands: { factor: 3 }, chain: null, clusters: [], ticks: [3] };
  expect(patched(held, changes)).toEqual(changes);
});
