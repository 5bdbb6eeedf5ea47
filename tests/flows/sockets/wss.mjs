// Subscribes over TLS as a browser would and prints what came: node wss.mjs URL CA_FILE
import { readFileSync } from 'node:fs';
import WebSocket from 'ws';

const [url, ca] = process.argv.slice(2);
const socket = new WebSocket(url, { ca: readFileSync(ca) });
socket.on('open', () => socket.send(JSON.stringify({ type: 'subscribe' })));
socket.on('message', (data) => {
  console.log(`${socket._socket.getProtocol()} ${data}`);
  socket.close(1000);
});
socket.on('error', (error) => {
  console.log(`error: ${error.message}`);
  process.exit(1);
});
socket.on('close', (code) => {
  console.log(`closed ${code}`);
  process.exit(code === 1000 ? 0 : 1);
});
