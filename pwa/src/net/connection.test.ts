import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { Backoff } from "./backoff.ts";
import { Connection, type ConnectionState, type Socket } from "./connection.ts";

class FakeSocket implements Socket {
  binaryType: BinaryType = "blob";
  onopen: Socket["onopen"] = null;
  onmessage: Socket["onmessage"] = null;
  onclose: Socket["onclose"] = null;
  sent: Uint8Array[] = [];
  closedWith: number | undefined;

  send(data: Uint8Array<ArrayBuffer>): void {
    this.sent.push(data);
  }
  close(code?: number): void {
    this.closedWith = code;
  }
  accept(): void {
    this.onopen?.(new Event("open"));
  }
  say(...bytes: number[]): void {
    this.onmessage?.(new MessageEvent("message", { data: Uint8Array.from(bytes).buffer }));
  }
  die(code = 1006): void {
    this.onclose?.({ code } as CloseEvent);
  }
}

let sockets: FakeSocket[];
let states: ConnectionState[];
let pings: number[];
let watching: boolean[];
let heard: number[][];
let connection: Connection;
let luck: number;

const newest = () => sockets.at(-1) as FakeSocket;

beforeEach(() => {
  vi.useFakeTimers({
    toFake: ["setTimeout", "clearTimeout", "setInterval", "clearInterval", "Date", "performance"],
  });
  [sockets, states, pings, watching, heard, luck] = [[], [], [], [], [], 1];
  connection = new Connection(
    () => {
      sockets.push(new FakeSocket());
      return newest();
    },
    {
      state: (state) => states.push(state),
      message: (bytes) => heard.push([...bytes]),
      ping: (number) => pings.push(number),
      watching: (on) => watching.push(on),
    },
    new Backoff(() => luck),
  );
  connection.start();
});

afterEach(() => {
  vi.useRealTimers();
});

/** Lets time pass as in the app, which looks after its connection once a second. */
const pass = (ms: number, each = () => {}) => {
  for (let passed = 500; passed <= ms; passed += 500) {
    each();
    vi.advanceTimersByTime(500);
    if (passed % 1_000 === 0) connection.tick();
  }
};

/** Lets time pass while the server keeps talking. */
const talkFor = (ms: number) => pass(ms, () => newest().say(0));

describe("connecting", () => {
  it("goes from connecting to open and hands on what it hears", () => {
    newest().accept();
    newest().say(1, 2, 3);
    expect(states).toEqual(["connecting", "open"]);
    expect(heard).toEqual([[1, 2, 3]]);
    expect(newest().binaryType).toBe("arraybuffer");
  });

  it("gives up a socket that hangs for five seconds and tries again", () => {
    vi.advanceTimersByTime(4_999);
    expect(states).toEqual(["connecting"]);
    vi.advanceTimersByTime(1);
    expect(sockets[0]?.closedWith).toBe(1000);
    expect(states).toEqual(["connecting", "waiting"]);
    vi.advanceTimersByTime(500);
    expect(sockets.length).toBe(2);
  });

  it("a socket that was given up is not listened to any more", () => {
    const [first] = sockets;
    vi.advanceTimersByTime(5_500);
    first?.accept();
    first?.say(9);
    expect(states.at(-1)).toBe("connecting");
    expect(heard).toEqual([]);
  });

  it("takes over a socket that is open already, with what it has heard", () => {
    const early = Object.assign(new FakeSocket(), {
      heard: [Uint8Array.of(1, 2).buffer, Uint8Array.of(3).buffer],
    });
    [states, heard] = [[], []];
    new Connection(() => early, {
      state: (state) => states.push(state),
      message: (bytes) => heard.push([...bytes]),
      ping: () => {},
      watching: () => {},
    }).start();
    early.say(4);
    expect(states).toEqual(["connecting", "open"]);
    expect(heard).toEqual([[1, 2], [3], [4]]);
  });

  it("sends only while open, and tells so", () => {
    expect(connection.send(Uint8Array.of(1))).toBe(false);
    newest().accept();
    expect(connection.send(Uint8Array.of(1))).toBe(true);
    expect(newest().sent).toEqual([Uint8Array.of(1)]);
  });
});

