/** Opens the socket and starts the painter while the app is still on its way: on a slow line that saves both. */

import { newSocket } from "./net/socket.ts";
import { newPainter } from "./paint/start.ts";

const socket = newSocket();
socket.binaryType = "arraybuffer";
socket.onopen = () => {
  socket.heard = [];
};
socket.onmessage = (event) => socket.heard?.push(event.data);
socket.onclose = () => {
  window.earlySocket = undefined;
};
window.earlySocket = socket;

const painter = newPainter("ladder");
painter.onerror = () => {
  window.earlyPainter = undefined;
};
window.earlyPainter = painter;
