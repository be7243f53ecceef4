/** How alerts fare: what this browser can do, what the server knows of this phone, and of the other devices. */

import { duration } from "../format.ts";
import { strings } from "../strings.ts";
import type { PushState } from "./client.ts";

/** One device as the server tells it; times are Unix ms. */
export interface DeviceHealth {
  readonly id: number;
  readonly name: string;
  readonly channel: string;
  readonly service: string;
  readonly isThis: boolean;
  /** Its subscription is bound to the server's present key. */
  readonly keyCurrent: boolean;
  readonly lastMs: number | null;
  readonly lastResult: string;
  readonly postMs: number | null;
  readonly deliveredMs: number | null;
}

export interface ServerHealth {
  readonly available: boolean;
  /** Why not, in the server's words; empty when it is. */
  readonly problem: string;
  readonly devices: readonly DeviceHealth[];
  /** The watcher outside that pages when this server stops; null when none is named. */
  readonly watcher: Watcher | null;
}

export interface Watcher {
  readonly host: string;
  /** When it heard of the server last, Unix ms; null before. */
  readonly heardMs: number | null;
  /** Why it does not hear now, in the server's words; empty when it does. */
  readonly problem: string;
}

/** What the page sees by itself. */
export interface PhoneHealth {
  readonly state: PushState;
  readonly installed: boolean;
  /** Names of what this browser lacks: keys of strings.push.lacks. */
  readonly lacks: readonly (keyof typeof strings.push.lacks)[];
  /** Whether the browser looks for the server with the app closed too. */
  readonly looksWhenClosed: boolean;
  /** When the server answered this phone last, Unix ms; null for not yet, or alerts off. */
  readonly heardMs: number | null;
}

export interface HealthRow {
  readonly name: string;
  readonly value: string;
  /** Null: neither good nor bad. */
  readonly good: boolean | null;
}

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value);
const text = (value: unknown): string => (typeof value === "string" ? value : "");
const count = (value: unknown): number | null => (typeof value === "number" ? value : null);

/** Reads the answer of /api/push/health. */
export function readHealth(told: unknown): ServerHealth {
  const answer = isRecord(told) ? told : {};
  const devices = Array.isArray(answer.devices) ? answer.devices.filter(isRecord) : [];
  return {
    available: answer.available === true,
    problem: text(answer.problem),
    devices: devices.map((it) => ({
      id: count(it.id) ?? 0,
      name: text(it.name),
      channel: text(it.channel),
      service: text(it.service),
      isThis: it.this === true,
      keyCurrent: it.key_current === true,
      lastMs: count(it.last_ms),
      lastResult: text(it.last_result),
      postMs: count(it.post_ms),
      deliveredMs: count(it.delivered_ms),
    })),
    watcher: isRecord(answer.heartbeat)
      ? {
          host: text(answer.heartbeat.host),
          heardMs: count(answer.heartbeat.heard_ms),
          problem: text(answer.heartbeat.problem),
        }
      : null,
  };
}

/** The rows about this phone; server null: it was not reached. */
export function phoneRows(phone: PhoneHealth, server: ServerHealth | null, nowMs: number): HealthRow[] {
  const { rows, yes, no } = strings.push;
  const allowed = { on: yes, off: strings.push.notAsked, denied: strings.push.blocked };
  const asked = phone.state === "on" || phone.state === "off" || phone.state === "denied";
  const found: HealthRow[] = [
    { name: rows.installed, value: phone.installed ? yes : no, good: phone.installed || null },
  ];
  if (asked) {
    const state = phone.state as keyof typeof allowed;
    found.push({
      name: rows.allowed,
      value: allowed[state],
      good: state === "on" ? true : state === "off" ? null : false,
    });
  }
  if (server === null) {
    const since = phone.heardMs === null ? "" : duration(Math.max(0, nowMs - phone.heardMs));
    found.push({ name: rows.server, value: strings.push.notReached(since), good: false });
  } else if (!server.available) {
    found.push({ name: rows.server, value: server.problem, good: false });
  } else if (phone.state === "on") {
    const own = server.devices.find((it) => it.isThis);
    found.push({ name: rows.server, value: own ? yes : no, good: own !== undefined });
    if (own) {
      found.push({ name: rows.key, value: own.keyCurrent ? yes : no, good: own.keyCurrent });
      found.push({ name: rows.last, ...lastOf(own, nowMs) });
    }
  }
  if (phone.lacks.length > 0)
    found.push({
      name: rows.lacks,
      value: phone.lacks.map((it) => strings.push.lacks[it]).join(", "),
      good: null,
    });
  return found;
}

/** Who tells when the server itself stops; hasRule: whether a rule waits for that. */
export function stopRows(
  phone: PhoneHealth,
  server: ServerHealth,
  hasRule: boolean,
  nowMs: number,
): HealthRow[] {
  const { stops } = strings.push;
  const on = phone.state === "on";
  const told = on && hasRule;
  return [
    {
      name: stops.inOrder,
      value: told ? stops.atOnce : on ? stops.noRule : stops.nobody,
      good: told || null,
    },
    { name: stops.killed, ...watcherOf(server.watcher, nowMs) },
    {
      name: stops.phone,
      value: !on ? stops.never : phone.looksWhenClosed ? stops.whenClosed : stops.whileOpen,
      good: null,
    },
  ];
}

function watcherOf(watcher: Watcher | null, nowMs: number): Pick<HealthRow, "value" | "good"> {
  const { stops } = strings.push;
  if (!watcher) return { value: stops.noWatcher, good: null };
  if (watcher.problem) return { value: `${watcher.host}: ${watcher.problem}`, good: false };
  if (watcher.heardMs === null) return { value: stops.notYet(watcher.host), good: null };
  return { value: stops.pages(watcher.host, duration(Math.max(0, nowMs - watcher.heardMs))), good: true };
}

/** How the newest message to a device went. */
export function lastOf(device: DeviceHealth, nowMs: number): Pick<HealthRow, "value" | "good"> {
  if (device.lastMs === null) return { value: strings.push.never, good: null };
  const ago = duration(Math.max(0, nowMs - device.lastMs));
  const delivered = device.lastResult === "delivered";
  const result = delivered
    ? strings.push.delivered(device.postMs === null ? "" : `${device.postMs} ms`)
    : device.lastResult;
  return { value: strings.push.ago(result, ago), good: delivered };
}
