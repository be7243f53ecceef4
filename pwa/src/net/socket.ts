/** How the page's socket is opened; the page opens its first one before the app is there. */

/** The version of the wire: frames of another one are not read. */
const SUBPROTOCOL = "leadline.v3";

/** A socket opened before the app came: `heard` is there once it is open, with the messages since. */
export interface EarlySocket extends WebSocket {
  heard?: ArrayBuffer[];
}

declare global {
  interface Window {
    earlySocket?: EarlySocket | undefined;
  }
}

export function newSocket(): EarlySocket {
  const address = new URL("/live", location.href);
  address.protocol = location.protocol === "https:" ? "wss:" : "ws:";
  return new WebSocket(address, SUBPROTOCOL);
}

/** Takes the early socket over, once and while it lives; else opens another one. */
export function openSocket(): EarlySocket {
  const early = window.earlySocket;
  window.earlySocket = undefined;
  return early ?? newSocket();
}