describe("coming back", () => {
  it("waits longer each time, at most fifteen seconds, and never stops trying", () => {
    const waits: number[] = [];
    for (let attempt = 0; attempt < 40; attempt++) {
      newest().die();
      const before = sockets.length;
      let waited = 0;
      while (sockets.length === before) {
        vi.advanceTimersByTime(250);
        waited += 250;
      }
      waits.push(waited);
    }
    expect(waits.slice(0, 7)).toEqual([500, 1_000, 2_000, 4_000, 8_000, 15_000, 15_000]);
    expect(new Set(waits.slice(6))).toEqual(new Set([15_000]));
  });

  it("draws the whole wait by lot", () => {
    luck = 0.25;
    newest().die();
    vi.advanceTimersByTime(124);
    expect(sockets.length).toBe(1);
    vi.advanceTimersByTime(1);
    expect(sockets.length).toBe(2);
  });

  it("starts with short waits again once the server has spoken, not merely accepted", () => {
    for (let i = 0; i < 6; i++) {
      newest().die();
      vi.advanceTimersByTime(15_000);
      newest().accept();
    }
    newest().say(0);
    newest().die();
    const before = sockets.length;
    vi.advanceTimersByTime(500);
    expect(sockets.length).toBe(before + 1);
  });

  it("stays away when the server's close code asks for it, until the user wakes it", () => {
    newest().accept();
    newest().die(4_501);
    vi.advanceTimersByTime(600_000);
    expect(states.at(-1)).toBe("refused");
    expect(sockets.length).toBe(1);
    connection.wake();
    expect(sockets.length).toBe(2);
  });

  it("comes back after the other close codes of the server", () => {
    newest().accept();
    newest().die(4_008);
    expect(states.at(-1)).toBe("waiting");
  });
});

describe("being looked at again", () => {
  beforeEach(() => newest().accept());

  it("replaces a socket that does not answer within a second and a half", () => {
    connection.shown();
    expect(pings).toEqual([1]);
    vi.advanceTimersByTime(1_500);
    expect(sockets.length).toBe(2);
    expect(sockets[0]?.closedWith).toBe(1000);
  });

  it("keeps a socket that answers, but not for an answer to an older ping", () => {
    connection.shown();
    connection.answered(1, 0);
    vi.advanceTimersByTime(1_500);
    expect(sockets.length).toBe(1);
    connection.shown();
    connection.answered(1, 0);
    talkFor(1_500);
    expect(sockets.length).toBe(2);
  });

  it("measures the round trip and the server's clock", () => {
    vi.setSystemTime(100_000);
    connection.shown();
    vi.advanceTimersByTime(40);
    connection.answered(1, 100_520);
    expect(connection.facts).toMatchObject({ roundTripMs: 40, clockMs: 500 });
  });

  it("does not wait out a back-off", () => {
    newest().die();
    connection.shown();
    expect(sockets.length).toBe(2);
  });
});

describe("hidden pages", () => {
  beforeEach(() => newest().accept());

  it("stop the data after ten seconds and close after a minute", () => {
    connection.hidden();
    talkFor(9_500);
    expect(watching).toEqual([]);
    talkFor(500);
    expect(watching).toEqual([false]);
    talkFor(50_000);
    expect(states.at(-1)).toBe("hidden");
    vi.advanceTimersByTime(600_000);
    expect(sockets.length).toBe(1);
  });

  it("shown again soon, nothing has happened", () => {
    connection.hidden();
    talkFor(9_000);
    connection.shown();
    connection.answered(1, 0);
    talkFor(120_000);
    expect(watching).toEqual([]);
    expect(sockets.length).toBe(1);
  });

  it("shown again late, data flows again through a new socket", () => {
    connection.hidden();
    talkFor(60_000);
    connection.shown();
    expect(watching).toEqual([false, true]);
    expect(sockets.length).toBe(2);
    expect(states.at(-1)).toBe("connecting");
  });
});

describe("silence", () => {
  beforeEach(() => newest().accept());

  it("of an open socket makes us ask, and replace it when nothing comes", () => {
    pass(6_000);
    expect(pings).toEqual([1]);
    vi.advanceTimersByTime(1_500);
    expect(sockets.length).toBe(2);
  });

  it("a jump of the wall clock makes us ask at once", () => {
    talkFor(1_000);
    vi.setSystemTime(Date.now() + 60_000);
    talkFor(1_000);
    expect(pings).toEqual([1]);
  });

  it("a talking socket is left alone", () => {
    talkFor(30_000);
    expect(pings).toEqual([]);
  });
});
