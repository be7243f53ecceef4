/** Opens the socket while the app itself is still on its way: on a slow line that saves its whole opening. */

import { newSocket } from "./net/socket.ts";

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
