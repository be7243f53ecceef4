import { describe, expect, it } from "vitest";
import { pushStateOf } from "./client.ts";
import { base64url, deviceName, fromBase64url } from "./device.ts";
import { readOpened } from "./opened.ts";
import { type Browser, register } from "./subscribe.ts";

const OLD = base64url(new Uint8Array(65).fill(1));
const NEW = base64url(new Uint8Array(65).fill(2));

/** A browser with one subscription at most, and a server with a key. */
class Fake {
  key = NEW;
  held: { for: string; ended: boolean } | null = null;
  posted: { path: string; body: Record<string, unknown> }[] = [];
  refusal: { code: string; text: string } | null = null;
  #kept = new Map<string, string>();

  subscription(held: { for: string; ended: boolean }): PushSubscription {
    return {
      options: { applicationServerKey: fromBase64url(held.for).buffer },
      unsubscribe: async () => {
        held.ended = true;
        this.held = null;
        return true;
      },
      toJSON: () => ({ endpoint: `https://push.example/${held.for.length}`, keys: {} }),
    } as unknown as PushSubscription;
  }

  get browser(): Browser {
    return {
      manager: {
        getSubscription: async () => (this.held ? this.subscription(this.held) : null),
        subscribe: async (options: { userVisibleOnly: boolean; applicationServerKey: Uint8Array }) => {
          if (this.held) throw new Error("InvalidStateError: another key is in use");
          expect(options.userVisibleOnly).toBe(true);
          this.held = { for: base64url(options.applicationServerKey), ended: false };
          return this.subscription(this.held);
        },
      } as unknown as PushManager,
      stores: {
        open: async () => ({
          match: async (place: string) => {
            const kept = this.#kept.get(place);
            return kept === undefined ? undefined : new Response(kept);
          },
          put: async (place: string, answer: Response) => {
            this.#kept.set(place, await answer.text());
          },
        }),
      } as unknown as CacheStorage,
      fetch: (async (path: string, init: RequestInit) => {
        if (path === "/api/push/key") return Response.json({ key: this.key });
        this.posted.push({ path, body: JSON.parse(String(init.body)) });
        return this.refusal ? Response.json({ error: this.refusal }, { status: 409 }) : Response.json({});
      }) as typeof fetch,
    };
  }
}

describe("subscribing", () => {
  it("tells the server the same device and subscription each time", async () => {
    const fake = new Fake();
    await register(fake.browser, "iPhone");
    await register(fake.browser, "iPhone");
    const [first, second] = fake.posted;
    expect(first).toEqual(second);
    expect(first?.path).toBe("/api/push/subscribe");
    expect(first?.body.key).toBe(NEW);
    expect(String(first?.body.device)).toMatch(/^[A-Za-z0-9_-]{43}$/);
  });

  it("subscribes anew when the server has another key", async () => {
    const fake = new Fake();
    const held = { for: OLD, ended: false };
    fake.held = held;
    await register(fake.browser, "iPhone");
    expect(held.ended).toBe(true);
    expect(fake.held?.for).toBe(NEW);
    expect(fake.posted).toHaveLength(1);
  });

  it("says what the server said", async () => {
    const fake = new Fake();
    fake.refusal = { code: "endpoint_taken", text: "another device has it" };
    await expect(register(fake.browser, "x")).rejects.toThrow("another device has it");
  });
});

describe("what a page can tell about push", () => {
  const page = {
    secure: true,
    hasPush: true,
    installed: false,
    apple: false,
    permission: "default" as NotificationPermission | null,
    subscribed: false,
  };

  it.each([
    [{}, "off"],
    [{ secure: false }, "insecure"],
    [{ hasPush: false }, "unsupported"],
    [{ hasPush: false, apple: true }, "install"],
    [{ hasPush: false, apple: true, installed: true }, "unsupported"],
    [{ permission: "denied" as const }, "denied"],
    [{ permission: "granted" as const }, "off"],
    [{ permission: "granted" as const, subscribed: true }, "on"],
  ])("%o is %s", (change, state) => {
    expect(pushStateOf({ ...page, ...change })).toBe(state);
  });
});

describe("names and addresses", () => {
  it("round-trips base64url", () => {
    const bytes = Uint8Array.from({ length: 65 }, (_, i) => (i * 37) & 255);
    expect(fromBase64url(base64url(bytes))).toEqual(bytes);
  });

  it("names a phone so that two can be told apart", () => {
    expect(deviceName("Mozilla/5.0 (iPhone; CPU iPhone OS 18_4 like Mac OS X) Safari/604.1")).toBe(
      "iPhone Safari",
    );
    expect(deviceName("Mozilla/5.0 (Linux; Android 15) Chrome/140 Mobile Safari/537")).toBe("Android Chrome");
    expect(deviceName("")).toBe("Device");
  });

  it("reads the row of an alert and nothing else", () => {
    expect(readOpened("?symbol=BTCUSDT&price=77480.5&alert=3")).toEqual({
      symbol: "BTCUSDT",
      price: 77480.5,
      alert: 3,
    });
    expect(readOpened("?symbol=BTCUSDT&price=1e9&alert=x")).toEqual({
      symbol: "BTCUSDT",
      price: null,
      alert: null,
    });
    for (const search of ["", "?src=pwa", "?symbol=", "?symbol=<b>", "?price=3"])
      expect(readOpened(search)).toBeNull();
  });
});
