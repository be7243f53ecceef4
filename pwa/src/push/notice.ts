/** What a push message says, read by the service worker. Whatever came, there is something to show. */

export type Way = 1 | 0 | -1;

/** What the server does about an alert when asked. */
export type Offer = "snooze" | "mute" | "mark";

export interface Notice {
  readonly title: string;
  readonly body: string;
  /** An alert with the tag of an older one takes its place. */
  readonly tag: string;
  /** Where a tap leads, below the app's own address. */
  readonly url: string;
  /** "test" for a message that was only to show the way. */
  readonly kind: string;
  /** +1 when it is about what lies or moves up, -1 down, 0 neither: how it sounds. */
  readonly way: Way;
  /** The alert's number on the server; null for a message about none. */
  readonly alert: number | null;
  /** What can be done about it without opening the app, the likeliest first. */
  readonly offers: readonly Offer[];
  /** Alerts not yet opened; null when the message does not say. */
  readonly badge: number | null;
}

/** Shown for a message that cannot be read: the system counts every push that shows nothing. */
const UNREADABLE: Notice = {
  title: "Leadline",
  body: "An alert came that this version cannot read. Open the app.",
  tag: "unreadable",
  url: "/",
  kind: "",
  way: 0,
  alert: null,
  offers: [],
  badge: null,
};

/** Words on a notification's buttons. */
const OFFERED: Readonly<Record<Offer, string>> = {
  snooze: "Snooze 15 min",
  mute: "Mute 8 h",
  mark: "Mark",
};
/** Alerts that are no rule's about a market. */
const NO_OFFERS = ["", "test", "summary", "server"];

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/** Reads the JSON of a message (Declarative Web Push, as the server writes it). */
export function readNotice(text: string): Notice {
  let message: unknown;
  try {
    message = JSON.parse(text);
  } catch {
    return UNREADABLE;
  }
  const told = isRecord(message) ? message.notification : null;
  if (!isRecord(message) || !isRecord(told) || typeof told.title !== "string" || !told.title)
    return UNREADABLE;
  const data = isRecord(told.data) ? told.data : {};
  const badge = message.app_badge;
  const kind = typeof data.kind === "string" ? data.kind : "";
  const url = typeof data.url === "string" ? within(data.url) : "/";
  const alert = Number.isSafeInteger(data.id) && (data.id as number) > 0 ? (data.id as number) : null;
  return {
    title: told.title,
    body: typeof told.body === "string" ? told.body : "",
    tag: typeof told.tag === "string" ? told.tag : "",
    url,
    kind,
    way: data.way === 1 || data.way === -1 ? data.way : 0,
    alert,
    offers: alert === null || NO_OFFERS.includes(kind) ? [] : offersOf(data, url),
    badge: Number.isSafeInteger(badge) && (badge as number) >= 0 ? (badge as number) : null,
  };
}

function offersOf(data: Record<string, unknown>, url: string): readonly Offer[] {
  if (typeof data.symbol !== "string" || !data.symbol) return ["snooze"];
  return /[?&]price=/.test(url) ? ["snooze", "mute", "mark"] : ["snooze", "mute"];
}

/** The buttons of a notification: as many as this browser shows. */
export const buttonsOf = (offers: readonly Offer[], most: number): { action: string; title: string }[] =>
  offers.slice(0, most).map((action) => ({ action, title: OFFERED[action] }));

/** Said when what a button asked for was not done. */
export const notDone = (action: Offer): string => `${OFFERED[action]}: not done. Open the app to try again.`;

/** An address below the app's own; anything that would lead elsewhere leads to the start. */
export function within(url: string): string {
  return /^\/(?![/\\])[\x21-\x7e]*$/.test(url) ? url : "/";
}

/** How a phone shakes, in ms: rising for what is above, falling for what is below. */
export function shaking(way: Way): number[] {
  return { "1": [50, 60, 50, 60, 220], "0": [120], "-1": [220, 60, 50, 60, 50] }[`${way}`];
}

/** The tag of what is shown about a server that has fallen silent, and of the task that looks for it. */
export const SILENCE = "server-silent";

/** What is shown about a server that has not answered since then (Unix ms). */
export function silenceNotice(sinceMs: number): NotificationOptions & { readonly title: string } {
  const since = new Date(sinceMs).toLocaleString("en-GB", {
    weekday: "short",
    hour: "2-digit",
    minute: "2-digit",
  });
  return {
    title: `Leadline has not answered since ${since}`,
    body: "It is down, or this phone cannot reach it from here. While it is down nothing is watched.",
    tag: SILENCE,
    icon: "/icons/icon-192.png",
    data: { url: "/#alerts" },
  };
}
