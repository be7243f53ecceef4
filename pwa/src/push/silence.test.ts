import { describe, expect, it } from "vitest";
import { silenceNotice } from "./notice.ts";
import { heard, lastHeard, lookForServer } from "./silence.ts";

const NOW = 1_800_000_000_000;

/** A phone with its store, and a server that answers or not. */
class Phone {
  online = true;
  nowMs = NOW;
  answers: (() => Promise<Response>)[] = [];
  said: (number | "taken back")[] = [];
  pauses = 0;
  #kept: string | undefined;

  readonly stores = {
    open: async () => ({
      match: async () => (this.#kept === undefined ? undefined : new Response(this.#kept)),
      put: async (_: string, answer: Response) => {
        this.#kept = await answer.text();
      },
    }),
  } as unknown as CacheStorage;

  spoil(): void {
    this.#kept = "{";
  }

  get looker() {
    return {
      stores: this.stores,
      fetch: (async () => (this.answers.shift() ?? dead)()) as unknown as typeof fetch,
      online: this.online,
      nowMs: this.nowMs,
      pause: async () => {
        this.pauses += 1;
      },
      tell: async (sinceMs: number) => {
        this.said.push(sinceMs);
      },
      takeBack: async () => {
        this.said.push("taken back");
      },
    };
  }
}

const well = async () => Response.json({ status: "ok", version: "1" });
const starting = async () => Response.json({ status: "starting", version: "1" }, { status: 503 });
const proxy = async () => new Response("<h1>502 Bad Gateway</h1>", { status: 502 });
const dead = async (): Promise<Response> => {
  throw new TypeError("Failed to fetch");
};

describe("a server that falls silent", () => {
  it("is told once, with the time it was heard last, and taken back when it is there again", async () => {
    const phone = new Phone();
    await heard(phone.looker);
    phone.nowMs += 600_000;
    await lookForServer(phone.looker);
    expect(phone.said).toEqual([NOW]);
    await lookForServer(phone.looker);
    expect(phone.said).toEqual([NOW]);
    phone.answers = [well];
    await lookForServer(phone.looker);
    expect(phone.said).toEqual([NOW, "taken back"]);
    expect(await lastHeard(phone.stores)).toEqual({ atMs: NOW + 600_000, told: false });
  });

  it("is asked twice, and one that starts is no silent one", async () => {
    const phone = new Phone();
    await heard(phone.looker);
    for (const answers of [[dead, well], [proxy, starting], [starting]]) {
      phone.answers = [...answers];
      await lookForServer(phone.looker);
    }
    expect(phone.said).toEqual([]);
    expect(phone.pauses).toBe(2);
  });

  it("is not told by a proxy's page, but behind it", async () => {
    const phone = new Phone();
    await heard(phone.looker);
    phone.answers = [proxy, proxy];
    await lookForServer(phone.looker);
    expect(phone.said).toEqual([NOW]);
  });

  it("is no news without a network, or before it was ever heard", async () => {
    const phone = new Phone();
    await lookForServer(phone.looker);
    phone.spoil();
    await lookForServer(phone.looker);
    await heard(phone.looker);
    phone.online = false;
    await lookForServer(phone.looker);
    expect(phone.said).toEqual([]);
  });

  it("says since when, and does not claim to know why", () => {
    const { title, body, data } = silenceNotice(NOW);
    expect(title).toMatch(/^Leadline has not answered since \w{3},? \d\d:\d\d$/);
    expect(body).toContain("or this phone cannot reach it");
    expect(data).toEqual({ url: "/#alerts" });
  });
});
